//! Sealing: XChaCha20-Poly1305, in place, with the tag kept beside.
//!
//! The nonce is 192 random bits drawn by the caller for each sealing; it must never be used twice with one key. The
//! associated data binds what the key was made from, so nobody can hand us sealed bytes with a cheaper cost beside them.
//! Opening checks the tag first and decrypts only then: after a wrong key the buffer is what it was.

use crate::key::{Cost, KEY_SIZE, SALT_SIZE};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

/// A nonce's length in bytes.
pub(crate) const NONCE_SIZE: usize = 24;
/// A tag's length in bytes.
pub(crate) const TAG_SIZE: usize = 16;

/// Names what is sealed and the version of its layout.
const CONTEXT: [u8; 8] = *b"skepvlt1";
const CONTEXT_SIZE: usize = CONTEXT.len() + SALT_SIZE + 12;

/// The key doesn't fit, or the sealed bytes are not what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenError;

/// The associated data: version of the layout, salt, cost.
fn context(salt: &[u8; SALT_SIZE], cost: Cost) -> [u8; CONTEXT_SIZE] {
    let mut bytes = [0; CONTEXT_SIZE];
    bytes[..8].copy_from_slice(&CONTEXT);
    bytes[8..8 + SALT_SIZE].copy_from_slice(salt);
    bytes[8 + SALT_SIZE..].copy_from_slice(&cost.to_le_bytes());
    bytes
}

/// Encrypts `bytes` in place and returns the tag.
pub(crate) fn seal(
    key: &[u8; KEY_SIZE],
    nonce: &[u8; NONCE_SIZE],
    salt: &[u8; SALT_SIZE],
    cost: Cost,
    bytes: &mut [u8],
) -> [u8; TAG_SIZE] {
    XChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(nonce.into(), &context(salt, cost), bytes.into())
        .expect("the store is far below the 256 GiB this cipher takes")
        .into()
}

/// Decrypts `bytes` in place.
///
/// # Errors
/// [`OpenError`]; `bytes` is unchanged then.
pub(crate) fn open(
    key: &[u8; KEY_SIZE],
    nonce: &[u8; NONCE_SIZE],
    tag: &[u8; TAG_SIZE],
    salt: &[u8; SALT_SIZE],
    cost: Cost,
    bytes: &mut [u8],
) -> Result<(), OpenError> {
    XChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(nonce.into(), &context(salt, cost), bytes.into(), tag.into())
        .map_err(|_| OpenError)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; KEY_SIZE] = [1; KEY_SIZE];
    const NONCE: [u8; NONCE_SIZE] = [2; NONCE_SIZE];
    const SALT: [u8; SALT_SIZE] = [3; SALT_SIZE];
    const PLAIN: [u8; 100] = [0x55; 100];

    #[test]
    fn what_is_sealed_opens_again() {
        let mut bytes = PLAIN;
        let tag = seal(&KEY, &NONCE, &SALT, Cost::FULL, &mut bytes);
        assert_ne!(bytes, PLAIN);
        assert_eq!(open(&KEY, &NONCE, &tag, &SALT, Cost::FULL, &mut bytes), Ok(()));
        assert_eq!(bytes, PLAIN);
    }

    #[test]
    fn a_change_anywhere_is_refused_and_leaves_the_sealed_bytes_alone() {
        let mut sealed = PLAIN;
        let tag = seal(&KEY, &NONCE, &SALT, Cost::FULL, &mut sealed);
        let cheap = Cost::new(8, 1).unwrap();
        let mut other_nonce = NONCE;
        other_nonce[23] ^= 1;
        let mut other_tag = tag;
        other_tag[0] ^= 1;
        let attempts = [
            ([9; KEY_SIZE], NONCE, tag, SALT, Cost::FULL),
            (KEY, other_nonce, tag, SALT, Cost::FULL),
            (KEY, NONCE, other_tag, SALT, Cost::FULL),
            (KEY, NONCE, tag, [4; SALT_SIZE], Cost::FULL),
            (KEY, NONCE, tag, SALT, cheap),
        ];
        for (key, nonce, tag, salt, cost) in attempts {
            let mut bytes = sealed;
            assert_eq!(open(&key, &nonce, &tag, &salt, cost, &mut bytes), Err(OpenError));
            assert_eq!(bytes, sealed);
        }
        for at in 0..sealed.len() {
            let mut bytes = sealed;
            bytes[at] ^= 0x80;
            assert_eq!(open(&KEY, &NONCE, &tag, &SALT, Cost::FULL, &mut bytes), Err(OpenError));
        }
    }
}
