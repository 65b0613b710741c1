//! The whole state of a system, and its making from an image.

use ipc_proto_types::{MAX_CHANNELS, MAX_PORTS, MESSAGE_MAX, QubeIndex, Role};
use ipc_proto_wire::{HEADER_SIZE, Table};
use supervisor_image::Image;
use supervisor_mem::GuestMemory;
use supervisor_policy::{ALLOW, Chains};
use supervisor_vcpu::Ticks;

use crate::audit::{Audit, Stamp};
use crate::channel::{Calls, Channel, ENDPOINTS, Endpoint, EndpointIndex, Quick};
use crate::devices::ConsoleQueue;
use crate::ended::Untold;
use crate::log::Log;
use crate::machine::Machine;
use crate::qube::{Life, QUBES, QUEUES, Qube, bit};
use crate::route::Stop;
use crate::tap::Tap;

/// Whose turn it counts as before anyone has run.
const FIRST: QubeIndex = match QubeIndex::new(0) {
    Some(first) => first,
    None => panic!("there is room for a qube"),
};

/// Bits of [`Core::attention`] above those of qubes.
pub(crate) mod attention {
    use ipc_proto_types::MAX_QUBES;

    /// The machine is to be switched off.
    pub(crate) const MACHINE: u32 = 1 << MAX_QUBES;
    /// Channels were parted and their ends do not know yet.
    pub(crate) const PARTED: u32 = 1 << (MAX_QUBES + 1);
    /// Lives ended and clients of ctl do not know yet.
    pub(crate) const ENDED: u32 = 1 << (MAX_QUBES + 2);
    /// A qube was named in this exit, which has enough to do: its turn is the next one, which comes at once.
    pub(crate) const LATER: u32 = 1 << (MAX_QUBES + 3);
}

const _: () = assert!(MAX_CHANNELS <= 64, "a bit for each channel");

/// In [`Core::woken`]: nobody was.
pub(crate) const NOBODY: u8 = 31;

/// Bytes of the buffer that messages are copied into: the longest message and its header.
pub(crate) const STAGING: usize = MESSAGE_MAX + HEADER_SIZE;

/// That buffer.
pub(crate) type Staging = [u8; STAGING];

/// A queue's rings in a machine's memory.
pub(crate) type Window<M> = <<M as Machine>::Memory as GuestMemory>::Window;

/// What is known of time at boot.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Ticks of the time-stamp counter in a second.
    pub ticks_per_second: u64,
    /// Wall-clock nanoseconds since 1970 when the counter was zero.
    pub unix_ns_at_zero: u64,
    /// When the supervisor was entered; uptime counts from here.
    pub entered: Ticks,
}

/// Why an image makes no system. Its writer is to blame: `Image::open` has checked all of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// A channel names a qube, port or service that is not there.
    Channel,
    /// A service's table does not parse.
    Table,
}

/// A running system.
pub struct Monitor<'a, M: Machine> {
    pub(crate) core: Core<'a, M>,
    /// Messages on their way. Public for the simulator to look at.
    pub staging: [u8; STAGING],
}

/// Everything but the message being looked at.
pub(crate) struct Core<'a, M: Machine> {
    pub(crate) image: Option<Image<'a>>,
    pub(crate) chains: Chains<'a>,
    pub(crate) times: Times,
    /// When the qube stopped that is looked at, or whatever else happened did.
    pub(crate) now: Ticks,
    pub(crate) qubes: [Qube<'a, M::Memory>; QUBES],
    pub(crate) channels: [Option<Channel<'a>>; MAX_CHANNELS],
    pub(crate) endpoints: [Endpoint<Window<M>>; ENDPOINTS],
    pub(crate) audit: Audit,
    pub(crate) log: Log,
    pub(crate) tap: Tap,
    pub(crate) refused: u64,
    /// Qubes that can run.
    pub(crate) runnable: u32,
    /// Qubes whose memory is being rebuilt.
    pub(crate) rebuilding: u32,
    /// Whose turn it is. Who runs may be another, to whom a caller has handed its turn.
    pub(crate) turn: QubeIndex,
    /// The last qube that a message woke; a caller that waits hands its turn to it. No qube's number when nobody was.
    pub(crate) woken: u8,
    /// What last was the matter with moving messages.
    pub(crate) stop: Stop,
    pub(crate) rebuilt_last: bool,
    /// How much of the staging buffer was wiped since a life ended last: a piece at each interrupt, and so all of it before the
    /// memory of that life is built anew. A wipe after each message would cost every stream a third copy.
    pub(crate) staging_wiped: usize,
    pub(crate) slice_end: Ticks,
    /// No qube waits for a time before this.
    pub(crate) next_deadline: Ticks,
    /// When the timer is set to fire.
    pub(crate) armed: Ticks,
    /// What was put off to the end of this exit or the next ones: a bit for each qube that a ctl call wants killed or, if it
    /// is prepared, started, once the answer is on its way, and those of [`attention`].
    pub(crate) attention: u32,
    /// Channels that were parted and whose ends are to be told, one bit each.
    pub(crate) parted: u64,
    /// Ends that clients of ctl are to be told.
    pub(crate) untold: Untold,
    /// Channels of ctl, one bit each.
    pub(crate) ctl_channels: u64,
    pub(crate) power_off: bool,
    /// Some device reaches all memory.
    pub(crate) dma_unprotected: bool,
}

impl<'a, M: Machine> Monitor<'a, M> {
    /// A system without qubes, for a static; [`Self::load`] fills it.
    #[must_use]
    pub const fn empty() -> Self {
        let core = Core {
            image: None,
            chains: Chains::EMPTY,
            times: Times { ticks_per_second: 1, unix_ns_at_zero: 0, entered: Ticks(0) },
            now: Ticks(0),
            qubes: [const { Qube::NOBODY }; QUBES],
            channels: [const { None }; MAX_CHANNELS],
            endpoints: [const { Endpoint::NOBODY }; ENDPOINTS],
            audit: Audit::new(),
            log: Log::new(),
            tap: Tap::OFF,
            refused: 0,
            runnable: 0,
            rebuilding: 0,
            turn: FIRST,
            woken: NOBODY,
            stop: Stop::Empty,
            rebuilt_last: false,
            staging_wiped: STAGING,
            slice_end: Ticks(0),
            next_deadline: Ticks::NEVER,
            armed: Ticks::NEVER,
            attention: 0,
            parted: 0,
            untold: Untold::NONE,
            ctl_channels: 0,
            power_off: false,
            dma_unprotected: false,
        };
        Self { core, staging: [0; STAGING] }
    }

    /// Takes the qubes, channels and rules of `image`. Call once, on an empty monitor.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn load(&mut self, image: Image<'a>, times: Times) -> Result<(), SetupError> {
        let core = &mut self.core;
        core.image = Some(image);
        core.chains = image.chains();
        core.times = times;
        for (index, facts) in image.qubes() {
            core.qubes[index.as_usize() % QUBES] = Qube::new(facts);
            core.rebuilding |= bit(index);
        }
        core.connect(&image)
    }
}

impl<'a, M: Machine> Core<'a, M> {
    /// Ties ports to channels.
    fn connect(&mut self, image: &Image<'a>) -> Result<(), SetupError> {
        for (index, facts) in image.channels() {
            let service = image.service(facts.service).ok_or(SetupError::Channel)?;
            let table = Table::parse(service.table).map_err(|_| SetupError::Table)?;
            let allowed = (0..).zip(facts.decisions().take(32)).filter(|(_, decision)| *decision == ALLOW);
            let allowed = allowed.fold(0, |mask, (method, _)| mask | 1u32 << method);
            let quick = Quick::all(&table, allowed);
            let wiped = if table.has_secrets() { HEADER_SIZE + table.message_max() as usize } else { 0 };
            self.channels[index.as_usize()] = Some(Channel {
                facts,
                service,
                table,
                open: false,
                direct: false,
                calls: Calls::new(),
                allowed,
                quick,
                wiped,
                refused: 0,
            });
            if facts.server.is_none() && service.id == ipc_proto_ctl_api::SERVICE.id {
                self.ctl_channels |= 1 << (index.get() & 63);
            }
            let ends = [
                (Role::Client, Some(facts.client), facts.client_port),
                (Role::Server, facts.server, facts.server_port),
            ];
            for (role, qube, port) in ends {
                let end = EndpointIndex::new(index, role);
                let endpoint = &mut self.endpoints[end.index()];
                *endpoint = Endpoint::new(qube, port);
                let peer = if role == Role::Client { facts.server } else { Some(facts.client) };
                endpoint.stamp = Stamp::new(qube, peer, facts.service);
                if let Some(qube) = qube {
                    let qube = self.qube_mut(qube).ok_or(SetupError::Channel)?;
                    qube.endpoints[port.as_usize()] = end.get();
                    qube.transmits[ConsoleQueue::transmit(port) % QUEUES] = end.get();
                }
            }
        }
        Ok(())
    }

    /// The qube, if the system has it.
    #[inline]
    pub(crate) fn qube(&self, index: QubeIndex) -> Option<&Qube<'a, M::Memory>> {
        Some(&self.qubes[index.as_usize() % QUBES]).filter(|qube| qube.life != Life::Nobody)
    }

    /// The same, to change.
    #[inline]
    pub(crate) fn qube_mut(&mut self, index: QubeIndex) -> Option<&mut Qube<'a, M::Memory>> {
        Some(self.at(index)).filter(|qube| qube.life != Life::Nobody)
    }

    /// The same where it is known that the system has it, as it does whoever runs: no question asked.
    #[inline(always)]
    pub(crate) fn at(&mut self, index: QubeIndex) -> &mut Qube<'a, M::Memory> {
        &mut self.qubes[index.as_usize() % QUBES]
    }

    /// Messages ever delivered to the ends of `qube` and from them.
    pub(crate) fn carried(&self, qube: QubeIndex) -> (u64, u64) {
        let ends = (0..MAX_PORTS).filter_map(|port| self.endpoint_at(qube, port));
        ends.fold((0, 0), |(received, sent), end| {
            (received + self.endpoints[end.peer().index()].sent, sent + self.endpoints[end.index()].sent)
        })
    }

    /// The channel that an end belongs to.
    #[inline]
    pub(crate) fn channel_of(&self, end: EndpointIndex) -> Option<&Channel<'a>> {
        self.channels[end.channel()].as_ref()
    }

    /// The end behind port `port` of `qube`, if it has that many.
    #[inline]
    pub(crate) fn endpoint_at(&self, qube: QubeIndex, port: usize) -> Option<EndpointIndex> {
        EndpointIndex::from_u8(*self.qube(qube)?.endpoints.get(port)?)
    }
}
