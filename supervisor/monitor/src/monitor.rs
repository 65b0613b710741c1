//! The whole state of a system, and its making from an image.

use ipc_proto_types::{MAX_CHANNELS, MAX_QUBES, MESSAGE_MAX, QubeIndex, Role};
use ipc_proto_wire::{HEADER_SIZE, Table};
use supervisor_image::Image;
use supervisor_policy::Chains;
use supervisor_vcpu::Ticks;

use crate::audit::Audit;
use crate::channel::{Calls, Channel, ENDPOINTS, Endpoint, EndpointIndex};
use crate::log::Log;
use crate::qube::{Qube, bit};

/// Whose turn it counts as before anyone has run.
const FIRST: QubeIndex = match QubeIndex::new(0) {
    Some(first) => first,
    None => panic!("there is room for a qube"),
};

/// In the mask of the doomed: the machine is to be switched off. No qube has this bit.
pub(crate) const DOOMED_MACHINE: u16 = 1 << MAX_QUBES;

/// Bytes of the buffer that messages are copied into: the longest message and its header.
pub(crate) const STAGING: usize = MESSAGE_MAX + HEADER_SIZE;

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
pub struct Monitor<'a> {
    pub(crate) core: Core<'a>,
    pub(crate) staging: [u8; STAGING],
}

/// Everything but the message being looked at.
pub(crate) struct Core<'a> {
    pub(crate) image: Option<Image<'a>>,
    pub(crate) chains: Chains<'a>,
    pub(crate) times: Times,
    pub(crate) qubes: [Option<Qube<'a>>; MAX_QUBES],
    pub(crate) channels: [Option<Channel<'a>>; MAX_CHANNELS],
    pub(crate) endpoints: [Endpoint; ENDPOINTS],
    pub(crate) audit: Audit,
    pub(crate) log: Log,
    pub(crate) messages: u64,
    pub(crate) refused: u64,
    /// Qubes that can run.
    pub(crate) runnable: u16,
    /// Qubes whose memory is being rebuilt.
    pub(crate) rebuilding: u16,
    /// Whose turn it is. Who runs may be another, to whom a caller has handed its turn.
    pub(crate) turn: QubeIndex,
    /// The last qube that a message woke; a caller that waits hands its turn to it.
    pub(crate) woken: Option<QubeIndex>,
    pub(crate) rebuilt_last: bool,
    pub(crate) slice_end: Ticks,
    /// No qube waits for a time before this.
    pub(crate) next_deadline: Ticks,
    /// When the timer is set to fire.
    pub(crate) armed: Ticks,
    /// Qubes that ctl calls want killed, once the answers are on their way; with [`DOOMED_MACHINE`] all of them.
    pub(crate) doomed: u16,
    pub(crate) power_off: bool,
}

impl<'a> Monitor<'a> {
    /// A system without qubes, for a static; [`Self::load`] fills it.
    #[must_use]
    pub const fn empty() -> Self {
        let core = Core {
            image: None,
            chains: Chains::EMPTY,
            times: Times { ticks_per_second: 1, unix_ns_at_zero: 0, entered: Ticks(0) },
            qubes: [const { None }; MAX_QUBES],
            channels: [const { None }; MAX_CHANNELS],
            endpoints: [Endpoint::NOBODY; ENDPOINTS],
            audit: Audit::new(),
            log: Log::new(),
            messages: 0,
            refused: 0,
            runnable: 0,
            rebuilding: 0,
            turn: FIRST,
            woken: None,
            rebuilt_last: false,
            slice_end: Ticks(0),
            next_deadline: Ticks::NEVER,
            armed: Ticks::NEVER,
            doomed: 0,
            power_off: false,
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
            core.qubes[index.as_usize()] = Some(Qube::new(facts));
            core.rebuilding |= bit(index);
        }
        core.connect(&image)
    }

    /// What the image says of `qube`.
    #[must_use]
    pub fn qube_facts(&self, qube: QubeIndex) -> Option<supervisor_image::Qube<'a>> {
        self.core.qube(qube).map(|q| q.facts)
    }
}

impl<'a> Core<'a> {
    /// Ties ports to channels.
    fn connect(&mut self, image: &Image<'a>) -> Result<(), SetupError> {
        for (index, facts) in image.channels() {
            let service = image.service(facts.service).ok_or(SetupError::Channel)?;
            let table = Table::parse(service.table).map_err(|_| SetupError::Table)?;
            self.channels[index.as_usize()] =
                Some(Channel { facts, service, table, open: false, calls: Calls::new(), messages: 0, refused: 0 });
            let ends = [
                (Role::Client, Some(facts.client), facts.client_port),
                (Role::Server, facts.server, facts.server_port),
            ];
            for (role, qube, port) in ends {
                let end = EndpointIndex::new(index, role);
                self.endpoints[end.index()] = Endpoint::new(qube, port);
                if let Some(qube) = qube {
                    let qube = self.qubes[qube.as_usize()].as_mut().ok_or(SetupError::Channel)?;
                    qube.endpoints[port.as_usize()] = end.get();
                }
            }
        }
        Ok(())
    }

    /// The qube, if the system has it.
    #[inline]
    pub(crate) fn qube(&self, index: QubeIndex) -> Option<&Qube<'a>> {
        self.qubes.get(index.as_usize()).and_then(Option::as_ref)
    }

    /// The same, to change.
    #[inline]
    pub(crate) fn qube_mut(&mut self, index: QubeIndex) -> Option<&mut Qube<'a>> {
        self.qubes.get_mut(index.as_usize()).and_then(Option::as_mut)
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
