//! What about so many milliseconds cost on this machine.
//!
//! One derivation at [`Cost::FLOOR`] is measured. What the target allows beyond goes into memory first, as that is what an
//! attacker's hardware pays most for, then into passes. Time grows with memory times passes; a larger memory misses the
//! processor's caches more often, so the result may take somewhat longer than the target.

use argon2::Block;
use zeroize::Zeroize;

use crate::cost::{MEMORY_MAX_KIB, PASSES_MAX, WORK_MAX_KIB};
use crate::{Cost, KEY_SIZE, KdfError, derive};

/// Chooses a cost of about `target_ms`, never below [`Cost::FLOOR`] and never beyond the blocks there are. `clock` gives
/// milliseconds from any start. The blocks are wiped.
///
/// # Errors
/// [`KdfError::TooFewBlocks`] when not even the floor has room, [`KdfError::ClockStopped`].
pub fn calibrate(
    mut clock: impl FnMut() -> u64,
    blocks: &mut [Block],
    target_ms: u64,
) -> Result<Cost, KdfError> {
    let mut key = [0; KEY_SIZE];
    let start = clock();
    derive(Cost::FLOOR, b"calibrate", &[0; 16], blocks, &mut key)?;
    let taken_ms = clock().saturating_sub(start);
    key.zeroize();
    scale(taken_ms, target_ms, blocks.len())
}

/// The cost of `target_ms` when the floor takes `taken_ms`.
fn scale(taken_ms: u64, target_ms: u64, blocks: usize) -> Result<Cost, KdfError> {
    if taken_ms == 0 {
        return Err(KdfError::ClockStopped);
    }
    let floor = Cost::FLOOR;
    let work_kib = (floor.work_kib().saturating_mul(target_ms) / taken_ms).min(WORK_MAX_KIB);
    let room = u32::try_from(blocks).unwrap_or(u32::MAX).min(MEMORY_MAX_KIB);
    let memory = u32::try_from(work_kib / u64::from(floor.passes())).unwrap_or(u32::MAX);
    let memory = memory.clamp(floor.memory_kib(), room.max(floor.memory_kib()));
    let passes = u32::try_from(work_kib / u64::from(memory)).unwrap_or(u32::MAX);
    Cost::new(memory, passes.clamp(floor.passes(), PASSES_MAX), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROOM: usize = 64 * 1024;

    fn named(memory_mib: u32, passes: u32) -> Result<Cost, KdfError> {
        Cost::new(memory_mib * 1024, passes, 1)
    }

    #[test]
    fn memory_grows_first_and_then_passes() {
        assert_eq!(scale(100, 100, ROOM), Ok(Cost::FLOOR));
        assert_eq!(scale(100, 200, ROOM), named(38, 2));
        assert_eq!(scale(100, 1000, ROOM), named(64, 5));
        assert_eq!(scale(19, 1000, ROOM), named(64, 31));
        assert_eq!(scale(100, 1000, 256 * 1024), named(190, 2));
    }

    #[test]
    fn a_slow_machine_gets_the_floor() {
        assert_eq!(scale(5000, 1000, ROOM), Ok(Cost::FLOOR));
        assert_eq!(scale(u64::MAX, 0, ROOM), Ok(Cost::FLOOR));
    }

    #[test]
    fn the_blocks_there_are_are_enough() {
        let mut blocks = vec![Block::new(); Cost::FLOOR.blocks() + 100];
        let mut times = [0, 40].into_iter();
        let cost = calibrate(|| times.next().unwrap(), &mut blocks, 1000).unwrap();
        assert_eq!((cost.memory_kib(), cost.passes()), (19 * 1024 + 100, 49));
        assert!(blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[test]
    fn too_few_blocks_and_a_clock_that_stands_or_goes_back_are_errors() {
        let mut blocks = vec![Block::new(); Cost::FLOOR.blocks()];
        let mut with = |times: [u64; 2], len: usize| {
            let mut times = times.into_iter();
            calibrate(|| times.next().unwrap(), &mut blocks[..len], 1000)
        };
        assert_eq!(with([0, 50], Cost::FLOOR.blocks() - 1), Err(KdfError::TooFewBlocks));
        assert_eq!(with([7, 7], Cost::FLOOR.blocks()), Err(KdfError::ClockStopped));
        assert_eq!(with([7, 6], Cost::FLOOR.blocks()), Err(KdfError::ClockStopped));
    }

    proptest! {
        #[test]
        fn a_cost_is_within_floor_blocks_and_target(
            taken in 1..10_000_u64, target in 0..1_000_000_u64, room in 19 * 1024..300 * 1024_usize,
        ) {
            let cost = scale(taken, target, room).unwrap();
            prop_assert!(cost.reaches_floor() && cost.blocks() <= room && cost.lanes() == 1);
            let estimate = cost.work_kib() * taken / Cost::FLOOR.work_kib();
            prop_assert!(cost == Cost::FLOOR || estimate <= target);
            let next = cost.work_kib() + u64::from(cost.memory_kib());
            let capped = next > WORK_MAX_KIB;
            prop_assert!(capped || next * taken / Cost::FLOOR.work_kib() >= target);
        }
    }
}
