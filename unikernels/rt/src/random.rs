//! Random bytes: a generator seeded by the entropy device, and seeded again in every new life.
//!
//! A fork of a snapshot starts with the generator of its template. The generation in the info
//! page tells the two apart, so it is compared before every use, without an exit. The device is
//! started at the first use: a qube that needs no randomness makes no exit for it.

use core::cell::RefCell;

use unikernels_sdk::{Csprng, SEED_BYTES};
use virtio_drivers::device::rng::VirtIORng;

use crate::hal::QubeMemory;
use crate::hypercall::Device;
use crate::one_cpu::OneCpu;
use crate::transport::Registers;
use crate::{pages, platform};

type Source = VirtIORng<QubeMemory, Registers>;

struct State {
    source: Source,
    csprng: Csprng,
    /// The life the generator was last seeded in.
    generation: u32,
}

static STATE: OneCpu<RefCell<Option<State>>> = OneCpu::new(RefCell::new(None));

/// This qube's random generator.
#[derive(Clone, Copy, Debug)]
pub struct Random(pub(crate) ());

impl Random {
    /// Fills the buffer.
    ///
    /// # Panics
    /// If the machine has no entropy device, or it gives too little: there is no weaker substitute.
    pub fn fill(self, buffer: &mut [u8]) {
        let mut state = STATE.get().borrow_mut();
        let state = state.get_or_insert_with(State::start);
        state.refresh();
        state.csprng.fill(buffer);
    }

    /// A random number.
    ///
    /// # Panics
    /// See [`Random::fill`].
    #[must_use]
    pub fn next_u64(self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl State {
    fn start() -> Self {
        let present = platform::info().is_some_and(|info| info.devices.entropy());
        assert!(present, "this machine gives no entropy");
        let mut source = Source::new(Registers::new(Device::Entropy))
            .expect("the entropy device has one queue and the arena keeps two pages for it");
        // The generation first: should the life change in between, the next use seeds again.
        let generation = pages::own_generation();
        let csprng = Csprng::new(seed(&mut source));
        Self { source, csprng, generation }
    }

    fn refresh(&mut self) {
        let generation = pages::own_generation();
        if generation != self.generation {
            self.generation = generation;
            self.csprng.reseed(&seed(&mut self.source));
        }
    }
}

/// A full seed from the device, which answers before the notification returns.
fn seed(source: &mut Source) -> [u8; SEED_BYTES] {
    let mut seed = [0; SEED_BYTES];
    let given = source.request_entropy(&mut seed);
    assert_eq!(given, Ok(SEED_BYTES), "the entropy device gave too little");
    seed
}
