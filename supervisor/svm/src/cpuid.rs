//! What a qube learns from CPUID: the host's answer with everything removed that a qube may not use or should not know.
//!
//! Removed: virtualisation, APIC and timers (a qube has none), performance counters, monitor/mwait, topology and serial
//! leaves, extended state beyond AVX. Leaves above 7 (basic) and 8 (extended) answer zero, save 0xd (XSAVE sizes).

/// Registers in the order EAX, EBX, ECX, EDX.
pub(crate) type Answer = [u32; 4];

const LEAF1_ECX_HIDE: u32 =
    (1 << 3) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 15) | (1 << 17) | (1 << 21) | (1 << 24) | (1 << 31);
const LEAF1_EDX_HIDE: u32 = (1 << 3)
    | (1 << 5)
    | (1 << 7)
    | (1 << 9)
    | (1 << 12)
    | (1 << 14)
    | (1 << 18)
    | (1 << 21)
    | (1 << 22)
    | (1 << 28);
/// What stays of leaf 7 EBX: FSGSBASE no; BMI1, AVX2, SMEP, BMI2, ERMS, RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB, SHA.
const LEAF7_EBX_KEEP: u32 = (1 << 3)
    | (1 << 5)
    | (1 << 7)
    | (1 << 8)
    | (1 << 9)
    | (1 << 18)
    | (1 << 19)
    | (1 << 20)
    | (1 << 23)
    | (1 << 24)
    | (1 << 29);
const EXT1_ECX_KEEP: u32 = (1 << 0) | (1 << 5) | (1 << 6) | (1 << 8);
const EXT1_EDX_HIDE: u32 = (1 << 27) | (1 << 3) | (1 << 5) | (1 << 7) | (1 << 9) | (1 << 12);
/// x87, SSE, AVX.
const XCR0: u32 = 7;

/// Cuts the host's `answer` to (`leaf`, `subleaf`) down to what a qube may know.
pub(crate) fn filter(leaf: u32, subleaf: u32, answer: Answer) -> Answer {
    let [a, b, c, d] = answer;
    match (leaf, subleaf) {
        (0, _) => [a.min(0xd), b, c, d],
        // EBX: keep brand index and CLFLUSH size, drop the number of processors and the APIC id.
        (1, _) => [a, b & 0xffff, c & !LEAF1_ECX_HIDE, d & !LEAF1_EDX_HIDE],
        (7, 0) => [0, b & LEAF7_EBX_KEEP, 0, 0],
        (0xd, 0) => [a & XCR0, b, b, 0],
        (0xd, 2) => [a, b, c, d],
        (0x8000_0000, _) => [a.min(0x8000_0008), b, c, d],
        (0x8000_0001, _) => [a, 0, c & EXT1_ECX_KEEP, d & !EXT1_EDX_HIDE],
        (0x8000_0002..=0x8000_0006, _) => answer,
        (0x8000_0008, _) => [a & 0xffff, 0, 0, 0],
        _ => [0; 4],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qube_never_sees_virtualisation_timers_or_topology() {
        let all = [u32::MAX; 4];
        assert_eq!(filter(0x8000_0001, 0, all)[2] & (1 << 2), 0, "SVM");
        assert_eq!(filter(1, 0, all)[2] & (1 << 31), 0, "hypervisor");
        assert_eq!(filter(1, 0, all)[2] & (1 << 21), 0, "x2APIC");
        assert_eq!(filter(1, 0, all)[1] >> 16, 0, "APIC id and count");
        for leaf in [0x8000_000a, 0x4000_0000, 0xb, 0x15, 0x8000_001e, u32::MAX] {
            assert_eq!(filter(leaf, 0, all), [0; 4], "{leaf:#x}");
        }
    }

    #[test]
    fn what_cryptography_looks_for_stays() {
        let all = [u32::MAX; 4];
        let [_, _, c, d] = filter(1, 0, all);
        for bit in [0, 1, 9, 19, 20, 25, 26, 27, 28, 30] {
            assert_ne!(c & (1 << bit), 0, "leaf 1 ECX bit {bit}");
        }
        assert_eq!(d & (3 << 25), 3 << 25, "SSE and SSE2");
        assert_ne!(filter(7, 0, all)[1] & (1 << 5), 0, "AVX2");
    }
}
