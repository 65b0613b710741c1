//! Oracle `imports`: files of other password managers, and what becomes of them.
//!
//! Input: a byte, then a text: CSV or Bitwarden's JSON. What is refused names its faults, not too many. What is read fits the
//! caps, becomes records that are read as they were written, in groups that the paths name; and the CSV that we write of it is
//! read again, holds the same entries, and is written the same a second time.

use std::collections::BTreeSet;

use vault_app_codes::{Random, RandomError};
use vault_app_entries::export::Protected;
use vault_app_entries::import::{Import, bitwarden, csv, print_date};
use vault_app_entries::{Change, Content, Entry, GroupId, Item, Plain, Store, StoreError, caps};

/// The last second that a date of a file can say: the end of the year 9999.
const LAST_S: u64 = 253_402_300_799;

/// The oracle.
///
/// # Panics
/// Something was lost, invented or kept beyond a cap.
pub fn imports(input: &[u8]) {
    let Some((kind, text)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let import = if kind & 1 == 0 {
        csv::read(&text).map_err(|faults| {
            assert!((1..=caps::FAULTS_MAX).contains(&faults.len()), "{} faults", faults.len());
            let lines = text.matches('\n').count() + 1;
            for fault in &faults {
                assert!((1..=lines).contains(&fault.line), "{fault}: there are {lines} lines");
                assert!((1..=caps::COLUMNS_MAX + 1).contains(&fault.column), "{fault}");
            }
        })
    } else {
        bitwarden::read(&text).map_err(|error| {
            if let bitwarden::BitwardenError::Items(faults) = &error {
                assert!((1..=caps::FAULTS_MAX).contains(&faults.len()), "{} faults", faults.len());
            }
            assert!(!error.to_string().is_empty());
        })
    };
    let Ok(import) = import else { return };
    let before = kept(&import);
    let groups = groups(&import);
    let count = import.entries.len();
    assert!(count <= caps::ENTRIES_MAX && count <= text.len(), "{count} entries of {} bytes", text.len());
    let mut store = Store::new();
    let changes = match store.import(import, GroupId::ROOT, &mut Count(0), 5) {
        Ok(changes) => changes,
        Err(error) => {
            assert!(error == StoreError::Full && groups.len() > caps::GROUPS_MAX, "{error}");
            return;
        }
    };
    let records = changes.records().expect("a store checks what it puts");
    store.commit(changes).expect("made from this store");
    loads(&store, &records);
    assert_eq!((store.entries().count(), store.groups().count()), (count, groups.len()));
    let after: BTreeSet<Kept> = store.entries().map(|entry| of_entry(&store, entry)).collect();
    assert!(before.into_iter().collect::<BTreeSet<_>>() == after, "other entries than were read");
    comes_back(&store);
}

/// Ids that are never the same.
struct Count(u64);

impl Random for Count {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.0 += 1;
        out.fill(0);
        out.iter_mut().rev().zip(self.0.to_le_bytes()).for_each(|(to, from)| *to = from);
        Ok(())
    }
}

/// Path, content as it prints and with its secrets, and whether it is in the bin.
type Kept = (Vec<String>, Vec<String>, bool);

fn kept(import: &Import) -> Vec<Kept> {
    let path = |path: &[Plain]| path.iter().map(|name| name.to_string()).collect();
    let entries = import.entries.iter();
    entries.map(|it| (path(&it.path), words(&it.content), it.recycled_s.is_some())).collect()
}

fn of_entry(store: &Store, entry: &Entry) -> Kept {
    let mut path: Vec<String> = store.ancestry(entry.group).map(|group| group.name.to_string()).collect();
    path.reverse();
    (path, words(&entry.content), store.is_recycled(Item::Entry(entry.id)))
}

/// What CSV holds of a content, secrets in the clear.
fn words(content: &Content) -> Vec<String> {
    let mut words = vec![content.title.to_string(), content.user.to_string()];
    words.extend([content.password.expose(), content.notes.expose()].map(String::from));
    words.push(
        content
            .totp
            .as_ref()
            .map(|totp| vault_app_entries::otpauth::print(totp).expose().into())
            .unwrap_or_default(),
    );
    words.push(content.expires_s.map(|at_s| at_s.min(LAST_S)).map(print_date).unwrap_or_default());
    words.extend(content.urls.iter().map(|url| format!("url {}", url.as_str())));
    words.extend(content.tags.iter().map(|tag| format!("tag {}", tag.as_str())));
    words.extend(
        content.fields.iter().map(|field| format!("{}: {}", field.name.as_str(), field.value.expose())),
    );
    words
}

/// Every group that some path names.
fn groups(import: &Import) -> BTreeSet<Vec<String>> {
    let paths = import.groups.iter().chain(import.entries.iter().map(|entry| &entry.path));
    let mut groups = BTreeSet::new();
    for path in paths {
        assert!(path.len() <= caps::GROUP_DEPTH_MAX, "a path too deep");
        for end in 1..=path.len() {
            groups.insert(path[..end].iter().map(|name| name.to_string()).collect());
        }
    }
    groups
}

/// The records make the same store.
fn loads(store: &Store, records: &[Change]) {
    let records = records.iter().map(|change| match change {
        Change::Put(id, bytes) => (*id, bytes.as_slice()),
        Change::Delete(id) => panic!("an import deletes {id}"),
    });
    let loaded = Store::load(records).expect("what is written is read");
    assert!(loaded.entries().eq(store.entries()) && loaded.groups().eq(store.groups()), "another store");
}

/// Whether CSV holds all of an entry: lists there are lines, and a field's name ends at the first colon and blank.
fn is_plain(entry: &Entry) -> bool {
    let content = &entry.content;
    let is_line = |text: &str| !text.contains(['\r', '\n']);
    content.urls.iter().chain(&content.tags).all(|text| is_line(text))
        && content.fields.iter().all(|field| {
            let name = field.name.as_str();
            is_line(name) && !name.contains(": ") && is_line(field.value.expose())
        })
}

/// An export is read again.
fn comes_back(store: &Store) {
    let export = store.export_csv(Protected::Include);
    let live = || store.entries().filter(|entry| !store.is_recycled(Item::Entry(entry.id)));
    assert_eq!((export.entries, export.recycled), (live().count(), store.entries().count() - live().count()));
    let is_all_plain = live().all(is_plain);
    let read = match csv::read(export.text.expose()) {
        Ok(read) => read,
        Err(faults) => {
            assert!(!is_all_plain, "our own export is refused: {}", faults[0]);
            return;
        }
    };
    assert_eq!(read.entries.len(), export.entries);
    for (entry, again) in live().zip(&read.entries) {
        let (path, words, _) = of_entry(store, entry);
        assert!(again.path.iter().map(|name| name.as_str()).eq(path), "in another group");
        let words_again = self::words(&again.content);
        let several = if is_plain(entry) { words.len() } else { 6 };
        assert_eq!(words.get(..several), words_again.get(..several), "another entry");
        let times = again.times.expect("an export has dates");
        let moments = [(times.created_s, entry.times.created_s), (times.modified_s, entry.times.modified_s)];
        assert!(moments.iter().all(|(again, before)| *again == (*before).min(LAST_S)), "another time");
    }
    if is_all_plain {
        let mut second = Store::new();
        let changes = second.import(read, GroupId::ROOT, &mut Count(0), 5).expect("it fitted before");
        second.commit(changes).expect("made from this store");
        let again = second.export_csv(Protected::Include);
        assert!(again.text == export.text, "a second export is another");
    }
}

/// Inputs to begin with.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for (number, head) in CSV_HEADS.iter().enumerate() {
        let columns = head.split(',').count();
        for (shift, _) in CELLS.iter().enumerate() {
            let cells = CELLS.iter().cycle().skip(shift * 3 + number);
            let row =
                |skip: usize| cells.clone().skip(skip).step_by(5).take(columns).copied().collect::<Vec<_>>();
            inputs.push(format!("\0{head}\n{}\r\n{}\n", row(0).join(","), row(2).join(",")).into_bytes());
        }
        let right = head.split(',').map(|name| if name.contains("ime") { "1700000000000" } else { "" });
        inputs.push(format!("\0{head}\n{}", right.collect::<Vec<_>>().join(",")).into_bytes());
    }
    inputs.push(format!("\0{}\n{}", OWN.0, OWN.1).into_bytes());
    let deep: String = (0..16).map(|number| format!("/{number}")).collect();
    inputs.push(format!("\0folder,password\n{deep},p").into_bytes());
    for items in ITEMS {
        inputs.push(
            format!("\x01{{\"encrypted\":false,\"folders\":[{FOLDERS}],\"items\":[{items}]}}").into_bytes(),
        );
        inputs.push(format!("\x01{{\"collections\":[{FOLDERS}],\"items\":[{items},{items}]}}").into_bytes());
    }
    inputs.push(b"\x01{\"encrypted\":true,\"items\":[]}".to_vec());
    inputs
}

/// Words that a fuzzer would take long to guess.
pub(crate) fn dictionary() -> Vec<Vec<u8>> {
    let heads = CSV_HEADS.iter().flat_map(|head| head.split(','));
    let words = ITEMS.iter().chain([&FOLDERS]).flat_map(|items| items.split_inclusive([':', ',', '{', '[']));
    let more = [
        "\"\"",
        "\r\n",
        "\\/",
        "\\\\",
        ": ",
        "Root/",
        "\u{feff}",
        "://",
        "otpauth://totp/",
        "%3A",
        "\\u0000",
    ];
    let all: BTreeSet<&str> = heads.chain(words).chain(CELLS).chain(more).collect();
    all.into_iter().filter(|word| !word.is_empty()).map(|word| word.into()).collect()
}

const OWN: (&str, &str) = (
    "Group,Title,Username,Password,URL,Notes,TOTP,Last Modified,Created,Tags,Fields,Expires",
    "Root/a\\/b/c,t,u,\"p\"\"w\",\"https://a\nhttps://b\",\"n\nm\",otpauth://totp/i:a?secret=GE&issuer=i,\
     2024-02-29T12:34:56Z,1970-01-01T00:00:00Z,\"x\ny\",\"a: b\nc: d\",9999-12-31T23:59:59Z\r\n",
);

const CSV_HEADS: [&str; 6] = [
    OWN.0,
    "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp",
    "name,url,username,password,note",
    "url,username,password,httpRealm,formActionOrigin,guid,timeCreated,timeLastUsed,timePasswordChanged",
    "password,mine,yours",
    "title,password,tags,fields,expires",
];

const CELLS: [&str; 22] = [
    "a",
    "",
    "\"x, y\"",
    "\"a \"\"b\"\" c\"",
    "2024-02-29T12:34:56+01:00",
    "\"https://a,b://c\"",
    "a\\/b/c\\\\d",
    "\"n: 1\nm: 2\r\nmore\"",
    "GEZDGNBVGY3TQOJQ",
    "steam://GEZDGNBV",
    "otpauth://totp/i%3Aa?secret=GE&algorithm=SHA512&digits=8&period=60",
    "=1+1",
    "1",
    "1700000000000",
    "Root",
    "\" \"",
    "user@host",
    "\"\r\n\"",
    "\u{e9}\u{1f511}",
    "otpauth://totp/a?secret=ge&issuer=b%20c&encoder=steam",
    "\"n: \nn: \"",
    "1970-01-01T00:00:00.5Z",
];

const FOLDERS: &str =
    "{\"id\":\"f\",\"name\":\"a/b\"},{\"id\":\"g\",\"name\":\"\"},{\"id\":\"h\",\"name\":\"a/b/c\\\\/d\"}";

const ITEMS: [&str; 7] = [
    "{\"type\":1,\"name\":\"n\",\"folderId\":\"f\",\"notes\":null,\"favorite\":true,\"login\":{\"username\":\"u\",\
     \"password\":\"p\",\"totp\":\"GE\",\"uris\":[{\"match\":null,\"uri\":\"https://a\"},{\"uri\":\"b\\nc\"}]}}",
    "{\"type\":2,\"name\":\"n\",\"notes\":\"a\\nb\",\"secureNote\":{\"type\":0},\"fields\":[{\"name\":\"a\",\"value\":\"b\",\
     \"type\":1},{\"name\":null,\"value\":null,\"type\":3,\"linkedId\":100},{\"name\":\"a\",\"value\":\"c: d\",\"type\":0}]}",
    "{\"type\":3,\"name\":\"n\",\"collectionIds\":[\"h\"],\"card\":{\"cardholderName\":\"a\",\"number\":\"4\",\"code\":null}}",
    "{\"type\":4,\"name\":\"n\",\"identity\":{\"title\":\"a\",\"ssn\":\"1\",\"email\":\"a@b\"}}",
    "{\"type\":5,\"name\":\"n\",\"sshKey\":{\"privateKey\":\"a\\nb\",\"publicKey\":\"c\"}}",
    "{\"type\":1,\"name\":\"n\",\"passwordHistory\":[{\"lastUsedDate\":\"2024-01-01T00:00:00.000Z\",\"password\":\"o\"},\
     {\"lastUsedDate\":null,\"password\":\"q\"}],\"deletedDate\":\"2024-01-01T00:00:00Z\",\
     \"creationDate\":\"2023-01-01T00:00:00Z\",\"revisionDate\":\"2023-01-02T00:00:00Z\",\"login\":{}}",
    "{\"type\":1,\"name\":\"n\",\"login\":{\"fido2Credentials\":[{\"credentialId\":\"a\",\"rpId\":\"b\",\"counter\":\"0\",\
     \"discoverable\":true}]}}",
];
