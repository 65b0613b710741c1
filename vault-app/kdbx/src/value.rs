//! The values that the document holds as text: identifiers and points in time.

use core::fmt;

use alloc::string::String;
use base64ct::{Base64, Encoding};

/// Seconds from the first day of year 1, where KDBX4 counts from, to the first day of 1970.
const EPOCH: i64 = 62_135_596_800;

/// The name of a group, an entry or an icon.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// What stands for "none".
    pub const NIL: Self = Self([0; 16]);

    /// Reads the base64 of 16 bytes.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        let len = Base64::decode(text, &mut bytes).ok()?.len();
        (len == bytes.len()).then_some(Self(bytes))
    }

    /// As the document holds it.
    #[must_use]
    pub fn to_text(self) -> String {
        Base64::encode_string(&self.0)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A point in time: seconds since the beginning of 1970, UTC, also before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

impl Time {
    /// Reads the base64 of eight bytes, little-endian. The text form of KDBX 3 is `None`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        let len = Base64::decode(text, &mut bytes).ok()?.len();
        let seconds = i64::from_le_bytes(bytes).checked_sub(EPOCH)?;
        (len == bytes.len()).then_some(Self(seconds))
    }

    /// As the document holds it; what is beyond the format's last second becomes that.
    #[must_use]
    pub fn to_text(self) -> String {
        Base64::encode_string(&self.0.saturating_add(EPOCH).to_le_bytes())
    }
}

/// "True" and "False", however they are spelt.
pub(crate) fn flag(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// How a flag is written.
pub(crate) const fn flag_text(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_year_one_in_the_file_and_from_1970_here() {
        // From Python: the base64 of struct.pack("<q", (datetime(1970, 1, 1) - datetime(1, 1, 1)).total_seconds()).
        assert_eq!(Time(0).to_text(), "APeRdw4AAAA=");
        for seconds in [0, 1, -1, -EPOCH, 1_790_000_000, i64::MAX - EPOCH] {
            assert_eq!(Time::from_text(&Time(seconds).to_text()), Some(Time(seconds)));
        }
        for bad in ["", "APeRdw4AAA==", "2024-01-01T00:00:00Z", "AAAAAAAAAIA="] {
            assert_eq!(Time::from_text(bad), None, "{bad}");
        }
    }

    #[test]
    fn identifiers_are_sixteen_bytes() {
        assert_eq!(Uuid::from_text(&Uuid([7; 16]).to_text()), Some(Uuid([7; 16])));
        for bad in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA=", "!"] {
            assert_eq!(Uuid::from_text(bad), None, "{bad}");
        }
    }
}
