//! Parts and their names.
//!
//! A name is also a safe file name on any system: whoever restores may use it as one.

use core::fmt;

use crate::BackupError;

/// Longest name in bytes.
pub const NAME_MAX: usize = 64;
/// Most parts of a backup: the reader keeps their names and lengths, 80 bytes each.
pub const PARTS_MAX: usize = 32 * 1024;

/// The name of a part: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, the first a letter or a digit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartName {
    length: u8,
    bytes: [u8; NAME_MAX],
}

impl PartName {
    /// A name.
    ///
    /// # Errors
    /// [`BackupError::BadName`].
    pub fn new(name: &str) -> Result<Self, BackupError> {
        Self::from_bytes(name.as_bytes())
    }

    pub(crate) fn from_bytes(name: &[u8]) -> Result<Self, BackupError> {
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !name.first().is_some_and(plain) || !name.iter().all(|byte| plain(byte) || b"._-".contains(byte)) {
            return Err(BackupError::BadName);
        }
        let mut bytes = [0; NAME_MAX];
        bytes.get_mut(..name.len()).ok_or(BackupError::BadName)?.copy_from_slice(name);
        Ok(Self { length: u8::try_from(name.len()).map_err(|_| BackupError::BadName)?, bytes })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // ASCII, by construction.
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }
}

/// In the order of bytes, which is the order of parts in a backup.
impl Ord for PartName {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for PartName {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A line of the table of contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: PartName,
    /// Its length in bytes.
    pub length: u64,
}

/// Whether `next` may follow `last` in a table of contents.
///
/// # Errors
/// [`BackupError::Repeated`], [`BackupError::Reordered`].
pub(crate) fn check_order(last: Option<&Part>, next: &Part) -> Result<(), BackupError> {
    match last.map(|last| last.name.cmp(&next.name)) {
        None | Some(core::cmp::Ordering::Less) => Ok(()),
        Some(core::cmp::Ordering::Equal) => Err(BackupError::Repeated(next.name)),
        Some(core::cmp::Ordering::Greater) => Err(BackupError::Reordered(next.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_file_names_or_nothing() {
        let long = "a".repeat(NAME_MAX);
        for good in ["a", "0", "meta", "entry.00000000000000ff", "a-b_c.d", &long] {
            assert_eq!(PartName::new(good).unwrap().as_str(), good);
        }
        let longer = "a".repeat(NAME_MAX + 1);
        for bad in ["", ".", "..", ".a", "-a", "_a", "a/b", "a\\b", "A", "ä", "a b", "a\0", "con:", &longer]
        {
            assert_eq!(PartName::new(bad), Err(BackupError::BadName), "{bad:?}");
        }
    }

    #[test]
    fn names_are_in_the_order_of_their_text() {
        let mut texts = ["b", "a", "a.b", "a-b", "ab", "a0", "0"];
        let mut names = texts.map(|text| PartName::new(text).unwrap());
        texts.sort_unstable();
        names.sort_unstable();
        assert_eq!(names.map(|name| name.to_string()), texts);
    }
}
