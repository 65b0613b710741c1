//! The driver on a controller that lies, keeps silent, or dies. It ends in bounded time with the right error, it never panics,
//! and when the controller is honest again `start` makes it work.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may")]

mod machine;

use std::cell::Cell;
use std::rc::Rc;

use machine::{Config, Driver, Machine, Place, ROUND};
use unikernels_disk::{Disk, DiskError, SECTOR};
use unikernels_nvme::{Error, Info, Registers, Request, Status};

/// A machine and its driver, started.
fn started(config: Config) -> (Machine, Driver) {
    let machine = Machine::new(config);
    let mut driver = machine.driver();
    driver.start().unwrap();
    (machine, driver)
}

fn read(driver: &mut Driver) -> Result<(), Error> {
    driver.batch(&mut [Request::Read { lba: 3, into: &mut [0; SECTOR] }])
}

/// That the error stays, that nothing is sent any more, and that an honest controller works after a start.
fn check_failed(machine: &Machine, driver: &mut Driver, error: Error) {
    let before = machine.counts();
    assert_eq!(driver.info(), Err(error));
    assert_eq!(driver.sectors(), 0);
    assert_eq!(read(driver), Err(error));
    assert_eq!(driver.flush(), Err(DiskError::from(error)));
    assert_eq!(machine.counts().commands, before.commands);
    assert_eq!(machine.counts().submission_doorbells, before.submission_doorbells);
    machine.make_honest();
    driver.start().unwrap();
    assert_eq!(read(driver), Ok(()));
}

/// What `start` says when one value is forged.
fn start_with(place: Place, change: impl Fn(u64) -> u64 + 'static) -> Result<Info, Error> {
    let machine = Machine::new(Config::default());
    machine.forge(move |here, value| if here == place { change(value) } else { value });
    let mut driver = machine.driver();
    let result = driver.start();
    if let Err(error) = result {
        check_failed(&machine, &mut driver, error);
    }
    result
}

fn with_byte(value: u64, index: u32, byte: u8) -> u64 {
    value & !(0xff << (index * 8)) | u64::from(byte) << (index * 8)
}

#[test]
fn capabilities_that_cannot_be_are_refused() {
    let cap = Place::Register(0);
    assert_eq!(start_with(cap, |_| u64::MAX), Err(Error::Gone));
    assert_eq!(start_with(cap, |value| value | 1 << 48), Err(Error::PageSize));
    assert_eq!(start_with(cap, |value| value & !(1 << 37)), Err(Error::CommandSet));
    assert_eq!(start_with(cap, |value| value & !0xffff), Err(Error::QueueSize));
    // All doorbell strides but the true one lie outside BAR0.
    for stride in 1..16 {
        assert_eq!(start_with(cap, move |value| value | stride << 32), Err(Error::Doorbells), "{stride}");
    }
}

#[test]
fn identify_data_that_cannot_be_is_refused() {
    let sizes = Place::Identify(1, 512);
    assert_eq!(start_with(sizes, |value| with_byte(value, 0, 0x77)), Err(Error::EntrySize));
    assert_eq!(start_with(sizes, |value| with_byte(value, 0, 0x55)), Err(Error::EntrySize));
    assert_eq!(start_with(sizes, |value| with_byte(value, 1, 0x33)), Err(Error::EntrySize));
    assert_eq!(start_with(Place::Identify(1, 104), |value| with_byte(value, 7, 2)), Err(Error::CommandSet));
    for name in [0, 0xffff_fffe, 0xffff_ffff] {
        assert_eq!(start_with(Place::Identify(2, 0), move |_| name), Err(Error::NoNamespace), "{name}");
    }
    // A namespace that the controller itself does not know.
    assert_eq!(start_with(Place::Identify(2, 0), |_| 8), Err(Error::Status(Status(0x0b))));

    let format = Place::Identify(0, 24);
    assert_eq!(start_with(format, |value| with_byte(value, 2, 2)), Err(Error::BlockSize), "not in the list");
    assert_eq!(start_with(format, |value| with_byte(value, 2, 0)), Err(Error::BlockSize), "2048 bytes");
    assert_eq!(start_with(format, |value| with_byte(value, 5, 1)), Err(Error::Metadata), "protection");
    // Bits 5 and 6 name no format where there are no more than 16, so this is still the second.
    assert_eq!(start_with(format, |value| with_byte(value, 2, 0x61)).map(|info| info.block_bytes), Ok(512));
    let second = Place::Identify(0, 128);
    assert_eq!(start_with(second, |value| with_byte(value, 4, 8)), Err(Error::Metadata), "8 bytes a block");
    assert_eq!(start_with(second, |value| with_byte(value, 5, 1)), Err(Error::Metadata), "256 bytes a block");
    for power in (0..=255).filter(|power| ![9, 12].contains(power)) {
        assert_eq!(
            start_with(second, move |value| with_byte(value, 6, power)),
            Err(Error::BlockSize),
            "{power}"
        );
    }
    assert_eq!(start_with(Place::Identify(0, 0), |_| 0), Err(Error::Size));
    assert_eq!(start_with(Place::Identify(0, 0), |_| u64::MAX).map(|info| info.blocks), Ok(u64::MAX));
}

#[test]
fn a_disk_of_more_sectors_than_64_bits_count_is_refused() {
    let machine = Machine::new(Config { blocks: 64, block_bytes: 4096, ..Config::default() });
    machine.forge(|place, value| if place == Place::Identify(0, 0) { 1 << 61 } else { value });
    let mut driver = machine.driver();
    assert_eq!(driver.start(), Err(Error::Size));
    check_failed_large(&machine, &mut driver);
}

fn check_failed_large(machine: &Machine, driver: &mut Driver) {
    machine.make_honest();
    assert_eq!(driver.start().map(|info| info.blocks), Ok(64));
}

#[test]
fn every_mdts_gives_a_size_that_fits() {
    for power in 0..=255 {
        let info = start_with(Place::Identify(1, 72), move |value| with_byte(value, 5, power)).unwrap();
        let expected = match power {
            1 => 8192,
            2 => 16384,
            3 => 32768,
            4 => 65536,
            _ => unikernels_nvme::SLOT_BYTES,
        };
        assert_eq!(info.max_bytes, expected, "{power}");
    }
}

#[test]
fn a_write_protected_namespace_is_read_and_not_written() {
    let machine = Machine::new(Config::default());
    machine.forge(|place, value| match place {
        Place::Identify(0, 96) => with_byte(value, 3, 1),
        _ => value,
    });
    let mut driver = machine.driver();
    assert!(driver.start().unwrap().read_only);
    assert_eq!(driver.read(0, &mut [0; SECTOR]), Ok(()));
    assert_eq!(driver.write(0, &[0; SECTOR]), Err(DiskError::ReadOnly));
    assert_eq!(driver.discard(0, 1), Err(DiskError::ReadOnly));
}

/// Dwords 2 and 3 of a completion, with one 16-bit part replaced.
fn with_part(value: u64, part: u32, to: u16) -> u64 {
    value & !(0xffff << (part * 16)) | u64::from(to) << (part * 16)
}

/// What a read of one sector says when a part of its completion is replaced, for many values of that part. Each time it is the
/// `before`th command of its queue.
fn values_of(
    part: u32,
    values: impl Iterator<Item = u16>,
    before: u16,
    expected: impl Fn(u16, u16) -> Result<(), Error>,
) {
    let (machine, mut driver) = started(Config::default());
    for to in values {
        machine.make_honest();
        driver.start().unwrap();
        for _ in 0..before {
            read(&mut driver).unwrap();
        }
        let truth = Rc::new(Cell::new(0));
        let told = Rc::clone(&truth);
        machine.forge(move |place, value| {
            if place != Place::Completion(1) {
                return value;
            }
            told.set((value >> (part * 16)) as u16);
            with_part(value, part, to)
        });
        let result = read(&mut driver);
        assert_eq!(result, expected(to, truth.get()), "part {part}, {to:#x} for {:#x}", truth.get());
        if let Err(error) = result {
            check_failed(&machine, &mut driver, error);
        }
    }
}

fn every_value_of(part: u32, expected: impl Fn(u16, u16) -> Result<(), Error>) {
    values_of(part, 0..=u16::MAX, 0, expected);
}

#[test]
fn every_submission_head_but_the_possible_ones_is_refused() {
    // The queue has 16 entries. The head may stay, or go forward to the one command that was sent.
    let expected = |to: u16, truth: u16| match to {
        _ if to == truth || to < 16 && (to + 1) % 16 == truth => Ok(()),
        _ => Err(Error::SubmissionHead),
    };
    every_value_of(0, expected);
    for before in 1..33 {
        values_of(0, 0..32, before, expected);
    }
}

#[test]
fn every_other_queue_number_is_refused() {
    every_value_of(1, |to, truth| if to == truth { Ok(()) } else { Err(Error::WrongQueue) });
}

#[test]
fn every_other_command_identifier_is_refused() {
    every_value_of(2, |to, truth| if to == truth { Ok(()) } else { Err(Error::UnknownCommand) });
}

#[test]
fn every_status_is_told_and_leaves_the_controller_running() {
    // The phase bit is the lowest. A wrong one is a completion that never comes.
    let (machine, mut driver) = started(Config::default());
    for code in 1..0x800_u16 {
        machine.forge(move |place, value| match place {
            Place::Completion(1) => value & !(0x7ff << 49) | u64::from(code) << 49,
            _ => value,
        });
        assert_eq!(read(&mut driver), Err(Error::Status(Status(code))));
    }
    machine.make_honest();
    assert_eq!(read(&mut driver), Ok(()));
    assert_eq!(DiskError::from(Error::Status(Status::WRITE_PROTECTED)), DiskError::ReadOnly);
    assert_eq!(DiskError::from(Error::Status(Status::CAPACITY_EXCEEDED)), DiskError::Full);
}

#[test]
fn one_bad_command_of_a_batch_is_the_batchs_error_and_the_rest_is_done() {
    let (machine, mut driver) = started(Config { mdts: 1, ..Config::default() });
    let mut seen = 0;
    machine.forge(move |place, value| {
        seen += u64::from(place == Place::Completion(1));
        if place == Place::Completion(1) && seen == 3 { value | 0x281 << 49 } else { value }
    });
    // Two rounds of commands: the second is not sent.
    let before = machine.counts().commands;
    assert_eq!(driver.write(0, &[1; 16 * 8192]), Err(DiskError::Failed));
    assert_eq!(machine.counts().commands - before, ROUND);
    assert_eq!(driver.write(0, &[2; 8 * 8192]), Ok(()));
    assert_eq!(machine.with(|controller| controller.block(127)[0]), 2);
}

#[test]
fn a_completion_with_the_wrong_phase_never_comes() {
    let (machine, mut driver) = started(Config::default());
    machine.forge(|place, value| if place == Place::Completion(1) { value ^ 1 << 48 } else { value });
    assert_eq!(read(&mut driver), Err(Error::Timeout));
    check_failed(&machine, &mut driver, Error::Timeout);
}

#[test]
fn a_completion_told_again_is_refused() {
    // Every honest completion is remembered, and told once more in the place of a later one.
    let (machine, mut driver) = started(Config::default());
    let mut old = None;
    machine.forge(move |place, value| match place {
        Place::Completion(1) => *old.get_or_insert(value),
        _ => value,
    });
    assert_eq!(read(&mut driver), Ok(()));
    assert_eq!(read(&mut driver), Err(Error::UnknownCommand));
    check_failed(&machine, &mut driver, Error::UnknownCommand);
}

#[test]
fn a_head_that_never_moves_fills_the_queue_and_is_found() {
    let (machine, mut driver) = started(Config::default());
    machine.forge(|place, value| if place == Place::Completion(1) { with_part(value, 0, 0) } else { value });
    for turn in 0..15 {
        assert_eq!(read(&mut driver), Ok(()), "{turn}");
    }
    assert_eq!(read(&mut driver), Err(Error::SubmissionFull));
    check_failed(&machine, &mut driver, Error::SubmissionFull);
}

#[test]
fn silence_ends_after_ten_seconds_a_fatal_status_and_absence_at_once() {
    let took = |change: fn(&mut machine::Controller)| {
        let (machine, mut driver) = started(Config::default());
        machine.with(change);
        let before = machine.with(|controller| controller.now_ns);
        let error = read(&mut driver).unwrap_err();
        let took_ms = (machine.with(|controller| controller.now_ns) - before) / 1_000_000;
        check_failed(&machine, &mut driver, error);
        (error, took_ms)
    };
    let (error, took_ms) = took(|controller| controller.silent = true);
    assert!(error == Error::Timeout && (10_000..10_010).contains(&took_ms), "{error:?} after {took_ms} ms");
    let (error, took_ms) = took(|controller| controller.fatal = true);
    assert!(error == Error::Fatal && took_ms < 210, "{error:?} after {took_ms} ms");
    let (error, took_ms) = took(|controller| controller.gone = true);
    assert!(error == Error::Gone && took_ms < 210, "{error:?} after {took_ms} ms");
}

#[test]
fn a_controller_that_does_not_get_ready_or_unready_is_given_up_after_its_own_time() {
    let machine = Machine::new(Config { timeout_units: 0, ..Config::default() });
    let mut driver = machine.driver();
    machine.with(|controller| controller.never_ready = true);
    assert_eq!(driver.start(), Err(Error::NotReady));
    machine.make_honest();
    driver.start().unwrap();

    // Its memory may still be written, so nothing is set up in it before the controller is disabled.
    machine.with(|controller| controller.never_stops = true);
    assert_eq!(driver.shutdown(), Err(Error::NotReady));
    let memory = machine.with(|controller| controller.memory.clone());
    assert_eq!(driver.start(), Err(Error::NotReady));
    assert_eq!(driver.info(), Err(Error::NotReady));
    assert!(machine.with(|controller| controller.memory == memory));
    check_failed(&machine, &mut driver, Error::NotReady);
}

#[test]
fn a_fatal_status_during_bring_up_is_told() {
    let machine = Machine::new(Config::default());
    let mut driver = machine.driver();
    let mut reads = 0;
    machine.forge(move |place, value| {
        reads += u32::from(place == Place::Register(0x1c));
        if place == Place::Register(0x1c) && reads > 6 { value | 2 } else { value }
    });
    assert_eq!(driver.start(), Err(Error::Fatal));
    check_failed(&machine, &mut driver, Error::Fatal);
}

#[test]
fn a_window_too_short_for_any_doorbell_is_refused_unread() {
    struct Short;
    impl Registers for Short {
        fn len_bytes(&self) -> usize {
            0x1000 - 1
        }
        fn read_u32(&mut self, _: usize) -> u32 {
            unreachable!("reads")
        }
        fn read_u64(&mut self, _: usize) -> u64 {
            unreachable!("reads")
        }
        fn write_u32(&mut self, _: usize, _: u32) {
            unreachable!("writes")
        }
        fn write_u64(&mut self, _: usize, _: u64) {
            unreachable!("writes")
        }
    }
    let machine = Machine::new(Config::default());
    let mut driver = unikernels_nvme::Nvme::new(Short, machine.clone(), machine).unwrap();
    assert_eq!(driver.start(), Err(Error::Doorbells));
    assert_eq!(driver.info(), Err(Error::Doorbells));
}
