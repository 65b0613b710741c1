//! Values for tests: arbitrary entries and groups, a seeded source of randomness.

#![allow(dead_code, reason = "each test uses a part of it")]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use vault_app_codes::totp::{Hash, Settings};
use vault_app_codes::{Random, RandomError};
use vault_app_entries::{
    Attachment, Content, ContentId, Entry, EntryId, Field, Group, GroupId, Plain, SecretBytes, SecretText,
    Times, Totp, Version,
};

/// SplitMix64.
pub(crate) struct Seeded(pub(crate) u64);

impl Random for Seeded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        for byte in out {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)).to_le_bytes()[0];
        }
        Ok(())
    }
}

pub(crate) fn plain(text: &str) -> Plain {
    Plain::new(text.into())
}

pub(crate) fn entry_id(number: u128) -> EntryId {
    EntryId::from_bytes((number + (1 << 64)).to_be_bytes())
}

pub(crate) fn group_id(number: u128) -> GroupId {
    GroupId::from_bytes(number.to_be_bytes())
}

pub(crate) fn content_id(number: u8) -> ContentId {
    ContentId::from_bytes([number; 16])
}

pub(crate) fn titled(title: &str) -> Content {
    Content { title: plain(title), password: SecretText::new("hunter2"), ..Content::default() }
}

fn texts(max: usize) -> impl Strategy<Value = Vec<Plain>> {
    vec("\\PC{1,12}", 0..max).prop_map(|mut texts| {
        texts.sort();
        texts.dedup();
        texts.into_iter().map(Plain::new).collect()
    })
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    (texts(5), vec((".{0,20}", any::<bool>()), 5)).prop_map(|(names, values)| {
        let field = |(name, (value, protected)): (Plain, (String, bool))| Field {
            name,
            value: value.into(),
            protected,
        };
        names.into_iter().zip(values).map(field).collect()
    })
}

fn attachments() -> impl Strategy<Value = Vec<Attachment>> {
    (texts(3), any::<[u8; 16]>(), any::<u64>()).prop_map(|(names, content, size)| {
        let content = ContentId::from_bytes(content);
        names.into_iter().map(|name| Attachment { name, content, size }).collect()
    })
}

pub(crate) fn totp() -> impl Strategy<Value = Totp> {
    let hash = prop_oneof![Just(Hash::Sha1), Just(Hash::Sha256), Just(Hash::Sha512)];
    let decimal = (hash, 6_u8..=8, 1_u16..=3_600)
        .prop_map(|(hash, digits, period_s)| Settings::new(hash, digits, period_s).expect("legal settings"));
    let settings = prop_oneof![decimal, Just(Settings::STEAM)];
    (vec(any::<u8>(), 1..=64), settings, "\\PC{0,10}", "\\PC{0,10}").prop_map(
        |(secret, settings, issuer, account)| Totp {
            secret: SecretBytes::new(&secret),
            settings,
            issuer: Plain::new(issuer),
            account: Plain::new(account.trim_start().into()),
        },
    )
}

pub(crate) fn content() -> impl Strategy<Value = Content> {
    let texts = (".{0,20}", ".{0,20}", ".{0,20}", ".{0,60}");
    let lists = (texts_of_urls(), texts_of_tags(), fields(), attachments());
    let rest = (option::of(totp()), option::of(any::<u64>()), option::of(any::<u32>()));
    (texts, lists, rest).prop_map(|((title, user, password, notes), lists, rest)| Content {
        title: Plain::new(title),
        user: Plain::new(user),
        password: password.into(),
        entropy_centibits: rest.2,
        urls: lists.0,
        notes: notes.into(),
        tags: lists.1,
        fields: lists.2,
        attachments: lists.3,
        totp: rest.0,
        expires_s: rest.1,
    })
}

fn texts_of_urls() -> impl Strategy<Value = Vec<Plain>> {
    texts(3)
}

fn texts_of_tags() -> impl Strategy<Value = Vec<Plain>> {
    texts(4)
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let ids = (any::<[u8; 16]>(), any::<[u8; 16]>(), option::of(any::<u64>()));
    let times = (any::<u64>(), any::<u64>());
    (ids, times, content(), vec((any::<u64>(), content()), 0..3)).prop_map(
        |((id, group, recycled_s), (created_s, modified_s), content, history)| Entry {
            id: EntryId::from_bytes(id),
            group: GroupId::from_bytes(group),
            recycled_s,
            times: Times { created_s, modified_s },
            content,
            history: history
                .into_iter()
                .map(|(modified_s, content)| Version { modified_s, content })
                .collect(),
        },
    )
}

pub(crate) fn group() -> impl Strategy<Value = Group> {
    (any::<[u8; 16]>(), any::<[u8; 16]>(), option::of(any::<u64>()), "\\PC{1,20}", ".{0,40}").prop_map(
        |(id, parent, recycled_s, name, notes)| Group {
            id: GroupId::from_bytes(id),
            parent: GroupId::from_bytes(parent),
            recycled_s,
            times: Times::new(7),
            name: Plain::new(name),
            notes: notes.into(),
        },
    )
}
