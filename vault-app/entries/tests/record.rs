//! Records: what is encoded comes back, what is not canonical is refused, nothing panics.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{content, entry, entry_id, group, plain, titled};
use proptest::prelude::*;
use vault_app_entries::caps::{self, RECORD_MAX};
use vault_app_entries::record::{DecodeError, Record, decode, encode, encode_group};
use vault_app_entries::{
    Attachment, Breach, Content, ContentId, Entry, Field, GroupId, Part, SecretBytes, SecretText, Version,
};

proptest! {
    #[test]
    fn an_entry_comes_back_as_it_was(entry in entry()) {
        let bytes = encode(&entry).unwrap();
        prop_assert_eq!(decode(&bytes), Ok(Record::Entry(entry)));
    }

    #[test]
    fn a_group_comes_back_as_it_was(group in group()) {
        let bytes = encode_group(&group).unwrap();
        prop_assert_eq!(decode(&bytes), Ok(Record::Group(group)));
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(
        entry in entry(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&entry).unwrap().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        match decode(&bytes) {
            Ok(Record::Entry(entry)) => prop_assert_eq!(&*encode(&entry).unwrap(), &bytes),
            Ok(Record::Group(group)) => prop_assert_eq!(&*encode_group(&group).unwrap(), &bytes),
            Err(_) => {}
        }
    }

    #[test]
    fn no_bytes_make_decoding_panic(kind in 0_u8..4, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = vec![1, kind];
        bytes.extend(body);
        if let Ok(record) = decode(&bytes) {
            let again = match record {
                Record::Entry(entry) => encode(&entry).unwrap(),
                Record::Group(group) => encode_group(&group).unwrap(),
            };
            prop_assert_eq!(&*again, &bytes);
        }
    }

    #[test]
    fn nothing_secret_prints(mut content in content()) {
        const CANARY: &str = "c4n4ry";
        content.password = CANARY.into();
        content.notes = CANARY.into();
        content.fields.push(Field { name: plain("f"), value: CANARY.into(), protected: false });
        if let Some(totp) = &mut content.totp {
            totp.secret = SecretBytes::new(CANARY.as_bytes());
        }
        let printed = format!("{content:?}");
        prop_assert!(!printed.contains(CANARY));
        prop_assert!(!printed.contains("99, 52, 110"));
    }
}

fn whole() -> Entry {
    let mut content = titled("bank");
    content.urls = vec![plain("https://bank.example")];
    content.tags = vec![plain("money")];
    content.fields = vec![Field { name: plain("pin"), value: SecretText::new("1234"), protected: true }];
    content.expires_s = Some(1);
    Entry::new(entry_id(1), GroupId::ROOT, content, 300)
}

#[test]
fn every_truncation_and_every_appended_byte_is_refused() {
    let bytes = encode(&whole()).unwrap();
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    for byte in 0..=255 {
        let longer = [&bytes[..], &[byte]].concat();
        assert_eq!(decode(&longer), Err(DecodeError::Malformed));
    }
}

#[test]
fn the_first_two_bytes_say_version_and_kind() {
    let mut bytes = encode(&whole()).unwrap();
    assert_eq!(bytes[..2], [1, 1]);
    bytes[1] = 3;
    assert_eq!(decode(&bytes), Err(DecodeError::Kind(3)));
    bytes[0] = 2;
    assert_eq!(decode(&bytes), Err(DecodeError::Version(2)));
    assert_eq!(decode(&[]), Err(DecodeError::Length));
    assert_eq!(decode(&[1]), Err(DecodeError::Length));
    assert_eq!(decode(&vec![1; RECORD_MAX + 1]), Err(DecodeError::Length));
}

#[test]
fn an_overlong_number_is_not_canonical() {
    // The time 300 is the bytes 172, 2; 172, 130, 0 means the same to a lenient reader.
    let bytes = encode(&whole()).unwrap();
    let at = bytes.windows(2).position(|pair| pair == [172, 2]).unwrap();
    let longer = [&bytes[..at], &[172, 130, 0], &bytes[at + 2..]].concat();
    assert!(matches!(decode(&longer), Err(DecodeError::NotCanonical | DecodeError::Malformed)));
}

#[test]
fn a_record_is_written_as_it_always_was() {
    let mut entry = whole();
    entry.content.urls.clear();
    entry.content.fields.clear();
    let mut expected = vec![1, 1];
    expected.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    expected.extend([0; 16]);
    // Not recycled, made and edited at 300.
    expected.extend([0, 172, 2, 172, 2]);
    expected.extend(b"\x04bank\x00\x07hunter2\x00\x00\x00\x01\x05money\x00\x00\x00\x01\x01");
    // No history.
    expected.push(0);
    assert_eq!(*encode(&entry).unwrap(), expected);
}

/// At its cap a part is kept, one beyond it is refused and named.
fn check(part: Part, cap: usize, set: impl Fn(&mut Content, usize)) {
    let mut entry = whole();
    set(&mut entry.content, cap);
    assert_eq!(entry.check(), Ok(()), "{part:?}");
    assert_eq!(decode(&encode(&entry).unwrap()), Ok(Record::Entry(entry.clone())), "{part:?}");
    set(&mut entry.content, cap + 1);
    assert_eq!(encode(&entry).err(), Some(Breach::TooLong(part)));
}

fn letters(length: usize) -> String {
    "x".repeat(length)
}

#[test]
fn every_cap_of_an_entry_holds_exactly() {
    check(Part::Title, caps::TITLE_MAX, |content, n| content.title = plain(&letters(n)));
    check(Part::User, caps::USER_MAX, |content, n| content.user = plain(&letters(n)));
    check(Part::Password, caps::PASSWORD_MAX, |content, n| content.password = letters(n).into());
    check(Part::Notes, caps::NOTES_MAX, |content, n| content.notes = letters(n).into());
    check(Part::Url, caps::URL_MAX, |content, n| content.urls = vec![plain(&letters(n))]);
    check(Part::Url, caps::URLS_MAX, |content, n| content.urls = vec![plain("x"); n]);
    check(Part::Tag, caps::TAG_MAX, |content, n| content.tags = vec![plain(&letters(n))]);
    check(Part::Tag, caps::TAGS_MAX, |content, n| {
        content.tags = (1..=n).map(|n| plain(&letters(n))).collect()
    });
    let field = |name: usize, value: usize| Field {
        name: plain(&letters(name)),
        value: letters(value).into(),
        protected: true,
    };
    check(Part::FieldName, caps::FIELD_NAME_MAX, |content, n| content.fields = vec![field(n, 1)]);
    check(Part::FieldValue, caps::FIELD_VALUE_MAX, |content, n| content.fields = vec![field(1, n)]);
    check(Part::FieldName, caps::FIELDS_MAX, |content, n| {
        content.fields = (1..=n).map(|n| field(n, 1)).collect();
    });
    let attachment = |name: usize| Attachment {
        name: plain(&letters(name)),
        content: ContentId::from_bytes([1; 16]),
        size: 1,
    };
    check(Part::Attachment, caps::ATTACHMENT_NAME_MAX, |content, n| {
        content.attachments = vec![attachment(n)]
    });
    check(Part::Attachment, caps::ATTACHMENTS_MAX, |content, n| {
        content.attachments = (1..=n).map(attachment).collect();
    });
}

#[test]
fn the_caps_of_the_whole_hold() {
    let mut entry = whole();
    let field = |name: &str| Field {
        name: plain(name),
        value: letters(caps::FIELD_VALUE_MAX).into(),
        protected: false,
    };
    entry.content.fields = ["a", "b", "c", "d"].map(field).to_vec();
    assert_eq!(entry.check(), Err(Breach::TooLong(Part::Content)));
    entry.content.fields.pop();
    assert_eq!(entry.check(), Ok(()));
    let version = Version { modified_s: 1, content: entry.content.clone() };
    entry.history = vec![version; 6];
    assert_eq!(encode(&entry).err(), Some(Breach::TooLong(Part::Record)));
    entry.history.truncate(4);
    assert!(encode(&entry).is_ok());
    entry.history = vec![Version { modified_s: 1, content: titled("x") }; caps::HISTORY_MAX + 1];
    assert_eq!(encode(&entry).err(), Some(Breach::TooLong(Part::History)));
}

#[test]
fn what_may_not_be_empty_or_double_is_refused() {
    let broken = |set: &dyn Fn(&mut Content)| {
        let mut entry = whole();
        set(&mut entry.content);
        encode(&entry).err()
    };
    assert_eq!(broken(&|content| content.urls.push(plain(""))), Some(Breach::Empty(Part::Url)));
    assert_eq!(broken(&|content| content.tags.push(plain(""))), Some(Breach::Empty(Part::Tag)));
    assert_eq!(broken(&|content| content.tags.push(plain("money"))), Some(Breach::Twice(Part::Tag)));
    let field = |name: &str| Field { name: plain(name), value: "".into(), protected: false };
    assert_eq!(broken(&|content| content.fields.push(field(""))), Some(Breach::Empty(Part::FieldName)));
    assert_eq!(broken(&|content| content.fields.push(field("pin"))), Some(Breach::Twice(Part::FieldName)));
}
