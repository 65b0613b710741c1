//! The partition table: GPT, read and made.
//!
//! A copy of the table counts only when all of it holds: both checksums, every range, no overlap. When one copy is damaged
//! the other is used and the damaged one written again. A disk with anything else on it than our table, or nothing, is left
//! alone. Not here: partitions of others (they are kept and never read), sectors of 4 KiB.
//! Source: UEFI Specification 2.10, chapter 5.

use alloc::vec;
use alloc::vec::Vec;

use bytemuck::{Zeroable, bytes_of};
use crc::{CRC_32_ISO_HDLC, Crc};
use gpt_disk_types::{
    Crc32, GptHeader, GptHeaderRevision, GptHeaderSignature, GptPartitionEntry, GptPartitionType, Guid,
    LbaLe, MasterBootRecord, U32Le, guid,
};
use unikernels_disk::{Disk, DiskError, SECTOR};

use crate::Partition;

/// Type of the partition that holds volumes.
pub const PARTITION_TYPE: GptPartitionType = GptPartitionType(guid!("c8e5a2d4-7b1f-4a36-9d0e-53f2b86417ca"));

/// Name of the partition, for other tools.
const PARTITION_NAME: &str = "skep volumes";

/// Most entries of a table, and how many a new one has: what the specification reserves room for at least, and what tools
/// write. More are refused, as their number is the disk's to choose and they are read into memory.
const ENTRIES: u32 = 128;
/// Bytes of an entry.
const ENTRY: u32 = 128;
/// Bytes of a header; what follows in its sector is reserved.
const HEADER: u32 = 92;
/// Entries in a sector.
const PER_SECTOR: u64 = SECTOR as u64 / ENTRY as u64;
/// Sectors of the entries.
const ENTRY_SECTORS: u64 = (ENTRIES * ENTRY) as u64 / SECTOR as u64;
const _: () =
    assert!(size_of::<GptHeader>() == HEADER as usize && size_of::<GptPartitionEntry>() == ENTRY as usize);
/// Sectors of a header and its entries.
const COPY_SECTORS: u64 = ENTRY_SECTORS + 1;
/// Partitions begin at multiples of this, 1 MiB, as with other tools: no device has larger pages.
const ALIGN: u64 = 2048;
/// Sectors at the beginning that are all zero when nothing is on a disk: tables, superblocks of file systems and of
/// encrypted volumes are within.
const BLANK: u64 = ALIGN;
/// How many of them are read at once.
const BLANK_PIECE: usize = 128;
/// Bytes at the beginning of a new partition that are made zeros: the superblocks are in them.
const SUPERBLOCKS: usize = 8192;
/// Fewest sectors of a disk that is partitioned.
const DISK_MIN: u64 = 2 * ALIGN;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Why there is no partition to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GptError {
    /// The disk did not do it.
    Disk(DiskError),
    /// The disk is too small to be partitioned.
    TooSmall,
    /// Something is on the disk that is no partition table. It is left alone.
    Foreign,
    /// There is a partition table and neither copy of it holds.
    Damaged,
    /// The table has no partition of ours. It is left alone.
    NoPartition,
    /// The table has more than one partition of ours.
    Ambiguous,
}

impl From<DiskError> for GptError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

/// What was done to a disk to have its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// Nothing: the table holds.
    Found,
    /// One copy of the table was damaged, and is written again.
    Repaired,
    /// The disk was blank and has a table now.
    Created,
}

/// A table that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    disk: Guid,
    first_usable: u64,
    last_usable: u64,
    entries: Vec<GptPartitionEntry>,
}

/// The partition for volumes on `disk`; a blank disk gets one. `random` are 32 bytes that no other disk has.
///
/// # Errors
/// Why there is none; the disk is as it was then, unless it failed.
pub fn prepare<D: Disk>(mut disk: D, random: &[u8; 32]) -> Result<(Partition<D>, Prepared), GptError> {
    let (table, prepared) = match read(&mut disk)? {
        Read::Table { table, damaged: None } => (table, Prepared::Found),
        Read::Table { table, damaged: Some(copy) } => {
            table.write(&mut disk, &[copy])?;
            (table, Prepared::Repaired)
        }
        Read::Blank => {
            let table = Table::new(disk.sectors(), random).ok_or(GptError::TooSmall)?;
            // What lies behind the blank part must not be taken for volumes, or for damage.
            let (first, _) = table.ours()?;
            disk.write(first, &vec![0; SUPERBLOCKS])?;
            disk.flush()?;
            table.write(&mut disk, &[Copy::Backup, Copy::Primary])?;
            (table, Prepared::Created)
        }
    };
    let (first, sectors) = table.ours()?;
    Ok((Partition::new(disk, first, sectors)?, prepared))
}

/// What is on a disk.
enum Read {
    /// Zeros, as far as can be told.
    Blank,
    /// A table, and which of its copies has to be written again.
    Table { table: Table, damaged: Option<Copy> },
}

/// A copy of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copy {
    /// At the beginning of the disk.
    Primary,
    /// At its end.
    Backup,
}

fn read(disk: &mut impl Disk) -> Result<Read, GptError> {
    if disk.sectors() < DISK_MIN {
        return Err(GptError::TooSmall);
    }
    let last = disk.sectors().saturating_sub(1);
    let (primary, backup) = (Table::read(disk, 1)?, Table::read(disk, last)?);
    let mut mbr = [0; SECTOR];
    disk.read(0, &mut mbr)?;
    let blank_mbr = mbr.iter().all(|byte| *byte == 0);
    if !blank_mbr && !is_protective(&mbr) {
        return Err(GptError::Foreign);
    }
    // When both hold and differ, the primary counts, as the specification says.
    let damaged = match (&primary, &backup) {
        (Some(primary), Some(backup)) if primary == backup && !blank_mbr => None,
        (Some(_), _) => Some(Copy::Backup),
        (None, _) => Some(Copy::Primary),
    };
    match primary.or(backup) {
        Some(table) => table.ours().map(|_| Read::Table { table, damaged }),
        None if is_blank(disk)? => Ok(Read::Blank),
        None if blank_mbr => Err(GptError::Foreign),
        None => Err(GptError::Damaged),
    }
}

/// Whether nothing is on a disk but, at its end, what a cut of the power may leave of a table that was being made: its backup
/// is written first.
fn is_blank(disk: &mut impl Disk) -> Result<bool, DiskError> {
    let mut piece = vec![0; BLANK_PIECE.saturating_mul(SECTOR)];
    for at in (0..BLANK).step_by(BLANK_PIECE) {
        disk.read(at, &mut piece)?;
        if piece.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    let mut sector = [0; SECTOR];
    let last = disk.sectors().saturating_sub(1);
    let entries = last.saturating_sub(ENTRY_SECTORS);
    for at in entries..=last {
        disk.read(at, &mut sector)?;
        let begins = |with: &[u8]| sector.starts_with(with);
        let ours = at == entries && begins(bytes_of(&PARTITION_TYPE)) || at == last && begins(b"EFI PART");
        if !ours && sector.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a master boot record says that there is a GPT.
fn is_protective(mbr: &[u8; SECTOR]) -> bool {
    let mbr: MasterBootRecord = bytemuck::pod_read_unaligned(mbr);
    mbr.signature == [0x55, 0xaa] && mbr.partitions.iter().any(|record| record.os_indicator == 0xee)
}

impl Table {
    /// The table of a disk of so many sectors, with one partition; `None` when it is too small.
    fn new(sectors: u64, random: &[u8; 32]) -> Option<Self> {
        let first_usable = COPY_SECTORS.checked_add(1)?;
        let last_usable = sectors.checked_sub(COPY_SECTORS)?.checked_sub(1)?;
        let end = last_usable.checked_add(1)?.checked_div(ALIGN)?.checked_mul(ALIGN)?;
        let last = end.checked_sub(1).filter(|last| *last >= ALIGN)?;
        let (disk, partition) = random.split_first_chunk::<16>()?;
        let mut entries = vec![GptPartitionEntry::zeroed(); ENTRIES as usize];
        *entries.first_mut()? = GptPartitionEntry {
            partition_type_guid: PARTITION_TYPE,
            unique_partition_guid: random_guid(partition.first_chunk()?),
            starting_lba: LbaLe::from_u64(ALIGN),
            ending_lba: LbaLe::from_u64(last),
            name: PARTITION_NAME.parse().ok()?,
            ..GptPartitionEntry::zeroed()
        };
        Some(Self { disk: random_guid(disk), first_usable, last_usable, entries })
    }

    /// First sector and number of sectors of the partition for volumes.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn ours(&self) -> Result<(u64, u64), GptError> {
        let mut ours = self.entries.iter().filter(|entry| { entry.partition_type_guid } == PARTITION_TYPE);
        match (ours.next(), ours.next()) {
            (None, _) => Err(GptError::NoPartition),
            (Some(_), Some(_)) => Err(GptError::Ambiguous),
            (Some(ours), None) => {
                let range = ours.lba_range().ok_or(GptError::Damaged)?;
                Ok((range.start().to_u64(), range.num_blocks()))
            }
        }
    }

    /// The copy whose header is in sector `at`, when all of it holds.
    fn read(disk: &mut impl Disk, at: u64) -> Result<Option<Self>, DiskError> {
        let mut sector = [0; SECTOR];
        disk.read(at, &mut sector)?;
        let Some(header) = header(&sector, at, disk.sectors()) else { return Ok(None) };
        let count = header.number_of_partition_entries.to_u32() as usize;
        let mut bytes = vec![0; count.saturating_mul(ENTRY as usize).next_multiple_of(SECTOR)];
        disk.read(header.partition_entry_lba.to_u64(), &mut bytes)?;
        let bytes = bytes.get(..count.saturating_mul(ENTRY as usize)).unwrap_or_default();
        if CRC.checksum(bytes) != header.partition_entry_array_crc32.0.to_u32() {
            return Ok(None);
        }
        let mut entries: Vec<GptPartitionEntry> =
            bytes.chunks_exact(ENTRY as usize).map(bytemuck::pod_read_unaligned).collect();
        // However many a copy has: two copies are compared.
        entries.resize(ENTRIES as usize, GptPartitionEntry::zeroed());
        let table = Self {
            disk: header.disk_guid,
            first_usable: header.first_usable_lba.to_u64(),
            last_usable: header.last_usable_lba.to_u64(),
            entries,
        };
        Ok(table.ranges_hold().then_some(table))
    }

    /// Whether every partition is within the usable sectors and none overlaps another.
    fn ranges_hold(&self) -> bool {
        let used = || self.entries.iter().filter(|entry| entry.is_used());
        let range = |entry: &GptPartitionEntry| (entry.starting_lba.to_u64(), entry.ending_lba.to_u64());
        used().enumerate().all(|(number, entry)| {
            let (first, last) = range(entry);
            let within = self.first_usable <= first && first <= last && last <= self.last_usable;
            let apart = |other| {
                let (other_first, other_last) = range(other);
                other_last < first || last < other_first
            };
            within && used().take(number).all(apart)
        })
    }

    /// Writes copies, one after the other so that one holds at any cut of the power, and the protective record.
    fn write(&self, disk: &mut impl Disk, copies: &[Copy]) -> Result<(), DiskError> {
        let last = disk.sectors().saturating_sub(1);
        let entries: &[u8] = bytemuck::cast_slice(&self.entries);
        for copy in copies {
            let (at, other, to) = match copy {
                Copy::Primary => (1, last, 2),
                Copy::Backup => (last, 1, last.saturating_sub(ENTRY_SECTORS)),
            };
            disk.write(to, entries)?;
            disk.write(at, &self.header(at, other, to, CRC.checksum(entries)))?;
            disk.flush()?;
        }
        let mut mbr = [0; SECTOR];
        disk.read(0, &mut mbr)?;
        if !is_protective(&mbr) {
            disk.write(0, bytes_of(&MasterBootRecord::protective_mbr(disk.sectors())))?;
            disk.flush()?;
        }
        Ok(())
    }

    /// The header of a copy as its sector.
    fn header(&self, at: u64, other: u64, entries: u64, entries_crc: u32) -> [u8; SECTOR] {
        let mut header = GptHeader {
            signature: GptHeaderSignature::EFI_COMPATIBLE_PARTITION_TABLE_HEADER,
            revision: GptHeaderRevision::VERSION_1_0,
            header_size: U32Le::from_u32(HEADER),
            my_lba: LbaLe::from_u64(at),
            alternate_lba: LbaLe::from_u64(other),
            first_usable_lba: LbaLe::from_u64(self.first_usable),
            last_usable_lba: LbaLe::from_u64(self.last_usable),
            disk_guid: self.disk,
            partition_entry_lba: LbaLe::from_u64(entries),
            number_of_partition_entries: U32Le::from_u32(ENTRIES),
            size_of_partition_entry: U32Le::from_u32(ENTRY),
            partition_entry_array_crc32: Crc32(U32Le::from_u32(entries_crc)),
            ..GptHeader::zeroed()
        };
        header.update_header_crc32();
        let mut sector = [0; SECTOR];
        if let Some(front) = sector.first_chunk_mut::<{ HEADER as usize }>() {
            front.copy_from_slice(bytes_of(&header));
        }
        sector
    }
}

/// The header in a sector, when it holds: its own checksum, its place, and where it says things are.
fn header(sector: &[u8; SECTOR], at: u64, sectors: u64) -> Option<GptHeader> {
    let header: GptHeader = bytemuck::pod_read_unaligned(sector.first_chunk::<{ HEADER as usize }>()?);
    let (size, count) =
        (header.size_of_partition_entry.to_u32(), header.number_of_partition_entries.to_u32());
    let form = header.is_signature_valid()
        && header.revision == GptHeaderRevision::VERSION_1_0
        && header.header_size.to_u32() == HEADER
        && header.header_crc32 == header.calculate_header_crc32()
        && size == ENTRY
        && (1..=ENTRIES).contains(&count);
    let (first, last) = (header.first_usable_lba.to_u64(), header.last_usable_lba.to_u64());
    let entries = header.partition_entry_lba.to_u64();
    let entries_end = entries.checked_add(u64::from(count).div_ceil(PER_SECTOR))?;
    let disk_last = sectors.checked_sub(1)?;
    // Entries of either copy are reserved 32 sectors, so that the copy can be written again in place.
    let usable = first >= COPY_SECTORS.checked_add(1)?
        && first <= last
        && last < disk_last.checked_sub(ENTRY_SECTORS)?;
    let other = if at == 1 { disk_last } else { 1 };
    let apart =
        if at == 1 { entries >= 2 && entries_end <= first } else { entries > last && entries_end <= at };
    let places = header.my_lba.to_u64() == at && header.alternate_lba.to_u64() == other;
    (form && usable && apart && places).then_some(header)
}

/// A random GUID (version 4) from 16 random bytes.
fn random_guid(random: &[u8; 16]) -> Guid {
    gpt_disk_types::Guid::from_random_bytes(*random)
}
