//! The monitor's machine without hardware: memory, read-only pages, random numbers and log lines of every qube.

use std::collections::VecDeque;

use ipc_proto_types::QubeIndex;
use supervisor_image::{self as image, Rights, layout};
use supervisor_mem::Gpa;
use supervisor_monitor::{Machine, Page};
use supervisor_vcpu::Ticks;

use crate::ram::SimRam;
use crate::rng::Rng;

/// Bytes of a qube's memory that are rebuilt in one piece.
const REBUILD_BYTES: usize = 8 * 1024;
/// Log lines kept.
const LINES: usize = 4096;

/// The pages that only the supervisor writes.
#[derive(Clone, Debug)]
pub struct Pages([[u8; layout::PAGE]; Page::ALL.len()]);

impl Pages {
    /// A page.
    ///
    /// # Panics
    /// Never: every page is in the list of pages.
    #[must_use]
    pub fn get(&self, page: Page) -> &[u8; layout::PAGE] {
        let place = Page::ALL.iter().position(|one| *one == page).expect("the list has every page");
        &self.0[place]
    }

    /// Reads `N` bytes at offset `at` of a page.
    ///
    /// # Panics
    /// When they are not all in the page.
    #[must_use]
    pub fn read<const N: usize>(&self, page: Page, at: u16) -> [u8; N] {
        let at = usize::from(at);
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.get(page)[at..at + N]);
        bytes
    }

    fn get_mut(&mut self, page: Page) -> &mut [u8; layout::PAGE] {
        let place = Page::ALL.iter().position(|one| *one == page).expect("the list has every page");
        &mut self.0[place]
    }
}

/// One qube's share of the machine.
pub(crate) struct Cell<'a> {
    pub(crate) facts: image::Qube<'a>,
    pub(crate) ram: SimRam,
    pub(crate) pages: Pages,
    rebuilt: usize,
    /// The monitor has started a life that its seat has not seen yet.
    pub(crate) fresh: bool,
    /// What the call that it made returns.
    pub(crate) eax: Option<u32>,
}

/// Everything.
pub struct SimMachine<'a> {
    pub(crate) cells: Vec<Cell<'a>>,
    nowhere: SimRam,
    random: Rng,
    /// When the one-shot timer fires.
    pub(crate) timer: Option<u64>,
    pub(crate) lines: VecDeque<Vec<u8>>,
}

impl<'a> SimMachine<'a> {
    pub(crate) fn new(qubes: impl Iterator<Item = image::Qube<'a>>, random: Rng) -> Self {
        Self {
            cells: qubes.map(Cell::new).collect(),
            nowhere: SimRam::new(0, Gpa(u64::MAX), Gpa(u64::MAX)),
            random,
            timer: None,
            lines: VecDeque::new(),
        }
    }

    /// Rebuilds the next piece of a qube's memory; true when that was the last.
    pub(crate) fn rebuild(&mut self, qube: QubeIndex) -> bool {
        self.cells.get_mut(qube.as_usize()).is_none_or(Cell::rebuild)
    }
}

impl<'a> Cell<'a> {
    fn new(facts: image::Qube<'a>) -> Self {
        let writable =
            facts.regions().find(|region| region.rights == Rights::RW).map_or(u64::MAX, |it| it.gpa);
        Self {
            ram: SimRam::new(
                facts.memory_pages as usize * layout::PAGE,
                Gpa(layout::RAM_BASE),
                Gpa(writable),
            ),
            facts,
            pages: Pages([[0; layout::PAGE]; Page::ALL.len()]),
            rebuilt: 0,
            eax: None,
            fresh: false,
        }
    }

    /// Zeroes the next piece and writes what the image has for it (as `supervisor/metal/src/metal.rs`).
    fn rebuild(&mut self) -> bool {
        let (start, end) = (self.rebuilt, (self.rebuilt + REBUILD_BYTES).min(self.ram.len()));
        self.ram.zero(start, end - start);
        for region in self.facts.regions() {
            let first = offset(region.gpa);
            let last = first + region.data.len();
            let (from, to) = (first.max(start), last.min(end));
            if from < to {
                self.ram.load(from, &region.data[from - first..to - first]);
            }
        }
        self.rebuilt = if end == self.ram.len() { 0 } else { end };
        self.rebuilt == 0
    }

    /// Whether the memory is that of a qube that never ran: what the image says, then zeros. The two fields of the boot
    /// information that are filled in at start are left out.
    pub(crate) fn is_as_new(&self) -> bool {
        let mut expected = vec![0; self.ram.len()];
        for region in self.facts.regions() {
            let first = offset(region.gpa);
            expected[first..first + region.data.len()].copy_from_slice(region.data);
        }
        self.ram.with_all(|bytes| {
            for (at, len) in [(self.facts.cpu_khz_at, 4), (self.facts.boot_time_at, 16)] {
                let at = offset(at);
                expected[at..at + len].copy_from_slice(&bytes[at..at + len]);
            }
            bytes == expected
        })
    }

    /// Whether what the qube may not write is what the image says.
    pub(crate) fn text_is_untouched(&self) -> bool {
        self.facts.regions().filter(|region| region.rights != Rights::RW).all(|region| {
            let first = offset(region.gpa);
            self.ram.with_all(|bytes| bytes[first..first + region.data.len()] == *region.data)
        })
    }
}

/// Place of a guest address in the memory.
fn offset(gpa: u64) -> usize {
    usize::try_from(gpa - layout::RAM_BASE).expect("below a gigabyte")
}

impl Machine for SimMachine<'_> {
    type Memory = SimRam;

    fn memory(&mut self, qube: QubeIndex) -> &mut SimRam {
        match self.cells.get_mut(qube.as_usize()) {
            Some(cell) => &mut cell.ram,
            None => &mut self.nowhere,
        }
    }

    fn write_page(&mut self, qube: QubeIndex, page: Page, at: u16, bytes: &[u8]) {
        let Some(cell) = self.cells.get_mut(qube.as_usize()) else { return };
        let at = usize::from(at);
        // The real one drops what lies beyond; the monitor has no business there at all.
        cell.pages.get_mut(page)[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn start(&mut self, qube: QubeIndex) {
        let cell = &mut self.cells[qube.as_usize()];
        assert!(cell.is_as_new(), "{} starts with memory of its last life", cell.facts.name);
        cell.fresh = true;
        cell.eax = None;
    }

    fn stop(&mut self, _qube: QubeIndex) -> bool {
        true
    }

    fn answer(&mut self, qube: QubeIndex, value: u32) {
        let cell = &mut self.cells[qube.as_usize()];
        assert!(cell.eax.is_none(), "{} is answered twice", cell.facts.name);
        cell.eax = Some(value);
    }

    fn set_timer(&mut self, at: Ticks) {
        self.timer = Some(at.0);
    }

    fn random(&mut self, into: &mut [u8]) {
        self.random.fill(into);
    }

    fn emit(&mut self, line: &[u8]) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_vec());
    }
}
