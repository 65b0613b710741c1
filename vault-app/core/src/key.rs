//! From passphrase to key: Argon2id (RFC 9106) on memory the caller owns.
//!
//! [`Cost::FULL`] is what a vault uses: 64 MiB, three passes, one lane. The cost is capped by construction, so a cost read
//! from somewhere can neither starve the qube nor be asked to do more than the caller's blocks hold. The blocks are wiped
//! after every derivation, also a failed one: they hold what the key is made of.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroize;

pub use argon2::Block;

/// A key's length in bytes.
pub const KEY_SIZE: usize = 32;
/// A salt's length in bytes (RFC 9106 section 3.1 recommends 16).
pub const SALT_SIZE: usize = 16;

/// The most memory a derivation may use: the blocks the qube has.
const MEMORY_MAX_KIB: u32 = 64 * 1024;
/// The most passes over the memory: keeps one attempt within some ten seconds on a slow machine.
const PASSES_MAX: u32 = 10;

/// What one derivation costs. One lane always: a qube has one processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Cost {
    /// What the vault uses: 64 MiB, 3 passes, 1 lane.
    pub const FULL: Self = Self { memory_kib: MEMORY_MAX_KIB, passes: 3 };

    /// A cost within the caps: 8 KiB to 64 MiB, 1 to 10 passes. Less than [`Cost::FULL`] is for tests.
    #[must_use]
    pub const fn new(memory_kib: u32, passes: u32) -> Option<Self> {
        if memory_kib < Params::MIN_M_COST || memory_kib > MEMORY_MAX_KIB || passes < 1 || passes > PASSES_MAX
        {
            return None;
        }
        Some(Self { memory_kib, passes })
    }

    /// How many [`Block`]s of 1 KiB a derivation needs.
    #[must_use]
    pub const fn blocks(self) -> usize {
        self.memory_kib as usize
    }

    /// Memory in KiB, passes and lanes, as the sealed data is bound to them.
    pub(crate) fn to_le_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.memory_kib.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.passes.to_le_bytes());
        bytes[8..].copy_from_slice(&1_u32.to_le_bytes());
        bytes
    }
}

/// A key could not be derived: the caller gave fewer blocks than the cost needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeriveError;

/// Derives a key into `key` and wipes `blocks`.
///
/// # Errors
/// [`DeriveError`] when `blocks` is shorter than [`Cost::blocks`]; `key` is all zero then.
pub(crate) fn derive(
    cost: Cost,
    passphrase: &[u8],
    salt: &[u8; SALT_SIZE],
    blocks: &mut [Block],
    key: &mut [u8; KEY_SIZE],
) -> Result<(), DeriveError> {
    let derived = Params::new(cost.memory_kib, cost.passes, 1, Some(KEY_SIZE)).and_then(|params| {
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_into_with_memory(passphrase, salt, key, &mut *blocks)
    });
    for block in blocks.iter_mut().take(cost.blocks()) {
        block.zeroize();
    }
    derived.map_err(|_| {
        key.zeroize();
        DeriveError
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;

    const SMALL: Cost = Cost::new(32, 3).unwrap();

    fn key(cost: Cost, passphrase: &[u8], salt: u8) -> [u8; KEY_SIZE] {
        let mut blocks = vec![Block::new(); cost.blocks()];
        let mut key = [0; KEY_SIZE];
        derive(cost, passphrase, &[salt; SALT_SIZE], &mut blocks, &mut key).unwrap();
        key
    }

    #[test]
    fn the_key_is_the_one_the_reference_implementation_gives() {
        // OpenSSL 4.0.0, through python3-cryptography: Argon2id(salt=b"\2" * 16, length=32, iterations=3, lanes=1,
        // memory_cost=32).derive(b"password").
        assert_eq!(key(SMALL, b"password", 2), REFERENCE);
    }

    const REFERENCE: [u8; 32] = [
        91, 131, 149, 97, 53, 66, 125, 120, 198, 224, 187, 106, 158, 27, 78, 107, 5, 27, 3, 29, 125, 178,
        181, 186, 196, 122, 123, 116, 170, 114, 112, 118,
    ];

    #[test]
    fn passphrase_salt_memory_and_passes_all_matter() {
        let base = key(SMALL, b"one", 1);
        assert_eq!(base, key(SMALL, b"one", 1));
        assert_ne!(base, key(SMALL, b"two", 1));
        assert_ne!(base, key(SMALL, b"one", 2));
        assert_ne!(base, key(Cost::new(40, 3).unwrap(), b"one", 1));
        assert_ne!(base, key(Cost::new(32, 4).unwrap(), b"one", 1));
    }

    #[test]
    fn the_blocks_are_wiped_after_a_derivation() {
        let mut blocks = vec![Block::new(); SMALL.blocks()];
        derive(SMALL, b"pass", &[0; SALT_SIZE], &mut blocks, &mut [0; KEY_SIZE]).unwrap();
        assert!(blocks.iter().all(|block| block.as_ref().iter().all(|&word| word == 0)));
    }

    #[test]
    fn too_few_blocks_are_an_error_and_no_key() {
        let mut blocks = vec![Block::new(); SMALL.blocks() - 1];
        let mut key = [7; KEY_SIZE];
        assert_eq!(derive(SMALL, b"pass", &[0; SALT_SIZE], &mut blocks, &mut key), Err(DeriveError));
        assert_eq!(key, [0; KEY_SIZE]);
    }

    #[test]
    fn a_cost_beyond_the_caps_cannot_be_named() {
        for (memory_kib, passes) in [(7, 3), (65_537, 3), (u32::MAX, 1), (64, 0), (64, 11)] {
            assert_eq!(Cost::new(memory_kib, passes), None);
        }
        assert_eq!(Cost::new(65_536, 3), Some(Cost::FULL));
    }
}
