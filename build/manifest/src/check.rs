//! Whether the parts of a system fit together; the way from files to a [`System`].

use std::collections::HashMap;
use std::path::Path;

use ipc_proto_types::{MAX_CHANNELS, MAX_PORTS, MAX_QUBES, MAX_SERVICES, PortIndex, QubeIndex};
use ipc_proto_wire::Service;

use crate::addition::Addition;
use crate::catalogue::Catalogue;
use crate::disposable;
use crate::nearest::nearest;
use crate::policy::{self, Ends};
use crate::problem::{At, Problem, Problems, Source};
use crate::qube_file::QubeFile;
use crate::size::format_size;
use crate::system::{Channel, Decision, Device, Qube, System};
use crate::system_file::{self, ChannelEntry, SystemFile};

/// Most memory of one qube: its page tables map one GiB, and its memory starts at 2 MiB.
const QUBE_MEMORY_MAX: u64 = (1 << 30) - (2 << 20);
/// Bytes of a page.
const PAGE: u64 = 4096;
/// What a channel names as its server when the supervisor serves.
pub(crate) const SUPERVISOR: &str = "@supervisor";

/// Reads and checks the system in `path`.
///
/// # Errors
/// Everything that is wrong with it and with the qubes it names.
pub fn load(path: &Path, catalogue: &Catalogue) -> Result<System, Problems> {
    load_with(path, catalogue, None)
}

/// Reads and checks the system in `path` with something added to it.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    path: &Path,
    catalogue: &Catalogue,
    addition: Option<&Addition>,
) -> Result<System, Problems> {
    match Source::read(path) {
        Ok(source) => check(source, catalogue, addition),
        Err(problem) => Err(Problems(vec![problem])),
    }
}

/// Reads and checks a system from its text; `path` is where it would be, for its relative paths and its problems.
///
/// # Errors
/// Everything that is wrong with it and with the qubes it names.
pub fn load_text(path: &Path, text: &str, catalogue: &Catalogue) -> Result<System, Problems> {
    check(Source::new(path, text), catalogue, None)
}

fn check(mut source: Source, catalogue: &Catalogue, addition: Option<&Addition>) -> Result<System, Problems> {
    let mut elsewhere: Vec<Problem> = Vec::new();
    let file = system_file::read(&mut source, &mut elsewhere);
    let mut system = None;
    if let Some(mut file) = file.filter(|_| source.problems.is_empty() && elsewhere.is_empty()) {
        let first = addition.map(|addition| addition.apply(&mut file, &mut source, &mut elsewhere));
        check_qubes(&file, catalogue, &mut source, &mut elsewhere);
        if source.problems.is_empty() && elsewhere.is_empty() {
            system = assemble(file, first.unwrap_or_default(), catalogue, &mut source);
        }
    }
    let mut problems = source.problems;
    for problem in elsewhere {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    match system {
        Some(system) if problems.is_empty() => Ok(system),
        _ => Err(Problems(problems)),
    }
}

fn check_qubes(file: &SystemFile, catalogue: &Catalogue, source: &mut Source, elsewhere: &mut Vec<Problem>) {
    if file.qubes.is_empty() || file.qubes.len() > MAX_QUBES {
        let at = file.qubes.get(MAX_QUBES).map_or(0, |qube| qube.span.start);
        source.problem(at, format!("{} qubes", file.qubes.len()), format!("1 to {MAX_QUBES} qubes"), None);
    }
    let mut owners: Vec<(Device, &QubeFile)> = Vec::new();
    for (place, At { value: qube, span }) in file.qubes.iter().enumerate() {
        let mut earlier = file.qubes.iter().take(place).map(|other| &other.value);
        let (mine, family) = (qube.name.value, qube.family);
        let clashes = |other: &QubeFile| other.name.value == mine || other.family == Some(mine);
        if earlier.any(|other| clashes(other) || family == Some(other.name.value)) {
            let name = qube.name.value;
            let fix = format!("give this one another: {{ path = \"...\", name = \"{name}2\" }}");
            source.problem(
                span.start,
                format!("a second qube named `{name}`"),
                "names of their own",
                Some(fix),
            );
        }
        check_memory(qube, span.start, source);
        for device in &qube.devices {
            if let Some((_, owner)) = owners.iter().find(|(owned, _)| owned == device) {
                let (one, other, word) = (owner.name.value, qube.name.value, device.word());
                let found = format!("`{one}` and `{other}` both own the device \"{word}\"");
                source.problem(span.start, found, "one owner a device", None);
            }
            owners.push((*device, qube));
        }
        check_services(qube, catalogue, elsewhere);
        for At { value: name, span } in &qube.calls_also {
            if catalogue.find(name).is_none() {
                unknown_service(name, span.start, catalogue, source);
            }
        }
    }
    disposable::resolve(&file.qubes, source);
    check_budget(file, source);
}

fn check_memory(qube: &QubeFile, at: usize, source: &mut Source) {
    let memory = qube.memory.value;
    if memory == 0 || !memory.is_multiple_of(PAGE) || memory > QUBE_MEMORY_MAX {
        let found = format!("`{}` with {} of memory", qube.name.value, format_size(memory));
        let expected = format!("whole pages of 4KiB, at most {}", format_size(QUBE_MEMORY_MAX));
        source.problem(at, found, expected, None);
    }
}

/// `serves` and `calls` of a qube file name known services.
fn check_services(qube: &QubeFile, catalogue: &Catalogue, elsewhere: &mut Vec<Problem>) {
    let Ok(mut file) = Source::read(&qube.path) else { return };
    for (list, names) in [("serves", &qube.serves), ("calls", &qube.calls)] {
        for At { value: name, span } in names {
            if catalogue.find(name).is_none() {
                unknown_service(name, span.start, catalogue, &mut file);
            } else if list == "serves" && Catalogue::is_supervisors(name) {
                file.problem(
                    span.start,
                    format!("`{name}` in `serves`"),
                    "only the supervisor serves it",
                    None,
                );
            }
        }
    }
    elsewhere.append(&mut file.problems);
}

fn unknown_service(name: &str, at: usize, catalogue: &Catalogue, source: &mut Source) {
    let names: Vec<&str> = catalogue.names().collect();
    let fix = nearest(name, names.iter().copied()).map(|near| format!("write `{near}`"));
    source.problem(at, format!("no service `{name}`"), format!("one of {}", names.join(", ")), fix);
}

fn check_budget(file: &SystemFile, source: &mut Source) {
    let total: u64 = file.qubes.iter().map(|qube| qube.value.memory.value).sum();
    if total <= file.memory.value {
        return;
    }
    let mut shares: Vec<_> =
        file.qubes.iter().map(|qube| (qube.value.memory.value, qube.value.name.value.to_string())).collect();
    shares.sort_by(|one, other| other.cmp(one));
    let shares: Vec<String> =
        shares.iter().map(|(bytes, name)| format!("{name} {}", format_size(*bytes))).collect();
    let found = format!("memory over budget: the qubes want {} ({})", format_size(total), shares.join(", "));
    let expected = format!("at most {}", format_size(file.memory.value));
    let fix = format!("write `memory = \"{}\"`, or make a qube smaller", format_size(total));
    source.problem(file.memory.span.start, found, expected, Some(fix));
}

fn assemble(
    mut file: SystemFile,
    first: Vec<policy::Rule>,
    catalogue: &Catalogue,
    source: &mut Source,
) -> Option<System> {
    let openers = disposable::resolve(&file.qubes, source);
    let mut qubes: Vec<Qube> =
        file.qubes.into_iter().zip(openers).map(|(qube, opener)| to_qube(qube.value, opener)).collect();
    file.channels = disposable::spread(file.channels, &qubes);
    let mut ends: Vec<Ends> = Vec::new();
    for entry in &file.channels {
        ends.extend(channel_ends(entry, &qubes, catalogue, source));
    }
    if file.channels.len() > MAX_CHANNELS {
        let at = file.channels.get(MAX_CHANNELS).map_or(0, |entry| entry.at);
        source.problem(
            at,
            format!("{} channels", file.channels.len()),
            format!("at most {MAX_CHANNELS}"),
            None,
        );
    }
    let mut rules = first;
    rules.extend(file.policy.as_ref().map(|policy| policy::parse(policy, source)).unwrap_or_default());
    policy::resolve(&rules, &qubes, catalogue, source);
    if !source.problems.is_empty() {
        return None;
    }
    let servers = policy::apply_redirects(&rules, &ends, &qubes, source);
    let compiled = policy::compile(&rules, &ends, &servers, &qubes, source);
    check_doubles(&file.channels, &ends, &servers, source);
    policy::hand_down(&rules, &ends, &servers, &mut qubes, source);
    let mut parts = Parts { services: Vec::new(), channels: Vec::new(), qubes: &mut qubes, source };
    for (((entry, ends), server), decisions) in
        file.channels.iter().zip(&ends).zip(servers).zip(compiled.decisions)
    {
        parts.add(entry, *ends, server, decisions);
    }
    let Parts { services, channels, .. } = parts;
    let (name, path, memory) = (file.name, source.path.clone(), file.memory.value);
    Some(System { name, path, memory, qubes, channels, services, chains: compiled.chains })
}

fn to_qube(file: QubeFile, opened_for: Option<QubeIndex>) -> Qube {
    let texts = |list: Vec<At<String>>| list.into_iter().map(|text| text.value).collect();
    Qube {
        name: file.name.value,
        label: file.label,
        memory: file.memory.value,
        stack: file.stack,
        folder: file.folder,
        package: file.package,
        binary: file.binary,
        serves: texts(file.serves),
        calls: texts(file.calls.into_iter().chain(file.calls_also).collect()),
        tags: file.tags,
        args: file.args,
        rules: None,
        restart: file.restart,
        family: file.family,
        opened_for,
        devices: file.devices,
        dma_unprotected: file.dma_unprotected,
        port_count: 0,
    }
}

/// The ends of one `[[channel]]`, if both exist and both have declared the service.
fn channel_ends(
    entry: &ChannelEntry,
    qubes: &[Qube],
    catalogue: &Catalogue,
    source: &mut Source,
) -> Option<Ends> {
    let service = catalogue.find(&entry.service.value);
    if service.is_none() {
        unknown_service(&entry.service.value, entry.service.span.start, catalogue, source);
    }
    let client = find_qube(&entry.client, qubes, source);
    let server = match entry.server.value.as_str() {
        SUPERVISOR => Some(None),
        _ => find_qube(&entry.server, qubes, source).map(Some),
    };
    let (service, client, server) = (service?, client?, server?);
    if Catalogue::is_supervisors(service.name) != server.is_none() {
        let found = format!("`{}` served by `{}`", service.name, entry.server.value);
        let expected = if server.is_none() { "a qube that serves it" } else { "server = \"@supervisor\"" };
        source.problem(entry.server.span.start, found, expected, None);
        return None;
    }
    if server == Some(client) {
        source.problem(
            entry.server.span.start,
            "a channel from a qube to itself",
            "two different ends",
            None,
        );
        return None;
    }
    declared(entry, service, qubes.get(client.as_usize())?, true, source)?;
    if let Some(server) = server {
        declared(entry, service, qubes.get(server.as_usize())?, false, source)?;
    }
    Some(Ends { client, server, service })
}

/// A channel exists only where both ends have declared it in their own `qube.toml`.
fn declared(
    entry: &ChannelEntry,
    service: &Service,
    qube: &Qube,
    calls: bool,
    source: &mut Source,
) -> Option<()> {
    let (list, listed) = if calls { ("calls", &qube.calls) } else { ("serves", &qube.serves) };
    if listed.iter().any(|name| name == service.name) {
        return Some(());
    }
    let end = if calls { &entry.client } else { &entry.server };
    let file = qube.folder.join("qube.toml");
    let mut names = listed.clone();
    names.push(service.name.to_owned());
    let found =
        format!("an undeclared channel: `{}` does not list `{}` in `{list}`", qube.name, service.name);
    let expected =
        format!("both ends to declare what they speak; `{}` lists [{}]", qube.name, listed.join(", "));
    let mut fix = format!("write `{list} = {names:?}` in {}", file.display());
    if calls {
        fix += &format!(", or `calls_also = [\"{}\"]` at its entry under `qubes`", service.name);
    }
    source.problem(end.span.start, found, expected, Some(fix));
    None
}

fn find_qube(name: &At<String>, qubes: &[Qube], source: &mut Source) -> Option<QubeIndex> {
    let place = qubes.iter().position(|qube| qube.name == *name.value.as_str());
    if place.is_none() {
        let names: Vec<String> = qubes.iter().map(|qube| qube.name.to_string()).collect();
        let fix =
            nearest(&name.value, names.iter().map(String::as_str)).map(|near| format!("write `{near}`"));
        let expected = format!("one of {}, {SUPERVISOR}", names.join(", "));
        source.problem(name.span.start, format!("no qube `{}` in this system", name.value), expected, fix);
    }
    QubeIndex::new(u8::try_from(place?).ok()?)
}

/// Two channels may not have the same ends and the same service: nobody could tell them apart.
fn check_doubles(
    entries: &[ChannelEntry],
    ends: &[Ends],
    servers: &[Option<QubeIndex>],
    source: &mut Source,
) {
    let mut seen = HashMap::new();
    for ((entry, ends), server) in entries.iter().zip(ends).zip(servers) {
        if let Some(line) =
            seen.insert((ends.client, *server, ends.service.name), source.position(entry.at).line)
        {
            let found = format!("a second channel for `{}` between the same two", ends.service.name);
            source.problem(entry.at, found, format!("one; the first is in line {line}"), None);
        }
    }
}

/// A system being put together.
struct Parts<'a> {
    services: Vec<&'static Service>,
    channels: Vec<Channel>,
    qubes: &'a mut [Qube],
    source: &'a mut Source,
}

impl Parts<'_> {
    fn add(&mut self, entry: &ChannelEntry, ends: Ends, server: Option<QubeIndex>, decisions: Vec<Decision>) {
        let service =
            self.services.iter().position(|known| known.name == ends.service.name).unwrap_or_else(|| {
                self.services.push(ends.service);
                self.services.len() - 1
            });
        if self.services.len() > MAX_SERVICES {
            self.source.problem(
                entry.at,
                "one service too many",
                format!("at most {MAX_SERVICES} in a system"),
                None,
            );
        }
        let client_port = self.port(ends.client, entry);
        let server_port = server.map_or(PortIndex::new(0), |server| self.port(server, entry));
        if let (Some(client_port), Some(server_port)) = (client_port, server_port) {
            let (client, depth, at) = (ends.client, entry.depth, self.source.position(entry.at));
            self.channels.push(Channel {
                client,
                client_port,
                server,
                server_port,
                service,
                depth,
                at,
                decisions,
            });
        }
    }

    /// The next free port of a qube.
    fn port(&mut self, index: QubeIndex, entry: &ChannelEntry) -> Option<PortIndex> {
        let qube = self.qubes.get_mut(index.as_usize())?;
        let port = PortIndex::new(qube.port_count);
        if port.is_none() {
            let found = format!("one channel too many for `{}`", qube.name);
            self.source.problem(entry.at, found, format!("at most {MAX_PORTS} channels a qube"), None);
        }
        qube.port_count += u8::from(port.is_some());
        port
    }
}
