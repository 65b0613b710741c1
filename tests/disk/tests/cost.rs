//! What a commit and opening cost, in the disk's own words and in time.
//!
//! `cargo test --release -p tests-disk --test cost -- --nocapture` prints the figures of the volume's documentation.

use std::time::Instant;

use tests_disk::life::{create, open};
use tests_disk::{Counts, SimDisk};
use unikernels_volume::Batch;

const RECORD: [u8; 300] = [0x55; 300];

fn since(disk: &SimDisk, before: Counts) -> Counts {
    let now = disk.counts();
    Counts {
        reads: now.reads - before.reads,
        sectors_read: now.sectors_read - before.sectors_read,
        writes: now.writes - before.writes,
        sectors_written: now.sectors_written - before.sectors_written,
        flushes: now.flushes - before.flushes,
    }
}

#[test]
fn a_small_commit_is_two_writes_and_two_flushes() {
    let disk = SimDisk::new(4_096);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    let before = disk.counts();
    volume.commit(Batch::new().put(1, &RECORD)).expect("a commit");
    let cost = since(&disk, before);
    println!("a commit of 300 bytes: {cost:?}");
    let expected = Counts { reads: 1, sectors_read: 1, writes: 2, sectors_written: 2, flushes: 2 };
    assert_eq!(cost, expected);
    let before = disk.counts();
    volume.get(1).expect("a read").expect("a record");
    assert_eq!(since(&disk, before), Counts { reads: 1, sectors_read: 1, ..Counts::default() });
}

#[test]
fn an_attachment_of_a_mebibyte_is_eighteen_writes_and_two_flushes() {
    let disk = SimDisk::new(8_192);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    let piece = vec![7; 64 << 10];
    let mut batch = Batch::new();
    for id in 0..16 {
        batch.put(id, &piece);
    }
    let before = disk.counts();
    volume.commit(&batch).expect("a commit");
    let cost = since(&disk, before);
    println!("a commit of 16 pieces of 64 KiB: {cost:?}");
    assert_eq!((cost.writes, cost.flushes), (18, 2));
    assert!(cost.sectors_written * 512 < (1 << 20) * 102 / 100);
}

/// Makes a store of so many records, one commit for each `together`, and opens it.
fn check_open(records: u64, together: u64, sectors: usize) {
    let disk = SimDisk::new(sectors);
    let (mut volume, _) = create(&disk, 1).expect("a volume");
    for first in (0..records).step_by(usize::try_from(together).expect("small")) {
        let mut batch = Batch::new();
        for id in first..first + together {
            batch.put(id.into(), &RECORD);
        }
        volume.commit(&batch).expect("a commit");
    }
    let before = disk.counts();
    let start = Instant::now();
    let mut volume = open(&disk, 2).expect("the volume");
    let opening = start.elapsed();
    let cost = since(&disk, before);
    assert_eq!(volume.len() as u64, records);
    let start = Instant::now();
    let mut bytes = 0;
    volume.for_each(|_, record| bytes += record.len()).expect("records");
    let reading = start.elapsed();
    assert_eq!(bytes as u64, records * 300);
    println!(
        "{records} records, {together} a commit: opened in {opening:?}, {} KiB in {} reads; then all read in {reading:?}",
        cost.sectors_read / 2,
        cost.reads
    );
    let stored = records.div_ceil(together) * (together * 321).div_ceil(4_044) * 8;
    assert!(cost.sectors_read <= stored + 40 && cost.writes == 0, "{cost:?}");
}

#[test]
fn opening_reads_the_log_once() {
    check_open(1_000, 1_000, 4_096);
    check_open(1_000, 1, 4_096);
    check_open(10_000, 10_000, 32_768);
    check_open(10_000, 1, 32_768);
}
