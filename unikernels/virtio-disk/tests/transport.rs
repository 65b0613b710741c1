//! The transport and its guard, on a device that keeps to the specification and on some that do not.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod device;

use device::{ACCESS_PLATFORM, Device, FLUSH, State, VERSION_1, config_space, usual_config_space};
use proptest::prelude::*;
use unikernels_virtio_disk::{Guarded, REQUEST_TIMEOUT_NS};
use unikernels_virtio_pci::{Kind, Layout, LayoutError, Pci, Region};
use virtio_drivers::device::common::Feature;
use virtio_drivers::transport::Transport;
use virtio_drivers::{Error, Result};

type Guard = Guarded<Pci<Device>, Device>;

fn guard(state: State) -> (Device, Guard) {
    let device = Device::new(state);
    let layout = Layout::read(&usual_config_space(), Kind::Block).unwrap();
    (device.clone(), Guarded::new(Pci::new(device.clone(), layout).unwrap(), device))
}

/// What the block driver of the library does when it is made, up to its queue. Says the capacity and the size of the queue.
fn begin(guard: &mut Guard) -> (Result<u64>, u32) {
    let result = begin_unknown(guard);
    assert!(!guard.queue_used(0));
    result
}

/// The same, without belief that a queue of a device that was reset is off.
fn begin_unknown(guard: &mut Guard) -> (Result<u64>, u32) {
    guard.begin_init(Feature::VERSION_1 | Feature::RING_EVENT_IDX | Feature::RING_INDIRECT_DESC);
    let half = |offset| guard.read_config_space::<u32>(offset).map(u64::from);
    let capacity = guard.read_consistent(|| Ok(half(0)? | half(4)? << 32));
    (capacity, guard.max_queue_size(0))
}

#[test]
fn a_usual_device_is_brought_up_behind_the_iommu_with_an_interrupt() {
    let (device, mut guard) = guard(State::default());
    assert_eq!(begin(&mut guard), (Ok(0x12_3456_789a), 256));
    guard.queue_set(0, 16, 0x1_0000_1000, 0x2_0000_2000, 0x3_0000_3000);
    guard.finish_init();
    guard.notify(0);
    let state = device.0.borrow();
    assert_eq!(state.accepted, VERSION_1 | ACCESS_PLATFORM, "and neither EVENT_IDX nor INDIRECT_DESC");
    assert_eq!((state.status, state.vector, state.enabled, state.queue_size), (15, 0, true, 16));
    assert_eq!(state.areas, [0x1_0000_1000, 0x2_0000_2000, 0x3_0000_3000]);
    assert_eq!(state.notified, [(12, 0)], "the third address of four bytes each");
}

#[test]
fn the_driver_sees_the_features_of_a_block_device_and_no_other() {
    let (_, mut guard) = guard(State { offered: u64::MAX, ..State::default() });
    assert_eq!(guard.read_device_features(), VERSION_1 | FLUSH | 1 << 5);
}

#[test]
fn without_an_iommu_nothing_is_accepted_that_was_not_offered() {
    let (device, mut guard) = guard(State { offered: VERSION_1, ..State::default() });
    assert_eq!(begin(&mut guard), (Ok(0x12_3456_789a), 256));
    assert_eq!(device.0.borrow().accepted, VERSION_1);
}

#[test]
fn a_device_that_refuses_gives_no_queue() {
    let refused = |state| begin(&mut guard(state).1);
    let unsupported = (Err(Error::Unsupported), 0);
    assert_eq!(refused(State { accepts_features: false, ..State::default() }), unsupported);
    assert_eq!(refused(State { offered: ACCESS_PLATFORM, ..State::default() }), unsupported, "legacy");
    assert_eq!(
        refused(State { generation_changes: true, ..State::default() }),
        unsupported,
        "never the same twice"
    );
    assert_eq!(refused(State { has_vectors: false, ..State::default() }).1, 0);
    assert_eq!(refused(State { notify_off: 0x1000, ..State::default() }).1, 0);
    assert_eq!(refused(State { notify_off: 0x3ff, ..State::default() }).1, 256, "the last inside");
    assert_eq!(refused(State { resets: false, status: 15, ..State::default() }).1, 0, "left running");
}

#[test]
fn a_reset_makes_a_refused_device_usable_again() {
    let (device, mut guard) = guard(State { accepts_features: false, ..State::default() });
    assert_eq!(begin(&mut guard).1, 0);
    device.0.borrow_mut().accepts_features = true;
    assert_eq!(begin(&mut guard), (Ok(0x12_3456_789a), 256));
    guard.queue_unset(0);
    assert_eq!(device.0.borrow().status, 0, "no queue means no device");
}

#[test]
#[should_panic(expected = "the disk did not answer")]
fn silence_ends_the_program_and_does_not_spin() {
    let (device, mut guard) = guard(State::default());
    assert_eq!(begin(&mut guard).1, 256);
    guard.notify(0);
    assert_eq!(device.0.borrow().now_ns, 1_000);
    device.0.borrow_mut().answers = false;
    assert_eq!(REQUEST_TIMEOUT_NS, 10_000_000_000);
    guard.notify(0);
}

#[test]
fn config_space_is_read_inside_the_region_and_aligned() {
    let (_, guard) = guard(State::default());
    assert_eq!(guard.read_config_space::<[u32; 2]>(0), Ok([0x3456_789a, 0x12]));
    assert_eq!(guard.read_config_space::<u32>(2), Err(Error::ConfigSpaceTooSmall));
    assert_eq!(guard.read_config_space::<u32>(0x1000), Err(Error::ConfigSpaceTooSmall));
    assert_eq!(guard.read_config_space::<u8>(usize::MAX), Err(Error::ConfigSpaceTooSmall));
}

#[test]
fn the_layout_of_a_usual_device_is_found() {
    let region = |at| Region { bar: 4, at, len: 0x1000 };
    let expected = Layout {
        kind: Kind::Block,
        common: region(0),
        notify: region(0x3000),
        notify_multiplier: 4,
        isr: region(0x1000),
        device: region(0x2000),
    };
    assert_eq!(Layout::read(&usual_config_space(), Kind::Block), Ok(expected));
    // Of each kind the first counts, one in a BAR that does not exist is none, and unknown kinds are passed over.
    let all = [
        (1, 4, 0, 0x1000, 0),
        (3, 4, 0x1000, 0x1000, 0),
        (4, 4, 0x2000, 0x1000, 0),
        (2, 4, 0x3000, 0x1000, 4),
    ];
    let strange = [&[(5, 0, 1, 2, 0), (2, 6, 0, 0x1000, 0)], all.as_slice(), &[(2, 1, 0, 2, 2)]].concat();
    assert_eq!(Layout::read(&config_space(&strange), Kind::Block), Ok(expected));
}

#[test]
fn a_layout_that_cannot_be_is_refused() {
    let changed = |at: usize, value: u8| {
        let mut config = usual_config_space();
        config[at] = value;
        Layout::read(&config, Kind::Block)
    };
    assert_eq!(changed(0, 0), Err(LayoutError::OtherKind));
    assert_eq!(changed(2, 0x41), Err(LayoutError::OtherKind), "a network card");
    assert_eq!(changed(6, 0), Err(LayoutError::Missing), "no list");
    assert_eq!(changed(0x34, 0), Err(LayoutError::Missing), "an empty list");
    assert_eq!(changed(0x51, 0x40), Err(LayoutError::List), "a loop");
    assert_eq!(changed(0x51, 0x50), Err(LayoutError::List), "a loop of one");
    assert_eq!(changed(0x51, 0x10), Err(LayoutError::List), "into the header");
    assert_eq!(changed(0x52, 15), Err(LayoutError::Missing), "too short for a region");
    assert_eq!(changed(0x8e, 19), Err(LayoutError::Missing), "too short for a multiplier");
}

#[test]
fn regions_outside_what_is_mapped_are_refused() {
    let good = Layout::read(&usual_config_space(), Kind::Block).unwrap();
    let made = |layout| Pci::new(Device::new(State::default()), layout).map(|_| ());
    let bad = |region| {
        let layouts = [
            Layout { common: region, ..good },
            Layout { notify: region, ..good },
            Layout { isr: region, ..good },
            Layout { device: region, ..good },
        ];
        layouts.into_iter().all(|layout| made(layout) == Err(Error::ConfigSpaceTooSmall))
    };
    assert_eq!(made(good), Ok(()));
    assert!(bad(Region { bar: 3, at: 0, len: 0x1000 }), "not mapped");
    assert!(bad(Region { bar: 4, at: 0x3ffc, len: 0x1000 }), "over the end");
    assert!(bad(Region { bar: 4, at: 0xffff_f000, len: 0x2000 }), "round the end of 32 bits");
    assert!(bad(Region { bar: 4, at: 0, len: 0 }), "empty");
    assert_eq!(
        made(Layout { common: Region { bar: 4, at: 2, len: 64 }, ..good }),
        Err(Error::ConfigSpaceTooSmall)
    );
}

proptest! {
    /// The simulated device ends the test at an access outside its BAR, or one that is not aligned.
    #[test]
    fn any_regions_and_any_answers_stay_inside_what_is_mapped(
        regions in any::<[(u32, u32); 4]>(),
        small in prop::array::uniform4(prop::bool::weighted(0.9)),
        multiplier in prop_oneof![0..64_u32, any::<u32>()],
        noise in 1..u64::MAX,
    ) {
        let [common, notify, isr, device] = [0, 1, 2, 3].map(|index| {
            let (at, len) = regions[index];
            // Most regions that are drawn are far outside.
            let (at, len) = if small[index] { ((at % 0x4000) & !3, len % 0x1000) } else { (at, len) };
            Region { bar: 4, at, len }
        });
        let layout = Layout { kind: Kind::Block, common, notify, notify_multiplier: multiplier, isr, device };
        let fake = Device::new(State { noise: Some(noise), ..State::default() });
        if let Ok(pci) = Pci::new(fake.clone(), layout) {
            let mut guard = Guarded::new(pci, fake.clone());
            let (capacity, size) = begin_unknown(&mut guard);
            if size > 0 {
                prop_assert!(capacity.is_ok());
                guard.queue_set(0, 16, 1 << 12, 2 << 12, 3 << 12);
                guard.finish_init();
                guard.notify(0);
            }
            guard.ack_interrupt();
            guard.queue_unset(0);
        }
    }

    #[test]
    fn any_bytes_are_a_layout_or_an_error(bytes in prop::collection::vec(any::<u8>(), 256), block in any::<bool>()) {
        let mut config: [u8; 256] = bytes.try_into().unwrap();
        if block {
            config[..8].copy_from_slice(&usual_config_space()[..8]);
        }
        if let Ok(layout) = Layout::read(&config, Kind::Block) {
            let regions = [layout.common, layout.notify, layout.isr, layout.device];
            prop_assert!(block && regions.iter().all(|region| region.bar < 6));
        }
    }
}
