//! The monitor's machine, in hardware: memory, read-only pages and processors of every qube.

use core::fmt::Write as _;

use ipc_proto_types::{MAX_QUBES, QubeIndex};
use supervisor_image as image;
use supervisor_monitor::{Machine, Page};
use supervisor_svm::{IoMap, MsrMap, Processor, Start, Vcpu};
use supervisor_vcpu::Ticks;
use supervisor_x86::{GuestRam, HostPage, LocalApic, debugcon, tsc};

use crate::devices::Devices;
use crate::entropy::Entropy;

/// Most qubes with I/O ports of their own. The terminal is one.
pub(crate) const IO_MAPS: usize = 2;

/// Places for processors: a power of two, so that an index is masked instead of checked.
pub(crate) const QUBES: usize = MAX_QUBES.next_power_of_two();

/// Bytes of a qube's memory that are built between two looks at who else wants to run: with eight bytes an instruction no
/// longer than the dearest exit may be.
const REBUILD_BYTES: u64 = 8 * 1024;

/// What the processor reads: virtual processors and permission maps. Too big for the stack.
pub(crate) struct Processors {
    pub(crate) vcpus: [Vcpu; QUBES],
    pub(crate) closed: IoMap,
    pub(crate) granted: [IoMap; IO_MAPS],
    pub(crate) msr: MsrMap,
}

impl Processors {
    pub(crate) const fn new() -> Self {
        Self {
            vcpus: [const { Vcpu::unbound() }; QUBES],
            closed: IoMap::closed(),
            granted: [const { IoMap::closed() }; IO_MAPS],
            msr: MsrMap::closed(),
        }
    }
}

/// One qube's share of the machine.
pub(crate) struct Cell {
    pub(crate) facts: image::Qube<'static>,
    pub(crate) ram: GuestRam,
    pub(crate) pages: &'static mut [HostPage],
    /// How far its memory is rebuilt, in bytes.
    pub(crate) rebuilt: u64,
}

/// Everything.
pub(crate) struct Metal {
    pub(crate) processor: Processor,
    pub(crate) vcpus: &'static mut [Vcpu; QUBES],
    pub(crate) cells: [Option<Cell>; MAX_QUBES],
    /// Memory of a qube that does not exist: nothing can be read or written in it.
    pub(crate) nowhere: GuestRam,
    pub(crate) lapic: LocalApic,
    pub(crate) entropy: Entropy,
    pub(crate) devices: Devices,
    pub(crate) has_console: bool,
}

impl Metal {
    /// Rebuilds the next piece of a qube's memory; true when that was the last.
    pub(crate) fn rebuild(&mut self, qube: QubeIndex) -> bool {
        self.cells[qube.as_usize()].as_mut().is_none_or(Cell::rebuild)
    }
}

impl Cell {
    /// Writes what the image has for the next piece, and zeros where it has nothing. Regions are in order and apart.
    pub(crate) fn rebuild(&mut self) -> bool {
        let (mut start, end) = (self.rebuilt, (self.rebuilt + REBUILD_BYTES).min(self.ram.size()));
        for region in self.facts.regions() {
            let first = region.gpa - image::layout::RAM_BASE;
            let last = first + region.data.len() as u64;
            let (from, to) = (first.max(start), last.min(end));
            if from < to
                && let Some(bytes) = region.data.get((from - first) as usize..(to - first) as usize)
            {
                self.ram.zero(start, from - start);
                self.ram.load(from, bytes);
                start = to;
            }
        }
        self.ram.zero(start, end - start);
        self.rebuilt = end;
        if end == self.ram.size() {
            self.rebuilt = 0;
            return true;
        }
        false
    }

    fn start(&self) -> Start {
        let facts = &self.facts;
        Start {
            entry: facts.entry,
            stack_top: facts.stack_top,
            boot_info: facts.boot_info,
            page_table_root: facts.page_table_root,
        }
    }
}

impl Machine for Metal {
    type Memory = GuestRam;

    #[inline]
    fn memory(&mut self, qube: QubeIndex) -> &mut GuestRam {
        match &mut self.cells[qube.as_usize()] {
            Some(cell) => &mut cell.ram,
            None => &mut self.nowhere,
        }
    }

    fn write_page(&mut self, qube: QubeIndex, page: Page, at: u16, bytes: &[u8]) {
        let Some(cell) = &mut self.cells[qube.as_usize()] else { return };
        let index = Page::ALL.iter().position(|&p| p == page).unwrap_or(0);
        let room =
            cell.pages.get_mut(index).and_then(|page| page.get_mut(usize::from(at)..)).unwrap_or_default();
        let len = bytes.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..len), bytes.get(..len)) {
            to.copy_from_slice(from);
        }
    }

    fn start(&mut self, qube: QubeIndex) {
        if let (Some(cell), Some(vcpu)) = (&self.cells[qube.as_usize()], self.vcpus.get_mut(qube.as_usize()))
        {
            vcpu.reset(&cell.start(), self.processor.flush_by_asid);
        }
        if let Err(why) = self.devices.begin(qube) {
            let _ = writeln!(debugcon::DebugConsole, "[skep] a device stays stopped: {why}");
        }
    }

    fn stop(&mut self, qube: QubeIndex) -> bool {
        self.devices.end(qube)
    }

    #[inline(always)]
    fn answer(&mut self, qube: QubeIndex, value: u32) {
        self.vcpus[qube.as_usize() % QUBES].set_result(value);
    }

    #[cold]
    fn set_timer(&mut self, at: Ticks) {
        self.lapic.arm_timer(at.0.saturating_sub(tsc::read()));
    }

    fn random(&mut self, into: &mut [u8]) {
        self.entropy.fill(into);
    }

    fn emit(&mut self, line: &[u8]) {
        if self.has_console {
            debugcon::write_bytes(line);
        }
    }
}
