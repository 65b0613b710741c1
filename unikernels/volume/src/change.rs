//! Changing an open volume: commits, compaction, key slots, and a clone with keys of its own.
//!
//! A commit is appended to the log when there is room; else the records as they will be are written as a new log into the
//! other area. Either way the old state counts until a root that says otherwise is on the disk, so a full disk can always
//! delete.

use unikernels_disk::Disk;

use crate::batch::Batch;
use crate::block::{Position, commit_sectors};
use crate::error::{Refused, VolumeError};
use crate::header::KeySlots;
use crate::key::{LIFE_SIZE, Purpose, Sealer, VolumeKey};
use crate::log::put_size;
use crate::read::Source;
use crate::root::Root;
use crate::volume::{Log, State, Volume, open_error};
use crate::writer::Writer;
use crate::{RECORD_MAX, RECORDS_MAX};

impl<D: Disk, R: FnMut(&mut [u8])> Volume<D, R> {
    /// Keeps all changes or none. When it returns, they survive any power cut.
    ///
    /// # Errors
    /// [`VolumeError::NoRoom`], [`VolumeError::RecordTooLong`] and [`VolumeError::TooManyRecords`] change nothing. After any
    /// other error the old state or the new one is on the disk, whole, and the volume must be opened again to see which; this
    /// one then only reads.
    pub fn commit(&mut self, batch: &Batch<'_>) -> Result<State, VolumeError> {
        if self.is_stopped {
            return Err(VolumeError::Reopen);
        }
        if batch.is_empty() {
            return Ok(self.state());
        }
        if batch.longest() > RECORD_MAX {
            return Err(VolumeError::RecordTooLong);
        }
        let (records, live) = self.after(batch);
        if records > RECORDS_MAX || batch.len() > RECORDS_MAX {
            return Err(VolumeError::TooManyRecords);
        }
        let area = self.header.geometry.area();
        let generation = self.root.generation.checked_add(1).ok_or(VolumeError::Reopen)?;
        if self.root.end + commit_sectors(batch.size()) <= area {
            self.stop_on_error(|volume| volume.append(batch, generation))?;
        } else if commit_sectors(live) <= area {
            self.stop_on_error(|volume| volume.rewrite(batch, live, generation))?;
        } else {
            return Err(VolumeError::NoRoom);
        }
        Ok(self.state())
    }

    /// Writes the live records as a new log, so that everything else is free. It counts as a commit.
    ///
    /// # Errors
    /// As [`Volume::commit`].
    pub fn compact(&mut self) -> Result<State, VolumeError> {
        if self.is_stopped {
            return Err(VolumeError::Reopen);
        }
        let generation = self.root.generation.checked_add(1).ok_or(VolumeError::Reopen)?;
        self.stop_on_error(|volume| volume.rewrite(&Batch::new(), volume.log.index.live, generation))?;
        Ok(self.state())
    }

    /// Whether more of the log is dead than alive, and it is worth a [`Volume::compact`] when nobody waits.
    #[must_use]
    pub fn wants_compaction(&self) -> bool {
        /// Sectors of a log that is too short to bother: 256 KiB.
        const SHORT: u64 = 512;
        self.root.end > SHORT && self.root.end > 2 * commit_sectors(self.log.index.live)
    }

    /// Replaces the key slots, as when a passphrase changes. No record is written again.
    ///
    /// The volume key stays: whoever kept an old slot and its passphrase still has it. To shut them out, clone.
    ///
    /// # Errors
    /// [`VolumeError::Disk`], [`VolumeError::NotKept`], [`VolumeError::Reopen`]: the old slots or the new ones are there.
    pub fn set_slots(&mut self, slots: KeySlots) -> Result<(), VolumeError> {
        if self.is_stopped {
            return Err(VolumeError::Reopen);
        }
        let version = self.header.version.checked_add(1).ok_or(VolumeError::Reopen)?;
        self.header.version = version;
        self.header.slots = slots;
        self.stop_on_error(|volume| {
            volume.write_header()?;
            volume.write_both_roots(volume.root.clone())
        })
    }

    /// Makes a volume with the same records on another disk, with another key. The two share no key, no id and no byte.
    ///
    /// # Errors
    /// [`Refused`] with [`crate::OpenError::TooSmall`] when they do not fit, or as [`Volume::create`]; there is no new volume
    /// then. [`crate::OpenError::Damaged`] in the log is this volume's. Nothing changes here.
    pub fn clone_to<E: Disk, S: FnMut(&mut [u8])>(
        &mut self,
        disk: E,
        key: &VolumeKey,
        slots: KeySlots,
        random: S,
    ) -> Result<Volume<E, S>, Refused<E>> {
        let mut clone = Volume::begin(disk, key, slots, random)?;
        match self.write_clone(&mut clone) {
            Ok(()) => clone.publish(),
            Err(error) => Err(Refused { error: open_error(error), disk: clone.disk }),
        }
    }

    fn write_clone<E: Disk, S: FnMut(&mut [u8])>(
        &mut self,
        clone: &mut Volume<E, S>,
    ) -> Result<(), VolumeError> {
        let (live, geometry) = (self.log.index.live, clone.header.geometry);
        if commit_sectors(live) > geometry.area() {
            return Err(VolumeError::NoRoom);
        }
        let area = geometry.start(clone.log.side);
        let (disk, random) = (&mut clone.disk, &mut clone.random);
        let mut writer = Writer::new(disk, random, &clone.log.sealer, area, Position::START, 1, live);
        let mut source = Source::of(&self.log, self.header.geometry);
        for id in source.in_log_order() {
            let record = source.record(&mut self.disk, id)?;
            writer.put(id, record.expose())?;
        }
        let written = writer.finish()?;
        clone.root = clone.root_for(&written.end, self.len(), 1);
        clone.log.adopt(written);
        Ok(())
    }

    /// How many records, and how many bytes of puts, there would be after a batch.
    fn after(&self, batch: &Batch<'_>) -> (usize, u64) {
        let (mut records, mut live) = (self.len(), self.log.index.live + batch.put_size());
        for (id, record) in batch.changes() {
            let old = self.log.index.records.get(&id);
            live -= old.map_or(0, |place| put_size(place.len));
            records = records + usize::from(record.is_some()) - usize::from(old.is_some());
        }
        (records, live)
    }

    fn stop_on_error(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<(), VolumeError>,
    ) -> Result<(), VolumeError> {
        self.is_stopped = true;
        change(self)?;
        self.is_stopped = false;
        Ok(())
    }

    fn append(&mut self, batch: &Batch<'_>, generation: u64) -> Result<(), VolumeError> {
        let area = self.header.geometry.start(self.log.side);
        let (disk, random, at) = (&mut self.disk, &mut self.random, self.log.at);
        let mut writer = Writer::new(disk, random, &self.log.sealer, area, at, generation, batch.size());
        for (id, record) in batch.changes() {
            match record {
                Some(record) => writer.put(id, record)?,
                None => writer.delete(id)?,
            }
        }
        let written = writer.finish()?;
        let root = self.root_for(&written.end, self.after(batch).0, generation);
        self.write_root(root)?;
        self.log.adopt(written);
        Ok(())
    }

    fn rewrite(&mut self, batch: &Batch<'_>, live: u64, generation: u64) -> Result<(), VolumeError> {
        let (geometry, old) = (self.header.geometry, self.log.side);
        let mut life = [0; LIFE_SIZE];
        (self.random)(&mut life);
        let sealer = Sealer::derive(&self.keys.volume, &self.header.volume, Purpose::Log(&life));
        let area = geometry.start(old.other());
        let (disk, random) = (&mut self.disk, &mut self.random);
        let mut writer = Writer::new(disk, random, &sealer, area, Position::START, generation, live);
        let mut source = Source::of(&self.log, geometry);
        for id in source.in_log_order().into_iter().filter(|id| !batch.changes_record(*id)) {
            let record = source.record(writer.disk, id)?;
            writer.put(id, record.expose())?;
        }
        for (id, record) in batch.changes() {
            if let Some(record) = record {
                writer.put(id, record)?;
            }
        }
        let written = writer.finish()?;
        let mut root = self.root_for(&written.end, self.after(batch).0, generation);
        (root.side, root.life) = (old.other(), life);
        self.write_both_roots(root)?;
        self.log = Log::empty(sealer, old.other());
        self.log.adopt(written);
        // Nothing depends on a discard: a disk that cannot do it keeps bytes that no root knows.
        let _ = self.disk.discard(geometry.start(old), geometry.area());
        Ok(())
    }

    /// The root for a log that ends at `end`.
    fn root_for(&self, end: &Position, records: usize, generation: u64) -> Root {
        Root {
            generation,
            end: end.sector,
            blocks: end.number,
            head: end.before,
            records: records as u64,
            ..self.root.clone()
        }
    }
}
