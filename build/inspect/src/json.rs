//! `--json`: a line of JSON for each thing, for scripts. The fields are in `docs/inspect.md`.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ipc_proto_ctl_api::{ChannelInfo, QubeInfo, Verdict};
use ipc_proto_wire::MethodKind;
use serde_json::{Map, Value, json};

use crate::message::{Note, end_words};
use crate::model::{Model, SUPERVISOR, ServiceFacts, harmless};
use crate::trouble::Trouble;
use crate::watch::Watch;

/// How often messages are asked for.
const PAUSE: Duration = Duration::from_millis(100);

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limit {
    /// After so long.
    pub time: Option<Duration>,
    /// After so many messages and ends.
    pub count: Option<u64>,
}

/// Writes what there is, and then what is said, until the limit is reached or `stop` is set.
///
/// # Errors
/// The system ended or does not answer, or nobody reads.
pub fn json(
    watch: &mut Watch<'_>,
    limit: Limit,
    stop: &AtomicBool,
    out: &mut dyn Write,
) -> Result<(), Trouble> {
    let result = write(watch, limit, stop, out);
    // Whatever happened, nothing shall be copied for nobody.
    let left = watch.leave();
    result.and(left)
}

fn write(watch: &mut Watch<'_>, limit: Limit, stop: &AtomicBool, out: &mut dyn Write) -> Result<(), Trouble> {
    let started = Instant::now();
    let mut model = watch.look()?;
    let copying = watch.is_copying()?;
    for line in facts(&model, copying) {
        say(out, &line)?;
    }
    let mut count = 0;
    loop {
        let notes = watch.listen(&model)?;
        if notes.iter().any(|note| matches!(note, Note::Ended { .. })) {
            model = watch.look()?;
        }
        for note in notes {
            if limit.count.is_some_and(|most| count >= most) {
                return Ok(());
            }
            say(out, &note_line(&model, &note))?;
            count += 1;
        }
        let is_over = limit.time.is_some_and(|time| started.elapsed() >= time)
            || limit.count.is_some_and(|most| count >= most);
        if is_over || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
}

fn say(out: &mut dyn Write, line: &Value) -> Result<(), Trouble> {
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| Trouble::of("standard output", &error))
}

fn facts(model: &Model, copying: bool) -> Vec<Value> {
    let system = &model.system;
    let mut lines = vec![json!({
        "type": "system",
        "name": harmless(system.name.as_str()),
        "version": harmless(system.version.as_str()),
        "qubes": system.qubes,
        "channels": system.channels,
        "uptime_ns": system.uptime_ns,
        "memory_pages": system.memory_pages,
        "messages": system.messages,
        "refused": system.refused,
        "copying": copying,
    })];
    lines.extend(model.qubes.iter().enumerate().map(|(index, (qube, _))| qube_line(index, qube)));
    let channels = model.channels.iter().enumerate();
    lines.extend(channels.map(|(index, (channel, _))| channel_line(model, index, channel)));
    lines.extend(model.services.iter().enumerate().map(|(index, service)| service_line(index, service)));
    lines
}

fn qube_line(index: usize, qube: &QubeInfo) -> Value {
    json!({
        "type": "qube",
        "index": index,
        "name": harmless(qube.name.as_str()),
        "label": qube.label.word(),
        "state": format!("{:?}", qube.state).to_lowercase(),
        "disposable": qube.disposable,
        "opened_for": qube.opened_for,
        "generation": qube.generation,
        "memory_kib": qube.memory_kib,
        "exits": qube.exits,
        "messages_in": qube.messages_in,
        "messages_out": qube.messages_out,
        "refused": qube.refused,
        "last_end": qube.last_end.map(end_words),
    })
}

fn channel_line(model: &Model, index: usize, channel: &ChannelInfo) -> Value {
    let service = model.services.iter().find(|service| service.name == channel.service.as_str());
    let mut verdicts = Map::new();
    for (number, verdict) in (0_u16..).zip(channel.verdicts.iter()) {
        let name = service.map_or_else(|| format!("method {number}"), |service| service.method(number));
        let word = match verdict {
            Verdict::Deny => "deny",
            Verdict::Allow => "allow",
            Verdict::Ask => "ask",
            Verdict::Conditional => "conditional",
        };
        verdicts.insert(name, word.into());
    }
    json!({
        "type": "channel",
        "index": index,
        "client": model.name(channel.client),
        "server": channel.server.map_or_else(|| SUPERVISOR.to_owned(), |server| model.name(server)),
        "service": harmless(channel.service.as_str()),
        "open": channel.open,
        "messages": channel.messages,
        "refused": channel.refused,
        "verdicts": verdicts,
    })
}

fn service_line(index: usize, service: &ServiceFacts) -> Value {
    let description = service.description();
    let methods = description.iter().flat_map(|description| description.methods());
    let kind = |kind| match kind {
        MethodKind::Call => "call",
        MethodKind::Oneway => "oneway",
        MethodKind::Event => "event",
    };
    let methods: Vec<Value> =
        methods.map(|method| json!({ "name": method.name(), "kind": kind(method.kind()) })).collect();
    json!({
        "type": "service",
        "index": index,
        "name": service.name,
        "version": service.version,
        "id": service.id,
        "methods": methods,
    })
}

fn note_line(model: &Model, note: &Note) -> Value {
    match note {
        Note::Said(said) => json!({
            "type": "message",
            "sequence": said.sequence,
            "time_ns": said.time_ns,
            "from": model.name(said.from),
            "to": model.name(said.to),
            "service": said.service,
            "method": said.method,
            "kind": said.kind,
            "verdict": said.verdict,
            "why": said.why,
            "correlation": said.correlation,
            "size": said.size,
            "body": said.body,
        }),
        Note::Ended { qube, generation, why } => json!({
            "type": "ended",
            "qube": model.name(*qube),
            "generation": generation,
            "why": why,
        }),
        Note::Lost(count) => json!({ "type": "lost", "count": count }),
    }
}
