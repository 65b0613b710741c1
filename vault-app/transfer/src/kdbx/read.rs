//! From document to groups and entries of a store, with the ids that the file gives as far as they are free.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use vault_app_codes::Random;
use vault_app_entries::{
    Entry, EntryId, Group, GroupId, Plain, SecretText, Store, Times, Version, caps, record,
};
use vault_app_kdbx as kdbx;
use vault_app_kdbx::{Binary, Database, Uuid};

use super::content::take;
use super::kept::{self, KEY};
use super::{LOCATION_CHANGED, PREVIOUS_PARENT, time_of};
use crate::error::TransferError;
use crate::report::{Count, LeftOut, Report, What};
use crate::room;

/// What a file holds, not in any store yet.
pub(crate) struct Found {
    /// Groups that are new.
    pub(crate) groups: Vec<Group>,
    /// Entries with the ids that the file gives, all zero if none. The attachments' ids are references still.
    pub(crate) entries: Vec<Entry>,
}

/// Reads entries while the file is read, when nothing of its groups is known yet, and then the groups.
pub(crate) struct Reader<'a> {
    now_s: u64,
    /// Bytes that entries may still take.
    room: Option<usize>,
    entries: Vec<Read>,
    report: &'a mut Report,
    left_out: &'a mut Count,
}

/// An entry that is in no group yet.
struct Read {
    entry: Entry,
    /// The number of its group in the file.
    group: usize,
    /// Where it was before it was moved, and when it was.
    before: Option<Uuid>,
    moved_s: Option<u64>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(
        now_s: u64,
        room: usize,
        report: &'a mut Report,
        left_out: &'a mut Count,
    ) -> Self {
        Self { now_s, room: Some(room), entries: Vec::new(), report, left_out }
    }

    /// Takes an entry of the file's group of this number.
    pub(crate) fn visit(&mut self, group: usize, entry: kdbx::Entry<'_>, binaries: &[Binary]) {
        if self.room.is_none() {
            return;
        }
        let element = entry.element();
        let content = take(entry, binaries);
        if let Err(breach) = content.check() {
            self.report.refused += 1;
            self.report.note(&content.title, What::Refused(breach));
            return;
        }
        let modified_s = entry.modified().map_or(self.now_s, super::seconds);
        let created_s = entry.created().map_or(modified_s, super::seconds);
        let mut new = Entry {
            id: EntryId::from_bytes(entry.uuid().map_or([0; 16], |uuid| uuid.0)),
            group: GroupId::ROOT,
            recycled_s: None,
            times: Times { created_s, modified_s },
            content,
            history: Vec::new(),
        };
        let size = self.history(entry, &mut new, binaries);
        count_looks(element, self.left_out);
        self.room = self.room.and_then(|room| room.checked_sub(size));
        self.entries.push(Read {
            entry: new,
            group,
            before: element.child_text(PREVIOUS_PARENT).and_then(Uuid::from_text),
            moved_s: time_of(element, LOCATION_CHANGED),
        });
    }

    /// The newest versions that can be kept. Says what the entry takes with them.
    fn history(&mut self, entry: kdbx::Entry<'_>, new: &mut Entry, binaries: &[Binary]) -> usize {
        let mut dropped = 0;
        for old in entry.history().rev() {
            if new.history.len() == caps::HISTORY_MAX {
                dropped += 1;
                continue;
            }
            let content = take(old, binaries);
            if content.check().is_err() {
                dropped += 1;
                continue;
            }
            let modified_s = old.modified().map_or(new.times.modified_s, super::seconds);
            new.history.push(Version { modified_s, content });
        }
        let record = loop {
            match record::encode(new) {
                Ok(record) => break record.len(),
                Err(_) if new.history.pop().is_some() => dropped += 1,
                Err(_) => break caps::RECORD_MAX,
            }
        };
        self.left_out.add(LeftOut::Versions, dropped);
        record + room::ENTRY + room::VERSION * new.history.len()
    }

    /// Puts the entries into groups below `at`.
    pub(crate) fn finish(
        self,
        database: &Database,
        store: &Store,
        at: GroupId,
        random: &mut impl Random,
    ) -> Result<Found, TransferError> {
        if self.room.is_none() {
            return Err(TransferError::NeedsRoom(0));
        }
        let by_uuid = BTreeMap::new();
        let mut groups =
            Groups { store, at, now_s: self.now_s, new: BTreeMap::new(), by_uuid, moved: Vec::new() };
        let places = groups.places(database, random, self.report)?;
        groups.put_back();
        let in_its_group = |read: Read| {
            // One in a second outermost group, of which other programs see nothing, is not lost.
            let place = places.get(read.group).copied().unwrap_or(Place { group: at, is_bin: false });
            let mut entry = read.entry;
            entry.group = place.group;
            if place.is_bin {
                let before = read.before.and_then(|uuid| groups.by_uuid.get(&uuid).copied());
                entry.group = before.unwrap_or(place.group);
                entry.recycled_s = Some(read.moved_s.unwrap_or(self.now_s));
            }
            entry
        };
        let entries = self.entries.into_iter().map(in_its_group).collect();
        Ok(Found { groups: groups.new.into_values().collect(), entries })
    }
}

/// Where what is directly in a group of the file goes.
#[derive(Clone, Copy)]
struct Place {
    group: GroupId,
    /// The group is the bin itself.
    is_bin: bool,
}

fn count_looks(element: &kdbx::Element, left_out: &mut Count) {
    let has_text = |name: &str| element.child_text(name).is_some_and(|text| !text.is_empty());
    let looks = ["ForegroundColor", "BackgroundColor", "OverrideURL", "CustomIconUUID"];
    let has_icon = element.child_text("IconID").is_some_and(|icon| icon != "0");
    let auto_type = element.child("AutoType").is_some_and(|auto| auto.child("Association").is_some());
    let has_looks = has_icon || auto_type || looks.iter().any(|name| has_text(name));
    left_out.add(LeftOut::Looks, usize::from(has_looks));
    let data = element.child("CustomData").into_iter().flat_map(|data| data.children_named("Item"));
    let foreign = data.filter(|item| !item.child_text("Key").is_some_and(|key| OURS.contains(&key))).count();
    left_out.add(LeftOut::PluginData, foreign);
    let binaries = element.children_named("Binary");
    let inline =
        binaries.filter(|binary| binary.child("Value").is_none_or(|value| value.attribute("Ref").is_none()));
    left_out.add(LeftOut::OldForms, inline.count());
}

/// Items of custom data that are ours, or only say when KeePassXC has written some.
const OURS: [&str; 2] = [KEY, "_LAST_MODIFIED"];

/// What a group without a name is called.
const UNNAMED: &str = "Group";

fn name_and_notes(group: kdbx::Group<'_>) -> (Plain, SecretText) {
    let item = group.custom_data().find(|(key, _)| *key == KEY);
    let kept = item.and_then(|(_, item)| kept::group(item, (group.name(), group.notes())));
    match kept {
        Some((name, notes)) => (Plain::new(name.expose().into()), notes),
        None => {
            let name = if group.name().is_empty() { UNNAMED } else { group.name() };
            (Plain::new(name.into()), SecretText::new(group.notes()))
        }
    }
}

/// Groups of the store and new ones.
struct Groups<'a> {
    store: &'a Store,
    at: GroupId,
    now_s: u64,
    new: BTreeMap<GroupId, Group>,
    /// Where the groups of the file are.
    by_uuid: BTreeMap<Uuid, GroupId>,
    /// Groups of the bin, and where they were before.
    moved: Vec<(GroupId, Uuid)>,
}

impl Groups<'_> {
    /// Where what is in each group of the file goes; groups in the order of their numbers.
    fn places(
        &mut self,
        database: &Database,
        random: &mut impl Random,
        report: &mut Report,
    ) -> Result<Vec<Place>, TransferError> {
        let root = database.root().ok_or(TransferError::Kdbx(kdbx::KdbxError::NotFound))?;
        let bin = database.recycle_bin();
        let mut places = Vec::from([Place { group: self.at, is_bin: false }]);
        self.by_uuid.extend(root.uuid().map(|uuid| (uuid, self.at)));
        let mut next: Vec<(kdbx::Group<'_>, Place)> =
            root.groups().rev().map(|child| (child, places[0])).collect();
        // Ends: a document is a tree.
        while let Some((group, parent)) = next.pop() {
            let is_bin = group.uuid().is_some() && group.uuid() == bin;
            let id = if is_bin { self.at } else { self.group(group, parent, random, report)? };
            let place = Place { group: id, is_bin };
            places.push(place);
            next.extend(group.groups().rev().map(|child| (child, place)));
        }
        Ok(places)
    }

    fn group(
        &mut self,
        group: kdbx::Group<'_>,
        place: Place,
        random: &mut impl Random,
        report: &mut Report,
    ) -> Result<GroupId, TransferError> {
        let element = group.element();
        let recycled_s = place.is_bin.then(|| time_of(element, LOCATION_CHANGED).unwrap_or(self.now_s));
        if let Some(there) = group.uuid().and_then(|uuid| self.there(uuid, recycled_s.is_some())) {
            return Ok(there);
        }
        let (name, notes) = name_and_notes(group);
        let now_s = self.now_s;
        let times = Times {
            created_s: time_of(element, "CreationTime").unwrap_or(now_s),
            modified_s: time_of(element, "LastModificationTime").unwrap_or(now_s),
        };
        let id = self.free_id(group.uuid(), random)?;
        let new = Group { id, parent: place.group, recycled_s, times, name, notes };
        if !self.has_room(place.group) || new.check().is_err() {
            report.note(&new.name, What::Flattened);
            return Ok(place.group);
        }
        if place.is_bin {
            let before = element.child_text(PREVIOUS_PARENT).and_then(Uuid::from_text);
            self.moved.extend(before.map(|uuid| (id, uuid)));
        }
        self.by_uuid.extend(group.uuid().map(|uuid| (uuid, id)));
        self.new.insert(id, new);
        Ok(id)
    }

    /// The group of the store that this one is, if it is in the bin here just as there.
    fn there(&mut self, uuid: Uuid, in_bin: bool) -> Option<GroupId> {
        let id = GroupId::from_bytes(uuid.0);
        let recycled = self.store.group(id)?.recycled_s.is_some();
        if recycled != in_bin || self.by_uuid.contains_key(&uuid) {
            return None;
        }
        self.by_uuid.insert(uuid, id);
        Some(id)
    }

    fn free_id(&self, uuid: Option<Uuid>, random: &mut impl Random) -> Result<GroupId, TransferError> {
        let wanted = uuid.filter(|uuid| *uuid != Uuid::NIL).map(|uuid| GroupId::from_bytes(uuid.0));
        match wanted.filter(|id| !self.is_taken(*id)) {
            Some(id) => Ok(id),
            None => Ok(GroupId::random(random)?),
        }
    }

    fn is_taken(&self, id: GroupId) -> bool {
        let as_entry = EntryId::from_bytes(id.bytes());
        self.store.group(id).is_some() || self.store.entry(as_entry).is_some() || self.new.contains_key(&id)
    }

    /// Whether one more group may be in this one.
    fn has_room(&self, parent: GroupId) -> bool {
        self.store.groups().count() + self.new.len() < caps::GROUPS_MAX
            && self.depth(parent).is_some_and(|depth| depth < caps::GROUP_DEPTH_MAX)
    }

    /// How deep a group is; nothing if that is more than may be, or a circle.
    fn depth(&self, group: GroupId) -> Option<usize> {
        let mut id = group;
        for above in 0..=caps::GROUP_DEPTH_MAX {
            match self.new.get(&id) {
                Some(group) => id = group.parent,
                None => {
                    let depth = above + self.store.ancestry(id).count();
                    return (depth <= caps::GROUP_DEPTH_MAX).then_some(depth);
                }
            }
        }
        None
    }

    /// Puts groups of the bin below those that they were in, to be restored there, unless that gets too deep.
    fn put_back(&mut self) {
        for (id, before) in core::mem::take(&mut self.moved) {
            let Some(parent) = self.by_uuid.get(&before).copied() else { continue };
            self.set_parent(id, parent);
            if self.new.keys().any(|group| self.depth(*group).is_none()) {
                self.set_parent(id, self.at);
            }
        }
    }

    fn set_parent(&mut self, id: GroupId, parent: GroupId) {
        if let Some(group) = self.new.get_mut(&id) {
            group.parent = parent;
        }
    }
}
