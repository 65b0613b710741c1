//! The hand-laid boot information against the crate whose format it is.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::num::{NonZeroU32, NonZeroU64};

use build_image::{BOOT_INFO_SIZE, BOOT_TIME_OFFSET, CPU_KHZ_OFFSET, boot_info};
use hermit_entry::boot_info::{BootInfo, HardwareInfo, LoadInfo, PlatformInfo, RawBootInfo};

/// What `hermit-entry` itself makes of the same facts, with this frequency and time.
fn theirs(cpu_khz: u32, boot_time: (i64, i64)) -> RawBootInfo {
    let seconds = core_time(boot_time);
    RawBootInfo::from(BootInfo {
        hardware_info: HardwareInfo {
            phys_addr_range: 0x20_0000..0x40_0000,
            serial_port_base: None,
            device_tree: None,
        },
        load_info: LoadInfo { kernel_image_addr_range: 0x20_0000..0x21_0000, tls_info: None },
        platform_info: PlatformInfo::Uhyve {
            has_pci: false,
            num_cpus: NonZeroU64::MIN,
            cpu_freq: NonZeroU32::new(cpu_khz),
            boot_time: seconds,
        },
    })
}

fn core_time((seconds, nanoseconds): (i64, i64)) -> time::OffsetDateTime {
    time::OffsetDateTime::UNIX_EPOCH
        + time::Duration::seconds(seconds)
        + time::Duration::nanoseconds(nanoseconds)
}

/// The bytes of a value in this very process; the kernel lets a process read itself, so no `unsafe` is needed.
fn bytes_of(value: &RawBootInfo) -> [u8; BOOT_INFO_SIZE] {
    let mut bytes = [0; BOOT_INFO_SIZE];
    let mut memory = File::open("/proc/self/mem").unwrap();
    memory.seek(SeekFrom::Start(std::ptr::from_ref(value).addr() as u64)).unwrap();
    memory.read_exact(&mut bytes).unwrap();
    bytes
}

/// The fields of the layout; what lies between them is padding.
const FIELDS: [(usize, usize); 9] =
    [(0, 18), (24, 8), (32, 16), (48, 32), (80, 4), (88, 1), (96, 8), (104, 4), (112, 16)];

#[test]
fn our_bytes_are_those_of_the_crate() {
    assert_eq!(size_of::<RawBootInfo>(), BOOT_INFO_SIZE);
    let (ours, theirs) =
        (boot_info((0x20_0000, 0x40_0000), (0x20_0000, 0x21_0000)), bytes_of(&theirs(0, (0, 0))));
    for (at, size) in FIELDS {
        assert_eq!(ours[at..at + size], theirs[at..at + size], "at {at}");
    }
}

#[test]
fn frequency_and_time_go_where_the_crate_has_them() {
    let mut ours = boot_info((0x20_0000, 0x40_0000), (0x20_0000, 0x21_0000));
    let (cpu, time) = (usize::try_from(CPU_KHZ_OFFSET).unwrap(), usize::try_from(BOOT_TIME_OFFSET).unwrap());
    ours[cpu..cpu + 4].copy_from_slice(&2_893_201u32.to_le_bytes());
    ours[time..time + 16].copy_from_slice(&1_767_225_600_123_456_789i128.to_le_bytes());
    let theirs = bytes_of(&theirs(2_893_201, (1_767_225_600, 123_456_789)));
    for (at, size) in FIELDS {
        assert_eq!(ours[at..at + size], theirs[at..at + size], "at {at}");
    }
}
