//! Sealing chunks: ChaCha20-Poly1305 (RFC 8439) with the number of the chunk and whether it is the last one as the nonce.
//!
//! The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015): a chunk opens at its place and nowhere else, and
//! only the last one opens as the last. The key is the file's own: HMAC-SHA256 of the header under the passphrase's key. So
//! two files never share a key even when passphrase and salt are the same, as long as their ids differ, and a number is
//! never used twice with one key. Number 0 seals the header.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::cost::Key;
use crate::header::PLAIN_SIZE;

/// A tag's length in bytes.
pub(crate) const TAG_SIZE: usize = 16;
/// Longest chunk of a file in bytes, with its tag: every chunk but the last has this length.
pub const CHUNK_MAX: usize = 32 * 1024;
/// Longest plaintext of a chunk.
pub(crate) const PLAIN_MAX: usize = CHUNK_MAX - TAG_SIZE;

/// Where a chunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// More follow.
    Inner,
    /// None follows.
    Last,
}

/// The chunk is not what was sealed at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenError;

/// The cipher of one file. Its key is wiped when dropped.
pub(crate) struct Cipher(ChaCha20Poly1305);

impl Cipher {
    /// The cipher of the file with this header.
    pub(crate) fn new(key: &Key, header: &[u8; PLAIN_SIZE]) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(key.bytes.as_slice()).expect("HMAC takes keys of any length");
        mac.update(header);
        let mut file_key = Zeroizing::new([0; 32]);
        file_key.copy_from_slice(&mac.finalize().into_bytes());
        Self(ChaCha20Poly1305::new((&*file_key).into()))
    }

    /// Encrypts `plain` in place and returns its tag. `number` must not have been used before.
    pub(crate) fn seal(&self, number: u64, place: Place, plain: &mut [u8]) -> [u8; TAG_SIZE] {
        self.0
            .encrypt_inout_detached(&nonce(number, place).into(), &[], plain.into())
            .expect("a chunk is far below the 256 GiB this cipher takes")
            .into()
    }

    /// Decrypts `sealed`, which ends with its tag, in place and returns the plaintext.
    ///
    /// # Errors
    /// [`OpenError`]; `sealed` is unchanged then.
    pub(crate) fn open<'a>(
        &self,
        number: u64,
        place: Place,
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError> {
        let (plain, tag) = sealed.split_last_chunk_mut::<TAG_SIZE>().ok_or(OpenError)?;
        self.0
            .decrypt_inout_detached(&nonce(number, place).into(), &[], (&mut *plain).into(), (&*tag).into())
            .map_err(|_| OpenError)?;
        Ok(plain)
    }
}

/// The nonce: the number, then 1 for the last chunk and 0 for others. Little endian.
fn nonce(number: u64, place: Place) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&number.to_le_bytes());
    nonce[8] = u8::from(place == Place::Last);
    nonce
}
