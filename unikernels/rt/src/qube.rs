//! `Qube`: what a program can ask of the machine it runs on.

use core::cell::Cell;
use core::marker::PhantomData;

use ipc_proto_rpc::{Buffers, Port, Ticks};
use ipc_proto_types::{Generation, Label, MAX_PORTS, PortIndex, Role};
use ipc_proto_wire::Service;
use unikernels_sdk::info::PortEntry;
use unikernels_sdk::{Args, Clock, Servers, UnixTime, Wait};

use crate::hypercall::{self, Wake};
use crate::one_cpu::OneCpu;
use crate::{Channel, Pci, Random, Serial, arena, entry, platform};

/// Ports that were given out, one bit each.
static TAKEN: OneCpu<Cell<u32>> = OneCpu::new(Cell::new(0));
/// The serial port was given out.
static SERIAL_TAKEN: OneCpu<Cell<bool>> = OneCpu::new(Cell::new(false));

const _: () = assert!(MAX_PORTS <= 32, "one bit for each port");

/// This qube. Handed to `main`; copies are the same qube.
#[derive(Clone, Copy, Debug)]
pub struct Qube {
    /// Belongs to the one CPU of this qube.
    here: PhantomData<*mut ()>,
}

impl Qube {
    pub(crate) const fn new() -> Self {
        Self { here: PhantomData }
    }

    /// Its name in the manifest; empty where there is no Skep.
    #[must_use]
    pub fn name(self) -> &'static str {
        platform::info().map_or("", |info| info.name.as_str())
    }

    /// Its trust colour.
    #[must_use]
    pub fn label(self) -> Label {
        platform::info().map_or(Label::Untrusted, |info| info.label)
    }

    /// Which life of the qube this is.
    #[must_use]
    pub fn generation(self) -> Generation {
        platform::info().map_or(Generation::NONE, |info| info.generation)
    }

    /// The arguments of the manifest.
    #[must_use]
    pub fn args(self) -> Args<'static> {
        platform::info().map_or(Args::new(""), |info| info.args())
    }

    /// The rules of the system's policy that are this qube's to decide, one a line; `None` where the system has none for it.
    #[must_use]
    pub fn rules(self) -> Option<&'static str> {
        platform::info().and_then(|info| info.rules())
    }

    /// Our end of the next channel of this service that was not given out yet: the lowest port
    /// with that service and role.
    #[must_use]
    pub fn port(self, service: &str, role: Role) -> Option<Channel> {
        PortIndex::all().find_map(|index| {
            self.take(index, |entry| entry.service.as_str() == service && entry.role == role)
        })
    }

    /// Our end of the next channel with this role that was not given out yet, whatever its service.
    #[must_use]
    pub fn any_port(self, role: Role) -> Option<Channel> {
        PortIndex::all().find_map(|index| self.take(index, |entry| entry.role == role))
    }

    /// The channel on which we call this service; again for the next one, if there are several.
    ///
    /// # Panics
    /// If the channel is bound to another schema: the image was not built from these sources.
    #[must_use]
    pub fn client(self, service: &Service) -> Option<Channel> {
        let channel = self.port(service.name, Role::Client)?;
        Some(bound(channel, service))
    }

    /// All channels on which we serve this service, one for each client, ready to run. `N` is
    /// its `FRAME_MAX`; it follows from the function that serves.
    ///
    /// # Panics
    /// As [`Qube::client`]; or if memory is too small for the buffers.
    #[must_use]
    pub fn servers<const N: usize>(self, service: &Service) -> Servers<'static, Self, Channel, N> {
        let mut servers = Servers::new(self);
        while let Some(channel) = self.port(service.name, Role::Server) {
            servers.add(bound(channel, service), self.place(Buffers::new()));
        }
        servers
    }

    /// Moves a value into memory for the life of the qube: for what is too large for the stack
    /// and never freed.
    ///
    /// # Panics
    /// If memory is too small.
    #[must_use]
    pub fn place<T>(self, value: T) -> &'static mut T {
        match arena::place(value) {
            Some(place) => place,
            None => panic!("out of memory: {} bytes more are needed", size_of::<T>()),
        }
    }

    /// Bytes of memory that the heap will have, when nothing more is placed before its first use.
    #[must_use]
    pub fn memory_left(self) -> usize {
        arena::left()
    }

    fn take(self, index: PortIndex, is_wanted: impl FnOnce(&PortEntry) -> bool) -> Option<Channel> {
        let wanted = platform::with_console(|console| {
            let entry = console.entry(index)?;
            is_wanted(entry).then_some(())
        });
        wanted.flatten()?;
        let (taken, bit) = (TAKEN.get().get(), 1 << index.get());
        if taken & bit != 0 {
            return None;
        }
        TAKEN.get().set(taken | bit);
        Some(Channel::new(index))
    }

    /// Sends what is queued on all channels and sleeps until one moves, a device of ours raises
    /// its interrupt or the deadline passes. `Some(Ticks(0))` only yields.
    ///
    /// # Panics
    /// Where there is no Skep: nothing could end the wait.
    pub fn wait(self, deadline: Option<Ticks>) -> Wake {
        platform::wait(deadline)
    }

    /// Sends what is queued on all channels.
    pub fn flush(self) {
        platform::flush();
    }

    /// The time stamp counter.
    #[must_use]
    pub fn now(self) -> Ticks {
        platform::now()
    }

    /// How ticks and time belong together.
    #[must_use]
    pub fn clock(self) -> Clock {
        platform::clock()
    }

    /// The wall clock.
    #[must_use]
    pub fn unix_time(self) -> UnixTime {
        platform::clock().unix(platform::now())
    }

    /// The deadline so many milliseconds from now.
    #[must_use]
    pub fn in_ms(self, ms: u64) -> Ticks {
        platform::now().after(platform::clock().ticks_in_ms(ms))
    }

    /// The random generator.
    #[must_use]
    pub const fn random(self) -> Random {
        Random(())
    }

    /// The serial port, the terminal's or the one for inspecting, once, if the manifest gives one to this qube.
    #[must_use]
    pub fn serial(self) -> Option<Serial> {
        if SERIAL_TAKEN.get().replace(true) {
            return None;
        }
        Serial::open()
    }

    /// The PCI function, once, if the manifest gives one to this qube.
    #[must_use]
    pub fn pci(self) -> Option<Pci> {
        Pci::open()
    }

    /// Whether some qube's device reaches all memory, because there is no IOMMU.
    #[must_use]
    pub fn dma_unprotected(self) -> bool {
        platform::info().is_some_and(|info| info.devices.dma_unprotected())
    }

    /// Says that the qube is initialised: a snapshot of it may be taken here.
    pub fn ready(self) {
        if platform::info().is_some() {
            hypercall::ready();
        }
    }

    /// Sends what is queued and ends the qube.
    pub fn exit(self, code: i32) -> ! {
        entry::exit(code)
    }
}

/// Waiting for its device: a channel that moves ends no wait here, and what it has to say is heard afterwards.
impl unikernels_disk::Wait for Qube {
    fn now_ns(&mut self) -> u64 {
        platform::clock().ns(platform::now().0)
    }

    fn wait(&mut self, deadline_ns: u64) {
        let (now, clock) = (platform::now(), platform::clock());
        let left = deadline_ns.saturating_sub(clock.ns(now.0));
        let deadline = now.after(clock.ticks_in_ms(left.div_ceil(1_000_000)));
        loop {
            let wake = platform::wait(Some(deadline));
            if wake.device() || wake.deadline() {
                return;
            }
        }
    }
}

impl Wait for Qube {
    fn wait(&self, deadline: Option<Ticks>) {
        platform::wait(deadline);
    }
}

/// A channel that turned out to be bound to the schema we were built with.
fn bound(channel: Channel, service: &Service) -> Channel {
    let schema = channel.facts().schema;
    assert!(
        schema == service.id,
        "channel {} carries another schema of {} than this qube was built with",
        channel.index(),
        service.name
    );
    channel
}
