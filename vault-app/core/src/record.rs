//! Records of the volume: one byte that says what kind, then what it holds.
//!
//! Ids of entries, groups and contents are random; those of the settings and of keys are made so that they meet none of them
//! but by a chance of 2^-64, and the kind tells them apart even then.

use alloc::vec::Vec;

use unikernels_volume::{RECORD_MAX, RecordId};
use vault_app_entries::ContentId;
use zeroize::Zeroizing;

/// Most bytes of one attachment: a record holds it whole.
pub const CONTENT_MAX: usize = RECORD_MAX - 1;

/// The settings' id: the root group's, which has no record.
pub(crate) const SETTINGS: RecordId = 0;
/// The upper half of the ids of keys for signing.
const KEYS: RecordId = (u64::MAX as RecordId) << 64;

/// The id of the record of a key for signing.
pub(crate) const fn key_id(key: u64) -> RecordId {
    KEYS | key as RecordId
}

/// The number of the key for signing whose record has this id; `None` when the id is no key's.
pub(crate) fn key_number(id: RecordId) -> Option<u64> {
    u64::try_from(id ^ KEYS).ok()
}

/// A record in the clear, to be sealed.
pub(crate) type Bytes = Zeroizing<Vec<u8>>;

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The settings.
    Settings = 1,
    /// An entry or a group, as `vault-app/entries` writes it.
    Item = 2,
    /// The content of an attachment.
    Content = 3,
    /// A key for signing, as `vault-app/signing` writes it.
    Key = 4,
}

impl Kind {
    /// The record of what is held.
    pub(crate) fn record(self, content: &[u8]) -> Bytes {
        // All of it at once: a vector that grows leaves copies behind.
        let mut record = Zeroizing::new(Vec::with_capacity(content.len() + 1));
        record.push(self as u8);
        record.extend_from_slice(content);
        record
    }

    /// What kind a record is, and what it holds; `None` when it is none of ours.
    pub(crate) fn of(record: &[u8]) -> Option<(Self, &[u8])> {
        let (kind, content) = record.split_first()?;
        let kinds = [Self::Settings, Self::Item, Self::Content, Self::Key];
        kinds.into_iter().find(|known| *known as u8 == *kind).map(|kind| (kind, content))
    }
}

/// The content of an attachment, if that is what a record holds.
pub(crate) fn content_of(record: &[u8]) -> Option<&[u8]> {
    Kind::of(record).filter(|(kind, _)| *kind == Kind::Content).map(|(_, content)| content)
}

/// The id of the record of a content.
pub(crate) const fn content_id(id: ContentId) -> RecordId {
    RecordId::from_be_bytes(id.bytes())
}

/// What the owner chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Seconds without a call after which the store locks itself; 0 says never.
    pub(crate) auto_lock_s: u32,
}

impl Default for Settings {
    /// Fifteen minutes: long enough to work, short enough for a meal.
    fn default() -> Self {
        Self { auto_lock_s: 15 * 60 }
    }
}

impl Settings {
    pub(crate) fn record(self) -> Bytes {
        Kind::Settings.record(&self.auto_lock_s.to_le_bytes())
    }

    pub(crate) fn read(content: &[u8]) -> Option<Self> {
        Some(Self { auto_lock_s: u32::from_le_bytes(content.try_into().ok()?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_what_it_holds() {
        for kind in [Kind::Settings, Kind::Item, Kind::Content, Kind::Key] {
            let record = kind.record(b"what");
            assert_eq!(Kind::of(&record), Some((kind, b"what".as_slice())));
            assert_eq!(record.capacity(), record.len());
        }
        assert_eq!((Kind::of(&[]), Kind::of(&[0]), Kind::of(&[5, 1])), (None, None, None));
    }

    #[test]
    fn a_key_s_id_and_its_number_belong_together() {
        for number in [0, 1, u64::MAX] {
            assert_eq!(key_number(key_id(number)), Some(number));
        }
        assert_eq!((key_number(SETTINGS), key_number(RecordId::MAX >> 1)), (None, None));
    }

    #[test]
    fn settings_come_back() {
        let settings = Settings { auto_lock_s: 77 };
        let record = settings.record();
        assert_eq!(Kind::of(&record).and_then(|(_, content)| Settings::read(content)), Some(settings));
        assert_eq!(Settings::read(&[1, 2, 3]), None);
    }
}
