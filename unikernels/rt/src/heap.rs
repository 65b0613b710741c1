//! The heap of a qube: `talc` over what the arena has left.
//!
//! It costs nothing until the first allocation, and a qube that never says `extern crate alloc`
//! doesn't contain it. It takes the whole rest of the arena at once, so a qube sets up its heap
//! users after its channels, which the runtime has done before `main`. Running out is a panic of
//! the qube that asked.
//!
//! What is freed is wiped: a container that grew, or a library that never heard of secrets, leaves
//! nothing behind. Growing is a new place, a copy and a wiped old place.

use core::alloc::{GlobalAlloc, Layout};

use talc::TalcCell;
use talc::base::Talc;
use talc::base::binning::{Binning, DefaultBinning};
use talc::cell::TalcSyncCell;
use talc::source::Source;

use crate::arena;

/// The rest of the arena, claimed at the first allocation.
#[derive(Debug)]
struct Rest;

// SAFETY: `acquire` touches the allocator only through the reference it is given, and allocates nothing.
unsafe impl Source for Rest {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, _: Layout) -> Result<(), ()> {
        let (base, bytes) = arena::cut_rest().ok_or(())?;
        // SAFETY: the arena handed these bytes out this once; they are mapped and nobody else's.
        unsafe { talc.claim(base.as_ptr(), bytes) }.map_or(Err(()), |_| Ok(()))
    }
}

/// The allocator, which wipes what comes back.
struct Wiping(TalcSyncCell<Rest, DefaultBinning>);

// SAFETY: as the allocator inside: layouts and pointers are handed on as they come, and `realloc` is the default one, which is
// made of the two below.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about the layout is handed on.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back `layout.size()` bytes at `place`, which nobody else refers to any more.
        unsafe { place.write_bytes(0, layout.size()) };
        // Nobody reads these zeros; they must be written all the same.
        core::hint::black_box(place);
        // SAFETY: the caller's promise about the place is handed on.
        unsafe { self.0.dealloc(place, layout) }
    }
}

// SAFETY: one CPU, no interrupts (see `one_cpu`), and the fault handler doesn't allocate.
#[global_allocator]
static HEAP: Wiping = Wiping(unsafe { TalcSyncCell::new(TalcCell::new(Rest)) });
