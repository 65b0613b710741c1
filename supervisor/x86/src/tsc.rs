//! The time stamp counter: how fast it runs, and what time it was when it stood at zero.
//!
//! The frequency comes from CPUID where CPUID knows it, otherwise from the PIT's channel 2, whose 1.193182 MHz
//! every PC has. The measurement ends as soon as its own error bound is small enough, so it is short on a
//! precise machine (0.6 ms when instructions are counted) and longer where reading a port is slow.
//!
//! Sources: Intel SDM volume 2 (CPUID leaf 15H), the hypervisor timing leaf 40000010H, Intel 8254.

use core::arch::asm;

use crate::cpu::leaf;
use crate::port::Port;
use crate::rtc;

/// Cycles of the PIT in a second, times 1,000 for the fraction: 1,193,181.666... Hz.
const PIT_MILLIHERTZ: u64 = 1_193_181_667;
/// The measurement ends when the uncertain ticks are fewer than one in this many.
const PRECISION: u64 = 10_000;
/// PIT cycles after which a measurement ends whatever its precision: 50 ms.
const WINDOW_CYCLES_MAX: u16 = 59_659;
/// Port reads after which a PIT that does not move is given up.
const POLLS_MAX: u32 = 100_000;
/// Pairs of measurements until two agree. A machine that stands still for longer than the PIT takes to come round (55 ms), as an
/// emulated one on a busy host, spoils one, and nothing in that one tells.
const MEASUREMENTS_MAX: u32 = 8;
/// Two measurements agree when they differ by less than one in this many.
const AGREEMENT: u64 = 100;
const NANOSECONDS: u64 = 1_000_000_000;

/// The machine's clock: ticks of the time stamp counter and what they mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// Ticks in a second.
    pub tsc_hz: u64,
    /// Unix time, in nanoseconds, when the counter stood at zero.
    pub unix_ns_at_tsc_zero: u64,
}

impl Clock {
    /// Nanoseconds that `ticks` take.
    pub const fn nanoseconds(&self, ticks: u64) -> u64 {
        let whole = (ticks / self.tsc_hz).saturating_mul(NANOSECONDS);
        whole.saturating_add((ticks % self.tsc_hz) * NANOSECONDS / self.tsc_hz)
    }

    /// Ticks in `nanoseconds`.
    pub const fn ticks(&self, nanoseconds: u64) -> u64 {
        let whole = (nanoseconds / NANOSECONDS).saturating_mul(self.tsc_hz);
        whole.saturating_add((nanoseconds % NANOSECONDS) * self.tsc_hz / NANOSECONDS)
    }

    /// Unix time in nanoseconds, now.
    pub fn unix_ns(&self) -> u64 {
        self.unix_ns_at_tsc_zero.saturating_add(self.nanoseconds(read()))
    }

    /// Finds the frequency and asks the real-time clock. `None` when the machine has no PIT that runs.
    pub(crate) fn find() -> Option<Clock> {
        let twice = |_| from_pit().zip(from_pit()).filter(|(one, two)| one.abs_diff(*two) <= one / AGREEMENT);
        let measured = || (0..MEASUREMENTS_MAX).find_map(twice).map(|(hz, _)| hz);
        let tsc_hz =
            from_cpuid().or_else(measured).filter(|hz| (1_000_000..16 * NANOSECONDS).contains(hz))?;
        let clock = Clock { tsc_hz, unix_ns_at_tsc_zero: 0 };
        let unix_ns = rtc::read().map_or(0, |seconds| seconds.saturating_mul(NANOSECONDS));
        Some(Clock { unix_ns_at_tsc_zero: unix_ns.saturating_sub(clock.nanoseconds(read())), ..clock })
    }
}

/// The counter, now.
pub fn read() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reading the counter changes nothing; CR4.TSD does not bind ring 0.
    unsafe { asm!("rdtsc", out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags)) };
    u64::from(high) << 32 | u64::from(low)
}

/// The frequency as the processor or the hypervisor below us states it.
fn from_cpuid() -> Option<u64> {
    let ratio = leaf(0x15, 0);
    let product = u64::from(ratio.ecx) * u64::from(ratio.ebx);
    let hz = product.checked_div(u64::from(ratio.eax)).unwrap_or(0);
    let kilohertz = u64::from(leaf(0x4000_0010, 0).eax);
    Some(if hz != 0 { hz } else { kilohertz * 1_000 }).filter(|&hz| hz != 0)
}

/// The moment the PIT's counter was seen to change.
#[derive(Clone, Copy)]
struct Edge {
    count: u16,
    tsc: u64,
    /// Ticks between the last look before the change and the first after it.
    uncertain: u64,
}

/// The frequency as measured against the PIT.
fn from_pit() -> Option<u64> {
    start_pit();
    let first = next_edge()?;
    loop {
        let last = next_edge()?;
        let cycles = first.count.wrapping_sub(last.count);
        let ticks = last.tsc.wrapping_sub(first.tsc);
        let precise = ticks > first.uncertain.saturating_add(last.uncertain).saturating_mul(PRECISION);
        if precise || cycles >= WINDOW_CYCLES_MAX {
            return frequency(ticks, cycles);
        }
    }
}

/// Ticks in a second when `cycles` of the PIT took `ticks`.
fn frequency(ticks: u64, cycles: u16) -> Option<u64> {
    ticks.checked_mul(PIT_MILLIHERTZ)?.checked_div(u64::from(cycles) * 1_000)
}

/// Lets channel 2 count down from 65,535, once, without sound.
fn start_pit() {
    Port::PIT_GATE.write(Port::PIT_GATE.read() & !0b10 | 0b01);
    Port::PIT_COMMAND.write(0b1011_0000);
    Port::PIT_CHANNEL_2.write(0xff);
    Port::PIT_CHANNEL_2.write(0xff);
}

/// The counter, latched so that both halves belong together.
fn pit_count() -> u16 {
    Port::PIT_COMMAND.write(0b1000_0000);
    u16::from_le_bytes([Port::PIT_CHANNEL_2.read(), Port::PIT_CHANNEL_2.read()])
}

/// Waits for the counter to change.
fn next_edge() -> Option<Edge> {
    let (mut before, start) = (read(), pit_count());
    for _ in 0..POLLS_MAX {
        let (count, tsc) = (pit_count(), read());
        if count != start {
            return Some(Edge { count, tsc, uncertain: tsc.wrapping_sub(before) });
        }
        before = tsc;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_nanoseconds_convert_both_ways_without_overflow() {
        let clock = Clock { tsc_hz: 3_693_061_000, unix_ns_at_tsc_zero: 0 };
        let year = 365 * 86_400 * NANOSECONDS;
        assert_eq!(clock.nanoseconds(3_693_061_000), NANOSECONDS);
        assert!(clock.nanoseconds(clock.ticks(year)).abs_diff(year) <= 1);
        assert_eq!(clock.ticks(1), 3);
        assert_eq!(Clock { tsc_hz: 1_000_000, ..clock }.nanoseconds(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_window_of_the_pit_gives_the_frequency() {
        assert_eq!(frequency(2_000_000, 2_386), Some(1_000_152_277));
        assert_eq!(frequency(2_000_000, 0), None);
        assert_eq!(frequency(u64::MAX, 1), None);
    }
}
