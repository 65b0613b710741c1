//! `Text<N>`: a string of at most N bytes.

use core::fmt;
use core::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::TooLong;

/// UTF-8 of at most `N` bytes, kept in place. On the wire: length, then the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text<const N: usize>(heapless::String<N>);

impl<const N: usize> Text<N> {
    /// Most bytes it holds.
    pub const CAPACITY: usize = N;

    /// The empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self(heapless::String::new())
    }

    /// The longest beginning of `text` that fits and ends between two characters.
    #[must_use]
    pub fn truncated(text: &str) -> Self {
        let mut result = Self::new();
        result.push_truncated(text);
        result
    }

    /// Appends the longest beginning of `text` that fits; says whether that was all of it.
    pub fn push_truncated(&mut self, text: &str) -> bool {
        let space = N.saturating_sub(self.len());
        let fits = text.floor_char_boundary(space);
        text.get(..fits).is_some_and(|head| self.0.push_str(head).is_ok()) && fits == text.len()
    }

    /// Appends all of `text` or nothing.
    ///
    /// # Errors
    /// `TooLong` when it does not fit.
    pub fn push_str(&mut self, text: &str) -> Result<(), TooLong> {
        self.0.push_str(text).map_err(|_| TooLong)
    }

    /// Removes and returns the last character.
    pub fn pop(&mut self) -> Option<char> {
        self.0.pop()
    }

    /// Empties it. The old bytes stay in memory: secrets are wiped by `Secret`.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<const N: usize> TryFrom<&str> for Text<N> {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        let mut result = Self::new();
        result.push_str(text)?;
        Ok(result)
    }
}

impl<const N: usize> core::str::FromStr for Text<N> {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        Self::try_from(text)
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> AsRef<str> for Text<N> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> PartialEq<str> for Text<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> PartialEq<&str> for Text<N> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text).map_err(|_| fmt::Error)
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl<const N: usize> Zeroize for Text<N> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ConstantTimeEq for Text<N> {
    /// Takes the same time for all texts of one length; the length itself is not hidden.
    fn ct_eq(&self, other: &Self) -> Choice {
        self.as_bytes().ct_eq(other.as_bytes())
    }
}

impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Visitor)
    }
}

struct Visitor<const N: usize>;

impl<const N: usize> de::Visitor<'_> for Visitor<N> {
    type Value = Text<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string of at most {N} bytes")
    }

    #[inline]
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<N>, E> {
        Text::try_from(text).map_err(|_| E::invalid_length(text.len(), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_what_fits_and_nothing_more() {
        assert_eq!(Text::<3>::try_from("abc").as_deref(), Ok("abc"));
        assert_eq!(Text::<3>::try_from("abcd"), Err(TooLong));
        assert_eq!(Text::<0>::try_from("").as_deref(), Ok(""));
    }

    #[test]
    fn truncation_never_cuts_a_character() {
        assert_eq!(Text::<4>::truncated("grün"), "grü");
        assert_eq!(Text::<3>::truncated("grün"), "gr");
        let mut text = Text::<4>::truncated("ab");
        assert!(!text.push_truncated("cdef"));
        assert_eq!(text, "abcd");
        assert!(text.push_truncated(""));
    }

    #[test]
    fn zeroizing_a_text_empties_it() {
        let mut text = Text::<8>::truncated("secret");
        text.zeroize();
        assert_eq!(text, "");
    }
}
