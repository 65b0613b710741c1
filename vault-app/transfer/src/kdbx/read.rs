//! From document to groups and entries of a store, with the ids that the file gives as far as they are free.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use vault_app_codes::Random;
use vault_app_entries::{
    Entry, EntryId, Group, GroupId, Plain, SecretText, Store, Times, Version, caps, record,
};
use vault_app_kdbx as kdbx;
use vault_app_kdbx::{Database, Uuid};

use super::content::take;
use super::kept::{self, KEY};
use super::{LOCATION_CHANGED, PREVIOUS_PARENT, time_of};
use crate::error::TransferError;
use crate::report::{Count, LeftOut, Report, What};

/// What a file holds, not in any store yet.
pub(crate) struct Found {
    /// Groups that are new.
    pub(crate) groups: Vec<Group>,
    /// Entries with the ids that the file gives, all zero if none. The attachments' ids are references still.
    pub(crate) entries: Vec<Entry>,
}

/// Reads a document into groups below `at`.
pub(crate) fn read(
    database: &Database,
    store: &Store,
    at: GroupId,
    random: &mut impl Random,
    now_s: u64,
    (report, left_out): (&mut Report, &mut Count),
) -> Result<Found, TransferError> {
    let groups = Groups { store, now_s, new: BTreeMap::new(), by_uuid: BTreeMap::new(), moved: Vec::new() };
    let mut reader = Reader { database, bin: database.recycle_bin(), groups, report, left_out, at };
    let places = reader.groups(random)?;
    reader.groups.put_back(at);
    let mut entries = Vec::new();
    for (group, place) in places {
        for entry in group.entries() {
            entries.extend(reader.entry(entry, place));
        }
    }
    Ok(Found { groups: reader.groups.new.into_values().collect(), entries })
}

/// Where what is directly in a group of the file goes.
#[derive(Clone, Copy)]
struct Place {
    group: GroupId,
    /// The group is the bin itself.
    is_bin: bool,
}

struct Reader<'a> {
    database: &'a Database,
    bin: Option<Uuid>,
    groups: Groups<'a>,
    report: &'a mut Report,
    left_out: &'a mut Count,
    at: GroupId,
}

impl<'a> Reader<'a> {
    /// All groups of the file and where they go, those outside the bin first.
    fn groups(&mut self, random: &mut impl Random) -> Result<Vec<(kdbx::Group<'a>, Place)>, TransferError> {
        let Some(root) = self.database.root() else {
            return Err(TransferError::Kdbx(kdbx::KdbxError::NotFound));
        };
        let at = Place { group: self.at, is_bin: false };
        if let Some(uuid) = root.uuid() {
            self.groups.by_uuid.insert(uuid, self.at);
        }
        let mut places = Vec::from([(root, at)]);
        let mut next = 0;
        // Ends: a document is a tree.
        while let Some((group, place)) = places.get(next).copied() {
            next += 1;
            for child in group.groups() {
                let is_bin = child.uuid().is_some() && child.uuid() == self.bin;
                let place = if is_bin {
                    Place { group: self.at, is_bin }
                } else {
                    Place { group: self.group(child, place, random)?, is_bin }
                };
                places.push((child, place));
            }
        }
        Ok(places)
    }

    fn group(
        &mut self,
        group: kdbx::Group<'_>,
        place: Place,
        random: &mut impl Random,
    ) -> Result<GroupId, TransferError> {
        let element = group.element();
        let recycled_s =
            place.is_bin.then(|| time_of(element, LOCATION_CHANGED).unwrap_or(self.groups.now_s));
        if let Some(there) = group.uuid().and_then(|uuid| self.groups.there(uuid, recycled_s.is_some())) {
            return Ok(there);
        }
        let (name, notes) = name_and_notes(group);
        let now_s = self.groups.now_s;
        let times = Times {
            created_s: time_of(element, "CreationTime").unwrap_or(now_s),
            modified_s: time_of(element, "LastModificationTime").unwrap_or(now_s),
        };
        let id = self.groups.free_id(group.uuid(), random)?;
        let new = Group { id, parent: place.group, recycled_s, times, name, notes };
        if !self.groups.has_room(place.group) || new.check().is_err() {
            self.report.note(&new.name, What::Flattened);
            return Ok(place.group);
        }
        if place.is_bin {
            let before = element.child_text(PREVIOUS_PARENT).and_then(Uuid::from_text);
            self.groups.moved.extend(before.map(|uuid| (id, uuid)));
        }
        self.groups.by_uuid.extend(group.uuid().map(|uuid| (uuid, id)));
        self.groups.new.insert(id, new);
        Ok(id)
    }

    /// The entry, unless it can't be kept.
    fn entry(&mut self, entry: kdbx::Entry<'_>, place: Place) -> Option<Entry> {
        let element = entry.element();
        let now_s = self.groups.now_s;
        let content = take(entry, self.database);
        if let Err(breach) = content.check() {
            self.report.refused += 1;
            self.report.note(&content.title, What::Refused(breach));
            return None;
        }
        let before = element.child_text(PREVIOUS_PARENT).and_then(Uuid::from_text);
        let before = before.and_then(|uuid| self.groups.by_uuid.get(&uuid).copied());
        let group = if place.is_bin { before.unwrap_or(place.group) } else { place.group };
        let modified_s = entry.modified().map_or(now_s, super::seconds);
        let created_s = entry.created().map_or(modified_s, super::seconds);
        let mut new = Entry {
            id: EntryId::from_bytes(entry.uuid().map_or([0; 16], |uuid| uuid.0)),
            group,
            recycled_s: place.is_bin.then(|| time_of(element, LOCATION_CHANGED).unwrap_or(now_s)),
            times: Times { created_s, modified_s },
            content,
            history: Vec::new(),
        };
        self.history(entry, &mut new);
        self.count_looks(element);
        Some(new)
    }

    /// The newest versions that can be kept.
    fn history(&mut self, entry: kdbx::Entry<'_>, new: &mut Entry) {
        let mut dropped = 0;
        for old in entry.history().rev() {
            let content = take(old, self.database);
            if new.history.len() == caps::HISTORY_MAX || content.check().is_err() {
                dropped += 1;
                continue;
            }
            let modified_s = old.modified().map_or(new.times.modified_s, super::seconds);
            new.history.push(Version { modified_s, content });
        }
        while record::encode(new).is_err() && new.history.pop().is_some() {
            dropped += 1;
        }
        self.left_out.add(LeftOut::Versions, dropped);
    }

    fn count_looks(&mut self, element: &kdbx::Element) {
        let has_text = |name: &str| element.child_text(name).is_some_and(|text| !text.is_empty());
        let looks = ["ForegroundColor", "BackgroundColor", "OverrideURL", "CustomIconUUID"];
        let has_icon = element.child_text("IconID").is_some_and(|icon| icon != "0");
        let auto_type = element.child("AutoType").is_some_and(|auto| auto.child("Association").is_some());
        let has_looks = has_icon || auto_type || looks.iter().any(|name| has_text(name));
        self.left_out.add(LeftOut::Looks, usize::from(has_looks));
        let data = element.child("CustomData").into_iter().flat_map(|data| data.children_named("Item"));
        let foreign =
            data.filter(|item| !item.child_text("Key").is_some_and(|key| OURS.contains(&key))).count();
        self.left_out.add(LeftOut::PluginData, foreign);
        let binaries = element.children_named("Binary");
        let inline = binaries
            .filter(|binary| binary.child("Value").is_none_or(|value| value.attribute("Ref").is_none()));
        self.left_out.add(LeftOut::OldForms, inline.count());
    }
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
    now_s: u64,
    new: BTreeMap<GroupId, Group>,
    /// Where the groups of the file are.
    by_uuid: BTreeMap<Uuid, GroupId>,
    /// Groups of the bin, and where they were before.
    moved: Vec<(GroupId, Uuid)>,
}

impl Groups<'_> {
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
    fn put_back(&mut self, at: GroupId) {
        for (id, before) in core::mem::take(&mut self.moved) {
            let Some(parent) = self.by_uuid.get(&before).copied() else { continue };
            self.set_parent(id, parent);
            if self.new.keys().any(|group| self.depth(*group).is_none()) {
                self.set_parent(id, at);
            }
        }
    }

    fn set_parent(&mut self, id: GroupId, parent: GroupId) {
        if let Some(group) = self.new.get_mut(&id) {
            group.parent = parent;
        }
    }
}
