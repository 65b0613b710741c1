//! Texts that are wiped when dropped: secret ones, which never print, and plain ones.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use ipc_proto_types::Secret;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A text that may be shown, such as a title. It is wiped all the same: it says where somebody has an account.
pub type Plain = Zeroizing<String>;

/// A text that nobody should see: prints as `***`, compares in constant time, is wiped when dropped.
///
/// It can't grow: growing would leave the old bytes behind in freed memory.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct SecretText(Secret<String>);

impl SecretText {
    /// Copies `text` into custody; the original stays the caller's to wipe.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Secret::new(String::from(text)))
    }

    /// The text, in the clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.expose().len()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.expose().is_empty()
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose().as_bytes().ct_eq(other.0.expose().as_bytes()).into()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Bytes that nobody should see, as [`SecretText`].
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct SecretBytes(Secret<Vec<u8>>);

impl SecretBytes {
    /// Copies `bytes` into custody; the original stays the caller's to wipe.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Secret::new(Vec::from(bytes)))
    }

    /// The bytes, in the clear.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// The same custody, for those who keep other secrets too.
    #[must_use]
    pub fn into_secret(self) -> Secret<Vec<u8>> {
        self.0
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Secret::new(bytes))
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_print_as_three_stars_and_compare_by_value() {
        let (text, bytes) = (SecretText::new("hunter2"), SecretBytes::new(b"hunter2"));
        assert_eq!(format!("{text:?} {bytes:?}"), "*** ***");
        assert_eq!((text.expose(), text.len(), text.is_empty()), ("hunter2", 7, false));
        assert!(SecretText::default().is_empty());
        assert_eq!(text, SecretText::from(String::from("hunter2")));
        assert_ne!(text, "hunter".into());
        assert_ne!(bytes, SecretBytes::new(b"hunter3"));
    }
}
