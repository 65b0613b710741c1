//! Measures the storage qube's disk driver without the storage qube: pieces of the length of its messages, written and read.
//! Prints `bench: name=value` lines in its log. The disk is overwritten.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

#[path = "../../../unikernels/storage/src/device.rs"]
mod device;

use ipc_proto_block_api::{DATA_MAX, SECTOR};
use ipc_proto_ctl_api::{self as ctl, CtlClient};
use spin::Mutex;
use unikernels_disk::{Disk, DiskError};
use unikernels_rt::{Qube, log, main};

use device::Device;

main!(measure);

/// Pieces written and read.
const PIECES: u64 = 64;
const PIECE_SECTORS: u64 = (DATA_MAX / SECTOR) as u64;

static PIECE: Mutex<[u8; DATA_MAX]> = Mutex::new([0x5a; DATA_MAX]);

fn measure(qube: Qube) -> i32 {
    let Some(mut port) = qube.client(&ctl::SERVICE) else {
        log!("bench failed: no channel to the supervisor");
        return 1;
    };
    let mut disk = Device::start(qube);
    log!("a {} disk", disk.name());
    let done = pieces(qube, &mut disk);
    if let Err(error) = done {
        log!("bench failed: {error:?}");
    }
    let _ = CtlClient::new(&mut port).poweroff();
    i32::from(done.is_err())
}

fn pieces(qube: Qube, disk: &mut Device) -> Result<(), DiskError> {
    let mut piece = PIECE.lock();
    // The first round finds everything new.
    for _ in 0..2 {
        let start = qube.now();
        for number in 0..PIECES {
            disk.write(number * PIECE_SECTORS, piece.as_slice())?;
        }
        let written = qube.now();
        for number in 0..PIECES {
            disk.read(number * PIECE_SECTORS, piece.as_mut_slice())?;
        }
        let read = qube.now();
        log!("bench: write_ticks={}", written.0 - start.0);
        log!("bench: read_ticks={}", read.0 - written.0);
    }
    log!("bench: bytes={}", PIECES * DATA_MAX as u64);
    Ok(())
}
