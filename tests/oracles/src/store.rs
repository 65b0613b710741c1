//! Oracle `store`: a disk with a partition table and volumes that lies, under right sums.
//!
//! Input: a list of changes to a good disk (what, where, how); then all sums are made right again, so that lies get past
//! them. A disk that is refused is not written to. Of one that is not, everything stays within the partition that its table
//! names, which may be another than the good one's but never touches a copy of the table; volumes fit it together, a new volume
//! holds what is written to it and changes no other, and what was committed opens again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use crc::{CRC_32_ISO_HDLC, CRC_64_XZ, Crc};
use unikernels_disk::{Disk, DiskError, SECTOR, check};
use unikernels_storage_core::{Name, PARTITION_TYPE, Store, prepare};

use crate::input::Input;

/// Sectors of the disk.
const SECTORS: u64 = 8192;
/// First sector of the good disk's partition and the one behind it.
const PARTITION: Range<u64> = 2048..6144;
/// Sectors that no copy of the table may need: it is a header and 32 sectors of entries at each end, and the first sector.
const USABLE: Range<u64> = 34..SECTORS - 33;
/// Entries of the table, and bytes of one.
const ENTRIES: usize = 128;
const ENTRY: usize = 128;
/// Bytes of a header of the partition table, and of a superblock, that a sum is about.
const HEADER: usize = 92;
const SUPERBLOCK: usize = 32;
/// Most changes of one input.
const CHANGES_MAX: usize = 64;

const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const CRC64: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

type Content = BTreeMap<u64, Rc<[u8; SECTOR]>>;

thread_local! {
    static GOOD: Good = good();
}

/// A disk in memory, sectors that are zeros left out.
#[derive(Clone, Default)]
struct Memory {
    content: Content,
    /// Where it may be written to; nothing is said before the partition is known.
    only: Option<Range<u64>>,
    writes: usize,
}

/// A good disk, and where the parts of it are.
struct Good {
    disk: Memory,
    superblock: u64,
    root: u64,
    root_length: usize,
    leaves: Vec<u64>,
}

impl Memory {
    fn touch(&mut self, from: u64, sectors: u64) {
        self.writes += 1;
        if let Some(only) = &self.only {
            assert!(only.start <= from && from + sectors <= only.end, "written outside of the partition");
        }
    }

    fn bytes(&self, from: u64, sectors: usize) -> Vec<u8> {
        let sectors = (from..).take(sectors);
        sectors.flat_map(|at| self.content.get(&at).map_or([0; SECTOR], |sector| **sector)).collect()
    }

    fn put(&mut self, to: u64, bytes: &[u8]) {
        for (at, sector) in (to..).zip(bytes.chunks(SECTOR)) {
            let mut whole = [0; SECTOR];
            whole.iter_mut().zip(sector).for_each(|(to, from)| *to = *from);
            self.content.insert(at, Rc::new(whole));
        }
    }
}

impl Disk for &mut Memory {
    fn sectors(&self) -> u64 {
        SECTORS
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        check(SECTORS, from, into.len())?;
        let sectors = into.len() / SECTOR;
        into.copy_from_slice(&self.bytes(from, sectors));
        Ok(())
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        check(SECTORS, to, bytes.len())?;
        self.touch(to, (bytes.len() / SECTOR) as u64);
        self.put(to, bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        self.touch(from, sectors);
        (from..from + sectors).for_each(|at| self.put(at, &[0xdd; SECTOR]));
        Ok(())
    }
}

/// The oracle.
///
/// # Panics
/// A lie did harm.
pub fn store(input: &[u8]) {
    GOOD.with(|good| {
        let mut disk = good.disk.clone();
        let mut input = Input::new(input);
        for _ in 0..CHANGES_MAX {
            if input.is_empty() {
                break;
            }
            change(good, &mut disk, &mut input);
        }
        seal(good, &mut disk);
        disk.writes = 0;
        if prepare(&mut disk, &[1; 32]).is_err() {
            assert_eq!(disk.writes, 0, "a disk that is refused is left alone");
            return;
        }
        let partition = partition(&disk);
        assert!(USABLE.start <= partition.start && partition.end <= USABLE.end, "a partition on a table");
        disk.only = Some(partition);
        work(&mut disk);
    });
}

/// A partition with two volumes, a clone, and units of each kind.
fn good() -> Good {
    let mut disk = Memory::default();
    let (partition, _) = prepare(&mut disk, &[1; 32]).expect("it is blank");
    let mut store = Store::format(partition).expect("it is large enough");
    for (text, sectors) in [("one", 200), ("two", 400)] {
        let id = store.make(&name(text), sectors).expect("there is room");
        store.write(id, 60, &[7; 100 * SECTOR]).expect("within");
    }
    let id = store.clone_volume(&name("two"), &name("three")).expect("there is room");
    store.write(id, 130, &[8; 20 * SECTOR]).expect("within");
    store.flush(id).expect("memory does not fail");
    drop(store);
    let sequence = |at: u64| number(&disk.bytes(at, 1), 8);
    let superblock = [PARTITION.start, PARTITION.start + 8].into_iter().max_by_key(|at| sequence(*at));
    let superblock = superblock.expect("there are two");
    let bytes = disk.bytes(superblock, 1);
    let root_length = usize::try_from(number(&bytes, 20) & 0xffff_ffff).expect("short");
    let is = |at: u64, length: usize, sum: u64| {
        CRC64.checksum(&disk.bytes(at, length.div_ceil(SECTOR))[..length]) == sum
    };
    let root = PARTITION.clone().find(|at| is(*at, root_length, number(&bytes, 24))).expect("a root");
    let bytes = disk.bytes(root, root_length.div_ceil(SECTOR));
    let volumes = usize::try_from(number(&bytes, 0) & 0xffff_ffff).expect("few");
    let count = usize::try_from(number(&bytes, 4) & 0xffff_ffff).expect("few");
    let sums = (0..count).map(|leaf| number(&bytes, 16 + 48 * volumes + 12 * leaf + 4));
    let leaves = sums.map(|sum| PARTITION.clone().find(|at| is(*at, 4096, sum)).expect("a leaf")).collect();
    Good { disk, superblock, root, root_length, leaves }
}

/// The partition for volumes by the first copy of the table, which holds: the disk was not refused.
fn partition(disk: &Memory) -> Range<u64> {
    let entries = disk.bytes(number(&disk.bytes(1, 1), 72), ENTRIES * ENTRY / SECTOR);
    let mut entries = entries.chunks(ENTRY);
    let ours = entries.find(|entry| entry.starts_with(&PARTITION_TYPE.0.to_bytes())).expect("it was found");
    number(ours, 32)..number(ours, 40) + 1
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a legal name")
}

/// Eight bytes as a number.
fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// One change.
fn change(good: &Good, disk: &mut Memory, input: &mut Input<'_>) {
    let (what, how) = (input.byte(), input.byte());
    let (first, length) = match what % 8 {
        0 => (1, HEADER),
        1 => (2, 300),
        2 => (SECTORS - 1, HEADER),
        3 => (good.superblock, SUPERBLOCK),
        4 | 5 => (good.root, good.root_length),
        6 => (good.leaves[usize::from(how) % good.leaves.len()], 64),
        _ => (0, SECTOR),
    };
    let mut bytes = disk.bytes(first, length.div_ceil(SECTOR));
    let at = usize::from(input.byte()) * if length > 256 { 2 } else { 1 } % length;
    let value = match how % 4 {
        0 => vec![input.byte()],
        1 => input.u16().to_le_bytes().to_vec(),
        2 => input.u32().to_le_bytes().to_vec(),
        _ => input.number().to_le_bytes().to_vec(),
    };
    bytes.iter_mut().skip(at).zip(value).for_each(|(to, from)| *to = from);
    disk.put(first, &bytes);
}

/// Makes all sums right.
fn seal(good: &Good, disk: &mut Memory) {
    for (at, entries) in [(1, 2), (SECTORS - 1, SECTORS - 33)] {
        let mut header = disk.bytes(at, 1);
        header[88..92].copy_from_slice(&CRC32.checksum(&disk.bytes(entries, 32)).to_le_bytes());
        header[16..20].fill(0);
        let sum = CRC32.checksum(&header[..HEADER]);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        disk.put(at, &header);
    }
    let sectors = good.root_length.div_ceil(SECTOR);
    let mut root = disk.bytes(good.root, sectors);
    let leaves = 16 + 48 * usize::from(root[0]);
    for (number, leaf) in good.leaves.iter().enumerate() {
        let sum = CRC64.checksum(&disk.bytes(*leaf, 8));
        if let Some(place) = root.get_mut(leaves + 12 * number + 4..leaves + 12 * number + 12) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
    }
    disk.put(good.root, &root);
    let mut superblock = disk.bytes(good.superblock, 1);
    let length = usize::try_from(number(&superblock, 20) & 0xffff_ffff).unwrap_or(0).min(root.len());
    superblock[24..32].copy_from_slice(&CRC64.checksum(&root[..length]).to_le_bytes());
    let sum = CRC64.checksum(&superblock[..SUPERBLOCK]);
    superblock[32..40].copy_from_slice(&sum.to_le_bytes());
    disk.put(good.superblock, &superblock);
}

/// All of a volume.
fn content<D: Disk>(store: &mut Store<D>, name: &Name) -> Vec<u8> {
    let id = store.find(name).expect("it is listed");
    let sectors = usize::try_from(store.sectors(id).expect("it is listed")).expect("few");
    let mut bytes = vec![0; sectors * SECTOR];
    store.read(id, 0, &mut bytes).expect("all of it is within");
    bytes
}

/// That volumes hold what they held.
fn unchanged<D: Disk>(store: &mut Store<D>, names: &[Name], before: &[Vec<u8>]) {
    let same = names.iter().zip(before).all(|(name, before)| content(store, name) == *before);
    assert!(same, "writing one volume changed another");
}

/// Uses what opens.
fn work(disk: &mut Memory) {
    let room = disk.only.as_ref().map_or(0, |only| only.end - only.start);
    let (partition, _) = prepare(&mut *disk, &[1; 32]).expect("it was prepared");
    let Ok(mut store) = Store::open_or_format(partition) else { return };
    let names: Vec<Name> = store.volumes().map(|volume| name(&volume.name)).collect();
    let sizes: u64 = store.volumes().map(|volume| volume.sectors).sum();
    assert!(sizes <= room, "volumes that do not fit");
    let before: Vec<Vec<u8>> = names.iter().map(|name| content(&mut store, name)).collect();
    let new = name("new");
    if let Ok(id) = store.make(&new, 150) {
        store.write(id, 100, &[9; 50 * SECTOR]).expect("room was set aside");
        store.flush(id).expect("memory does not fail");
        let bytes = content(&mut store, &new);
        assert!(bytes[..100 * SECTOR].iter().all(|byte| *byte == 0), "a new volume is zeros");
        assert!(bytes[100 * SECTOR..].iter().all(|byte| *byte == 9), "what was written is there");
        unchanged(&mut store, &names, &before);
    }
    let copy = name("copy");
    if let Some(first) = names.first()
        && let Ok(id) = store.clone_volume(first, &copy)
    {
        let sectors = store.sectors(id).expect("it was made");
        for at in (0..sectors).step_by(50) {
            store.write(id, at, &[5; SECTOR]).expect("room was set aside");
        }
        store.discard(id, 0, sectors / 2).expect("within");
        store.flush(id).expect("memory does not fail");
        unchanged(&mut store, &names, &before);
        store.erase(&copy).expect("it was made");
        unchanged(&mut store, &names, &before);
    }
    let listed: Vec<Name> = store.volumes().map(|volume| name(&volume.name)).collect();
    drop(store);
    let (partition, _) = prepare(disk, &[1; 32]).expect("it was prepared");
    let mut store = Store::open(partition).expect("what was committed opens");
    assert_eq!(listed, store.volumes().map(|volume| name(&volume.name)).collect::<Vec<_>>());
    unchanged(&mut store, &names, &before);
}
