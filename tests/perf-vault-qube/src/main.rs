//! Measures a vault from a client: ticks of the time-stamp counter from a call to its answer, which under QEMU's instruction
//! counting are instructions of all qubes and of the supervisor. Prints `bench: name=value` lines in its log.
//!
//! Task `pieces` measures a volume behind the storage qube; without a task it is the vault.
//!
//! The vault must be new, and time so slow that it chooses the least cost of a passphrase. Argument `entries`: how many it
//! gets before anything is measured. The channel of service `block` reads what the disk of the vault counted.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ipc_proto_block_api as block;
use ipc_proto_ctl_api::{self as ctl, CtlClient};
use ipc_proto_rpc::{Port, Untyped};
use ipc_proto_types::{List, Secret, Text};
use ipc_proto_vault_api::{self as vault, Keys, NewEntry, NewPassword, Recipe, VaultClient};
use spin::Mutex;
use unikernels_block_client::BlockDisk;
use unikernels_disk::{Disk, SECTOR};
use unikernels_rt::{Channel, Qube, log, main};
use vault_app_kdf::{Block, Cost, KEY_SIZE, derive};

main!(measure);

const PASSPHRASE: &str = "correct horse battery staple";
/// How the passwords of the others are made: of the length of the one given, and without an estimate of their strength, which
/// takes most of adding one that is given.
const RECIPE: Recipe =
    Recipe { length: 23, lower: true, upper: true, digits: true, symbols: false, no_look_alikes: false };
/// The password of the entry that is measured, as people have them.
const PASSWORD: &str = "hunter2-hunter2-hunter2";
/// Pieces written and read by the task `pieces`.
const PIECES: u64 = 64;
/// Names of what the disk counts, in the order in which they stand in its first sector, 8 bytes each.
const COUNTERS: [&str; 8] = [
    "block_reads",
    "block_writes",
    "block_write_bytes",
    "block_flushes",
    "disk_reads",
    "disk_writes",
    "disk_write_bytes",
    "disk_flushes",
];

static BLOCKS: Mutex<[Block; Cost::FLOOR.blocks()]> =
    Mutex::new([const { Block::new() }; Cost::FLOOR.blocks()]);

/// Why nothing was measured.
type Failed = &'static str;

fn measure(qube: Qube) -> i32 {
    let Some(mut port) = qube.client(&ctl::SERVICE) else {
        log!("bench failed: no channel to the supervisor");
        return 1;
    };
    let done = run(qube);
    if let Err(what) = done {
        log!("bench failed: {what}");
    }
    let _ = CtlClient::new(&mut port).poweroff();
    i32::from(done.is_err())
}

fn run(qube: Qube) -> Result<(), Failed> {
    if qube.args().get("task") == Some("pieces") {
        return pieces(qube);
    }
    let entries: u32 = qube.args().number("entries").unwrap_or(0);
    let port = qube.place(qube.client(&vault::SERVICE).ok_or("no channel to a vault")?);
    let vault = qube.place(VaultClient::new(port));
    let mut disk = disk(qube).ok_or("no channel to the counters")?;
    disk.refresh().map_err(|_| "no counters")?;
    derivation(qube)?;
    vault.init(keys()).map_err(|_| "init: no answer")?.map_err(|_| "init refused")?;
    vault.auto_lock(0).map_err(|_| "auto_lock: no answer")?.map_err(|_| "auto_lock refused")?;
    for number in 0..entries {
        add(vault, number, NewPassword::Generate(RECIPE))?;
    }
    let before = counters(&mut disk)?;
    let given = NewPassword::Given(Secret::new(Text::truncated(PASSWORD)));
    let start = qube.now();
    add(vault, entries, given)?;
    log!("bench: add_ticks={}", qube.now().0 - start.0);
    for (name, (after, before)) in COUNTERS.iter().zip(counters(&mut disk)?.into_iter().zip(before)) {
        log!("bench: add_{name}={}", after - before);
    }
    let name = title(entries);
    let start = qube.now();
    let shown = vault.show(name, false).map_err(|_| "show: no answer")?;
    let end = qube.now();
    shown.map_err(|_| "show refused")?;
    log!("bench: show_ticks={}", end.0 - start.0);
    vault.lock().map_err(|_| "lock: no answer")?;
    let start = qube.now();
    let unlocked = vault.unlock(keys()).map_err(|_| "unlock: no answer")?;
    let end = qube.now();
    unlocked.map_err(|_| "unlock refused")?;
    log!("bench: unlock_ticks={}", end.0 - start.0);
    let status = vault.status().map_err(|_| "status: no answer")?;
    log!("bench: entries={}", status.entries);
    Ok(())
}

/// Pieces of the length of a message, written to a volume and read: what `tests/perf-raw-qube` does without the storage qube.
fn pieces(qube: Qube) -> Result<(), Failed> {
    let mut disk = disk(qube).ok_or("no channel to a volume")?;
    disk.reopen().map_err(|_| "no volume")?;
    let piece = qube.place([0x5a; block::DATA_MAX]);
    let place = |number: u64| number * (block::DATA_MAX / SECTOR) as u64;
    // The first round finds everything new.
    for _ in 0..2 {
        let start = qube.now();
        for number in 0..PIECES {
            disk.write(place(number), piece).map_err(|_| "a piece was not written")?;
        }
        let written = qube.now();
        for number in 0..PIECES {
            disk.read(place(number), piece).map_err(|_| "a piece was not read")?;
        }
        let read = qube.now();
        log!("bench: write_ticks={}", written.0 - start.0);
        log!("bench: read_ticks={}", read.0 - written.0);
    }
    log!("bench: bytes={}", PIECES * block::DATA_MAX as u64);
    Ok(())
}

fn disk(qube: Qube) -> Option<BlockDisk<'static, Untyped<'static, Channel>>> {
    let port = qube.client(&block::SERVICE)?;
    let frame = qube.place([0; block::FRAME_MAX]);
    Some(BlockDisk::new(Untyped::new(qube.place(port)), frame))
}

/// The derivation by itself, by the same crate in a qube.
fn derivation(qube: Qube) -> Result<(), Failed> {
    let mut blocks = BLOCKS.lock();
    let mut key = [0; KEY_SIZE];
    // The first time finds memory that was never touched.
    for _ in 0..2 {
        let start = qube.now();
        derive(Cost::FLOOR, PASSPHRASE.as_bytes(), &[7; 16], blocks.as_mut_slice(), &mut key)
            .map_err(|_| "no derivation")?;
        log!("bench: derive_ticks={}", qube.now().0 - start.0);
    }
    Ok(())
}

fn add(vault: &mut VaultClient<'_, Channel>, number: u32, password: NewPassword) -> Result<(), Failed> {
    let entry = NewEntry {
        title: title(number),
        group: Text::default(),
        user: Text::truncated("somebody@example.org"),
        url: Text::truncated("https://example.org/login"),
        tags: List::new(),
        password,
        totp: None,
        expires: None,
    };
    vault.add(entry).map_err(|_| "add: no answer")?.map(drop).map_err(|_| "add refused")
}

/// `entry-0000042`: of one length, so that every entry takes the same room.
fn title(number: u32) -> Text<256> {
    let mut digits = *b"entry-0000000";
    let mut left = number;
    for digit in digits.iter_mut().rev().take(7) {
        *digit = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
    }
    Text::truncated(core::str::from_utf8(&digits).unwrap_or_default())
}

fn keys() -> Keys {
    Keys { passphrase: Secret::new(Text::truncated(PASSPHRASE)), key_file: None }
}

/// What the disk counted so far.
fn counters(disk: &mut BlockDisk<'_, Untyped<'_, impl Port>>) -> Result<[u64; COUNTERS.len()], Failed> {
    let mut sector = [0; SECTOR];
    disk.read(0, &mut sector).map_err(|_| "the counters cannot be read")?;
    let mut counters = [0; COUNTERS.len()];
    for (counter, bytes) in counters.iter_mut().zip(sector.as_chunks().0) {
        *counter = u64::from_le_bytes(*bytes);
    }
    Ok(counters)
}
