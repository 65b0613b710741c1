//! Names of qubes and services.

use core::fmt;

use crate::limits::NAME_MAX;

/// Name of a qube or of a service: 1 to 16 bytes of `[a-z][a-z0-9-]*`, so it can stand in a terminal line, a rule and
/// a file name without quoting. Kept padded with NUL, as the info page and the system image have it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QubeName([u8; NAME_MAX]);

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// No letter at all.
    Empty,
    /// More than 16 bytes.
    TooLong,
    /// The first byte is not `a` to `z`, or a later one is neither that nor a digit nor a hyphen.
    Letter,
}

impl QubeName {
    /// The name in `text`. Usable in constants.
    ///
    /// # Errors
    /// Says which rule of the type is broken.
    pub const fn new(text: &str) -> Result<Self, NameError> {
        Self::from_bytes(text.as_bytes())
    }

    /// The name in a field padded with NUL; after the first NUL only NULs may follow.
    ///
    /// # Errors
    /// Says which rule of the type is broken.
    pub const fn from_padded(field: &[u8; NAME_MAX]) -> Result<Self, NameError> {
        let mut length = 0;
        while length < NAME_MAX && field[length] != 0 {
            length += 1;
        }
        let (name, padding) = field.split_at(length);
        let mut at = 0;
        while at < padding.len() {
            if padding[at] != 0 {
                return Err(NameError::Letter);
            }
            at += 1;
        }
        Self::from_bytes(name)
    }

    const fn from_bytes(bytes: &[u8]) -> Result<Self, NameError> {
        if bytes.is_empty() {
            return Err(NameError::Empty);
        }
        if bytes.len() > NAME_MAX {
            return Err(NameError::TooLong);
        }
        let mut name = [0; NAME_MAX];
        let mut at = 0;
        while at < bytes.len() {
            let legal = match bytes[at] {
                b'a'..=b'z' => true,
                b'0'..=b'9' | b'-' => at > 0,
                _ => false,
            };
            if !legal {
                return Err(NameError::Letter);
            }
            name[at] = bytes[at];
            at += 1;
        }
        Ok(Self(name))
    }

    /// The name without its padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(NAME_MAX);
        self.0.get(..length).and_then(|name| core::str::from_utf8(name).ok()).unwrap_or("")
    }

    /// The name padded with NUL to 16 bytes.
    #[must_use]
    pub const fn padded(&self) -> &[u8; NAME_MAX] {
        &self.0
    }
}

impl fmt::Display for QubeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for QubeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq<str> for QubeName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl core::str::FromStr for QubeName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, NameError>) {
        let name = QubeName::new(text);
        assert_eq!(name.as_ref().map(QubeName::as_str).map_err(|error| *error), expected, "{text:?}");
        if let Ok(name) = name {
            assert_eq!(QubeName::from_padded(name.padded()), Ok(name));
        }
    }

    #[test]
    fn a_name_is_one_to_sixteen_small_letters_digits_and_hyphens() {
        check("a", Ok("a"));
        check("vault-work", Ok("vault-work"));
        check("abcdefghij012345", Ok("abcdefghij012345"));
        check("", Err(NameError::Empty));
        check("abcdefghij0123456", Err(NameError::TooLong));
        check("1password", Err(NameError::Letter));
        check("-x", Err(NameError::Letter));
        check("Vault", Err(NameError::Letter));
        check("a b", Err(NameError::Letter));
        check("grün", Err(NameError::Letter));
        check("a\0", Err(NameError::Letter));
    }

    #[test]
    fn a_padded_field_with_bytes_after_the_padding_is_refused() {
        let mut field = [0; 16];
        assert_eq!(QubeName::from_padded(&field), Err(NameError::Empty));
        field[0] = b'a';
        field[2] = b'b';
        assert_eq!(QubeName::from_padded(&field), Err(NameError::Letter));
    }
}
