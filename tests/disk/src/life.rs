//! A sealed volume on a simulated disk, beside a model of what must be in it.

use std::collections::BTreeMap;
use std::fmt;

use unikernels_disk::SECTOR;
use unikernels_volume::{
    Batch, KeySlots, OpenError, Part, RecordId, Volume, VolumeError, VolumeKey, read_slots,
};

use crate::{Random, SimDisk, Unit, sim};

/// The volume key of all tests.
#[must_use]
pub fn key() -> VolumeKey {
    VolumeKey::new([7; 32])
}

/// Random bytes for the volume, from a seed.
pub type Fill = Box<dyn FnMut(&mut [u8])>;

/// A volume on a simulated disk.
pub type SimVolume = Volume<SimDisk, Fill>;

/// Random bytes for a volume.
#[must_use]
pub fn fill(seed: u64) -> Fill {
    let mut random = Random::new(seed);
    Box::new(move |buffer| random.fill(buffer))
}

/// What a volume must hold.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// The records.
    pub records: BTreeMap<RecordId, Vec<u8>>,
    /// The key slots.
    pub slots: KeySlots,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |record: &Vec<u8>| (record.len(), record.first().copied());
        let records = self.records.iter().map(|(id, record)| (id, short(record)));
        f.debug_map().entries(records).finish()?;
        write!(f, " {:?}", self.slots.get(0))
    }
}

/// One thing a user of a volume does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Puts and deletes in one batch.
    Commit(Vec<(RecordId, Option<Vec<u8>>)>),
    /// Writes the live records as a new log.
    Compact,
    /// A new text in the first key slot.
    Slots(Vec<u8>),
    /// Closes and opens.
    Reopen,
}

impl Model {
    /// What must be there after a step.
    #[must_use]
    pub fn after(&self, step: &Step) -> Self {
        let mut model = self.clone();
        match step {
            Step::Commit(changes) => {
                for (id, record) in changes {
                    match record {
                        Some(record) => model.records.insert(*id, record.clone()),
                        None => model.records.remove(id),
                    };
                }
            }
            Step::Slots(text) => model.slots.set(0, text).expect("a text that fits a slot"),
            Step::Compact | Step::Reopen => {}
        }
        model
    }
}

/// Makes a volume with one key slot.
///
/// # Errors
/// As `Volume::create`.
pub fn create(disk: &SimDisk, seed: u64) -> Result<(SimVolume, Model), OpenError> {
    let mut slots = KeySlots::new();
    slots.set(0, b"first").expect("a text that fits a slot");
    let model = Model { records: BTreeMap::new(), slots: slots.clone() };
    let volume = Volume::create(disk.clone(), &key(), slots, fill(seed)).map_err(|refused| refused.error)?;
    Ok((volume, model))
}

/// Opens the volume of a disk.
///
/// # Errors
/// As `Volume::open`.
pub fn open(disk: &SimDisk, seed: u64) -> Result<SimVolume, OpenError> {
    Volume::open(disk.clone(), &key(), fill(seed)).map_err(|refused| refused.error)
}

/// Opens whatever these bytes are as a disk, and reads all of it: what a fuzz target calls. A panic is the only failure.
///
/// # Errors
/// As `Volume::open`.
pub fn open_any(bytes: &[u8]) -> Result<Model, OpenError> {
    let whole = bytes.len() - bytes.len() % SECTOR;
    let disk = SimDisk::from_image(bytes[..whole].to_vec());
    let _slots = read_slots(&mut disk.clone());
    let mut volume = open(&disk, 0)?;
    contents(&mut volume).map_err(|_| OpenError::Damaged(Part::Roots))
}

/// Does a step; a reopened volume takes the place of the old one.
///
/// # Errors
/// As the volume's own; an error of opening is one of the disk in these tests.
pub fn perform(volume: &mut SimVolume, disk: &SimDisk, step: &Step, seed: u64) -> Result<(), VolumeError> {
    match step {
        Step::Commit(changes) => {
            let mut batch = Batch::new();
            for (id, record) in changes {
                match record {
                    Some(record) => batch.put(*id, record),
                    None => batch.delete(*id),
                };
            }
            volume.commit(&batch).map(|_| ())
        }
        Step::Compact => volume.compact().map(|_| ()),
        Step::Slots(text) => {
            let mut slots = volume.slots().clone();
            slots.set(0, text).expect("a text that fits a slot");
            volume.set_slots(slots)
        }
        Step::Reopen => match open(disk, seed) {
            Ok(opened) => {
                *volume = opened;
                Ok(())
            }
            Err(OpenError::Disk(error)) => Err(VolumeError::Disk(error)),
            Err(error) => panic!("a good disk did not open: {error:?}"),
        },
    }
}

/// Everything that is in a volume, read from the disk.
///
/// # Errors
/// As `Volume::for_each`.
pub fn contents(volume: &mut SimVolume) -> Result<Model, VolumeError> {
    let mut records = BTreeMap::new();
    volume.for_each(|id, record| {
        records.insert(id, record.to_vec());
    })?;
    assert!(volume.ids().eq(records.keys().copied()), "every id has a record");
    Ok(Model { records, slots: volume.slots().clone() })
}

/// An image with some units done to it, in order.
#[must_use]
pub fn with_units<'a>(image: &[u8], units: impl Iterator<Item = &'a Unit>) -> Vec<u8> {
    let mut image = image.to_vec();
    for unit in units {
        sim::apply(&mut image, unit);
    }
    image
}
