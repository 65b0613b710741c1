//! The key slots: a few opaque texts in the clear, twice on the disk.
//!
//! They are read before there is a key, so a checksum tells a whole copy from a torn one; once there is a key, a tag under
//! the volume key tells the volume's own slots from anybody else's.
//!
//! A volume that was ever acknowledged has both copies, and whoever changes one leaves the other whole. A first copy that is torn
//! beside a second one of zeroes is therefore no damaged volume but one whose making, or unmaking, was cut short: see [`erase`].

use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};
use unikernels_disk::{Disk, DiskError, SECTOR};

use crate::bytes::{field, put, u64_at};
use crate::error::{OpenError, Part};
use crate::key::{ID_SIZE, NONCE_SIZE, Purpose, Sealer, TAG_SIZE, VolumeKey};
use crate::layout::{Geometry, SLOT_COPIES, VOLUME_SECTORS_MIN};

/// How many key slots there are: a passphrase, a key file, a recovery key, and one to change over.
pub const SLOTS: usize = 4;
/// Most bytes of a key slot: salt, cost, a wrapped key, and much room.
pub const SLOT_MAX: usize = 512;

/// The magic's last byte is the version of the whole layout.
const MAGIC: [u8; 8] = *b"skepvol2";
const VERSION: u8 = MAGIC[7];
const ID_AT: usize = 8;
const VERSION_AT: usize = ID_AT + ID_SIZE;
const AREA_AT: usize = VERSION_AT + 8;
const SLOTS_AT: usize = AREA_AT + 8;
const SLOT_STRIDE: usize = 2 + SLOT_MAX;
const NONCE_AT: usize = SLOTS_AT + SLOTS * SLOT_STRIDE;
const TAG_AT: usize = NONCE_AT + NONCE_SIZE;
/// The checksum comes last and covers the tag too: a copy torn inside a sector must not look like another key's.
const DIGEST_AT: usize = TAG_AT + TAG_SIZE;
const DIGEST_SIZE: usize = 32;
const COPY_SIZE: usize = (DIGEST_AT + DIGEST_SIZE).next_multiple_of(SECTOR);
const _: () = assert!(SLOT_COPIES[0] + (COPY_SIZE / SECTOR) as u64 <= SLOT_COPIES[1]);

/// The key slots of a volume. What is in them is the caller's, and anybody can read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySlots([heapless::Vec<u8, SLOT_MAX>; SLOTS]);

/// There is no such slot, or the bytes are more than [`SLOT_MAX`] or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotError;

impl KeySlots {
    /// All empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is in a slot, `None` when it is empty.
    #[must_use]
    pub fn get(&self, slot: usize) -> Option<&[u8]> {
        self.0.get(slot).map(heapless::Vec::as_slice).filter(|bytes| !bytes.is_empty())
    }

    /// Fills a slot.
    ///
    /// # Errors
    /// [`SlotError`]; the slot is what it was.
    pub fn set(&mut self, slot: usize, bytes: &[u8]) -> Result<(), SlotError> {
        let slot = self.0.get_mut(slot).ok_or(SlotError)?;
        if bytes.is_empty() {
            return Err(SlotError);
        }
        *slot = heapless::Vec::from_slice(bytes).map_err(|_| SlotError)?;
        Ok(())
    }

    /// Empties a slot.
    pub fn clear(&mut self, slot: usize) {
        if let Some(slot) = self.0.get_mut(slot) {
            slot.clear();
        }
    }
}

/// Reads the key slots, which needs no key. Whether they are the volume's own is known only after opening it.
///
/// # Errors
/// [`OpenError::NoVolume`], [`OpenError::UnknownFormat`], [`OpenError::TooSmall`], [`OpenError::Damaged`],
/// [`OpenError::Disk`].
pub fn read_slots(disk: &mut impl Disk) -> Result<KeySlots, OpenError> {
    let copies = read_copies(disk)?;
    let newest = copies.into_iter().flatten().max_by_key(|copy| copy.header.version);
    newest.map(|copy| copy.header.slots).ok_or(OpenError::Damaged(Part::KeySlots))
}

/// What a copy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) volume: [u8; ID_SIZE],
    /// Grows with each change of the slots.
    pub(crate) version: u64,
    pub(crate) geometry: Geometry,
    pub(crate) slots: KeySlots,
}

/// A copy whose checksum is right.
struct Copy {
    header: Header,
    bytes: Vec<u8>,
}

/// The header that the key opens, and which copy does not say the same.
pub(crate) fn read(disk: &mut impl Disk, key: &VolumeKey) -> Result<(Header, Option<usize>), OpenError> {
    let [first, second] = read_copies(disk)?;
    if first.is_none() && second.is_none() {
        return Err(OpenError::Damaged(Part::KeySlots));
    }
    let own = |copy: Option<Copy>| copy.filter(|copy| is_own(copy, key)).map(|copy| copy.header);
    match (own(first), own(second)) {
        (Some(first), Some(second)) if first == second => Ok((first, None)),
        (Some(first), Some(second)) if first.version >= second.version => Ok((first, Some(1))),
        (Some(first), None) => Ok((first, Some(1))),
        (_, Some(second)) => Ok((second, Some(0))),
        (None, None) => Err(OpenError::WrongKey),
    }
}

fn is_own(copy: &Copy, key: &VolumeKey) -> bool {
    let sealer = Sealer::derive(key, &copy.header.volume, Purpose::Slots);
    let (nonce, tag) = (field(&copy.bytes, NONCE_AT), field(&copy.bytes, TAG_AT));
    sealer.open(&nonce, &tag, &copy.bytes[..NONCE_AT], &mut [])
}

fn read_copies(disk: &mut impl Disk) -> Result<[Option<Copy>; 2], OpenError> {
    if disk.sectors() < VOLUME_SECTORS_MIN {
        return Err(OpenError::TooSmall);
    }
    let mut copies = [None, None];
    let (mut ours, mut foreign, mut second_is_blank) = (false, false, false);
    for (copy, sector) in copies.iter_mut().zip(SLOT_COPIES) {
        let mut bytes = vec![0; COPY_SIZE];
        disk.read(sector, &mut bytes)?;
        ours |= bytes.starts_with(&MAGIC);
        // A version of zero is none: it is where a sector was torn.
        foreign |= bytes.starts_with(&MAGIC[..7]) && !matches!(bytes[7], 0 | VERSION);
        second_is_blank = bytes.iter().all(|byte| *byte == 0);
        *copy = parse(bytes);
    }
    match (ours, foreign) {
        (true, _) if second_is_blank && copies[0].is_none() => Err(OpenError::NoVolume),
        (true, _) => Ok(copies),
        (false, true) => Err(OpenError::UnknownFormat),
        (false, false) => Err(OpenError::NoVolume),
    }
}

fn parse(bytes: Vec<u8>) -> Option<Copy> {
    let digest: [u8; DIGEST_SIZE] = Sha256::digest(&bytes[..DIGEST_AT]).into();
    if !bytes.starts_with(&MAGIC) || field::<DIGEST_SIZE>(&bytes, DIGEST_AT) != digest {
        return None;
    }
    let mut slots = KeySlots::new();
    for (index, slot) in slots.0.iter_mut().enumerate() {
        let at = SLOTS_AT + index * SLOT_STRIDE;
        let len = usize::from(u16::from_le_bytes(field(&bytes, at)));
        *slot = heapless::Vec::from_slice(bytes[at + 2..at + SLOT_STRIDE].get(..len)?).ok()?;
    }
    let header = Header {
        volume: field(&bytes, ID_AT),
        version: u64_at(&bytes, VERSION_AT),
        geometry: Geometry::claimed(u64_at(&bytes, AREA_AT))?,
        slots,
    };
    Some(Copy { header, bytes })
}

/// Writes one copy, and returns when it is there for good. The other one must be good until then.
pub(crate) fn write(
    disk: &mut impl Disk,
    header: &Header,
    key: &VolumeKey,
    random: &mut impl FnMut(&mut [u8]),
    copy: usize,
) -> Result<(), DiskError> {
    let mut bytes = vec![0; COPY_SIZE];
    put(&mut bytes, 0, &MAGIC);
    put(&mut bytes, ID_AT, &header.volume);
    put(&mut bytes, VERSION_AT, &header.version.to_le_bytes());
    put(&mut bytes, AREA_AT, &header.geometry.area().to_le_bytes());
    for (index, slot) in header.slots.0.iter().enumerate() {
        let at = SLOTS_AT + index * SLOT_STRIDE;
        let len = u16::try_from(slot.len()).expect("a slot has at most 512 bytes");
        put(&mut bytes, at, &len.to_le_bytes());
        put(&mut bytes, at + 2, slot);
    }
    let mut nonce = [0; NONCE_SIZE];
    random(&mut nonce);
    let sealer = Sealer::derive(key, &header.volume, Purpose::Slots);
    let tag = sealer.seal(&nonce, &bytes[..NONCE_AT], &mut []);
    put(&mut bytes, NONCE_AT, &nonce);
    put(&mut bytes, TAG_AT, &tag);
    let digest = Sha256::digest(&bytes[..DIGEST_AT]);
    put(&mut bytes, DIGEST_AT, &digest);
    disk.write(SLOT_COPIES[copy % SLOT_COPIES.len()], &bytes)?;
    disk.flush()
}

/// Makes sure that no header is here. The second copy is gone for good before the first is touched, and the first is the first
/// to be written again: a power cut leaves the old header, or something that reads as none.
pub(crate) fn erase(disk: &mut impl Disk) -> Result<(), DiskError> {
    for sector in SLOT_COPIES.into_iter().rev() {
        disk.write(sector, &[0; COPY_SIZE])?;
        disk.flush()?;
    }
    Ok(())
}
