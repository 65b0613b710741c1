//! What a derivation costs, within the caps.

use argon2::Params;

use crate::KdfError;

/// Most memory in KiB, 256 MiB: without this cap a file could ask for all of the machine's.
pub const MEMORY_MAX_KIB: u32 = 256 * 1024;
/// Most passes over the memory: a file could ask for years otherwise.
pub const PASSES_MAX: u32 = 1 << 16;
/// Most lanes.
pub const LANES_MAX: u32 = 8;
/// Most memory times passes, in KiB: 256 MiB 256 times is minutes. The other caps together would be a day.
pub const WORK_MAX_KIB: u64 = 1 << 26;

/// What one derivation costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The least that anything new is sealed with: 19 MiB, 2 passes, 1 lane (OWASP's minimum for Argon2id).
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
    /// What is sealed without measuring: 64 MiB, 3 passes, 1 lane (the second choice of RFC 9106, in one lane).
    pub const FULL: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// A cost within the caps: 8 KiB a lane to 256 MiB, 1 to 65,536 passes, 1 to 8 lanes, and at most [`WORK_MAX_KIB`].
    /// Less than [`Cost::FLOOR`] is for files of others and for tests.
    ///
    /// # Errors
    /// [`KdfError::CostRefused`].
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, KdfError> {
        if lanes == 0 || lanes > LANES_MAX || passes == 0 || passes > PASSES_MAX {
            return Err(KdfError::CostRefused);
        }
        if memory_kib < Params::MIN_M_COST * lanes || memory_kib > MEMORY_MAX_KIB {
            return Err(KdfError::CostRefused);
        }
        let cost = Self { memory_kib, passes, lanes };
        if cost.work_kib() > WORK_MAX_KIB { Err(KdfError::CostRefused) } else { Ok(cost) }
    }

    /// Memory in KiB.
    #[must_use]
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub const fn lanes(self) -> u32 {
        self.lanes
    }

    /// How many [`Block`](crate::Block)s of 1 KiB a derivation needs.
    #[must_use]
    pub const fn blocks(self) -> usize {
        self.memory_kib as usize
    }

    /// Memory in KiB times passes: what the time grows with.
    #[must_use]
    pub const fn work_kib(self) -> u64 {
        self.memory_kib as u64 * self.passes as u64
    }

    /// Whether it is at least [`Cost::FLOOR`] in memory and in passes.
    #[must_use]
    pub const fn reaches_floor(self) -> bool {
        self.memory_kib >= Self::FLOOR.memory_kib && self.passes >= Self::FLOOR.passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_beyond_the_caps_cannot_be_named() {
        for (memory_kib, passes, lanes) in [
            (7, 1, 1),
            (15, 1, 2),
            (63, 1, 8),
            (0, 1, 1),
            (MEMORY_MAX_KIB + 1, 1, 1),
            (u32::MAX, u32::MAX, u32::MAX),
            (64, 0, 1),
            (64, PASSES_MAX + 1, 1),
            (64, 1, 0),
            (1024, 1, LANES_MAX + 1),
            (MEMORY_MAX_KIB, 257, 1),
            (1025, PASSES_MAX, 1),
        ] {
            assert_eq!(Cost::new(memory_kib, passes, lanes), Err(KdfError::CostRefused));
        }
    }

    #[test]
    fn costs_up_to_the_caps_can() {
        for (memory_kib, passes, lanes) in
            [(8, 1, 1), (64, 1, 8), (MEMORY_MAX_KIB, 256, LANES_MAX), (1024, PASSES_MAX, LANES_MAX)]
        {
            let cost = Cost::new(memory_kib, passes, lanes).unwrap();
            assert_eq!((cost.memory_kib(), cost.passes(), cost.lanes()), (memory_kib, passes, lanes));
            assert_eq!(cost.blocks(), memory_kib as usize);
        }
        assert_eq!(Cost::new(64 * 1024, 3, 1), Ok(Cost::FULL));
        assert_eq!(Cost::new(19 * 1024, 2, 1), Ok(Cost::FLOOR));
    }

    #[test]
    fn the_floor_is_one_of_memory_and_of_passes() {
        assert!(Cost::FLOOR.reaches_floor() && Cost::FULL.reaches_floor());
        assert!(!Cost::new(19 * 1024 - 1, 1000, 1).unwrap().reaches_floor());
        assert!(!Cost::new(MEMORY_MAX_KIB, 1, 1).unwrap().reaches_floor());
    }
}
