//! The store against a simple model, its records against what would be on a disk, undo, caps.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeMap;

use common::{content_id, entry_id, group_id, plain, titled};
use proptest::prelude::*;
use vault_app_entries::store::{LoadError, LoadFault};
use vault_app_entries::{
    Attachment, Change, Changes, Content, Entry, EntryId, Group, GroupId, Item, Store, StoreError, caps,
    record,
};

/// What a record store holds.
type Disk = BTreeMap<u128, Vec<u8>>;

/// One thing to do; the numbers name entries and groups, 0 being the root.
#[derive(Debug, Clone)]
enum Op {
    AddGroup(u8, u8),
    AddEntry(u8, u8),
    Edit(u8, u8),
    MoveEntry(u8, u8),
    MoveGroup(u8, u8),
    Remove(bool, u8),
    Restore(bool, u8),
    Purge(bool, u8),
    EmptyBin,
    Attach(u8, u8),
    Detach(u8),
    Revert(u8, u8),
    Forget(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let (g, e) = (0_u8..6, 1_u8..7);
    let item = (any::<bool>(), 1_u8..6);
    prop_oneof![
        3 => (1_u8..6, g.clone()).prop_map(|(id, parent)| Op::AddGroup(id, parent)),
        4 => (e.clone(), g.clone()).prop_map(|(id, group)| Op::AddEntry(id, group)),
        3 => (e.clone(), any::<u8>()).prop_map(|(id, text)| Op::Edit(id, text)),
        2 => (e.clone(), g.clone()).prop_map(|(id, group)| Op::MoveEntry(id, group)),
        3 => (1_u8..6, g).prop_map(|(id, parent)| Op::MoveGroup(id, parent)),
        3 => item.clone().prop_map(|(group, id)| Op::Remove(group, id)),
        2 => item.clone().prop_map(|(group, id)| Op::Restore(group, id)),
        2 => item.prop_map(|(group, id)| Op::Purge(group, id)),
        1 => Just(Op::EmptyBin),
        2 => (e.clone(), 1_u8..5).prop_map(|(id, content)| Op::Attach(id, content)),
        1 => e.clone().prop_map(Op::Detach),
        1 => (e.clone(), 0_u8..3).prop_map(|(id, version)| Op::Revert(id, version)),
        1 => e.prop_map(Op::Forget),
    ]
}

fn item(is_group: bool, id: u8) -> Item {
    if is_group { Item::Group(group_id(id.into())) } else { Item::Entry(entry_id(id.into())) }
}

fn attachment(content: u8) -> Attachment {
    Attachment { name: plain("file"), content: content_id(content), size: 1 }
}

fn run(store: &Store, op: &Op, now_s: u64) -> Result<Changes, StoreError> {
    let (e, g) = (|id: u8| entry_id(id.into()), |id: u8| group_id(id.into()));
    match *op {
        Op::AddGroup(id, parent) => store.add_group(g(id), g(parent), "group", now_s),
        Op::AddEntry(id, group) => store.add(e(id), g(group), titled("new"), now_s),
        Op::Edit(id, text) => {
            let attachments = store.entry(e(id)).map(|entry| entry.content.attachments.clone());
            let attachments = attachments.unwrap_or_default();
            store.edit(e(id), Content { attachments, ..titled(&text.to_string()) }, now_s)
        }
        Op::MoveEntry(id, group) => store.move_entry(e(id), g(group)),
        Op::MoveGroup(id, parent) => store.move_group(g(id), g(parent)),
        Op::Remove(is_group, id) => store.remove(item(is_group, id), now_s),
        Op::Restore(is_group, id) => store.restore(item(is_group, id)),
        Op::Purge(is_group, id) => store.purge(item(is_group, id)),
        Op::EmptyBin => Ok(store.empty_bin()),
        Op::Attach(id, content) => store.attach(e(id), attachment(content), now_s),
        Op::Detach(id) => store.detach(e(id), "file", now_s),
        Op::Revert(id, version) => store.revert(e(id), version.into(), now_s),
        Op::Forget(id) => store.forget_history(e(id)),
    }
}

/// What an entry is to the model: a title and an attachment, now and before.
type Held = (String, Option<u8>);

#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    /// Parent, and whether marked.
    groups: BTreeMap<u8, (u8, bool)>,
    /// Group, whether marked, what it holds, what it held.
    entries: BTreeMap<u8, (u8, bool, Held, Vec<Held>)>,
}

impl Model {
    fn way_up(&self, group: u8) -> Vec<u8> {
        let mut way = Vec::new();
        let mut at = group;
        while at != 0 {
            way.push(at);
            at = self.groups[&at].0;
        }
        way
    }

    fn in_bin(&self, is_group: bool, id: u8) -> bool {
        if is_group {
            return self.way_up(id).iter().any(|above| self.groups[above].1);
        }
        let (group, marked, ..) = self.entries[&id];
        marked || self.in_bin(true, group)
    }

    fn has(&self, is_group: bool, id: u8) -> bool {
        if is_group { self.groups.contains_key(&id) } else { self.entries.contains_key(&id) }
    }

    fn none(is_group: bool) -> StoreError {
        if is_group { StoreError::NoGroup } else { StoreError::NoEntry }
    }

    fn live(&self, is_group: bool, id: u8) -> Result<(), StoreError> {
        match self.has(is_group, id) {
            false => Err(Self::none(is_group)),
            true if self.in_bin(is_group, id) => Err(StoreError::Recycled),
            true => Ok(()),
        }
    }

    fn target(&self, group: u8) -> Result<(), StoreError> {
        if group == 0 { Ok(()) } else { self.live(true, group) }
    }

    fn hold(&mut self, id: u8, held: Held) {
        let entry = self.entries.get_mut(&id).unwrap();
        if entry.2 != held {
            let old = std::mem::replace(&mut entry.2, held);
            entry.3.insert(0, old);
            entry.3.truncate(caps::HISTORY_MAX);
        }
    }

    fn run(&mut self, op: &Op) -> Result<(), StoreError> {
        match *op {
            Op::AddGroup(id, _) if self.has(true, id) => return Err(StoreError::Exists),
            Op::AddGroup(id, parent) => {
                self.target(parent)?;
                self.groups.insert(id, (parent, false));
            }
            Op::AddEntry(id, _) if self.has(false, id) => return Err(StoreError::Exists),
            Op::AddEntry(id, group) => {
                self.target(group)?;
                self.entries.insert(id, (group, false, ("new".into(), None), Vec::new()));
            }
            Op::Edit(id, text) => {
                self.live(false, id)?;
                let file = self.entries[&id].2.1;
                self.hold(id, (text.to_string(), file));
            }
            Op::MoveEntry(id, group) => {
                self.live(false, id)?;
                self.target(group)?;
                self.entries.get_mut(&id).unwrap().0 = group;
            }
            Op::MoveGroup(id, parent) => {
                self.live(true, id)?;
                self.target(parent)?;
                if self.way_up(parent).contains(&id) {
                    return Err(StoreError::Circle);
                }
                self.groups.get_mut(&id).unwrap().0 = parent;
            }
            Op::Remove(is_group, id) => {
                self.live(is_group, id)?;
                self.mark(is_group, id, true);
            }
            Op::Restore(is_group, id) => self.restore(is_group, id)?,
            Op::Purge(is_group, id) => {
                self.check_in_bin(is_group, id)?;
                self.purge(is_group, id);
            }
            Op::EmptyBin => {
                let all = |map: Vec<u8>, is_group| map.into_iter().map(move |id| (is_group, id));
                let entries = all(self.entries.keys().copied().collect(), false);
                let groups = all(self.groups.keys().copied().collect(), true);
                let gone: Vec<(bool, u8)> =
                    entries.chain(groups).filter(|(is_group, id)| self.in_bin(*is_group, *id)).collect();
                self.entries.retain(|id, _| !gone.contains(&(false, *id)));
                self.groups.retain(|id, _| !gone.contains(&(true, *id)));
            }
            Op::Attach(..) | Op::Detach(_) | Op::Revert(..) | Op::Forget(_) => self.run_on_content(op)?,
        }
        Ok(())
    }

    fn run_on_content(&mut self, op: &Op) -> Result<(), StoreError> {
        let (Op::Attach(id, _) | Op::Detach(id) | Op::Revert(id, _) | Op::Forget(id)) = *op else {
            return Ok(());
        };
        self.live(false, id)?;
        let (_, _, held, history) = self.entries[&id].clone();
        match *op {
            Op::Attach(_, content) => self.hold(id, (held.0, Some(content))),
            Op::Detach(_) if held.1.is_none() => return Err(StoreError::NoAttachment),
            Op::Detach(_) => self.hold(id, (held.0, None)),
            Op::Revert(_, version) => {
                let old = history.get(usize::from(version)).ok_or(StoreError::NoVersion)?;
                self.hold(id, old.clone());
            }
            _ => self.entries.get_mut(&id).unwrap().3.clear(),
        }
        Ok(())
    }

    fn check_in_bin(&self, is_group: bool, id: u8) -> Result<(), StoreError> {
        match self.has(is_group, id) {
            false => Err(Self::none(is_group)),
            true if self.in_bin(is_group, id) => Ok(()),
            true => Err(StoreError::NotRecycled),
        }
    }

    fn mark(&mut self, is_group: bool, id: u8, marked: bool) {
        if is_group {
            self.groups.get_mut(&id).unwrap().1 = marked;
        } else {
            self.entries.get_mut(&id).unwrap().1 = marked;
        }
    }

    fn restore(&mut self, is_group: bool, id: u8) -> Result<(), StoreError> {
        self.check_in_bin(is_group, id)?;
        self.mark(is_group, id, false);
        if self.in_bin(is_group, id) {
            if is_group {
                self.groups.get_mut(&id).unwrap().0 = 0;
            } else {
                self.entries.get_mut(&id).unwrap().0 = 0;
            }
        }
        Ok(())
    }

    fn purge(&mut self, is_group: bool, id: u8) {
        if !is_group {
            self.entries.remove(&id);
            return;
        }
        let before = self.clone();
        self.groups.retain(|group, _| !before.way_up(*group).contains(&id));
        self.entries.retain(|_, entry| !before.way_up(entry.0).contains(&id));
    }

    fn of(store: &Store) -> Self {
        let short = |number: u128| u8::try_from(number & 0xff).unwrap();
        let held = |content: &Content| {
            let file = content.attachments.first().map(|file| file.content.bytes()[0]);
            (content.title.to_string(), file)
        };
        let of_entry = |entry: &Entry| {
            let history = entry.history.iter().map(|version| held(&version.content)).collect();
            (short(entry.group.number()), entry.recycled_s.is_some(), held(&entry.content), history)
        };
        let of_group = |group: &Group| (short(group.parent.number()), group.recycled_s.is_some());
        Self {
            groups: store.groups().map(|group| (short(group.id.number()), of_group(group))).collect(),
            entries: store.entries().map(|entry| (short(entry.id.number()), of_entry(entry))).collect(),
        }
    }
}

fn write(disk: &mut Disk, changes: &Changes) {
    for change in changes.records().unwrap() {
        match change {
            Change::Put(id, bytes) => drop(disk.insert(id, bytes.to_vec())),
            Change::Delete(id) => assert!(disk.remove(&id).is_some(), "a record that is deleted was there"),
        }
    }
}

fn load(disk: &Disk) -> Result<Store, LoadError> {
    Store::load(disk.iter().map(|(id, bytes)| (*id, bytes.as_slice())))
}

fn same(a: &Store, b: &Store) -> bool {
    a.entries().eq(b.entries()) && a.groups().eq(b.groups())
}

proptest! {
    #[test]
    fn the_store_does_what_the_model_does_and_its_records_are_the_store(
        ops in proptest::collection::vec((op(), prop::bool::weighted(0.8)), 1..60),
    ) {
        let (mut store, mut model, mut disk) = (Store::new(), Model::default(), Disk::new());
        let first = [Op::AddGroup(1, 0), Op::AddGroup(2, 1), Op::AddEntry(1, 2), Op::AddEntry(2, 1)];
        let first: Vec<(Op, bool)> = first.into_iter().map(|op| (op, true)).collect();
        for (now_s, (op, commit)) in (1..).zip(first.iter().chain(&ops)) {
            let mut after = model.clone();
            let expected = after.run(op);
            let changes = run(&store, op, now_s);
            prop_assert_eq!(changes.as_ref().map(|_| ()).map_err(|error| *error), expected, "{:?}", op);
            // What is not committed has not happened.
            prop_assert_eq!(&Model::of(&store), &model);
            let (Ok(changes), true) = (changes, commit) else { continue };
            prop_assert_eq!(changes.is_empty(), after == model && !matches!(op, Op::MoveEntry(..) | Op::MoveGroup(..)));
            let before = store.contents();
            let released: Vec<_> = changes.released().collect();
            write(&mut disk, &changes);
            store.commit(changes).unwrap();
            model = after;
            prop_assert_eq!(&Model::of(&store), &model, "{:?}", op);
            prop_assert!(same(&load(&disk).unwrap(), &store), "{:?}", op);
            let gone: Vec<_> = before.difference(&store.contents()).copied().collect();
            prop_assert_eq!(released, gone, "{:?}", op);
        }
    }

    #[test]
    fn no_records_make_loading_panic(
        entries in proptest::collection::vec((common::entry(), 0_u128..4), 0..4),
        groups in proptest::collection::vec((0_u128..5, 0_u128..5), 0..6),
    ) {
        let mut disk = Disk::new();
        for (entry, group) in entries {
            let entry = Entry { group: group_id(group), ..entry };
            disk.insert(entry.id.number(), record::encode(&entry).unwrap().to_vec());
        }
        for (id, parent) in groups {
            let group = Group::new(group_id(id), group_id(parent), "g", 1);
            if let Ok(bytes) = record::encode_group(&group) {
                disk.insert(group.id.number(), bytes.to_vec());
            }
        }
        if let Ok(store) = load(&disk) {
            // Every way up ends at the root.
            prop_assert!(store.groups().all(|group| store.ancestry(group.id).last().unwrap().parent == GroupId::ROOT));
            prop_assert!(store.empty_bin().records().is_ok());
        }
    }
}

fn commit(store: &mut Store, changes: Result<Changes, StoreError>) {
    store.commit(changes.unwrap()).unwrap();
}

#[test]
fn changes_fit_only_the_store_they_were_made_from() {
    let mut store = Store::new();
    let first = store.add(entry_id(1), GroupId::ROOT, titled("a"), 1).unwrap();
    let second = store.add(entry_id(2), GroupId::ROOT, titled("b"), 1).unwrap();
    store.commit(first).unwrap();
    assert_eq!(store.commit(second), Err(StoreError::Stale));
    assert_eq!(store.entries().count(), 1);
}

#[test]
fn what_is_restored_out_of_a_group_in_the_bin_is_in_the_root() {
    let mut store = Store::new();
    let item = Item::Entry(entry_id(1));
    for op in [
        Op::AddGroup(1, 0),
        Op::AddGroup(2, 1),
        Op::AddEntry(1, 2),
        Op::Remove(false, 1),
        Op::Remove(true, 1),
    ] {
        let changes = run(&store, &op, 1);
        commit(&mut store, changes);
    }
    // The group comes back, and the entry stays where it was put by itself.
    let group = store.restore(Item::Group(group_id(1))).unwrap();
    assert_eq!(group.records().unwrap().len(), 1);
    let entry = store.restore(item).unwrap();
    assert_eq!(
        entry.entries().map(|entry| (entry.group, entry.recycled_s)).collect::<Vec<_>>(),
        [(GroupId::ROOT, None)]
    );
    let inner = store.restore(Item::Group(group_id(2))).unwrap();
    assert_eq!(inner.groups().map(|group| group.parent).collect::<Vec<_>>(), [GroupId::ROOT]);
    store.commit(group).unwrap();
    assert!(store.is_recycled(item));
    let changes = store.restore(item).unwrap();
    store.commit(changes).unwrap();
    assert_eq!(store.entry(entry_id(1)).map(|entry| entry.group), Some(group_id(2)));
}

#[test]
fn an_edit_keeps_ten_versions_newest_first() {
    let mut store = Store::new();
    let changes = store.add(entry_id(1), GroupId::ROOT, titled("0"), 0);
    commit(&mut store, changes);
    for now_s in 1..=15_u64 {
        let changes = store.edit(entry_id(1), titled(&now_s.to_string()), now_s);
        commit(&mut store, changes);
    }
    let entry = store.entry(entry_id(1)).unwrap();
    let times: Vec<u64> = entry.history.iter().map(|version| version.modified_s).collect();
    assert_eq!(times, (5..15).rev().collect::<Vec<_>>());
    assert_eq!((entry.times.created_s, entry.times.modified_s), (0, 15));
    assert!(entry.history.iter().all(|version| version.content.title.parse() == Ok(version.modified_s)));
}

#[test]
fn large_versions_push_out_the_oldest() {
    let mut store = Store::new();
    let changes = store.add(entry_id(1), GroupId::ROOT, titled("0"), 0);
    commit(&mut store, changes);
    for now_s in 1..=12_u64 {
        let notes = "x".repeat(caps::NOTES_MAX);
        let content = Content { notes: notes.as_str().into(), ..titled(&now_s.to_string()) };
        let changes = store.edit(entry_id(1), content, now_s).unwrap();
        assert!(
            matches!(&changes.records().unwrap()[..], [Change::Put(_, bytes)] if bytes.len() <= caps::RECORD_MAX)
        );
        store.commit(changes).unwrap();
    }
    // Seven times 32 KiB and some bytes fit into 256 KiB.
    let entry = store.entry(entry_id(1)).unwrap();
    assert_eq!(entry.history.len(), 6);
    assert_eq!(entry.history[0].modified_s, 11);
}

#[test]
fn groups_are_as_deep_as_they_may_be_and_no_deeper() {
    let mut store = Store::new();
    let deepest = u128::try_from(caps::GROUP_DEPTH_MAX).unwrap();
    for depth in 1..=deepest {
        let changes = store.add_group(group_id(depth), group_id(depth - 1), &depth.to_string(), 1);
        commit(&mut store, changes);
    }
    let deeper = store.add_group(group_id(99), group_id(deepest), "x", 1).err();
    assert_eq!(deeper, Some(StoreError::TooDeep));
    let changes = store.add_group(group_id(99), GroupId::ROOT, "x", 1);
    commit(&mut store, changes);
    assert_eq!(store.move_group(group_id(99), group_id(deepest)).err(), Some(StoreError::TooDeep));
    assert_eq!(store.move_group(group_id(1), group_id(99)).err(), Some(StoreError::TooDeep));
    assert_eq!(store.move_group(group_id(1), group_id(deepest)).err(), Some(StoreError::Circle));
    assert_eq!(store.move_group(group_id(1), group_id(1)).err(), Some(StoreError::Circle));
    assert!(store.move_group(group_id(2), group_id(99)).is_ok());
    assert_eq!(store.path(group_id(3)).as_str(), "1/2/3");
    assert_eq!(store.path(GroupId::ROOT).as_str(), "");
}

#[test]
fn a_store_is_full_when_it_is_full() {
    let entry =
        |number: usize| Entry::new(entry_id(number.try_into().unwrap()), GroupId::ROOT, titled("x"), 1);
    let group = |number: usize| Group::new(group_id(number.try_into().unwrap()), GroupId::ROOT, "x", 1);
    let mut disk = Disk::new();
    for number in 1..=caps::ENTRIES_MAX {
        disk.insert(entry(number).id.number(), record::encode(&entry(number)).unwrap().to_vec());
    }
    for number in 1..=caps::GROUPS_MAX {
        disk.insert(group(number).id.number(), record::encode_group(&group(number)).unwrap().to_vec());
    }
    let store = load(&disk).unwrap();
    assert_eq!(store.add(entry_id(0), GroupId::ROOT, titled("x"), 1).err(), Some(StoreError::Full));
    assert_eq!(store.add_group(group_id(9_999), GroupId::ROOT, "x", 1).err(), Some(StoreError::Full));
    let one_more = entry(caps::ENTRIES_MAX + 1);
    let mut fuller = disk.clone();
    fuller.insert(one_more.id.number(), record::encode(&one_more).unwrap().to_vec());
    assert_eq!(load(&fuller).err().map(|error| error.fault), Some(LoadFault::Full));
    let one_more = group(caps::GROUPS_MAX + 1);
    disk.insert(one_more.id.number(), record::encode_group(&one_more).unwrap().to_vec());
    assert_eq!(load(&disk).err().map(|error| error.fault), Some(LoadFault::Full));
}

#[test]
fn records_that_fit_no_store_are_refused_by_name() {
    let bytes = |id: EntryId, group: GroupId| {
        record::encode(&Entry::new(id, group, titled("x"), 1)).unwrap().to_vec()
    };
    let group = |id: u128, parent: u128| {
        record::encode_group(&Group::new(group_id(id), group_id(parent), "x", 1)).unwrap().to_vec()
    };
    let id = entry_id(1);
    let check = |records: &[(u128, Vec<u8>)], expected: LoadFault| {
        let records = records.iter().map(|(id, bytes)| (*id, bytes.as_slice()));
        assert_eq!(Store::load(records).err().map(|error| error.fault), Some(expected));
    };
    check(&[(7, bytes(id, GroupId::ROOT))], LoadFault::OtherId);
    check(
        &[(id.number(), bytes(id, GroupId::ROOT)), (id.number(), bytes(id, GroupId::ROOT))],
        LoadFault::Twice,
    );
    check(&[(id.number(), bytes(id, group_id(5)))], LoadFault::NoGroup);
    check(&[(0, group(1, 0))], LoadFault::Twice);
    check(&[(1, group(1, 2))], LoadFault::NoGroup);
    check(&[(1, group(1, 1))], LoadFault::TooDeep);
    check(&[(1, group(1, 2)), (2, group(2, 1))], LoadFault::TooDeep);
    let deep: Vec<(u128, Vec<u8>)> = (1..=17).map(|id| (id, group(id, id - 1))).collect();
    check(&deep, LoadFault::TooDeep);
    assert!(matches!(Store::load([(1, &[1, 9][..])]).err().unwrap().fault, LoadFault::Decode(_)));
}
