//! Oracle `kdbx`: the reader of KeePass files against damaged files, headers nobody would write and hostile contents.
//!
//! Input: a first byte says what the rest is. 0: changes of a good file, four bytes each (a place, what is added to the byte there,
//! a cut); it opens only if nothing changed. 1: a header after signatures and version, with its right checksum; what it asks for is
//! within the caps. 2: inner header and document; they are refused, or written and read again as they are. 3: deflated bytes in a right
//! gzip frame, against another way of inflating them. 4: a document behind a right inner header, then as 2. 5: an authentic file that lies (`sealed.rs`).

use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use vault_app_kdbx::{
    ArgonKind, Block, Cipher, CompositeKey, Compression, Cost, Database, Kdf, NewDatabase, Options,
    Protection, Random, RandomError, SecretBytes, Time, Uuid, bounds, open, peek, read_contents, save,
};

use crate::input::Input;
use crate::sealed::sealed;

pub(crate) const SIGNATURE: &[u8] = b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x01\0\x04\0";
/// ChaCha20 under a key of one byte, no attachments.
pub(crate) const INNER: &[u8] = b"\x01\x04\0\0\0\x03\0\0\0\x02\x01\0\0\0k\0\0\0\0\0";
/// Inflated contents beyond this are not looked at: it is the input's own size that should be explored.
const INFLATED_MAX: usize = 1 << 20;

/// The oracle.
///
/// # Panics
/// A damaged file opens, a cap is passed, or contents that were read are not written as they are.
pub fn kdbx(input: &[u8]) {
    let mut input = Input::new(input);
    let kind = input.byte() % 6;
    match kind {
        0 => damaged(&mut input),
        1 => header(input.take(usize::MAX)),
        2 => refused_or_kept(input.take(usize::MAX)),
        3 => deflated(input.take(usize::MAX)),
        5 => sealed(&mut input),
        _ => refused_or_kept(&[INNER, input.take(usize::MAX)].concat()),
    }
}

/// Always the same bytes: no secret depends on them here.
struct Fixed;

impl Random for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(0x5a);
        Ok(())
    }
}

pub(crate) fn key() -> CompositeKey {
    CompositeKey::new(Some(b"fuzz"), None).expect("a passphrase is a key")
}

fn write(database: &Database) -> Vec<u8> {
    let cost = Cost::new(8, 1, 1).expect("the least cost is one");
    let options =
        Options { cipher: Cipher::ChaCha20, compression: Compression::None, kind: ArgonKind::D, cost };
    let mut memory = vec![Block::new(); cost.blocks()];
    save(database, &key(), &options, &mut Fixed, &mut memory).expect("what was read can be written")
}

pub(crate) fn good_file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let root = Uuid([1; 16]);
        let mut database = Database::new(NewDatabase { name: "fuzz", root, now: Time(0) });
        let mut group = database.group_mut(root).expect("a new database has a group");
        group.add_entry(Uuid([2; 16]), Time(0)).set_field("Password", "secret", Protection::Protected);
        write(&database)
    })
}

fn damaged(input: &mut Input<'_>) {
    let good = good_file();
    let mut file = good.to_vec();
    while !input.is_empty() {
        let (at, add, cut) = (usize::from(input.u16()), input.byte(), input.byte());
        let len = file.len().max(1);
        if let Some(byte) = file.get_mut(at % len) {
            *byte = byte.wrapping_add(add);
        }
        if cut > 0xf0 {
            file.truncate(at % len);
        }
    }
    let opened = open(&file, &key(), &mut [const { Block::new() }; 64]);
    assert_eq!(opened.is_ok(), file == good, "{:?}", opened.err());
}

fn header(fields: &[u8]) {
    let header = [SIGNATURE, fields].concat();
    // Whatever part of it the reader takes for the header, its checksum is the one that follows.
    for end in SIGNATURE.len()..=header.len() {
        let Some(part) = header.get(..end).filter(|part| part.ends_with(b"\r\n\r\n")) else { continue };
        let file = [part, Sha256::digest(part).as_slice()].concat();
        let Ok(info) = peek(&file) else { continue };
        match info.kdf {
            Kdf::Argon2 { cost, .. } => {
                assert!(cost.memory_kib() <= 256 * 1024 && cost.passes() <= 1 << 16 && cost.lanes() <= 8);
            }
            Kdf::Aes { rounds, .. } => assert!(rounds <= bounds::AES_ROUNDS_MAX),
        }
        return;
    }
}

fn refused_or_kept(contents: &[u8]) {
    let Ok(read) = read_contents(SecretBytes::new(contents.to_vec()), Compression::None) else { return };
    let again =
        open(&write(&read), &key(), &mut [const { Block::new() }; 8]).expect("what was written opens");
    assert!(again.document == read.document, "the document");
    assert!(again.binaries == read.binaries, "the attachments");
}

fn deflated(bytes: &[u8]) {
    let inflated = miniz_oxide::inflate::decompress_to_vec_with_limit(bytes, INFLATED_MAX);
    let plain = inflated.as_deref().unwrap_or_default();
    let mut file = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    file.extend_from_slice(bytes);
    file.extend(crc32fast::hash(plain).to_le_bytes());
    file.extend(u32::try_from(plain.len()).unwrap_or(u32::MAX).to_le_bytes());
    let ours = read_contents(SecretBytes::new(file), Compression::Gzip);
    if let (Ok(ours), true) = (ours, inflated.is_ok()) {
        let theirs = read_contents(SecretBytes::new(plain.to_vec()), Compression::None);
        assert!(theirs.is_ok_and(|theirs| theirs.document == ours.document), "inflated to something else");
    }
}

/// Inputs to begin with.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let good = good_file();
    let end = good.windows(9).position(|part| part == b"\0\x04\0\0\0\r\n\r\n").map_or(0, |at| at + 9);
    let head = good.get(SIGNATURE.len()..end).unwrap_or_default();
    let mut inputs = vec![vec![0], [&[1], head].concat()];
    for at in 0_u16..24 {
        let [low, high] = (at * 61).to_le_bytes();
        inputs.push(vec![0, low, high, 1 << (at % 8), if at % 5 == 0 { 0xff } else { 0 }]);
        let mut bad = [&[1], head].concat();
        let place = usize::from(at) * 11 % bad.len().max(1);
        bad[place.max(1)] ^= 1 << (at % 8);
        inputs.push(bad);
    }
    for document in DOCUMENTS {
        let contents = [INNER, document.as_bytes()].concat();
        inputs.push([&[4], document.as_bytes()].concat());
        inputs.push([&[2], contents.as_slice()].concat());
        inputs.push([&[3], miniz_oxide::deflate::compress_to_vec(&contents, 6).as_slice()].concat());
    }
    inputs.push(
        [&[2], &b"\x01\x04\0\0\0\x02\0\0\0\x03\x03\0\0\0\x01ab\x02\x01\0\0\0k\0\0\0\0\0<a/>"[..]].concat(),
    );
    inputs.extend(crate::sealed::seeds(&DOCUMENTS));
    inputs
}

const DOCUMENTS: [&str; 8] = [
    "<a/>",
    "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<a b=\"c\">d</a>\n",
    "<!-- 1 --><a>\n\t<b/>\n\t<!-- 2 -->\n</a><!-- 3 -->",
    "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F511;&#13;\r\n<![CDATA[<b>]]>]]&gt;</a>",
    "<a><b Protected=\"True\"/><b Protected=\"False\">x</b><b Protected=\"True\">YWJj</b></a>",
    "<x:a x:b='1' c=\"&#10;\t\"><x:a/></x:a>",
    "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
    "<KeePassFile><Meta/><Root><Group><UUID>AQEBAQEBAQEBAQEBAQEBAQ==</UUID><Entry><UUID>AgICAgICAgICAgICAgICAg==</UUID>\
     <String><Key>Title</Key><Value>t</Value></String><History/></Entry></Group><DeletedObjects/></Root></KeePassFile>",
];
