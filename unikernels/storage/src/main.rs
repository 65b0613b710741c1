//! The storage qube: drives a disk and keeps volumes on it, one for each channel of service `block`.
//!
//! A volume is called as the qube that has it. One that is missing is made when the qube starts, of the size that the
//! manifest says. It is not trusted: what clients write is sealed by them.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod device;

use ipc_proto_block_api::{self as block, serve_in_place};
use ipc_proto_rpc::{Buffers, Port, Ticks};
use ipc_proto_types::Role;
use ipc_proto_volumes_api as volumes;
use unikernels_disk::SECTOR;
use unikernels_rt::{Qube, log, main};
use unikernels_sdk::Servers;
use unikernels_storage_core::{Name, Partition, Server, Store, prepare};

use device::Device;

main!(storage);

/// Size of a volume that is made because its qube has none, in MiB; the argument `volume-mib` says another.
const VOLUME_MIB: u64 = 64;
const MIB_SECTORS: u64 = (1024 * 1024 / SECTOR) as u64;

fn storage(qube: Qube) -> i32 {
    // Buffers first: the heap takes all that is left of the arena.
    let mut blocks: Servers<'_, _, _, { block::FRAME_MAX }> = Servers::new(qube);
    let mut names = [const { None }; ipc_proto_types::MAX_PORTS];
    while let Some(channel) = qube.port(block::SERVICE.name, Role::Server) {
        let (index, peer) = (channel.index(), channel.facts().peer_name);
        if let (Some(slot), Ok(name)) = (names.get_mut(index.as_usize()), Name::new(peer.as_str())) {
            *slot = Some((index, name));
        }
        blocks.add(channel, qube.place(Buffers::new()));
    }
    let mut admins = qube.servers(&volumes::SERVICE);
    let device = Device::start(qube);
    let mut server = Server::new(open(qube, device));
    let sectors = qube.args().number("volume-mib").unwrap_or(VOLUME_MIB).saturating_mul(MIB_SECTORS);
    for (index, name) in names.into_iter().flatten() {
        if server.store().find(&name).is_none() {
            match server.store().make(&name, sectors) {
                Ok(_) => log!("volume {} is new", name.as_str()),
                Err(error) => log!("volume {} cannot be made: {error:?}", name.as_str()),
            }
        }
        server.bind(index, name);
    }
    qube.ready();
    loop {
        let is_idle = admins.serve(&mut |port, buffers| volumes::serve(&mut server, port, buffers));
        let deadline = if is_idle { None } else { Some(Ticks(0)) };
        blocks.turn(deadline, &mut |port, buffers| serve_in_place(&mut server, port, buffers));
    }
}

/// The store on the disk; a blank disk gets one.
///
/// # Panics
/// When the disk holds something else, or what it holds is damaged: this qube then leaves it alone.
fn open(qube: Qube, device: Device) -> Store<Partition<Device>> {
    let name = device.name();
    let mut random = [0; 32];
    qube.random().fill(&mut random);
    let (partition, prepared) = match prepare(device, &random) {
        Ok(prepared) => prepared,
        Err(error) => panic!("the disk has no partition for volumes: {error:?}"),
    };
    match Store::open_or_format(partition) {
        Ok(store) => {
            log!("{name} disk, {prepared:?}: {} volumes", store.len());
            store
        }
        Err(error) => panic!("the volumes cannot be opened: {error:?}"),
    }
}
