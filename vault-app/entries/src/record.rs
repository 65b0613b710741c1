//! Records: the bytes an entry or a group is stored as.
//!
//! `version` (1 byte, now 1), `kind` (1 byte: 1 entry, 2 group), then the value in postcard, its fields in the order of
//! the types. The encoding is canonical: [`decode`] accepts only what [`encode`] writes, checks every cap, reads at most
//! [`caps::RECORD_MAX`] bytes and never allocates beyond what those bytes hold by more than a constant factor.
//!
//! A later version of the format gets a later first byte; readers refuse the versions they don't know.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::caps;
use crate::check::{Breach, Part};
use crate::entry::Entry;
use crate::group::Group;

/// The version of the format, the first byte of every record.
pub const VERSION: u8 = 1;
/// Most bytes of a record behind version and kind.
pub(crate) const BODY_MAX: usize = caps::RECORD_MAX - 2;
const ENTRY: u8 = 1;
const GROUP: u8 = 2;

/// What a record holds.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An entry.
    Entry(Entry),
    /// A group.
    Group(Group),
}

/// The bytes of a record, in the clear: to be sealed. Wiped when dropped.
pub type Bytes = Zeroizing<Vec<u8>>;

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// More than a record may have, or less than it must.
    Length,
    /// A version of the format that this reader doesn't know.
    Version(u8),
    /// Neither an entry nor a group.
    Kind(u8),
    /// Not the encoding of a value.
    Malformed,
    /// The encoding of a value, but not the one that is written.
    NotCanonical,
    /// A value that may not be kept.
    Breach(Breach),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "no record is that long or short"),
            Self::Version(version) => write!(f, "record format {version} is not known here"),
            Self::Kind(kind) => write!(f, "{kind} is no kind of record"),
            Self::Malformed => write!(f, "not the bytes of a record"),
            Self::NotCanonical => write!(f, "a record, but not as it is written here"),
            Self::Breach(breach) => breach.fmt(f),
        }
    }
}

impl From<Breach> for DecodeError {
    fn from(breach: Breach) -> Self {
        Self::Breach(breach)
    }
}

/// The bytes of an entry.
///
/// # Errors
/// When the entry breaks a cap.
pub fn encode(entry: &Entry) -> Result<Bytes, Breach> {
    entry.check()?;
    bytes(ENTRY, entry)
}

/// The bytes of a group.
///
/// # Errors
/// When the group breaks a cap.
pub fn encode_group(group: &Group) -> Result<Bytes, Breach> {
    group.check()?;
    bytes(GROUP, group)
}

/// The entry or group that `bytes` are the record of.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    if bytes.len() > caps::RECORD_MAX {
        return Err(DecodeError::Length);
    }
    let (version, rest) = bytes.split_first().ok_or(DecodeError::Length)?;
    if *version != VERSION {
        return Err(DecodeError::Version(*version));
    }
    let (kind, body) = rest.split_first().ok_or(DecodeError::Length)?;
    let (record, again) = match *kind {
        ENTRY => {
            let entry = value(body)?;
            let again = encode(&entry)?;
            (Record::Entry(entry), again)
        }
        GROUP => {
            let group = value(body)?;
            let again = encode_group(&group)?;
            (Record::Group(group), again)
        }
        other => return Err(DecodeError::Kind(other)),
    };
    if again.as_slice() == bytes { Ok(record) } else { Err(DecodeError::NotCanonical) }
}

/// How many bytes a value takes; more than any cap if that can't be said.
pub(crate) fn size(value: &impl Serialize) -> usize {
    postcard::experimental::serialized_size(value).unwrap_or(usize::MAX)
}

/// How many bytes the record of a value takes.
pub(crate) fn length(value: &impl Serialize) -> usize {
    size(value).saturating_add(2)
}

fn value<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(DecodeError::Malformed),
    }
}

/// Measured first and then written in place: a buffer that grows would leave copies behind.
fn bytes(kind: u8, value: &impl Serialize) -> Result<Bytes, Breach> {
    let length = length(value);
    if length > caps::RECORD_MAX {
        return Err(Breach::TooLong(Part::Record));
    }
    let mut bytes = Zeroizing::new(vec![0; length]);
    bytes[0] = VERSION;
    bytes[1] = kind;
    let written = postcard::to_slice(value, &mut bytes[2..]).map(|body| body.len());
    assert_eq!(written, Ok(length - 2), "a value is as long as it was measured");
    Ok(bytes)
}

/// Settings of one-time codes: hash (0 SHA-1, 1 SHA-256, 2 SHA-512), digits (5 says Steam), period in seconds.
pub(crate) mod settings {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use vault_app_codes::totp::{Hash, STEAM_SYMBOLS, Settings};

    pub(crate) fn serialize<S: Serializer>(settings: &Settings, serializer: S) -> Result<S::Ok, S::Error> {
        let hash: u8 = match settings.hash {
            Hash::Sha1 => 0,
            Hash::Sha256 => 1,
            Hash::Sha512 => 2,
        };
        (hash, settings.digits(), settings.period_s()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
        let (hash, digits, period_s) = <(u8, u8, u16)>::deserialize(deserializer)?;
        let hash = match hash {
            0 => Hash::Sha1,
            1 => Hash::Sha256,
            2 => Hash::Sha512,
            _ => return Err(D::Error::custom("hash")),
        };
        if digits == STEAM_SYMBOLS {
            // Any other hash or period comes out as Steam's, and is refused as not canonical.
            return Ok(Settings::STEAM);
        }
        Settings::new(hash, digits, period_s).ok_or_else(|| D::Error::custom("settings"))
    }
}
