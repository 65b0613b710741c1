//! A disk with a cache that a cut of the power empties: what QEMU's `blklogwrites` has logged, replayed to the cut.
//!
//! The log is in the format of Linux's dm-log-writes (`Documentation/admin-guide/device-mapper/log-writes.rst`): a sector of
//! header; then for each write a sector that says where and how much, and the data. QEMU completes a write or a flush of the
//! guest only when it is logged, so whatever the guest knows to be flushed is before a flush in the log. QEMU's own count of
//! entries is not looked at: it lags behind.

use std::path::Path;

use tests_disk::Random;

const SECTOR: usize = 512;
/// What the header begins with, little endian; the first flush writes it.
const MAGIC: u64 = 0x006a_7366_7773_6872;
const FLUSH: u64 = 1;
const FUA: u64 = 2;
const DISCARD: u64 = 4;

/// One thing the disk was asked for.
enum Entry {
    Flush,
    /// It must stay although nothing flushed it.
    Durable(usize, Vec<u8>),
    Write(usize, Vec<u8>),
    Discard(usize, usize),
}

/// What a cut did.
#[derive(Default, Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Writes and discards that were asked for.
    pub(crate) writes: usize,
    /// Of these, the ones that nothing had flushed.
    pub(crate) unflushed: usize,
    /// Of these, the ones that are lost.
    pub(crate) lost: usize,
    /// And the ones of which some sectors are lost.
    pub(crate) torn: usize,
}

/// A word of the log, little endian.
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(0, |word| u64::from_le_bytes(word.try_into().expect("eight bytes")))
}

/// The length in bytes of the entry that begins here, header and all; `None` where the log ends, or was being written.
fn length(rest: &[u8]) -> Option<usize> {
    let (sectors, flags) = (word(rest, 8), word(rest, 16));
    let data = if flags & DISCARD == 0 { usize::try_from(sectors).ok()? * SECTOR } else { 0 };
    let is_entry = sectors > 0 || flags > 0;
    (is_entry && rest.len() >= SECTOR + data).then_some(SECTOR + data)
}

fn parse(log: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut at = SECTOR;
    while let Some((rest, length)) = log.get(at..).and_then(|rest| Some((rest, length(rest)?))) {
        let (sector, sectors, flags) = (word(rest, 0), word(rest, 8), word(rest, 16));
        assert!(flags & !(FLUSH | FUA | DISCARD | 8) == 0, "flags {flags:#x} at {at} of the log");
        let start = usize::try_from(sector).expect("a small disk") * SECTOR;
        if flags & FLUSH != 0 {
            entries.push(Entry::Flush);
        }
        if flags & DISCARD != 0 {
            entries.push(Entry::Discard(start, usize::try_from(sectors).expect("a small disk") * SECTOR));
        } else if sectors > 0 {
            let data = rest[SECTOR..length].to_vec();
            entries.push(if flags & FUA == 0 {
                Entry::Write(start, data)
            } else {
                Entry::Durable(start, data)
            });
        }
        at += length;
    }
    entries
}

/// What the disk was asked for so far, as far as anybody waits for it.
pub(crate) struct Asked {
    /// Writes, discards and flushes.
    pub(crate) count: usize,
    /// Whether the last was no flush.
    pub(crate) is_unflushed: bool,
    /// After how many of them the last large write was.
    pub(crate) large: Option<usize>,
}

/// Reads a log that is being written; nothing when it is not there yet.
pub(crate) fn asked(log: &Path) -> Asked {
    /// Larger than a commit of the test's client: a log that is written anew.
    const LARGE: usize = 16 << 10;
    let entries = parse(&std::fs::read(log).unwrap_or_default());
    let is_large = |entry: &Entry| matches!(entry, Entry::Write(_, data) if data.len() >= LARGE);
    Asked {
        count: entries.len(),
        is_unflushed: entries.last().is_some_and(|entry| !matches!(entry, Entry::Flush)),
        large: entries.iter().rposition(is_large),
    }
}

/// What is on the disk after the power was cut at the end of this log: all that was flushed, and of the rest each write
/// or not or some of its sectors, one perhaps in half, in any order.
pub(crate) fn cut(disk: &mut [u8], log: &[u8], random: &mut Random) -> Cut {
    let magic = word(log, 0);
    assert!(magic == MAGIC || magic == 0, "{magic:#x} is no magic number");
    let entries = parse(log);
    let flushed = entries.iter().rposition(|entry| matches!(entry, Entry::Flush)).map_or(0, |last| last + 1);
    let (durable, pending) = entries.split_at(flushed);
    for entry in durable {
        apply(disk, entry);
    }
    let mut cut = Cut { unflushed: pending.len(), ..Cut::default() };
    cut.writes = pending.len() + durable.iter().filter(|entry| !matches!(entry, Entry::Flush)).count();
    let mut pending: Vec<&Entry> = pending.iter().collect();
    for last in (1..pending.len()).rev() {
        let other = random.below(last as u64 + 1);
        pending.swap(last, usize::try_from(other).expect("an index"));
    }
    for entry in pending {
        match (random.below(4), entry) {
            (0 | 1, _) | (_, Entry::Durable(..)) => apply(disk, entry),
            (2, Entry::Write(start, data)) => {
                tear(disk, *start, data, random);
                cut.torn += 1;
            }
            _ => cut.lost += 1,
        }
    }
    cut
}

fn apply(disk: &mut [u8], entry: &Entry) {
    match entry {
        Entry::Flush => {}
        Entry::Write(start, data) | Entry::Durable(start, data) => {
            disk[*start..start + data.len()].copy_from_slice(data);
        }
        Entry::Discard(start, length) => disk[*start..start + length].fill(0),
    }
}

/// Writes some of the sectors, and of one the beginning.
fn tear(disk: &mut [u8], start: usize, data: &[u8], random: &mut Random) {
    for (number, sector) in data.chunks(SECTOR).enumerate() {
        let at = start + number * SECTOR;
        let keeps = match random.below(8) {
            0..=3 => SECTOR,
            4 => usize::try_from(random.below(SECTOR as u64)).expect("less than a sector"),
            _ => 0,
        };
        disk[at..at + keeps].copy_from_slice(&sector[..keeps]);
    }
}

/// That the log has all that QEMU has done to its own file, but for the one write that was going on.
pub(crate) fn assert_complete(before: &[u8], log: &[u8], after: &[u8]) {
    /// Most sectors of one write: a data message, or what of it the driver sends at once.
    const WRITE_MAX: usize = 128;
    let mut disk = before.to_vec();
    for entry in &parse(log) {
        apply(&mut disk, entry);
    }
    let sectors = disk.chunks(SECTOR).zip(after.chunks(SECTOR)).map(|(ours, theirs)| ours != theirs);
    let others: Vec<usize> = sectors.enumerate().filter_map(|(at, differs)| differs.then_some(at)).collect();
    let (first, last) = (others.first().copied().unwrap_or(0), others.last().copied().unwrap_or(0));
    assert!(last - first < WRITE_MAX, "the log has not all writes: sectors {first} to {last} are others");
}
