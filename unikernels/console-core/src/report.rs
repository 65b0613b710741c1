//! The report when a qube ends badly: why, its last words, its last messages, and what happens next.
//!
//! It comes unasked, in the place of the line being typed. A qube in a crash loop must not take the terminal away: until the
//! next command each qube gets one report, then one line, then only a count, which the next command tells.

use crate::audit::{Call, Names, Who};
use crate::frame::{Frame, Mark};
use crate::plain::Plain;
use crate::sentence::Ended;
use crate::session::Session;
use crate::system::World;
use ipc_proto_ctl_api::{AuditEntry, ENDED, EndReason, Ending, QubeInfo, QubeState};
use ipc_proto_types::{List, MAX_QUBES, Text};

/// How many messages are shown.
const MESSAGES_MAX: usize = 10;
/// How many pages of the audit are looked through for them.
const PAGES_MAX: usize = 16;

/// The bad ends since the last command.
pub(crate) struct Ends {
    qubes: List<Count, MAX_QUBES>,
}

/// The bad ends of one qube.
#[derive(Debug, Clone, Copy)]
struct Count {
    times: u32,
    last: Ending,
}

impl Ends {
    pub(crate) fn new() -> Self {
        Self { qubes: List::new() }
    }

    /// Counts an end; gives how many there were of this qube.
    fn count(&mut self, end: &Ending) -> u32 {
        if let Some(count) = self.qubes.iter_mut().find(|count| count.last.qube == end.qube) {
            *count = Count { times: count.times.saturating_add(1), last: *end };
            return count.times;
        }
        // There is room: one for each qube. An index beyond them is never reported twice.
        let is_counted = self.qubes.push(Count { times: 1, last: *end }).is_ok();
        if is_counted { 1 } else { u32::MAX }
    }
}

/// Whether an end is worth a report: not what was asked for, by the qube or by somebody.
const fn is_bad(why: EndReason) -> bool {
    !matches!(why, EndReason::Exit(0) | EndReason::Killed)
}

impl<W: World> Session<'_, W> {
    /// A life ended: reports it, if it is worth it and not too often.
    pub(crate) fn ended(&mut self, end: &Ending) {
        // The prompt is drawn again by whoever reads the line.
        self.screen.clear_row();
        if !is_bad(end.why) {
            return;
        }
        match self.ends.count(end) {
            1 => self.report(end),
            2 => {
                let qube = self.qube_of(end);
                let name = qube.as_ref().map_or("A qube", |qube| qube.name.as_str());
                self.say(format_args!(
                    "{} ended again: {}. More of its ends are only counted until the next command.",
                    Plain(name),
                    Ended(end.why)
                ));
            }
            _ => {}
        }
    }

    /// Says how often qubes ended that were not reported each time; the counts begin anew.
    pub(crate) fn tell_ends(&mut self) {
        let ends = core::mem::replace(&mut self.ends, Ends::new());
        for count in ends.qubes.iter().filter(|count| count.times > 2) {
            let qube = self.qube_of(&count.last);
            let name = qube.as_ref().map_or("A qube", |qube| qube.name.as_str());
            self.say(format_args!(
                "{} ended {} times since the last command; the last was generation {}: {}.",
                Plain(name),
                count.times,
                count.last.generation,
                Ended(count.last.why)
            ));
        }
    }

    fn qube_of(&mut self, end: &Ending) -> Option<QubeInfo> {
        self.screen.world.ctl()?.qube(end.qube).ok().flatten()
    }

    fn report(&mut self, end: &Ending) {
        let Some(qube) = self.qube_of(end) else {
            return self.say(format_args!(
                "Qube number {} ended (generation {}): {}.",
                end.qube,
                end.generation,
                Ended(end.why)
            ));
        };
        self.screen.put(format_args!("╭─ "));
        self.screen.shape(qube.label);
        self.say(format_args!(
            " {} ended (generation {}): {}",
            Plain(&qube.name),
            end.generation,
            Ended(end.why)
        ));
        self.last_words(end, &qube.name);
        self.last_messages(end);
        let next = match qube.state {
            QubeState::Ended => return self.say(format_args!("╰─ It stays ended.")),
            _ if qube.disposable => {
                return self.say(format_args!("╰─ It is gone; 'start {}' begins anew.", Plain(&qube.name)));
            }
            // Its next life may have begun already.
            _ => qube.generation.max(end.generation.saturating_add(1)),
        };
        self.say(format_args!("╰─ It starts again as generation {next}."));
    }

    /// What the qube said last: a panic says the file and the line.
    fn last_words(&mut self, end: &Ending, name: &str) {
        let read = match self.screen.world.log() {
            Some(log) => log.read(end.log),
            None => {
                return self.say(format_args!(
                    "│ Its last words are in the log, to which this console has no channel."
                ));
            }
        };
        let Ok(chunk) = read else {
            return self
                .say(format_args!("│ Its last words are in the log, which this console may not read."));
        };
        if chunk.lost > 0 {
            return self.say(format_args!("│ Its last words are overwritten in the log already."));
        }
        let mut words = Text::<1024>::new();
        for line in chunk.text.lines() {
            let Some(part) = last_words_in(line, name, end.generation) else { break };
            // They come from one chunk, so they fit.
            let _ = words.push_str(part);
        }
        for line in words.lines() {
            Frame::with(Mark::Report).line(&mut self.screen, line);
        }
    }

    /// The last messages from and to the qube, oldest first.
    fn last_messages(&mut self, end: &Ending) {
        let names = match self.names.take() {
            Some(names) => names,
            None => match self.ask_names() {
                Ok(names) => names,
                Err(_) => return,
            },
        };
        let entries = self.entries_of(end);
        let methods = self.name_methods(&entries, &names);
        if entries.is_empty() {
            self.say(format_args!("│ It has sent and received no message lately."));
        } else {
            self.say(format_args!("│ Its last messages; what was said is not kept, sizes only:"));
        }
        for entry in entries.iter().rev() {
            self.message(entry, end.qube, &names, &methods);
        }
        self.names = Some(names);
    }

    fn message(&mut self, entry: &AuditEntry, qube: u8, names: &Names, methods: &crate::audit::Methods) {
        let (word, peer) = if entry.from == qube { ("to", entry.to) } else { ("from", entry.from) };
        let (seconds, ms) = (entry.time_ns / 1_000_000_000, entry.time_ns / 1_000_000 % 1000);
        self.screen.put(format_args!("│ {seconds:>6}.{ms:03} {word:4} {:16} ", Who(peer, names)));
        self.screen.put(format_args!("{:21} ", Call(entry, names, methods).to_text()));
        self.verdict(entry);
    }

    /// The last entries of the audit before an end that are about messages from or to the qube, newest first.
    fn entries_of(&mut self, end: &Ending) -> List<AuditEntry, MESSAGES_MAX> {
        let mut entries = List::new();
        let mut before = end.audit;
        for _ in 0..PAGES_MAX {
            let Some(Ok(page)) = self.screen.world.ctl().map(|ctl| ctl.audit(before)) else { break };
            for entry in &page.entries {
                let is_its = entry.from == end.qube || entry.to == end.qube;
                // Full: the page has more than are shown.
                if is_its && entry.why < ENDED && entries.push(*entry).is_err() {
                    return entries;
                }
            }
            if page.next == 0 || page.next >= before || page.entries.is_empty() {
                break;
            }
            before = page.next;
        }
        entries
    }
}

/// What a line of the log says, when it is of the last words of this life: `[   1.234567 NAME] generation 2: WORDS`.
fn last_words_in<'l>(line: &'l str, name: &str, generation: u32) -> Option<&'l str> {
    let (head, line) = line.split_once("] ")?;
    let (_, author) = head.rsplit_once(' ')?;
    let (number, words) = line.strip_prefix("generation ")?.split_once(": ")?;
    (author == name && number.parse() == Ok(generation)).then_some(words)
}
