//! `Stack`: the network of all clients over one card.

use alloc::vec::Vec;
use core::cell::Cell;

use ipc_proto_net_api::{NetError, Status};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Generation, MAX_PORTS, PortIndex};
use netvm_firewall::{Firewall, Now, Rules, Source};
use smoltcp::iface::{Config as InterfaceConfig, Interface, PollIngressSingleResult, PollResult, SocketSet};
use smoltcp::phy::Device;
use smoltcp::wire::{EthernetAddress, HardwareAddress};
use unikernels_sdk::Csprng;

use crate::client::Client;
use crate::doors::Doors;
use crate::guard::{Gate, Guard};
use crate::machine::{Machine, instant};
use crate::network::{Config, Learned};
use crate::quota::Quota;

/// Frames that are taken in one turn: one flood must not keep clients from being answered.
const FRAMES_MAX: u16 = 128;
/// Rounds in which sockets may send in one turn, for the same reason.
const ROUNDS_MAX: usize = 64;

/// Frames that the card may be asked to hold back, and for how long in milliseconds, while a client waits for something: less than
/// half of what a stream has under way, so that it does not stop.
const PATIENCE_MAX: u16 = 20;
const PATIENCE_MS: u64 = 1;
/// The same while none does. Who calls has a turn made before the answer, so only the other side notices, and acknowledgements
/// may be later than that (RFC 9293 section 3.8.6.3).
const UNAWAITED_MAX: u16 = 64;
const UNAWAITED_MS: u64 = 5;

/// How long to wait when the library says "at once" and has just been called, in milliseconds: less than anybody notices, or,
/// when no client has a socket, as exact as timers of DHCP have to be.
const PAUSE_MS: u64 = 10;
const IDLE_MS: u64 = 1000;

/// The network.
pub struct Stack<D> {
    device: D,
    pub(crate) machine: Machine,
    pub(crate) firewall: Firewall,
    pub(crate) clients: [Option<Client>; MAX_PORTS],
    learned: Learned,
    sources: [Option<Source>; MAX_PORTS],
    /// For which rules flows were looked at, and when they have to be again.
    reviewed: u64,
    review_at: Option<u64>,
    /// Whether there may be more frames.
    is_busy: bool,
    /// How many frames came of late in one turn.
    burst: u16,
}

impl<D: Device> Stack<D> {
    /// A stack over a card of Ethernet. It sends nothing before it has rules. `random` has to be seeded with full entropy:
    /// ports, and numbers of questions and streams come from it.
    ///
    /// # Panics
    /// When the card is no Ethernet, or `config.hardware` is no address of one station.
    #[must_use]
    pub fn new(mut device: D, config: &Config, quota: Quota, mut random: Csprng, now: Now) -> Self {
        let hardware = HardwareAddress::Ethernet(EthernetAddress(config.hardware));
        let mut settings = InterfaceConfig::new(hardware);
        settings.random_seed = random.next_u64();
        settings.slaac = true;
        let interface = Interface::new(settings, &mut device, instant(now));
        let packet_max = device.capabilities().ip_mtu();
        let mut machine = Machine {
            packet_max,
            interface,
            sockets: SocketSet::new(Vec::new()),
            doors: Doors::default(),
            random,
            quota,
            resolvers: Vec::new(),
            now,
        };
        let learned = Learned::new(config, &mut machine);
        Self {
            device,
            machine,
            firewall: Firewall::new(),
            clients: [const { None }; MAX_PORTS],
            learned,
            sources: [None; MAX_PORTS],
            reviewed: 0,
            review_at: None,
            is_busy: false,
            burst: 0,
        }
    }

    /// The card.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// Who is behind a port, as the supervisor says. Everything that an earlier one had is gone.
    pub fn admit(&mut self, port: PortIndex, source: Source) {
        self.end(port);
        if let Some(slot) = self.sources.get_mut(port.as_usize()) {
            *slot = Some(source);
        }
    }

    /// Nobody is behind the port any more: what was had there is gone.
    pub fn end(&mut self, port: PortIndex) {
        if let Some(slot) = self.clients.get_mut(port.as_usize())
            && let Some(before) = slot.take()
        {
            // The other sides are still told that their streams are broken off.
            *slot = Some(before.end(&mut self.machine, Generation::NONE));
        }
        if let Some(source) = self.sources.get_mut(port.as_usize()) {
            *source = None;
        }
        self.firewall.forget(port);
    }

    /// From now on these rules hold. What they forbid is cut before this returns; the other side is told with the next
    /// [`Stack::turn`].
    pub fn set_rules(&mut self, rules: Rules, now: Now) {
        self.machine.now = now;
        self.firewall.set_rules(rules);
        self.review();
    }

    /// Whether the card has a link.
    pub fn set_link(&mut self, is_up: bool) {
        self.learned.set_link(&mut self.machine, is_up);
    }

    /// Without a link nothing is begun, because nothing goes on. Without rules everything is denied, which is said first.
    pub(crate) fn check_link(&self) -> Result<(), NetError> {
        if self.learned.is_up() || !self.firewall.has_rules() { Ok(()) } else { Err(NetError::NoNetwork) }
    }

    /// What clients are told about the network.
    #[must_use]
    pub fn network(&self) -> Status {
        self.learned.status(&self.machine, self.firewall.has_rules())
    }

    /// Takes frames from the card, moves everything on, and sends. Says whether it left frames for the next turn.
    pub fn turn(&mut self, now: Now) -> bool {
        self.machine.now = now;
        // Fail closed: without rules nothing comes in and nothing goes out, not even a question for an address.
        if !self.firewall.has_rules() {
            return false;
        }
        if self.reviewed != self.firewall.version() || self.review_at.is_some_and(|at| now.unix_s >= at) {
            self.review();
        }
        if !self.learned.is_up() {
            return false;
        }
        let at = instant(now);
        self.machine.interface.poll_maintenance(at);
        self.is_busy = self.take_frames();
        self.learned.advance(&mut self.machine);
        for client in self.clients.iter_mut().flatten() {
            client.advance(&mut self.machine, &mut self.firewall);
        }
        self.flush();
        for client in self.clients.iter_mut().flatten() {
            client.reap(&mut self.machine);
        }
        self.is_busy
    }

    /// Sends what clients have given since the last [`Stack::turn`].
    pub fn flush(&mut self) {
        if !self.firewall.has_rules() || !self.learned.is_up() {
            return;
        }
        let at = instant(self.machine.now);
        let begun = Cell::new(None);
        let (doors, firewall, now) = (&self.machine.doors, &self.firewall, self.machine.now);
        let gate = Gate { doors, firewall, now, begun: &begun };
        let mut guard = Guard { device: &mut self.device, gate };
        let (interface, sockets) = (&mut self.machine.interface, &mut self.machine.sockets);
        for client in self.clients.iter_mut().flatten() {
            client.wanted.ask(interface, &mut guard, at, self.machine.now.ms);
        }
        for _ in 0..ROUNDS_MAX {
            if interface.poll_egress(at, &mut guard, sockets) == PollResult::None {
                break;
            }
        }
    }

    /// How many frames may come before the next [`Stack::turn`] is needed for them: one, unless many came of late. Fewer wait
    /// until [`Stack::turn_at`], which is near then.
    #[must_use]
    pub fn patience(&self) -> u16 {
        self.patience_and_ms().map_or(1, |(frames, _)| frames)
    }

    fn patience_and_ms(&self) -> Option<(u16, u64)> {
        // Of as many as came before, half come soon.
        let expected = self.burst / 2;
        if expected <= 1 {
            None
        } else if self.clients.iter().flatten().any(Client::is_waiting) {
            Some((expected.min(PATIENCE_MAX), PATIENCE_MS))
        } else {
            Some((UNAWAITED_MAX, UNAWAITED_MS))
        }
    }

    /// When to call [`Stack::turn`] again if no frame comes before, in milliseconds; `None` is never. The time when a rule
    /// expires is [`Stack::next_expiry`].
    pub fn turn_at(&mut self) -> Option<u64> {
        if !self.firewall.has_rules() || !self.learned.is_up() {
            return None;
        }
        if self.is_busy {
            return Some(self.machine.now.ms);
        }
        let at = instant(self.machine.now);
        let sockets = self.machine.interface.poll_at(at, &self.machine.sockets);
        let sockets = sockets.map(|at| self.not_overdue(u64::try_from(at.total_millis()).unwrap_or(0)));
        let clients = self.clients.iter().flatten().filter_map(Client::next_ms).min();
        let patience = self.patience_and_ms().map(|(_, ms)| self.machine.now.ms.saturating_add(ms));
        [sockets, clients, patience, self.learned.next_ms()].into_iter().flatten().min()
    }

    /// A time that is still to come. What is overdue just after a turn is either a card that takes no more, or the library's
    /// search for routers, which it still wants to be called for after it gave up (smoltcp 0.14); whoever believed that would
    /// never sleep on a network without a router.
    fn not_overdue(&self, at_ms: u64) -> u64 {
        if at_ms > self.machine.now.ms {
            return at_ms;
        }
        let is_used = self.clients.iter().flatten().any(Client::has_sockets);
        self.machine.now.ms.saturating_add(if is_used { PAUSE_MS } else { IDLE_MS })
    }

    /// When the next rule expires, in seconds since 1970: [`Stack::turn`] cuts then what it allowed.
    #[must_use]
    pub fn next_expiry(&self) -> Option<u64> {
        self.review_at
    }

    /// The clients to which the event `ready` has to be sent now. Each is named once for each `poll` of its own.
    pub fn take_ready(&mut self) -> impl Iterator<Item = PortIndex> {
        let machine = &self.machine;
        self.clients
            .iter_mut()
            .flatten()
            .filter_map(|client| client.take_news(machine).then_some(client.port))
    }

    /// Whether the event `changed` has to be sent to all clients now.
    pub fn take_changed(&mut self) -> bool {
        self.learned.take_news(&self.machine, self.firewall.has_rules())
    }

    /// Cuts what the rules do not allow.
    fn review(&mut self) {
        for client in self.clients.iter_mut().flatten() {
            client.review(&mut self.machine, &self.firewall);
        }
        self.reviewed = self.firewall.version();
        self.review_at = self.firewall.next_expiry(self.machine.now);
    }

    fn take_frames(&mut self) -> bool {
        let at = instant(self.machine.now);
        let mut taken = 0;
        let mut is_busy = true;
        while is_busy && taken < FRAMES_MAX {
            let begun = Cell::new(None);
            let (doors, firewall, now) = (&self.machine.doors, &self.firewall, self.machine.now);
            let gate = Gate { doors, firewall, now, begun: &begun };
            let mut guard = Guard { device: &mut self.device, gate };
            let (interface, sockets) = (&mut self.machine.interface, &mut self.machine.sockets);
            let result = interface.poll_ingress_single(at, &mut guard, sockets);
            is_busy = !matches!(result, PollIngressSingleResult::None);
            taken = taken.saturating_add(is_busy.into());
            if let Some(Some(client)) = begun.get().and_then(|port| self.clients.get_mut(port.as_usize())) {
                client.note_callers(&mut self.machine);
            }
        }
        // A few turns without any, and patience is over.
        self.burst = taken.max(self.burst / 2);
        is_busy
    }

    /// The client that called; another life of it begins with nothing.
    pub(crate) fn client(&mut self, caller: &Caller) -> Option<(&mut Client, &mut Machine, &Firewall)> {
        let place = caller.port.as_usize();
        let source = (*self.sources.get(place)?)?;
        let slot = self.clients.get_mut(place)?;
        if slot.as_ref().is_none_or(|client| client.generation != caller.generation) {
            self.firewall.admit(caller.port, source);
            *slot = Some(match slot.take() {
                Some(before) => before.end(&mut self.machine, caller.generation),
                None => Client::new(caller.port, caller.generation),
            });
        }
        let client = slot.as_mut()?;
        Some((client, &mut self.machine, &self.firewall))
    }
}
