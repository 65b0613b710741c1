//! Lists of `qvm-firewall --raw` become rules that decide the same.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use ipc_proto_types::QubeName;
use netvm_firewall::{ImportError, ImportProblem, Rules, Who, import};

fn bills() -> Who {
    Who::Name(QubeName::new("bills").unwrap())
}

fn text(list: &str) -> String {
    let imported = import(list, bills()).unwrap();
    let text = imported.to_string();
    let parsed = Rules::parse(&text, &QubeName::new("netvm").unwrap());
    assert_eq!(parsed, Ok(imported.rules()), "the text is the rules: {text}");
    text
}

#[test]
fn a_list_becomes_rules_with_its_comments() {
    let list = "\
action=accept proto=tcp dsthost=bank.example dstports=443-443 comment=the bank, for now
action=accept specialtarget=dns
action=accept proto=udp dst4=10.137.0.9/16 dstports=53-60 expire=1800000000
action=drop dst6=2001:db8::/32
action=drop proto=tcp dsthost=192.0.2.66
action=accept proto=icmp icmptype=8
action=accept proto=icmp icmptype=13 comment=timestamps
action=accept proto=icmp
action=drop
";
    let expected = "\
# the bank, for now
net.connect bills @anyvm allow { host: \"bank.example\", port: 443 }
net.resolve bills @anyvm allow
net.send_to bills @anyvm allow { address: \"10.137.0.0/16\", port: 53..60, expires: 1800000000 }
net.connect bills @anyvm deny { address: \"2001:db8::/32\" }
net.send_to bills @anyvm deny { address: \"2001:db8::/32\" }
net.ping bills @anyvm deny { address: \"2001:db8::/32\" }
net.connect bills @anyvm deny { address: \"192.0.2.66/32\" }
net.ping bills @anyvm allow
# timestamps (no rule: a message of ICMP that no qube can send)
net.ping bills @anyvm allow
net.resolve bills @anyvm deny
net.connect bills @anyvm deny
net.send_to bills @anyvm deny
net.ping bills @anyvm deny
";
    assert_eq!(text(list), expected);
    assert_eq!(text(""), "");
    assert!(!text("action=accept\n").contains("listen"), "such a list says nothing about what comes in");
}

#[test]
fn what_a_list_cannot_say_is_named_with_its_line() {
    use ImportProblem::*;
    let check = |line: &str, problem: ImportProblem| {
        let expected = Err(ImportError { line: 3, problem });
        assert_eq!(import(&format!("action=accept\n\n{line}\n"), bills()), expected, "{line}");
    };
    check("proto=tcp", Action);
    check("action=forward", Action);
    check("action=accept tcp", Word);
    check("action=accept srchost=a", Key);
    check("action=accept action=accept", Twice);
    check("action=accept dst4=10.0.0.1 dsthost=a", Twice);
    check("action=accept proto=sctp", Protocol);
    check("action=accept dst4=2001:db8::1", Host);
    check("action=accept dst6=10.0.0.1", Host);
    check("action=accept dst4=bank.example", Host);
    check("action=accept dsthost=10.0.0.1/33", Host);
    check("action=accept dsthost=*.example", Host);
    check("action=accept dsthost=", Host);
    check("action=drop dsthost=evil.example", DropsName);
    check("action=drop proto=tcp dsthost=evil.example dstports=443-443 expire=1", DropsName);
    check("action=accept dstports=80-80", Ports);
    check("action=accept proto=icmp dstports=80", Ports);
    check("action=accept proto=tcp dstports=81-80", Ports);
    check("action=accept proto=tcp dstports=1-65536", Ports);
    check("action=accept proto=tcp dstports=+1-2", Ports);
    check("action=accept proto=tcp dstports=", Ports);
    check("action=accept proto=tcp icmptype=8", IcmpType);
    check("action=accept proto=icmp icmptype=256", IcmpType);
    check("action=accept specialtarget=web", Special);
    check("action=accept specialtarget=dns dsthost=a", Special);
    check("action=accept expire=+300", Expire);
    check(&format!("action=accept comment={}", "x".repeat(1024)), LineTooLong);
}

#[test]
fn a_list_that_becomes_too_many_rules_is_refused() {
    // A line about everything becomes four rules.
    assert_eq!(import(&"action=accept\n".repeat(64), bills()).unwrap().rules().as_slice().len(), 256);
    let expected = Err(ImportError { line: 65, problem: ImportProblem::TooManyRules });
    assert_eq!(import(&"action=accept\n".repeat(65), bills()), expected);
}
