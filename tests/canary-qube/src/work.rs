//! What an attacker next door could disturb: memory, and time.

use ipc_proto_rpc::Ticks;
use unikernels_rt::{Qube, log};

/// Words of the pattern: 64 KiB.
const WORDS: usize = 8 * 1024;
/// Steps of a piece of work unless told otherwise: about a millisecond where a nanosecond is an instruction.
const STEPS: u32 = 100_000;
/// Pieces of work measured before anybody attacks.
const BASELINE: usize = 8;

/// Memory that nobody else writes.
pub(crate) struct Pattern {
    words: &'static mut [u64; WORDS],
    seed: u64,
}

impl Pattern {
    pub(crate) fn new(qube: Qube) -> Self {
        let mut pattern = Self { words: qube.place([0; WORDS]), seed: 0 };
        pattern.renew(1);
        pattern
    }

    /// Another pattern in the same memory.
    pub(crate) fn renew(&mut self, seed: u64) {
        self.seed = seed;
        let mut word = Sequence(seed);
        self.words.iter_mut().for_each(|place| *place = word.next());
    }

    /// Whether every word is what was written last.
    pub(crate) fn is_whole(&self) -> bool {
        let mut word = Sequence(self.seed);
        self.words.iter().all(|place| *place == word.next())
    }
}

/// SplitMix64.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ mixed >> 27
    }
}

/// How long the same work takes alone and beside attackers.
pub(crate) struct Share {
    steps: u32,
    alone: u64,
    pieces: u64,
    sum: u64,
    worst: u64,
    slowest_call: u64,
}

impl Share {
    /// Measures before anybody attacks: the fastest of a few.
    pub(crate) fn new(qube: Qube) -> Self {
        let steps = qube.args().number("steps").unwrap_or(STEPS);
        let alone = (0..BASELINE).map(|_| piece(qube, steps)).min().unwrap_or(0);
        Self { steps, alone, pieces: 0, sum: 0, worst: 0, slowest_call: 0 }
    }

    /// One piece of work.
    pub(crate) fn measure(&mut self, qube: Qube) {
        let ticks = piece(qube, self.steps);
        self.pieces += 1;
        self.sum += ticks;
        self.worst = self.worst.max(ticks);
    }

    /// A call that began at `start` is answered.
    pub(crate) fn answered(&mut self, start: Ticks, qube: Qube) {
        self.slowest_call = self.slowest_call.max(qube.now().0 - start.0);
    }

    /// Percent of the time alone, over all pieces and for the worst.
    pub(crate) fn tell(&self) {
        let alone = self.alone.max(1);
        let mean = self.sum * 100 / alone / self.pieces.max(1);
        let (worst, call) = (self.worst * 100 / alone, self.slowest_call);
        log!("canary: share alone={alone} mean_percent={mean} worst_percent={worst} slowest_call={call}");
    }
}

/// Ticks of one piece of work. Compiled once, or its copies would differ.
#[inline(never)]
fn piece(qube: Qube, steps: u32) -> u64 {
    let start = qube.now();
    let mut word = Sequence(start.0);
    let mut last = 0;
    for _ in 0..steps {
        last = core::hint::black_box(word.next());
    }
    core::hint::black_box(last);
    qube.now().0 - start.0
}
