//! Units that do not answer, cannot, or have too much to say; callers that ask for too much.

use supervisor_mem::{Gpa, Hpa, NestedError};

use super::confinement::{OTHER, VAULT};
use super::model::{Access, CARD, DISK, KINDS, Machine, UNITS, found, started};
use crate::{Bdf, DEVICES_MAX, Error, Fault, Iommu, Kind};

const FULL: Error = Error::Table(NestedError::OutOfTables);

#[test]
fn a_unit_that_does_not_answer_keeps_the_owner_for_ever() {
    for kind in KINDS {
        let mut iommu = started(kind);
        iommu.assign(DISK, 3, &VAULT).expect("room");
        iommu.hw.deaf = Some(UNITS[1]);
        assert_eq!(iommu.unassign(DISK), Err(Error::Stuck));
        iommu.hw.deaf = None;
        assert_eq!(iommu.unassign(DISK), Err(Error::Stuck), "what it was told may still be under way");
        assert_eq!(iommu.assign(DISK, 4, &OTHER), Err(Error::Owner));
        assert_eq!(iommu.assign(CARD, 4, &OTHER), Err(Error::Stuck));
        assert_eq!(iommu.hw.dma(UNITS[0], CARD.0, 0, Access::Read), None, "blocked again");
    }
}

#[test]
fn a_unit_that_is_deaf_or_cannot_is_not_started() {
    let start = |machine| Iommu::start(&found(Kind::Intel), machine).err();
    let mut machine = Machine::new(Kind::Intel);
    machine.deaf = Some(UNITS[0]);
    assert_eq!(start(machine), Some(Error::Stuck));
    for (register, bit) in [(0x08, 4), (0x08, 34), (0x08, 9), (0x08, 54), (0x08, 55), (0x10, 1), (0x10, 3)] {
        let mut machine = Machine::new(Kind::Intel);
        machine.set(UNITS[1] + register, machine.get(UNITS[1] + register) ^ 1 << bit);
        assert_eq!(start(machine), Some(Error::Unsupported), "{register:#x} {bit}");
    }
    let mut machine = Machine::new(Kind::Amd);
    machine.set(UNITS[1] + 0x30, 0);
    assert_eq!(Iommu::start(&found(Kind::Amd), machine).err(), Some(Error::Unsupported));
}

#[test]
fn too_few_frames_are_an_error_wherever_they_end() {
    for kind in KINDS {
        let base = if kind == Kind::Amd { 512 } else { 0 };
        let mut starts = 0;
        for frames in base..base + 32 {
            let mut machine = Machine::new(kind);
            machine.memory.frames_max = frames;
            match Iommu::start(&found(kind), machine) {
                Err(error) => assert_eq!((error, starts), (FULL, 0)),
                Ok(mut iommu) => {
                    starts += 1;
                    let assigned = iommu.assign(DISK, 1, &VAULT);
                    assert!(matches!(assigned, Ok(()) | Err(FULL)));
                    let lands = iommu.hw.dma(UNITS[0], DISK.0, 0x20_0000, Access::Write);
                    assert_eq!(lands.is_some(), assigned.is_ok());
                }
            }
        }
        assert!((1..32).contains(&starts));
    }
}

#[test]
fn four_levels_are_used_where_all_units_have_them() {
    let far = [(Gpa(1 << 40), Hpa(0x4000_0000), 4096)];
    let mut machine = Machine::new(Kind::Intel);
    for base in UNITS {
        machine.set(base + 0x08, machine.get(base + 0x08) & !(0x3f << 16) | 47 << 16 | 1 << 10);
    }
    let mut iommu = Iommu::start(&found(Kind::Intel), machine).expect("units that can");
    iommu.assign(DISK, 1, &far).expect("room");
    assert_eq!(iommu.hw.dma(UNITS[1], DISK.0, 1 << 40, Access::Read), Some(0x4000_0000));
    // Wide addresses do not help where there are three levels, which end at 512 GiB.
    let mut machine = Machine::new(Kind::Intel);
    for base in UNITS {
        machine.set(base + 0x08, machine.get(base + 0x08) & !(0x3f << 16) | 47 << 16);
    }
    let mut iommu = Iommu::start(&found(Kind::Intel), machine).expect("units that can");
    assert_eq!(iommu.assign(DISK, 1, &far), Err(Error::Table(NestedError::Misaligned)));
    let both = [(Gpa(0), Hpa(0x4000_0000), 4096), far[0]];
    let refused = iommu.assign(DISK, 1, &both);
    assert_eq!(refused, Err(Error::Table(NestedError::Misaligned)), "half of it is not enough");
    assert_eq!(iommu.hw.dma(UNITS[1], DISK.0, 0, Access::Read), None);
    let mut iommu = started(Kind::Amd);
    iommu.assign(DISK, 1, &far).expect("room");
    assert_eq!(iommu.hw.dma(UNITS[1], DISK.0, 1 << 40, Access::Read), Some(0x4000_0000));
}

#[test]
fn faults_come_in_order_and_an_overflow_is_counted_and_ends() {
    for kind in KINDS {
        let mut iommu = started(kind);
        let room = if kind == Kind::Amd { 255 } else { 2 };
        for round in 1..4 {
            for page in 0..room + 3 {
                iommu.hw.dma(UNITS[1], CARD.0, page << 12, Access::Read);
            }
            for page in 0..room {
                let fault = Fault { bdf: CARD, address: Gpa(page << 12), is_write: false };
                assert_eq!(iommu.next_fault(), Some(fault));
            }
            assert_eq!(iommu.next_fault(), None);
            assert_eq!(iommu.overflows(), round);
        }
        for page in 0..700 {
            iommu.hw.dma(UNITS[0], DISK.0, page << 12, Access::Write);
            let fault = Fault { bdf: DISK, address: Gpa(page << 12), is_write: true };
            assert_eq!((iommu.next_fault(), iommu.next_fault()), (Some(fault), None), "{page}");
        }
        assert_eq!(iommu.overflows(), 3);
    }
}

#[test]
fn events_that_are_not_about_a_device_are_passed_over() {
    let mut iommu = started(Kind::Amd);
    let (base, log) = (UNITS[0], iommu.hw.get(UNITS[0] + 0x10) & 0x000f_ffff_ffff_f000);
    iommu.hw.memory.store(log, 5 << 60);
    iommu.hw.set(base + 0x2018, 16);
    iommu.hw.dma(base, CARD.0, 0x5000, Access::Write);
    let fault = Fault { bdf: CARD, address: Gpa(0x5000), is_write: true };
    assert_eq!((iommu.next_fault(), iommu.next_fault()), (Some(fault), None));
    assert_eq!(iommu.hw.get(base + 0x2010), 32, "the unit knows that there is room again");
}

#[test]
fn devices_that_cannot_be_confined_alone_are_refused() {
    for kind in KINDS {
        let mut iommu = started(kind);
        if kind == Kind::Amd {
            assert_eq!(iommu.assign(Bdf(0xffff), 1, &VAULT), Err(Error::Unconfined));
        }
        assert_eq!(iommu.assign(Bdf(0x00ff), 1, &VAULT), Err(Error::Unconfined));
        assert_eq!(iommu.assign(Bdf(0x00a0), 1, &VAULT), Err(Error::Unconfined), "an I/O APIC");
        assert_eq!(iommu.unassign(DISK), Err(Error::Owner));
        iommu.assign(DISK, 1, &VAULT).expect("room");
        assert_eq!(iommu.assign(DISK, 1, &VAULT), Err(Error::Owner));
        iommu.unassign(DISK).expect("it obeys");
        assert_eq!(iommu.unassign(DISK), Err(Error::Owner));
        for bdf in (1..).take(DEVICES_MAX - 1) {
            iommu.assign(Bdf(0x100 + bdf), 1, &VAULT).expect("room");
        }
        assert_eq!(iommu.assign(Bdf(0x200), 1, &VAULT), Err(Error::TooMany));
        let half = [(Gpa(0), Hpa(0), 2048)];
        assert_eq!(iommu.assign(DISK, 2, &half), Err(Error::Table(NestedError::Misaligned)));
    }
}
