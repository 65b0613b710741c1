//! What must hold before a supervisor believes an image. Runs once, at start.

use ipc_proto_types::{MAX_CHANNELS, MAX_PORTS, MAX_QUBES, MAX_SERVICES, PortIndex, QUEUE_SIZE, QubeIndex};
use ipc_proto_wire::{CANONICAL_MAX, Table};
use supervisor_policy::{FIRST_CHAIN, Verdict};

use crate::error::{ChannelFault, ImageError, QubeFault};
use crate::image::Image;
use crate::layout::{self, PAGE, RAM_BASE, RAM_END_MAX};
use crate::records::{Channel, IoPorts, Qube, Region, Restart, Rights};

const PAGE_U64: u64 = PAGE as u64;
/// Bytes the boot time takes at `boot_time_at`.
const BOOT_TIME_SIZE: u64 = 16;
/// Bytes the frequency takes at `cpu_khz_at`.
const CPU_KHZ_SIZE: u64 = 4;
/// Bytes of the boot information: a hermit-entry `RawBootInfo`.
const BOOT_INFO_SIZE: u64 = 128;

/// Checks everything the crate's documentation promises of an open image.
pub(crate) fn verify(image: &Image<'_>) -> Result<(), ImageError> {
    let counts = [
        (image.qube_count(), MAX_QUBES),
        (image.channel_count(), MAX_CHANNELS),
        (image.service_count(), MAX_SERVICES),
        (image.regions.count(), MAX_QUBES * layout::REGIONS_MAX),
    ];
    if image.qube_count() == 0 || counts.iter().any(|(count, most)| count > most) {
        return Err(ImageError::Directory);
    }
    verify_services(image)?;
    for index in QubeIndex::all().take(image.qube_count()) {
        verify_qube(image, index).map_err(|fault| ImageError::Qube(index.get(), fault))?;
    }
    let ports = verify_channels(image)?;
    for (index, qube) in image.qubes() {
        let used = ports.get(index.as_usize()).copied().unwrap_or(0);
        if qube.port_count as usize > MAX_PORTS || used != (1u32 << qube.port_count) - 1 {
            return Err(ImageError::Qube(index.get(), QubeFault::Ports));
        }
    }
    Ok(())
}

fn verify_services(image: &Image<'_>) -> Result<(), ImageError> {
    for (number, index) in (0u8..).zip(ipc_proto_types::ServiceIndex::all().take(image.service_count())) {
        let service = image.service(index).ok_or(ImageError::Service(number))?;
        let taken = image.services().any(|(other, it)| other < index && it.name == service.name);
        if taken {
            return Err(ImageError::Service(number));
        }
        let table = Table::parse(service.table).map_err(|_| ImageError::Schema(number))?;
        let text = image.service_text(index).ok_or(ImageError::Schema(number))?;
        if table.message_max() != service.message_max
            || text.is_empty()
            || text.len() > CANONICAL_MAX
            || !text.is_ascii()
        {
            return Err(ImageError::Schema(number));
        }
    }
    Ok(())
}

fn verify_qube(image: &Image<'_>, index: QubeIndex) -> Result<(), QubeFault> {
    let qube = image.qube(index).ok_or(QubeFault::Record)?;
    let earlier = || image.qubes().take(index.as_usize()).map(|(_, other)| other);
    if earlier().any(|other| other.name == qube.name) {
        return Err(QubeFault::NameTaken);
    }
    let pages_max = (RAM_END_MAX - RAM_BASE) / PAGE_U64;
    if qube.memory_pages == 0 || u64::from(qube.memory_pages) > pages_max {
        return Err(QubeFault::Memory);
    }
    let opener_exists = |opener: QubeIndex| opener != index && opener.as_usize() < image.qube_count();
    let on_demand = qube.restart == Restart::OnDemand;
    if qube.opened_for.is_some_and(|opener| !on_demand || !opener_exists(opener))
        || on_demand && qube.has_pci()
    {
        return Err(QubeFault::OpenedFor);
    }
    let writable_from = verify_regions(&qube)?;
    verify_addresses(&qube, writable_from)?;
    if qube.args.len() > layout::ARGS_MAX {
        return Err(QubeFault::Args);
    }
    if qube.irq.is_some_and(|line| line > layout::IRQ_MAX || earlier().any(|other| other.irq == Some(line))) {
        return Err(QubeFault::Irq);
    }
    let has_message = qube.irq.is_some_and(|line| line >= layout::IRQ_PCI);
    if has_message != qube.has_pci() || (has_message && qube.memory_end() > layout::PCI_WINDOWS) {
        return Err(QubeFault::Irq);
    }
    for run in qube.io_ports() {
        let end = u32::from(run.first) + u32::from(run.count);
        let overlap = |other: Qube<'_>| other.io_ports().iter().any(|theirs| overlap(run, theirs));
        if run.count == 0 || end > 0x1_0000 || earlier().any(overlap) {
            return Err(QubeFault::IoPorts);
        }
    }
    Ok(())
}

fn overlap(one: &IoPorts, other: &IoPorts) -> bool {
    let end = |run: &IoPorts| u32::from(run.first) + u32::from(run.count);
    u32::from(one.first) < end(other) && u32::from(other.first) < end(one)
}

/// Checks the regions; returns where the writable memory begins (it reaches to the end of the qube's memory).
fn verify_regions(qube: &Qube<'_>) -> Result<u64, QubeFault> {
    let mut next_free = RAM_BASE;
    let mut writable_from = None;
    let mut count = 0;
    for region in qube.regions() {
        let follows = region.gpa >= next_free && region.gpa.is_multiple_of(PAGE_U64);
        let fits = region.pages > 0 && region.gpa < RAM_END_MAX && region.end() <= qube.memory_end();
        if !follows || !fits || !data_fits(&region) {
            return Err(QubeFault::Region);
        }
        match (region.rights, writable_from) {
            (Rights::RW, None) => writable_from = Some(region.gpa),
            (Rights::RW, Some(_)) if region.gpa == next_free => {}
            (Rights::R | Rights::RX, None) => {}
            _ => return Err(QubeFault::Writable),
        }
        next_free = region.end();
        count += 1;
    }
    if count > layout::REGIONS_MAX || qube.regions().size_hint().1 != Some(count) {
        return Err(QubeFault::Region);
    }
    writable_from.filter(|_| next_free == qube.memory_end()).ok_or(QubeFault::Writable)
}

/// Read-only regions are whole pages, so they can be mapped where they lie.
fn data_fits(region: &Region<'_>) -> bool {
    let room = u64::from(region.pages) * PAGE_U64;
    let length = region.data.len() as u64;
    match region.rights {
        Rights::RW => length <= room,
        Rights::R | Rights::RX => length == room,
    }
}

fn verify_addresses(qube: &Qube<'_>, writable_from: u64) -> Result<(), QubeFault> {
    let executable =
        |region: Region<'_>| region.rights == Rights::RX && (region.gpa..region.end()).contains(&qube.entry);
    if !qube.regions().any(executable) {
        return Err(QubeFault::Entry);
    }
    let end = qube.memory_end();
    let writable = |from: u64, length: u64| from >= writable_from && from <= end && end - from >= length;
    let (arena_start, arena_end) = qube.arena;
    let aligned = qube.stack_top.is_multiple_of(16)
        && qube.page_table_root.is_multiple_of(PAGE_U64)
        && qube.boot_info.is_multiple_of(8)
        && arena_start.is_multiple_of(PAGE_U64)
        && arena_end.is_multiple_of(PAGE_U64);
    let inside = qube.stack_top > writable_from
        && writable(qube.stack_top, 0)
        && writable(qube.boot_info, BOOT_INFO_SIZE)
        && writable(qube.boot_time_at, BOOT_TIME_SIZE)
        && writable(qube.cpu_khz_at, CPU_KHZ_SIZE)
        && writable(qube.page_table_root, PAGE_U64)
        && qube.stack_top <= arena_start
        && arena_start <= arena_end
        && arena_end <= qube.page_table_root.min(qube.boot_info)
        && writable(arena_start, arena_end - arena_start);
    if aligned && inside { Ok(()) } else { Err(QubeFault::Address) }
}

/// Checks the channels; returns, for each qube, a bit for each of its ports that a channel uses.
fn verify_channels(image: &Image<'_>) -> Result<[u32; MAX_QUBES], ImageError> {
    let mut ports = [0u32; MAX_QUBES];
    for (number, index) in (0u8..).zip(ipc_proto_types::ChannelIndex::all().take(image.channel_count())) {
        let fault = |fault| ImageError::Channel(number, fault);
        let channel = image.channel(index).ok_or(fault(ChannelFault::Record))?;
        take_port(image, &mut ports, channel.client, channel.client_port).map_err(fault)?;
        if let Some(server) = channel.server {
            take_port(image, &mut ports, server, channel.server_port).map_err(fault)?;
        }
        verify_channel(image, &channel).map_err(fault)?;
    }
    Ok(ports)
}

fn take_port(
    image: &Image<'_>,
    ports: &mut [u32; MAX_QUBES],
    qube: QubeIndex,
    port: PortIndex,
) -> Result<(), ChannelFault> {
    if qube.as_usize() >= image.qube_count() {
        return Err(ChannelFault::End);
    }
    let used = ports.get_mut(qube.as_usize()).ok_or(ChannelFault::End)?;
    let bit = 1u32 << port.get();
    if *used & bit != 0 {
        return Err(ChannelFault::PortTaken);
    }
    *used |= bit;
    Ok(())
}

fn verify_channel(image: &Image<'_>, channel: &Channel<'_>) -> Result<(), ChannelFault> {
    if channel.server == Some(channel.client) || (channel.server.is_none() && channel.server_port.get() != 0)
    {
        return Err(ChannelFault::End);
    }
    let service = image.service(channel.service).ok_or(ChannelFault::End)?;
    let methods = Table::parse(service.table).map_or(0, |table| table.method_count());
    if channel.decision_count() != usize::from(methods) {
        return Err(ChannelFault::Decisions);
    }
    if channel.depth == 0 || usize::from(channel.depth) > QUEUE_SIZE {
        return Err(ChannelFault::Depth);
    }
    let exists =
        |word: u16| Verdict::from_word(word).is_some() || word - FIRST_CHAIN < image.chains().count();
    if !channel.decisions().all(exists) {
        return Err(ChannelFault::Decisions);
    }
    Ok(())
}
