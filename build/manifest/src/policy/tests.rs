//! Compiled decisions against a naive reading of the same rules.

use ipc_proto_types::{Label, QubeIndex, QubeName, SchemaId};
use ipc_proto_wire::{Field, Fields as ShapeFields, Method, MethodKind, Service, Shape};
use proptest::prelude::*;
use supervisor_policy::{Chains, Fields, Value, Verdict, decide};

use super::{Ends, compile, parse, resolve};
use crate::catalogue::Catalogue;
use crate::problem::{At, Problem, Source};
use crate::system::{Qube, Restart};

static SAY: Shape = Shape::Struct(
    "say",
    ShapeFields::Named(&[
        Field { name: "text", shape: &Shape::Text(8) },
        Field { name: "count", shape: &Shape::U16 },
        Field { name: "delta", shape: &Shape::I16 },
        Field { name: "flag", shape: &Shape::Bool },
    ]),
);
static PING: Shape = Shape::Struct("ping", ShapeFields::Named(&[]));
static ECHO: Service = Service {
    name: "echo",
    version: 1,
    methods: &[
        Method { name: "say", kind: MethodKind::Call, request: &SAY, reply: &Shape::Unit },
        Method { name: "ping", kind: MethodKind::Call, request: &PING, reply: &Shape::Unit },
    ],
    id: SchemaId([1; 16]),
    table: &[],
    request_max: 32,
    reply_max: 0,
    message_max: 32,
};

fn qube(name: &str, label: Label, tags: &[&str]) -> Qube {
    Qube {
        name: QubeName::new(name).unwrap(),
        label,
        memory: 4096,
        stack: None,
        folder: name.into(),
        package: name.into(),
        binary: name.into(),
        serves: vec!["echo".into()],
        calls: vec!["echo".into()],
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        args: String::new(),
        rules: None,
        restart: Restart::Always,
        family: None,
        opened_for: None,
        devices: Vec::new(),
        dma_unprotected: false,
        port_count: 0,
    }
}

fn qubes() -> Vec<Qube> {
    vec![
        qube("alpha", Label::Work, &["net"]),
        qube("beta", Label::Vault, &[]),
        qube("gamma", Label::Work, &["net", "old"]),
    ]
}

/// What a request says, with the arguments of `say`.
#[derive(Debug, Clone)]
struct Request {
    method: usize,
    text: String,
    count: u16,
    delta: i16,
    flag: bool,
}

impl Fields for Request {
    fn field(&self, number: u8) -> Option<Value<'_>> {
        match number {
            0 => Some(Value::Text(self.text.as_bytes())),
            1 => Some(Value::Unsigned(self.count.into())),
            2 => Some(Value::Signed(self.delta.into())),
            3 => Some(Value::Bool(self.flag)),
            _ => None,
        }
    }
}

/// One field condition, in a form that is easy to evaluate naively and easy to print.
#[derive(Debug, Clone)]
enum Wanted {
    Text(Vec<(String, Option<String>)>),
    Count(Vec<(u16, u16)>),
    Delta(Vec<(i16, i16)>),
    Flag(bool),
}

impl Wanted {
    fn print(&self) -> String {
        match self {
            Wanted::Text(texts) => {
                let one = |(head, tail): &(String, Option<String>)| match tail {
                    Some(tail) => format!("\"{head}*{tail}\""),
                    None => format!("\"{head}\""),
                };
                format!("text: {}", texts.iter().map(one).collect::<Vec<_>>().join(" | "))
            }
            Wanted::Count(runs) => {
                format!(
                    "count: {}",
                    runs.iter().map(|(low, high)| format!("{low}..{high}")).collect::<Vec<_>>().join("|")
                )
            }
            Wanted::Delta(runs) => {
                format!(
                    "delta: {}",
                    runs.iter().map(|(low, high)| format!("{low} .. {high}")).collect::<Vec<_>>().join(" |")
                )
            }
            Wanted::Flag(flag) => format!("flag:{flag}"),
        }
    }

    fn holds(&self, request: &Request) -> bool {
        match self {
            Wanted::Text(texts) => texts.iter().any(|(head, tail)| match tail {
                None => request.text == *head,
                Some(tail) => {
                    let long_enough = request.text.len() >= head.len() + tail.len();
                    long_enough
                        && request.text.starts_with(head.as_str())
                        && request.text.ends_with(tail.as_str())
                }
            }),
            Wanted::Count(runs) => runs.iter().any(|(low, high)| (low..=high).contains(&&request.count)),
            Wanted::Delta(runs) => runs.iter().any(|(low, high)| (low..=high).contains(&&request.delta)),
            Wanted::Flag(flag) => *flag == request.flag,
        }
    }
}

/// One line, before it is printed.
#[derive(Debug, Clone)]
struct Line {
    what: &'static str,
    from: &'static str,
    to: &'static str,
    verdict: &'static str,
    wanted: Vec<Wanted>,
}

impl Line {
    fn print(&self) -> String {
        let wanted: Vec<String> = self.wanted.iter().map(Wanted::print).collect();
        let braces = if wanted.is_empty() { String::new() } else { format!(" {{ {} }}", wanted.join(", ")) };
        format!("{}  {} {}   {}{braces} # a comment", self.what, self.from, self.to, self.verdict)
    }

    fn matches(&self, client: &Qube, server: Option<&Qube>, request: &Request) -> bool {
        let method = ["say", "ping"][request.method];
        let what = self.what == "*.*" || self.what == "echo.*" || self.what == format!("echo.{method}");
        let server_matches = match server {
            None => self.to == "@supervisor",
            Some(server) => selects(self.to, server),
        };
        what && selects(self.from, client)
            && server_matches
            && self.wanted.iter().all(|wanted| wanted.holds(request))
    }
}

fn selects(who: &str, qube: &Qube) -> bool {
    match who {
        "@anyvm" => true,
        "@label:work" => qube.label == Label::Work,
        "@tag:net" => qube.name.as_str() != "beta",
        "@tag:old" => qube.name.as_str() == "gamma",
        name => qube.name == *name,
    }
}

/// The verdict as the documentation words it: the first rule that matches wins, no match denies.
fn naive(lines: &[Line], client: &Qube, server: Option<&Qube>, request: &Request) -> Verdict {
    match lines.iter().find(|line| line.matches(client, server, request)).map(|line| line.verdict) {
        Some("allow") => Verdict::Allow,
        Some("ask") => Verdict::Ask,
        _ => Verdict::Deny,
    }
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let text = ("[abä]{0,2}", proptest::option::of("[ab]{0,2}"));
    let run = |low: i16, high: i16| (low.min(high), low.max(high));
    prop_oneof![
        proptest::collection::vec(text, 1..3).prop_map(Wanted::Text),
        proptest::collection::vec((0u16..6, 0u16..6), 1..3)
            .prop_map(|runs| Wanted::Count(runs.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect())),
        proptest::collection::vec((-3i16..4, -3i16..4), 1..3)
            .prop_map(move |runs| Wanted::Delta(runs.into_iter().map(|(a, b)| run(a, b)).collect())),
        any::<bool>().prop_map(Wanted::Flag),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let who = ["@anyvm", "@label:work", "@tag:net", "@tag:old", "alpha", "beta", "gamma"];
    let plain = prop_oneof![Just("echo.*"), Just("echo.say"), Just("echo.ping"), Just("*.*")];
    let conditional = (Just("echo.say"), proptest::collection::vec(wanted(), 1..3));
    let what = prop_oneof![plain.prop_map(|what| (what, Vec::new())), conditional];
    let to = proptest::sample::select([&who[..], &["@supervisor"]].concat());
    let verdict = proptest::sample::select(vec!["allow", "deny", "ask"]);
    (what, proptest::sample::select(who.to_vec()), to, verdict)
        .prop_map(|((what, wanted), from, to, verdict)| Line { what, from, to, verdict, wanted })
}

fn request() -> impl Strategy<Value = Request> {
    (0usize..2, "[abä]{0,4}", 0u16..6, -3i16..4, any::<bool>())
        .prop_map(|(method, text, count, delta, flag)| Request { method, text, count, delta, flag })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compiled_decisions_equal_a_naive_reading_of_the_rules(
        lines in proptest::collection::vec(line(), 0..8),
        requests in proptest::collection::vec(request(), 1..12),
        client in 0u8..3,
        opener in proptest::option::of(0u8..3),
        server in proptest::option::of(0u8..3),
    ) {
        let text: String = lines.iter().map(|line| line.print() + "\n").collect();
        let qubes = qubes();
        let mut source = Source::new("policy.toml".as_ref(), &text);
        let rules = parse(&At { value: text.clone(), span: 0..text.len() }, &mut source);
        resolve(&rules, &qubes, &Catalogue::of(vec![&ECHO]), &mut source);
        let index = |number| QubeIndex::new(number).unwrap();
        let ends = Ends { client: index(client), server: server.map(index), service: &ECHO };
        let mut qubes = qubes;
        qubes[usize::from(client)].opened_for = opener.filter(|opener| *opener != client).map(index);
        let compiled = compile(&rules, &[ends], &[ends.server], &qubes, &mut source);
        // What both a disposable and its opener may is the product of their rules, which can be too long to be one chain.
        let is_too_long = |problem: &Problem| problem.found.starts_with("too many conditions");
        let is_opened = qubes[usize::from(client)].opened_for.is_some();
        if is_opened && !source.problems.is_empty() && source.problems.iter().all(is_too_long) {
            return Ok(());
        }
        prop_assert!(source.problems.is_empty(), "{:?}\n{text}", source.problems);
        prop_assert_eq!(rules.len(), lines.len());
        let server = server.map(|server| &qubes[usize::from(server)]);
        let naive = |client: &Qube, request: &Request| naive(&lines, client, server, request);
        let chains = Chains::parse(&compiled.chains).unwrap();
        for request in &requests {
            let word = compiled.decisions[0][request.method].word;
            let client = &qubes[usize::from(client)];
            let own = naive(client, request);
            let expected = match client.opened_for.map(|opener| naive(&qubes[opener.as_usize()], request)) {
                None | Some(Verdict::Allow) => own,
                Some(Verdict::Deny) => Verdict::Deny,
                Some(Verdict::Ask) if own == Verdict::Deny => Verdict::Deny,
                Some(Verdict::Ask) => Verdict::Ask,
            };
            prop_assert_eq!(decide(word, &chains, request), expected, "{:?}\n{}", request, text);
        }
    }
}
