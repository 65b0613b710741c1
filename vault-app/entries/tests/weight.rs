//! How heavy a store is, what its budget refuses, and how it is loaded record by record.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeMap;

use common::{Seeded, content, content_id, entry_id, group_id, plain, titled};
use proptest::prelude::*;
use vault_app_entries::import::{Import, ImportEntry};
use vault_app_entries::record::DecodeError;
use vault_app_entries::{
    Attachment, Change, Changes, Content, Entry, GroupId, Item, LoadError, LoadFault, Loader, Store,
    StoreError, record,
};

/// What a record store holds.
type Disk = BTreeMap<u128, Vec<u8>>;

fn write(disk: &mut Disk, changes: &Changes) {
    for change in changes.records().unwrap() {
        match change {
            Change::Put(id, bytes) => drop(disk.insert(id, bytes.to_vec())),
            Change::Delete(id) => drop(disk.remove(&id)),
        }
    }
}

fn load(disk: &Disk, budget: usize) -> Result<Store, LoadError> {
    let mut loader = Loader::with_budget(budget);
    for (id, bytes) in disk {
        loader.take(*id, bytes)?;
    }
    loader.finish()
}

fn records(disk: &Disk) -> usize {
    disk.values().map(Vec::len).sum()
}

#[derive(Debug, Clone)]
enum Op {
    Add(u8, u8, Content),
    AddGroup(u8, u8, String),
    Edit(u8, Content),
    EditGroup(u8, String),
    Attach(u8, u8),
    Move(u8, u8),
    Remove(bool, u8, u64),
    Restore(bool, u8),
    Purge(bool, u8),
    Forget(u8),
    Revert(u8),
    Import(Vec<Content>),
}

fn op() -> impl Strategy<Value = Op> {
    let (e, g) = (1_u8..6, 0_u8..4);
    let item = (any::<bool>(), 1_u8..6);
    prop_oneof![
        4 => (e.clone(), g.clone(), content()).prop_map(|(id, group, content)| Op::Add(id, group, content)),
        2 => (1_u8..4, g.clone(), "\\PC{1,40}").prop_map(|(id, parent, name)| Op::AddGroup(id, parent, name)),
        4 => (e.clone(), content()).prop_map(|(id, content)| Op::Edit(id, content)),
        1 => (1_u8..4, "\\PC{1,40}").prop_map(|(id, name)| Op::EditGroup(id, name)),
        1 => (e.clone(), any::<u8>()).prop_map(|(id, content)| Op::Attach(id, content)),
        1 => (e.clone(), g).prop_map(|(id, group)| Op::Move(id, group)),
        3 => (item.clone(), any::<u64>()).prop_map(|((group, id), at_s)| Op::Remove(group, id, at_s)),
        1 => item.clone().prop_map(|(group, id)| Op::Restore(group, id)),
        2 => item.prop_map(|(group, id)| Op::Purge(group, id)),
        1 => e.clone().prop_map(Op::Forget),
        1 => e.prop_map(Op::Revert),
        1 => proptest::collection::vec(content(), 0..4).prop_map(Op::Import),
    ]
}

fn item(is_group: bool, id: u8) -> Item {
    if is_group { Item::Group(group_id(id.into())) } else { Item::Entry(entry_id(id.into())) }
}

fn import(contents: &[Content]) -> Import {
    let entry = |content: &Content| ImportEntry {
        path: vec![plain("imported")],
        times: None,
        recycled_s: None,
        content: content.clone(),
        history: Vec::new(),
    };
    Import { entries: contents.iter().map(entry).collect(), ..Import::default() }
}

fn run(store: &Store, op: &Op, now_s: u64) -> Result<Changes, StoreError> {
    let (e, g) = (|id: u8| entry_id(id.into()), |id: u8| group_id(id.into()));
    match op {
        Op::Add(id, group, content) => store.add(e(*id), g(*group), content.clone(), now_s),
        Op::AddGroup(id, parent, name) => store.add_group(g(*id), g(*parent), name, now_s),
        Op::Edit(id, content) => store.edit(e(*id), content.clone(), now_s),
        Op::EditGroup(id, name) => store.edit_group(g(*id), name, name.as_str().into(), now_s),
        Op::Attach(id, content) => {
            let file = Attachment { name: plain("file"), content: content_id(*content), size: 1 };
            store.attach(e(*id), file, now_s)
        }
        Op::Move(id, group) => store.move_entry(e(*id), g(*group)),
        Op::Remove(is_group, id, at_s) => store.remove(item(*is_group, *id), *at_s),
        Op::Restore(is_group, id) => store.restore(item(*is_group, *id)),
        Op::Purge(is_group, id) => store.purge(item(*is_group, *id)),
        Op::Forget(id) => store.forget_history(e(*id)),
        Op::Revert(id) => store.revert(e(*id), 0, now_s),
        Op::Import(contents) => store.import(import(contents), GroupId::ROOT, &mut Seeded(now_s), now_s),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn the_weight_is_that_of_the_records_after_any_operations(
        ops in proptest::collection::vec((op(), prop::bool::weighted(0.9)), 1..40),
    ) {
        let (mut store, mut disk) = (Store::new(), Disk::new());
        for (now_s, (op, commit)) in (1..).zip(&ops) {
            let before = store.weight();
            let Ok(changes) = run(&store, op, now_s) else { continue };
            prop_assert_eq!(store.weight(), before);
            if !commit {
                continue;
            }
            write(&mut disk, &changes);
            store.commit(changes).unwrap();
            let fresh = load(&disk, usize::MAX).unwrap();
            prop_assert_eq!(store.weight(), fresh.weight(), "{:?}", op);
            prop_assert!(store.weight() >= records(&disk));
            if matches!(op, Op::Remove(..) | Op::Restore(..) | Op::Move(..)) {
                prop_assert_eq!(store.weight(), before, "{:?}", op);
            }
        }
        let all: Vec<Item> = store.groups().map(|group| Item::Group(group.id))
            .chain(store.entries().map(|entry| Item::Entry(entry.id))).collect();
        for item in all {
            if let Ok(changes) = store.remove(item, u64::MAX) {
                store.commit(changes).unwrap();
            }
        }
        let changes = store.empty_bin();
        store.commit(changes).unwrap();
        prop_assert_eq!(store.weight(), 0);
    }

    /// Beside a store without a budget: what is refused is what would be too heavy, nothing else, and what was kept loads.
    #[test]
    fn a_budget_refuses_what_would_exceed_it_and_nothing_else(
        ops in proptest::collection::vec(op(), 1..40),
        budget in 0_usize..20_000,
    ) {
        let (mut store, mut free, mut disk) = (Store::with_budget(budget), Store::new(), Disk::new());
        for (now_s, op) in (1..).zip(&ops) {
            let changes = run(&store, op, now_s);
            match run(&free, op, now_s) {
                Err(error) => prop_assert_eq!(changes.err(), Some(error)),
                Ok(expected) => {
                    let before = free.weight();
                    let mut after = load(&disk, usize::MAX).unwrap();
                    after.commit(run(&after, op, now_s).unwrap()).unwrap();
                    let fits = after.weight() <= budget || after.weight() <= before;
                    prop_assert_eq!(changes.as_ref().err(), (!fits).then_some(&StoreError::Full), "{:?}", op);
                    if let Ok(changes) = changes {
                        write(&mut disk, &changes);
                        store.commit(changes).unwrap();
                        free.commit(expected).unwrap();
                    }
                }
            }
            prop_assert!(store.weight() <= budget && store.budget() == budget);
            prop_assert_eq!(load(&disk, budget).unwrap().weight(), store.weight());
        }
    }
}

#[test]
fn a_full_store_can_be_emptied_and_then_has_room() {
    let mut store = Store::with_budget(20_000);
    let mut count = 0;
    let full = loop {
        match store.add(entry_id(count), GroupId::ROOT, titled("x"), 1) {
            Ok(changes) => store.commit(changes).unwrap(),
            Err(error) => break error,
        }
        count += 1;
    };
    assert_eq!(full, StoreError::Full);
    assert!((5..40).contains(&count), "{count} small entries fit 20 kB");
    assert_eq!(store.edit(entry_id(0), titled("longer than before"), 2).err(), Some(StoreError::Full));
    for id in 0..count {
        let changes = store.remove(Item::Entry(entry_id(id)), u64::MAX).unwrap();
        store.commit(changes).unwrap();
    }
    assert!(store.weight() <= store.budget());
    let changes = store.empty_bin();
    store.commit(changes).unwrap();
    assert_eq!((store.weight(), store.entries().count()), (0, 0));
    assert!(store.add(entry_id(1), GroupId::ROOT, titled("x"), 1).is_ok());
}

#[test]
fn an_import_that_is_too_heavy_changes_nothing() {
    let store = Store::with_budget(10_000);
    let contents: Vec<Content> = (0..200).map(|number| titled(&number.to_string())).collect();
    let imported = |contents: &[Content]| {
        store
            .import(import(contents), GroupId::ROOT, &mut Seeded(1), 1)
            .map(|changes| changes.entries().count())
    };
    assert_eq!((imported(&contents), imported(&contents[..3])), (Err(StoreError::Full), Ok(3)));
}

fn stored(id: u128) -> (u128, Vec<u8>) {
    let entry = Entry::new(entry_id(id), GroupId::ROOT, titled("x"), 1);
    (entry.id.number(), record::encode(&entry).unwrap().to_vec())
}

#[test]
fn a_store_is_loaded_up_to_its_budget_and_not_beyond() {
    let disk: Disk = (1..=10).map(stored).collect();
    let weight = load(&disk, usize::MAX).unwrap().weight();
    assert_eq!(load(&disk, weight).unwrap().entries().count(), 10);
    let last = *disk.keys().last().unwrap();
    let error = load(&disk, weight - 1).err();
    assert_eq!(error, Some(LoadError { id: last, fault: LoadFault::Full }));
}

#[test]
fn a_loader_keeps_the_first_error() {
    let mut loader = Loader::new();
    let (id, bytes) = stored(1);
    assert_eq!(loader.take(id, &bytes), Ok(()));
    let first = LoadError { id: 7, fault: LoadFault::Decode(DecodeError::Length) };
    assert_eq!(loader.take(7, &[]), Err(first));
    assert_eq!(loader.take(id, &bytes), Err(first), "this one is there twice, but it is not the first");
    let (other, bytes) = stored(2);
    assert_eq!(loader.take(other, &bytes), Err(first), "this one is good");
    assert_eq!(loader.finish().err(), Some(first));
}

#[test]
fn a_loader_looks_at_groups_when_all_records_are_there() {
    let entry = Entry::new(entry_id(1), group_id(5), titled("x"), 1);
    let mut loader = Loader::new();
    assert_eq!(loader.take(entry.id.number(), &record::encode(&entry).unwrap()), Ok(()));
    let lost = LoadError { id: entry.id.number(), fault: LoadFault::NoGroup };
    assert_eq!(loader.finish().err(), Some(lost));
    assert_eq!(Loader::new().finish().map(|store| store.weight()).ok(), Some(0));
}
