//! Nested-table entries of AMD (APM vol. 2, 15.25.5: long-mode format; every access is checked as a user access).

use supervisor_mem::{Encoding, Hpa, Rights, Size};

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
/// Write-through and cache-disable: uncached whatever the qube's own tables say.
const UNCACHED: u64 = 1 << 3 | 1 << 4;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// A bit that hardware ignores; marks a leaf of ours.
const LEAF: u64 = 1 << 9;

/// AMD's encoding.
pub struct Npt;

impl Encoding for Npt {
    fn table(at: Hpa, _level: u32) -> u64 {
        at.0 | PRESENT | WRITABLE | USER | ACCESSED
    }

    fn leaf(at: Hpa, rights: Rights, size: Size) -> u64 {
        let rights = match rights {
            Rights::R => NO_EXECUTE,
            Rights::RX => 0,
            Rights::RW => WRITABLE | NO_EXECUTE,
            Rights::Device => WRITABLE | NO_EXECUTE | UNCACHED,
        };
        let size = match size {
            Size::Page => 0,
            Size::Large => LARGE,
        };
        at.0 | PRESENT | USER | ACCESSED | DIRTY | LEAF | rights | size
    }

    fn next(entry: u64) -> Option<Hpa> {
        (entry & PRESENT != 0 && entry & LEAF == 0).then_some(Hpa(entry & ADDRESS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_right_is_both_writable_and_executable() {
        for rights in [Rights::R, Rights::RX, Rights::RW, Rights::Device] {
            for size in [Size::Page, Size::Large] {
                let entry = Npt::leaf(Hpa(0x20_0000), rights, size);
                assert!(entry & WRITABLE == 0 || entry & NO_EXECUTE != 0);
                assert_eq!(entry & WRITABLE != 0, [Rights::RW, Rights::Device].contains(&rights));
                assert_eq!(entry & UNCACHED != 0, rights == Rights::Device);
                assert_eq!(entry & NO_EXECUTE == 0, rights == Rights::RX);
                assert_eq!(entry & LARGE != 0, size == Size::Large);
                assert_eq!(entry & ADDRESS, 0x20_0000);
                assert_eq!(Npt::next(entry), None);
            }
        }
        assert_eq!(Npt::next(Npt::table(Hpa(0x5000), 1)), Some(Hpa(0x5000)));
    }
}
