//! The driver on a card that keeps to the datasheet.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may")]

mod machine;

use machine::{Driver, MAC, Machine};
use unikernels_e1000e::{ARENA, Error, RECEIVE_ENTRIES, TRANSMIT_ENTRIES};
use unikernels_nic::{Dropped, FRAME_MAX, HEADER, Link, Nic, NicError};

/// A frame to the card whose bytes say which it is.
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

fn receive(driver: &mut Driver) -> Option<Vec<u8>> {
    let mut into = [0xee; FRAME_MAX];
    driver.receive(&mut into).unwrap().map(|len| into[..len].to_vec())
}

#[test]
fn a_card_comes_up_with_its_address_and_link_whatever_firmware_left() {
    let (machine, mut driver) = started();
    assert_eq!((driver.mac(), driver.mtu(), driver.link()), (MAC, 1500, Ok(Link::Up)));
    assert!((0..128).all(|entry| machine.register(0x5200 + entry * 4) == 0), "the multicast table is empty");
    machine.set_link(false);
    assert_eq!((driver.link(), machine.with(|state| state.interrupts)), (Ok(Link::Down), 1));
    assert_eq!(ARENA, 4096 + (RECEIVE_ENTRIES + TRANSMIT_ENTRIES) * 2048);
}

#[test]
fn an_address_of_ones_own_is_received_instead_of_the_cards() {
    let machine = Machine::new();
    let ours = [0x02, 1, 2, 3, 4, 5];
    let mut driver = machine.start_as(Some(ours)).unwrap();
    assert_eq!(driver.mac(), ours);
    machine.arrive(&frame(0, 60));
    assert_eq!(receive(&mut driver), None);
    let mut to_us = frame(0, 60);
    to_us[..6].copy_from_slice(&ours);
    machine.arrive(&to_us);
    assert_eq!(receive(&mut driver), Some(to_us));
    assert!(matches!(machine.start_as(Some([1, 0, 0, 0, 0, 1])), Err(Error::Mac)));
    assert!(matches!(machine.start_as(Some([0; 6])), Err(Error::Mac)));
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
        assert_eq!(receive(&mut driver), Some(frame.clone()));
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
        assert_eq!(receive(&mut driver).as_ref(), Some(&sent), "{len}");
        driver.transmit(&sent).unwrap();
        driver.flush();
        let out = machine.with(|state| state.sent.pop_front()).unwrap();
        assert_eq!((&out[..len], out.len()), (&sent[..], len.max(60)), "{len}");
    }
    assert_eq!(receive(&mut driver), None);
    assert_eq!(driver.dropped(), Dropped::default());
}

#[test]
fn groups_are_received_and_strangers_are_not() {
    let (machine, mut driver) = started();
    for (to, comes) in [([0xff; 6], true), ([0x33, 0x33, 0, 0, 0, 1], true), ([2; 6], false)] {
        let mut sent = frame(1, 64);
        sent[..6].copy_from_slice(&to);
        machine.arrive(&sent);
        assert_eq!(receive(&mut driver).is_some(), comes, "{to:x?}");
    }
}

#[test]
fn a_burst_that_fills_the_ring_is_kept_and_what_is_beyond_is_lost_by_the_card() {
    let (machine, mut driver) = started();
    for round in 0..5 {
        for number in 0..RECEIVE_ENTRIES + 3 {
            machine.arrive(&frame(number, 100));
        }
        assert_eq!(machine.with(|state| state.lost), 4 * (round + 1), "one descriptor tells full from empty");
        for number in 0..RECEIVE_ENTRIES - 1 {
            assert_eq!(receive(&mut driver), Some(frame(number, 100)), "{round} {number}");
        }
        assert_eq!(receive(&mut driver), None);
    }
}

#[test]
fn a_full_transmit_ring_refuses_and_interrupts_when_it_has_room() {
    let (machine, mut driver) = started();
    machine.with(|state| state.is_slow = true);
    for round in 0..3 {
        for number in 0..TRANSMIT_ENTRIES - 1 {
            assert_eq!(driver.has_room(), Ok(true), "{number}");
            driver.transmit(&frame(number, 200)).unwrap();
        }
        driver.flush();
        assert_eq!(driver.transmit(&frame(0, 200)), Err(NicError::Full));
        assert_eq!(driver.has_room(), Ok(false));
        machine.send_now();
        assert_eq!(machine.with(|state| state.interrupts), round + 1);
        driver.acknowledge();
        assert_eq!(driver.has_room(), Ok(true));
        for number in 0..TRANSMIT_ENTRIES - 1 {
            assert_eq!(machine.with(|state| state.sent.pop_front()), Some(frame(number, 200)), "{round}");
        }
    }
    // With room, what is sent does not interrupt.
    driver.transmit(&frame(0, 200)).unwrap();
    driver.flush();
    machine.send_now();
    assert_eq!(machine.with(|state| state.interrupts), 3);
}

#[test]
fn one_interrupt_and_few_register_writes_for_a_burst() {
    let (machine, mut driver) = started();
    // 64 KiB of full frames and as many acknowledgements.
    let frames = 64 * 1024 / 1460 + 1;
    for number in 0..frames {
        machine.arrive(&frame(number, FRAME_MAX));
    }
    let before = machine.with(|state| (state.register_reads, state.register_writes));
    assert_eq!(machine.with(|state| state.interrupts), 1);
    driver.acknowledge();
    for number in 0..frames {
        assert_eq!(receive(&mut driver), Some(frame(number, FRAME_MAX)));
        driver.transmit(&frame(number, 60)).unwrap();
    }
    assert_eq!(receive(&mut driver), None);
    driver.flush();
    driver.flush();
    let after = machine.with(|state| (state.register_reads, state.register_writes));
    // The causes; the receive tail every 16 frames and at the end; the transmit tail.
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1 + 3 + 1));
    assert_eq!(machine.with(|state| state.sent.len()), frames);
    machine.arrive(&frame(0, 60));
    assert_eq!(machine.with(|state| state.interrupts), 2, "and another can come");
}

#[test]
fn what_the_caller_does_wrong_is_told_and_changes_nothing() {
    let (machine, mut driver) = started();
    assert_eq!(driver.transmit(&[]), Err(NicError::Length));
    assert_eq!(driver.transmit(&[0; FRAME_MAX + 1]), Err(NicError::Length));
    machine.arrive(&frame(1, 60));
    assert_eq!(driver.receive(&mut [0; FRAME_MAX - 1]), Err(NicError::Short));
    assert_eq!(receive(&mut driver), Some(frame(1, 60)));
    driver.flush();
    assert!(machine.with(|state| state.sent.is_empty()));
}

#[test]
fn a_card_that_was_stopped_uses_no_memory_and_can_be_started_again() {
    let (machine, driver) = started();
    let (registers, dma) = driver.stop(&mut machine.clone()).unwrap();
    machine.arrive(&frame(1, 60));
    assert_eq!(machine.register(0x0100), 0, "it does not receive");
    let mut driver = unikernels_e1000e::E1000e::start(registers, dma, &mut machine.clone(), None).unwrap();
    assert_eq!(receive(&mut driver), None);
    machine.arrive(&frame(2, 60));
    assert_eq!(receive(&mut driver), Some(frame(2, 60)));
}
