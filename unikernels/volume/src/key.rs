//! Keys: one of the volume from outside, and from it one for each purpose.
//!
//! HKDF-SHA256 (RFC 5869) with the volume's id as salt, so two volumes share no key even when somebody gives both the same
//! volume key. The log has a key for each of its lives: what an earlier life left on the disk cannot be taken for valid.

use core::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hkdf::Hkdf;
use ipc_proto_types::Secret;
use sha2::Sha256;

/// A key's length in bytes.
pub const KEY_SIZE: usize = 32;
/// A nonce's length in bytes: long enough to be drawn at random for ever.
pub(crate) const NONCE_SIZE: usize = 24;
/// A tag's length in bytes.
pub(crate) const TAG_SIZE: usize = 16;
/// The length in bytes of what makes a life of the log different from all others.
pub(crate) const LIFE_SIZE: usize = 32;
/// A volume id's length in bytes.
pub(crate) const ID_SIZE: usize = 16;

/// A tag.
pub(crate) type Tag = [u8; TAG_SIZE];

/// The key of one volume. Wiped on drop, never printed.
pub struct VolumeKey(Secret<[u8; KEY_SIZE]>);

impl VolumeKey {
    /// The key that was kept in a key slot. It must be uniformly random, not a passphrase.
    #[must_use]
    pub const fn new(key: [u8; KEY_SIZE]) -> Self {
        Self(Secret::new(key))
    }

    /// A new key.
    pub fn generate(random: &mut impl FnMut(&mut [u8])) -> Self {
        let mut key = Self::new([0; KEY_SIZE]);
        random(key.0.expose_mut());
        key
    }

    /// The key, to be wrapped into a key slot.
    #[must_use]
    pub const fn expose(&self) -> &[u8; KEY_SIZE] {
        self.0.expose()
    }

    pub(crate) fn copy(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for VolumeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VolumeKey(***)")
    }
}

/// What a key is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// Authenticating the key slots.
    Slots,
    /// The roots.
    Root,
    /// One life of the log.
    Log(&'a [u8; LIFE_SIZE]),
}

/// Seals and opens for one purpose. The cipher wipes its key on drop.
pub(crate) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(crate) fn derive(key: &VolumeKey, volume: &[u8; ID_SIZE], purpose: Purpose<'_>) -> Self {
        let (name, life): (&[u8], &[u8]) = match purpose {
            Purpose::Slots => (b"skep volume 1: slots", &[]),
            Purpose::Root => (b"skep volume 1: root", &[]),
            Purpose::Log(life) => (b"skep volume 1: log", life),
        };
        let mut derived = Secret::new([0; KEY_SIZE]);
        Hkdf::<Sha256>::new(Some(volume), key.expose())
            .expand_multi_info(&[name, life], derived.expose_mut())
            .expect("one key is far below the 255 hashes that HKDF can give");
        Self(XChaCha20Poly1305::new(derived.expose().into()))
    }

    /// Encrypts `bytes` in place and gives the tag. The nonce must never have been used with this key.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE_SIZE], context: &[u8], bytes: &mut [u8]) -> Tag {
        self.0
            .encrypt_inout_detached(nonce.into(), context, bytes.into())
            .expect("a block is far below the 256 GiB this cipher takes")
            .into()
    }

    /// Decrypts `bytes` in place, or leaves them and says `false`.
    #[must_use]
    pub(crate) fn open(&self, nonce: &[u8; NONCE_SIZE], tag: &Tag, context: &[u8], bytes: &mut [u8]) -> bool {
        self.0.decrypt_inout_detached(nonce.into(), context, bytes.into(), tag.into()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_life_volume_and_volume_key_has_its_own_key() {
        let (one, two) = (VolumeKey::new([1; KEY_SIZE]), VolumeKey::new([2; KEY_SIZE]));
        let (life, other) = ([0; LIFE_SIZE], [1; LIFE_SIZE]);
        let sealers = [
            Sealer::derive(&one, &[0; ID_SIZE], Purpose::Log(&life)),
            Sealer::derive(&one, &[0; ID_SIZE], Purpose::Log(&other)),
            Sealer::derive(&one, &[0; ID_SIZE], Purpose::Root),
            Sealer::derive(&one, &[0; ID_SIZE], Purpose::Slots),
            Sealer::derive(&one, &[1; ID_SIZE], Purpose::Root),
            Sealer::derive(&two, &[0; ID_SIZE], Purpose::Root),
        ];
        let nonce = [3; NONCE_SIZE];
        for (sealing, sealer) in sealers.iter().enumerate() {
            let mut sealed = *b"text";
            let tag = sealer.seal(&nonce, b"", &mut sealed);
            for (opening, opener) in sealers.iter().enumerate() {
                let mut bytes = sealed;
                let is_open = opener.open(&nonce, &tag, b"", &mut bytes);
                assert_eq!((is_open, is_open && bytes == *b"text"), (opening == sealing, opening == sealing));
            }
        }
    }

    #[test]
    fn a_volume_key_does_not_print() {
        assert_eq!(format!("{:?}", VolumeKey::new([1; KEY_SIZE])), "VolumeKey(***)");
    }
}
