//! From a machine and a system image to qubes ready to start.

use core::fmt;

use ipc_proto_types::{MAX_QUBES, QubeIndex};
use supervisor_image::{Image, ImageError, Qube, Rights as ImageRights, layout};
use supervisor_mem::{FramesError, Gpa, Hpa, Mapper, NestedError, PAGE_SIZE, PageCount, Rights};
use supervisor_monitor::{Monitor, Page, SetupError, Times};
use supervisor_svm::{HostState, IoMap, Npt, Processor, SvmError};
use supervisor_vcpu::Ticks;
use supervisor_x86::{Machine, Physical, RouteError, SeedSource, debugcon, seed};

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
    TooManyDevices,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(error) => write!(f, "the system image is not usable: {error}"),
            Self::Monitor(error) => write!(f, "the system image contradicts itself: {error:?}"),
            Self::Processor(SvmError::NoSvm) => {
                f.write_str("this processor has no AMD-V (SVM); Skep needs it. QEMU: -cpu EPYC,+svm,+npt")
            }
            Self::Processor(SvmError::Disabled) => {
                f.write_str("AMD-V (SVM) is switched off by the firmware; switch it on in its setup")
            }
            Self::Processor(SvmError::NoNestedPaging) => {
                f.write_str("this processor has no nested paging; Skep needs it")
            }
            Self::Processor(SvmError::TooFewAsids) => {
                f.write_str("this processor has too few address-space ids")
            }
            Self::Memory(what, FramesError::OutOfMemory) => {
                write!(f, "not enough memory for {what}; give the machine more")
            }
            Self::Memory(what, error) => write!(f, "no memory for {what}: {error:?}"),
            Self::Nested(error) => write!(f, "nested tables: {error:?}"),
            Self::Route(error) => write!(f, "a device's interrupt line cannot be used: {error:?}"),
            Self::TooManyDevices => write!(f, "more than {IO_MAPS} qubes have I/O ports"),
        }
    }
}

/// Makes the qubes.
pub(crate) fn setup(
    machine: Machine,
    monitor: &mut Monitor<'static, Metal>,
    processors: &'static mut Processors,
    host: &'static mut HostState,
) -> Result<Metal, Trouble> {
    let Machine { facts, clock, lapic, mut io_apic, mut memory, .. } = machine;
    let image = Image::open(facts.module).map_err(Trouble::Image)?;
    let times = Times {
        ticks_per_second: clock.tsc_hz,
        unix_ns_at_zero: clock.unix_ns_at_tsc_zero,
        entered: Ticks(facts.entry_tsc),
    };
    monitor.load(image, times).map_err(Trouble::Monitor)?;
    let processor = Processor::enable(host, MAX_QUBES as u32).map_err(Trouble::Processor)?;
    let (nowhere, _) = memory
        .guest_ram(u8::MAX, PageCount(1), Gpa(u64::MAX - PAGE_SIZE), Gpa(u64::MAX))
        .map_err(|error| Trouble::Memory("the supervisor", error))?;
    let (seed, source) = seed();
    let mut metal = Metal {
        processor,
        vcpus: &mut processors.vcpus,
        cells: [const { None }; MAX_QUBES],
        nowhere,
        lapic,
        entropy: Entropy::new(seed),
        has_console: debugcon::is_present(),
    };
    if source == SeedSource::TimingOnly {
        debugcon::write_bytes(
            b"[skep] warning: this processor gives no random numbers; keys will be guessable\n",
        );
    }
    let mut granted = processors.granted.iter_mut();
    for (index, facts) in image.qubes() {
        let (mut cell, root) = make_cell(&mut memory, index, facts)?;
        let io = match facts.io_ports() {
            [] => &processors.closed,
            _ => io_map(granted.next().ok_or(Trouble::TooManyDevices)?, &facts),
        };
        let asid = u32::from(index.get()) + 1;
        metal.vcpus[index.as_usize()].bind(&metal.processor, root, io, &processors.msr, asid);
        while !cell.rebuild() {}
        metal.cells[index.as_usize()] = Some(cell);
        if let Some(irq) = facts.irq {
            io_apic.route(irq).map_err(Trouble::Route)?;
        }
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

/// Memory, read-only pages and nested tables of one qube.
fn make_cell(memory: &mut Physical, index: QubeIndex, facts: Qube<'static>) -> Result<(Cell, Hpa), Trouble> {
    let number = index.get();
    let pages = PageCount(u64::from(facts.memory_pages));
    let base = Gpa(layout::RAM_BASE);
    let writable =
        facts.regions().find(|region| region.rights == ImageRights::RW).map_or(u64::MAX, |region| region.gpa);
    let for_qubes = |error| Trouble::Memory("the qubes", error);
    let (ram, host) = memory.guest_ram(number, pages, base, Gpa(writable)).map_err(for_qubes)?;
    let (device_pages, device_host) =
        memory.host_pages(number, PageCount(Page::ALL.len() as u64)).map_err(for_qubes)?;
    // Root, one table a level for the low gigabyte, one for the device pages, and one for each 2 MiB of memory.
    let tables = PageCount(5 + pages.0.div_ceil(512));
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
    let root = mapper.root();
    Ok((Cell { facts, ram, pages: device_pages, rebuilt: 0 }, root))
}
