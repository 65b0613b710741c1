//! From store to document.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use vault_app_codes::Random;
use vault_app_entries::store::Item;
use vault_app_entries::{ContentId, Entry, Group, GroupId, Store};
use vault_app_kdbx::{Binary, Database, EntryMut, GroupMut, KdbxError, NewDatabase, Protection, Uuid};

use super::content::put;
use super::kept::{self, KEY};
use super::{LOCATION_CHANGED, PREVIOUS_PARENT, set_time, time};
use crate::error::TransferError;
use crate::means::Source;
use crate::names::xml_text;
use crate::room;

/// What the database and its outermost group are called.
const NAME: &str = "Vault";

/// The store as a document, its attachments with it.
pub(crate) fn write(
    store: &Store,
    source: &mut impl Source,
    random: &mut impl Random,
    now_s: u64,
    room: usize,
) -> Result<Database, TransferError> {
    let mut taken = room::of_kdbx(store);
    if taken > room {
        return Err(TransferError::NeedsRoom(taken));
    }
    let root = uuid(random)?;
    let mut database = Database::new(NewDatabase { name: NAME, root, now: time(now_s) });
    let sizes = sizes(store)?;
    let mut references = BTreeMap::new();
    for (id, size) in &sizes {
        // Here, in what is encrypted, and in the file.
        let more = usize::try_from(*size).unwrap_or(usize::MAX).saturating_mul(3);
        taken = taken.saturating_add(more);
        if taken > room {
            return Err(TransferError::NeedsRoom(taken));
        }
        let content = source.content(*id)?;
        if content.expose().len() as u64 != *size {
            return Err(TransferError::ContentSize(*id));
        }
        references.insert(*id, database.binaries.len());
        database.binaries.push(Binary::new(content.expose().to_vec(), Protection::Protected));
    }
    let tree = Tree::new(store, root, references);
    let mut outermost = database.group_mut(root).ok_or(KdbxError::NotFound)?;
    tree.fill(&mut outermost, GroupId::ROOT);
    if !tree.bin.is_empty() {
        let bin = uuid(random)?;
        database.add_bin(bin, time(now_s))?;
        tree.fill_bin(&mut database.group_mut(bin).ok_or(KdbxError::NotFound)?);
    }
    Ok(database)
}

fn uuid(random: &mut impl Random) -> Result<Uuid, TransferError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    Ok(Uuid(bytes))
}

/// The sizes of all contents, on which all entries must agree.
pub(crate) fn sizes(store: &Store) -> Result<BTreeMap<ContentId, u64>, TransferError> {
    let mut sizes = BTreeMap::new();
    let contents = store.entries().flat_map(|entry| {
        core::iter::once(&entry.content).chain(entry.history.iter().map(|version| &version.content))
    });
    for attachment in contents.flat_map(|content| &content.attachments) {
        if *sizes.entry(attachment.content).or_insert(attachment.size) != attachment.size {
            return Err(TransferError::ContentSize(attachment.content));
        }
    }
    Ok(sizes)
}

/// What is in which group, and what is in the bin by itself.
struct Tree<'s> {
    root: Uuid,
    references: BTreeMap<ContentId, usize>,
    groups: BTreeMap<GroupId, Vec<&'s Group>>,
    entries: BTreeMap<GroupId, Vec<&'s Entry>>,
    bin: Vec<Item>,
    store: &'s Store,
}

impl<'s> Tree<'s> {
    fn new(store: &'s Store, root: Uuid, references: BTreeMap<ContentId, usize>) -> Self {
        let (groups, entries, bin) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut tree = Self { root, references, groups, entries, bin, store };
        for group in store.groups() {
            match group.recycled_s {
                Some(_) => tree.bin.push(Item::Group(group.id)),
                None => tree.groups.entry(group.parent).or_default().push(group),
            }
        }
        for entry in store.entries() {
            match entry.recycled_s {
                Some(_) => tree.bin.push(Item::Entry(entry.id)),
                None => tree.entries.entry(entry.group).or_default().push(entry),
            }
        }
        tree
    }

    /// What is in the group. Recursion is as deep as groups are, at most 16.
    fn fill(&self, into: &mut GroupMut<'_>, id: GroupId) {
        for entry in self.entries.get(&id).into_iter().flatten() {
            self.entry(into, entry);
        }
        for group in self.groups.get(&id).into_iter().flatten() {
            self.group(into, group);
        }
    }

    fn fill_bin(&self, bin: &mut GroupMut<'_>) {
        for item in &self.bin {
            let (element, from, recycled_s) = match item {
                Item::Entry(id) => {
                    let Some(entry) = self.store.entry(*id) else { continue };
                    self.entry(bin, entry);
                    ("Entry", entry.group, entry.recycled_s)
                }
                Item::Group(id) => {
                    let Some(group) = self.store.group(*id) else { continue };
                    self.group(bin, group);
                    ("Group", group.parent, group.recycled_s)
                }
            };
            let Some(added) = bin.element().elements_mut().rev().find(|child| child.name == element) else {
                continue;
            };
            added.child_or_new(PREVIOUS_PARENT).set_text(&self.uuid(from).to_text());
            set_time(added, LOCATION_CHANGED, recycled_s.unwrap_or(0));
        }
    }

    fn uuid(&self, group: GroupId) -> Uuid {
        if group == GroupId::ROOT { self.root } else { Uuid(group.bytes()) }
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
        self.fill(&mut added, group.id);
    }

    fn entry(&self, into: &mut GroupMut<'_>, entry: &Entry) {
        let mut added: EntryMut<'_> = into.add_entry(Uuid(entry.id.bytes()), time(entry.times.created_s));
        for version in entry.history.iter().rev() {
            put(&mut added, &version.content, &self.references);
            added.touch(time(version.modified_s));
            added.archive(None);
        }
        put(&mut added, &entry.content, &self.references);
        added.touch(time(entry.times.modified_s));
    }
}
