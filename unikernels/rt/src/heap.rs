//! The heap of a qube: `talc` over what the arena has left.
//!
//! It costs nothing until the first allocation, and a qube that never says `extern crate alloc`
//! doesn't contain it. It takes the whole rest of the arena at once, so a qube sets up its heap
//! users after its channels, which the runtime has done before `main`. Running out is a panic of
//! the qube that asked.

use core::alloc::Layout;

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

// SAFETY: one CPU, no interrupts (see `one_cpu`), and the fault handler doesn't allocate.
#[global_allocator]
static HEAP: TalcSyncCell<Rest, DefaultBinning> = unsafe { TalcSyncCell::new(TalcCell::new(Rest)) };
