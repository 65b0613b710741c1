//! What the tests share: a source of bytes from a seed, arbitrary stores with all that belongs to them, and summaries to
//! compare stores by.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use vault_app_codes::totp::{Hash, Settings};
use vault_app_codes::{Random, RandomError};
use vault_app_entries::{
    Attachment, Content, ContentId, Entry, EntryId, Field, Group, GroupId, Plain, SecretBytes, Store, Times,
    Totp, Version, otpauth, record,
};
use vault_app_kdf::{Block, Cost};
use vault_app_signing::{Key, Seed};
use vault_app_transfer::{
    Exported, Format, Imported, Means, Source, SourceError, TransferError, Verified, export, import, verify,
};

pub(crate) const PASSPHRASE: &[u8] = "correct horse \u{fc}ber battery".as_bytes();
pub(crate) const NOW_S: u64 = 1_790_000_000;
/// Room enough for all but the tests of what doesn't fit.
pub(crate) const ROOM: usize = 64 << 20;

/// The cheapest cost that other programs take, too.
pub(crate) fn cheap() -> Cost {
    Cost::new(64, 2, 2).unwrap()
}

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

/// A store with its attachments and signing keys.
#[derive(Debug, Default)]
pub(crate) struct Vault {
    pub(crate) store: Store,
    pub(crate) rest: Rest,
}

/// What is kept beside the store.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) contents: BTreeMap<ContentId, Vec<u8>>,
    pub(crate) keys: BTreeMap<u64, Vec<u8>>,
}

impl Source for Rest {
    fn content(&mut self, id: ContentId) -> Result<SecretBytes, SourceError> {
        self.contents.get(&id).map(|bytes| SecretBytes::new(bytes)).ok_or(SourceError)
    }

    fn keys(&mut self) -> Result<Vec<(u64, SecretBytes)>, SourceError> {
        Ok(self.keys.iter().map(|(id, record)| (*id, SecretBytes::new(record))).collect())
    }
}

impl Vault {
    pub(crate) fn new(groups: Vec<Group>, entries: Vec<Entry>, rest: Rest) -> Self {
        let mut store = Store::new();
        let changes = store.merge(groups, entries).unwrap();
        store.commit(changes).unwrap();
        Self { store, rest }
    }

    pub(crate) fn export(&mut self, format: Format) -> Exported {
        self.export_within(format, ROOM).unwrap()
    }

    pub(crate) fn export_within(&mut self, format: Format, room: usize) -> Result<Exported, TransferError> {
        let mut blocks = vec![Block::new(); cheap().blocks()];
        let (random, blocks) = (&mut Seeded(1), &mut blocks[..]);
        let mut means = Means { passphrase: PASSPHRASE, key_file: None, blocks, random, now_s: NOW_S, room };
        export(&self.store, &mut self.rest, format, cheap(), &mut means)
    }

    pub(crate) fn import(
        &mut self,
        file: &[u8],
        format: Format,
        at: GroupId,
    ) -> Result<Imported, TransferError> {
        self.import_with(file, format, at, PASSPHRASE, ROOM)
    }

    pub(crate) fn import_with(
        &mut self,
        file: &[u8],
        format: Format,
        at: GroupId,
        passphrase: &[u8],
        room: usize,
    ) -> Result<Imported, TransferError> {
        let mut blocks = vec![Block::new(); 1024];
        let seed = 2 + self.store.entries().count() as u64;
        let (random, blocks) = (&mut Seeded(seed), &mut blocks[..]);
        let mut means = Means { passphrase, key_file: None, blocks, random, now_s: NOW_S, room };
        import(file, format, &self.store, &mut self.rest, at, &mut means)
    }

    /// Does what a vault does with an import: stores all of it, commits.
    pub(crate) fn take(&mut self, imported: Imported) {
        for (id, content) in imported.contents {
            assert!(self.rest.contents.insert(id, content.expose().to_vec()).is_none());
        }
        for (id, key) in imported.keys {
            self.rest.keys.insert(id, key.expose().to_vec());
        }
        self.store.commit(imported.changes).unwrap();
    }

    pub(crate) fn records(&self) -> BTreeMap<u128, Vec<u8>> {
        let groups =
            self.store.groups().map(|group| (group.id.number(), record::encode_group(group).unwrap()));
        let entries = self.store.entries().map(|entry| (entry.id.number(), record::encode(entry).unwrap()));
        groups.chain(entries).map(|(id, bytes)| (id, bytes.to_vec())).collect()
    }
}

pub(crate) fn check(file: &[u8]) -> Result<Verified, TransferError> {
    verify(file, PASSPHRASE, &mut vec![Block::new(); 1024], ROOM)
}

/// Groups, and entries with the bytes of their attachments.
pub(crate) type Whole = (BTreeMap<GroupId, Group>, BTreeMap<EntryId, (Entry, Vec<Vec<u8>>)>);

/// All that a vault holds, with the bytes of attachments in place of their ids.
pub(crate) fn whole(vault: &Vault) -> Whole {
    let entry = |entry: &Entry| {
        let mut entry = entry.clone();
        let mut bytes = Vec::new();
        let versions = entry.history.iter_mut().map(|version| &mut version.content);
        for content in std::iter::once(&mut entry.content).chain(versions) {
            for attachment in &mut content.attachments {
                bytes.push(vault.rest.contents[&attachment.content].clone());
                attachment.content = ContentId::from_bytes([0; 16]);
            }
        }
        (entry.id, (entry, bytes))
    };
    let groups = vault.store.groups().map(|group| (group.id, group.clone()));
    (groups.collect(), vault.store.entries().map(entry).collect())
}

pub(crate) fn plain(text: &str) -> Plain {
    Plain::new(text.into())
}

pub(crate) fn group_id(number: u8) -> GroupId {
    GroupId::from_bytes([number; 16])
}

pub(crate) fn entry_id(number: u8) -> EntryId {
    EntryId::from_bytes([0xe0, number, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])
}

pub(crate) fn content_id(number: u8) -> ContentId {
    ContentId::from_bytes([0xc0, number, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5])
}

fn key(number: u8) -> (u64, Vec<u8>) {
    let key = Key::new(&Seed::new([number; 32]), "ann@host").unwrap();
    (key.public().id().0, key.to_record().to_vec())
}

fn attachment(name: &str, number: u8, size: u64) -> Attachment {
    Attachment { name: plain(name), content: content_id(number), size }
}

/// A content with all that one can have.
fn login() -> Content {
    Content {
        title: plain("Login with \"quotes\" & <angles>"),
        user: plain("ann"),
        password: "p\u{e4}ss<&>\"' w\u{f6}rd \u{1f511}".into(),
        entropy_centibits: Some(6_400),
        urls: ["https://example.org/?a=1&b=2", "https://example.net", "https://example.com"]
            .map(plain)
            .into(),
        notes: "line one\nline two\n\tindented, ]]> and &amp;".into(),
        tags: ["money", "work stuff"].map(plain).into(),
        fields: vec![
            Field { name: plain("PIN"), value: "0042".into(), protected: true },
            Field { name: plain("Account"), value: "DE00 1234".into(), protected: false },
        ],
        attachments: vec![attachment("small.txt", 1, 5), attachment("large.bin", 2, 40_000)],
        totp: Some(otpauth::parse("otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQ&issuer=a").unwrap()),
        expires_s: Some(1_900_000_000),
    }
}

/// A vault with one of everything.
pub(crate) fn sample() -> Vault {
    let times = Times { created_s: 1_700_000_000, modified_s: 1_700_000_500 };
    let group = |id, parent, name: &str, recycled_s| Group {
        id: group_id(id),
        parent,
        recycled_s,
        times,
        name: plain(name),
        notes: format!("about {name}").as_str().into(),
    };
    let groups = vec![
        group(1, GroupId::ROOT, "Banks \u{2014} \u{1f511}", None),
        group(2, group_id(1), "Abroad", None),
        group(3, group_id(1), "Closed", Some(1_750_000_000)),
    ];
    let content = login();
    let old = Content {
        password: "first".into(),
        attachments: vec![attachment("small.txt", 3, 6)],
        ..content.clone()
    };
    let steam = Content {
        title: plain("Steam"),
        totp: Some(otpauth::parse("steam://GEZDGNBVGY3TQOJQ").unwrap()),
        ..Content::default()
    };
    let entry = |number, group, content: Content, recycled_s| Entry {
        id: entry_id(number),
        group,
        recycled_s,
        times,
        content,
        history: Vec::new(),
    };
    let titled = |title: &str| Content { title: plain(title), password: "x".into(), ..Content::default() };
    let odd = Content {
        title: plain("odd \0\u{1}"),
        tags: vec![plain("a;b"), plain(" c ")],
        fields: ["Title", "otp", "KP2A_URL", "KP2A_URL_1", "skep.kept", "\u{1}", "\u{fffd}"]
            .map(|name| Field { name: plain(name), value: "v\0".into(), protected: name == "otp" })
            .into(),
        attachments: vec![attachment("\u{1}", 1, 5), attachment("\u{fffd}", 3, 6)],
        ..titled("")
    };
    let mut login = entry(1, group_id(1), content, None);
    login.history = vec![
        Version { modified_s: 1_700_000_300, content: old.clone() },
        Version { modified_s: 1_700_000_100, content: Content { user: plain("anna"), ..old } },
    ];
    let entries = vec![
        login,
        entry(2, group_id(2), steam, None),
        entry(3, GroupId::ROOT, odd, None),
        entry(4, group_id(2), titled("Thrown away"), Some(1_760_000_000)),
        entry(5, group_id(3), titled("In a closed group"), None),
        entry(6, group_id(3), titled("Thrown away before"), Some(1_740_000_000)),
    ];
    let large: Vec<u8> = (0..=255).cycle().take(40_000).collect();
    let contents = [(1, b"small".to_vec()), (2, large), (3, b"before".to_vec())];
    let contents = contents.map(|(number, bytes)| (content_id(number), bytes));
    Vault::new(groups, entries, Rest { contents: contents.into(), keys: [key(1), key(2)].into() })
}

/// Texts with all that is awkward in XML and CSV.
fn text(max: usize) -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        8 => any::<char>(),
        4 => proptest::char::range('a', 'e'),
        2 => proptest::sample::select(vec!['\0', '\r', '\n', '\t', ' ', ';', ',', '<', '&', '\u{fffe}', '\u{fffd}']),
    ];
    vec(letter, 0..max).prop_map(|letters| letters.into_iter().collect())
}

fn names(max: usize) -> impl Strategy<Value = Vec<Plain>> {
    let special =
        ["Title", "Password", "otp", "KP2A_URL", "KP2A_URL_1", "Title (2)", "skep.kept", "\u{1}", "\u{fffd}"];
    let name =
        prop_oneof![3 => text(8), 1 => proptest::sample::select(special.to_vec()).prop_map(String::from)];
    vec(name, 0..max).prop_map(|names| {
        let mut unique: Vec<Plain> = Vec::new();
        for name in names {
            if !name.is_empty() && !unique.iter().any(|other| **other == name) {
                unique.push(Plain::new(name));
            }
        }
        unique
    })
}

fn totp() -> impl Strategy<Value = Totp> {
    let hash = prop_oneof![Just(Hash::Sha1), Just(Hash::Sha256), Just(Hash::Sha512)];
    let decimal = (hash, 6_u8..=8, 1_u16..=3_600)
        .prop_map(|(hash, digits, period_s)| Settings::new(hash, digits, period_s).unwrap());
    let settings = prop_oneof![decimal, Just(Settings::STEAM)];
    (vec(any::<u8>(), 1..=64), settings, text(10), text(10)).prop_map(
        |(secret, settings, issuer, account)| Totp {
            secret: SecretBytes::new(&secret),
            settings,
            issuer: Plain::new(issuer),
            account: Plain::new(account),
        },
    )
}

/// Seconds that every format can say.
fn seconds() -> impl Strategy<Value = u64> {
    0..1_u64 << 37
}

/// Contents of attachments are numbered; their sizes are those of [`Vault`]s made by [`vault`].
fn content(sizes: [u8; 4]) -> impl Strategy<Value = Content> {
    let texts = (text(20), text(20), text(20), text(60));
    let fields = (names(5), vec((text(20), any::<bool>()), 5));
    let lists = (names(4), names(4), fields, names(3), vec(0..4_usize, 3));
    let rest = (option::of(totp()), option::of(seconds()), option::of(any::<u32>()));
    (texts, lists, rest).prop_map(move |((title, user, password, notes), lists, rest)| Content {
        title: Plain::new(title),
        user: Plain::new(user),
        password: password.into(),
        entropy_centibits: rest.2,
        urls: lists.0,
        notes: notes.into(),
        tags: lists.1,
        fields: std::iter::zip(lists.2.0, lists.2.1)
            .map(|(name, (value, protected))| Field { name, value: value.into(), protected })
            .collect(),
        attachments: std::iter::zip(lists.3, lists.4)
            .map(|(name, number)| Attachment {
                name,
                content: content_id(u8::try_from(number).unwrap()),
                size: u64::from(sizes[number]),
            })
            .collect(),
        totp: rest.0,
        expires_s: rest.1,
    })
}

/// Arbitrary vaults: up to six groups as any tree, up to six entries, anything of it in the bin.
pub(crate) fn vault() -> impl Strategy<Value = Vault> {
    any::<[u8; 4]>().prop_flat_map(|sizes| {
        let entry = (0..7_usize, option::weighted(0.3, seconds()), seconds(), seconds(), content(sizes))
            .prop_flat_map(move |entry| (Just(entry), vec(version_of(sizes), 0..3)));
        let group = (0..7_usize, option::weighted(0.3, seconds()), seconds(), seconds(), text(9), text(9));
        (vec(group, 0..6), vec(entry, 0..6), 0..3_u8).prop_map(move |(groups, entries, keys)| {
            let place = |number: usize, below: usize| match number.min(below) {
                0 => GroupId::ROOT,
                number => group_id(u8::try_from(number).unwrap()),
            };
            let count = groups.len();
            let groups = groups.into_iter().enumerate().map(|(number, group)| {
                let (parent, recycled_s, created_s, modified_s, name, notes) = group;
                Group {
                    id: place(number + 1, count),
                    parent: place(parent, number),
                    recycled_s,
                    times: Times { created_s, modified_s },
                    name: plain(if name.is_empty() { "g" } else { &name }),
                    notes: notes.into(),
                }
            });
            let entries = entries.into_iter().enumerate().map(|(number, (entry, history))| {
                let (group, recycled_s, created_s, modified_s, content) = entry;
                Entry {
                    id: entry_id(u8::try_from(number).unwrap()),
                    group: place(group, count),
                    recycled_s,
                    times: Times { created_s, modified_s },
                    content,
                    history: history
                        .into_iter()
                        .map(|(modified_s, content)| Version { modified_s, content })
                        .collect(),
                }
            });
            let entries: Vec<Entry> = entries.collect();
            let used = entries.iter().flat_map(Entry::contents).map(|id| {
                let number = id.bytes()[1];
                (id, vec![number; usize::from(sizes[usize::from(number)])])
            });
            let rest = Rest { contents: used.collect(), keys: (0..keys).map(key).collect() };
            Vault::new(groups.collect(), entries, rest)
        })
    })
}

fn version_of(sizes: [u8; 4]) -> impl Strategy<Value = (u64, Content)> {
    (seconds(), content(sizes))
}
