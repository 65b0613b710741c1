//! The driver on a controller that lies at random: wherever the driver looks, as often as it likes.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may")]

mod machine;

use machine::{Config, Machine, Order, Place};
use proptest::prelude::*;
use unikernels_disk::{Disk, DiskError, SECTOR};

/// Simulated time that any one call may take: a command, then a disable of a controller that is at its longest CAP.TO, twice.
const CALL_NS_MAX: u64 = 10_000_000_000 + 2 * 255 * 500_000_000 + 1_000_000_000;
/// What a call may read of registers and memory: every 1 ms of that time, and some.
const CALL_READS_MAX: u64 = 2 * CALL_NS_MAX / 1_000_000;

/// How a random liar lies: where, how often, and with what.
#[derive(Debug, Clone)]
struct Liar {
    registers: bool,
    completions: bool,
    memory: bool,
    identify: bool,
    /// One of so many values is forged.
    one_of: u64,
    /// How many are left alone at first.
    honest_first: u64,
    seed: u64,
}

impl Liar {
    fn forger(self) -> impl FnMut(Place, u64) -> u64 {
        let mut state = self.seed | 1;
        let mut seen = 0;
        move |place, value| {
            let lies = match place {
                Place::Register(_) => self.registers,
                Place::Completion(_) => self.completions,
                Place::Memory(_) => self.memory,
                Place::Identify(..) => self.identify,
            };
            seen += 1;
            // xorshift64: only the seed decides.
            let mut random = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            };
            if !lies || seen <= self.honest_first || random() % self.one_of != 0 {
                return value;
            }
            match random() % 5 {
                0 => random(),
                1 => 0,
                2 => u64::MAX,
                3 => value ^ 1 << (random() % 64),
                // The phase bit, and one part.
                _ => value ^ 1 << 48 ^ u64::from(random() as u16) << (random() % 4 * 16),
            }
        }
    }
}

fn liars() -> impl Strategy<Value = Liar> {
    (any::<[bool; 4]>(), 1..40_u64, 0..400_u64, any::<u64>()).prop_map(
        |(lies, one_of, honest_first, seed)| {
            let [registers, completions, memory, identify] = lies;
            Liar { registers, completions, memory, identify, one_of, honest_first, seed }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_lie_makes_it_panic_or_hang_and_truth_brings_it_back(liar in liars(), order in 0..4_usize) {
        let order = [Order::AtOnce, Order::Later, Order::Reversed, Order::OneByOne][order];
        let machine = Machine::new(Config { order, ..Config::default() });
        machine.forge(liar.forger());
        let mut driver = machine.driver();
        let mut into = vec![0; 300 * SECTOR];
        for step in 0..24_u64 {
            let before = machine.counts();
            let began_ns = machine.with(|controller| controller.now_ns);
            let sectors = driver.sectors();
            let result = match step % 6 {
                0 => driver.start().map(|_| ()).map_err(DiskError::from),
                1 => driver.read(step * 100, &mut into),
                2 => driver.write(step * 100, &into),
                3 => driver.flush(),
                4 => driver.discard(step * 100, 50),
                _ => driver.shutdown().map_err(DiskError::from),
            };
            // A driver that does not run does nothing.
            prop_assert!(sectors != 0 || step % 6 == 0 || result.is_err());
            let after = machine.counts();
            let reads = after.register_reads + after.memory_reads - before.register_reads - before.memory_reads;
            prop_assert!(reads <= CALL_READS_MAX, "{reads} reads");
            let took_ns = machine.with(|controller| controller.now_ns) - began_ns;
            // Two rounds of commands at most.
            prop_assert!(took_ns <= 2 * CALL_NS_MAX, "{took_ns} ns");
        }
        machine.make_honest();
        driver.start().unwrap();
        driver.write(0, &[0x5a; 300 * SECTOR]).unwrap();
        driver.read(0, &mut into).unwrap();
        prop_assert!(into.iter().all(|byte| *byte == 0x5a));
    }
}
