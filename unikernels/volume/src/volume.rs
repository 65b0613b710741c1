//! A volume: making it, opening it, and what it knows while it is open.

use core::fmt;

use unikernels_disk::Disk;

use crate::RecordId;
use crate::block::{BLOCK_SECTORS, Position, Window};
use crate::error::{OpenError, Part, Refused, VolumeError};
use crate::header::{self, Header, KeySlots};
use crate::key::{ID_SIZE, LIFE_SIZE, Purpose, Sealer, TAG_SIZE, VolumeKey};
use crate::layout::{Geometry, Side};
use crate::log::{Index, Scan, ScanError};
use crate::root::{self, Newest, Root};
use crate::writer::Written;

/// Sectors that are read at once when everything is read: what one message from a storage qube carries.
pub(crate) const READ_AHEAD: u64 = 128;

/// Which of all its states a volume is in. Whoever keeps the last one where the disk's owner cannot change it knows when the
/// whole disk is taken back to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Commits and compactions since the volume was made, one that was cut off before it was acknowledged included if it is
    /// what was found.
    pub generation: u64,
    /// Depends on the whole log: tells apart two histories of the same length.
    pub head: [u8; TAG_SIZE],
}

impl State {
    /// Whether a volume in this state can be the one that was left in `kept`: the same, or one with commits after it, as a
    /// power cut before the acknowledgement leaves it.
    #[must_use]
    pub fn can_follow(&self, kept: &Self) -> bool {
        self.generation > kept.generation || self == kept
    }
}

/// How a volume was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Commits that were whole on the disk and not acknowledged when the power went, or whose root is gone.
    pub recovered: u64,
    /// Whether one copy of the key slots had to be written again.
    pub slots_mended: bool,
    /// One of the two roots is none. A power cut that tears a sector can do that, and then nothing is lost; but so can somebody
    /// who destroyed the root and the last commit with it. Unless [`State`] says that nothing is missing, tell the user.
    pub root_missing: bool,
}

pub(crate) struct Keys {
    pub(crate) volume: VolumeKey,
    pub(crate) root: Sealer,
}

/// The log that is the volume. It changes only after the root that says so is on the disk.
pub(crate) struct Log {
    pub(crate) sealer: Sealer,
    pub(crate) side: Side,
    pub(crate) index: Index,
    /// Where the next block goes.
    pub(crate) at: Position,
}

impl Log {
    pub(crate) fn empty(sealer: Sealer, side: Side) -> Self {
        Self { sealer, side, index: Index::default(), at: Position::START }
    }

    /// Takes in what was written at its end.
    pub(crate) fn adopt(&mut self, written: Written) {
        self.index.blocks.extend(written.blocks);
        for operation in written.operations {
            self.index.apply(operation);
        }
        self.at = written.end;
    }
}

/// An open volume. `R` fills a buffer with random bytes.
///
/// Dropping it wipes the keys; nothing is left to write.
pub struct Volume<D, R> {
    pub(crate) disk: D,
    pub(crate) random: R,
    pub(crate) keys: Keys,
    pub(crate) header: Header,
    pub(crate) root: Root,
    /// Which of the two places has the root that counts.
    pub(crate) place: usize,
    pub(crate) log: Log,
    pub(crate) found: Found,
    /// A change failed half way.
    pub(crate) is_stopped: bool,
}

impl<D: Disk, R: FnMut(&mut [u8])> Volume<D, R> {
    /// Makes an empty volume of the whole disk. Whatever volume was there is gone.
    ///
    /// # Errors
    /// [`OpenError::TooSmall`], [`OpenError::Disk`], and [`OpenError::Damaged`] when the disk does not keep the roots. After a
    /// power cut the disk holds the old volume, no volume ([`OpenError::NoVolume`]) or the new one.
    pub fn create(disk: D, key: &VolumeKey, slots: KeySlots, random: R) -> Result<Self, Refused<D>> {
        Self::begin(disk, key, slots, random)?.publish()
    }

    /// A volume that is in memory only; on the disk there is none.
    pub(crate) fn begin(
        mut disk: D,
        key: &VolumeKey,
        slots: KeySlots,
        mut random: R,
    ) -> Result<Self, Refused<D>> {
        let geometry = match Geometry::of_disk(disk.sectors()) {
            Ok(geometry) => geometry,
            Err(error) => return Err(Refused { error, disk }),
        };
        if let Err(error) = header::erase(&mut disk) {
            return Err(Refused { error: error.into(), disk });
        }
        let (mut volume, mut life) = ([0; ID_SIZE], [0; LIFE_SIZE]);
        random(&mut volume);
        random(&mut life);
        let header = Header { volume, version: 1, geometry, slots };
        let keys = Keys { volume: key.copy(), root: Sealer::derive(key, &volume, Purpose::Root) };
        let log = Log::empty(Sealer::derive(key, &volume, Purpose::Log(&life)), Side::A);
        let root = Root {
            version: 0,
            generation: 0,
            slots_version: 1,
            side: log.side,
            end: 0,
            blocks: 0,
            records: 0,
            life,
            head: Position::START.before,
        };
        Ok(Self {
            disk,
            random,
            keys,
            header,
            root,
            place: 0,
            log,
            found: Found::default(),
            is_stopped: false,
        })
    }

    /// Makes the volume in memory the one on the disk: the header last, for without it there is no volume.
    pub(crate) fn publish(mut self) -> Result<Self, Refused<D>> {
        let written = self.write_both_roots(self.root.clone()).and_then(|()| self.write_header());
        match written {
            Ok(()) => Ok(self),
            Err(error) => Err(Refused { error: open_error(error), disk: self.disk }),
        }
    }

    /// Opens a volume: reads and authenticates its whole log. It writes only to make sure of what it found: a commit without a
    /// root, or a copy of the key slots that differs from the other.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(mut disk: D, key: &VolumeKey, mut random: R) -> Result<Self, Refused<D>> {
        let parts = match read(&mut disk, key) {
            Ok(parts) => parts,
            Err(error) => return Err(Refused { error, disk }),
        };
        let Parts { keys, header, root, place, log, found, bad_copy } = parts;
        if let Some(copy) = bad_copy
            && let Err(error) = header::write(&mut disk, &header, key, &mut random, copy)
        {
            return Err(Refused { error: error.into(), disk });
        }
        let mut volume = Self { disk, random, keys, header, root, place, log, found, is_stopped: false };
        // What is shown from here on, the root knows: it cannot be chopped off again unnoticed.
        if found.recovered > 0
            && let Err(error) = volume.write_root(volume.root.clone())
        {
            return Err(Refused { error: open_error(error), disk: volume.disk });
        }
        Ok(volume)
    }

    /// Closes the volume and gives the disk back. The keys are wiped.
    #[must_use]
    pub fn close(self) -> D {
        self.disk
    }

    /// Writes the next root over the one that does not count.
    pub(crate) fn write_root(&mut self, mut root: Root) -> Result<(), VolumeError> {
        root.version = self.root.version.checked_add(1).ok_or(VolumeError::Reopen)?;
        root.slots_version = self.header.version;
        let place = 1 - self.place;
        root::write(&mut self.disk, &self.keys.root, &self.header.volume, &mut self.random, &root, place)?;
        (self.root, self.place) = (root, place);
        Ok(())
    }

    /// Writes both roots, so that losing one loses nothing.
    pub(crate) fn write_both_roots(&mut self, root: Root) -> Result<(), VolumeError> {
        self.write_root(root.clone())?;
        self.write_root(root)
    }

    pub(crate) fn write_header(&mut self) -> Result<(), VolumeError> {
        for copy in 0..2 {
            header::write(&mut self.disk, &self.header, &self.keys.volume, &mut self.random, copy)?;
        }
        Ok(())
    }
}

impl<D, R> Volume<D, R> {
    /// The state that the volume is in. To be kept outside after each commit, and compared after opening.
    #[must_use]
    pub const fn state(&self) -> State {
        State { generation: self.root.generation, head: self.root.head }
    }

    /// Commits and compactions since the volume was made.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.root.generation
    }

    /// What opening found and mended.
    #[must_use]
    pub const fn found(&self) -> Found {
        self.found
    }

    /// The key slots.
    #[must_use]
    pub const fn slots(&self) -> &KeySlots {
        &self.header.slots
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.log.index.records.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.log.index.records.is_empty()
    }

    /// The records' ids in ascending order.
    pub fn ids(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.log.index.records.keys().copied()
    }
}

impl<D, R> fmt::Debug for Volume<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Volume")
            .field("state", &self.state())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

pub(crate) fn open_error(error: VolumeError) -> OpenError {
    match error {
        VolumeError::Disk(error) => OpenError::Disk(error),
        VolumeError::Damaged(part) => OpenError::Damaged(part),
        VolumeError::NoRoom => OpenError::TooSmall,
        _ => OpenError::Damaged(Part::Roots),
    }
}

struct Parts {
    keys: Keys,
    header: Header,
    root: Root,
    place: usize,
    log: Log,
    found: Found,
    bad_copy: Option<usize>,
}

fn read(disk: &mut impl Disk, key: &VolumeKey) -> Result<Parts, OpenError> {
    // The one who wrote may have died before flushing, and the disk lived on: what is shown must not go with the next power cut.
    disk.flush()?;
    let (header, bad_copy) = header::read(disk, key)?;
    let geometry = header.geometry;
    if disk.sectors() < geometry.end() {
        return Err(OpenError::Truncated);
    }
    let root_sealer = Sealer::derive(key, &header.volume, Purpose::Root);
    let Newest { mut root, place, has_other } = root::read(disk, &root_sealer, &header.volume, geometry)?;
    if header.version < root.slots_version {
        return Err(OpenError::StaleSlots);
    }
    let sealer = Sealer::derive(key, &header.volume, Purpose::Log(&root.life));
    let mut scan = read_log(disk, &sealer, geometry, &root)?;
    let recovered = read_on(disk, &sealer, geometry, &mut scan, &mut root)?;
    let keys = Keys { volume: key.copy(), root: root_sealer };
    let log = Log { sealer, side: root.side, index: scan.index, at: scan.at };
    let found = Found { recovered, slots_mended: bad_copy.is_some(), root_missing: !has_other };
    Ok(Parts { keys, header, root, place, log, found, bad_copy })
}

/// Reads exactly what the root says: a block less, more or other is damage.
pub(crate) fn read_log(
    disk: &mut impl Disk,
    sealer: &Sealer,
    geometry: Geometry,
    root: &Root,
) -> Result<Scan, OpenError> {
    let start = geometry.start(root.side);
    let damaged = |sector: u64| OpenError::Damaged(Part::Log { sector: start + sector });
    let mut window = Window::new(start, root.end, READ_AHEAD);
    let mut scan = Scan::new();
    while scan.at.sector < root.end {
        scan.commit(disk, sealer, &mut window).map_err(|error| match error {
            ScanError::Invalid(sector) => damaged(sector),
            ScanError::Disk(error) => OpenError::Disk(error),
        })?;
    }
    let is_same = scan.at.number == root.blocks
        && scan.at.before == root.head
        && scan.generation.is_none_or(|generation| generation == root.generation)
        && scan.index.records.len() as u64 == root.records;
    if !is_same {
        return Err(damaged(root.end));
    }
    scan.generation = Some(root.generation);
    Ok(scan)
}

/// Reads commits behind the log's end: whole ones, of this life, that follow it.
fn read_on(
    disk: &mut impl Disk,
    sealer: &Sealer,
    geometry: Geometry,
    scan: &mut Scan,
    root: &mut Root,
) -> Result<u64, OpenError> {
    let mut window = Window::new(geometry.start(root.side), geometry.area(), BLOCK_SECTORS);
    let mut recovered = 0;
    loop {
        match scan.commit(disk, sealer, &mut window) {
            Ok(()) => recovered += 1,
            Err(ScanError::Invalid(_)) => break,
            Err(ScanError::Disk(error)) => return Err(error.into()),
        }
    }
    if recovered > 0 {
        root.describe(scan);
    }
    Ok(recovered)
}

impl Root {
    fn describe(&mut self, scan: &Scan) {
        self.generation = scan.generation.unwrap_or(self.generation);
        (self.end, self.blocks, self.head) = (scan.at.sector, scan.at.number, scan.at.before);
        self.records = scan.index.records.len() as u64;
    }
}
