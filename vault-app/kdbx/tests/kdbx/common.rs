//! What the tests share: a source of bytes from a seed, keys of every kind, a database with everything in it, and a summary
//! that two programs' files can be compared by.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use vault_app_kdbx::{
    ArgonKind, Binary, Block, Cipher, CompositeKey, Compression, Cost, Database, Entry, Group, NewDatabase,
    Options, Protection, Random, RandomError, Time, Uuid,
};

/// A source of bytes from a seed (SplitMix64).
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

pub(crate) const PASSPHRASE: &str = "correct horse \u{fc}ber battery";
/// Any file is a key file.
pub(crate) const KEY_FILE: &[u8] = b"a key file of no special form\n";

/// Which parts a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Passphrase,
    KeyFile,
    Both,
}

impl KeyKind {
    pub(crate) const ALL: [Self; 3] = [Self::Passphrase, Self::KeyFile, Self::Both];

    pub(crate) fn passphrase(self) -> Option<&'static str> {
        (self != Self::KeyFile).then_some(PASSPHRASE)
    }

    pub(crate) fn key_file(self) -> Option<&'static [u8]> {
        (self != Self::Passphrase).then_some(KEY_FILE)
    }

    pub(crate) fn key(self) -> CompositeKey {
        CompositeKey::new(self.passphrase().map(str::as_bytes), self.key_file()).unwrap()
    }
}

/// The cheapest cost both other programs take.
pub(crate) fn cheap() -> Cost {
    Cost::new(64, 2, 2).unwrap()
}

/// All ways to write a file, with the kind of key: 24 variants.
pub(crate) fn variants() -> Vec<(Options, KeyKind)> {
    let mut all = Vec::new();
    for cipher in [Cipher::Aes256, Cipher::ChaCha20] {
        for kind in [ArgonKind::D, ArgonKind::Id] {
            for compression in [Compression::None, Compression::Gzip] {
                for key in KeyKind::ALL {
                    all.push((Options { cipher, compression, kind, cost: cheap() }, key));
                }
            }
        }
    }
    all
}

pub(crate) fn blocks(cost: Cost) -> Vec<Block> {
    vec![Block::new(); cost.blocks()]
}

/// Opens with as much memory as the file wants.
pub(crate) fn open(file: &[u8], key: &CompositeKey) -> Result<Database, vault_app_kdbx::KdbxError> {
    let memory = match vault_app_kdbx::peek(file)?.kdf {
        vault_app_kdbx::Kdf::Argon2 { cost, .. } => blocks(cost),
        vault_app_kdbx::Kdf::Aes { .. } => Vec::new(),
    };
    let mut memory = memory;
    vault_app_kdbx::open(file, key, &mut memory)
}

pub(crate) fn save(database: &Database, key: &CompositeKey, options: &Options) -> Vec<u8> {
    vault_app_kdbx::save(database, key, options, &mut Seeded(1), &mut blocks(options.cost)).unwrap()
}

pub(crate) const ROOT: Uuid = Uuid([1; 16]);
pub(crate) const BANKS: Uuid = Uuid([2; 16]);
pub(crate) const ABROAD: Uuid = Uuid([3; 16]);
pub(crate) const LOGIN: Uuid = Uuid([4; 16]);
pub(crate) const DEEP: Uuid = Uuid([5; 16]);
pub(crate) const THROWN: Uuid = Uuid([6; 16]);
pub(crate) const GONE: Uuid = Uuid([7; 16]);
pub(crate) const BIN: Uuid = Uuid([8; 16]);
const NOW: Time = Time(1_790_000_000);

/// A database with everything in it that this crate has a word for.
pub(crate) fn sample() -> Database {
    let mut database = Database::new(NewDatabase { name: "Sample & <more>", root: ROOT, now: NOW });
    let contents = [vec![], b"small".to_vec(), (0..=255).cycle().take(100_000).collect()];
    let references = contents.map(|data| database.add_binary(Binary::new(data, Protection::Protected)));

    let mut root = database.group_mut(ROOT).unwrap();
    root.add_group(BANKS, "Banks \u{2014} \u{1f511}", NOW).add_group(ABROAD, "Abroad", NOW);
    let mut login = root.add_entry(LOGIN, NOW);
    login.set_field("Title", "Login with \"quotes\" & <angles>", Protection::Plain);
    login.set_field("UserName", "ann", Protection::Plain);
    login.set_field("Password", "first", Protection::Protected);
    login.archive(Some(10));
    login.set_field("Password", "p\u{e4}ss<&>\"' w\u{f6}rd \u{1f511}", Protection::Protected);
    login.archive(Some(10));
    login.set_field("URL", "https://example.org/?a=1&b=2", Protection::Plain);
    login.set_field("Notes", "line one\nline two\n\tindented, ]]> and &amp;", Protection::Plain);
    login.set_field("PIN", "0042", Protection::Protected);
    login.set_field("Account", "DE00 1234", Protection::Plain);
    login.set_field(
        "otp",
        "otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQ&period=30&digits=6",
        Protection::Protected,
    );
    login.set_tags(["money", "work stuff"]);
    login.set_expiry(Some(Time(1_900_000_000)));
    login.attach("small.txt", references[1]);
    login.attach("large.bin", references[2]);
    login.set_custom_data("org.example.key", "value");
    login.touch(Time(NOW.0 + 5));

    let mut deep = database.group_mut(ABROAD).unwrap();
    let mut entry = deep.add_entry(DEEP, NOW);
    entry.set_field("Title", "Deep", Protection::Plain);
    entry.set_field("Password", "second", Protection::Protected);
    entry.attach("empty", references[0]);
    entry.attach("again.txt", references[1]);

    for (uuid, title) in [(THROWN, "Thrown away"), (GONE, "Gone")] {
        let mut banks = database.group_mut(BANKS).unwrap();
        banks.add_entry(uuid, NOW).set_field("Title", title, Protection::Plain);
    }
    database.recycle(THROWN, BIN, NOW).unwrap();
    database.delete(GONE, NOW).unwrap();
    database.set_custom_data("org.example.database", "kept");
    database
}

/// An entry: fields with protection, tags, times, attachments with their contents, custom data, history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntrySummary {
    pub(crate) fields: BTreeMap<String, (String, bool)>,
    pub(crate) tags: Vec<String>,
    pub(crate) times: [Option<Time>; 3],
    /// Length and hash of the contents.
    pub(crate) attachments: BTreeMap<String, (usize, u64)>,
    pub(crate) custom_data: BTreeMap<String, String>,
    pub(crate) history: Vec<EntrySummary>,
}

/// What two files are compared by. Order of fields and tags is the programs' own business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) name: String,
    /// Names of groups from the outermost down, with identifiers and notes.
    pub(crate) groups: BTreeMap<Vec<String>, (Option<Uuid>, String)>,
    pub(crate) entries: BTreeMap<Uuid, (Option<Uuid>, EntrySummary)>,
    pub(crate) bin: Option<Uuid>,
    pub(crate) deleted: BTreeMap<Uuid, Option<Time>>,
    pub(crate) custom_data: BTreeMap<String, String>,
}

pub(crate) fn summary(database: &Database) -> Summary {
    let meta = database.meta().unwrap();
    let mut groups = BTreeMap::new();
    let root = database.root().unwrap();
    collect(root, vec![], &mut groups);
    let entries = database
        .entries()
        .map(|(group, entry)| (entry.uuid().unwrap(), (group.uuid(), entry_summary(database, entry))));
    let deleted = database.deleted().map(|deleted| (deleted.uuid().unwrap(), deleted.time()));
    Summary {
        name: meta.name().into(),
        groups,
        entries: entries.collect(),
        bin: database.recycle_bin(),
        deleted: deleted.collect(),
        custom_data: owned(meta.custom_data()),
    }
}

fn collect(group: Group<'_>, mut path: Vec<String>, out: &mut BTreeMap<Vec<String>, (Option<Uuid>, String)>) {
    path.push(group.name().into());
    out.insert(path.clone(), (group.uuid(), group.notes().into()));
    group.groups().for_each(|inner| collect(inner, path.clone(), out));
}

/// Custom data, but for the item in which KeePassXC notes when it last wrote some.
fn owned<'a>(items: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let items = items.filter(|(key, _)| *key != "_LAST_MODIFIED");
    items.map(|(key, value)| (key.into(), value.into())).collect()
}

fn entry_summary(database: &Database, entry: Entry<'_>) -> EntrySummary {
    let fields = entry
        .fields()
        .map(|field| (field.key.into(), (field.value.into(), field.protection == Protection::Protected)));
    let attachments = entry.attachments().map(|attachment| {
        let data = database.binary(attachment.reference).unwrap().data();
        let mut hash = DefaultHasher::new();
        data.hash(&mut hash);
        (attachment.name.into(), (data.len(), hash.finish()))
    });
    let mut tags: Vec<String> = entry.tags().map(Into::into).collect();
    tags.sort();
    EntrySummary {
        fields: fields.collect(),
        tags,
        times: [entry.created(), entry.modified(), entry.expiry()],
        attachments: attachments.collect(),
        custom_data: owned(entry.custom_data()),
        history: entry.history().map(|old| entry_summary(database, old)).collect(),
    }
}
