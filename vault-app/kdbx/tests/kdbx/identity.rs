//! What was written is read: any document, with elements and attributes that nobody knows, any attachments, any fields.

use crate::common::{KeyKind, Seeded, blocks};
use proptest::collection::vec;
use proptest::prelude::*;
use vault_app_kdbx::{
    ArgonKind, Attribute, Binary, Cipher, Compression, Cost, Database, Document, Element, NewDatabase, Node,
    Options, Protection, RawField, Text, Time, open, save,
};

/// Any character that XML 1.0 allows.
fn letter() -> impl Strategy<Value = char> {
    let is_allowed = |letter: &char| {
        matches!(letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
            && !matches!(letter, '\u{fffe}' | '\u{ffff}')
    };
    prop_oneof![
        3 => proptest::sample::select(vec!['a', 'Z', '0', ' ', '&', '<', '>', '"', '\'', ']', '-', ';', '#']),
        1 => proptest::sample::select(vec!['\t', '\n', '\r', '\u{a0}', '\u{fffd}', '\u{10ffff}']),
        1 => any::<char>().prop_filter("not in XML", is_allowed),
    ]
}

fn text() -> impl Strategy<Value = String> {
    vec(letter(), 1..12).prop_map(|letters| letters.into_iter().collect())
}

fn name() -> impl Strategy<Value = String> {
    let known = ["KeePassFile", "Group", "Entry", "String", "Value", "History", "UUID", "Meta", "Binary"];
    prop_oneof![
        2 => proptest::sample::select(known.to_vec()).prop_map(String::from),
        1 => "[A-Za-z_\u{e4}\u{4e00}][A-Za-z0-9._\u{b7}-]{0,8}",
        1 => "[a-z]{1,4}:[a-z]{1,4}",
    ]
}

fn comment() -> impl Strategy<Value = Text> {
    text().prop_map(|text| Text::new(text.replace('-', "+").replace('\r', "")))
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let value = prop_oneof![text(), Just(String::new())];
    vec((name(), value), 0..4).prop_map(|pairs| {
        let mut all: Vec<Attribute> = Vec::new();
        for (name, value) in pairs {
            if all.iter().all(|other| other.name != name) {
                all.push(Attribute { name, value: Text::new(value) });
            }
        }
        all
    })
}

/// An element with one text, which may be protected. Protected text may be anything, also what XML does not allow.
fn leaf() -> impl Strategy<Value = Element> {
    let content = prop_oneof![
        Just((false, String::new())),
        text().prop_map(|text| (false, text)),
        any::<String>().prop_map(|text| (true, text))
    ];
    (name(), attributes(), content).prop_map(|(name, attributes, (protected, text))| {
        let mut element = Element { name, attributes, children: Vec::new() };
        element.set_text(&text);
        if protected {
            element.set_attribute("Protected", "True");
        }
        element
    })
}

/// An element with elements, comments and texts in it, in the form that reading makes.
fn tree() -> impl Strategy<Value = Element> {
    leaf().prop_recursive(5, 40, 5, |inner| {
        let node = prop_oneof![
            4 => inner.prop_map(Node::Element),
            1 => comment().prop_map(Node::Comment),
            1 => text().prop_map(|text| Node::Text(Text::new(format!("{text}.")))),
        ];
        (name(), attributes(), vec(node, 1..5)).prop_map(|(name, attributes, mut children)| {
            children.dedup_by(|a, b| matches!((a, b), (Node::Text(_), Node::Text(_))));
            Element { name, attributes, children }
        })
    })
}

fn database() -> impl Strategy<Value = Database> {
    let binaries = vec((vec(any::<u8>(), 0..300), any::<bool>()), 0..4);
    let public = vec(vec(any::<u8>(), 0..40), 0..3);
    (tree(), vec(comment(), 0..2), vec(comment(), 0..2), binaries, public).prop_map(
        |(root, before, after, binaries, public)| {
            let new = NewDatabase { name: "", root: crate::common::ROOT, now: Time(0) };
            let mut database = Database::new(new);
            database.document = Document { before, root, after };
            database.binaries = binaries
                .into_iter()
                .map(|(data, protect)| {
                    Binary::new(data, if protect { Protection::Protected } else { Protection::Plain })
                })
                .collect();
            database.public = (12..).zip(public).map(|(id, value)| RawField { id, value }).collect();
            database
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_document_comes_back_as_it_was(
        database in database(),
        seed in any::<u64>(),
        cipher in proptest::sample::select(vec![Cipher::Aes256, Cipher::ChaCha20]),
        compression in proptest::sample::select(vec![Compression::None, Compression::Gzip]),
        kind in proptest::sample::select(vec![ArgonKind::D, ArgonKind::Id]),
        key in proptest::sample::select(KeyKind::ALL.to_vec()),
    ) {
        let cost = Cost::new(8, 1, 1).unwrap();
        let options = Options { cipher, compression, kind, cost };
        let mut memory = blocks(cost);
        let file = save(&database, &key.key(), &options, &mut Seeded(seed), &mut memory).unwrap();
        let again = open(&file, &key.key(), &mut memory).unwrap();
        // Texts do not print, so neither do documents.
        prop_assert!(again.document == database.document);
        prop_assert!(again.binaries == database.binaries);
        prop_assert!(again.public == database.public);
        // And a second time: the same seeds give the same bytes.
        let second = save(&again, &key.key(), &options, &mut Seeded(seed), &mut memory).unwrap();
        prop_assert!(second == file);
    }
}
