//! A store as a backup, bit for bit, and back.
//!
//! Parts: `content.` and the id of an attachment's content, `key.` and the number of a signing key, `record.` and the id of an
//! entry or a group; ids in hexadecimal. Their bytes are those that are kept.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use vault_app_backup::{
    BackupError, FILE_ID_SIZE, HEADER_SIZE, Key, Opening, Part, PartName, SALT_SIZE, Sink, Stopped, Writer,
};
use vault_app_codes::Random;
use vault_app_entries::record::{self, Record};
use vault_app_entries::{ContentId, Entry, Group, SecretBytes, Store, StoreError, caps};
use vault_app_kdf::{Block, Cost};
use zeroize::Zeroizing;

use crate::error::TransferError;
use crate::kdbx::sizes;
use crate::means::{Means, Source};
use crate::report::{Imported, Report};
use crate::room;

/// Longest record of a signing key that is taken: version, length, comment, seed.
const KEY_MAX: usize = 2 + vault_app_signing::COMMENT_MAX + vault_app_signing::SEED_SIZE;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Content(ContentId),
    Key(u64),
    Record(u128),
}

impl Kind {
    fn name(self) -> Result<PartName, BackupError> {
        match self {
            Self::Content(id) => PartName::new(&format!("content.{:032x}", id.number())),
            Self::Key(id) => PartName::new(&format!("key.{id:016x}")),
            Self::Record(id) => PartName::new(&format!("record.{id:032x}")),
        }
    }

    /// Only the name that is written is one.
    fn of(name: &PartName) -> Option<Self> {
        let (kind, id) = name.as_str().split_once('.')?;
        let number = u128::from_str_radix(id, 16).ok()?;
        let kind = match kind {
            "content" => Self::Content(ContentId::from_bytes(number.to_be_bytes())),
            "key" => Self::Key(u64::try_from(number).ok()?),
            "record" => Self::Record(number),
            _ => return None,
        };
        (kind.name() == Ok(*name)).then_some(kind)
    }
}

/// The store as a backup.
pub(crate) fn write<R: Random>(
    store: &Store,
    source: &mut impl Source,
    cost: Cost,
    means: &mut Means<'_, R>,
) -> Result<Vec<u8>, TransferError> {
    let (mut salt, mut file_id) = ([0; SALT_SIZE], [0; FILE_ID_SIZE]);
    means.random.fill(&mut salt)?;
    means.random.fill(&mut file_id)?;
    let keys = source.keys()?;
    let mut parts: Vec<(Kind, u64)> =
        sizes(store)?.into_iter().map(|(id, size)| (Kind::Content(id), size)).collect();
    parts.extend(keys.iter().map(|(id, record)| (Kind::Key(*id), record.expose().len() as u64)));
    for group in store.groups() {
        parts.push((Kind::Record(group.id.number()), record_of(store, group.id.number())?.len() as u64));
    }
    for entry in store.entries() {
        parts.push((Kind::Record(entry.id.number()), record_of(store, entry.id.number())?.len() as u64));
    }
    parts.sort_unstable();
    let table = parts
        .iter()
        .map(|(kind, length)| Ok(Part { name: kind.name()?, length: *length }))
        .collect::<Result<Vec<_>, BackupError>>()?;
    let length = vault_app_backup::file_length(&table).ok_or(BackupError::TooLong)?;
    if length > means.room {
        return Err(TransferError::NeedsRoom(length));
    }
    let key = derive(cost, salt, means.passphrase, means.blocks)?;
    let mut file = Vec::with_capacity(length);
    let mut out = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        Ok(())
    };
    let mut writer = Writer::begin(&key, file_id, &table, &mut out)?;
    for (part, (kind, length)) in table.iter().zip(&parts) {
        match kind {
            Kind::Content(id) => {
                let content = source.content(*id)?;
                if content.expose().len() as u64 != *length {
                    return Err(TransferError::ContentSize(*id));
                }
                writer.data(&part.name, content.expose(), &mut out)?;
            }
            Kind::Key(id) => {
                let record = keys.iter().find(|(other, _)| other == id).ok_or(TransferError::Source)?;
                writer.data(&part.name, record.1.expose(), &mut out)?;
            }
            Kind::Record(id) => writer.data(&part.name, &record_of(store, *id)?, &mut out)?,
        }
    }
    writer.finish(&mut out)?;
    Ok(file)
}

fn derive(
    cost: Cost,
    salt: [u8; SALT_SIZE],
    passphrase: &[u8],
    blocks: &mut [Block],
) -> Result<Key, TransferError> {
    Key::derive(cost, salt, passphrase, blocks).map_err(|error| too_few(error, cost))
}

fn too_few(error: BackupError, cost: Cost) -> TransferError {
    if error == BackupError::TooFewBlocks { TransferError::TooFewBlocks(cost) } else { error.into() }
}

/// The record of this id; records are made twice, to be measured and to be written, rather than all held.
fn record_of(store: &Store, id: u128) -> Result<record::Bytes, TransferError> {
    let bytes = id.to_be_bytes();
    let group = store.group(vault_app_entries::GroupId::from_bytes(bytes)).map(record::encode_group);
    let entry = || store.entry(vault_app_entries::EntryId::from_bytes(bytes)).map(record::encode);
    let record = group.or_else(entry).ok_or(StoreError::NoEntry)?;
    Ok(record.map_err(StoreError::Breach)?)
}

/// What a good backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Entries.
    pub entries: usize,
    /// Groups.
    pub groups: usize,
    /// Contents of attachments.
    pub contents: usize,
    /// Signing keys.
    pub keys: usize,
}

/// Reads a backup whole, as for restoring it, and keeps nothing: every part is there, none is there too many, every record
/// and key can be read, every attachment has its content, and the records make a store. `room` as in [`Means`].
///
/// # Errors
/// As [`crate::import`] of a backup.
pub fn verify(
    bytes: &[u8],
    passphrase: &[u8],
    blocks: &mut [Block],
    room: usize,
) -> Result<Verified, TransferError> {
    let parts = read(bytes, passphrase, blocks, Parts::new(Mode::Verify, room))?;
    let verified = Verified {
        entries: parts.entries.len(),
        groups: parts.groups.len(),
        contents: parts.sizes.len(),
        keys: parts.keys.len(),
    };
    let _nothing = Store::new().merge(parts.groups, parts.entries)?;
    Ok(verified)
}

/// A backup as changes of an empty store.
pub(crate) fn restore<R: Random>(
    bytes: &[u8],
    store: &Store,
    means: &mut Means<'_, R>,
) -> Result<Imported, TransferError> {
    if store.entries().next().is_some() || store.groups().next().is_some() {
        return Err(TransferError::NotEmpty);
    }
    let parts = read(bytes, means.passphrase, means.blocks, Parts::new(Mode::Restore, means.room))?;
    let report = Report { added: parts.entries.len(), groups: parts.groups.len(), ..Report::default() };
    let changes = store.merge(parts.groups, parts.entries)?;
    Ok(Imported { changes, contents: parts.contents, keys: parts.keys, report })
}

fn read(
    bytes: &[u8],
    passphrase: &[u8],
    blocks: &mut [Block],
    mut parts: Parts,
) -> Result<Parts, TransferError> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_SIZE>().ok_or(BackupError::NotABackup)?;
    let opening = Opening::parse(header)?;
    let cost = opening.cost();
    let mut reader = opening.unlock(passphrase, blocks).map_err(|error| too_few(error, cost))?;
    let fed = reader.feed(rest, &mut parts).and_then(|()| reader.finish(&mut parts).map(|_| ()));
    if let Some(fault) = parts.fault {
        return Err(fault);
    }
    fed?;
    parts.check_contents()?;
    Ok(parts)
}

/// Whether contents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Restore,
    Verify,
}

/// What has been read.
struct Parts {
    mode: Mode,
    /// Bytes that may still be taken.
    room: usize,
    /// The part that is being read, how long it is, and what is there of it.
    current: Option<(Part, Kind)>,
    bytes: Zeroizing<Vec<u8>>,
    left: u64,
    sizes: BTreeMap<ContentId, u64>,
    contents: Vec<(ContentId, SecretBytes)>,
    keys: Vec<(u64, SecretBytes)>,
    groups: Vec<Group>,
    entries: Vec<Entry>,
    fault: Option<TransferError>,
}

impl Parts {
    fn new(mode: Mode, room: usize) -> Self {
        Self {
            mode,
            room,
            current: None,
            bytes: Zeroizing::new(Vec::new()),
            left: 0,
            sizes: BTreeMap::new(),
            contents: Vec::new(),
            keys: Vec::new(),
            groups: Vec::new(),
            entries: Vec::new(),
            fault: None,
        }
    }

    fn begin(&mut self, part: &Part) -> Result<(), TransferError> {
        let kind = Kind::of(&part.name).ok_or(TransferError::StrangePart(part.name))?;
        let length = usize::try_from(part.length).map_err(|_| TransferError::LongPart(part.name))?;
        let most = match kind {
            Kind::Content(_) => usize::MAX,
            Kind::Key(_) => KEY_MAX,
            Kind::Record(_) => caps::RECORD_MAX,
        };
        if length > most {
            return Err(TransferError::LongPart(part.name));
        }
        self.left = part.length;
        self.current = Some((*part, kind));
        if let (Kind::Content(id), Mode::Verify) = (kind, self.mode) {
            self.sizes.insert(id, part.length);
        } else {
            let value = if matches!(kind, Kind::Record(_)) { room::ENTRY } else { 0 };
            self.room = self.room.checked_sub(length + value).ok_or(TransferError::NeedsRoom(0))?;
            self.bytes = Zeroizing::new(Vec::with_capacity(length));
        }
        if part.length == 0 { self.end() } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), TransferError> {
        let Some((Part { name, .. }, kind)) = self.current.take() else { return Ok(()) };
        let mut bytes = core::mem::replace(&mut self.bytes, Zeroizing::new(Vec::new()));
        match kind {
            Kind::Content(_) if self.mode == Mode::Verify => {}
            Kind::Content(id) => {
                self.sizes.insert(id, bytes.len() as u64);
                self.contents.push((id, SecretBytes::from(core::mem::take(&mut *bytes))));
            }
            Kind::Key(id) => {
                let key = vault_app_signing::Key::from_record(&bytes);
                if key.map(|key| key.public().id().0) != Ok(id) {
                    return Err(TransferError::BadKey(name));
                }
                self.keys.push((id, SecretBytes::new(&bytes)));
            }
            Kind::Record(id) => {
                let record = record::decode(&bytes);
                match record.map_err(|error| TransferError::BadRecord(name, error))? {
                    Record::Entry(entry) if entry.id.number() == id => self.entries.push(entry),
                    Record::Group(group) if group.id.number() == id => self.groups.push(group),
                    Record::Entry(_) | Record::Group(_) => return Err(TransferError::OtherRecord(name)),
                }
            }
        }
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        if self.bytes.capacity() > 0 {
            self.bytes.extend_from_slice(bytes);
        }
        self.left = self.left.saturating_sub(bytes.len() as u64);
        if self.left == 0 { self.end() } else { Ok(()) }
    }

    /// Every attachment has its content, of the size that its entry says, and every content is one.
    fn check_contents(&self) -> Result<(), TransferError> {
        let mut stray: BTreeMap<ContentId, u64> = self.sizes.clone();
        let contents = self.entries.iter().flat_map(room::contents);
        for attachment in contents.flat_map(|content| &content.attachments) {
            let size = self.sizes.get(&attachment.content);
            match size {
                None => return Err(TransferError::MissingContent(attachment.content)),
                Some(size) if *size != attachment.size => {
                    return Err(TransferError::ContentSize(attachment.content));
                }
                Some(_) => stray.remove(&attachment.content),
            };
        }
        stray.keys().next().map_or(Ok(()), |id| Err(TransferError::StrayContent(*id)))
    }

    fn remember(&mut self, done: Result<(), TransferError>) -> Result<(), Stopped> {
        done.map_err(|fault| {
            self.fault = Some(fault);
            Stopped
        })
    }
}

impl Sink for Parts {
    fn part(&mut self, part: &Part) -> Result<(), Stopped> {
        let begun = self.begin(part);
        self.remember(begun)
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        let taken = Parts::data(self, bytes);
        self.remember(taken)
    }
}
