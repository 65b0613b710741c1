//! The bootable supervisor: wiring only.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::fmt::Write;
use core::panic::PanicInfo;

use supervisor_x86::debugcon::DebugConsole;
use supervisor_x86::power::{Ending, end};
use supervisor_x86::{Machine, Range, fatal, tsc};

supervisor_x86::entry!(main);

fn main(machine: Machine) -> ! {
    let instructions = tsc::read().wrapping_sub(machine.facts.entry_tsc);
    // The console drops what it cannot show.
    let _shown = print_facts(&machine, instructions);
    end(Ending::PowerOff)
}

fn print_facts(machine: &Machine, ticks: u64) -> core::fmt::Result {
    let Machine { facts, cpu, clock, lapic, .. } = machine;
    let mut out = DebugConsole;
    writeln!(out, "skep: booted by {:?} in {ticks} ticks", facts.boot_path)?;
    writeln!(
        out,
        "cpu: {} address spaces, xcr0 {:#x}, xsave {} bytes",
        cpu.asids, cpu.xcr0, cpu.xsave_bytes
    )?;
    writeln!(
        out,
        "clock: {} Hz, timer {} Hz, unix {} ns",
        clock.tsc_hz,
        lapic.timer_hz(clock),
        clock.unix_ns()
    )?;
    writeln!(
        out,
        "system image: {} bytes, command line: {:?}",
        facts.module.len(),
        core::str::from_utf8(facts.command_line.as_bytes())
    )?;
    for Range { start, end } in facts.usable.as_slice() {
        writeln!(out, "usable {start:#x}..{end:#x}")?;
    }
    for Range { start, end } in facts.reserved.as_slice() {
        writeln!(out, "reserved {start:#x}..{end:#x}")?;
    }
    Ok(())
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    fatal::panic(info)
}
