//! The tap: copies of messages for whoever the policy lets look into the running system.
//!
//! Off, it costs nothing: the one flag of a channel that says whether messages go straight says so for both reasons. On,
//! messages between qubes take the slow way, the same steps one at a time, and a copy is kept of what became of each: of a
//! delivered one with its secrets masked, of a refused one no byte of the body. The channel through which the tap was turned
//! on is not looked at, or reading would never end; when it closes, as it does with the life of its client, the tap ends.
//! Never kept: a body before it was masked, more than its first 256 bytes.

use ipc_proto_ctl_api as ctl;
use ipc_proto_types::{Bytes, Kind, List};
use ipc_proto_wire::Header;

use crate::audit::{NONE, Outcome, Stamp};
use crate::channel::EndpointIndex;
use crate::machine::Machine;
use crate::monitor::{Core, Staging};
use crate::qube::wake;
use crate::route::{Budget, Stop};
use crate::serve::verdict;

/// Copies kept. Older ones are overwritten; the sequence number tells how many there were.
const COPIES: usize = 64;

/// The tap.
pub(crate) struct Tap {
    /// The channel that it was turned on through.
    reader: Option<usize>,
    /// Copies ever made since then.
    made: u64,
    copies: [Option<ctl::Tapped>; COPIES],
}

impl Tap {
    pub(crate) const OFF: Self = Self { reader: None, made: 0, copies: [const { None }; COPIES] };

    pub(crate) fn is_on(&self) -> bool {
        self.reader.is_some()
    }
}

impl<M: Machine> Core<'_, M> {
    /// Turns the tap on for the client of a channel, or off. What there was is forgotten, unless nothing changes.
    pub(crate) fn turn_tap(&mut self, reader: Option<usize>) {
        if self.tap.reader == reader {
            return;
        }
        for copy in &mut self.tap.copies {
            if let Some(ctl::Tapped { body, .. }) = copy {
                *body = Bytes::from([0; ctl::BODY_MAX]);
            }
            *copy = None;
        }
        (self.tap.reader, self.tap.made) = (reader, 0);
        for channel in self.channels.iter_mut().flatten() {
            channel.direct = channel.open && reader.is_none();
        }
    }

    /// Ends the tap if this is the channel it was turned on through.
    pub(crate) fn end_tap_of(&mut self, channel: usize) {
        if self.tap.reader == Some(channel) {
            self.turn_tap(None);
        }
    }

    /// Moves one message of an open channel between qubes that is looked at. [`Stop::Elsewhere`] when it is done.
    pub(crate) fn move_tapped(
        &mut self,
        machine: &mut M,
        from: EndpointIndex,
        budget: &mut Budget,
        staging: &mut Staging,
    ) -> Stop {
        let Some((mut lane, _, room)) = self.lane(from, |channel| channel.open) else {
            // An open channel's queues are good; and what is not done must not be said to be.
            return if matches!(self.stop, Stop::Elsewhere) { Stop::Empty } else { self.stop };
        };
        if room == 0 || budget.is_used_up() {
            return Stop::Later;
        }
        let to = *lane.to;
        let Some(len) = lane.carry(staging) else {
            budget.settle(self.stop);
            return self.stop;
        };
        budget.spend(len);
        self.wake(machine, to, wake::CHANNEL);
        if let Ok((header, body)) = Header::parse(staging.get(..len).unwrap_or_default()) {
            self.tap_delivered(from, &header, body);
        }
        Stop::Elsewhere
    }

    /// A message of `from` was delivered.
    pub(crate) fn tap_delivered(&mut self, from: EndpointIndex, header: &Header, body: &[u8]) {
        let stamp = self.endpoints[from.index()].stamp;
        self.tap_message(from, stamp, Some(header), body, (Outcome::Allowed, 0));
    }

    /// Keeps a copy of a message, if it is to be looked at.
    pub(crate) fn tap_message(
        &mut self,
        from: EndpointIndex,
        stamp: Stamp,
        header: Option<&Header>,
        body: &[u8],
        (outcome, why): (Outcome, u8),
    ) {
        if self.tap.reader.is_none_or(|reader| reader == from.channel()) {
            return;
        }
        let Some(channel) = &self.channels[from.channel()] else { return };
        let (mut kept, mut length) = ([0; ctl::BODY_MAX], 0);
        if let Some(header) = header.filter(|_| outcome == Outcome::Allowed) {
            length = channel.table.mask(from.role(), header.kind, header.method, body, &mut kept);
        }
        let kind = header.map_or(Kind::Event, |header| header.kind).into();
        let [from, to, service] = stamp.parties();
        self.tap.copies[self.tap.made as usize % COPIES] = Some(ctl::Tapped {
            sequence: self.tap.made + 1,
            time_ns: self.uptime_ns(self.now),
            from,
            to,
            service,
            kind,
            method: header.map_or(NONE, |header| u8::try_from(header.method).unwrap_or(NONE)),
            verdict: verdict(outcome),
            why,
            correlation: header.map_or(0, |header| header.correlation),
            size: body.len() as u32,
            body: Bytes::try_from(kept.get(..length).unwrap_or_default()).unwrap_or_default(),
        });
        self.tap.made += 1;
    }

    /// A page of copies for the client of `channel`.
    pub(crate) fn tap_page(&self, channel: usize, after: u64) -> ctl::TapPage {
        let tap = &self.tap;
        let mut page = ctl::TapPage { messages: List::new(), lost: 0, on: tap.is_on() };
        if tap.reader != Some(channel) {
            return page;
        }
        let oldest = tap.made.saturating_sub(COPIES as u64);
        page.lost = oldest.saturating_sub(after);
        for place in after.max(oldest)..tap.made {
            let Some(copy) = &tap.copies[place as usize % COPIES] else { break };
            if page.messages.push(copy.clone()).is_err() {
                break;
            }
        }
        page
    }
}
