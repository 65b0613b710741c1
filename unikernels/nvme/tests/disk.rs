//! The driver on a controller that keeps to the specification.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may")]

mod machine;

use machine::{Config, Machine, Order, ROUND};
use proptest::prelude::*;
use unikernels_disk::{Disk, DiskError, SECTOR};
use unikernels_nvme::{Dma, Error, Info, Nvme, Registers, Request, SLOT_BYTES};

fn started(config: Config) -> (Machine, machine::Driver, Info) {
    let machine = Machine::new(config);
    let mut driver = machine.driver();
    let info = driver.start().unwrap();
    (machine, driver, info)
}

fn pattern(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|index| (index / SECTOR * 7 + index) as u8 ^ seed).collect()
}

#[test]
fn a_controller_left_running_by_firmware_is_taken_over_and_described() {
    let (_, driver, info) = started(Config::default());
    assert_eq!(&info.serial, b"SERIAL??[31m        ", "nothing that a terminal would obey");
    assert_eq!((info.namespace, info.blocks, info.block_bytes), (7, 8192, 512));
    assert_eq!((info.max_bytes, info.can_discard, info.write_cache), (SLOT_BYTES, true, true));
    assert_eq!(driver.sectors(), 8192);
    assert_eq!(driver.info(), Ok(info));
}

#[test]
fn nothing_is_touched_before_start() {
    let machine = Machine::new(Config::default());
    let mut driver = machine.driver();
    assert_eq!(driver.info(), Err(Error::NotStarted));
    assert_eq!(driver.sectors(), 0);
    assert_eq!(driver.read(0, &mut [0; SECTOR]), Err(DiskError::Failed));
    assert_eq!(driver.batch(&mut [Request::Flush]), Err(Error::NotStarted));
    assert_eq!(machine.counts().register_reads, 0);
}

#[test]
fn memory_that_cannot_do_is_refused() {
    struct Odd(u64, usize);
    impl Dma for Odd {
        fn bus(&self) -> u64 {
            self.0
        }
        fn len_bytes(&self) -> usize {
            self.1
        }
        fn copy_in(&mut self, _: usize, _: &[u8]) {}
        fn copy_out(&self, _: usize, _: &mut [u8]) {}
        fn read_u64(&self, _: usize) -> u64 {
            0
        }
        fn write_u64(&mut self, _: usize, _: u64) {}
    }
    let machine = Machine::new(Config::default());
    let made = |bus, length| Nvme::new(machine.clone(), Odd(bus, length), machine.clone()).map(|_| ());
    assert_eq!(made(0x1000, unikernels_nvme::ARENA_MIN), Ok(()));
    assert_eq!(made(0x1000, unikernels_nvme::ARENA_MIN - 1), Err(Error::Arena));
    assert_eq!(made(0x1008, unikernels_nvme::ARENA_MIN), Err(Error::Arena));
    assert_eq!(made(u64::MAX - 0xfff, unikernels_nvme::ARENA_MIN), Err(Error::Arena));
}

#[test]
fn requests_outside_the_disk_are_refused_and_send_nothing() {
    let (machine, mut driver, _) = started(Config::default());
    let before = machine.counts().commands;
    assert_eq!(driver.read(8192, &mut [0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(driver.write(u64::MAX, &[0; SECTOR]), Err(DiskError::OutOfRange));
    assert_eq!(driver.write(0, &[0; SECTOR - 1]), Err(DiskError::Unaligned));
    assert_eq!(driver.discard(1, u64::MAX), Err(DiskError::OutOfRange));
    // One wrong request of a batch stops all of it.
    let mut into = [0; SECTOR];
    let wrong = Request::Write { lba: 8192, bytes: &[0; SECTOR] };
    assert_eq!(driver.batch(&mut [Request::Read { lba: 0, into: &mut into }, wrong]), Err(Error::OutOfRange));
    assert_eq!(driver.batch(&mut []), Ok(()));
    assert_eq!(driver.read(0, &mut []), Ok(()));
    assert_eq!(machine.counts().commands, before);
}

#[test]
fn a_power_cut_loses_what_was_not_flushed_and_nothing_else() {
    let (machine, mut driver, _) = started(Config::default());
    driver.write(1, &pattern(SECTOR, 1)).unwrap();
    driver.flush().unwrap();
    driver.write(2, &pattern(SECTOR, 2)).unwrap();
    machine.with(machine::Controller::power_cut);
    driver.start().unwrap();
    let mut into = vec![0; 2 * SECTOR];
    driver.read(1, &mut into).unwrap();
    assert_eq!(into, [pattern(SECTOR, 1), vec![0; SECTOR]].concat());
}

#[test]
fn shutdown_empties_the_write_cache_and_the_next_start_finds_it() {
    let (machine, mut driver, _) = started(Config::default());
    driver.write(5, &pattern(SECTOR, 9)).unwrap();
    driver.shutdown().unwrap();
    assert_eq!(driver.flush(), Err(DiskError::Failed));
    machine.with(machine::Controller::power_cut);
    driver.start().unwrap();
    let mut into = vec![0; SECTOR];
    driver.read(5, &mut into).unwrap();
    assert_eq!(into, pattern(SECTOR, 9));
}

/// Doorbell writes of one request of `bytes`: of the submission and of the completion queue.
fn doorbells(config: Config, bytes: usize) -> (u64, u64) {
    let (machine, mut driver, _) = started(config);
    let before = machine.counts();
    driver.write(0, &pattern(bytes, 3)).unwrap();
    let after = machine.counts();
    (
        after.submission_doorbells - before.submission_doorbells,
        after.completion_doorbells - before.completion_doorbells,
    )
}

#[test]
fn sixty_four_kib_cost_two_doorbell_writes_and_a_mib_no_more() {
    const KIB: usize = 1024;
    assert_eq!(doorbells(Config::default(), 64 * KIB), (1, 1));
    assert_eq!(doorbells(Config::default(), 1024 * KIB), (1, 1), "0.125 per 64 KiB");
    // A controller that moves only 8 KiB a command: eight commands, still one of each.
    assert_eq!(doorbells(Config { mdts: 1, ..Config::default() }, 64 * KIB), (1, 1));
    // One that tells the commands one by one: a completion doorbell each, never more than commands.
    assert_eq!(doorbells(Config { order: Order::OneByOne, ..Config::default() }, 1024 * KIB), (1, ROUND));
    assert_eq!(doorbells(Config { blocks: 1024, block_bytes: 4096, ..Config::default() }, 64 * KIB), (1, 1));
}

#[test]
fn a_batch_of_many_small_requests_is_sent_together() {
    let (machine, mut driver, _) = started(Config::default());
    driver.write(0, &pattern(8 * 4096, 4)).unwrap();
    let before = machine.counts();
    let mut pages = vec![vec![0; 4096]; 8];
    let lbas = [56, 0, 8, 48, 16, 40, 24, 32];
    let mut requests: Vec<_> =
        pages.iter_mut().zip(lbas).map(|(page, lba)| Request::Read { lba, into: page }).collect();
    driver.batch(&mut requests).unwrap();
    assert_eq!(machine.counts().submission_doorbells, before.submission_doorbells + 1);
    for (page, lba) in pages.iter().zip(lbas) {
        assert_eq!(*page, pattern(8 * 4096, 4)[lba as usize * SECTOR..][..4096], "lba {lba}");
    }
}

#[test]
fn without_dataset_management_a_discard_is_no_more_than_a_hint() {
    let (machine, mut driver, _) = started(Config { discards: false, ..Config::default() });
    let before = machine.counts().commands;
    assert_eq!(driver.discard(0, 8), Ok(()));
    assert_eq!(driver.batch(&mut [Request::Discard { lba: 0, blocks: 8 }]), Err(Error::NoDiscard));
    assert_eq!(machine.counts().commands, before);
}

#[test]
fn a_discard_leaves_parts_of_blocks_alone() {
    let (machine, mut driver, _) = started(Config { blocks: 4, block_bytes: 4096, ..Config::default() });
    driver.discard(1, 22).unwrap();
    let discarded = |lba| machine.with(|controller| controller.block(lba)[0] == 0xdd);
    assert_eq!([0, 1, 2, 3].map(discarded), [false, true, false, false]);
}

#[test]
fn the_register_window_is_as_long_as_the_doorbells_need() {
    for stride_power in 0..16 {
        let (machine, mut driver, _) = started(Config { stride_power, ..Config::default() });
        assert_eq!(driver.flush(), Ok(()));
        assert_eq!(Registers::len_bytes(&machine), 0x1000 + (16 << stride_power));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Read(u64, u64),
    Write(u64, u64, u8),
    Flush,
    Discard(u64, u64),
    Restart,
}

fn configs() -> impl Strategy<Value = Config> {
    let order =
        prop_oneof![Just(Order::AtOnce), Just(Order::Later), Just(Order::Reversed), Just(Order::OneByOne)];
    let arena = unikernels_nvme::ARENA_MIN..=unikernels_nvme::ARENA_MAX;
    (any::<bool>(), 0..8_u8, 0..4_u8, 2..40_u32, order, arena, any::<bool>()).prop_map(
        |(large, mdts, stride_power, queue_entries, order, arena, discards)| Config {
            block_bytes: if large { 4096 } else { 512 },
            blocks: if large { 512 } else { 4096 },
            mdts,
            stride_power,
            queue_entries,
            order,
            arena,
            discards,
            ..Config::default()
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let range = || (0..4096_u64).prop_flat_map(|from| (Just(from), 0..=(4096 - from).min(2600)));
    let step = prop_oneof![
        4 => range().prop_map(|(from, count)| Step::Read(from, count)),
        4 => (range(), any::<u8>()).prop_map(|((from, count), seed)| Step::Write(from, count, seed)),
        1 => Just(Step::Flush),
        1 => range().prop_map(|(from, count)| Step::Discard(from, count)),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any disk, any steps: what is read is what was written. A discarded sector may be anything, here it is asked again.
    #[test]
    fn a_disk_is_its_sectors(config in configs(), steps in steps()) {
        let (machine, mut driver, info) = started(config);
        prop_assert!(info.max_bytes.is_multiple_of(info.block_bytes));
        let mut model = vec![0_u8; 4096 * SECTOR];
        let bytes = |from: u64, count: u64| from as usize * SECTOR..(from + count) as usize * SECTOR;
        for step in steps {
            match step {
                Step::Read(from, count) => {
                    let mut into = vec![0x77; count as usize * SECTOR];
                    driver.read(from, &mut into).unwrap();
                    prop_assert!(into == model[bytes(from, count)]);
                }
                Step::Write(from, count, seed) => {
                    let data = pattern(count as usize * SECTOR, seed);
                    driver.write(from, &data).unwrap();
                    model[bytes(from, count)].copy_from_slice(&data);
                }
                Step::Flush => {
                    driver.flush().unwrap();
                    prop_assert!(machine.with(|controller| controller.medium == model));
                }
                Step::Discard(from, count) => {
                    driver.discard(from, count).unwrap();
                    driver.read(from, &mut model[bytes(from, count)]).unwrap();
                }
                Step::Restart => {
                    driver.shutdown().unwrap();
                    driver.start().unwrap();
                }
            }
        }
    }
}
