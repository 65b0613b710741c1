//! One derivation, and wiping after it.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

use crate::{Cost, KdfError};

/// A key's length in bytes.
pub const KEY_SIZE: usize = 32;

/// Which Argon2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgonKind {
    /// Argon2d: what KeePass takes by default.
    D,
    /// Argon2id: better where others can watch the machine's caches. What we write.
    Id,
}

/// Derives a key by Argon2id, version 0x13, and wipes the blocks used.
///
/// # Errors
/// As [`derive_with`].
pub fn derive(
    cost: Cost,
    passphrase: &[u8],
    salt: &[u8],
    blocks: &mut [Block],
    key: &mut [u8; KEY_SIZE],
) -> Result<(), KdfError> {
    derive_with((ArgonKind::Id, Version::V0x13), cost, passphrase, salt, blocks, key)
}

/// Derives a key by the Argon2 of a kind and version, as files of others ask for, and wipes the blocks used.
///
/// # Errors
/// [`KdfError::TooFewBlocks`] when there are fewer than [`Cost::blocks`], [`KdfError::Input`]; `key` is all zero then.
pub fn derive_with(
    (kind, version): (ArgonKind, Version),
    cost: Cost,
    passphrase: &[u8],
    salt: &[u8],
    blocks: &mut [Block],
    key: &mut [u8; KEY_SIZE],
) -> Result<(), KdfError> {
    key.zeroize();
    let blocks = blocks.get_mut(..cost.blocks()).ok_or(KdfError::TooFewBlocks)?;
    let algorithm = match kind {
        ArgonKind::D => Algorithm::Argon2d,
        ArgonKind::Id => Algorithm::Argon2id,
    };
    let derived =
        Params::new(cost.memory_kib(), cost.passes(), cost.lanes(), Some(KEY_SIZE)).and_then(|params| {
            let argon = Argon2::new(algorithm, version, params);
            argon.hash_password_into_with_memory(passphrase, salt, key, &mut *blocks)
        });
    blocks.iter_mut().for_each(Zeroize::zeroize);
    derived.map_err(|_| {
        key.zeroize();
        KdfError::Input
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(cost: Cost, passphrase: &[u8], salt: u8) -> [u8; KEY_SIZE] {
        let mut key = [0; KEY_SIZE];
        derive(cost, passphrase, &[salt; 16], &mut vec![Block::new(); cost.blocks()], &mut key).unwrap();
        key
    }

    #[test]
    fn keys_are_those_of_the_rfcs_algorithm() {
        // OpenSSL 4.0.0, through python3-cryptography: Argon2id(salt=b"\2" * 16, length=32, iterations=3, lanes=1,
        // memory_cost=32).derive(b"password").
        let id = [
            91, 131, 149, 97, 53, 66, 125, 120, 198, 224, 187, 106, 158, 27, 78, 107, 5, 27, 3, 29, 125, 178,
            181, 186, 196, 122, 123, 116, 170, 114, 112, 118,
        ];
        let cost = Cost::new(32, 3, 1).unwrap();
        assert_eq!(key(cost, b"password", 2), id);
        let mut d = [0; KEY_SIZE];
        let kind = (ArgonKind::D, Version::V0x13);
        derive_with(kind, cost, b"password", &[2; 16], &mut vec![Block::new(); 32], &mut d).unwrap();
        assert_ne!(d, id);
    }

    #[test]
    fn passphrase_salt_memory_passes_and_lanes_all_matter() {
        let cost = |memory, passes, lanes| Cost::new(memory, passes, lanes).unwrap();
        let base = key(cost(32, 3, 1), b"one", 1);
        assert_eq!(base, key(cost(32, 3, 1), b"one", 1));
        assert_ne!(base, key(cost(32, 3, 1), b"two", 1));
        assert_ne!(base, key(cost(32, 3, 1), b"one", 2));
        assert_ne!(base, key(cost(40, 3, 1), b"one", 1));
        assert_ne!(base, key(cost(32, 4, 1), b"one", 1));
        assert_ne!(base, key(cost(32, 3, 2), b"one", 1));
    }

    #[test]
    fn blocks_are_wiped_after_a_derivation_and_after_a_failed_one() {
        let zero = |blocks: &[Block]| blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0));
        let cost = Cost::new(32, 1, 2).unwrap();
        for salt in [&[1; 16][..], b"short"] {
            let mut blocks = vec![Block::new(); 32];
            blocks.iter_mut().for_each(|block| block.as_mut()[0] = 7);
            let mut key = [7; KEY_SIZE];
            let derived = derive(cost, b"pass", salt, &mut blocks, &mut key);
            assert_eq!(derived, if salt.len() < 8 { Err(KdfError::Input) } else { Ok(()) });
            assert_eq!(key == [0; KEY_SIZE], derived.is_err());
            assert!(zero(&blocks));
        }
    }

    #[test]
    fn too_few_blocks_are_an_error_and_no_key() {
        let cost = Cost::new(32, 1, 1).unwrap();
        let mut key = [7; KEY_SIZE];
        let derived = derive(cost, b"pass", &[0; 16], &mut vec![Block::new(); 31], &mut key);
        assert_eq!((derived, key), (Err(KdfError::TooFewBlocks), [0; KEY_SIZE]));
    }
}
