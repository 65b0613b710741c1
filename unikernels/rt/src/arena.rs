//! The arena: the qube's free memory, from which queues, message buffers and the heap are cut.
//!
//! It only ever grows into its range and nothing is given back, because queues and pools live as
//! long as the qube. Every piece is handed out once, so it aliases nothing. The memory is zero:
//! the supervisor clears it before each life.

use core::cell::Cell;
use core::ops::Range;
use core::ptr::NonNull;

use crate::one_cpu::OneCpu;

const PAGE: usize = 4096;
/// Kept from the heap for queues set up after it: the entropy device has one queue of two pages.
const RESERVE: usize = 4 * PAGE;

/// What is left, as addresses. Empty until [`start`], and for ever without an info page.
static LEFT: OneCpu<Cell<(usize, usize)>> = OneCpu::new(Cell::new((0, 0)));

/// Takes over the range the info page names.
pub(crate) fn start(range: Range<u64>) {
    let bound = |address| usize::try_from(address).unwrap_or(0);
    LEFT.get().set((bound(range.start), bound(range.end)));
}

/// Cuts off `bytes` at an alignment, a power of two. `None` if so much is not left.
pub(crate) fn cut(bytes: usize, align: usize) -> Option<NonNull<u8>> {
    let (start, end) = LEFT.get().get();
    let at = start.checked_next_multiple_of(align)?;
    let next = at.checked_add(bytes)?;
    if next > end {
        return None;
    }
    LEFT.get().set((next, end));
    // Memory is mapped one to one, and no Rust object is in the arena yet.
    NonNull::new(core::ptr::with_exposed_provenance_mut(at))
}

/// Cuts off all that is left but a small reserve: the heap's share.
pub(crate) fn cut_rest() -> Option<(NonNull<u8>, usize)> {
    let (start, end) = LEFT.get().get();
    let at = start.checked_next_multiple_of(PAGE)?;
    let bytes = end.checked_sub(at)?.checked_sub(RESERVE)?;
    Some((cut(bytes, PAGE)?, bytes))
}

/// How much [`cut_rest`] would give now, at least.
pub(crate) fn left() -> usize {
    let (start, end) = LEFT.get().get();
    end.saturating_sub(start).saturating_sub(RESERVE + PAGE)
}

/// Moves a value into the arena for the life of the qube.
pub(crate) fn place<T>(value: T) -> Option<&'static mut T> {
    let mut place = cut(size_of::<T>(), align_of::<T>())?.cast::<T>();
    // SAFETY: the piece is large enough, aligned, mapped writable, and nobody else's.
    unsafe { place.write(value) };
    // SAFETY: it holds a value now, and the piece was handed out this once.
    Some(unsafe { place.as_mut() })
}
