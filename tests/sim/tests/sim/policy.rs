//! Policy as it is written, compiled by the host tool and enforced on messages.

use std::path::Path;

use build_manifest::{Catalogue, System, load_text};
use ipc_proto_types::{ErrorCode, Kind, Secret, Text};
use ipc_proto_wire::{Header, encode};
use serde::Serialize;
use supervisor_monitor::{Outcome, Record, Refusal};
use supervisor_sim::{Cpu, Driven, Driver, Guest, MS, Plan, World};
use supervisor_vcpu::Ticks;
use tests_sim::{Inbox, Qube, frame, probe};

/// A client and a server of `probe`, under this policy.
fn system(test: &str, policy: &str) -> System {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policy").join(test);
    for (name, rest) in [("client", "calls = [\"probe\"]"), ("server", "serves = [\"probe\"]")] {
        let text =
            format!("name = \"{name}\"\nlabel = \"work\"\nmemory = \"1MiB\"\npackage = \"none\"\n{rest}\n");
        std::fs::create_dir_all(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join("qube.toml"), text).unwrap();
    }
    let text = format!(
        "name = \"small\"\nmemory = \"4MiB\"\npolicy = '''\n{policy}'''\nqubes = [\"client\", \"server\"]\n\
         [[channel]]\nclient = \"client\"\nserver = \"server\"\nservice = \"probe\"\ndepth = 16\n"
    );
    let catalogue = Catalogue::of(vec![&probe::SERVICE]);
    load_text(&folder.join("system.toml"), &text, &catalogue).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A server that keeps what it gets and answers every call with a 1.
fn answering(inbox: &Inbox) -> impl Guest + use<> {
    let inbox = inbox.clone();
    Qube::new(move |driver: &mut Driver, cpu: &mut Cpu<'_>| {
        while let Some(message) = driver.receive(cpu, 0) {
            let (header, _) = Header::parse(&message).unwrap();
            if header.kind == Kind::Call {
                let reply = frame(&probe::SERVICE, header.method, Kind::Reply, header.correlation, &[1]);
                driver.send(cpu, 0, &reply).unwrap();
            }
            inbox.borrow_mut().push((0, message));
        }
        Ticks::NEVER
    })
}

/// What a client under `policy` says, and whether it is delivered.
struct Policy<'d, 'w, 'a, 'p> {
    client: &'d Driven<'w, 'a, 'p>,
    inbox: &'d Inbox,
    calls: std::cell::Cell<u64>,
}

fn under(test: &str, policy: &str, check: impl FnOnce(&Policy<'_, '_, '_, '_>)) {
    let system = system(test, policy);
    let (mut plan, inbox) = (Plan::new(&["client", "server"]), Inbox::default());
    let channel = plan.channel("client", "server", &probe::SERVICE);
    channel.depth = 64;
    channel.decisions = system.channels[0].decisions.iter().map(|decision| decision.word).collect();
    plan.chains = system.chains;
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| answering(&inbox));
    let client = world.drive("client");
    world.boot();
    let client = Driven::start(&mut world, client);
    client.sleep(MS);
    check(&Policy { client: &client, inbox: &inbox, calls: 0.into() });
}

impl Policy<'_, '_, '_, '_> {
    /// Says it, and gives the audit record and what came back.
    fn say(&self, method: u16, kind: Kind, arguments: &impl Serialize) -> (Record, Option<ErrorCode>) {
        let mut body = [0; 256];
        let length = encode(arguments, &mut body).unwrap();
        let correlation = if kind == Kind::Call { self.calls.get() + 1 } else { 0 };
        self.calls.set(self.calls.get().max(correlation));
        let before = self.inbox.borrow().len();
        self.client.send(0, &frame(&probe::SERVICE, method, kind, correlation, &body[..length]));
        let world = self.client.world();
        let record = world.monitor().record(world.monitor().records() - 1).unwrap();
        drop(world);
        self.client.sleep(MS);
        let answer = self.client.receive(0).filter(|message| message[18] == Kind::Error.as_u8());
        let told = answer.and_then(|message| ErrorCode::from_u8(message[32]));
        let delivered = self.inbox.borrow().len() - before;
        assert_eq!(delivered, usize::from(record.outcome == Outcome::Allowed), "{record:?}");
        assert_eq!((record.from, record.to, record.service, u16::from(record.method)), (0, 1, 0, method));
        assert_eq!(record.size as usize, length);
        (record, told)
    }

    /// The verdict on a call.
    fn call(&self, method: u16, arguments: &impl Serialize) -> Outcome {
        let (record, told) = self.say(method, Kind::Call, arguments);
        let why = match record.outcome {
            Outcome::Allowed => 0,
            Outcome::Denied => Refusal::Policy.code(),
            Outcome::Asked => Refusal::Ask.code(),
            other => panic!("{other:?}"),
        };
        assert_eq!(record.why, why);
        assert_eq!(told, (record.outcome != Outcome::Allowed).then_some(ErrorCode::Denied));
        record.outcome
    }

    fn open(&self, host: &str, port: u16, secure: bool) -> Outcome {
        self.call(0, &(Text::<32>::truncated(host), port, secure))
    }
}

use Outcome::{Allowed, Asked, Denied};

#[test]
fn what_no_rule_allows_is_denied() {
    under("nothing", "", |policy| {
        assert_eq!(policy.open("bank.example", 443, true), Denied);
        assert_eq!(policy.call(1, &(1i32,)), Denied);
        let (record, told) = policy.say(3, Kind::Event, &(Text::<64>::truncated("hello"),));
        assert_eq!((record.outcome, told), (Denied, None));
    });
}

#[test]
fn a_rule_allows_a_method_and_no_other() {
    under("method", "probe.heat client server allow\n", |policy| {
        assert_eq!(policy.call(1, &(-40i32,)), Allowed);
        assert_eq!(policy.open("bank.example", 443, true), Denied);
    });
}

#[test]
fn a_rule_that_asks_denies_while_there_is_nobody_to_ask() {
    under("ask", "probe.* client server ask\n", |policy| assert_eq!(policy.call(1, &(1i32,)), Asked));
}

#[test]
fn rules_look_at_text_numbers_and_flags() {
    let rules = "probe.open client server allow { host: \"bank.example\", port: 443, secure: true }\n\
                 probe.open client server ask   { host: \"*.example\", port: 8000..8080 }\n\
                 probe.open client server deny  { port: 80 }\n\
                 probe.open client server allow { host: \"mirror*\", secure: true }\n\
                 probe.heat client server allow { degrees: -40..-1 }\n";
    under("fields", rules, |policy| {
        for (host, port, secure, verdict) in [
            ("bank.example", 443, true, Allowed),
            ("bank.example", 443, false, Denied),
            ("bank.example", 444, true, Denied),
            ("bank.examplf", 443, true, Denied),
            ("bank.example.org", 443, true, Denied),
            ("bank.example", 8080, false, Asked),
            (".example", 8000, true, Asked),
            ("example", 8000, true, Denied),
            ("mirror.example", 8081, true, Allowed),
            ("mirror", 80, true, Denied),
            ("mirror", 443, false, Denied),
            ("", 443, true, Denied),
        ] {
            assert_eq!(policy.open(host, port, secure), verdict, "{host} {port} {secure}");
        }
        for (degrees, verdict) in
            [(-41, Denied), (-40, Allowed), (-1, Allowed), (0, Denied), (i32::MIN, Denied)]
        {
            assert_eq!(policy.call(1, &(degrees,)), verdict, "{degrees}");
        }
    });
}

#[test]
fn a_rule_is_not_asked_about_a_body_that_breaks_the_schema() {
    under("broken", "probe.open client server allow { port: 443 }\n", |policy| {
        let (record, told) = policy.say(0, Kind::Call, &(Text::<32>::truncated("a"), 443u16, 2u8));
        assert_eq!((record.outcome, told), (Outcome::Refused, Some(ErrorCode::Malformed)));
    });
}

#[test]
fn a_secret_is_delivered_and_never_written_down() {
    under("secret", "probe.unlock client server allow\n", |policy| {
        let secret = (Secret::new(Text::<32>::truncated("open sesame")),);
        assert_eq!(policy.call(2, &secret), Allowed);
        assert!(policy.client.world().lines().all(|line| !line.contains("sesame")));
    });
}
