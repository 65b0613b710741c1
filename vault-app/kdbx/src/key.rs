//! Composite key, and the keys of cipher and HMAC that come from it.

use core::fmt;

use alloc::vec::Vec;
use hmac::{Hmac, KeyInit, Mac};
use ipc_proto_types::Secret;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroize;

use crate::error::KdbxError;
use crate::key_file;

/// What opens a database: a passphrase, a key file, or both.
pub struct CompositeKey {
    composite: Secret<[u8; 32]>,
}

impl CompositeKey {
    /// The key of a passphrase, a key file's contents, or both. An empty passphrase is one, `None` is not.
    ///
    /// A key file is XML of version 1 or 2, 32 bytes, 64 hexadecimal digits, or anything else, which is hashed.
    ///
    /// # Errors
    /// [`KdbxError::NoKey`] for neither, [`KdbxError::KeyFile`] for XML that is damaged or of another version.
    pub fn new(passphrase: Option<&[u8]>, key_file: Option<&[u8]>) -> Result<Self, KdbxError> {
        if passphrase.is_none() && key_file.is_none() {
            return Err(KdbxError::NoKey);
        }
        let mut hash = Sha256::new();
        if let Some(passphrase) = passphrase {
            let part: Secret<[u8; 32]> = Secret::new(Sha256::digest(passphrase).into());
            hash.update(part.expose());
        }
        if let Some(file) = key_file {
            hash.update(key_file::key(file)?.expose());
        }
        Ok(Self { composite: Secret::new(hash.finalize().into()) })
    }

    pub(crate) const fn composite(&self) -> &Secret<[u8; 32]> {
        &self.composite
    }
}

impl fmt::Debug for CompositeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompositeKey(***)")
    }
}

/// The keys of one file: made of the transformed key and the file's own seed.
pub(crate) struct FileKeys {
    /// The outer cipher's key.
    pub(crate) cipher: Secret<[u8; 32]>,
    base: Secret<[u8; 64]>,
}

/// The number under which the header's own HMAC key is derived.
const HEADER_INDEX: u64 = u64::MAX;

impl FileKeys {
    pub(crate) fn new(seed: &[u8; 32], transformed: &Secret<[u8; 32]>) -> Self {
        let cipher = Sha256::new().chain_update(seed).chain_update(transformed.expose());
        let base = Sha512::new().chain_update(seed).chain_update(transformed.expose()).chain_update([1]);
        Self { cipher: Secret::new(cipher.finalize().into()), base: Secret::new(base.finalize().into()) }
    }

    /// The HMAC of the header.
    pub(crate) fn header_mac(&self, header: &[u8]) -> Hmac<Sha256> {
        self.mac(HEADER_INDEX).chain_update(header)
    }

    /// The HMAC of a block of the stream: over its number, its length and its data.
    pub(crate) fn block_mac(&self, index: u64, len: [u8; 4], data: &[u8]) -> Hmac<Sha256> {
        self.mac(index).chain_update(index.to_le_bytes()).chain_update(len).chain_update(data)
    }

    fn mac(&self, index: u64) -> Hmac<Sha256> {
        let mut key =
            Sha512::new().chain_update(index.to_le_bytes()).chain_update(self.base.expose()).finalize();
        // 64 bytes are SHA-256's block: the length HMAC takes as it is.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.copy_from_slice(&key);
        key.zeroize();
        let mac = Hmac::new(&block);
        block.zeroize();
        mac
    }
}

/// Bytes that are wiped when dropped; allocated once, so that growing leaves nothing behind.
pub type SecretBytes = zeroize::Zeroizing<Vec<u8>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_key_matters() {
        let key = |phrase: Option<&[u8]>, file: Option<&[u8]>| {
            *CompositeKey::new(phrase, file).unwrap().composite().expose()
        };
        let all = [
            key(Some(b"one"), None),
            key(Some(b"two"), None),
            key(Some(b""), None),
            // A key file of three bytes is hashed as a passphrase is, so "one" would give the first key again.
            key(None, Some(b"file")),
            key(Some(b"one"), Some(b"one")),
            key(Some(b"one"), Some(b"two")),
            key(Some(b""), Some(b"one")),
            key(Some(b"one"), Some(b"")),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != one), "{at}");
        }
        assert_eq!(CompositeKey::new(None, None).err(), Some(KdbxError::NoKey));
    }

    #[test]
    fn a_key_never_prints() {
        let key = CompositeKey::new(Some(b"hunter2"), None).unwrap();
        assert_eq!(std::format!("{key:?}"), "CompositeKey(***)");
    }
}
