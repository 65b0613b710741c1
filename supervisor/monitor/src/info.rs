//! The info page: what a qube is told about itself, its time and its ports. Layout: `docs/qube-abi.md`.

use ipc_proto_types::{Generation, Label, MAX_PORTS, QubeIndex, QubeName, Role};
use supervisor_image::layout::{ARGS_MAX, PAGE};

use crate::channel::EndpointIndex;
use crate::machine::{Machine, Page};
use crate::monitor::Core;

/// Offsets in the page.
#[allow(missing_docs, reason = "the names are those of the document")]
pub mod page_offset {
    pub const MAGIC: u16 = 0x00;
    pub const VERSION: u16 = 0x08;
    pub const GENERATION: u16 = 0x0c;
    pub const TSC_HZ: u16 = 0x10;
    pub const UNIX_NS: u16 = 0x18;
    pub const ARENA_START: u16 = 0x20;
    pub const ARENA_END: u16 = 0x28;
    pub const PORT_COUNT: u16 = 0x30;
    pub const LABEL: u16 = 0x31;
    pub const NAME_LEN: u16 = 0x32;
    pub const DEVICES: u16 = 0x33;
    pub const ARGS_LEN: u16 = 0x34;
    pub const NAME: u16 = 0x40;
    pub const PORTS: u16 = 0x200;
    pub const PORT_BYTES: u16 = 64;
    pub const ARGS: u16 = 0x800;
}

/// "SKEPINFO".
const MAGIC: u64 = 0x4f46_4e49_5045_4b53;
const VERSION: u32 = 2;
const _: () = assert!(
    page_offset::PORTS as usize + MAX_PORTS * page_offset::PORT_BYTES as usize <= page_offset::ARGS as usize
);
const _: () = assert!(page_offset::ARGS as usize + ARGS_MAX <= PAGE);

const DEVICE_CONSOLE: u8 = 1;
const DEVICE_ENTROPY: u8 = 2;
const DEVICE_TERMINAL: u8 = 4;
const DEVICE_INSPECT: u8 = 8;
const DEVICE_PCI: u8 = 16;
/// Not a device of its own: somebody's reaches all memory.
const DEVICE_UNPROTECTED: u8 = 32;
/// First I/O port of the second serial port; who has others owns the terminal.
const INSPECT_PORT: u16 = 0x2f8;

/// State of a port as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Info {
    /// No messages pass.
    Closed = 0,
    /// Messages pass.
    Open = 1,
    /// The peer has a new life; opening the port again acknowledges it.
    Restarted = 2,
}

impl<M: Machine> Core<'_, M> {
    /// Writes the whole page for the next life.
    pub(crate) fn publish_info(&mut self, machine: &mut M, index: QubeIndex) {
        use page_offset as at;
        let times = self.times;
        let Some(q) = self.qube(index) else { return };
        let facts = q.facts;
        let serial = match facts.io_ports() {
            [] => 0,
            [ports, ..] if ports.first == INSPECT_PORT => DEVICE_INSPECT,
            _ => DEVICE_TERMINAL,
        };
        let pci = if facts.has_pci() { DEVICE_PCI } else { 0 };
        let unprotected = if self.dma_unprotected { DEVICE_UNPROTECTED } else { 0 };
        let mut put = |offset: u16, bytes: &[u8]| machine.write_page(index, Page::Info, offset, bytes);
        put(at::VERSION, &VERSION.to_le_bytes());
        put(at::GENERATION, &q.generation.next().0.to_le_bytes());
        put(at::TSC_HZ, &times.ticks_per_second.to_le_bytes());
        put(at::UNIX_NS, &times.unix_ns_at_zero.to_le_bytes());
        put(at::ARENA_START, &facts.arena.0.to_le_bytes());
        put(at::ARENA_END, &facts.arena.1.to_le_bytes());
        put(at::PORT_COUNT, &[facts.port_count]);
        put(at::LABEL, &[facts.label.as_u8()]);
        put(at::NAME_LEN, &[facts.name.as_str().len() as u8]);
        put(at::DEVICES, &[DEVICE_CONSOLE | DEVICE_ENTROPY | serial | pci | unprotected]);
        let args = facts.args.as_bytes();
        let args = args.get(..args.len().min(ARGS_MAX)).unwrap_or_default();
        put(at::ARGS_LEN, &(args.len() as u16).to_le_bytes());
        put(at::NAME, facts.name.padded());
        put(at::ARGS, args);
        put(at::MAGIC, &MAGIC.to_le_bytes());
        for port in 0..usize::from(facts.port_count) {
            if let Some(end) = self.endpoint_at(index, port) {
                self.publish_port(machine, end);
            }
        }
    }

    /// Writes one entry of the port table.
    pub(crate) fn publish_port(&mut self, machine: &mut M, end: EndpointIndex) {
        let endpoint = &self.endpoints[end.index()];
        let Some(qube) = endpoint.qube else { return };
        let Some(channel) = self.channel_of(end) else { return };
        let peer = self.endpoints[end.peer().index()].qube.and_then(|peer| self.qube(peer));
        let peer_opened = self.endpoints[end.peer().index()].opened;
        let state = match (channel.open, endpoint.stale && peer_opened) {
            (true, _) => Info::Open,
            (false, true) => Info::Restarted,
            (false, false) => Info::Closed,
        };
        // The supervisor counts as a peer of the vault's trust and of one life.
        let (label, generation) =
            peer.map_or((Label::Vault, Generation(1)), |peer| (peer.facts.label, peer.generation));
        let role = match end.role() {
            Role::Client => 0,
            Role::Server => 1,
        };
        let mut entry = [0; page_offset::PORT_BYTES as usize];
        let mut at = 0;
        for bytes in [
            &[state as u8, role, label.as_u8(), 0][..],
            &generation.0.to_le_bytes(),
            &channel.service.message_max.to_le_bytes(),
            &channel.facts.depth.to_le_bytes(),
            &[0; 2],
            &channel.service.id.0,
            channel.service.name.padded(),
            self.peer_name(end).padded(),
        ] {
            if let Some(slot) = entry.get_mut(at..at + bytes.len()) {
                slot.copy_from_slice(bytes);
            }
            at += bytes.len();
        }
        let port = u16::from(endpoint.port.get());
        machine.write_page(qube, Page::Info, page_offset::PORTS + port * page_offset::PORT_BYTES, &entry);
    }

    /// Name of the qube at the other end; the supervisor's is `supervisor`.
    pub(crate) fn peer_name(&self, end: EndpointIndex) -> QubeName {
        const SUPERVISOR: QubeName = match QubeName::new("supervisor") {
            Ok(name) => name,
            Err(_) => panic!("a legal name"),
        };
        let peer = self.endpoints[end.peer().index()].qube;
        peer.and_then(|peer| self.qube(peer)).map_or(SUPERVISOR, |peer| peer.name())
    }
}
