//! From passphrase to key: Argon2id (RFC 9106, version 0x13) on memory that the caller owns.
//!
//! A cost is capped by construction. So a cost read from a file is refused before a block of memory is asked for, and
//! whoever has a [`Cost`] knows that [`Cost::blocks`] is at most 256 MiB.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use crate::BackupError;

/// A salt's length in bytes.
pub const SALT_SIZE: usize = 16;
/// A key's length in bytes.
pub(crate) const KEY_SIZE: usize = 32;

/// Most memory in KiB, 256 MiB: without this cap a file could ask for all of the machine's.
pub const MEMORY_MAX_KIB: u32 = 256 * 1024;
/// Most passes: a file could ask for years otherwise. At this cap it still asks for hours; who opens files of strangers
/// shows [`Cost`] to the user first.
pub const PASSES_MAX: u32 = 1 << 16;
/// Most lanes.
pub const LANES_MAX: u32 = 8;

/// What one derivation costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// What a backup should be written with: 64 MiB, 3 passes, one lane. A file can be attacked at leisure.
    pub const FULL: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// A cost within the caps: 8 KiB a lane to 256 MiB, 1 to 65,536 passes, 1 to 8 lanes.
    ///
    /// # Errors
    /// [`BackupError::CostRefused`].
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, BackupError> {
        if lanes == 0 || lanes > LANES_MAX || passes == 0 || passes > PASSES_MAX {
            return Err(BackupError::CostRefused);
        }
        if memory_kib < Params::MIN_M_COST * lanes || memory_kib > MEMORY_MAX_KIB {
            return Err(BackupError::CostRefused);
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// How many [`Block`]s of 1 KiB a derivation needs.
    #[must_use]
    pub const fn blocks(self) -> usize {
        self.memory_kib as usize
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
}

/// What a passphrase became. Any number of backups may be written with one: each file has a key of its own below it.
pub struct Key {
    pub(crate) cost: Cost,
    pub(crate) salt: [u8; SALT_SIZE],
    pub(crate) bytes: Zeroizing<[u8; KEY_SIZE]>,
}

impl Key {
    /// Derives a key and wipes `blocks`. The salt must be drawn at random.
    ///
    /// # Errors
    /// [`BackupError::TooFewBlocks`] when there are fewer than [`Cost::blocks`].
    pub fn derive(
        cost: Cost,
        salt: [u8; SALT_SIZE],
        passphrase: &[u8],
        blocks: &mut [Block],
    ) -> Result<Self, BackupError> {
        let blocks = blocks.get_mut(..cost.blocks()).ok_or(BackupError::TooFewBlocks)?;
        let mut bytes = Zeroizing::new([0; KEY_SIZE]);
        let derived =
            Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_SIZE)).and_then(|params| {
                let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                argon.hash_password_into_with_memory(passphrase, &salt, bytes.as_mut(), &mut *blocks)
            });
        blocks.iter_mut().for_each(Zeroize::zeroize);
        // Left to fail: a passphrase of 4 GiB.
        derived.map_err(|_| BackupError::WrongPassphrase)?;
        Ok(Self { cost, salt, bytes })
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Key({:?}, ***)", self.cost)
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
            (0, 1, 1),
            (MEMORY_MAX_KIB + 1, 1, 1),
            (u32::MAX, 1, 1),
            (64, 0, 1),
            (64, PASSES_MAX + 1, 1),
            (64, 1, 0),
            (1024, 1, LANES_MAX + 1),
            (1024, 1, u32::MAX),
        ] {
            assert_eq!(Cost::new(memory_kib, passes, lanes), Err(BackupError::CostRefused));
        }
        assert!(Cost::new(MEMORY_MAX_KIB, PASSES_MAX, LANES_MAX).is_ok());
        assert_eq!(Cost::new(64 * 1024, 3, 1), Ok(Cost::FULL));
    }

    #[test]
    fn the_blocks_are_wiped_and_too_few_are_an_error() {
        let cost = Cost::new(32, 1, 2).unwrap();
        let mut blocks = vec![Block::new(); cost.blocks()];
        Key::derive(cost, [1; SALT_SIZE], b"pass", &mut blocks).unwrap();
        assert!(blocks.iter().all(|block| block.as_ref().iter().all(|&word| word == 0)));
        let short = Key::derive(cost, [1; SALT_SIZE], b"pass", &mut blocks[1..]);
        assert_eq!(short.err(), Some(BackupError::TooFewBlocks));
    }
}
