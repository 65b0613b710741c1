//! One key: what signs, what is public, and both as bytes.
//!
//! A record is version (1), length of the comment, comment, seed. It is a secret whole.

use alloc::vec::Vec;
use core::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use ipc_proto_types::{Secret, Text};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::SigningError;

/// A seed's length in bytes (RFC 8032 section 5.1.5 calls it the private key).
pub const SEED_SIZE: usize = 32;
/// A signature's length in bytes.
pub const SIGNATURE_SIZE: usize = 64;
/// Longest comment in bytes.
pub const COMMENT_MAX: usize = 128;

/// What a key is made from.
pub type Seed = Secret<[u8; SEED_SIZE]>;
/// A signature (RFC 8032).
pub type Signature = [u8; SIGNATURE_SIZE];

/// The version of a record.
const RECORD_VERSION: u8 = 1;

/// A public key (RFC 8032).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// The key's number.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let hash: [u8; 32] = Sha256::digest(self.0).into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        KeyId(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// A key's number: the first 8 bytes of its public key's SHA-256, big endian. So a number never comes to mean another key,
/// and a record that was moved is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

/// SHA-256 of data to be signed (FIPS 180-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataHash(pub [u8; 32]);

impl DataHash {
    /// The hash of this data.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        Self(Sha256::digest(data).into())
    }
}

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRef {
    /// The one of this number.
    Id(KeyId),
    /// The one with this public key.
    Public(PublicKey),
}

impl KeyRef {
    /// The number of the key that is meant, whether there is one or not.
    pub(crate) fn id(&self) -> KeyId {
        match self {
            KeyRef::Id(id) => *id,
            KeyRef::Public(public) => public.id(),
        }
    }

    /// Whether the key with this public key is meant, in constant time for each form of reference.
    pub(crate) fn means(&self, public: &PublicKey) -> Choice {
        match self {
            KeyRef::Id(id) => id.0.ct_eq(&public.id().0),
            KeyRef::Public(asked) => asked.0.ct_eq(&public.0),
        }
    }
}

/// A key. It never prints, and is wiped when dropped.
pub struct Key {
    signing: SigningKey,
    comment: Text<COMMENT_MAX>,
}

impl Key {
    /// The key of a seed, which must be drawn at random.
    ///
    /// # Errors
    /// [`SigningError::BadComment`] when it is longer than 128 bytes or has control characters: it goes into lines of files.
    pub fn new(seed: &Seed, comment: &str) -> Result<Self, SigningError> {
        let text = Text::try_from(comment).map_err(|_| SigningError::BadComment)?;
        if comment.chars().any(char::is_control) {
            return Err(SigningError::BadComment);
        }
        Ok(Self { signing: SigningKey::from_bytes(seed.expose()), comment: text })
    }

    /// Its public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.signing.verifying_key().to_bytes())
    }

    /// What its owner calls it.
    #[must_use]
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, data: &[u8]) -> Signature {
        self.signing.sign(data).to_bytes()
    }

    /// The key as a record.
    #[must_use]
    pub fn to_record(&self) -> Zeroizing<Vec<u8>> {
        let mut record = Zeroizing::new(Vec::with_capacity(2 + COMMENT_MAX + SEED_SIZE));
        // At most `COMMENT_MAX`.
        record.extend_from_slice(&[RECORD_VERSION, u8::try_from(self.comment.len()).unwrap_or(u8::MAX)]);
        record.extend_from_slice(self.comment.as_bytes());
        record.extend_from_slice(self.signing.as_bytes());
        record
    }

    /// The key of a record.
    ///
    /// # Errors
    /// [`SigningError::BadRecord`].
    pub fn from_record(record: &[u8]) -> Result<Self, SigningError> {
        let [RECORD_VERSION, length, rest @ ..] = record else { return Err(SigningError::BadRecord) };
        let (comment, seed) = rest.split_at_checked(usize::from(*length)).ok_or(SigningError::BadRecord)?;
        let comment = core::str::from_utf8(comment).map_err(|_| SigningError::BadRecord)?;
        if seed.len() != SEED_SIZE {
            return Err(SigningError::BadRecord);
        }
        let mut exact = Seed::new([0; SEED_SIZE]);
        exact.expose_mut().copy_from_slice(seed);
        Self::new(&exact, comment).map_err(|_| SigningError::BadRecord)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, ***)", self.comment())
    }
}
