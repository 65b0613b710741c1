//! Oracle `policy`: manifests and policy text that mean harm, and compiled policy against a plain reading of its rules.
//!
//! Input: a first byte. Odd: the rest is the text of a system file, read as it is; if it passes, its chains parse. Even: the
//! next bytes make a policy of a few lines over three qubes (`qubes/`) and the service `probe`, then requests. Each request
//! is encoded, checked and judged as a message is, and must come out as the first matching line says.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use build_manifest::{Catalogue, System, load_text};
use ipc_proto_rpc::ByBytes as _;
use ipc_proto_types::{Kind, Role};
use ipc_proto_wire::{Service, Table, encode};
use supervisor_policy::{BodyFields, Chains, Verdict, decide};
use tests_conformance::reference::shortest;
use tests_sim::probe;

use crate::input::Input;

/// Longest text of a system: no person writes more, and reading one takes a time that grows with its square.
const TEXT_MAX: usize = 4096;

/// The oracle.
///
/// # Panics
/// A request is judged in another way than the text says.
pub fn policy(input: &[u8]) {
    let mut input = Input::new(input);
    if input.byte() & 1 == 1 {
        let text = String::from_utf8_lossy(input.take(TEXT_MAX)).into_owned();
        if let Ok(system) = load(&text) {
            assert!(Chains::parse(&system.chains).is_ok(), "compiled chains that do not parse");
        }
        return;
    }
    let count = usize::from(input.byte() % 6);
    let lines: Vec<Line> = (0..count).map(|_| Line::read(&mut input)).collect();
    let text = lines.iter().fold(String::new(), |text, line| text + &line.print() + "\n");
    let system = load(&manifest(&text)).unwrap_or_else(|problems| panic!("{problems}\nin\n{text}"));
    let chains = Chains::parse(&system.chains).expect("compiled chains parse");
    while !input.is_empty() {
        ask(&mut input, &lines, &system, &chains, &text);
    }
}

fn load(text: &str) -> Result<System, build_manifest::Problems> {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    static PROBE: Service = probe::SERVICE;
    let catalogue = CATALOGUE.get_or_init(|| Catalogue::of(vec![&PROBE]));
    let home = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/qubes/system.toml"));
    load_text(&home, text, catalogue)
}

/// Three qubes, a channel from each to each.
fn manifest(policy: &str) -> String {
    let mut text = format!(
        "name = \"small\"\nmemory = \"8MiB\"\nqubes = [\"alpha\", \"beta\", \"gamma\"]\npolicy = '''\n{policy}'''\n"
    );
    for client in NAMES {
        for server in NAMES.iter().filter(|server| **server != client) {
            let _ = write!(
                text,
                "[[channel]]\nclient = \"{client}\"\nserver = \"{server}\"\nservice = \"probe\"\n"
            );
        }
    }
    text
}

const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];
/// Selectors, and which of the three qubes each selects.
const WHO: [(&str, [bool; 3]); 7] = [
    ("@anyvm", [true, true, true]),
    ("alpha", [true, false, false]),
    ("beta", [false, true, false]),
    ("gamma", [false, false, true]),
    ("@label:work", [true, false, true]),
    ("@tag:net", [true, false, true]),
    ("@tag:old", [false, false, true]),
];
const WHAT: [&str; 6] = ["*.*", "probe.*", "probe.open", "probe.heat", "probe.unlock", "probe.note"];
const VERDICTS: [(&str, Verdict); 3] =
    [("allow", Verdict::Allow), ("deny", Verdict::Deny), ("ask", Verdict::Ask)];
const TEXTS: [&str; 8] = ["", "a", "b", "ab", "aba", "abba", "bank.com", "x.bank.com"];

/// A condition on an argument of `open` or of `heat`.
#[derive(Debug, Clone)]
enum Wanted {
    Host(Vec<(&'static str, Option<&'static str>)>),
    Port(Vec<(u16, u16)>),
    Secure(bool),
    Degrees(Vec<(i32, i32)>),
}

/// A line of policy, before it is printed.
struct Line {
    what: &'static str,
    from: usize,
    to: usize,
    verdict: (&'static str, Verdict),
    wanted: Vec<Wanted>,
}

/// A request: one of `open(host, port, secure)`, `heat(degrees)`, `unlock(passphrase)`, `note(text)`.
struct Request {
    method: u16,
    host: &'static str,
    port: u16,
    secure: bool,
    degrees: i32,
}

impl Line {
    fn read(input: &mut Input<'_>) -> Self {
        let what = input.pick(&WHAT);
        let (from, to) = (usize::from(input.byte()) % WHO.len(), usize::from(input.byte()) % WHO.len());
        let verdict = input.pick(&VERDICTS);
        let mut wanted = Vec::new();
        let how = input.byte();
        if what == "probe.open" {
            if how & 1 != 0 {
                wanted.push(Wanted::Host(some(input, |input| {
                    (input.pick(&TEXTS), (input.byte() & 1 == 1).then(|| input.pick(&TEXTS)))
                })));
            }
            if how & 2 != 0 {
                wanted.push(Wanted::Port(some(input, |input| ordered(input.u16(), input.u16()))));
            }
            if how & 4 != 0 {
                wanted.push(Wanted::Secure(input.byte() & 1 == 1));
            }
        } else if what == "probe.heat" && how & 1 != 0 {
            let number = |input: &mut Input<'_>| i32::from(input.u16().cast_signed());
            wanted.push(Wanted::Degrees(some(input, |input| ordered(number(input), number(input)))));
        }
        Line { what, from, to, verdict, wanted }
    }

    fn print(&self) -> String {
        let wanted: Vec<String> = self.wanted.iter().map(Wanted::print).collect();
        let block = if wanted.is_empty() { String::new() } else { format!(" {{ {} }}", wanted.join(", ")) };
        let [from, to] = [self.from, self.to].map(|who| WHO[who].0);
        format!("{} {from} {to} {}{block}", self.what, self.verdict.0)
    }

    fn matches(&self, client: usize, server: usize, request: &Request) -> bool {
        let name = probe::SERVICE.methods[usize::from(request.method)].name;
        let covers = matches!(self.what, "*.*" | "probe.*") || self.what == format!("probe.{name}");
        let ends = WHO[self.from].1[client] && WHO[self.to].1[server];
        covers && ends && self.wanted.iter().all(|wanted| wanted.holds(request))
    }
}

/// One to three of something.
fn some<T>(input: &mut Input<'_>, mut one: impl FnMut(&mut Input<'_>) -> T) -> Vec<T> {
    let count = 1 + input.byte() % 3;
    (0..count).map(|_| one(input)).collect()
}

fn ordered<T: PartialOrd>(one: T, other: T) -> (T, T) {
    if one <= other { (one, other) } else { (other, one) }
}

impl Wanted {
    fn print(&self) -> String {
        let runs = |name: &str, runs: Vec<String>| format!("{name}: {}", runs.join(" | "));
        match self {
            Wanted::Host(texts) => {
                let one = |(head, tail): &(&str, Option<&str>)| match tail {
                    Some(tail) => format!("\"{head}*{tail}\""),
                    None => format!("\"{head}\""),
                };
                runs("host", texts.iter().map(one).collect())
            }
            Wanted::Port(ports) => {
                runs("port", ports.iter().map(|(low, high)| format!("{low}..{high}")).collect())
            }
            Wanted::Secure(secure) => format!("secure: {secure}"),
            Wanted::Degrees(degrees) => {
                runs("degrees", degrees.iter().map(|(low, high)| format!("{low}..{high}")).collect())
            }
        }
    }

    fn holds(&self, request: &Request) -> bool {
        match self {
            Wanted::Host(texts) => texts.iter().any(|(head, tail)| match tail {
                None => request.host == *head,
                Some(tail) => {
                    request.host.len() >= head.len() + tail.len()
                        && request.host.starts_with(head)
                        && request.host.ends_with(tail)
                }
            }),
            Wanted::Port(ports) => ports.iter().any(|(low, high)| (low..=high).contains(&&request.port)),
            Wanted::Secure(secure) => *secure == request.secure,
            Wanted::Degrees(runs) => runs.iter().any(|(low, high)| (low..=high).contains(&&request.degrees)),
        }
    }
}

impl Request {
    fn read(input: &mut Input<'_>) -> Self {
        Request {
            method: u16::from(input.byte() % 4),
            host: input.pick(&TEXTS),
            port: input.u16(),
            secure: input.byte() & 1 == 1,
            degrees: i32::from(input.u16().cast_signed()),
        }
    }

    /// Its body, written by hand.
    fn body(&self) -> Vec<u8> {
        let text = |text: &str| [shortest(text.len() as u64), text.into()].concat();
        match self.method {
            0 => [text(self.host), shortest(self.port.into()), vec![u8::from(self.secure)]].concat(),
            1 => {
                let mut body = vec![0; 8];
                let length = encode(&self.degrees, &mut body).expect("eight bytes hold a number");
                body.truncate(length);
                body
            }
            _ => text(self.host),
        }
    }
}

/// Has one request judged on every channel, and by the lines themselves.
fn ask(input: &mut Input<'_>, lines: &[Line], system: &System, chains: &Chains<'_>, text: &str) {
    let service = probe::Wire::SERVICE;
    let request = Request::read(input);
    let body = request.body();
    let table = Table::parse(service.table).expect("a table parses");
    let kind = if request.method == 3 { Kind::Event } else { Kind::Call };
    let mut fields = BodyFields::new(&body);
    let verdict = table.check_body(Role::Client, kind, request.method, &body, &mut fields);
    assert_eq!(verdict, Ok(()), "a request written by hand");
    for channel in &system.channels {
        let (client, server) =
            (channel.client.as_usize(), channel.server.map_or(0, |server| server.as_usize()));
        let word = channel.decisions[usize::from(request.method)].word;
        let first = lines.iter().find(|line| line.matches(client, server, &request));
        let wanted = first.map_or(Verdict::Deny, |line| line.verdict.1);
        let is = decide(word, chains, &fields);
        assert_eq!(is, wanted, "{} to {}, method {}\n{text}", NAMES[client], NAMES[server], request.method);
    }
}
