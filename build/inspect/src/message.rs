//! What was said: copies of messages, lines of the audit and ends of lives, decoded.

use std::collections::VecDeque;

use ipc_proto_ctl_api::{
    AuditEntry, AuditVerdict, ENDED, EndReason, Ending, MessageKind, NOBODY, Tapped, why_text,
};
use ipc_proto_describe::{Body, Part, Reveal};
use serde_json::{Value, json};

use crate::model::{Model, ServiceFacts, harmless};

/// Most notes that are kept.
const NOTES_MAX: usize = 2000;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Counts copies, or lines of the audit, from 1.
    pub sequence: u64,
    /// Nanoseconds since the supervisor was entered.
    pub time_ns: u64,
    /// Index of the sender.
    pub from: u8,
    /// Index of the receiver.
    pub to: u8,
    /// Name of the service; empty for none.
    pub service: String,
    /// Name of the method; empty for none.
    pub method: String,
    /// `call`, `reply`, `event` or `error`; empty where only the audit tells.
    pub kind: &'static str,
    /// `allowed`, `denied`, `asked` or `refused`.
    pub verdict: &'static str,
    /// Why it was refused; empty when it was not.
    pub why: &'static str,
    /// Pairs an answer with its call.
    pub correlation: u64,
    /// Length of the body in bytes.
    pub size: u32,
    /// The body in words; empty when nothing of it is known.
    pub words: String,
    /// The body as JSON.
    pub body: Value,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A message.
    Said(Said),
    /// A life of a qube ended.
    Ended {
        /// Index of the qube.
        qube: u8,
        /// Which life.
        generation: u32,
        /// Why, in words.
        why: String,
    },
    /// So many copies were overwritten before they were read.
    Lost(u64),
}

impl Note {
    /// Whether it has to do with the qube of this index.
    #[must_use]
    pub fn is_about(&self, index: u8) -> bool {
        match self {
            Self::Said(said) => said.from == index || said.to == index,
            Self::Ended { qube, .. } => *qube == index,
            Self::Lost(_) => true,
        }
    }

    pub(crate) fn of_end(end: Ending) -> Self {
        Self::Ended { qube: end.qube, generation: end.generation, why: end_words(end.why) }
    }

    /// A copy, decoded.
    pub(crate) fn of_copy(model: &Model, copy: &Tapped) -> Self {
        let service = model.services.get(usize::from(copy.service));
        let (words, body) = decode(service, copy);
        Self::Said(Said {
            sequence: copy.sequence,
            time_ns: copy.time_ns,
            from: copy.from,
            to: copy.to,
            service: service.map(|service| service.name.clone()).unwrap_or_default(),
            method: method(service, copy.method),
            kind: kind_word(copy.kind),
            verdict: verdict_word(copy.verdict),
            why: why_text(copy.why),
            correlation: copy.correlation,
            size: copy.size,
            words,
            body,
        })
    }

    /// A line of the audit: who, whom, what, and how long; never the content.
    pub(crate) fn of_audit(model: &Model, entry: &AuditEntry) -> Option<Self> {
        if entry.why >= ENDED {
            return None;
        }
        let service = model.services.get(usize::from(entry.service));
        Some(Self::Said(Said {
            sequence: entry.sequence,
            time_ns: entry.time_ns,
            from: entry.from,
            to: entry.to,
            service: service.map(|service| service.name.clone()).unwrap_or_default(),
            method: method(service, entry.method),
            kind: "",
            verdict: verdict_word(entry.verdict),
            why: why_text(entry.why),
            correlation: 0,
            size: entry.size,
            words: String::new(),
            body: Value::Null,
        }))
    }
}

fn method(service: Option<&ServiceFacts>, number: u8) -> String {
    match service {
        Some(service) if number != NOBODY => service.method(u16::from(number)),
        _ => String::new(),
    }
}

/// The body of a copy, in words and as JSON.
fn decode(service: Option<&ServiceFacts>, copy: &Tapped) -> (String, Value) {
    let nothing = (String::new(), Value::Null);
    if copy.kind == MessageKind::Error {
        let code = copy.body.first().copied().and_then(ipc_proto_types::ErrorCode::from_u8);
        return code.map_or(nothing, |code| (code.to_string(), json!({ "error": code.to_string() })));
    }
    if copy.verdict == AuditVerdict::Refused || (copy.body.is_empty() && copy.size > 0) {
        return nothing;
    }
    let description = service.and_then(ServiceFacts::description);
    let method = description.as_ref().and_then(|description| description.method(u16::from(copy.method)));
    let Some(method) = method else { return nothing };
    let part = if copy.kind == MessageKind::Reply { Part::Reply } else { Part::Arguments };
    let body = Body { bytes: &copy.body, size: usize::try_from(copy.size).unwrap_or(usize::MAX) };
    let (mut words, mut text) = (String::new(), String::new());
    // A String takes everything.
    let _ = method.show(part, body, Reveal::Nothing, &mut words);
    let _ = method.show_json(part, body, Reveal::Nothing, &mut text);
    (words, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn kind_word(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Call => "call",
        MessageKind::Reply => "reply",
        MessageKind::Event => "event",
        MessageKind::Error => "error",
    }
}

fn verdict_word(verdict: AuditVerdict) -> &'static str {
    match verdict {
        AuditVerdict::Allowed => "allowed",
        AuditVerdict::Denied => "denied",
        AuditVerdict::Asked => "asked",
        AuditVerdict::Refused => "refused",
    }
}

/// Why a life ended, as the end of a sentence.
pub(crate) fn end_words(why: EndReason) -> String {
    match why {
        EndReason::Exit(code) => format!("it left with code {code}"),
        EndReason::Killed => "killed".to_owned(),
        EndReason::Panicked => "it panicked".to_owned(),
        EndReason::MemoryFault(address) => format!("it touched memory it does not have, at {address:#x}"),
        EndReason::Exception(vector) => format!("exception {vector}, which it could not handle"),
        EndReason::UnknownPort(port) => format!("it used I/O port {port:#x}"),
        EndReason::Msr(register) => format!("it used the model-specific register {register:#x}"),
        EndReason::TripleFault => "a triple fault".to_owned(),
        EndReason::UnexpectedExit(code) => format!("an exit no qube should cause, {code:#x}"),
        EndReason::InvalidState => "the processor refused its state".to_owned(),
    }
}

/// The notes of this session, oldest first; the oldest go when there are too many.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    notes: VecDeque<Note>,
}

impl Messages {
    /// Adds notes, oldest first.
    pub fn add(&mut self, notes: Vec<Note>) {
        self.notes.extend(notes);
        while self.notes.len() > NOTES_MAX {
            self.notes.pop_front();
        }
    }

    /// All of them, or those about one qube.
    pub fn about(&self, qube: Option<u8>) -> impl DoubleEndedIterator<Item = &Note> {
        self.notes.iter().filter(move |note| qube.is_none_or(|qube| note.is_about(qube)))
    }
}

/// A line for people: time, who, whom, what, how long and what it says.
pub(crate) fn sentence(model: &Model, note: &Note) -> String {
    match note {
        Note::Said(said) => {
            let millis = said.time_ns / 1_000_000;
            let (from, to) = (model.name(said.from), model.name(said.to));
            let what = if said.service.is_empty() {
                "no message of a service".to_owned()
            } else {
                format!("{}.{}", said.service, said.method)
            };
            let kind = if said.kind.is_empty() { String::new() } else { format!(" {}", said.kind) };
            let verdict = match said.verdict {
                "allowed" => String::new(),
                other => format!(" {}: {};", other.to_uppercase(), said.why),
            };
            let body =
                if said.words.is_empty() { format!("{} bytes", said.size) } else { said.words.clone() };
            format!("{:>6}.{:03} {from} > {to} {what}{kind}{verdict} {body}", millis / 1000, millis % 1000)
        }
        Note::Ended { qube, generation, why } => {
            format!("{:>10} {} ended (generation {generation}): {}", "", model.name(*qube), harmless(why))
        }
        Note::Lost(count) => format!("{:>10} {count} messages came too fast to be copied", ""),
    }
}
