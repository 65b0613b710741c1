//! What came of it.

use alloc::vec::Vec;

use vault_app_entries::{Breach, Changes, ContentId, EntryId, Plain, SecretBytes};

/// Most notes of a report. Counts go on beyond.
pub const NOTES_MAX: usize = 256;

/// A file.
#[derive(Debug)]
pub struct Exported {
    /// The file.
    pub bytes: SecretBytes,
    /// Entries in it.
    pub entries: usize,
    /// What is not in it, and how many of each.
    pub left_out: Vec<(LeftOut, usize)>,
    /// How many secrets stand in it in the clear: passwords, one-time codes, protected fields, notes. 0 for sealed files.
    pub in_the_clear: usize,
    /// Cells of a CSV file that a spreadsheet would take for a formula.
    pub formulas: usize,
}

/// What a file leaves out, or an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Signing keys: they leave only in backups.
    SigningKeys,
    /// Entries in the recycle bin.
    Recycled,
    /// Attachments.
    Attachments,
    /// Earlier versions of entries.
    Versions,
    /// Groups that no entry is in, and notes of groups.
    Groups,
    /// Icons, colours, auto-type, other URLs of a KeePass entry, as entries.
    Looks,
    /// Data of other programs' plugins, as items.
    PluginData,
    /// Attachments, fields or times of a form that only older files have.
    OldForms,
}

/// What an import would do. Nothing has happened until the changes are stored and committed.
#[derive(Debug)]
#[must_use = "nothing is imported until the changes are stored and committed"]
pub struct Imported {
    /// What changes in the store.
    pub changes: Changes,
    /// Contents of attachments, to be stored together with the changes.
    pub contents: Vec<(ContentId, SecretBytes)>,
    /// Signing keys, number and record of each, to be stored likewise. Only backups have any.
    pub keys: Vec<(u64, SecretBytes)>,
    /// What is to be said of it.
    pub report: Report,
}

/// What is to be said of an import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that are added.
    pub added: usize,
    /// Groups that are added.
    pub groups: usize,
    /// Entries that are skipped because they are there already.
    pub skipped: usize,
    /// Entries that can't be kept and are not added.
    pub refused: usize,
    /// What is to be said of single entries and groups; the first [`NOTES_MAX`].
    pub notes: Vec<Note>,
    /// What is not taken over, and how many of each.
    pub left_out: Vec<(LeftOut, usize)>,
}

/// Something to be said of an entry or a group of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its title or name.
    pub title: Plain,
    /// What is to be said.
    pub what: What,
}

/// What is to be said of an entry or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The entry is there already, with the same content: skipped.
    AlreadyThere(EntryId),
    /// The same, and it is in the recycle bin.
    AlreadyInBin(EntryId),
    /// Another entry has its id, so it is added under a new one.
    NewId(EntryId),
    /// The entry can't be kept: not added.
    Refused(Breach),
    /// The group is too deep in others, or one too many, or its name can't be kept: what is in it goes into the group
    /// above.
    Flattened,
}

impl Report {
    pub(crate) fn note(&mut self, title: &Plain, what: What) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(Note { title: title.clone(), what });
        }
    }
}

/// Counts what is left out.
#[derive(Debug, Default)]
pub(crate) struct Count(Vec<(LeftOut, usize)>);

impl Count {
    pub(crate) fn add(&mut self, what: LeftOut, number: usize) {
        if number == 0 {
            return;
        }
        match self.0.iter_mut().find(|(other, _)| *other == what) {
            Some((_, count)) => *count += number,
            None => self.0.push((what, number)),
        }
    }

    pub(crate) fn finish(mut self) -> Vec<(LeftOut, usize)> {
        self.0.sort_unstable();
        self.0
    }
}
