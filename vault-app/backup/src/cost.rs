//! From passphrase to key: Argon2id (RFC 9106, version 0x13) on memory that the caller owns.

use vault_app_kdf::{Block, Cost, KEY_SIZE, KdfError};
use zeroize::Zeroizing;

use crate::BackupError;

/// A salt's length in bytes.
pub const SALT_SIZE: usize = 16;

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
        let mut bytes = Zeroizing::new([0; KEY_SIZE]);
        vault_app_kdf::derive(cost, passphrase, &salt, blocks, &mut bytes).map_err(|error| match error {
            KdfError::TooFewBlocks => BackupError::TooFewBlocks,
            // Left to fail: a passphrase of 4 GiB.
            _ => BackupError::WrongPassphrase,
        })?;
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
    fn the_blocks_are_wiped_and_too_few_are_an_error() {
        let cost = Cost::new(32, 1, 2).unwrap();
        let mut blocks = vec![Block::new(); cost.blocks()];
        Key::derive(cost, [1; SALT_SIZE], b"pass", &mut blocks).unwrap();
        assert!(blocks.iter().all(|block| block.as_ref().iter().all(|&word| word == 0)));
        let short = Key::derive(cost, [1; SALT_SIZE], b"pass", &mut blocks[1..]);
        assert_eq!(short.err(), Some(BackupError::TooFewBlocks));
    }
}
