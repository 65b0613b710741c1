//! `Watch`: asks the supervisor, over `ctl`, what there is and what was said.

use ipc_proto_ctl_api::{CtlClient, CtlEvent};
use ipc_proto_rpc::{CallError, Port};
use ipc_proto_types::{MAX_CHANNELS, MAX_QUBES, MAX_SERVICES};

use crate::message::Note;
use crate::model::{Model, Rate, ServiceFacts, harmless};
use crate::port::SocketPort;
use crate::trouble::Trouble;

/// How long one question may take: a vault that derives keys has the processor for seconds, on a busy machine for many.
const ANSWER_MS: u64 = 30_000;
/// How long the first answer may take before it is asked again: of a system that has just started, the inspector may not be
/// there yet, and what is said to nobody is lost. Longer than the bridge needs to forget half a question.
const FIRST_MS: u64 = 2_000;
/// Most times it is asked: for as long as any other answer may take.
const FIRST_TRIES: u64 = ANSWER_MS / FIRST_MS;
/// Most pieces of one schema text: as many as the longest text has.
const PIECES_MAX: usize = 64;
/// Most pages of copies or of the audit taken at once: a flood must not keep a person from leaving.
const PAGES_MAX: usize = 16;

/// Where messages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Copies, with what they say.
    Copies,
    /// The audit, which never says what a message said; nothing is turned on for it.
    Audit,
}

/// Somebody who looks.
pub struct Watch<'p> {
    ctl: CtlClient<'p, SocketPort>,
    services: Vec<ServiceFacts>,
    last: Option<Model>,
    source: Source,
    tapping: bool,
    after: u64,
    /// Index of the qube that carries our own questions, which nobody wants to see.
    own: Option<u8>,
}

impl<'p> Watch<'p> {
    /// Asks which services there are; turns nothing on.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn new(port: &'p mut SocketPort, source: Source) -> Result<Self, Trouble> {
        let mut ctl = CtlClient::new(port);
        ctl.client().set_timeout_ms(FIRST_MS);
        let is_there = (0..FIRST_TRIES).any(|_| !matches!(ctl.service(0), Err(CallError::TimedOut)));
        // Who never answered is not waited for a second time.
        ctl.client().set_timeout_ms(if is_there { ANSWER_MS } else { FIRST_MS });
        let mut watch =
            Self { ctl, services: Vec::new(), last: None, source, tapping: false, after: 0, own: None };
        for index in (0..MAX_SERVICES).filter_map(|index| u8::try_from(index).ok()) {
            let answer = watch.ctl.service(index);
            let Some(info) = watch.believe(answer)? else { break };
            let text = watch.text(index)?;
            let id = info.id.iter().map(|byte| format!("{byte:02x}")).collect();
            watch.services.push(ServiceFacts {
                name: harmless(info.name.as_str()),
                version: info.version,
                id,
                text,
            });
        }
        if source == Source::Audit {
            watch.after = watch.newest_of_audit()?;
        }
        Ok(watch)
    }

    /// Asks what there is now.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn look(&mut self) -> Result<Model, Trouble> {
        let answer = self.ctl.system();
        let system = self.believe(answer)?;
        let (mut qubes, mut channels) = (Vec::new(), Vec::new());
        for index in (0..MAX_QUBES).filter_map(|index| u8::try_from(index).ok()) {
            let answer = self.ctl.qube(index);
            let Some(qube) = self.believe(answer)? else { break };
            if qube.name.as_str() == "inspector" {
                self.own = Some(index);
            }
            qubes.push((qube, Rate::default()));
        }
        for index in (0..MAX_CHANNELS).filter_map(|index| u8::try_from(index).ok()) {
            let answer = self.ctl.channel(index);
            let Some(channel) = self.believe(answer)? else { break };
            channels.push((channel, Rate::default()));
        }
        let mut model = Model { system, qubes, channels, services: self.services.clone() };
        if let Some(before) = &self.last {
            model.compare(before);
        }
        self.last = Some(model.clone());
        Ok(model)
    }

    /// Asks what was said since it was last asked, oldest first; turns copies on the first time.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn listen(&mut self, model: &Model) -> Result<Vec<Note>, Trouble> {
        if self.source == Source::Copies && !self.tapping {
            let answer = self.ctl.tap(true);
            self.tapping = true;
            self.believe(answer)?;
        }
        let mut notes = match self.source {
            Source::Copies => self.copies(model)?,
            Source::Audit => self.audit(model)?,
        };
        let own = self.own;
        notes.retain(|note| !matches!((note, own), (Note::Said(_), Some(own)) if note.is_about(own)));
        while let Some(CtlEvent::Ended { end }) = self.ctl.next_event() {
            notes.push(Note::of_end(end));
        }
        Ok(notes)
    }

    /// Whether messages are being copied at the moment, for us or for somebody else.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn is_copying(&mut self) -> Result<bool, Trouble> {
        let answer = self.ctl.tapped(u64::MAX);
        Ok(self.believe(answer)?.on)
    }

    /// Turns copies off, if they were turned on.
    ///
    /// # Errors
    /// Nobody answers: who ended copies nothing.
    pub fn leave(&mut self) -> Result<(), Trouble> {
        if !std::mem::take(&mut self.tapping) {
            return Ok(());
        }
        let answer = self.ctl.tap(false);
        self.believe(answer)
    }

    fn copies(&mut self, model: &Model) -> Result<Vec<Note>, Trouble> {
        let mut notes = Vec::new();
        for _ in 0..PAGES_MAX {
            let answer = self.ctl.tapped(self.after);
            let page = self.believe(answer)?;
            if page.lost > 0 && self.after > 0 {
                notes.push(Note::Lost(page.lost));
            }
            let Some(last) = page.messages.last() else { break };
            if last.sequence <= self.after {
                break;
            }
            self.after = last.sequence;
            notes.extend(page.messages.iter().map(|copy| Note::of_copy(model, copy)));
        }
        Ok(notes)
    }

    fn newest_of_audit(&mut self) -> Result<u64, Trouble> {
        let answer = self.ctl.audit(u64::MAX);
        Ok(self.believe(answer)?.entries.first().map_or(0, |entry| entry.sequence))
    }

    fn audit(&mut self, model: &Model) -> Result<Vec<Note>, Trouble> {
        let (mut entries, mut before) = (Vec::new(), u64::MAX);
        for _ in 0..PAGES_MAX {
            let answer = self.ctl.audit(before);
            let page = self.believe(answer)?;
            let after = self.after;
            let is_new = |entry: &&ipc_proto_ctl_api::AuditEntry| entry.sequence > after;
            let fresh = page.entries.iter().take_while(is_new).count();
            entries.extend(page.entries.iter().take(fresh).copied());
            if fresh < page.entries.len() || page.next == 0 || page.next >= before {
                break;
            }
            before = page.next;
        }
        self.after = entries.first().map_or(self.after, |entry| entry.sequence);
        Ok(entries.iter().rev().filter_map(|entry| Note::of_audit(model, entry)).collect())
    }

    fn text(&mut self, index: u8) -> Result<String, Trouble> {
        let mut text = String::new();
        for _ in 0..PIECES_MAX {
            let from = u16::try_from(text.len()).unwrap_or(u16::MAX);
            let answer = self.ctl.schema(index, from);
            match self.believe(answer)? {
                Some(piece) if !piece.as_str().is_empty() => text += piece.as_str(),
                _ => break,
            }
        }
        Ok(text)
    }

    fn believe<T>(&mut self, answer: Result<T, CallError>) -> Result<T, Trouble> {
        answer.map_err(|error| {
            // The line may have been closed while nobody read.
            let port = self.ctl.client().port();
            port.wait(Some(port.now()));
            if port.is_closed() { Trouble::Ended } else { Trouble::Silent(error) }
        })
    }
}
