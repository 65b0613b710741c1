//! The volumes of the storage qube on a disk of memory, with everything counted: a real one completes its requests when the
//! emulator's machine comes to it, so no two runs would take the same instructions.
//!
//! The channel of `perf` is no volume: its first sector is the counters, 8 bytes each, little-endian: reads, writes, bytes
//! written and flushes that were asked for by others, then those that the disk below did.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ipc_proto_block_api::{self as block, BlockError, InPlace, serve_in_place};
use ipc_proto_rpc::{Buffers, Caller, Port};
use ipc_proto_types::{PortIndex, Role};
use spin::{Mutex, MutexGuard};
use unikernels_disk::{Disk, DiskError, SECTOR};
use unikernels_ram_disk::RamDisk;
use unikernels_rt::{Qube, log, main};
use unikernels_sdk::Servers;
use unikernels_storage_core::{Name, Partition, Server, Store, prepare};

main!(storage);

/// Bytes of the disk: a volume of 48 MiB, its map and the partition table.
const DISK_BYTES: usize = 64 * 1024 * 1024;
const VOLUME_SECTORS: u64 = 48 * 1024 * 1024 / SECTOR as u64;
/// Who reads the counters.
const READER: &str = "perf";

static MEMORY: Mutex<[u8; DISK_BYTES]> = Mutex::new([0; DISK_BYTES]);
static ASKED: Mutex<Counts> = Mutex::new(Counts::new());
static DONE: Mutex<Counts> = Mutex::new(Counts::new());

/// Reads, writes, bytes written, flushes.
struct Counts([u64; 4]);

impl Counts {
    const fn new() -> Self {
        Self([0; 4])
    }

    const fn read(&mut self) {
        self.0[0] += 1;
    }

    const fn write(&mut self, bytes: usize) {
        self.0[1] += 1;
        self.0[2] += bytes as u64;
    }

    const fn flush(&mut self) {
        self.0[3] += 1;
    }
}

fn storage(qube: Qube) -> i32 {
    let mut blocks: Servers<'_, _, _, { block::FRAME_MAX }> = Servers::new(qube);
    let mut names = [const { None }; ipc_proto_types::MAX_PORTS];
    let mut reader = None;
    while let Some(channel) = qube.port(block::SERVICE.name, Role::Server) {
        let (index, peer) = (channel.index(), channel.facts().peer_name);
        if peer.as_str() == READER {
            reader = Some(index);
        } else if let (Some(slot), Ok(name)) = (names.get_mut(index.as_usize()), Name::new(peer.as_str())) {
            *slot = Some((index, name));
        }
        blocks.add(channel, qube.place(Buffers::new()));
    }
    let disk = Counted(RamDisk::new(MutexGuard::leak(MEMORY.lock()).as_mut_slice()));
    let opened =
        prepare(disk, &[7; 32]).ok().and_then(|(partition, _)| Store::open_or_format(partition).ok());
    let Some(store) = opened else {
        log!("bench failed: no volumes on a blank disk");
        return 1;
    };
    let mut server = Server::new(store);
    for (index, name) in names.into_iter().flatten() {
        if let Err(error) = server.store().make(&name, VOLUME_SECTORS) {
            log!("bench failed: no volume: {error:?}");
        }
        server.bind(index, name);
    }
    let mut counting = Counting { server, reader };
    qube.ready();
    blocks.run(|port, buffers| serve_in_place(&mut counting, port, buffers))
}

/// The volumes, and who asks for what.
struct Counting {
    server: Server<Partition<Counted>>,
    reader: Option<PortIndex>,
}

impl Counting {
    fn is_reader(&self, caller: &Caller) -> bool {
        self.reader == Some(caller.port)
    }
}

impl InPlace for Counting {
    fn size(&mut self, caller: &Caller) -> Result<u64, BlockError> {
        if self.is_reader(caller) { Ok(1) } else { self.server.size(caller) }
    }

    fn read(&mut self, caller: &Caller, from: u64, into: &mut [u8]) -> Result<(), BlockError> {
        if self.is_reader(caller) {
            let counts = ASKED.lock().0.into_iter().chain(DONE.lock().0);
            for (bytes, count) in into.as_chunks_mut().0.iter_mut().zip(counts) {
                *bytes = count.to_le_bytes();
            }
            return Ok(());
        }
        ASKED.lock().read();
        self.server.read(caller, from, into)
    }

    fn write(&mut self, caller: &Caller, to: u64, data: &[u8]) -> Result<(), BlockError> {
        ASKED.lock().write(data.len());
        self.server.write(caller, to, data)
    }

    fn flush(&mut self, caller: &Caller) -> Result<(), BlockError> {
        ASKED.lock().flush();
        self.server.flush(caller)
    }

    fn discard(&mut self, caller: &Caller, from: u64, count: u64) -> Result<(), BlockError> {
        self.server.discard(caller, from, count)
    }
}

/// A disk that counts.
struct Counted(RamDisk<&'static mut [u8]>);

impl Disk for Counted {
    fn sectors(&self) -> u64 {
        self.0.sectors()
    }

    fn read(&mut self, from: u64, into: &mut [u8]) -> Result<(), DiskError> {
        DONE.lock().read();
        self.0.read(from, into)
    }

    fn write(&mut self, to: u64, bytes: &[u8]) -> Result<(), DiskError> {
        DONE.lock().write(bytes.len());
        self.0.write(to, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        DONE.lock().flush();
        self.0.flush()
    }

    fn discard(&mut self, from: u64, sectors: u64) -> Result<(), DiskError> {
        self.0.discard(from, sectors)
    }
}
