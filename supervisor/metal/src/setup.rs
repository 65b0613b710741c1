//! From a machine and a system image to qubes ready to start.

use core::fmt;

use ipc_proto_types::{MAX_QUBES, QubeIndex};
use supervisor_image::{Image, ImageError, Qube, Rights as ImageRights, layout};
use supervisor_mem::{FramesError, Gpa, Hpa, Mapper, NestedError, PAGE_SIZE, PageCount, Rights};
use supervisor_monitor::{Monitor, Page, SetupError, Times};
use supervisor_pci::{Function, WINDOWS};
use supervisor_svm::{HostState, IoMap, Npt, Processor, SvmError};
use supervisor_vcpu::Ticks;
use supervisor_x86::{Machine, Physical, RouteError, SeedSource, Tables, debugcon, seed, tsc};

use crate::devices::{Devices, Refused, window_address};
use crate::entropy::Entropy;
use crate::metal::{Cell, IO_MAPS, Metal, Processors};

/// Why the system cannot start. The machine or the image is to blame.
pub(crate) enum Trouble {
    Image(ImageError),
    Monitor(SetupError),
    Processor(SvmError),
    Memory(&'static str, FramesError),
    Nested(NestedError),
    Route(RouteError),
    Iommu(supervisor_iommu::Error),
    TooManyDevices,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(error) => write!(f, "the system image is not usable: {error}"),
            Self::Monitor(error) => write!(f, "the system image contradicts itself: {error:?}"),
            Self::Processor(unfit) => write!(f, "this CPU cannot run qubes: {unfit}"),
            Self::Memory(what, FramesError::OutOfMemory) => {
                write!(f, "not enough memory for {what}; give the machine more")
            }
            Self::Memory(what, error) => write!(f, "no memory for {what}: {error:?}"),
            Self::Nested(error) => write!(f, "nested tables: {error:?}"),
            Self::Route(error) => write!(f, "a device's interrupt line cannot be used: {error:?}"),
            Self::Iommu(error) => write!(f, "a device's interrupt cannot go through the IOMMU: {error:?}"),
            Self::TooManyDevices => write!(f, "more than {IO_MAPS} qubes have I/O ports"),
        }
    }
}

/// Makes the qubes.
pub(crate) fn setup<'m>(
    machine: Machine,
    monitor: &mut Monitor<'static, Metal>,
    processors: &'static mut Processors,
    host: &'static mut HostState,
    metal: &'m mut Option<Metal>,
) -> Result<&'m mut Metal, Trouble> {
    let Machine { facts, xcr0, clock, lapic, mut io_apic, mut memory, pci, iommus, .. } = machine;
    let image = Image::open(facts.module).map_err(Trouble::Image)?;
    let times = Times {
        ticks_per_second: clock.tsc_hz,
        unix_ns_at_zero: clock.unix_ns_at_tsc_zero,
        entered: Ticks(facts.entry_tsc),
    };
    monitor.load(image, times).map_err(Trouble::Monitor)?;
    let processor = Processor::enable(host, xcr0).map_err(Trouble::Processor)?;
    let (nowhere, _) = memory
        .guest_ram(u8::MAX, PageCount(1), Gpa(u64::MAX - PAGE_SIZE), Gpa(u64::MAX))
        .map_err(|error| Trouble::Memory("the supervisor", error))?;
    let (seed, source) = seed();
    let has_pci = image.qubes().any(|(_, qube)| qube.has_pci());
    let (pci, iommus) = if has_pci { (pci, iommus) } else { (None, None) };
    let devices = Devices::start(pci, iommus, &mut memory, facts.memory_end(), lapic.id());
    let metal = metal.insert(Metal {
        devices,
        processor,
        vcpus: &mut processors.vcpus,
        cells: [const { None }; MAX_QUBES],
        nowhere,
        lapic,
        entropy: Entropy::new(seed),
        has_console: debugcon::is_present(),
    });
    if source == SeedSource::TimingOnly {
        debugcon::write_bytes(
            b"[skep] warning: this processor gives no random numbers; keys will be guessable\n",
        );
    }
    let mut granted = processors.granted.iter_mut();
    for (index, facts) in image.qubes() {
        let (cell, root, refused) = make_cell(&mut memory, &mut metal.devices, index, facts)?;
        let io = match facts.io_ports() {
            [] => &processors.closed,
            _ => io_map(granted.next().ok_or(Trouble::TooManyDevices)?, &facts),
        };
        metal.vcpus[index.as_usize()].bind(&metal.processor, root, io, &processors.msr, index.get());
        metal.cells[index.as_usize()] = Some(cell);
        if let Some(why) = refused {
            monitor.withhold(Ticks(tsc::read()), index, format_args!("{why}"), metal);
        }
        if let Some(irq) = facts.irq.filter(|irq| *irq < layout::IRQ_PCI) {
            let entry = metal.devices.route_line(irq).map_err(Trouble::Iommu)?;
            io_apic.route(irq, entry).map_err(Trouble::Route)?;
        }
    }
    if metal.devices.are_unprotected() {
        monitor.warn_of_devices();
        debugcon::write_bytes(b"[skep] warning: no IOMMU; a device of a qube reaches all memory\n");
    }
    Ok(metal)
}

/// A permission map with the qube's own ports open.
fn io_map(map: &'static mut IoMap, facts: &Qube<'static>) -> &'static IoMap {
    for ports in facts.io_ports() {
        map.grant(ports.first, ports.count);
    }
    map
}

/// Memory, read-only pages and nested tables of one qube; and why it has not the PCI function that it wants.
fn make_cell(
    memory: &mut Physical,
    devices: &mut Devices,
    index: QubeIndex,
    facts: Qube<'static>,
) -> Result<(Cell, Hpa, Option<Refused>), Trouble> {
    let number = index.get();
    let pages = PageCount(u64::from(facts.memory_pages));
    let base = Gpa(layout::RAM_BASE);
    let writable =
        facts.regions().find(|region| region.rights == ImageRights::RW).map_or(u64::MAX, |region| region.gpa);
    let for_qubes = |error| Trouble::Memory("the qubes", error);
    let (ram, host) = memory.guest_ram(number, pages, base, Gpa(writable)).map_err(for_qubes)?;
    let (device_pages, device_host) =
        memory.host_pages(number, PageCount(Page::ALL.len() as u64)).map_err(for_qubes)?;
    // Root, one table a level for the low gigabyte, one for the device pages, one for each 2 MiB of memory, and as many for
    // windows as those that are no multiple of 2 MiB take.
    let windows = if facts.has_pci() { WINDOWS as u64 } else { 0 };
    let tables = PageCount(5 + pages.0.div_ceil(512) + windows);
    let mut tables = memory.tables(number, tables).map_err(for_qubes)?;
    let mut mapper = Mapper::<_, Npt>::new(&mut tables).map_err(Trouble::Nested)?;
    for (page, at) in Page::ALL.iter().zip(0..) {
        let host = Hpa(device_host.0 + at * PAGE_SIZE);
        mapper.map(Gpa(page.address()), host, PAGE_SIZE, Rights::R).map_err(Trouble::Nested)?;
    }
    for region in facts.regions() {
        let rights = match region.rights {
            ImageRights::R => Rights::R,
            ImageRights::RX => Rights::RX,
            ImageRights::RW => Rights::RW,
        };
        let at = Hpa(host.0 + (region.gpa - layout::RAM_BASE));
        let bytes = u64::from(region.pages) * PAGE_SIZE;
        mapper.map(Gpa(region.gpa), at, bytes, rights).map_err(Trouble::Nested)?;
    }
    let mut refused = None;
    if facts.has_pci() {
        let (page, at) = memory.host_pages(number, PageCount(1)).map_err(for_qubes)?;
        let [page] = page else { return Err(for_qubes(FramesError::BadRequest)) };
        match devices.give(index, &facts, host, page) {
            Ok(function) => {
                mapper.map(Gpa(layout::PCI_PAGE), at, PAGE_SIZE, Rights::R).map_err(Trouble::Nested)?;
                map_windows(&mut mapper, function).map_err(Trouble::Nested)?;
            }
            Err(why) => refused = Some(why),
        }
    }
    let root = mapper.root();
    Ok((Cell { facts, ram, pages: device_pages, rebuilt: 0 }, root, refused))
}

/// Windows of a function, page by page but for those that the supervisor keeps.
fn map_windows(mapper: &mut Mapper<'_, Tables, Npt>, function: &Function) -> Result<(), NestedError> {
    for (window, index) in function.windows().iter().zip(0..) {
        let Some(window) = window else { continue };
        for offset in (0..window.bytes).step_by(PAGE_SIZE as usize) {
            if !function.keeps(window.at + offset) {
                let at = Gpa(window_address(index) + offset);
                mapper.map(at, Hpa(window.at + offset), PAGE_SIZE, Rights::Device)?;
            }
        }
    }
    Ok(())
}
