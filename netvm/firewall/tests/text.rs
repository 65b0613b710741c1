//! Lines that are rules, and what is said of those that are not.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use ipc_proto_types::QubeName;
use netvm_firewall::{
    CidrError, LINE_MAX, NameError, PatternError, RULES_MAX, RuleError, RuleProblem, Rules,
};

fn parse(text: &str) -> Result<Rules, RuleError> {
    Rules::parse(text, &QubeName::new("netvm").unwrap())
}

#[test]
fn the_rules_of_the_documentation_are_read() {
    let text = r#"
        # who        from         to      verdict
        net.connect  untrusted    netvm   allow { host: "*.example" | "Bank.test.", port: 443 | 8000..0x1f90 }
        net.*        @label:work  netvm   allow { address: "10.0.0.0/8" | "2001:db8::/32", protocol: tcp | udp }  # "
        net.ping     @anyvm       @anyvm  allow { expires: 1_800_000_000 }
        net.resolve  bills        netvm   deny
    "#;
    let expected = concat!(
        "net.connect untrusted @anyvm allow { host: \"*.example\" | \"bank.test\", port: 443 | 8000..8080 }\n",
        "net.* @label:work @anyvm allow { address: \"10.0.0.0/8\" | \"2001:db8::/32\", protocol: tcp | udp }\n",
        "net.ping @anyvm @anyvm allow { expires: 1800000000 }\n",
        "net.resolve bills @anyvm deny\n",
    );
    assert_eq!(parse(text).unwrap().to_string(), expected);
    assert_eq!(parse(""), Ok(Rules::new()));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    use RuleProblem::*;
    let check = |line: &str, column: usize, problem: RuleProblem| {
        let expected = Err(RuleError { line: 2, column, problem });
        assert_eq!(parse(&format!("\n{line}")), expected, "{line}");
    };
    let rule = |conditions: &str| format!("net.* a netvm allow {conditions}");
    check("net.*", 6, TooFewWords);
    check("net.* a netvm", 14, TooFewWords);
    check("{ port: 1 }", 1, TooFewWords);
    check("net.* a netvm allow now", 21, TooManyWords);
    check("@opener a b", 12, TooFewWords);
    check("@opener a b work now", 18, TooManyWords);
    check("@opener a b pink", 13, Source);
    check("@opener A b work", 9, Source);
    check("@opener a B work", 11, Source);
    check("@opener a b work { port: 1 }", 18, Unexpected);
    check("vault.show a netvm allow", 1, Service);
    check("net.reveal a netvm allow", 5, Method);
    check("net.* @tag:x netvm allow", 7, Source);
    check("net.* @label:pink netvm allow", 7, Source);
    check("net.* A netvm allow", 7, Source);
    check("net.* a vault allow", 9, Target);
    check("net.* a netvm ask", 15, Verdict);
    check(&rule("{ port: 80; }"), 31, Letter);
    check(&rule("{ host: \"a }"), 29, Letter);
    check(&rule("{ port 80 }"), 28, Unexpected);
    check(&rule("{ port: 80"), 31, Unexpected);
    check(&rule("{ }"), 23, Unexpected);
    check(&rule("{ port: 80 } x"), 34, Unexpected);
    check(&rule("{ port: 80 host: \"a\" }"), 32, Unexpected);
    check(&rule("{ colour: 80 }"), 23, Field);
    check(&rule("{ port: 80, port: 81 }"), 33, Twice);
    check(&rule("{ port: \"80\" }"), 29, Value);
    check(&rule("{ host: 80 }"), 29, Value);
    check(&rule("{ protocol: sctp }"), 33, Value);
    check("net.listen work netvm allow { host: \"a.example\" }", 37, ListensToName);
    check("net.listen work netvm allow { protocol: udp, host: \"*.example\" }", 52, ListensToName);
    check(&rule("{ expires: \"soon\" }"), 32, Value);
    check(&rule("{ expires: 1 | 2 }"), 36, TooManyValues);
    check(&rule("{ port: 65536 }"), 29, Port);
    check(&rule("{ port: 9..8 }"), 29, Port);
    check(&rule("{ host: \"a*b*\" }"), 29, Host(PatternError::Stars));
    check(&rule("{ host: \"10.0.0.1\" }"), 29, Host(PatternError::Name(NameError::Address)));
    check(&rule("{ address: \"10.0.0.1/8\" }"), 32, Address(CidrError::HostBits));
    let ports = |count: usize| vec!["1"; count].join(" | ");
    assert!(parse(&rule(&format!("{{ port: {} }}", ports(16)))).is_ok());
    check(&rule(&format!("{{ port: {} }}", ports(17))), 29 + 16 * 4, TooManyValues);
    check(&" ".repeat(LINE_MAX + 1), LINE_MAX + 1, LineTooLong);
}

#[test]
fn a_list_has_at_most_so_many_rules() {
    let text = "net.* a netvm allow\n".repeat(RULES_MAX);
    assert_eq!(parse(&text).unwrap().as_slice().len(), RULES_MAX);
    let error = parse(&(text + "\nnet.* a netvm allow")).unwrap_err();
    assert_eq!(error, RuleError { line: RULES_MAX + 2, column: 1, problem: RuleProblem::TooManyRules });
}
