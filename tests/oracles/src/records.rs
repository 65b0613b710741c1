//! Oracle `records`: the records of entries and groups, against a plain reading of their format.
//!
//! Input: a byte, then a record; or, when the byte is odd, a place, a count and a byte that is put there so many times, then a
//! record, so that a short input makes a long one. A record is taken exactly if the plain reading takes it, encodes to the
//! same bytes, and is found again in a store loaded from it.

use std::collections::BTreeSet;

use vault_app_entries::record::{Record, decode, encode, encode_group};
use vault_app_entries::{
    Attachment, Content, ContentId, Entry, EntryId, Field, Group, GroupId, Plain, SecretBytes, Store, Times,
    Totp, Version, caps, otpauth,
};

use crate::input::Input;

/// The oracle.
///
/// # Panics
/// A record is read that would not be written so, or one is refused that would.
pub fn records(input: &[u8]) {
    let mut input = Input::new(input);
    let is_stretched = input.byte() & 1 == 1;
    let (at, count, value) =
        if is_stretched { (input.u16(), input.u32() % 300_000, input.byte()) } else { (0, 0, 0) };
    let mut bytes = input.take(usize::MAX).to_vec();
    let at = usize::from(at).min(bytes.len());
    bytes.splice(at..at, std::iter::repeat_n(value, count as usize));
    let read = decode(&bytes);
    let plain = Reading { rest: &bytes, from: bytes.len() }.record();
    assert_eq!(read.is_ok(), plain.is_some(), "{:?}", read.err());
    let Ok(record) = read else { return };
    let (again, id) = match &record {
        Record::Entry(entry) => (encode(entry), entry.id.number()),
        Record::Group(group) => (encode_group(group), group.id.number()),
    };
    assert!(again.is_ok_and(|again| *again == bytes), "it would not be written so");
    let (parent, is_reserved) = match &record {
        Record::Entry(entry) => (entry.group, entry.id.number() == GroupId::ROOT.number()),
        Record::Group(group) => (group.parent, false),
    };
    let loaded = Store::load([(id, bytes.as_slice())]);
    assert_eq!(loaded.is_ok(), parent == GroupId::ROOT && !is_reserved, "{:?}", loaded.err());
    if let Ok(store) = loaded {
        match record {
            Record::Entry(entry) => assert!(store.entry(entry.id) == Some(&entry), "another entry"),
            Record::Group(group) => assert!(store.group(group.id) == Some(&group), "another group"),
        }
    }
    assert!(Store::load([(id ^ 1, bytes.as_slice())]).is_err(), "stored under another id");
    assert!(Store::load([(id, bytes.as_slice()), (id, bytes.as_slice())]).is_err(), "stored twice");
}

/// Reads a record as the format is written down: postcard, every number in its shortest form, every cap kept.
struct Reading<'a> {
    rest: &'a [u8],
    /// How long it all is.
    from: usize,
}

impl<'a> Reading<'a> {
    fn record(mut self) -> Option<()> {
        let good = self.from <= caps::RECORD_MAX && self.take(1)? == [1];
        match self.take(1)? {
            [1] => self.entry()?,
            [2] => self.group()?,
            _ => return None,
        }
        (good && self.rest.is_empty()).then_some(())
    }

    fn entry(&mut self) -> Option<()> {
        self.take(32)?;
        self.option(|it| it.number(64))?;
        self.number(64)?;
        self.number(64)?;
        self.content()?;
        let versions = self.count(caps::HISTORY_MAX)?;
        for _ in 0..versions {
            self.number(64)?;
            self.content()?;
        }
        Some(())
    }

    fn group(&mut self) -> Option<()> {
        let is_root = self.take(16)? == [0; 16];
        self.take(16)?;
        self.option(|it| it.number(64))?;
        self.number(64)?;
        self.number(64)?;
        self.name(caps::GROUP_NAME_MAX)?;
        self.text(caps::NOTES_MAX)?;
        (!is_root).then_some(())
    }

    fn content(&mut self) -> Option<()> {
        let before = self.rest.len();
        self.text(caps::TITLE_MAX)?;
        self.text(caps::USER_MAX)?;
        self.text(caps::PASSWORD_MAX)?;
        self.option(|it| it.number(32))?;
        for _ in 0..self.count(caps::URLS_MAX)? {
            self.name(caps::URL_MAX)?;
        }
        self.text(caps::NOTES_MAX)?;
        self.names(caps::TAGS_MAX, caps::TAG_MAX, |_| Some(()))?;
        self.names(caps::FIELDS_MAX, caps::FIELD_NAME_MAX, |it| {
            it.text(caps::FIELD_VALUE_MAX)?;
            it.bit().map(|_| ())
        })?;
        self.names(caps::ATTACHMENTS_MAX, caps::ATTACHMENT_NAME_MAX, |it| {
            it.take(16)?;
            it.number(64).map(|_| ())
        })?;
        self.option(Self::totp)?;
        self.option(|it| it.number(64))?;
        (before - self.rest.len() <= caps::CONTENT_MAX).then_some(())
    }

    fn totp(&mut self) -> Option<()> {
        let secret = self.count(caps::TOTP_SECRET_MAX)?;
        self.take(secret)?;
        let &[hash, digits] = self.take(2)? else { return None };
        let period_s = self.number(16)?;
        self.text(caps::TOTP_LABEL_MAX)?;
        self.text(caps::TOTP_LABEL_MAX)?;
        let is_decimal = hash <= 2 && (6..=8).contains(&digits) && (1..=3600).contains(&period_s);
        let is_steam = (hash, digits, period_s) == (0, 5, 30);
        (secret > 0 && (is_decimal || is_steam)).then_some(())
    }

    /// Names that are each there once, with something behind each.
    fn names(&mut self, most: usize, longest: usize, behind: fn(&mut Self) -> Option<()>) -> Option<()> {
        let mut seen = BTreeSet::new();
        for _ in 0..self.count(most)? {
            if !seen.insert(self.name(longest)?) {
                return None;
            }
            behind(self)?;
        }
        Some(())
    }

    fn name(&mut self, longest: usize) -> Option<&'a str> {
        self.text(longest).filter(|text| !text.is_empty())
    }

    fn text(&mut self, longest: usize) -> Option<&'a str> {
        let length = self.count(longest)?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn count(&mut self, most: usize) -> Option<usize> {
        usize::try_from(self.number(64)?).ok().filter(|count| *count <= most)
    }

    fn bit(&mut self) -> Option<bool> {
        match self.take(1)? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn option<T>(&mut self, inner: impl FnOnce(&mut Self) -> Option<T>) -> Option<()> {
        if self.bit()? {
            inner(self)?;
        }
        Some(())
    }

    /// Seven bits a byte, the lowest first; no byte more than needed, no bit beyond `bits`.
    fn number(&mut self, bits: u32) -> Option<u64> {
        let mut number = 0_u128;
        for at in 0..10 {
            let byte = self.take(1)?[0];
            number |= u128::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                let is_shortest = byte != 0 || at == 0;
                return if is_shortest && number >> bits == 0 { u64::try_from(number).ok() } else { None };
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }
}

/// An entry that has something of everything.
fn full(number: u8) -> Entry {
    let text = |name: &str| Plain::new(format!("{name}{number}"));
    let totp = Totp {
        secret: SecretBytes::new(&[number; 20]),
        settings: otpauth::parse(if number & 1 == 0 { "steam://GE" } else { "GE" }).expect("good").settings,
        issuer: text("issuer"),
        account: text("account"),
    };
    let content = Content {
        title: text("title"),
        user: text("user"),
        password: "pass word".into(),
        entropy_centibits: Some(u32::from(number) * 90),
        urls: vec![text("https://a"), text("b")],
        notes: "a\nb".into(),
        tags: vec![text("x"), text("y")],
        fields: vec![Field { name: text("f"), value: "v".into(), protected: number & 2 == 0 }],
        attachments: vec![Attachment {
            name: text("a"),
            content: ContentId::from_bytes([number; 16]),
            size: 300,
        }],
        totp: Some(totp),
        expires_s: Some(u64::from(number) << 28),
    };
    let mut entry = Entry::new(EntryId::from_bytes([number + 1; 16]), GroupId::ROOT, content, 1_700_000_000);
    entry.history.push(Version { modified_s: 7, content: Content::default() });
    entry
}

/// Inputs to begin with.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for number in 0..16_u8 {
        let entry = encode(&full(number)).expect("within all caps");
        let bare = Entry { content: Content::default(), history: Vec::new(), ..full(number) };
        let bare = encode(&bare).expect("within all caps");
        let mut group = Group::new(GroupId::from_bytes([number + 1; 16]), GroupId::ROOT, "name", 1 << number);
        group.times = Times { created_s: 0, modified_s: u64::MAX };
        let group = encode_group(&group).expect("within all caps");
        for record in [&entry, &bare, &group] {
            inputs.push([&[0], record.as_slice()].concat());
            let mut wrong = record.to_vec();
            let at = usize::from(number) * 13 % wrong.len();
            wrong[at] ^= 1 << (number & 7);
            inputs.push([&[0], wrong.as_slice()].concat());
        }
        // Titles on both sides of their cap: the eleven bytes behind are an empty content's, and no history.
        let long = 1009 + u16::from(number) * 2;
        let mut head = bare[..bare.len() - 12].to_vec();
        let [low, high] = [long & 0x7f | 0x80, long >> 7].map(|part| part.to_le_bytes()[0]);
        head.extend([low, high]);
        let place = u16::try_from(head.len()).expect("short").to_le_bytes();
        let count = u32::from(long).to_le_bytes();
        inputs.push([&[1], place.as_slice(), &count, b"a", &head, &[0; 11]].concat());
    }
    inputs
}
