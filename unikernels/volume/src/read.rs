//! Reading records: each block again from the disk, and only the very block that opening saw.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ipc_proto_types::Secret;
use unikernels_disk::Disk;
use zeroize::Zeroizing;

use crate::RecordId;
use crate::block::{BLOCK_SECTORS, PAYLOAD_MAX, Window};
use crate::error::{OpenError, Part, VolumeError};
use crate::header;
use crate::key::VolumeKey;
use crate::layout::Geometry;
use crate::log::Place;
use crate::root;
use crate::volume::{Log, READ_AHEAD, Volume, read_log};

impl<D: Disk, R: FnMut(&mut [u8])> Volume<D, R> {
    /// A record, `None` when there is none. It reads the blocks that the record lies in, 4 KiB each.
    ///
    /// # Errors
    /// [`VolumeError::Damaged`], [`VolumeError::Disk`]; other records may still be read.
    pub fn get(&mut self, id: RecordId) -> Result<Option<Secret<Vec<u8>>>, VolumeError> {
        let Some(place) = self.log.index.records.get(&id) else { return Ok(None) };
        let ahead = (blocks(place) * BLOCK_SECTORS).min(READ_AHEAD);
        let mut source = Source::new(&self.log, self.header.geometry, ahead);
        source.record(&mut self.disk, id).map(Some)
    }

    /// All records, in the order in which they lie on the disk: one pass, many blocks at a time.
    ///
    /// # Errors
    /// As [`Volume::get`]; `each` has then had the records before.
    pub fn for_each(&mut self, mut each: impl FnMut(RecordId, &[u8])) -> Result<(), VolumeError> {
        let mut source = Source::of(&self.log, self.header.geometry);
        for id in source.in_log_order() {
            each(id, source.record(&mut self.disk, id)?.expose());
        }
        Ok(())
    }

    /// Reads everything again and compares it with what is known: key slots, root, every block.
    ///
    /// # Errors
    /// [`VolumeError::Damaged`], [`VolumeError::Disk`], and [`VolumeError::Reopen`] after a change that failed half way.
    pub fn verify(&mut self) -> Result<(), VolumeError> {
        if self.is_stopped {
            return Err(VolumeError::Reopen);
        }
        let (header, bad_copy) = header::read(&mut self.disk, &self.keys.volume).map_err(volume_error)?;
        if header != self.header || bad_copy.is_some() {
            return Err(VolumeError::Damaged(Part::KeySlots));
        }
        let geometry = self.header.geometry;
        let newest =
            root::read(&mut self.disk, &self.keys.root, &header.volume, geometry).map_err(volume_error)?;
        if newest.root != self.root || !newest.has_other {
            return Err(VolumeError::Damaged(Part::Roots));
        }
        let scan = read_log(&mut self.disk, &self.log.sealer, geometry, &self.root).map_err(volume_error)?;
        let start = geometry.start(self.log.side);
        if scan.index != self.log.index {
            return Err(VolumeError::Damaged(Part::Log { sector: start }));
        }
        Ok(())
    }
}

fn volume_error(error: OpenError) -> VolumeError {
    match error {
        OpenError::Disk(error) => VolumeError::Disk(error),
        OpenError::Damaged(part) => VolumeError::Damaged(part),
        _ => VolumeError::Damaged(Part::KeySlots),
    }
}

/// Most blocks that a record lies in.
fn blocks(place: &Place) -> u64 {
    (u64::from(place.offset) + u64::from(place.len)) / PAYLOAD_MAX as u64 + 1
}

/// Reads records of a log in the order in which they lie there.
pub(crate) struct Source<'a> {
    log: &'a Log,
    window: Window,
    area: u64,
    /// The block that was read last.
    block: Option<u32>,
    payload: Zeroizing<Box<[u8]>>,
    len: usize,
}

impl<'a> Source<'a> {
    /// Reads ahead.
    pub(crate) fn of(log: &'a Log, geometry: Geometry) -> Self {
        Self::new(log, geometry, READ_AHEAD)
    }

    fn new(log: &'a Log, geometry: Geometry, ahead: u64) -> Self {
        let area = geometry.start(log.side);
        let window = Window::new(area, log.at.sector, ahead);
        let payload = Zeroizing::new(Box::from([0; PAYLOAD_MAX].as_slice()));
        Self { log, window, area, block: None, payload, len: 0 }
    }

    /// All records' ids in the order in which they lie in the log.
    pub(crate) fn in_log_order(&self) -> Vec<RecordId> {
        let mut places: Vec<(Place, RecordId)> =
            self.log.index.records.iter().map(|(id, place)| (*place, *id)).collect();
        places.sort_unstable();
        places.into_iter().map(|(_, id)| id).collect()
    }

    /// A record, which must not lie before one that was read.
    pub(crate) fn record(
        &mut self,
        disk: &mut impl Disk,
        id: RecordId,
    ) -> Result<Secret<Vec<u8>>, VolumeError> {
        let missing = VolumeError::Damaged(Part::Log { sector: self.area });
        let place = *self.log.index.records.get(&id).ok_or(missing)?;
        let len = usize::try_from(place.len).map_err(|_| missing)?;
        // All of it at once: a vector that grows leaves copies behind.
        let mut record = Secret::new(Vec::with_capacity(len));
        let (mut block, mut offset) = (place.block, usize::from(place.offset));
        while record.expose().len() < len {
            self.load(disk, block)?;
            let rest = len - record.expose().len();
            let there = self.payload[..self.len].get(offset..).unwrap_or(&[]);
            record.expose_mut().extend_from_slice(&there[..there.len().min(rest)]);
            (block, offset) = (block + 1, 0);
        }
        Ok(record)
    }

    fn load(&mut self, disk: &mut impl Disk, block: u32) -> Result<(), VolumeError> {
        if self.block == Some(block) {
            return Ok(());
        }
        let missing = VolumeError::Damaged(Part::Log { sector: self.area });
        let (position, tag) = self.log.index.position(block).ok_or(missing)?;
        let damaged = VolumeError::Damaged(Part::Log { sector: self.area + position.sector });
        let opened = self.window.block(disk, &self.log.sealer, &position)?.ok_or(damaged)?;
        if opened.tag != tag {
            return Err(damaged);
        }
        self.payload[..opened.payload.len()].copy_from_slice(opened.payload);
        (self.block, self.len) = (Some(block), opened.payload.len());
        Ok(())
    }
}

/// Whether a key opens the volume on this disk: the key slots carry a tag of it. Reads only.
///
/// # Errors
/// As [`Volume::open`], except for what only the log tells.
pub fn check_key(disk: &mut impl Disk, key: &VolumeKey) -> Result<(), OpenError> {
    header::read(disk, key).map(|_| ())
}
