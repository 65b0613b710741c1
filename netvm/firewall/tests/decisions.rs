//! What rules decide, against a naive reading of the same rules: any rules, and all small ones.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod naive;

use std::net::IpAddr;

use ipc_proto_types::Label;
use naive::{NaiveRule, Question, ask, naive, ours, own};
use netvm_firewall::{CLOCK_MIN_UNIX_S, Firewall, Operation, Protocol, Rules};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

const CLIENTS: [(&str, Label); 3] =
    [("untrusted", Label::Untrusted), ("work", Label::Work), ("bills", Label::Personal)];
const NAMES: [&str; 6] = ["example", "a.example", "b.a.example", "bank.test", "a", "aa"];
const PATTERNS: [&str; 9] =
    ["*.example", "*", "example", "a*", "*a", "a*a", "bank.test", "b*test", "b*.a.example"];
const ADDRESSES: [&str; 8] = [
    "10.0.0.1",
    "10.0.1.1",
    "10.128.0.0",
    "192.168.7.9",
    "2001:db8::1",
    "2001:db8:8000::",
    "::ffff:10.0.0.1",
    "::1",
];

fn addresses() -> Vec<IpAddr> {
    ADDRESSES.iter().map(|address| address.parse().unwrap()).collect()
}

fn network() -> impl Strategy<Value = (IpAddr, usize)> {
    (select(addresses()), any::<prop::sample::Index>()).prop_map(|(address, index)| {
        match address.to_canonical() {
            IpAddr::V4(four) => {
                let length = index.index(33);
                let mask = u32::MAX.checked_shl(u32::try_from(32 - length).unwrap()).unwrap_or(0);
                (IpAddr::V4((u32::from(four) & mask).into()), length)
            }
            IpAddr::V6(six) => {
                let length = index.index(129);
                let mask = u128::MAX.checked_shl(u32::try_from(128 - length).unwrap()).unwrap_or(0);
                (IpAddr::V6((u128::from(six) & mask).into()), length)
            }
        }
    })
}

/// A second when something may end: around one that a clock can show, and around the first that is believed.
fn second() -> impl Strategy<Value = u64> {
    prop_oneof![95..105_u64, CLOCK_MIN_UNIX_S - 3..CLOCK_MIN_UNIX_S + 3]
}

fn rule() -> impl Strategy<Value = NaiveRule> {
    let sources = ["@anyvm", "untrusted", "work", "@label:work", "@label:personal", "nobody"];
    let port = (0..6_u16, 0..6_u16).prop_map(|(one, other)| (one.min(other), one.max(other)));
    (
        option::of(select(Operation::ALL.to_vec())),
        select(sources.to_vec()),
        any::<bool>(),
        vec(select(PATTERNS.to_vec()).prop_map(str::to_owned), 0..3),
        vec(network(), 0..3),
        vec(port, 0..3),
        vec(select(Protocol::ALL.to_vec()), 0..3),
        option::of(second()),
    )
        .prop_map(|(method, source, is_allowed, mut hosts, addresses, ports, protocols, expires)| {
            if is_allowed && method == Some(Operation::Listen) {
                hosts.clear();
            }
            NaiveRule {
                method,
                source: source.to_owned(),
                is_allowed,
                hosts,
                addresses,
                ports,
                protocols,
                expires,
            }
        })
}

fn question() -> impl Strategy<Value = Question> {
    (
        select(CLIENTS.to_vec()),
        select(Operation::ALL.to_vec()),
        option::of(select(Protocol::ALL.to_vec())),
        option::of(select(addresses())),
        option::of(0..7_u16),
        option::of(select(NAMES.to_vec()).prop_map(str::to_owned)),
        vec((select(NAMES.to_vec()).prop_map(str::to_owned), select(addresses())), 0..5),
        second(),
    )
        .prop_map(|(client, operation, protocol, address, port, name, answers, unix_s)| Question {
            client,
            operation,
            protocol,
            address,
            port,
            name,
            answers,
            unix_s,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn rules_decide_as_a_naive_reading_does(rules in vec(rule(), 0..6), question in question()) {
        prop_assert_eq!(ours(&rules, &question).is_ok(), naive(&rules, &question));
    }

    #[test]
    fn rules_are_what_their_text_says(rules in vec(rule(), 0..6)) {
        let text: String = rules.iter().map(|rule| rule.line() + "\n").collect();
        let parsed = Rules::parse(&text, &own()).unwrap();
        prop_assert_eq!(parsed.as_slice().len(), rules.len());
        prop_assert_eq!(Rules::parse(&parsed.to_string(), &own()), Ok(parsed));
    }

    #[test]
    fn any_text_is_rules_or_an_error_that_names_its_place(text in "(net\\.(\\*|connect)|[a-z@{}:|,.\"*#0-9 ]|\\PC|\n| allow ){0,60}") {
        match Rules::parse(&text, &own()) {
            Ok(rules) => prop_assert_eq!(Rules::parse(&rules.to_string(), &own()), Ok(rules)),
            Err(error) => {
                let line = text.lines().nth(error.line - 1).unwrap();
                prop_assert!(error.column <= line.len() + 1, "{:?}", error);
            }
        }
    }
}

/// All rules with at most one value for each of source, host, network and port, out of two.
fn small_rules() -> Vec<NaiveRule> {
    let mut rules = Vec::new();
    for source in ["@anyvm", "work"] {
        for host in [None, Some("*.example"), Some("bank.test")] {
            for network in [None, Some(("10.0.0.0", 24)), Some(("10.0.0.1", 32))] {
                for port in [None, Some((443, 443))] {
                    for is_allowed in [true, false] {
                        rules.push(NaiveRule {
                            hosts: host.iter().map(|host| (*host).to_owned()).collect(),
                            addresses: network.iter().map(|(a, bits)| (a.parse().unwrap(), *bits)).collect(),
                            ports: port.into_iter().collect(),
                            ..NaiveRule::plain(source, is_allowed)
                        });
                    }
                }
            }
        }
    }
    rules
}

/// All questions over two clients, two names, two addresses, two ports and what may be known of them.
fn small_questions() -> Vec<Question> {
    let names = ["a.example", "bank.test"];
    let addresses: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
    let mut questions = Vec::new();
    for client in [CLIENTS[0], CLIENTS[1]] {
        for name in [None, Some(names[0]), Some(names[1])] {
            for address in addresses {
                for port in [443, 80] {
                    for known in 0..4_usize {
                        let knows = |place: &usize| known & (1 << place) != 0;
                        let answers = (0..2).filter(knows).map(|place| (names[place].to_owned(), address));
                        questions.push(Question {
                            client,
                            operation: Operation::Connect,
                            protocol: Some(Protocol::Tcp),
                            address: Some(address),
                            port: Some(port),
                            name: name.map(str::to_owned),
                            answers: answers.collect(),
                            unix_s: 0,
                        });
                    }
                }
            }
        }
    }
    questions
}

#[test]
fn all_lists_of_two_small_rules_decide_all_small_questions_as_a_naive_reading_does() {
    let (rules, questions) = (small_rules(), small_questions());
    let mut decisions = [0_u32; 2];
    for first in &rules {
        for second in &rules {
            let list = [first.clone(), second.clone()];
            let text = format!("{}\n{}", first.line(), second.line());
            let mut firewall = Firewall::new();
            firewall.set_rules(Rules::parse(&text, &own()).unwrap());
            for question in &questions {
                let expected = naive(&list, question);
                assert_eq!(ask(&mut firewall, question).is_ok(), expected, "{text}\n{question:?}");
                decisions[usize::from(expected)] += 1;
            }
        }
    }
    assert_eq!(decisions[0] + decisions[1], 72 * 72 * 96);
    assert!(decisions.iter().all(|count| *count > 50_000), "both verdicts are met: {decisions:?}");
}
