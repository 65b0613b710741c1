//! The local APIC: it takes interrupts, and its timer is the supervisor's alarm clock.
//!
//! Memory-mapped at 0xfee00000, or through MSRs where firmware left x2APIC mode on (it cannot always be left).
//! Source: AMD64 APM volume 2, chapter 16.

use core::sync::atomic::Ordering;

use crate::idt::{SPURIOUS_VECTOR, TIMER_VECTOR, X2APIC};
use crate::msr::{self, read_msr, write_msr};
use crate::tsc::{self, Clock};

/// Where the registers are. The page tables map it uncached.
const BASE: usize = 0xfee0_0000;
const BASE_ENABLE: u64 = 1 << 11;
const BASE_X2APIC: u64 = 1 << 10;
const BASE_ADDRESS: u64 = 0x000f_ffff_ffff_f000;

const MASKED: u32 = 1 << 16;
const SOFTWARE_ENABLE: u32 = 1 << 8;
/// The timer counts every sixteenth cycle of its clock: fine enough for deadlines, and it reaches far.
const DIVIDE_BY_16: u32 = 0b0011;
/// The comparison with the time stamp counter ends when it is as fine as one in this many,
const PRECISION: u64 = 2_000;
/// or after this fraction of a second.
const WINDOWS_PER_SECOND: u64 = 50;

/// The registers we use, by their offset; in x2APIC mode the MSR is 0x800 + offset / 16.
#[derive(Clone, Copy)]
#[repr(u16)]
enum Register {
    Id = 0x20,
    TaskPriority = 0x80,
    Spurious = 0xf0,
    LvtTimer = 0x320,
    LvtLint0 = 0x350,
    LvtError = 0x370,
    InitialCount = 0x380,
    CurrentCount = 0x390,
    Divide = 0x3e0,
}

/// The local APIC of the one processor we use, switched on.
#[derive(Debug)]
pub struct LocalApic {
    /// Timer counts for each tick of the time stamp counter, times 2^32.
    counts_per_tick: u64,
    id: u32,
}

impl LocalApic {
    /// Switches the APIC on and measures its timer against `clock`.
    pub(crate) fn start(clock: &Clock) -> LocalApic {
        enable();
        write(Register::TaskPriority, 0);
        write(Register::LvtTimer, MASKED);
        write(Register::LvtLint0, MASKED);
        write(Register::LvtError, MASKED);
        write(Register::Spurious, SOFTWARE_ENABLE | u32::from(SPURIOUS_VECTOR));
        write(Register::Divide, DIVIDE_BY_16);
        let counts_per_tick = measure(clock);
        write(Register::InitialCount, 0);
        write(Register::LvtTimer, u32::from(TIMER_VECTOR));
        let id = read(Register::Id);
        LocalApic { counts_per_tick, id: if X2APIC.load(Ordering::Relaxed) { id } else { id >> 24 } }
    }

    /// This processor's number on the interrupt bus.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Fires the timer once, `ticks` of the time stamp counter from now; replaces what was armed.
    ///
    /// It is late by at most one part in a thousand and one count. Beyond the timer's range (2^32 counts; 68 s on
    /// a 1 GHz bus) it is early: who is woken looks at the clock and arms again.
    #[inline]
    pub fn arm_timer(&mut self, ticks: u64) {
        write(Register::InitialCount, counts(ticks, self.counts_per_tick));
    }
}

/// Timer counts for `ticks`, rounded up; never 0, which would stop the timer.
fn counts(ticks: u64, counts_per_tick: u64) -> u32 {
    let counts = (u128::from(ticks) * u128::from(counts_per_tick)) >> 32;
    u32::try_from(counts + 1).unwrap_or(u32::MAX)
}

/// Counts per tick, times 2^32: the most it can be, so that the timer is rather late than early.
fn measure(clock: &Clock) -> u64 {
    let before_start = tsc::read();
    write(Register::InitialCount, u32::MAX);
    let after_start = tsc::read();
    loop {
        let before = tsc::read();
        let counted = u64::from(u32::MAX - read(Register::CurrentCount)) + 1;
        let after = tsc::read();
        let uncertain = (after_start - before_start).saturating_add(after - before);
        let ticks = before.saturating_sub(after_start);
        let is_precise = ticks / PRECISION > uncertain && counted > PRECISION;
        if is_precise || ticks > clock.tsc_hz / WINDOWS_PER_SECOND {
            return (counted << 32).checked_div(ticks).unwrap_or(0).max(1);
        }
    }
}

/// Switches the APIC on in the mode firmware chose.
fn enable() {
    let base = read_msr(msr::APIC_BASE);
    let is_x2apic = base & BASE_X2APIC != 0;
    X2APIC.store(is_x2apic, Ordering::Relaxed);
    let wanted = if is_x2apic { base } else { base & !BASE_ADDRESS | BASE as u64 };
    // SAFETY: this keeps the mode, switches the APIC on and puts its page where the page tables map it
    // uncached; no memory lies there.
    unsafe { write_msr(msr::APIC_BASE, wanted | BASE_ENABLE) };
}

#[inline]
fn write(register: Register, value: u32) {
    let offset = register as u16;
    if X2APIC.load(Ordering::Relaxed) {
        // SAFETY: none of the registers of the enum concerns memory; interrupts reach only our own stubs.
        unsafe { write_msr(0x800 + u32::from(offset >> 4), u64::from(value)) };
    } else {
        let address = core::ptr::with_exposed_provenance_mut::<u32>(BASE + usize::from(offset));
        // SAFETY: the register page is mapped at `BASE`, aligned, and no Rust object lies there.
        unsafe { address.write_volatile(value) };
    }
}

fn read(register: Register) -> u32 {
    let offset = register as u16;
    if X2APIC.load(Ordering::Relaxed) {
        return (read_msr(0x800 + u32::from(offset >> 4)) & 0xffff_ffff) as u32;
    }
    let address = core::ptr::with_exposed_provenance::<u32>(BASE + usize::from(offset));
    // SAFETY: the register page is mapped at `BASE`, aligned, and no Rust object lies there.
    unsafe { address.read_volatile() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_scale_round_up_and_never_stop_or_wrap_the_timer() {
        let quarter = 1 << 30;
        assert_eq!(counts(4_000, quarter), 1_001);
        assert_eq!(counts(0, quarter), 1);
        assert_eq!(counts(3, quarter), 1);
        assert_eq!(counts(u64::MAX, u64::MAX), u32::MAX);
        assert_eq!(counts(1 << 34, quarter), u32::MAX);
        assert_eq!(counts((1 << 34) - 5, quarter), u32::MAX);
    }
}
