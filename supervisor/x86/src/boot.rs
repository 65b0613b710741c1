//! The first Rust code: makes the machine safe, reads the facts, calls the binary's main function.

use core::sync::atomic::Ordering;

use supervisor_iommu::Found;

use crate::acpi::{self, ConfigSpace, Interrupts};
use crate::cpu;
use crate::entry::ENTRY_TSC;
use crate::facts::{BootFacts, Claimed, FactsError, checked_module};
use crate::layout::{IdentityMap, Layout};
use crate::memmap::Ranges;
use crate::power::Ending;
use crate::{
    Clock, IoApic, LocalApic, Pci, Physical, debugcon, fatal, gdt, idt, multiboot2, paging, pvh, stacks,
};

/// The machine, ready: everything the supervisor may use of it, owned once.
pub struct Machine {
    /// Memory, system image.
    pub facts: BootFacts,
    /// XCR0; `None` where the processor has no XSAVE.
    pub xcr0: Option<u64>,
    /// Time.
    pub clock: Clock,
    /// The alarm clock.
    pub lapic: LocalApic,
    /// The device interrupts.
    pub io_apic: IoApic,
    /// The memory that can be given away.
    pub memory: Physical,
    /// PCI, where firmware says where its configuration space is.
    pub pci: Option<Pci>,
    /// The IOMMUs that firmware tells of.
    pub iommus: Option<Result<Found, supervisor_iommu::Error>>,
}

unsafe extern "Rust" {
    /// The binary's main function; [`entry!`](crate::entry!) defines it.
    fn skep_main(machine: Machine) -> !;
}

/// Called by the trampoline: the start structure's address, and 0 for PVH or 1 for multiboot2.
pub(crate) extern "sysv64" fn start(info: u32, path: u32) -> ! {
    debugcon::detect();
    gdt::load();
    idt::load();
    let xcr0 = cpu::enable_features();
    let layout = Layout::read();
    let (facts, acpi) = read_facts(u64::from(info), path, &layout)
        .unwrap_or_else(|error| fatal::stop(format_args!("cannot boot: {error}"), Ending::Failed));
    let memory_end = facts.memory_end();
    paging::protect(&layout, &stacks::guards(), memory_end);
    let clock = Clock::find().unwrap_or_else(|| {
        fatal::stop(format_args!("cannot boot: no timer (PIT) to measure the clock with"), Ending::Failed)
    });
    let lapic = LocalApic::start(&clock);
    let io_apic = IoApic::start(&acpi.interrupts, &lapic).unwrap_or_else(|| {
        fatal::stop(
            format_args!("cannot boot: the MADT puts the I/O APIC at {:#x}", acpi.interrupts.io_apic),
            Ending::Failed,
        )
    });
    let free = facts
        .free()
        .unwrap_or_else(|error| fatal::stop(format_args!("cannot boot: {error}"), Ending::Failed));
    // SAFETY: the free ranges leave out our image and the system image, all firmware structures have been read, and this is
    // the only place that makes a `Physical`.
    let memory = unsafe { Physical::new(&free) };
    let pci = acpi.config.and_then(|config| Pci::new(config, memory_end));
    let machine = Machine { facts, xcr0, clock, lapic, io_apic, memory, pci, iommus: acpi.iommus };
    // SAFETY: `entry!` defines the symbol with exactly this signature.
    unsafe { skep_main(machine) }
}

/// What firmware's tables say.
struct Acpi {
    interrupts: Interrupts,
    config: Option<ConfigSpace>,
    iommus: Option<Result<Found, supervisor_iommu::Error>>,
}

/// Everything there is to read in memory that later belongs to others.
fn read_facts(info: u64, path: u32, layout: &Layout) -> Result<(BootFacts, Acpi), FactsError> {
    // SAFETY: the entry code mapped 0..4 GiB; this is the only processor, and until this function returns it
    // writes to the supervisor's own image only.
    let memory = unsafe { IdentityMap::new(layout.image) };
    let claimed = match path {
        0 => pvh::read(&memory, info),
        _ => multiboot2::read(&memory, info),
    }?;
    let Claimed { usable, module, rsdp } = claimed;
    let module = checked_module(module, layout.image)?;
    let mut reserved = Ranges::empty();
    reserved.add(layout.image)?;
    reserved.add(module.grown_to_pages())?;
    let facts = BootFacts {
        usable,
        reserved,
        module: lent_for_good(module)?,
        entry_tsc: ENTRY_TSC.load(Ordering::Relaxed),
    };
    let acpi = Acpi {
        interrupts: Interrupts::read(&memory, rsdp),
        config: ConfigSpace::read(&memory, rsdp),
        iommus: acpi::iommus(&memory, rsdp),
    };
    Ok((facts, acpi))
}

/// The system image's bytes, for as long as the supervisor runs.
fn lent_for_good(module: crate::Range) -> Result<&'static [u8], FactsError> {
    let address = usize::try_from(module.start).map_err(|_| FactsError::BadModule)?;
    let length = usize::try_from(module.length()).map_err(|_| FactsError::BadModule)?;
    // SAFETY: `checked_module` has put the range below 4 GiB, where all is mapped, off page 0 and off our
    // image; it stands in `reserved`, so no frame in it is ever given to anybody who could write it.
    Ok(unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(address), length) })
}
