//! The driver on a card that lies, keeps silent, or is pulled out.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may")]

mod machine;

use machine::{Driver, MAC, Machine, Place};
use proptest::prelude::*;
use unikernels_e1000e::{Error, RECEIVE_ENTRIES, TRANSMIT_ENTRIES};
use unikernels_nic::{Dropped, FRAME_MAX, HEADER, Link, Nic, NicError};

fn frame(number: u8) -> Vec<u8> {
    let mut frame = vec![number; 80];
    frame[..6].copy_from_slice(&MAC);
    frame
}

fn receive(driver: &mut Driver) -> Result<Option<Vec<u8>>, NicError> {
    let mut into = [0xee; FRAME_MAX + 100];
    driver.receive(&mut into).map(|len| len.map(|len| into[..len].to_vec()))
}

#[test]
fn every_length_that_a_card_may_claim_is_a_frame_or_is_dropped_and_counted() {
    let machine = Machine::new();
    let mut driver = machine.start().unwrap();
    let mut bad = 0;
    for claimed in 0..=u64::from(u16::MAX) {
        machine.make_honest();
        machine.arrive(&frame(1));
        machine.forge(move |place, value| match place {
            Place::Receive(_) if value != 0 => value & !0xffff | claimed,
            _ => value,
        });
        let received = receive(&mut driver).unwrap();
        if (HEADER as u64..=FRAME_MAX as u64).contains(&claimed) {
            assert_eq!(received.map(|frame| frame.len() as u64), Some(claimed));
        } else {
            bad += 1;
            assert_eq!((received, driver.dropped().length), (None, bad), "{claimed}");
        }
    }
    machine.make_honest();
    machine.arrive(&frame(2));
    assert_eq!(receive(&mut driver), Ok(Some(frame(2))));
}

#[test]
fn every_status_and_error_of_a_descriptor_is_judged() {
    for bits in 0..=u64::from(u16::MAX) {
        let (status, errors) = (bits & 0xff, bits >> 8);
        let machine = Machine::new();
        // A machine for each would take long: only those are made whose unused bits are few.
        if (status >> 2).count_ones() + (errors >> 2).count_ones() > 1 {
            continue;
        }
        let mut driver = machine.start().unwrap();
        machine.set_receive_entry(0, 80 | status << 32 | errors << 40);
        let received = receive(&mut driver).unwrap();
        let is_damaged = errors & 0b1001_0111 != 0;
        let expected = match status & 3 {
            0 | 2 => (false, Dropped::default()),
            _ if is_damaged => (false, Dropped { damaged: 1, length: 0 }),
            1 => (false, Dropped { damaged: 0, length: 1 }),
            _ => (true, Dropped::default()),
        };
        assert_eq!((received.is_some(), driver.dropped()), expected, "{status:#x} {errors:#x}");
    }
}

#[test]
fn a_frame_of_more_than_one_buffer_is_dropped_whole() {
    let machine = Machine::new();
    let mut driver = machine.start().unwrap();
    let mut long = vec![7; 5000];
    long[..6].copy_from_slice(&MAC);
    machine.arrive(&long);
    machine.arrive(&frame(3));
    assert_eq!(receive(&mut driver), Ok(Some(frame(3))), "not the rest of the long one, which fits");
    assert_eq!(driver.dropped(), Dropped { length: 3, damaged: 0 });
}

#[test]
fn a_descriptor_done_again_is_at_most_a_frame_more() {
    let machine = Machine::new();
    let mut driver = machine.start().unwrap();
    machine.arrive(&frame(1));
    assert_eq!(receive(&mut driver), Ok(Some(frame(1))));
    // The same one again, out of turn: it is not looked at until the ring comes round.
    machine.set_receive_entry(0, 80 | 3 << 32);
    assert_eq!(receive(&mut driver), Ok(None));
    // The card writes over every descriptor, the one that it does not own too: each is a frame once, and then it ends.
    for entry in 0..RECEIVE_ENTRIES {
        machine.set_receive_entry(entry, 80 | 3 << 32);
    }
    let count = (0..1000).filter(|_| receive(&mut driver).unwrap().is_some()).count();
    assert_eq!(count, RECEIVE_ENTRIES);
}

#[test]
fn a_card_that_says_done_before_it_sent_and_again_gives_buffers_back_early_and_no_more() {
    let machine = Machine::new();
    let mut driver = machine.start().unwrap();
    machine.with(|state| state.is_slow = true);
    machine.forge(|place, value| if matches!(place, Place::Transmit(_)) { value | 1 << 32 } else { value });
    for number in 0..3 * TRANSMIT_ENTRIES {
        driver.transmit(&frame(number as u8)).unwrap();
    }
    // And one that never says it: the ring is full, and stays so, without an end that is not there.
    machine.forge(|place, value| if matches!(place, Place::Transmit(_)) { 0 } else { value });
    let sent = (0..1000).filter(|_| driver.transmit(&frame(0)).is_ok()).count();
    assert!(sent < TRANSMIT_ENTRIES, "{sent}");
    assert_eq!(driver.has_room(), Ok(false));
}

#[test]
fn a_card_that_does_not_come_up_says_why_in_bounded_time() {
    for stuck in [Error::Master, Error::Reset, Error::Nvm] {
        let machine = Machine::new();
        machine.with(|state| state.stuck = Some(stuck));
        assert_eq!(machine.start().map(|_| ()).unwrap_err(), stuck);
        let (now_ns, reads) = machine.with(|state| (state.now_ns, state.register_reads));
        assert!(now_ns <= 2_000_000_000 && reads <= 2_000, "{stuck:?}: {now_ns} ns, {reads} reads");
    }
    let machine = Machine::new();
    machine.with(|state| state.is_gone = true);
    assert_eq!(machine.start().map(|_| ()).unwrap_err(), Error::Gone);
    for nvm in [[0; 6], [0xff; 6], [1, 2, 3, 4, 5, 6]] {
        let machine = Machine::new();
        machine.with(|state| state.nvm = nvm);
        assert_eq!(machine.start().map(|_| ()).unwrap_err(), Error::NoMac, "{nvm:x?}");
        assert!(machine.start_as(Some(MAC)).is_ok(), "an address can be given to it");
    }
}

#[test]
fn a_card_that_is_pulled_out_is_gone_and_stays_so() {
    for by_interrupt in [false, true] {
        let machine = Machine::new();
        let mut driver = machine.start().unwrap();
        assert_eq!(driver.link(), Ok(Link::Up));
        machine.with(|state| state.is_gone = true);
        if by_interrupt {
            driver.acknowledge();
        } else {
            assert_eq!(driver.link(), Err(NicError::Gone));
        }
        assert_eq!(receive(&mut driver), Err(NicError::Gone));
        assert_eq!(driver.transmit(&frame(0)), Err(NicError::Gone));
        assert_eq!((driver.has_room(), driver.link()), (Err(NicError::Gone), Err(NicError::Gone)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The simulated card ends the test when the driver makes it reach outside of its memory, or reaches there itself.
    #[test]
    fn no_lie_makes_it_panic_or_hang_and_truth_brings_it_back(
        seed in 1..u64::MAX, one_of in 1..20_u64, honest_first in 0..200_u64, registers in any::<bool>(),
    ) {
        let machine = Machine::new();
        let mut state = seed;
        let mut seen = 0;
        machine.forge(move |place, value| {
            // xorshift64: only the seed decides.
            let mut random = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            };
            seen += 1;
            if seen <= honest_first || random() % one_of != 0 || matches!(place, Place::Register(_)) && !registers {
                return value;
            }
            match random() % 4 {
                0 => random(),
                1 => value ^ 1 << (random() % 64),
                2 => u64::MAX,
                _ => value | 3 << 32 | random() & 0x7ff,
            }
        });
        let mut driver = machine.start().ok();
        for step in 0..400_u64 {
            let before = machine.with(|state| state.memory_reads + state.register_reads);
            if let Some(driver) = &mut driver {
                match step % 7 {
                    0 => driver.acknowledge(),
                    1 => driver.flush(),
                    2 => drop(driver.link()),
                    3 | 4 => drop(driver.transmit(&frame(step as u8))),
                    5 => drop(driver.has_room()),
                    _ => {
                        if let Ok(Some(frame)) = receive(driver) {
                            prop_assert!((HEADER..=FRAME_MAX).contains(&frame.len()));
                        }
                    }
                }
            }
            let reads = machine.with(|state| state.memory_reads + state.register_reads) - before;
            prop_assert!(reads <= RECEIVE_ENTRIES as u64 + 2, "{reads} reads in one call");
        }
        machine.make_honest();
        let mut driver = machine.start().unwrap();
        machine.arrive(&frame(9));
        prop_assert_eq!(receive(&mut driver), Ok(Some(frame(9))));
        driver.transmit(&frame(8)).unwrap();
        machine.with(|state| state.sent.clear());
        driver.flush();
        prop_assert_eq!(machine.with(|state| state.sent.pop_front()), Some(frame(8)));
    }
}
