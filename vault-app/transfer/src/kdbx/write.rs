//! From store to document.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use vault_app_codes::Random;
use vault_app_entries::{ContentId, Entry, Group, GroupId, Store};
use vault_app_kdbx::{
    Binary, Database, Element, EntryMut, GroupMut, KdbxError, NewDatabase, Protection, Put, Uuid,
    contents_len, new_entry,
};

use super::content::put;
use super::kept::{self, KEY};
use super::{LOCATION_CHANGED, PREVIOUS_PARENT, set_time, time};
use crate::error::TransferError;
use crate::means::Source;
use crate::names::xml_text;
use crate::room;

/// What the database and its outermost group are called.
const NAME: &str = "Vault";

/// The store as a document without entries, its attachments with it, and what fills it with them.
pub(crate) fn write<'s>(
    store: &'s Store,
    source: &mut impl Source,
    random: &mut impl Random,
    now_s: u64,
    room: usize,
) -> Result<(Database, Tree<'s>), TransferError> {
    let mut taken = 0_usize;
    let root = uuid(random)?;
    let mut database = Database::new(NewDatabase { name: NAME, root, now: time(now_s) });
    let mut references = BTreeMap::new();
    for (id, size) in sizes(store)? {
        // Here, in what is encrypted, and in the file.
        taken = taken.saturating_add(usize::try_from(size).unwrap_or(usize::MAX).saturating_mul(3));
        if taken > room {
            return Err(TransferError::NeedsRoom(taken));
        }
        let content = source.content(id)?;
        if content.expose().len() as u64 != size {
            return Err(TransferError::ContentSize(id));
        }
        references.insert(id, database.binaries.len());
        database.binaries.push(Binary::new(content.expose().to_vec(), Protection::Protected));
    }
    let mut tree = Tree::new(store, root, references);
    let mut outermost = database.group_mut(root).ok_or(KdbxError::NotFound)?;
    tree.groups_in(&mut outermost, GroupId::ROOT);
    if tree.has_bin() {
        let bin = uuid(random)?;
        database.add_bin(bin, time(now_s))?;
        tree.bin = Some(bin);
        tree.groups_in_bin(&mut database.group_mut(bin).ok_or(KdbxError::NotFound)?);
    }
    let contents = contents_len(&database, &|group, put| tree.fill(group, put))?;
    let taken = taken / 3 + 2 * contents + room::of_trees(store);
    if taken > room { Err(TransferError::NeedsRoom(taken)) } else { Ok((database, tree)) }
}

fn uuid(random: &mut impl Random) -> Result<Uuid, TransferError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    Ok(Uuid(bytes))
}

/// The sizes of all contents, on which all entries must agree.
pub(crate) fn sizes(store: &Store) -> Result<BTreeMap<ContentId, u64>, TransferError> {
    let mut sizes = BTreeMap::new();
    let contents = store.entries().flat_map(room::contents);
    for attachment in contents.flat_map(|content| &content.attachments) {
        if *sizes.entry(attachment.content).or_insert(attachment.size) != attachment.size {
            return Err(TransferError::ContentSize(attachment.content));
        }
    }
    Ok(sizes)
}

/// What is in which group, and what is in the bin by itself.
pub(crate) struct Tree<'s> {
    root: Uuid,
    bin: Option<Uuid>,
    references: BTreeMap<ContentId, usize>,
    groups: BTreeMap<GroupId, Vec<&'s Group>>,
    entries: BTreeMap<GroupId, Vec<&'s Entry>>,
    groups_in_bin: Vec<&'s Group>,
    entries_in_bin: Vec<&'s Entry>,
}

impl<'s> Tree<'s> {
    fn new(store: &'s Store, root: Uuid, references: BTreeMap<ContentId, usize>) -> Self {
        let mut tree = Self {
            root,
            bin: None,
            references,
            groups: BTreeMap::new(),
            entries: BTreeMap::new(),
            groups_in_bin: Vec::new(),
            entries_in_bin: Vec::new(),
        };
        for group in store.groups() {
            match group.recycled_s {
                Some(_) => tree.groups_in_bin.push(group),
                None => tree.groups.entry(group.parent).or_default().push(group),
            }
        }
        for entry in store.entries() {
            match entry.recycled_s {
                Some(_) => tree.entries_in_bin.push(entry),
                None => tree.entries.entry(entry.group).or_default().push(entry),
            }
        }
        tree
    }

    fn has_bin(&self) -> bool {
        !self.groups_in_bin.is_empty() || !self.entries_in_bin.is_empty()
    }

    /// Puts the entries of a group of the file, one at a time.
    pub(crate) fn fill(&self, group: Uuid, put: Put<'_>) -> Result<(), KdbxError> {
        if Some(group) == self.bin {
            for entry in &self.entries_in_bin {
                let mut element = self.entry(entry);
                self.note_origin(&mut element, entry.group, entry.recycled_s);
                put(&element)?;
            }
            return Ok(());
        }
        let id = if group == self.root { GroupId::ROOT } else { GroupId::from_bytes(group.0) };
        for entry in self.entries.get(&id).into_iter().flatten() {
            put(&self.entry(entry))?;
        }
        Ok(())
    }

    fn entry(&self, entry: &Entry) -> Element {
        let mut element = new_entry(Uuid(entry.id.bytes()), time(entry.times.created_s));
        let mut view = EntryMut::of(&mut element);
        for version in entry.history.iter().rev() {
            put(&mut view, &version.content, &self.references);
            view.touch(time(version.modified_s));
            view.archive(None);
        }
        put(&mut view, &entry.content, &self.references);
        view.touch(time(entry.times.modified_s));
        element
    }

    /// The groups in a group. Recursion is as deep as groups are, at most 16.
    fn groups_in(&self, into: &mut GroupMut<'_>, id: GroupId) {
        for group in self.groups.get(&id).into_iter().flatten() {
            self.group(into, group);
        }
    }

    fn groups_in_bin(&self, bin: &mut GroupMut<'_>) {
        for group in &self.groups_in_bin {
            self.group(bin, group);
            if let Some(added) = bin.element().elements_mut().rev().find(|child| child.name == "Group") {
                self.note_origin(added, group.parent, group.recycled_s);
            }
        }
    }

    fn group(&self, into: &mut GroupMut<'_>, group: &Group) {
        let (name, notes) = (xml_text(&group.name), xml_text(group.notes.expose()));
        let created = time(group.times.created_s);
        let mut added = into.add_group(Uuid(group.id.bytes()), &name, created);
        added.element().child_or_new("Notes").set_text(&notes);
        set_time(added.element(), "LastModificationTime", group.times.modified_s);
        let seen = (name.as_str(), notes.as_str());
        if let Some(item) = kept::of_group((&group.name, group.notes.expose()), seen) {
            added.set_custom_data(KEY, &item);
        }
        self.groups_in(&mut added, group.id);
    }

    /// Says of something in the bin where it was, and when it came there.
    fn note_origin(&self, element: &mut Element, from: GroupId, recycled_s: Option<u64>) {
        let from = if from == GroupId::ROOT { self.root } else { Uuid(from.bytes()) };
        element.child_or_new(PREVIOUS_PARENT).set_text(&from.to_text());
        set_time(element, LOCATION_CHANGED, recycled_s.unwrap_or(0));
    }
}
