//! Names, asked of a server that may lie.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod world;

use std::net::Ipv4Addr;

use ipc_proto_net_api::{InPlace, NetError};
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use world::{Random, THEIRS, World, alice, bob, told};

const ALL: &str = "net.* @anyvm netvm allow";
const GOOD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
const BAD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 66);
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

/// A question as it came.
#[derive(Clone)]
struct Asked {
    id: [u8; 2],
    /// Name, type and class, as they are on the wire.
    question: Vec<u8>,
    kind: u16,
    from: IpEndpoint,
}

/// A server that answers nothing of its own accord.
struct Server(SocketHandle);

impl Server {
    fn new(world: &mut World) -> Self {
        Self(world.host.bind(53))
    }

    fn take(&self, world: &mut World) -> Option<Asked> {
        let (packet, from) = world.host.udp(self.0).recv().ok()?;
        assert_eq!(
            &packet[2..12],
            [1, 0, 0, 1, 0, 0, 0, 0, 0, 1],
            "one question, recursion wanted, one size"
        );
        let end = 12 + packet[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
        let kind = u16::from_be_bytes([packet[end - 4], packet[end - 3]]);
        let (id, question) = ([packet[0], packet[1]], packet[12..end].to_vec());
        Some(Asked { id, question, kind, from: from.endpoint })
    }

    fn send(&self, world: &mut World, to: IpEndpoint, packet: &[u8]) {
        world.host.udp(self.0).send_slice(packet, to).unwrap();
    }
}

/// A name on the wire.
fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn record(owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    bytes.extend_from_slice(&ttl.to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// An answer with these flags and records.
fn answer(asked: &Asked, flags: u16, records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = asked.id.to_vec();
    bytes.extend_from_slice(&flags.to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    bytes.extend_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&asked.question);
    bytes.extend(records.concat());
    bytes
}

const OK: u16 = 0x8180;
const NO_SUCH_NAME: u16 = 0x8183;
const FAILED: u16 = 0x8182;
const CUT_OFF: u16 = 0x8380;

/// Has a name resolved by a server that says `reply` to each question.
fn resolve(
    world: &mut World,
    name: &str,
    mut reply: impl FnMut(&Asked) -> Vec<Vec<u8>>,
) -> (Result<Vec<ipc_proto_net_api::Address>, NetError>, usize) {
    let server = Server::new(world);
    let mut questions = 0;
    let result = world.until(20_000, |world| {
        while let Some(asked) = server.take(world) {
            questions += 1;
            for packet in reply(&asked) {
                server.send(world, asked.from, &packet);
            }
        }
        match world.stack.resolve(&alice(), name) {
            Err(NetError::WouldBlock) => None,
            other => Some(other.map(|addresses| addresses.to_vec())),
        }
    });
    world.host.sockets.remove(server.0);
    (result, questions)
}

/// To a question for A one record, to every other none.
fn only_a(asked: &Asked, owner: &str, ttl: u32, address: Ipv4Addr) -> Vec<u8> {
    let records = vec![record(&wire(owner), A, ttl, &address.octets())];
    answer(asked, OK, if asked.kind == A { &records } else { &[] })
}

#[test]
fn a_name_has_the_addresses_that_the_server_says() {
    let six = "2001:db8::99".parse::<std::net::Ipv6Addr>().unwrap();
    let (result, questions) = resolve(&mut World::with_rules(ALL), "Bank.Example.", |asked| {
        let data = if asked.kind == AAAA { six.octets().to_vec() } else { GOOD.octets().to_vec() };
        vec![answer(asked, OK, &[record(&[0xc0, 12], asked.kind, 60, &data)])]
    });
    assert_eq!((result, questions), (Ok(vec![told(six), told(GOOD)]), 2));
}

#[test]
fn aliases_are_followed_in_any_order_and_circles_end() {
    let check = |links: &[(&str, &str)], owner: &str, expected: Result<(), NetError>| {
        let (result, _) = resolve(&mut World::with_rules(ALL), "a.example", |asked| {
            let mut records: Vec<_> =
                links.iter().map(|(from, to)| record(&wire(from), CNAME, 60, &wire(to))).collect();
            if asked.kind == A {
                records.insert(0, record(&wire(owner), A, 60, &GOOD.octets()));
            }
            vec![answer(asked, OK, &records)]
        });
        assert_eq!(result, expected.map(|()| vec![told(GOOD)]), "{links:?}");
    };
    check(&[], "a.example", Ok(()));
    check(&[("a.example", "b.example")], "b.example", Ok(()));
    check(&[("b.example", "c.test"), ("a.example", "b.example")], "C.test", Ok(()));
    check(&[("a.example", "b.example")], "c.example", Err(NetError::NoSuchName));
    check(&[], "evil.example", Err(NetError::NoSuchName));
    check(&[("a.example", "a.example")], "b.example", Err(NetError::NoSuchName));
    check(&[("a.example", "b.example"), ("b.example", "a.example")], "c.example", Err(NetError::NoSuchName));
    let names: Vec<String> = (0..20).map(|number| format!("n{number}.example")).collect();
    let mut chain = vec![("a.example", names[0].as_str())];
    chain.extend(names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())));
    check(&chain[..8], &names[7], Ok(()));
    check(&chain[..9], &names[8], Err(NetError::NoSuchName));
}

#[test]
fn what_is_no_answer_is_not_taken_for_one() {
    type Spoil = fn(&mut Vec<u8>);
    let spoilt: [(&str, Spoil); 9] = [
        ("another id", |packet| packet[0] ^= 1),
        ("a question", |packet| packet[2] &= 0x7f),
        ("another operation", |packet| packet[2] |= 0x08),
        ("no question", |packet| packet[5] = 0),
        ("two questions", |packet| packet[5] = 2),
        ("another name", |packet| packet[13] ^= 1),
        ("another class", |packet| packet[26] ^= 2),
        ("too long", |packet| packet.resize(1233, 0)),
        ("too short", |packet| packet.truncate(11)),
    ];
    for (why, spoil) in spoilt {
        let (result, questions) = resolve(&mut World::with_rules(ALL), "a.example", |asked| {
            let mut packet = only_a(asked, "a.example", 60, BAD);
            spoil(&mut packet);
            vec![packet, only_a(asked, "a.example", 60, GOOD)]
        });
        assert_eq!((result, questions), (Ok(vec![told(GOOD)]), 2), "{why}");
    }
}

#[test]
fn addresses_that_nobody_has_are_not_believed() {
    for address in [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255], [0, 1, 2, 3]] {
        let (result, _) = resolve(&mut World::with_rules(ALL), "a.example", |asked| {
            vec![only_a(asked, "a.example", 60, address.into())]
        });
        assert_eq!(result, Err(NetError::NoSuchName), "{address:?}");
    }
}

#[test]
fn a_server_that_fails_is_asked_again_and_not_for_ever() {
    let check = |expected: NetError, asked: usize, reply: &dyn Fn(&Asked) -> Vec<Vec<u8>>| {
        let (result, questions) = resolve(&mut World::with_rules(ALL), "a.example", reply);
        assert_eq!((result, questions), (Err(expected), asked));
    };
    check(NetError::NoSuchName, 2, &|asked| vec![answer(asked, NO_SUCH_NAME, &[])]);
    check(NetError::NoSuchName, 2, &|asked| vec![answer(asked, OK, &[])]);
    check(NetError::NoAnswer, 8, &|asked| vec![answer(asked, FAILED, &[])]);
    check(NetError::NoAnswer, 8, &|asked| vec![answer(asked, CUT_OFF, &[])]);
    check(NetError::NoAnswer, 8, &|_| vec![]);
    let loops = |asked: &Asked| {
        // The owner is a pointer to itself.
        let at = u8::try_from(12 + asked.question.len()).unwrap();
        vec![answer(asked, OK, &[record(&[0xc0, at], A, 60, &BAD.octets())])]
    };
    check(NetError::NoSuchName, 2, &loops);
    let truncated = |asked: &Asked| {
        let mut packet = only_a(asked, "a.example", 60, BAD);
        packet[7] = 9;
        vec![packet]
    };
    check(NetError::NoAnswer, 8, &truncated);
}

#[test]
fn of_an_answer_that_was_cut_off_the_whole_records_count() {
    let (result, questions) = resolve(&mut World::with_rules(ALL), "a.example", |asked| {
        let here = record(&wire("a.example"), A, 60, &GOOD.octets());
        let mut packet = answer(asked, CUT_OFF, &[here.clone(), here]);
        packet.truncate(packet.len() - 3);
        vec![if asked.kind == A { packet } else { answer(asked, OK, &[]) }]
    });
    assert_eq!((result, questions), (Ok(vec![told(GOOD)]), 2));
}

#[test]
fn every_question_has_a_port_and_a_number_of_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut world = World::new(&world::fixed(), world::small_quota(), seed);
        world.set_rules(ALL);
        let _ = resolve(&mut world, "a.example", |asked| {
            assert!(seen.insert((asked.from.port, asked.id)), "twice");
            vec![answer(asked, NO_SUCH_NAME, &[])]
        })
        .0;
    }
    let ports: std::collections::BTreeSet<_> = seen.iter().map(|seen| seen.0).collect();
    assert_eq!(seen.len(), 100);
    assert!(ports.len() > 45, "{} ports", ports.len());
}

#[test]
fn whoever_guesses_too_often_ends_the_question() {
    let mut world = World::with_rules(ALL);
    let server = Server::new(&mut world);
    let mut random = Random(4);
    let mut forged: Vec<(IpEndpoint, Vec<u8>)> = Vec::new();
    let result = world.until(900, |world| {
        while let Some(asked) = server.take(world) {
            for _ in 0..30 {
                let mut guess = asked.clone();
                guess.id = [random.bytes(1)[0], asked.id[1] ^ 0x55];
                forged.push((asked.from, only_a(&guess, "a.example", 60, BAD)));
            }
        }
        if let Some((to, packet)) = forged.pop() {
            server.send(world, to, &packet);
        }
        let result = world.stack.resolve(&alice(), "a.example");
        result.err().filter(|error| *error != NetError::WouldBlock)
    });
    assert_eq!(result, NetError::NoAnswer);
    assert!(forged.len() > 30, "it ended before the guesses did: {}", forged.len());
}

#[test]
fn an_answer_from_elsewhere_is_not_seen() {
    let mut world = World::with_rules(ALL);
    let server = Server::new(&mut world);
    let other = world.host.bind(5353);
    assert_eq!(world.stack.resolve(&alice(), "a.example"), Err(NetError::WouldBlock));
    let asked = world.until(100, |world| server.take(world).filter(|asked| asked.kind == A));
    // With all numbers right, from another port.
    for _ in 0..100 {
        let packet = only_a(&asked, "a.example", 60, BAD);
        if world.host.udp(other).can_send() {
            world.host.udp(other).send_slice(&packet, asked.from).unwrap();
        }
        world.step();
    }
    assert_eq!(world.stack.resolve(&alice(), "a.example"), Err(NetError::WouldBlock));
    let packet = only_a(&asked, "a.example", 60, GOOD);
    server.send(&mut world, asked.from, &packet);
    // The other question is never answered; what there is has to do.
    let result = world.ask(10_000, |stack| stack.resolve(&alice(), "a.example"));
    assert_eq!(result.map(|addresses| addresses.to_vec()), Ok(vec![told(GOOD)]));
}

#[test]
fn a_stream_to_a_name_goes_where_the_name_leads_and_nowhere_else() {
    let mut world = World::with_rules("net.connect alice netvm allow { host: \"*.example\", port: 7 }");
    let server = Server::new(&mut world);
    world.host.listen(7, 1);
    assert_eq!(world.stack.connect(&alice(), &THEIRS.to_string(), 7), Err(NetError::Denied));
    assert_eq!(world.stack.connect(&alice(), "a.test", 7), Err(NetError::Denied));
    assert_eq!(world.stack.connect(&alice(), "a.example", 8), Err(NetError::Denied));
    assert_eq!(world.stack.connect(&bob(), "a.example", 7), Err(NetError::Denied));
    assert_eq!(world.stack.resolve(&alice(), "a.example"), Err(NetError::Denied), "only to connect");
    world.run(10);
    assert!(server.take(&mut world).is_none(), "nobody heard of it");

    let stream = world.stack.connect(&alice(), "a.example", 7).unwrap();
    let open = world.until(10_000, |world| {
        while let Some(asked) = server.take(world) {
            let packet = only_a(&asked, "a.example", 60, THEIRS);
            server.send(world, asked.from, &packet);
        }
        match world.stack.send(&alice(), stream, b"x") {
            Err(NetError::WouldBlock) => None,
            other => Some(other),
        }
    });
    assert_eq!(open, Ok(1));
    // What the name was answered with counts for this client, as long as its TTL says.
    assert!(world.stack.connect(&alice(), &THEIRS.to_string(), 7).is_ok());
    assert_eq!(world.stack.connect(&bob(), &THEIRS.to_string(), 7), Err(NetError::Denied));
    world.run(60_000);
    assert_eq!(world.stack.connect(&alice(), &THEIRS.to_string(), 7), Err(NetError::Denied));
    assert_eq!(world.stack.send(&alice(), stream, b"x"), Ok(1), "the stream stays");
}

#[test]
fn a_name_is_believed_no_longer_than_any_link_of_its_chain_says() {
    for (link, minute) in [(3600, Ok(())), (30, Err(())), (1 << 31, Err(()))] {
        let mut world = World::with_rules("net.* alice netvm allow { host: \"*.example\" }");
        world.host.listen(7, 1);
        let chain = [
            record(&wire("a.example"), CNAME, link, &wire("b.example")),
            record(&wire("b.example"), A, 3600, &THEIRS.octets()),
        ];
        let records = |asked: &Asked| if asked.kind == A { &chain[..] } else { &[] };
        let (found, _) = resolve(&mut world, "a.example", |asked| vec![answer(asked, OK, records(asked))]);
        assert_eq!(found, Ok(vec![told(THEIRS)]));
        assert!(world.stack.connect(&alice(), &THEIRS.to_string(), 7).is_ok());
        world.run(60_000);
        let later = world.stack.connect(&alice(), &THEIRS.to_string(), 7).map(drop).map_err(drop);
        assert_eq!(later, minute, "{link} s");
    }
}

#[test]
fn a_name_that_leads_into_a_denied_network_gives_no_stream() {
    let rules = "net.* @anyvm netvm deny { address: \"10.0.0.0/8\" }\n\
                 net.connect alice netvm allow { host: \"*.example\" }";
    let mut world = World::with_rules(rules);
    let server = Server::new(&mut world);
    let theirs = world.host.listen(7, 1)[0];
    let stream = world.stack.connect(&alice(), "a.example", 7).unwrap();
    let over = world.until(10_000, |world| {
        while let Some(asked) = server.take(world) {
            let packet = only_a(&asked, "a.example", 60, THEIRS);
            server.send(world, asked.from, &packet);
        }
        world.stack.send(&alice(), stream, b"x").err().filter(|error| *error != NetError::WouldBlock)
    });
    assert_eq!(over, NetError::Denied);
    world.run(100);
    assert!(world.host.tcp(theirs).is_listening(), "not one packet came");
}

#[test]
fn addresses_that_do_not_answer_or_are_denied_keep_no_stream_from_one_that_does() {
    let living = THEIRS.octets();
    let dead = |number: u8| {
        let mut address = [0; 16];
        (address[0], address[1], address[15]) = (0x2a, 0, number);
        record(&wire("a.example"), AAAA, 60, &address)
    };
    for (rules, within_ms) in [
        (ALL, 5000),
        ("net.resolve alice netvm allow\nnet.connect alice netvm allow { address: \"10.0.2.0/24\" }", 500),
    ] {
        for count in [1, 4, 8] {
            let mut world = World::with_rules(rules);
            world.host.listen(7, 1);
            let server = Server::new(&mut world);
            let stream = world.stack.connect(&alice(), "a.example", 7).unwrap();
            let told = world.until(within_ms, |world| {
                while let Some(asked) = server.take(world) {
                    let records = match asked.kind {
                        AAAA => (1..=count).map(dead).collect(),
                        _ => vec![record(&wire("a.example"), A, 60, &living)],
                    };
                    server.send(world, asked.from, &answer(&asked, 0x8180, &records));
                }
                match world.stack.send(&alice(), stream, b"") {
                    Err(NetError::WouldBlock) => None,
                    told => Some(told),
                }
            });
            assert_eq!(told, Ok(0), "{count}, {rules}");
        }
    }
}
