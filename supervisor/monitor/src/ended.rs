//! The event `ctl.ended`: when a life has ended, every client of ctl that is open, may hear of it and left room does.
//!
//! It is put off like everything that an end entails: one client is told an exit, the oldest end first. Nothing is queued for
//! it, since a qube's next life does not begin before its last end was told to all. So no end is lost but to a client that
//! leaves no room; that one finds it in `ctl.qube` and in the audit.

use ipc_proto_ctl_api as ctl;
use ipc_proto_types::{ChannelIndex, Kind, MAX_CHANNELS, QubeIndex, Role};
use ipc_proto_wire::{HEADER_SIZE, Header, MethodKind, encode};
use supervisor_virtio::Malformed;

use crate::audit::Refusal;
use crate::channel::EndpointIndex;
use crate::machine::Machine;
use crate::monitor::{Core, attention};
use crate::qube::{QUBES, bit};

/// Number of the event: ctl has one.
const ENDED: u16 = {
    let mut number = 0;
    while !matches!(ctl::SERVICE.methods[number].kind, MethodKind::Event) {
        number += 1;
    }
    number as u16
};

/// Longest body of the event.
const BODY_MAX: usize = 48;
const _: () = assert!(ctl::SERVICE.methods[ENDED as usize].request.sizes().max <= BODY_MAX as u64);

/// Ends that are yet to be told.
pub(crate) struct Untold {
    /// Whose, one bit a qube.
    pub(crate) qubes: u32,
    /// Channels that have yet to hear of the oldest of them.
    channels: u64,
    /// Of each qube's last end the number of its entry in the audit, from 1, and where in the log the words about it begin.
    places: [(u64, u64); QUBES],
}

impl Untold {
    pub(crate) const NONE: Self = Self { qubes: 0, channels: 0, places: [(0, 0); QUBES] };
}

impl<M: Machine> Core<'_, M> {
    /// A life of `index` ended, as the newest entry of the audit says and the log from `words` on: ctl's clients are to hear of
    /// it, if there are any.
    pub(crate) fn tell_ended_later(&mut self, index: QubeIndex, words: u64) {
        if self.ctl_channels == 0 {
            return;
        }
        if self.untold.qubes == 0 {
            self.untold.channels = self.ctl_channels;
        }
        self.untold.qubes |= bit(index);
        self.untold.places[index.as_usize() % QUBES] = (self.audit.next(), words);
        self.attention |= attention::ENDED;
    }

    /// Tells one client of the oldest end.
    pub(crate) fn tell_ended(&mut self, machine: &mut M) {
        let is_untold = |index: &QubeIndex| self.untold.qubes & bit(*index) != 0;
        let Some(oldest) = QubeIndex::all().filter(is_untold).min_by_key(|index| self.place_of(*index))
        else {
            return;
        };
        let channel = self.untold.channels.trailing_zeros() as usize % MAX_CHANNELS;
        self.untold.channels &= self.untold.channels.wrapping_sub(1);
        if self.untold.channels == 0 {
            self.untold.qubes &= !bit(oldest);
            self.untold.channels = self.ctl_channels;
        }
        self.tell_client(machine, channel, oldest);
    }

    fn place_of(&self, index: QubeIndex) -> (u64, u64) {
        self.untold.places[index.as_usize() % QUBES]
    }

    fn tell_client(&mut self, machine: &mut M, channel: usize, ended: QubeIndex) {
        let Some(index) = ChannelIndex::new(channel as u8) else { return };
        let client = EndpointIndex::new(index, Role::Client);
        let Some(state) = self.channels[channel].as_ref().filter(|it| it.open) else { return };
        let Some(q) = self.qube(ended).filter(|_| state.allowed & 1 << ENDED != 0) else { return };
        let Some(why) = q.last_end else { return };
        let (generation, (audit, log)) = (q.generation.0, self.place_of(ended));
        let ending = ctl::Ending { qube: ended.get(), generation, why, log, audit };
        let mut frame = [0; HEADER_SIZE + BODY_MAX];
        let (_, body) = frame.split_at_mut(HEADER_SIZE);
        let Ok(length) = encode(&ending, body) else { return };
        let (schema, kind, length) = (state.service.id, Kind::Event, length as u32);
        let header = Header { schema, method: ENDED, kind, correlation: 0, length };
        match self.say(machine, client, &header, &mut frame) {
            Ok(()) | Err(Malformed::TooLong) => {}
            Err(fault) => self.poison(machine, client, Refusal::ReceiverQueue(fault)),
        }
    }
}
