//! What the firewall does over time: before rules, after a change, when something ends, and between clients.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use std::net::IpAddr;

use ipc_proto_types::{Label, PortIndex, QubeName};
use netvm_firewall::{
    Attempt, CLOCK_MIN_UNIX_S, Denial, Firewall, Flow, HostName, Now, Operation, Protocol, Rules, Source,
};

fn client(number: u8) -> PortIndex {
    PortIndex::new(number).unwrap()
}

fn name(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

fn rules(text: &str) -> Rules {
    Rules::parse(text, &QubeName::new("netvm").unwrap()).unwrap()
}

fn here() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

const fn at(ms: u64) -> Now {
    Now { ms, unix_s: 1_800_000_000 + ms / 1000 }
}

fn connect(host: Option<&HostName>) -> Attempt<'_> {
    Attempt {
        operation: Operation::Connect,
        protocol: Some(Protocol::Tcp),
        address: Some(here()),
        port: Some(443),
        name: host,
    }
}

/// With two clients, `bills` on port 0 and `work` on port 1.
fn firewall(text: &str) -> Firewall {
    let mut firewall = Firewall::new();
    for (number, (name, label)) in (0..).zip([("bills", Label::Personal), ("work", Label::Work)]) {
        firewall.admit(client(number), Source { name: QubeName::new(name).unwrap(), label });
    }
    firewall.set_rules(rules(text));
    firewall
}

#[test]
fn who_is_open_for_another_may_do_what_both_may() {
    let both =
        "net.* bills netvm allow { port: 1..443 }\nnet.* @label:vault netvm allow { port: 443..500 }\n";
    let judged = |text: &str, port: u16| {
        let firewall = firewall(text);
        let attempt = Attempt { port: Some(port), ..connect(None) };
        let verdict = firewall.judge(client(0), &attempt, at(0)).map(|grant| grant.rule);
        assert_eq!(
            verdict.is_ok(),
            firewall.could_allow(client(0), &attempt, at(0)).is_ok(),
            "{text} {port}"
        );
        verdict
    };
    let opened = format!("{both}@opener bills keeper vault\n");
    assert_eq!(
        Rules::parse(&rules(&opened).to_string(), &QubeName::new("netvm").unwrap()),
        Ok(rules(&opened))
    );
    assert_eq!([442, 443, 444].map(|port| judged(both, port)), [Ok(0), Ok(0), Err(Denial::NoMatch)]);
    assert_eq!(
        [442, 443, 444].map(|port| judged(&opened, port)),
        [Err(Denial::NoMatch), Ok(0), Err(Denial::NoMatch)]
    );
    // For whom it is open need not be a client, but needs rules.
    assert_eq!(judged(&format!("{both}@opener bills keeper work\n"), 443), Err(Denial::NoMatch));
    // A flow is cut when the other's rules say so.
    let mut firewall = firewall(&opened);
    let flow = Flow {
        operation: Operation::Connect,
        protocol: Protocol::Tcp,
        address: here(),
        port: Some(443),
        name: None,
        pinned: None,
    };
    assert!(firewall.still_allowed(client(0), &flow, at(0)));
    firewall.set_rules(rules(&format!("net.* keeper netvm deny\n{opened}")));
    assert!(!firewall.still_allowed(client(0), &flow, at(0)));
}

#[test]
fn without_rules_nothing_is_allowed_whoever_asks() {
    let mut firewall = Firewall::new();
    firewall.admit(client(0), Source { name: QubeName::new("bills").unwrap(), label: Label::Personal });
    for operation in Operation::ALL {
        let attempt = Attempt { operation, ..connect(None) };
        assert_eq!(firewall.judge(client(0), &attempt, at(0)), Err(Denial::NoRules));
        assert_eq!(firewall.could_allow(client(0), &attempt, at(0)), Err(Denial::NoRules));
    }
    assert!(!firewall.has_rules());
    firewall.set_rules(Rules::new());
    assert!(firewall.has_rules());
    assert_eq!(firewall.judge(client(0), &connect(None), at(0)), Err(Denial::NoMatch));
    firewall.set_rules(rules("net.* @anyvm netvm allow"));
    assert!(firewall.judge(client(0), &connect(None), at(0)).is_ok());
    assert_eq!(firewall.judge(client(1), &connect(None), at(0)), Err(Denial::NoClient));
    firewall.forget(client(0));
    assert_eq!(firewall.judge(client(0), &connect(None), at(0)), Err(Denial::NoClient));
}

#[test]
fn a_name_counts_for_the_client_that_asked_for_as_long_as_it_was_told() {
    let mut firewall = firewall("net.connect @anyvm netvm allow { host: \"*.example\", port: 443 }");
    let bank = name("bank.example");
    for attempt in [connect(None), connect(Some(&bank))] {
        assert_eq!(
            firewall.judge(client(0), &attempt, at(0)),
            Err(Denial::NoMatch),
            "before it was asked for"
        );
    }
    firewall.learn(client(0), &bank, here(), 60, at(0));
    for attempt in [connect(None), connect(Some(&bank))] {
        let grant = firewall.judge(client(0), &attempt, at(59_999)).unwrap();
        assert_eq!((grant.rule, grant.name.as_ref()), (0, Some(&bank)));
        assert_eq!(firewall.judge(client(0), &attempt, at(60_000)), Err(Denial::NoMatch), "after its TTL");
        assert_eq!(firewall.judge(client(1), &attempt, at(0)), Err(Denial::NoMatch), "another client");
    }
    firewall.admit(client(0), Source { name: QubeName::new("bills").unwrap(), label: Label::Personal });
    assert_eq!(firewall.judge(client(0), &connect(None), at(0)), Err(Denial::NoMatch), "another life");
}

#[test]
fn an_allowed_name_lends_its_address_to_no_other_name_and_a_denied_one_keeps_it() {
    let (good, bad) = (name("good.example"), name("bad.test"));
    let mut allowing = firewall("net.connect @anyvm netvm allow { host: \"good.example\" }");
    let denying = "net.connect @anyvm netvm deny { host: \"bad.test\" }\nnet.connect @anyvm netvm allow";
    let mut denying = firewall(denying);
    for firewall in [&mut allowing, &mut denying] {
        firewall.learn(client(0), &good, here(), 60, at(0));
        firewall.learn(client(0), &bad, here(), 60, at(0));
    }
    assert!(allowing.judge(client(0), &connect(Some(&good)), at(0)).is_ok());
    assert_eq!(allowing.judge(client(0), &connect(Some(&bad)), at(0)), Err(Denial::NoMatch));
    for attempt in [connect(Some(&good)), connect(Some(&bad)), connect(None)] {
        assert_eq!(denying.judge(client(0), &attempt, at(0)), Err(Denial::Rule(0)));
    }
}

#[test]
fn a_name_that_does_not_resolve_breaks_its_own_rule_only() {
    let text = "net.connect @anyvm netvm allow { host: \"gone.example\" }\n\
                net.connect @anyvm netvm allow { address: \"192.0.2.0/24\" }";
    assert_eq!(firewall(text).judge(client(0), &connect(None), at(0)).map(|grant| grant.rule), Ok(1));
}

#[test]
fn a_question_that_can_lead_nowhere_is_not_asked() {
    let text = "net.connect bills netvm deny { host: \"*.evil.example\" }\n\
                net.connect bills netvm deny { address: \"10.0.0.0/8\" }\n\
                net.connect bills netvm allow { host: \"*.example\", port: 443 }";
    let firewall = firewall(text);
    let check = |number: u8, host: &str, port: u16, expected: Result<(), Denial>| {
        let host = name(host);
        let attempt = Attempt { address: None, port: Some(port), ..connect(Some(&host)) };
        assert_eq!(firewall.could_allow(client(number), &attempt, at(0)), expected, "{host}:{port}");
    };
    check(0, "bank.example", 443, Ok(()));
    check(0, "bank.example", 80, Err(Denial::NoMatch));
    check(0, "secret.evil.example", 443, Err(Denial::Rule(0)));
    check(0, "secret.test", 443, Err(Denial::NoMatch));
    check(1, "bank.example", 443, Err(Denial::NoMatch));
}

fn flow(firewall: &Firewall, host: Option<&HostName>, now: Now) -> Flow {
    let grant = firewall.judge(client(0), &connect(host), now).unwrap();
    Flow {
        operation: Operation::Connect,
        protocol: Protocol::Tcp,
        address: here(),
        port: Some(443),
        name: host.cloned(),
        pinned: grant.name,
    }
}

#[test]
fn a_flow_outlives_the_ttl_of_its_name_and_no_rule_that_is_gone() {
    let text = "net.connect bills netvm allow { host: \"bank.example\" }";
    let bank = name("bank.example");
    for host in [None, Some(&bank)] {
        let mut firewall = firewall(text);
        firewall.learn(client(0), &bank, here(), 60, at(0));
        let flow = flow(&firewall, host, at(0));
        assert!(firewall.still_allowed(client(0), &flow, at(1_000_000)), "its TTL is long over");
        let version = firewall.version();
        firewall.set_rules(rules(&format!("net.ping @anyvm netvm deny\n{text}")));
        assert_ne!(firewall.version(), version);
        assert!(firewall.still_allowed(client(0), &flow, at(1_000_000)), "another rule came");
        firewall.set_rules(rules("net.connect bills netvm allow { host: \"other.example\" }"));
        assert!(!firewall.still_allowed(client(0), &flow, at(1_000_000)));
        firewall.set_rules(rules(&format!("net.* @anyvm netvm deny {{ port: 443 }}\n{text}")));
        assert!(!firewall.still_allowed(client(0), &flow, at(1_000_000)));
    }
}

#[test]
fn a_rule_ends_with_its_second() {
    let end = at(10_000).unix_s;
    let text = format!(
        "net.connect @anyvm netvm deny {{ port: 80, expires: {} }}\n\
         net.connect @anyvm netvm allow {{ expires: {end} }}",
        end + 5
    );
    let firewall = firewall(&text);
    let flow = flow(&firewall, None, at(9_999));
    assert!(firewall.still_allowed(client(0), &flow, at(9_999)));
    assert!(!firewall.still_allowed(client(0), &flow, at(10_000)));
    assert_eq!(firewall.judge(client(0), &connect(None), at(10_000)), Err(Denial::NoMatch));
    let next: Vec<_> = [0, 9_999, 10_000, 15_000].map(|ms| firewall.next_expiry(at(ms))).to_vec();
    assert_eq!(next, [Some(end), Some(end), Some(end + 5), None]);
}

#[test]
fn what_ends_allows_nothing_by_a_clock_that_was_never_set_and_goes_on_denying() {
    let end = CLOCK_MIN_UNIX_S + 1000;
    let allowing = firewall(&format!("net.connect @anyvm netvm allow {{ expires: {end} }}"));
    let denying = firewall(&format!(
        "net.connect @anyvm netvm deny {{ expires: {end} }}\n\
         net.connect @anyvm netvm deny {{ port: 443, expires: 1 }}\n\
         net.connect @anyvm netvm allow"
    ));
    const YEAR_2000_S: u64 = 946_684_800;
    let check = |unix_s: u64, allowed: Result<usize, Denial>, denied: Result<usize, Denial>| {
        let judged = |firewall: &Firewall| {
            let now = Now { ms: 0, unix_s };
            let verdict = firewall.judge(client(0), &connect(None), now).map(|grant| grant.rule);
            let could = firewall.could_allow(client(0), &connect(None), now);
            assert_eq!(could.is_ok(), verdict.is_ok(), "at {unix_s}");
            verdict
        };
        assert_eq!((judged(&allowing), judged(&denying)), (allowed, denied), "at {unix_s}");
    };
    for unix_s in [0, 1, YEAR_2000_S, CLOCK_MIN_UNIX_S - 1] {
        check(unix_s, Err(Denial::NoMatch), Err(Denial::Rule(0)));
    }
    check(CLOCK_MIN_UNIX_S, Ok(0), Err(Denial::Rule(0)));
    check(end - 1, Ok(0), Err(Denial::Rule(0)));
    check(end, Err(Denial::NoMatch), Ok(2));
    // A rule that ended long ago is in force again only while nobody can know.
    let over = firewall("net.connect @anyvm netvm deny { expires: 1 }\nnet.connect @anyvm netvm allow");
    let judged = |unix_s: u64| over.judge(client(0), &connect(None), Now { ms: 0, unix_s }).is_ok();
    assert_eq!([0, 1, CLOCK_MIN_UNIX_S].map(judged), [false, false, true]);
}
