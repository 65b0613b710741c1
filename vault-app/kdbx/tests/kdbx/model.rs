//! The typed views: what they read, what a change touches, and that nothing of it prints.

use crate::common::{
    ABROAD, BANKS, BIN, DEEP, GONE, KeyKind, LOGIN, ROOT, THROWN, cheap, open, sample, save, summary,
};
use vault_app_kdbx::{
    ArgonKind, Binary, Cipher, Compression, Database, Element, KdbxError, NewDatabase, Node, Options,
    Protection, Random, RandomError, Text, Time, Uuid,
};

fn options() -> Options {
    Options { cipher: Cipher::Aes256, compression: Compression::Gzip, kind: ArgonKind::Id, cost: cheap() }
}

#[test]
fn every_view_reads_what_was_set() {
    let key = KeyKind::Passphrase.key();
    let database = open(&save(&sample(), &key, &options()), &key).unwrap();
    let entry = database.entry(LOGIN).unwrap();
    assert_eq!(entry.title(), "Login with \"quotes\" & <angles>");
    assert_eq!((entry.user_name(), entry.url()), ("ann", "https://example.org/?a=1&b=2"));
    assert_eq!(entry.password(), "p\u{e4}ss<&>\"' w\u{f6}rd \u{1f511}");
    assert_eq!(entry.notes(), "line one\nline two\n\tindented, ]]> and &amp;");
    assert!(entry.otp().unwrap().starts_with("otpauth://totp/"));
    let custom: Vec<_> = entry.custom_fields().map(|field| (field.key, field.protection)).collect();
    assert_eq!(custom, [("PIN", Protection::Protected), ("Account", Protection::Plain)]);
    assert!(entry.tags().eq(["money", "work stuff"]));
    assert_eq!(entry.created(), Some(Time(1_790_000_000)));
    assert_eq!(entry.modified(), Some(Time(1_790_000_005)));
    assert_eq!(entry.expiry(), Some(Time(1_900_000_000)));
    assert_eq!(database.entry(DEEP).unwrap().expiry(), None);
    let names: Vec<_> = entry.attachments().map(|attachment| attachment.name).collect();
    assert_eq!(names, ["small.txt", "large.bin"]);
    assert!(entry.history().map(|old| old.password()).eq(["first", entry.password()]));
    assert!(entry.custom_data().eq([("org.example.key", "value")]));

    let groups: Vec<_> = database.entries().map(|(group, entry)| (group.name(), entry.title())).collect();
    let login = ("Sample & <more>", entry.title());
    assert_eq!(groups, [login, ("Abroad", "Deep"), ("Recycle Bin", "Thrown away")]);
    assert_eq!(database.recycle_bin(), Some(BIN));
    let deleted: Vec<_> = database.deleted().map(|deleted| (deleted.uuid(), deleted.time())).collect();
    assert_eq!(deleted, [(Some(GONE), Some(Time(1_790_000_000)))]);
    let meta = database.meta().unwrap();
    assert_eq!(
        (meta.generator(), meta.name(), meta.history_items_max()),
        ("Skep", "Sample & <more>", Some(10))
    );
    assert!(meta.custom_data().eq([("org.example.database", "kept")]));
}

/// A document with things in it that this crate has no word for.
fn strange() -> Database {
    let mut database = sample();
    let unknown = || {
        let mut element = Element::new("x:Unknown").with(Element::with_text("Inner", " kept "));
        element.set_attribute("x:a", "b & c");
        element.children.push(Node::Comment(Text::new(" and this ".into())));
        Node::Element(element)
    };
    database.document.root.children.insert(0, unknown());
    database.document.root.child_mut("Meta").unwrap().children.insert(1, unknown());
    database.group_mut(BANKS).unwrap().element().children.insert(0, unknown());
    database.entry_mut(LOGIN).unwrap().element().children.insert(3, unknown());
    let mut hidden = Element::with_text("Hidden", "unknown and protected");
    hidden.set_attribute("Protected", "True");
    database.entry_mut(DEEP).unwrap().element().children.insert(0, Node::Element(hidden));
    database
}

#[test]
fn what_is_not_known_is_kept_in_its_place_through_saving_and_changing() {
    let key = KeyKind::Both.key();
    let before = strange();
    let mut after = open(&save(&before, &key, &options()), &key).unwrap();
    assert!(after.document == before.document);

    let mut entry = after.entry_mut(LOGIN).unwrap();
    entry.set_field("UserName", "bob", Protection::Plain);
    entry.set_field("New", "field", Protection::Protected);
    entry.set_expiry(None);
    entry.set_field("UserName", "ann", Protection::Plain);
    assert!(entry.remove_field("New"));
    assert!(!entry.remove_field("New"));
    entry.set_expiry(Some(Time(1_900_000_000)));
    assert!(after.document == before.document);
}

#[test]
fn a_change_archives_what_was_and_keeps_only_so_much() {
    let mut database = sample();
    let mut entry = database.entry_mut(DEEP).unwrap();
    for round in 0..5 {
        entry.archive(Some(3));
        entry.set_field("Password", &format!("round {round}"), Protection::Protected);
    }
    let passwords: Vec<_> = entry.view().history().map(|old| old.password()).collect();
    assert_eq!(passwords, ["round 1", "round 2", "round 3"]);
    assert!(entry.view().history().all(|old| old.history().next().is_none()));
    entry.archive(None);
    assert_eq!(entry.view().history().count(), 4);
    entry.archive(Some(0));
    assert_eq!(entry.view().history().count(), 0);
}

#[test]
fn attachments_are_kept_once_and_replaced_by_name() {
    let mut database = sample();
    let count = database.binaries.len();
    let reference = database.add_binary(Binary::new(b"small".to_vec(), Protection::Protected));
    assert_eq!(database.binaries.len(), count);
    let other = database.add_binary(Binary::new(b"small".to_vec(), Protection::Plain));
    assert_eq!(database.binaries.len(), count + 1);
    let mut entry = database.entry_mut(DEEP).unwrap();
    entry.attach("again.txt", other);
    assert!(entry.detach("empty") && !entry.detach("empty"));
    let found: Vec<_> = entry.view().attachments().map(|found| (found.name, found.reference)).collect();
    assert_eq!(found, [("again.txt", other)]);
    assert_ne!(reference, other);
    assert!(database.binary(count + 1).is_none());
}

#[test]
fn moving_recycling_and_deleting_lose_nothing_else() {
    let now = Time(1_800_000_000);
    let mut database = sample();
    let before = summary(&database);
    for wrong in [ROOT, GONE, Uuid::NIL] {
        assert_eq!(database.delete(wrong, now), Err(KdbxError::NotFound));
        assert_eq!(database.recycle(wrong, BIN, now), Err(KdbxError::NotFound));
    }
    assert_eq!(database.move_to(BANKS, ABROAD, now), Err(KdbxError::NotFound), "into itself");
    assert_eq!(database.move_to(BANKS, BANKS, now), Err(KdbxError::NotFound));
    assert_eq!(database.move_to(DEEP, LOGIN, now), Err(KdbxError::NotFound), "into an entry");
    assert_eq!(database.recycle(BIN, BIN, now), Err(KdbxError::NotFound));
    assert_eq!(summary(&database), before);

    database.move_to(LOGIN, ABROAD, now).unwrap();
    let (group, entry) = database.entries().find(|(_, entry)| entry.uuid() == Some(LOGIN)).unwrap();
    assert_eq!((group.uuid(), entry.attachments().count()), (Some(ABROAD), 2));
    database.recycle(BANKS, Uuid([99; 16]), now).unwrap();
    assert_eq!(database.recycle_bin(), Some(BIN), "the bin that is there is used");
    assert_eq!(database.entries().count(), 3);
    database.delete(BIN, now).unwrap();
    assert_eq!((database.entries().count(), database.recycle_bin()), (0, None));
    assert!(database.deleted().map(|deleted| deleted.uuid()).eq([Some(GONE), Some(BIN)]));
    assert!(database.entry(THROWN).is_none());
}

#[test]
fn nothing_of_a_database_prints() {
    let database = strange();
    let entry = database.entry(LOGIN).unwrap();
    let fields: Vec<_> = entry.fields().collect();
    let printed = format!(
        "{database:?} {:?} {entry:?} {fields:?} {:?} {:?} {:?}",
        database.document,
        database.binaries,
        database.root(),
        database.meta(),
    );
    for secret in [
        "p\u{e4}ss",
        "first",
        "0042",
        "GEZDGNBVGY3TQOJQ",
        "DE00",
        "ann",
        "line one",
        "Login",
        "small\"",
        "kept",
    ] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert!(printed.contains("***"));
}

/// Fails when it is asked for the `n`-th time.
struct FailsAt(usize);

impl Random for FailsAt {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.0 = self.0.checked_sub(1).ok_or(RandomError)?;
        out.fill(7);
        Ok(())
    }
}

#[test]
fn without_randomness_or_memory_nothing_is_written() {
    let (database, key) = (sample(), KeyKind::Both.key());
    let mut memory = crate::common::blocks(cheap());
    for times in 0..4 {
        let file = vault_app_kdbx::save(&database, &key, &options(), &mut FailsAt(times), &mut memory);
        assert_eq!(file.err(), Some(KdbxError::Random));
    }
    assert!(vault_app_kdbx::save(&database, &key, &options(), &mut FailsAt(4), &mut memory).is_ok());
    let short = memory.len() - 1;
    let file = vault_app_kdbx::save(&database, &key, &options(), &mut FailsAt(4), &mut memory[..short]);
    assert_eq!(file.err(), Some(KdbxError::NeedsMemory(cheap())));
}

#[test]
fn what_open_would_refuse_is_not_saved() {
    let (key, mut memory) = (KeyKind::Passphrase.key(), crate::common::blocks(cheap()));
    let mut refused = |database: &Database| {
        vault_app_kdbx::save(database, &key, &options(), &mut FailsAt(4), &mut memory).expect_err("refused")
    };
    let new = || Database::new(NewDatabase { name: "", root: ROOT, now: Time(0) });
    let mut database = new();
    database.binaries = vec![Binary::new(vec![0; 33 << 20], Protection::Plain)];
    assert_eq!(refused(&database), KdbxError::PayloadTooLarge);
    let mut database = new();
    database.binaries = vec![Binary::new(vec![], Protection::Plain); 4097];
    assert_eq!(refused(&database), KdbxError::InnerTooLong);
    for (fields, error) in [
        (vec![(2, 1)], KdbxError::HeaderField(2)),
        (vec![(5, 1)], KdbxError::HeaderField(5)),
        (vec![(12, 1), (12, 1)], KdbxError::HeaderField(12)),
        (vec![(12, 65_537)], KdbxError::HeaderField(12)),
        ((12..40).map(|id| (id, 1)).collect(), KdbxError::HeaderTooLong),
    ] {
        let mut database = new();
        let field = |(id, len)| vault_app_kdbx::RawField { id, value: vec![0; len] };
        database.public = fields.into_iter().map(field).collect();
        assert_eq!(refused(&database), error);
    }
    let mut database = new();
    database.group_mut(ROOT).unwrap().set_name("\0", Time(0));
    assert_eq!(refused(&database), KdbxError::Xml(vault_app_kdbx::XmlError::Character));
}
