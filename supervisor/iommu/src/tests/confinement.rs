//! Who reaches what.

use std::collections::HashMap;

use proptest::prelude::*;
use supervisor_mem::{Gpa, Hpa, NestedError};

use super::model::{Access, CARD, DISK, KINDS, Machine, Op, UNITS, started};
use super::walk::{interrupt, walk};
use crate::{Bdf, Error, Iommu, Kind, Region};

pub(super) const VAULT: [Region; 2] =
    [(Gpa(0x20_0000), Hpa(0x4000_0000), 0x40_3000), (Gpa(0x80_0000), Hpa(0x5000_5000), 0x2000)];
pub(super) const OTHER: [Region; 1] = [(Gpa(0), Hpa(0x7000_0000), 0x20_0000)];

/// What `regions` make of a page.
fn expected(regions: &[Region], page: u64) -> Option<u64> {
    let region = regions.iter().find(|(guest, _, bytes)| page.wrapping_sub(guest.0) < *bytes)?;
    Some(region.1.0 + (page - region.0.0))
}

/// Every device but those of `owners` is blocked; those reach their regions in the first 16 MiB and nothing else there, and
/// nothing at the edges of the address space or where the machine itself has things.
fn check(iommu: &Iommu<Machine>, owners: &HashMap<u16, &[Region]>) {
    let machine = &iommu.hw;
    for base in UNITS {
        let reaches =
            |bdf, page, access| walk(machine.kind, &machine.memory, machine.devices(base), bdf, page, access);
        for bdf in 0..=u16::MAX {
            let Some(regions) = owners.get(&bdf) else {
                for page in [0, 0x20_0000, 0x100_0000, 0x4000_0000, 0xfee0_0000, (1 << 38) - 4096] {
                    assert_eq!(reaches(bdf, page, Access::Read), None, "{bdf:#x}");
                    assert_eq!(reaches(bdf, page, Access::Write), None, "{bdf:#x}");
                }
                continue;
            };
            let edges =
                [0x4000_0000, 0x7000_0000, base, 0xfee0_0000, (1 << 39) - 4096, 1 << 39, (1 << 48) - 4096];
            for page in (0..0x100_0000).step_by(4096).chain(edges) {
                for access in [Access::Read, Access::Write] {
                    assert_eq!(reaches(bdf, page, access), expected(regions, page), "{bdf:#x} {page:#x}");
                }
            }
        }
    }
}

#[test]
fn at_the_start_all_65536_devices_are_blocked_and_it_is_logged() {
    for kind in KINDS {
        let mut iommu = started(kind);
        check(&iommu, &HashMap::new());
        assert_eq!(iommu.hw.dma(UNITS[1], DISK.0, 0x1234, Access::Write), None);
        let fault = iommu.next_fault().expect("it was logged");
        assert_eq!((fault.bdf, fault.address.0 & !0xfff, fault.is_write), (DISK, 0x1000, true));
        assert_eq!(iommu.next_fault(), None);
    }
}

#[test]
fn an_assigned_device_reaches_its_owners_memory_and_all_others_nothing() {
    for kind in KINDS {
        let mut iommu = started(kind);
        iommu.assign(DISK, 3, &VAULT).expect("room");
        iommu.assign(CARD, 0, &OTHER).expect("room");
        check(&iommu, &HashMap::from([(DISK.0, &VAULT[..]), (CARD.0, &OTHER[..])]));
        iommu.unassign(DISK).expect("it obeys");
        check(&iommu, &HashMap::from([(CARD.0, &OTHER[..])]));
        iommu.assign(DISK, 0, &OTHER).expect("a new owner");
        check(&iommu, &HashMap::from([(DISK.0, &OTHER[..]), (CARD.0, &OTHER[..])]));
        iommu.unassign(CARD).expect("it obeys");
        iommu.unassign(DISK).expect("it obeys");
        check(&iommu, &HashMap::new());
    }
}

#[test]
fn what_units_remember_is_gone_when_assign_and_unassign_return() {
    for kind in KINDS {
        let mut iommu = started(kind);
        for base in UNITS {
            assert_eq!(iommu.hw.dma(base, DISK.0, 0x20_0010, Access::Read), None);
        }
        iommu.assign(DISK, 3, &VAULT).expect("room");
        for base in UNITS {
            assert_eq!(iommu.hw.dma(base, DISK.0, 0x20_0010, Access::Read), Some(0x4000_0010));
            assert_eq!(iommu.hw.dma(base, DISK.0, 0x60_2fff, Access::Write), Some(0x4040_2fff));
        }
        iommu.unassign(DISK).expect("it obeys");
        for base in UNITS {
            assert_eq!(iommu.hw.dma(base, DISK.0, 0x20_0010, Access::Read), None);
            assert_eq!(iommu.hw.dma(base, DISK.0, 0x60_2fff, Access::Write), None);
        }
    }
}

#[test]
fn unassign_blocks_then_every_unit_forgets_and_is_waited_for() {
    for kind in KINDS {
        let mut iommu = started(kind);
        iommu.assign(DISK, 3, &VAULT).expect("room");
        iommu.hw.ops.clear();
        iommu.unassign(DISK).expect("it obeys");
        let devices = iommu.hw.devices(UNITS[0]);
        let entry = match kind {
            Kind::Amd => devices + 32 * u64::from(DISK.0),
            Kind::Intel => (iommu.hw.memory.word(devices) & !0xfff) + 16 * u64::from(DISK.0),
        };
        let ops = &iommu.hw.ops;
        assert!(matches!(ops[0], Op::Table(at, value) if at == entry && value & (3 << 61) == 0), "{ops:?}");
        let place = |wanted| ops.iter().position(|op| *op == wanted).expect("done");
        for base in UNITS {
            assert!(place(Op::Forget(base)) < place(Op::Told(base)));
        }
        assert!(place(Op::Told(UNITS[0])) < place(Op::Forget(UNITS[1])));
    }
}

#[test]
fn a_device_raises_its_one_interrupt_and_no_other() {
    for kind in KINDS {
        let mut iommu = started(kind);
        iommu.assign(DISK, 3, &VAULT).expect("room");
        iommu.assign(CARD, 4, &OTHER).expect("room");
        let disk = iommu.route(DISK, 0x51, 7).expect("room");
        let card = iommu.route(CARD, 0x52, 0).expect("room");
        let raises = |iommu: &Iommu<Machine>, bdf: Bdf, address, data| {
            let machine = &iommu.hw;
            let (devices, remapping) = (machine.devices(UNITS[0]), machine.remapping(UNITS[0]));
            interrupt(kind, &machine.memory, devices, remapping, bdf.0, u64::from(address), data)
        };
        assert_eq!(raises(&iommu, DISK, disk, 0), Some((0x51, 7)));
        assert_eq!(raises(&iommu, CARD, card, 0), Some((0x52, 0)));
        for bdf in [DISK, CARD, Bdf(0x33)] {
            for low in (0..0x10_0000).step_by(4) {
                for data in [0, 0x20, 0x51, 0x7ff] {
                    let got = raises(&iommu, bdf, 0xfee0_0000 | low, data);
                    let own = if bdf == DISK { (0x51, 7) } else { (0x52, 0) };
                    assert!(
                        got.is_none() || bdf != Bdf(0x33) && got == Some(own),
                        "{bdf:?} {low:#x} {got:?}"
                    );
                }
            }
        }
        iommu.unassign(DISK).expect("it obeys");
        assert_eq!(raises(&iommu, DISK, disk, 0), None);
        assert_eq!(iommu.route(DISK, 0x51, 256), Err(Error::Destination));
        iommu.assign(DISK, 4, &OTHER).expect("a new owner");
        assert_eq!(raises(&iommu, DISK, disk, 0), None, "which has not asked for it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_regions_are_reached_exactly_or_refused(
        pages in prop::collection::vec((0_u64..1 << 12, 0_u64..1 << 20, 1_u64..1 << 11), 1..4),
        is_intel in any::<bool>(),
        probes in prop::collection::vec(0_u64..1 << 13, 64),
    ) {
        let kind = KINDS[usize::from(is_intel)];
        let regions: Vec<Region> = pages
            .iter()
            .map(|&(guest, host, count)| (Gpa(guest << 12), Hpa(host << 12), count << 12))
            .collect();
        let overlap = regions.iter().enumerate().any(|(place, one)| {
            regions[..place].iter().any(|other| {
                one.0.0 < other.0.0 + other.2 && other.0.0 < one.0.0 + one.2
            })
        });
        let mut iommu = started(kind);
        let got = iommu.assign(DISK, 9, &regions);
        prop_assert_eq!(got, if overlap { Err(Error::Table(NestedError::InUse)) } else { Ok(()) });
        let machine = &iommu.hw;
        let edges = regions.iter().flat_map(|region| [region.0.0, region.0.0 + region.2]);
        for page in probes.iter().map(|page| page << 12).chain(edges) {
            let wanted = if overlap { None } else { expected(&regions, page) };
            for access in [Access::Read, Access::Write] {
                let lands = walk(kind, &machine.memory, machine.devices(UNITS[0]), DISK.0, page, access);
                prop_assert_eq!(lands, wanted);
            }
        }
    }
}
