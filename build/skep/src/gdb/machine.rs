//! The machine behind QEMU's debugger port: physical memory, who runs, and what a qube's address means.
//!
//! QEMU shows the processor as it is, guest or host, and translates addresses without nested tables: a qube's memory cannot be
//! read that way. So memory is read physically, and the nested tables are walked here. Where things are follows from the
//! supervisor's own layout: its statics hold a control block for each qube, at whose address the registers follow
//! (`supervisor/svm/src/vcpu.rs`), and the page into which VMRUN saves the host; there RAX is the block of the qube that ran
//! last. Offsets are those of the processor (AMD64 manual, volume 2, appendix B) and of gdb's x86-64 registers.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Receiver;

use super::packet::{self, Incoming, unhex};
use crate::failure::{Failure, Outcome};

const PAGE: u64 = 4096;
const PAGE_BYTES: usize = 4096;
/// Most bytes read at once: QEMU's packets hold as many digits.
const READ_MAX: u64 = 1024;
/// Levels of nested tables.
const LEVELS: u32 = 4;
const PRESENT: u64 = 1;
const LARGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Fields of a control block.
mod field {
    pub(super) const ASID: usize = 0x58;
    pub(super) const EXIT_CODE: usize = 0x70;
    pub(super) const EXIT_INFO_2: usize = 0x80;
    pub(super) const NESTED_CONTROL: usize = 0x90;
    pub(super) const NESTED_CR3: usize = 0xb0;
    pub(super) const CR3: usize = 0x550;
    pub(super) const RFLAGS: usize = 0x570;
    pub(super) const RIP: usize = 0x578;
    pub(super) const RSP: usize = 0x5d8;
    pub(super) const RAX: usize = 0x5f8;
}

/// The exit code of an I/O instruction: the address after it is in the second piece of information.
const IOIO: u64 = 0x7b;
/// RBX, RCX, RDX, RBP, RSI, RDI, R8 to R15 as the supervisor keeps them: their numbers in gdb's order.
const KEPT: [usize; 14] = [1, 2, 3, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
/// Numbers of the others in gdb's order.
const RAX: usize = 0;
const RSP: usize = 7;
const RIP: usize = 16;
/// Where CR3 is in QEMU's answer to `g`, in bytes.
const CR3_AT: usize = 204;

/// The machine, stopped.
pub(super) struct Machine {
    to: UnixStream,
    from: Receiver<Incoming>,
    /// Where the supervisor's statics are: first address, size.
    statics: (u64, u64),
    /// Which of the control blocks is that of our qube: they lie in the order of the manifest.
    index: usize,
    /// Addresses of the qube's control block and of the host's save area, once found.
    found: Option<(u64, u64)>,
}

impl Machine {
    /// A machine whose first stop is still to come.
    pub(super) fn new(to: UnixStream, from: Receiver<Incoming>, statics: (u64, u64), index: usize) -> Self {
        Self { to, from, statics, index, found: None }
    }

    /// Waits for the stop that connecting causes, and sees to it that memory is physical from here on.
    pub(super) fn attach(&mut self) -> Outcome<()> {
        self.reply()?;
        if self.ask("Qqemu.PhyMemMode:1")? != b"OK" {
            return Err(Failure::failed("this QEMU cannot show physical memory to a debugger"));
        }
        self.find().map(|_| ())
    }

    /// Lets the machine go on, and hangs up; for good, and no more than once.
    pub(super) fn detach(&mut self) {
        // A machine that has ended needs neither.
        let _ = self.ask("D");
        let _ = self.to.shutdown(Shutdown::Both);
    }

    /// Sends a packet and gives the answer.
    pub(super) fn ask(&mut self, data: &str) -> Outcome<Vec<u8>> {
        packet::send(&mut self.to, data.as_bytes())?;
        self.reply()
    }

    /// The next packet from QEMU.
    fn reply(&mut self) -> Outcome<Vec<u8>> {
        match self.from.recv() {
            Ok(Incoming::Packet(data)) => Ok(data),
            Ok(Incoming::Interrupt | Incoming::End) | Err(_) => Err(Failure::failed("the system has ended")),
        }
    }

    /// Physical memory.
    fn read(&mut self, address: u64, length: u64) -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            let at = address + bytes.len() as u64;
            let count = (length - bytes.len() as u64).min(READ_MAX);
            let answer = self.ask(&format!("m{at:x},{count:x}"))?;
            match unhex(&answer).filter(|bytes| !bytes.is_empty()) {
                Some(more) => bytes.extend(more),
                None => return Err(Failure::failed(format!("no memory at physical address {at:#x}"))),
            }
        }
        Ok(bytes)
    }

    fn word(&mut self, address: u64) -> Outcome<u64> {
        self.read(address, 8).map(|bytes| word(&bytes, 0))
    }

    /// The qube's control block and the host's save area.
    fn find(&mut self) -> Outcome<(u64, u64)> {
        if let Some(found) = self.found {
            return Ok(found);
        }
        let (start, size) = self.statics;
        let statics = self.read(start, size)?;
        let pages =
            || statics.chunks_exact(PAGE_BYTES).zip(0..).map(|(page, number)| (start + number * PAGE, page));
        let asid = |page: &[u8]| word(page, field::ASID) & 0xffff_ffff;
        let is_block = |page: &[u8]| {
            (1..=255).contains(&asid(page))
                && word(page, field::NESTED_CONTROL) == 1
                && word(page, field::NESTED_CR3) != 0
        };
        let blocks: Vec<u64> =
            pages().filter(|(_, page)| is_block(page)).map(|(address, _)| address).collect();
        let saved = |page: &[u8]| blocks.contains(&word(page, field::RAX)) && word(page, field::CR3) != 0;
        let area = pages().find(|(address, page)| !blocks.contains(address) && saved(page));
        match (blocks.get(self.index), area) {
            (Some(&block), Some((area, _))) => {
                self.found = Some((block, area));
                Ok((block, area))
            }
            _ => Err(Failure::failed(
                "no qube has run yet\n  fix: try again when the terminal shows its prompt",
            )),
        }
    }

    /// QEMU's registers, when it is our qube that is on the processor.
    pub(super) fn live(&mut self) -> Outcome<Option<Vec<u8>>> {
        let (block, area) = self.find()?;
        let registers = unhex(&self.ask("g")?).unwrap_or_default();
        let cr3 = registers.get(CR3_AT..).map_or(0, |rest| word(rest, 0));
        let host = self.word(area + field::CR3 as u64)?;
        let ran = self.word(area + field::RAX as u64)?;
        Ok((cr3 != host && ran == block).then_some(registers))
    }

    /// The registers that the qube will go on with, in gdb's order, from where the supervisor keeps them.
    pub(super) fn parked(&mut self) -> Outcome<Vec<u8>> {
        let (block, _) = self.find()?;
        let mut registers = unhex(&self.ask("g")?).unwrap_or_default();
        let control = self.read(block, PAGE)?;
        let kept = self.read(block + PAGE, 8 * KEPT.len() as u64)?;
        let mut set = |number: usize, value: u64| {
            if let Some(place) = registers.get_mut(number * 8..number * 8 + 8) {
                place.copy_from_slice(&value.to_le_bytes());
            }
        };
        for (index, number) in KEPT.into_iter().enumerate() {
            set(number, word(&kept, index * 8));
        }
        set(RAX, word(&control, field::RAX));
        set(RSP, word(&control, field::RSP));
        set(RIP, next(&control));
        let flags = word(&control, field::RFLAGS).to_le_bytes();
        if let Some(place) = registers.get_mut(136..140) {
            place.copy_from_slice(&flags[..4]);
        }
        Ok(registers)
    }

    /// Where the qube goes on when it is not on the processor.
    pub(super) fn resumes_at(&mut self) -> Outcome<u64> {
        let (block, _) = self.find()?;
        self.read(block, PAGE).map(|control| next(&control))
    }

    /// The physical address behind one of the qube's; its own tables map each address to itself.
    pub(super) fn translate(&mut self, address: u64) -> Outcome<Option<u64>> {
        let (block, _) = self.find()?;
        let mut table = self.word(block + field::NESTED_CR3 as u64)? & ADDRESS;
        for level in (0..LEVELS).rev() {
            let shift = 12 + 9 * level;
            let entry = self.word(table + (address >> shift & 511) * 8)?;
            if entry & PRESENT == 0 {
                return Ok(None);
            }
            if level == 0 || entry & LARGE != 0 {
                let inside = (1 << shift) - 1;
                return Ok(Some((entry & ADDRESS & !inside) | (address & inside)));
            }
            table = entry & ADDRESS;
        }
        Ok(None)
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word))
}

fn next(control: &[u8]) -> u64 {
    if word(control, field::EXIT_CODE) == IOIO {
        word(control, field::EXIT_INFO_2)
    } else {
        word(control, field::RIP)
    }
}
