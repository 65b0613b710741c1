//! A database: the document, its attachments, and what else the file holds.

use core::fmt;

use alloc::string::ToString;
use alloc::vec::Vec;
use ipc_proto_types::Secret;

use crate::edit::{self, EntryMut, GroupMut};
use crate::entry::Entry;
use crate::error::KdbxError;
use crate::group::{Entries, Group};
use crate::header::{self, RawField};
use crate::inner::InnerField;
use crate::meta::{Deleted, Meta};
use crate::tree::{Document, Element, Node};
use crate::value::{Time, Uuid, flag_text};

/// The flag of an attachment that KeePass should keep encrypted in memory.
const FLAG_PROTECT: u8 = 1;
/// The icon of a trash can, as KeePass counts them.
const ICON_BIN: &str = "43";

/// The contents of an attachment. Entries refer to it by its place in [`Database::binaries`].
#[derive(Clone)]
pub struct Binary {
    pub(crate) flags: u8,
    pub(crate) data: Secret<Vec<u8>>,
}

impl Binary {
    /// An attachment; `protect` asks programs to keep it encrypted in memory.
    #[must_use]
    pub fn new(data: Vec<u8>, protect: crate::Protection) -> Self {
        let flags = if protect == crate::Protection::Protected { FLAG_PROTECT } else { 0 };
        Self { flags, data: Secret::new(data) }
    }

    /// Its bytes.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.data.expose()
    }

    /// Whether programs are asked to keep it encrypted in memory.
    #[must_use]
    pub const fn is_protected(&self) -> bool {
        self.flags & FLAG_PROTECT != 0
    }
}

impl PartialEq for Binary {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.flags == other.flags && bool::from(self.data().ct_eq(other.data()))
    }
}

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({} bytes)", self.data().len())
    }
}

/// An open database.
///
/// [`Database::document`] is all there is; the methods look into it. What they cannot read they leave alone.
#[derive(Clone)]
pub struct Database {
    /// The document. Protected values stand in it in plain.
    pub document: Document,
    /// Attachments. Entries refer to them by place, so none may be moved or removed while one does.
    pub binaries: Vec<Binary>,
    /// Fields of the outer header that anybody can read: comment, public custom data.
    pub public: Vec<RawField>,
    pub(crate) inner_extra: Vec<InnerField>,
    pub(crate) minor: u16,
}

/// What a new database is made of.
#[derive(Debug, Clone, Copy)]
pub struct NewDatabase<'a> {
    /// What it and its outermost group are called.
    pub name: &'a str,
    /// The outermost group's identifier, drawn at random.
    pub root: Uuid,
    /// The time.
    pub now: Time,
}

impl Database {
    /// An empty database.
    #[must_use]
    pub fn new(new: NewDatabase<'_>) -> Self {
        let text = Element::with_text;
        let now = new.now.to_text();
        let protection = ["Title", "UserName", "Password", "URL", "Notes"].into_iter().fold(
            Element::new("MemoryProtection"),
            |all, field| {
                let name = alloc::format!("Protect{field}");
                all.with(text(&name, flag_text(field == "Password")))
            },
        );
        let meta = Element::new("Meta")
            .with(text("Generator", "Skep"))
            .with(text("DatabaseName", new.name))
            .with(text("DatabaseNameChanged", &now))
            .with(text("DatabaseDescription", ""))
            .with(text("DatabaseDescriptionChanged", &now))
            .with(text("DefaultUserName", ""))
            .with(text("DefaultUserNameChanged", &now))
            .with(text("MaintenanceHistoryDays", "365"))
            .with(text("MasterKeyChanged", &now))
            .with(text("MasterKeyChangeRec", "-1"))
            .with(text("MasterKeyChangeForce", "-1"))
            .with(protection)
            .with(text("RecycleBinEnabled", flag_text(true)))
            .with(text("RecycleBinUUID", &Uuid::NIL.to_text()))
            .with(text("RecycleBinChanged", &now))
            .with(text("HistoryMaxItems", "10"))
            .with(text("HistoryMaxSize", "6291456"));
        let root = Element::new("Root")
            .with(edit::new_group(new.root, new.name, new.now))
            .with(Element::new("DeletedObjects"));
        let file = Element::new("KeePassFile").with(meta).with(root);
        Self {
            document: Document { before: Vec::new(), root: file, after: Vec::new() },
            binaries: Vec::new(),
            public: Vec::new(),
            inner_extra: Vec::new(),
            minor: header::MINOR,
        }
    }

    /// What the document says about itself.
    #[must_use]
    pub fn meta(&self) -> Option<Meta<'_>> {
        self.document.root.child("Meta").map(Meta)
    }

    fn meta_mut(&mut self) -> &mut Element {
        self.document.root.child_or_new("Meta")
    }

    /// The outermost group; `None` if the document is not one of KeePass.
    #[must_use]
    pub fn root(&self) -> Option<Group<'_>> {
        self.document.root.child("Root")?.child("Group").map(Group)
    }

    fn root_element_mut(&mut self) -> Option<&mut Element> {
        self.document.root.child_mut("Root")?.child_mut("Group")
    }

    /// All entries with their groups, outermost first; not those of histories.
    #[must_use]
    pub fn entries(&self) -> Entries<'_> {
        Entries::new(self.root())
    }

    /// The entry of this identifier.
    #[must_use]
    pub fn entry(&self, uuid: Uuid) -> Option<Entry<'_>> {
        self.entries().map(|(_, entry)| entry).find(|entry| entry.uuid() == Some(uuid))
    }

    /// The entry of this identifier, to be changed.
    pub fn entry_mut(&mut self, uuid: Uuid) -> Option<EntryMut<'_>> {
        edit::find(self.root_element_mut()?, edit::ENTRY, uuid).map(EntryMut)
    }

    /// The group of this identifier, to be changed.
    pub fn group_mut(&mut self, uuid: Uuid) -> Option<GroupMut<'_>> {
        edit::find(self.root_element_mut()?, edit::GROUP, uuid).map(GroupMut)
    }

    /// The attachment that an entry's reference means.
    #[must_use]
    pub fn binary(&self, reference: usize) -> Option<&Binary> {
        self.binaries.get(reference)
    }

    /// Adds an attachment's contents and gives the reference to it; equal contents are kept once.
    pub fn add_binary(&mut self, binary: Binary) -> usize {
        let at = self.binaries.iter().position(|other| *other == binary);
        at.unwrap_or_else(|| {
            self.binaries.push(binary);
            self.binaries.len() - 1
        })
    }

    /// What was deleted for good.
    pub fn deleted(&self) -> impl Iterator<Item = Deleted<'_>> {
        let list = self.document.root.child("Root").and_then(|root| root.child("DeletedObjects"));
        list.into_iter().flat_map(|list| list.children_named("DeletedObject")).map(Deleted)
    }

    /// Takes an entry or a group out for good and notes that it was.
    ///
    /// # Errors
    /// [`KdbxError::NotFound`]; the outermost group is not found either.
    pub fn delete(&mut self, uuid: Uuid, now: Time) -> Result<(), KdbxError> {
        self.take(uuid)?;
        let list = self.document.root.child_or_new("Root").child_or_new("DeletedObjects");
        let note = Element::new("DeletedObject")
            .with(Element::with_text("UUID", &uuid.to_text()))
            .with(Element::with_text("DeletionTime", &now.to_text()));
        list.children.push(Node::Element(note));
        Ok(())
    }

    /// Moves an entry or a group into the recycle bin, which is made, as `bin`, when there is none.
    ///
    /// # Errors
    /// [`KdbxError::NotFound`], also for the outermost group and for the bin itself.
    pub fn recycle(&mut self, uuid: Uuid, bin: Uuid, now: Time) -> Result<(), KdbxError> {
        let bin = match self.recycle_bin() {
            Some(old) => old,
            None => self.add_bin(bin, now)?,
        };
        self.move_to(uuid, bin, now)
    }

    /// Moves an entry or a group into another group.
    ///
    /// # Errors
    /// [`KdbxError::NotFound`] when there is no such one or no such group, or the group is inside what is moved.
    pub fn move_to(&mut self, uuid: Uuid, group: Uuid, now: Time) -> Result<(), KdbxError> {
        let root = self.root().ok_or(KdbxError::NotFound)?.0;
        let moved = edit::look(root, uuid).ok_or(KdbxError::NotFound)?;
        let inside = edit::look(moved, group).is_some() || uuid == group;
        if inside || edit::look(root, group).is_none_or(|element| element.name != edit::GROUP) {
            return Err(KdbxError::NotFound);
        }
        let mut element = self.take(uuid)?;
        edit::stamp(&mut element, "LocationChanged", now);
        let target = self.group_mut(group).ok_or(KdbxError::NotFound)?;
        target.0.children.push(Node::Element(element));
        Ok(())
    }

    /// The recycle bin's identifier, if there is one that is there.
    #[must_use]
    pub fn recycle_bin(&self) -> Option<Uuid> {
        let uuid = self.meta()?.recycle_bin()?;
        edit::look(self.root()?.0, uuid).is_some_and(|bin| bin.name == edit::GROUP).then_some(uuid)
    }

    /// Makes a recycle bin, empty, and says in the document that it is the one.
    ///
    /// # Errors
    /// [`KdbxError::NotFound`] when there is no outermost group.
    pub fn add_bin(&mut self, uuid: Uuid, now: Time) -> Result<Uuid, KdbxError> {
        let mut bin = edit::new_group(uuid, "Recycle Bin", now);
        for (name, value) in [("IconID", ICON_BIN), ("EnableSearching", "false"), ("EnableAutoType", "false")]
        {
            bin.child_or_new(name).set_text(value);
        }
        self.root_element_mut().ok_or(KdbxError::NotFound)?.children.push(Node::Element(bin));
        let meta = self.meta_mut();
        meta.child_or_new("RecycleBinEnabled").set_text(flag_text(true));
        meta.child_or_new("RecycleBinUUID").set_text(&uuid.to_text());
        meta.child_or_new("RecycleBinChanged").set_text(&now.to_text());
        Ok(uuid)
    }

    fn take(&mut self, uuid: Uuid) -> Result<Element, KdbxError> {
        let root = self.root_element_mut().ok_or(KdbxError::NotFound)?;
        edit::take(root, uuid).ok_or(KdbxError::NotFound)
    }

    /// Sets a custom data item of the database, which programs keep and do not show.
    pub fn set_custom_data(&mut self, key: &str, value: &str) {
        edit::set_custom_data(self.meta_mut(), key, value);
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [self.entries().count(), self.binaries.len()].map(|count| count.to_string());
        write!(f, "Database({} entries, {} attachments)", counts[0], counts[1])
    }
}
