//! Groups and entries that come with ids of their own.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use common::{entry_id, group_id, titled};
use vault_app_entries::{Entry, EntryId, Group, GroupId, Store, StoreError, caps};

fn group(number: u128, parent: GroupId) -> Group {
    Group::new(group_id(number), parent, "g", 5)
}

fn entry(number: u128, group: GroupId) -> Entry {
    Entry::new(entry_id(number), group, titled("e"), 5)
}

fn refused(store: &Store, groups: Vec<Group>, entries: Vec<Entry>) -> Option<StoreError> {
    store.merge(groups, entries).err()
}

/// A store with group 1, and entry 1 in it.
fn store() -> Store {
    let mut store = Store::new();
    let changes = store.merge(vec![group(1, GroupId::ROOT)], vec![entry(1, group_id(1))]).unwrap();
    store.commit(changes).unwrap();
    store
}

#[test]
fn what_comes_with_ids_keeps_them_in_any_order() {
    let mut store = store();
    let groups = vec![group(3, group_id(2)), group(2, group_id(1))];
    let changes = store.merge(groups, vec![entry(2, group_id(3)), entry(3, GroupId::ROOT)]).unwrap();
    store.commit(changes).unwrap();
    assert_eq!(store.path(group_id(3)).as_str(), "g/g/g");
    assert_eq!(store.entry(entry_id(2)).unwrap().group, group_id(3));
    assert_eq!((store.groups().count(), store.entries().count()), (3, 3));
}

#[test]
fn an_id_that_is_used_or_comes_twice_is_refused() {
    let store = store();
    let exists = Some(StoreError::Exists);
    let root = GroupId::ROOT;
    let entry_as_group = GroupId::from_bytes(entry_id(1).bytes());
    let group_as_entry =
        |number| Entry { id: EntryId::from_bytes(group_id(number).bytes()), ..entry(9, root) };
    assert_eq!(refused(&store, vec![group(1, root)], vec![]), exists);
    assert_eq!(refused(&store, vec![group(2, root), group(2, root)], vec![]), exists);
    assert_eq!(refused(&store, vec![Group { id: entry_as_group, ..group(2, root) }], vec![]), exists);
    assert_eq!(refused(&store, vec![], vec![entry(1, root)]), exists);
    assert_eq!(refused(&store, vec![], vec![entry(2, root), entry(2, root)]), exists);
    assert_eq!(refused(&store, vec![], vec![group_as_entry(1)]), exists);
    assert_eq!(refused(&store, vec![group(2, root)], vec![group_as_entry(2)]), exists);
    assert_eq!(
        refused(&store, vec![], vec![Entry { id: EntryId::from_bytes([0; 16]), ..entry(9, root) }]),
        exists
    );
}

#[test]
fn groups_must_reach_the_root_and_entries_a_group() {
    let store = store();
    let no_group = Some(StoreError::NoGroup);
    assert_eq!(refused(&store, vec![group(2, group_id(9))], vec![]), no_group);
    assert_eq!(refused(&store, vec![], vec![entry(2, group_id(9))]), no_group);
    let circle = vec![group(2, group_id(3)), group(3, group_id(2))];
    assert_eq!(refused(&store, circle, vec![]), Some(StoreError::TooDeep));
    assert_eq!(refused(&store, vec![group(2, group_id(2))], vec![]), Some(StoreError::TooDeep));
    // Group 1 is the first level.
    let chain = |levels: usize| -> Vec<Group> {
        (0..levels as u128).map(|number| group(number + 2, group_id(number + 1))).collect()
    };
    assert_eq!(refused(&store, chain(caps::GROUP_DEPTH_MAX - 1), vec![]), None);
    assert_eq!(refused(&store, chain(caps::GROUP_DEPTH_MAX), vec![]), Some(StoreError::TooDeep));
}

#[test]
fn more_than_a_store_holds_is_refused() {
    let store = store();
    let groups = |count: usize| (2..count as u128 + 2).map(|number| group(number, GroupId::ROOT)).collect();
    assert_eq!(refused(&store, groups(caps::GROUPS_MAX - 1), vec![]), None);
    assert_eq!(refused(&store, groups(caps::GROUPS_MAX), vec![]), Some(StoreError::Full));
    let entries = |count: usize| (2..count as u128 + 2).map(|number| entry(number, GroupId::ROOT)).collect();
    assert_eq!(refused(&store, vec![], entries(caps::ENTRIES_MAX)), Some(StoreError::Full));
}
