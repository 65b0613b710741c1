//! From file to changes.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use vault_app_codes::Random;
use vault_app_entries::import::{Import, bitwarden, csv};
use vault_app_entries::store::Item;
use vault_app_entries::{Content, ContentId, Entry, EntryId, GroupId, SecretBytes, Store, StoreError};
use vault_app_kdbx::{Binary, Database, KdbxError, XmlError, open_each};

use crate::backup;
use crate::error::TransferError;
use crate::index::{Index, Wanted};
use crate::kdbx::{self, reference};
use crate::means::{Format, Means, Source};
use crate::report::{Count, Imported, Report, What};
use crate::room;

/// What a file adds to the store, in the group `at`; a backup only in the root of an empty store. Attachments that are
/// there already are compared with those of `source`.
///
/// # Errors
/// See [`TransferError`].
pub fn import<R: Random>(
    bytes: &[u8],
    format: Format,
    store: &Store,
    source: &mut impl Source,
    at: GroupId,
    means: &mut Means<'_, R>,
) -> Result<Imported, TransferError> {
    if at != GroupId::ROOT {
        store.group(at).ok_or(StoreError::NoGroup)?;
        if store.is_recycled(Item::Group(at)) {
            return Err(StoreError::Recycled.into());
        }
    }
    match format {
        Format::Kdbx => from_kdbx(bytes, store, source, at, means),
        Format::Csv => {
            let import = csv::read(text(bytes)?).map_err(TransferError::Csv)?;
            from_import(import, store, at, means)
        }
        Format::Bitwarden => {
            let import = bitwarden::read(text(bytes)?).map_err(TransferError::Bitwarden)?;
            from_import(import, store, at, means)
        }
        Format::Backup => backup::restore(bytes, store, means),
    }
}

fn text(bytes: &[u8]) -> Result<&str, TransferError> {
    core::str::from_utf8(bytes).map_err(|_| TransferError::NotText)
}

/// Files without ids: an entry of the same content is the same.
fn from_import<R: Random>(
    mut import: Import,
    store: &Store,
    at: GroupId,
    means: &mut Means<'_, R>,
) -> Result<Imported, TransferError> {
    let index = Index::new(store);
    let mut report = Report::default();
    let mut new = Vec::with_capacity(import.entries.len());
    for entry in import.entries {
        let wanted = Wanted { id: None, content: &entry.content, history: &entry.history };
        match index.find(&wanted, |_, _| Ok(true))? {
            Some(what) => {
                report.skipped += 1;
                report.note(&entry.content.title, what);
            }
            None => new.push(entry),
        }
    }
    report.added = new.len();
    import.entries = new;
    let changes = store.import(import, at, means.random, means.now_s)?;
    report.groups = changes.groups().count();
    Ok(Imported { changes, contents: Vec::new(), keys: Vec::new(), report })
}

fn from_kdbx<R: Random>(
    bytes: &[u8],
    store: &Store,
    source: &mut impl Source,
    at: GroupId,
    means: &mut Means<'_, R>,
) -> Result<Imported, TransferError> {
    let key = means.composite_key()?;
    // The file's bytes are deciphered whole before anything is known of them.
    let limits = room::limits(means.room);
    if bytes.len() > limits.payload {
        return Err(TransferError::NeedsRoom(0));
    }
    let (mut report, mut left_out) = (Report::default(), Count::default());
    let mut reader = kdbx::Reader::new(means.now_s, means.room / 2, &mut report, &mut left_out);
    let mut visit = |group: usize, entry: vault_app_kdbx::Entry<'_>, binaries: &[Binary]| {
        reader.visit(group, entry, binaries);
    };
    let opened = open_each(bytes, &key, means.blocks, limits, &mut visit);
    let database = opened.map_err(|error| match error {
        KdbxError::PayloadTooLarge | KdbxError::Xml(XmlError::TooMany) => TransferError::NeedsRoom(0),
        other => other.into(),
    })?;
    let found = reader.finish(&database, store, at, means.random)?;
    let mut chosen =
        Chosen { store, index: Index::new(store), entries: BTreeMap::new(), contents: Contents::default() };
    for entry in found.entries {
        // A new group may have the id that the file gives an entry, too.
        let is_group = found.groups.iter().any(|group| group.id.bytes() == entry.id.bytes());
        chosen.take(entry, is_group, (&database, source), means.random, &mut report)?;
    }
    report.groups = found.groups.len();
    report.left_out = left_out.finish();
    let contents = chosen.contents.bytes(&database);
    drop(database);
    let changes = store.merge(found.groups, chosen.entries.into_values().collect())?;
    Ok(Imported { changes, contents, keys: Vec::new(), report })
}

/// Entries that are added, by id.
struct Chosen<'s> {
    store: &'s Store,
    index: Index<'s>,
    entries: BTreeMap<EntryId, Entry>,
    contents: Contents,
}

impl Chosen<'_> {
    /// Takes an entry, unless it is there already.
    fn take(
        &mut self,
        mut entry: Entry,
        is_group: bool,
        (database, source): (&Database, &mut impl Source),
        random: &mut impl Random,
        report: &mut Report,
    ) -> Result<(), TransferError> {
        let named = entry.id.number() != 0;
        let taken = is_group || is_taken(self.store, entry.id) || self.entries.contains_key(&entry.id);
        if !named || is_taken(self.store, entry.id) {
            let id = named.then_some(entry.id);
            let wanted = Wanted { id, content: &entry.content, history: &entry.history };
            let same = |theirs: &Content, ours: &Content| same_attachments(theirs, ours, database, source);
            if let Some(what) = self.index.find(&wanted, same)? {
                report.skipped += 1;
                report.note(&entry.content.title, what);
                return Ok(());
            }
        }
        if !named || taken {
            entry.id = EntryId::random(random)?;
        }
        if named && taken {
            report.note(&entry.content.title, What::NewId(entry.id));
        }
        let versions = entry.history.iter_mut().map(|version| &mut version.content);
        for content in core::iter::once(&mut entry.content).chain(versions) {
            for attachment in &mut content.attachments {
                attachment.content = self.contents.id(reference(attachment), random)?;
            }
        }
        report.added += 1;
        self.entries.insert(entry.id, entry);
        Ok(())
    }
}

fn is_taken(store: &Store, id: EntryId) -> bool {
    store.entry(id).is_some() || store.group(GroupId::from_bytes(id.bytes())).is_some()
}

/// Whether the attachments of one name have the same bytes; that both have the same names was compared before.
fn same_attachments(
    theirs: &Content,
    ours: &Content,
    database: &Database,
    source: &mut impl Source,
) -> Result<bool, TransferError> {
    for attachment in &theirs.attachments {
        let Some(other) = ours.attachments.iter().find(|other| other.name == attachment.name) else {
            return Ok(false);
        };
        let Some(binary) = database.binary(reference(attachment)) else { return Ok(false) };
        if source.content(other.content)? != SecretBytes::new(binary.data()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Ids of contents, by their place in the file.
#[derive(Default)]
struct Contents(BTreeMap<usize, ContentId>);

impl Contents {
    fn id(&mut self, reference: usize, random: &mut impl Random) -> Result<ContentId, TransferError> {
        if let Some(id) = self.0.get(&reference) {
            return Ok(*id);
        }
        let id = ContentId::random(random)?;
        self.0.insert(reference, id);
        Ok(id)
    }

    fn bytes(&self, database: &Database) -> Vec<(ContentId, SecretBytes)> {
        let binaries = self.0.iter().filter_map(|(reference, id)| {
            let binary = database.binary(*reference)?;
            Some((*id, SecretBytes::new(binary.data())))
        });
        binaries.collect()
    }
}
