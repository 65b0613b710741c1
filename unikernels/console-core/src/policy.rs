//! `policy who-can-reach QUBE`: asked of the running tables, answered by the closure over their channels.

use crate::audit::KNOWN;
use crate::plain::Plain;
use crate::reach::{QUBES_MAX, ways};
use crate::session::{Done, Session};
use crate::show::{Channels, Qubes};
use crate::system::World;
use ipc_proto_ctl_api::{ChannelInfo, Verdict};
use ipc_proto_types::{List, MAX_CHANNELS, MAX_QUBES};

const _: () = assert!(QUBES_MAX == MAX_QUBES);

impl<W: World> Session<'_, W> {
    pub(crate) fn who_can_reach(&mut self, name: &str) -> Done {
        let qubes = self.all_qubes()?;
        let Some(target) = (0_u8..).zip(&qubes).find(|(_, qube)| qube.name == name).map(|(index, _)| index)
        else {
            return self.no_such_qube(name);
        };
        let channels = self.all_channels()?;
        let mut edges = List::<(u8, u8), MAX_CHANNELS>::new();
        for channel in channels.iter().filter(|channel| carries_calls(channel)) {
            if let Some(server) = channel.server {
                // There is room: as many as there are channels.
                let _ = edges.push((channel.client, server));
            }
        }
        let ways = ways(target, &edges);
        let mut nobody = true;
        for steps in 1..=QUBES_MAX {
            for (index, way) in (0_u8..).zip(ways) {
                if let Some(way) = way.filter(|way| usize::from(way.steps) == steps) {
                    nobody = false;
                    self.way(index, way.next, target, &qubes, &channels);
                }
            }
        }
        if nobody {
            self.say(format_args!("No qube can reach {name}."));
        } else {
            self.say(format_args!("No other qube can reach {name}."));
        }
        Ok(())
    }

    /// Says how one qube gets to the target: its first step, and what it may call there.
    fn way(&mut self, from: u8, next: u8, target: u8, qubes: &Qubes, channels: &Channels) {
        let [Some(qube), Some(via)] = [from, next].map(|index| qubes.get(usize::from(index))) else {
            return;
        };
        self.screen.put(format_args!("{:16} ", Plain(&qube.name)));
        self.screen.label(qube.label);
        if next == target {
            self.say(format_args!(" directly"));
        } else {
            self.say(format_args!(" if {} passes it on", Plain(&via.name)));
        }
        let step = |channel: &&ChannelInfo| channel.client == from && channel.server == Some(next);
        for channel in channels.iter().filter(step) {
            self.verdicts(channel);
        }
    }

    /// Says what a channel lets through, one line for each verdict: `vault.*: allow`, or the methods by name.
    fn verdicts(&mut self, channel: &ChannelInfo) {
        let service = Plain(&channel.service);
        for (verdict, word) in [
            (Verdict::Allow, "allow"),
            (Verdict::Ask, "ask"),
            (Verdict::Conditional, "depends on the arguments"),
        ] {
            let count = channel.verdicts.iter().filter(|other| **other == verdict).count();
            if count == 0 {
                continue;
            }
            self.screen.put(format_args!("    {word}: "));
            if count == channel.verdicts.len() {
                self.say(format_args!("{service}.*"));
                continue;
            }
            let known = KNOWN.iter().find(|known| channel.service == known.name);
            let mut comma = "";
            for (number, _) in channel.verdicts.iter().enumerate().filter(|(_, other)| **other == verdict) {
                match known.and_then(|known| known.methods.get(number)) {
                    Some(method) => self.screen.put(format_args!("{comma}{service}.{}", method.name)),
                    None => self.screen.put(format_args!("{comma}{service}.{number}")),
                }
                comma = ", ";
            }
            self.say(format_args!(""));
        }
    }
}

/// Whether anything the client sends gets through.
fn carries_calls(channel: &ChannelInfo) -> bool {
    channel.verdicts.iter().any(|verdict| *verdict != Verdict::Deny)
}
