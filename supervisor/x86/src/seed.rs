//! A seed for random numbers: RDSEED or RDRAND where the processor has them, stirred with timing.
//!
//! Sources: AMD64 APM vol. 3, RDRAND and RDSEED (carry set when a number was delivered).

use core::arch::{asm, x86_64::__cpuid_count};

use crate::tsc;

/// Tries before an instruction counts as dry.
const TRIES: u32 = 32;

/// Where a seed came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedSource {
    /// RDSEED.
    RdSeed,
    /// RDRAND.
    RdRand,
    /// Nothing but timing: good enough to tell runs apart, not to keep secrets. Whoever shows this must say so.
    TimingOnly,
}

/// 32 bytes of seed and where they came from.
#[must_use]
pub fn seed() -> ([u8; 32], SeedSource) {
    let has_rdseed = __cpuid_count(7, 0).ebx & (1 << 18) != 0;
    let has_rdrand = __cpuid_count(1, 0).ecx & (1 << 30) != 0;
    let mut source = SeedSource::RdSeed;
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        let word = if let Some(word) = has_rdseed.then(|| retry(rdseed)).flatten() {
            word
        } else if let Some(word) = has_rdrand.then(|| retry(rdrand)).flatten() {
            source = SeedSource::RdRand;
            word
        } else {
            source = SeedSource::TimingOnly;
            0
        };
        let stirred = word ^ tsc::read().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        chunk.copy_from_slice(&stirred.to_le_bytes());
    }
    (bytes, source)
}

fn retry(instruction: fn() -> Option<u64>) -> Option<u64> {
    (0..TRIES).find_map(|_| instruction())
}

fn rdseed() -> Option<u64> {
    let (word, delivered): (u64, u8);
    // SAFETY: the caller saw the CPUID bit; the instruction writes a register and the flags.
    unsafe { asm!("rdseed {}", "setc {}", out(reg) word, out(reg_byte) delivered, options(nomem, nostack)) };
    (delivered != 0).then_some(word)
}

fn rdrand() -> Option<u64> {
    let (word, delivered): (u64, u8);
    // SAFETY: the caller saw the CPUID bit; the instruction writes a register and the flags.
    unsafe { asm!("rdrand {}", "setc {}", out(reg) word, out(reg_byte) delivered, options(nomem, nostack)) };
    (delivered != 0).then_some(word)
}
