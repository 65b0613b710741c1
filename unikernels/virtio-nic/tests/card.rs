//! The driver on a simulated device: one that keeps to the specification, and one that lies.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may")]

mod device;

use device::{Driver, EVENT_INDEX, MAC, Machine, USUAL};
use proptest::prelude::*;
use unikernels_nic::{Dropped, FRAME_MAX, HEADER, Link, Nic, NicError};
use unikernels_virtio_nic::{Error, RECEIVE_ENTRIES, TRANSMIT_ENTRIES};

/// The words in which the device tells of the receive and of the transmit queue, and the first entries behind them.
const RECEIVE_WORD: usize = 2560;
const TRANSMIT_WORD: usize = 4096 + 2560;

fn frame(number: usize, len: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..len).map(|at| (at * 7 + number) as u8).collect();
    frame[..6].copy_from_slice(&MAC);
    frame
}

fn started() -> (Machine, Driver) {
    let machine = Machine::new();
    let driver = machine.start().unwrap();
    (machine, driver)
}

fn receive(driver: &mut Driver) -> Result<Option<Vec<u8>>, NicError> {
    let mut into = [0xee; FRAME_MAX + 100];
    driver.receive(&mut into).map(|len| len.map(|len| into[..len].to_vec()))
}

#[test]
fn a_device_comes_up_behind_the_iommu_and_without_offloads() {
    let (machine, mut driver) = started();
    assert_eq!((driver.mac(), driver.mtu(), driver.link()), (MAC, 1500, Ok(Link::Up)));
    let (accepted, sizes, status) =
        machine.with(|state| (state.accepted, state.rings.map(|ring| ring.size), state.status));
    assert_eq!(accepted, 1 << 33 | 1 << 32 | 1 << 29 | 1 << 16 | 1 << 5);
    assert_eq!((sizes, status), ([RECEIVE_ENTRIES, TRANSMIT_ENTRIES], 15));
    machine.with(|state| state.has_link = false);
    assert_eq!(driver.link(), Ok(Link::Down));
    let ours = [2, 0, 0, 0, 0, 1];
    assert_eq!(machine.start_as(Some(ours)).unwrap().mac(), ours);
}

/// Whether eight bytes in a row of what a frame carries are anywhere in the memory of the card.
fn is_left(machine: &Machine, frame: &[u8]) -> bool {
    machine.with(|state| {
        frame[HEADER..].windows(8).any(|bytes| memchr::memmem::find(&state.memory, bytes).is_some())
    })
}

#[test]
fn nothing_of_a_frame_is_left_once_it_was_taken_or_sent() {
    let (machine, mut driver) = started();
    machine.with(|state| state.is_slow = true);
    for len in [60, 61, 700, FRAME_MAX] {
        let frame = frame(len, len);
        machine.arrive(&frame);
        assert!(is_left(&machine, &frame), "the search does not find a frame that waits");
        assert_eq!(receive(&mut driver).unwrap(), Some(frame.clone()));
        assert!(!is_left(&machine, &frame), "received, {len}");
        driver.transmit(&frame).unwrap();
        driver.flush();
        assert_eq!(driver.has_room(), Ok(true));
        assert!(is_left(&machine, &frame), "it was not sent yet, {len}");
        machine.send_now();
        assert_eq!(driver.has_room(), Ok(true));
        assert!(!is_left(&machine, &frame), "sent, {len}");
        assert_eq!(machine.with(|state| state.sent.pop_front()), Some(frame));
    }
}

#[test]
fn every_length_of_a_frame_comes_and_goes_whole() {
    let (machine, mut driver) = started();
    for len in HEADER..=FRAME_MAX {
        let sent = frame(len, len);
        machine.arrive(&sent);
        assert_eq!(receive(&mut driver), Ok(Some(sent.clone())), "{len}");
        driver.transmit(&sent).unwrap();
        driver.flush();
        assert_eq!(machine.with(|state| state.sent.pop_front()), Some(sent), "{len}");
    }
    assert_eq!((receive(&mut driver), driver.dropped()), (Ok(None), Dropped::default()));
}

#[test]
fn queues_of_any_size_carry_more_than_their_indices_count() {
    for size_max in [1, 2, 3, 16, 100, 256, 0x8000] {
        let machine = Machine::new();
        machine.with(|state| state.size_max = size_max);
        let mut driver = machine.start().unwrap();
        let count = if size_max == 16 { 70_000 } else { 1000 };
        for number in 0..count {
            machine.arrive(&frame(number, 60));
            assert_eq!(receive(&mut driver), Ok(Some(frame(number, 60))), "{size_max}: {number}");
            if size_max < 16 {
                assert_eq!(receive(&mut driver), Ok(None), "which gives it back");
            }
            driver.transmit(&frame(number, 60)).unwrap();
            driver.flush();
            assert_eq!(machine.with(|state| state.sent.pop_front()), Some(frame(number, 60)));
        }
        assert_eq!(machine.with(|state| state.lost), 0);
    }
}

#[test]
fn full_queues_refuse_and_interrupt_when_they_have_room() {
    let (machine, mut driver) = started();
    for number in 0..usize::from(RECEIVE_ENTRIES) + 3 {
        machine.arrive(&frame(number, 100));
    }
    assert_eq!(machine.with(|state| std::mem::take(&mut state.interrupts)), 1, "the first is told");
    for number in 0..usize::from(RECEIVE_ENTRIES) {
        assert_eq!(receive(&mut driver), Ok(Some(frame(number, 100))));
    }
    assert_eq!((receive(&mut driver), machine.with(|state| state.lost)), (Ok(None), 3));
    machine.with(|state| state.is_slow = true);
    for number in 0..usize::from(TRANSMIT_ENTRIES) {
        assert_eq!(driver.has_room(), Ok(true));
        driver.transmit(&frame(number, 100)).unwrap();
    }
    driver.flush();
    assert_eq!((driver.transmit(&frame(0, 60)), driver.has_room()), (Err(NicError::Full), Ok(false)));
    machine.send_now();
    assert!(machine.with(|state| std::mem::take(&mut state.interrupts)) > 0);
    assert_eq!(driver.has_room(), Ok(true));
    driver.transmit(&frame(0, 60)).unwrap();
    driver.flush();
    machine.send_now();
    assert_eq!(machine.with(|state| state.interrupts), 0, "with room, what is sent does not interrupt");
    let sent = machine.with(|state| state.sent.len());
    assert_eq!(sent, usize::from(TRANSMIT_ENTRIES) + 1);
}

/// How many interrupts `count` frames cause.
fn interrupts_of(machine: &Machine, count: usize) -> u64 {
    machine.with(|state| state.interrupts = 0);
    for number in 0..count {
        machine.arrive(&frame(number, 60));
    }
    machine.with(|state| state.interrupts)
}

#[test]
fn a_card_interrupts_when_as_many_frames_have_come_as_are_waited_for() {
    for size_max in [1, 2, 64, 256] {
        let machine = Machine::new();
        machine.with(|state| state.size_max = size_max);
        let mut driver = machine.start().unwrap();
        let most = size_max.min(RECEIVE_ENTRIES);
        // More than an index counts, so that it passes zero at every distance.
        for wanted in (1..=80).chain([u16::MAX]).cycle().take(if size_max == 64 { 4000 } else { 400 }) {
            // Half of the buffers are for what comes until it is awake.
            let wanted = wanted.min((most / 2).max(1));
            assert_eq!(driver.wake_after(wanted), Ok(false));
            assert_eq!(interrupts_of(&machine, usize::from(wanted) - 1), 0, "{size_max}: {wanted}");
            assert_eq!(interrupts_of(&machine, 1), 1, "{size_max}: {wanted}");
            let more = usize::from(most - wanted);
            assert_eq!(interrupts_of(&machine, more), 0, "one is enough");
            assert_eq!(driver.wake_after(wanted), Ok(true), "they have come: there may be no other");
            for _ in 0..usize::from(most) {
                assert!(receive(&mut driver).unwrap().is_some());
            }
            assert_eq!(receive(&mut driver), Ok(None));
            assert_eq!(interrupts_of(&machine, 1), 0, "who takes frames is not interrupted");
            assert!(receive(&mut driver).unwrap().is_some());
            assert_eq!(receive(&mut driver), Ok(None));
        }
        assert_eq!(machine.with(|state| state.lost), 0);
    }
}

#[test]
fn a_card_that_cannot_count_interrupts_for_every_frame_while_it_is_waited_for() {
    let machine = Machine::new();
    machine.with(|state| state.offered &= !EVENT_INDEX);
    let mut driver = machine.start().unwrap();
    for _ in 0..3 {
        assert_eq!(driver.wake_after(20), Ok(false));
        assert_eq!(interrupts_of(&machine, 5), 5);
        for _ in 0..5 {
            assert!(receive(&mut driver).unwrap().is_some());
            assert_eq!(interrupts_of(&machine, 1), 0);
            assert!(receive(&mut driver).unwrap().is_some());
        }
        assert_eq!(receive(&mut driver), Ok(None));
    }
}

#[test]
fn a_burst_costs_few_notifications() {
    let (machine, mut driver) = started();
    // 64 KiB of full frames, and as many answers.
    let before = machine.with(|state| state.notifications);
    for number in 0..45 {
        machine.arrive(&frame(number, FRAME_MAX));
    }
    for number in 0..45 {
        assert_eq!(receive(&mut driver), Ok(Some(frame(number, FRAME_MAX))));
        driver.transmit(&frame(number, 60)).unwrap();
    }
    assert_eq!(receive(&mut driver), Ok(None));
    driver.flush();
    driver.flush();
    assert_eq!(machine.with(|state| state.notifications) - before, 3 + 1);
}

#[test]
fn a_device_that_cannot_be_used_says_why() {
    let refused = |change: &dyn Fn(&mut device::State)| {
        let machine = Machine::new();
        machine.with(change);
        machine.start().map(|_| ()).unwrap_err()
    };
    assert_eq!(refused(&|state| state.offered = USUAL & !(1 << 32)), Error::Legacy);
    assert_eq!(refused(&|state| state.accepts_features = false), Error::Refused);
    assert_eq!(refused(&|state| state.size_max = 0), Error::Queue);
    assert_eq!(refused(&|state| state.mac = [0; 6]), Error::NoMac);
    assert_eq!(refused(&|state| state.mac = [1; 6]), Error::NoMac);
    assert_eq!(refused(&|state| state.offered = USUAL & !(1 << 5)), Error::NoMac);
    let machine = Machine::new();
    assert_eq!(machine.start_as(Some([0xff; 6])).map(|_| ()).unwrap_err(), Error::Mac);
}

#[test]
fn what_the_caller_does_wrong_is_told_and_changes_nothing() {
    let (machine, mut driver) = started();
    assert_eq!(driver.transmit(&[]), Err(NicError::Length));
    assert_eq!(driver.transmit(&[0; FRAME_MAX + 1]), Err(NicError::Length));
    machine.arrive(&frame(1, 60));
    assert_eq!(driver.receive(&mut [0; FRAME_MAX - 1]), Err(NicError::Short));
    assert_eq!(receive(&mut driver), Ok(Some(frame(1, 60))));
    driver.flush();
    assert!(machine.with(|state| state.sent.is_empty()));
}

/// What a receive says when the word at `at` is forged, after one frame has come. A device that breaks the queue stays broken.
fn with_word(at: usize, forge: impl Fn(u64) -> u64 + 'static) -> Result<Option<usize>, NicError> {
    let (machine, mut driver) = started();
    machine.arrive(&frame(1, 60));
    machine.forge(move |place, value| if place == at { forge(value) } else { value });
    let result = receive(&mut driver).map(|frame| frame.map(|frame| frame.len()));
    machine.make_honest();
    if let Err(error) = result {
        assert_eq!(receive(&mut driver), Err(error));
        assert_eq!((driver.transmit(&frame(0, 60)), driver.link()), (Err(error), Err(error)));
        let mut again = machine.start().unwrap();
        machine.arrive(&frame(2, 60));
        assert_eq!(receive(&mut again), Ok(Some(frame(2, 60))));
    }
    result
}

#[test]
fn an_index_and_a_descriptor_that_a_device_names_are_judged() {
    // The receive buffers are given, and one has come: any index up to their number names entries that are still empty, of
    // descriptor 0, which the device owned; beyond is more than it was given.
    for index in (0..300).chain((300..u16::MAX).step_by(331)).chain([0x7fff, 0x8000, 0xff80, 0xffff]) {
        let result = with_word(RECEIVE_WORD, move |value| value & !(0xffff << 48) | u64::from(index) << 48);
        let expected = match index {
            0 => Ok(None),
            1..=RECEIVE_ENTRIES => Ok(Some(60)),
            _ => Err(NicError::Broken),
        };
        assert_eq!(result, expected, "{index}");
    }
    for slot in (0..300).chain([0xffff, 0x1_0000, u32::MAX]) {
        let result = with_word(RECEIVE_WORD + 8, move |value| value & !0xffff_ffff | u64::from(slot));
        let expected = if slot < RECEIVE_ENTRIES.into() { Ok(Some(60)) } else { Err(NicError::Broken) };
        assert_eq!(result, expected, "{slot}");
    }
}

#[test]
fn every_length_that_a_device_may_claim_is_a_frame_or_is_dropped_and_counted() {
    let (machine, mut driver) = started();
    let mut bad = 0;
    for claimed in (0..4096_u64).chain([0xffff, 0x1_0000, 0xffff_ffff]) {
        machine.make_honest();
        machine.arrive(&frame(1, 80));
        machine.forge(move |at, value| {
            let is_entry = (RECEIVE_WORD + 8..4096).contains(&at);
            if is_entry { value & 0xffff_ffff | claimed << 32 } else { value }
        });
        let received = receive(&mut driver).unwrap();
        if (12 + HEADER as u64..=12 + FRAME_MAX as u64).contains(&claimed) {
            assert_eq!(received.map(|frame| frame.len() as u64), Some(claimed - 12));
        } else {
            bad += 1;
            assert_eq!((received, driver.dropped().length), (None, bad), "{claimed}");
        }
    }
}

#[test]
fn a_buffer_told_twice_breaks_the_queue() {
    let (machine, mut driver) = started();
    machine.arrive(&frame(1, 60));
    machine.arrive(&frame(2, 60));
    // Both entries name the first buffer; in between it is given back, so only its name out of turn is a lie for sending.
    machine.forge(|at, value| if at == TRANSMIT_WORD { value | 2 << 48 } else { value });
    driver.transmit(&frame(0, 60)).unwrap();
    assert_eq!(driver.has_room(), Err(NicError::Broken), "two sent, and one was given");
    assert_eq!(receive(&mut driver), Err(NicError::Broken));
}

#[test]
fn a_device_that_is_pulled_out_or_gives_up_is_told() {
    let (machine, mut driver) = started();
    machine.with(|state| state.status |= 64);
    assert_eq!(driver.link(), Err(NicError::Broken));
    let mut driver = machine.start().unwrap();
    machine.with(|state| state.is_gone = true);
    assert_eq!(driver.link(), Err(NicError::Gone));
    assert_eq!((receive(&mut driver), driver.has_room()), (Err(NicError::Gone), Err(NicError::Gone)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The simulated device ends the test when the driver makes it reach outside of its memory, or reaches there itself.
    #[test]
    fn no_lie_makes_it_panic_or_hang_and_truth_brings_it_back(
        seed in 1..u64::MAX, one_of in 1..60_u64, honest_first in 0..200_u64,
    ) {
        let machine = Machine::new();
        let (mut state, mut seen) = (seed, 0);
        let mut driver = machine.start().unwrap();
        machine.forge(move |_, value| {
            // xorshift64: only the seed decides.
            let mut random = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            };
            seen += 1;
            if seen <= honest_first || random() % one_of != 0 {
                return value;
            }
            match random() % 4 {
                0 => random(),
                1 => value ^ 1 << (random() % 64),
                2 => value.wrapping_add((random() % 64) << 48),
                _ => value & !0xffff_ffff | (random() % 140),
            }
        });
        for step in 0..400_usize {
            machine.arrive(&frame(step, 60));
            match step % 5 {
                0 => driver.flush(),
                1 => drop(driver.link()),
                2 => drop(driver.transmit(&frame(step, 100))),
                3 => drop(driver.has_room()),
                _ => {
                    if let Ok(Some(frame)) = receive(&mut driver) {
                        prop_assert!((HEADER..=FRAME_MAX).contains(&frame.len()));
                    }
                }
            }
        }
        machine.make_honest();
        let mut driver = machine.start().unwrap();
        machine.arrive(&frame(9, 60));
        prop_assert_eq!(receive(&mut driver), Ok(Some(frame(9, 60))));
    }
}
