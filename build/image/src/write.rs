//! Bytes at their places: the file of `supervisor_image::layout`.

use std::collections::HashMap;

use build_manifest::{Channel, Device, Qube, Restart, System};
use ipc_proto_wire::Service;
use supervisor_image::layout::{self, BLOCK, PAGE, channel, directory, prefix, qube, region, service};
use supervisor_image::{IoPorts, PciMatch, checksum};

use crate::place::{Placed, Region};

/// Interrupt line and I/O ports of a device: those every PC has its two serial ports at.
const fn wiring(device: Device) -> Option<(u8, IoPorts)> {
    match device {
        Device::Terminal => Some((4, IoPorts { first: 0x3f8, count: 8 })),
        Device::Inspect => Some((3, IoPorts { first: 0x2f8, count: 8 })),
        Device::Disk | Device::Nic | Device::PciClass(_) | Device::Pci(_) => None,
    }
}

/// The PCI functions that a device may be, the preferred first.
fn functions(device: Device) -> Vec<PciMatch> {
    match device {
        Device::Terminal | Device::Inspect => Vec::new(),
        Device::Nic => vec![PciMatch::Class(0x0200)],
        Device::Disk => vec![PciMatch::Class(0x0108), PciMatch::Class(0x0100)],
        Device::PciClass(class) => vec![PciMatch::Class(class)],
        Device::Pci(address) => vec![PciMatch::Address(address)],
    }
}

/// The whole file. `placed` has one entry for each qube, in their order.
///
/// # Panics
/// When a count or size does not fit its field: the limits the manifest and the placement keep are far below.
pub(crate) fn write(system: &System, placed: &[Placed]) -> Vec<u8> {
    let mut file = File { bytes: vec![0; directory::END], blobs: HashMap::new() };
    file.put(prefix::MAGIC, &layout::MAGIC);
    file.put(prefix::VERSION, &layout::VERSION.to_le_bytes());
    file.put(directory::NAME, system.name.padded());
    let region_count = placed.iter().map(|placed| placed.regions.len()).sum();
    let qubes = file.table(directory::QUBES, system.qubes.len(), qube::SIZE);
    let regions = file.table(directory::REGIONS, region_count, region::SIZE);
    let channels = file.table(directory::CHANNELS, system.channels.len(), channel::SIZE);
    let services = file.table(directory::SERVICES, system.services.len(), service::SIZE);
    let chains = file.append(&system.chains, 8);
    file.put_u32(directory::CHAINS, chains);
    file.put_u32(directory::CHAINS + 4, system.chains.len());

    for (index, it) in system.channels.iter().enumerate() {
        file.channel(channels + index * channel::SIZE, it);
    }
    for (index, it) in system.services.iter().enumerate() {
        file.service(services + index * service::SIZE, it);
    }
    let mut next_region = 0;
    let mut messages = 0;
    for (index, (it, placed)) in system.qubes.iter().zip(placed).enumerate() {
        file.qube(qubes + index * qube::SIZE, it, placed, next_region, messages);
        messages += u8::from(it.devices.iter().any(|device| device.is_pci()));
        for region in &placed.regions {
            file.region(regions + next_region * region::SIZE, region);
            next_region += 1;
        }
    }
    file.finish()
}

struct File {
    bytes: Vec<u8>,
    /// Page-aligned data already in the file: two qubes of one program share its code.
    blobs: HashMap<Vec<u8>, usize>,
}

impl File {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_u16(&mut self, at: usize, value: usize) {
        let value = u16::try_from(value).expect("limits keep it below 64 Ki");
        self.put(at, &value.to_le_bytes());
    }

    fn put_u32(&mut self, at: usize, value: usize) {
        let value = u32::try_from(value).expect("an image is below 4 GiB");
        self.put(at, &value.to_le_bytes());
    }

    fn put_u8(&mut self, at: usize, value: usize) {
        let value = u8::try_from(value).expect("limits keep it below 256");
        self.put(at, &[value]);
    }

    /// Room for a table, named in the directory; returns where it begins.
    fn table(&mut self, entry: usize, count: usize, record: usize) -> usize {
        let at = self.append(&vec![0; count * record], 8);
        self.put_u32(entry, at);
        self.put_u32(entry + 4, count);
        at
    }

    /// Adds bytes at the next multiple of `align`; returns where.
    fn append(&mut self, bytes: &[u8], align: usize) -> usize {
        let at = self.bytes.len().next_multiple_of(align);
        self.bytes.resize(at, 0);
        self.bytes.extend(bytes);
        at
    }

    fn channel(&mut self, at: usize, it: &Channel) {
        let words: Vec<u8> = it.decisions.iter().flat_map(|decision| decision.word.to_le_bytes()).collect();
        let decisions = self.append(&words, 2);
        self.put(at + channel::CLIENT, &[it.client.get()]);
        self.put(at + channel::CLIENT_PORT, &[it.client_port.get()]);
        let server = it.server.map_or(channel::SUPERVISOR, ipc_proto_types::QubeIndex::get);
        self.put(at + channel::SERVER, &[server]);
        self.put(at + channel::SERVER_PORT, &[it.server_port.get()]);
        self.put_u8(at + channel::SERVICE, it.service);
        self.put_u8(at + channel::DECISION_COUNT, it.decisions.len());
        self.put_u16(at + channel::DEPTH, it.depth.into());
        self.put_u32(at + channel::DECISIONS, decisions);
    }

    fn service(&mut self, at: usize, it: &Service) {
        let name = ipc_proto_types::QubeName::new(it.name).expect("the schema compiler has checked the name");
        let table = self.append(it.table, 8);
        let canonical = it.canonical();
        let text = self.append(canonical.as_str().as_bytes(), 1);
        self.put(at + service::NAME, name.padded());
        self.put(at + service::ID, &it.id.0);
        self.put(at + service::VERSION, &it.version.to_le_bytes());
        self.put(at + service::MESSAGE_MAX, &it.message_max.to_le_bytes());
        self.put_u32(at + service::TABLE_OFFSET, table);
        self.put_u32(at + service::TABLE_LENGTH, it.table.len());
        self.put_u32(at + service::TEXT_OFFSET, text);
        self.put_u32(at + service::TEXT_LENGTH, canonical.as_str().len());
    }

    /// `message` is the number of its interrupt among those of PCI functions.
    fn qube(&mut self, at: usize, it: &Qube, placed: &Placed, first_region: usize, message: u8) {
        let text = it.rules.as_ref().map_or_else(|| it.args.clone(), |rules| format!("{}\n{rules}", it.args));
        let args = self.append(text.as_bytes(), 1);
        let restart = match it.restart {
            Restart::Always => supervisor_image::Restart::Always,
            Restart::Never => supervisor_image::Restart::Never,
            Restart::OnDemand => supervisor_image::Restart::OnDemand,
        };
        let serial = it.devices.first().copied().and_then(wiring);
        self.put(at + qube::NAME, it.name.padded());
        self.put(at + qube::LABEL, &[it.label.as_u8()]);
        self.put(at + qube::RESTART, &[restart.code()]);
        self.put(at + qube::OPENED_FOR, &[it.opened_for.map_or(0, |opener| opener.get() + 1)]);
        self.put(at + qube::PORT_COUNT, &[it.port_count]);
        self.put(at + qube::IRQ, &[serial.map_or(qube::NONE, |(irq, _)| irq)]);
        self.put(at + qube::MEMORY_PAGES, &placed.memory_pages.to_le_bytes());
        let addresses = [
            (qube::ENTRY, placed.entry),
            (qube::STACK_TOP, placed.stack_top),
            (qube::BOOT_INFO, placed.boot_info),
            (qube::BOOT_TIME_AT, placed.boot_time_at),
            (qube::CPU_KHZ_AT, placed.cpu_khz_at),
            (qube::PAGE_TABLE_ROOT, placed.page_table_root),
            (qube::ARENA_START, placed.arena.0),
            (qube::ARENA_END, placed.arena.1),
        ];
        for (field, address) in addresses {
            self.put(at + field, &address.to_le_bytes());
        }
        self.put_u32(at + qube::ARGS_OFFSET, args);
        self.put_u16(at + qube::ARGS_LENGTH, text.len());
        self.put_u8(at + qube::REGION_COUNT, placed.regions.len());
        if let Some((_, ports)) = serial {
            self.put(at + qube::IO_PORT_COUNT, &[1]);
            self.put(at + qube::IO_PORTS, &ports.first.to_le_bytes());
            self.put(at + qube::IO_PORTS + 2, &ports.count.to_le_bytes());
        }
        self.put_u32(at + qube::FIRST_REGION, first_region);
        let functions: Vec<PciMatch> = it.devices.iter().copied().flat_map(functions).collect();
        if !functions.is_empty() {
            self.put(at + qube::IRQ, &[layout::IRQ_PCI + message]);
            self.put(at + qube::DMA_UNPROTECTED, &[it.dma_unprotected.into()]);
        }
        for (function, slot) in functions.iter().zip(0..layout::PCI_MAX) {
            self.put(at + qube::PCI + 4 * slot, &function.code().to_le_bytes());
        }
    }

    fn region(&mut self, at: usize, it: &Region) {
        let offset = self.blob(&it.data);
        self.put(at + region::GPA, &it.gpa.to_le_bytes());
        self.put(at + region::PAGES, &it.pages.to_le_bytes());
        self.put_u32(at + region::DATA_OFFSET, offset);
        self.put_u32(at + region::DATA_LENGTH, it.data.len());
        self.put(at + region::RIGHTS, &[it.rights.code()]);
    }

    fn blob(&mut self, data: &[u8]) -> usize {
        if data.is_empty() {
            return 0;
        }
        if let Some(at) = self.blobs.get(data) {
            return *at;
        }
        let at = self.append(data, PAGE);
        self.blobs.insert(data.to_vec(), at);
        at
    }

    /// Length and checksum.
    fn finish(mut self) -> Vec<u8> {
        let length = self.bytes.len().next_multiple_of(BLOCK);
        self.bytes.resize(length, 0);
        self.put(prefix::LENGTH, &(length as u64).to_le_bytes());
        let sum = checksum(&self.bytes[prefix::SIZE..]);
        self.put(prefix::CHECKSUM, &sum.to_le_bytes());
        self.bytes
    }
}
