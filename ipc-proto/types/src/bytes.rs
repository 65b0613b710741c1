//! `Bytes<N>`: a byte string of at most N bytes.

use core::fmt;
use core::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::TooLong;

/// At most `N` bytes, kept in place. On the wire: length, then the bytes, copied in one go (a sequence of `u8` would
/// be walked byte by byte).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes<const N: usize>(heapless::Vec<u8, N>);

impl<const N: usize> Bytes<N> {
    /// Most bytes it holds.
    pub const CAPACITY: usize = N;

    /// No bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    /// Appends all of `bytes` or nothing.
    ///
    /// # Errors
    /// `TooLong` when they don't fit.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.0.extend_from_slice(bytes).map_err(|_| TooLong)
    }

    /// Empties it. The old bytes stay in memory: secrets are wiped by `Secret`.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl<const N: usize> TryFrom<&[u8]> for Bytes<N> {
    type Error = TooLong;

    fn try_from(bytes: &[u8]) -> Result<Self, TooLong> {
        heapless::Vec::from_slice(bytes).map(Self).map_err(|_| TooLong)
    }
}

impl<const N: usize> From<[u8; N]> for Bytes<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(heapless::Vec::from_array(bytes))
    }
}

impl<const N: usize> Deref for Bytes<N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl<const N: usize> DerefMut for Bytes<N> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.as_mut_slice()
    }
}

impl<const N: usize> AsRef<[u8]> for Bytes<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl<const N: usize> PartialEq<[u8]> for Bytes<N> {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_slice() == other
    }
}

impl<const N: usize> fmt::Debug for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_slice(), f)
    }
}

impl<const N: usize> Zeroize for Bytes<N> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ConstantTimeEq for Bytes<N> {
    /// Takes the same time for all byte strings of one length; the length itself is not hidden.
    fn ct_eq(&self, other: &Self) -> Choice {
        self.as_slice().ct_eq(other.as_slice())
    }
}

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_slice())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Visitor)
    }
}

struct Visitor<const N: usize>;

impl<const N: usize> de::Visitor<'_> for Visitor<N> {
    type Value = Bytes<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {N} bytes")
    }

    #[inline]
    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes<N>, E> {
        Bytes::try_from(bytes).map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_what_fits_and_nothing_more() {
        let mut bytes = Bytes::<4>::try_from([1, 2, 3].as_slice()).unwrap();
        assert_eq!(bytes.extend_from_slice(&[4, 5]), Err(TooLong));
        assert_eq!(bytes.as_slice(), [1, 2, 3]);
        assert_eq!(bytes.extend_from_slice(&[4]), Ok(()));
        assert_eq!(bytes, Bytes::from([1, 2, 3, 4]));
        assert_eq!(Bytes::<2>::try_from([1, 2, 3].as_slice()), Err(TooLong));
    }

    #[test]
    fn zeroizing_bytes_empties_them() {
        let mut bytes = Bytes::from([7; 4]);
        bytes.zeroize();
        assert!(bytes.is_empty());
    }
}
