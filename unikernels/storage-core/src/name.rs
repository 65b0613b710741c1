//! `Name`: the name of a volume.

use core::fmt;

use ipc_proto_types::Text;
use ipc_proto_volumes_api::{NAME_MAX, VolumesError};

/// A name of 1 to 32 bytes of `[a-z][a-z0-9-]*`, so that it can stand in a terminal line and a rule without quoting.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Text<NAME_MAX>);

impl Name {
    /// The name in `text`.
    ///
    /// # Errors
    /// [`VolumesError::BadName`].
    pub fn new(text: &str) -> Result<Self, VolumesError> {
        let mut letters = text.bytes();
        let begins = letters.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on = letters.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
        match Text::try_from(text) {
            Ok(text) if begins && goes_on => Ok(Self(text)),
            _ => Err(VolumesError::BadName),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as messages have it.
    #[must_use]
    pub fn text(&self) -> Text<NAME_MAX> {
        self.0.clone()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_to_32_small_letters_digits_and_hyphens() {
        for good in ["a", "vault-work", "v2", "abcdefghijklmnopqrstuvwxyz012345"] {
            assert_eq!(Name::new(good).map(|name| name.as_str().to_owned()).as_deref(), Ok(good));
        }
        for bad in ["", "A", "2v", "-v", "a b", "a\0", "grün", "a/b", "abcdefghijklmnopqrstuvwxyz0123456"] {
            assert_eq!(Name::new(bad), Err(VolumesError::BadName), "{bad:?}");
        }
    }
}
