//! Rules for the network: what the network qube is handed, what the supervisor makes of them, and what is said of wrong ones.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use build_manifest::{Catalogue, Problems, System, load_text};
use ipc_proto_types::{Label, PortIndex};
use netvm_firewall::{Attempt, Firewall, HostName, Now, Operation, Protocol, Rules, Source};
use proptest::prelude::*;
use supervisor_policy::{ALLOW, Chains, DENY, Fields, Value, Verdict, decide};

/// A system of real qubes: three clients of one network qube.
const SYSTEM: &str = r#"name = "small"
memory = "64MiB"
qubes = [
    "../../netvm/qube",
    { path = "../../tests/net-qube", name = "bills", tags = ["money"] },
    { path = "../../tests/net-qube", name = "tax", label = "personal", tags = ["money"] },
    { path = "../../tests/net-qube", name = "web", label = "untrusted" },
]
policy = '''
RULES'''
[[channel]]
client = "bills"
server = "netvm"
service = "net"
[[channel]]
client = "tax"
server = "netvm"
service = "net"
[[channel]]
client = "web"
server = "netvm"
service = "net"
"#;
/// The line of the first rule.
const FIRST_LINE: usize = 10;

fn load(rules: &str) -> Result<System, Problems> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned();
    let path = root.join("build/systems/test.toml");
    load_text(&path, &SYSTEM.replace("RULES", rules), &Catalogue::builtin())
}

/// The rules that the network qube gets.
fn handed(rules: &str) -> String {
    let system = load(rules).unwrap_or_else(|problems| panic!("{problems}"));
    system.find("netvm").unwrap().1.rules.clone().unwrap()
}

/// The decision words of a client's channel for these methods.
fn words(rules: &str, client: usize, methods: &[&str]) -> Vec<u16> {
    let system = load(rules).unwrap_or_else(|problems| panic!("{problems}"));
    let channel = &system.channels[client];
    let service = system.service(channel).unwrap();
    let number = |name: &&str| service.methods.iter().position(|method| *method.name == **name).unwrap();
    methods.iter().map(|name| channel.decisions[number(name)].word).collect()
}

#[test]
fn the_rules_of_whom_a_disposable_is_open_for_are_handed_down_too() {
    let opened = SYSTEM
        .replace(
            "label = \"untrusted\" }",
            "label = \"untrusted\", disposable = true, for = \"keeper\" },
    { path = \"../../tests/net-qube\", name = \"keeper\", label = \"vault\" }",
        )
        .replace(
            "RULES",
            "net.connect @label:untrusted netvm allow\nnet.* keeper netvm allow { port: 443 }\n",
        );
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned();
    let system = load_text(&root.join("build/systems/test.toml"), &opened, &Catalogue::builtin());
    let system = system.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(
        system.find("netvm").unwrap().1.rules.as_deref(),
        Some(concat!(
            "net.connect @label:untrusted @anyvm allow\n",
            "net.* keeper @anyvm allow { port: 443 }\n",
            "@opener web keeper vault\n"
        ))
    );
}

#[test]
fn the_network_qube_gets_the_lines_that_are_its_own() {
    let check = |rules: &str, expected: &str| assert_eq!(handed(rules), expected, "{rules}");
    check("", "");
    check(
        "net.connect bills netvm allow { host: \"*.bank.example\", port: 443 } # its bank\n",
        "net.connect bills @anyvm allow { host: \"*.bank.example\", port: 443 }\n",
    );
    check("net.* @label:personal @anyvm allow\n", "net.* @label:personal @anyvm allow\n");
    check("net.ping @tag:money netvm allow\n", "net.ping bills @anyvm allow\nnet.ping tax @anyvm allow\n");
    check("*.* @anyvm @anyvm deny\n", "net.* @anyvm @anyvm deny\n");
    check("net.connect web netvm ask\n", "net.connect web @anyvm deny\n");
    // What is no attempt is the supervisor's alone; what is for nobody that is here, nobody's.
    check("net.status @anyvm netvm allow\nnet.* @label:work bills allow\n", "");
    check(
        "net.* web netvm deny { address: \"10.0.0.0/8\" | \"fd00::/8\", protocol: tcp | udp, expires: 1800000000 }\n",
        "net.* web @anyvm deny { address: \"10.0.0.0/8\" | \"fd00::/8\", protocol: tcp | udp, expires: 1800000000 }\n",
    );
}

#[test]
fn whoever_may_open_may_use_what_it_opened_and_nobody_else() {
    let methods = ["connect", "ping", "send", "receive", "poll", "close", "ready"];
    let check = |rules: &str, client: usize, expected: [u16; 7]| {
        assert_eq!(words(rules, client, &methods), expected, "{rules}");
    };
    let one = "net.connect bills netvm allow { host: \"a.example\" }\n";
    check(one, 0, [ALLOW, DENY, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW]);
    check(one, 1, [DENY; 7]);
    check("net.connect bills netvm allow { port: 443 }\n", 0, [3, DENY, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW]);
    check(&format!("net.send bills netvm deny\n{one}"), 0, [ALLOW, DENY, DENY, ALLOW, ALLOW, ALLOW, ALLOW]);
    check("net.* bills netvm deny\nnet.connect bills netvm allow\n", 0, [DENY; 7]);
    // The supervisor cannot see an address, so it leaves this to the network qube.
    let but = "net.* bills netvm deny { address: \"10.0.0.0/8\" }\nnet.* bills netvm allow\n";
    check(but, 0, [ALLOW; 7]);
    // An echo has no port.
    check("net.* bills netvm allow { port: 443 }\n", 0, [4, DENY, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW]);
}

#[test]
fn a_wrong_rule_does_not_build_and_is_named_by_line_and_column() {
    let check = |rule: &str, column: usize, expected: &str| {
        let problems = load(&format!("net.* tax netvm allow\n{rule}\n")).unwrap_err().to_string();
        let place = format!("test.toml:{}:{column}: ", FIRST_LINE + 1);
        assert!(problems.contains(&place) && problems.contains(expected), "{rule}: {problems}");
    };
    check("net.connect bills netvm allow { host: \"a b\" }", 39, "a name, or one with one star");
    check("net.connect bills netvm deny { host: \"*.evil..\" }", 38, "an empty part between two dots");
    check("net.listen bills netvm allow { host: \"a.example\" }", 38, "no name where a qube listens");
    check(
        "net.listen bills netvm allow { protocol: udp, host: \"*.a\" }",
        53,
        "no name where a qube listens",
    );
    check("net.connect bills netvm allow { address: \"10.0.0.1/8\" }", 42, "an address or a network");
    check("net.connect bills netvm allow { port: 70000 }", 39, "a port, 0 to 65535");
    check("net.connect bills netvm allow { port: \"443\" }", 39, "numbers for port");
    check("net.connect bills netvm allow { protocol: quic }", 43, "tcp, udp or icmp");
    check("net.connect bills netvm allow { adress: \"10.0.0.1\" }", 33, "a field: host, address");
    check("net.connect bills netvm allow { port: 1, port: 2 }", 42, "each field once");
    check("net.connct bills netvm allow", 5, "one of");
    let long = "net.connect bills netvm allow { host: \"a-name-that-is-quite-long.example\" }\n".repeat(40);
    let problems = load(&long).unwrap_err().to_string();
    assert!(problems.contains("bytes of rules for `netvm`"), "{problems}");
}

#[test]
fn no_vault_of_a_shipped_system_has_a_channel_to_the_network() {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned();
    let mut clients = 0;
    for name in ["desktop", "net"] {
        let path = root.join(format!("build/systems/{name}.toml"));
        let system =
            load_text(&path, &std::fs::read_to_string(&path).unwrap(), &Catalogue::builtin()).unwrap();
        for channel in &system.channels {
            if system.service(channel).unwrap().name == "net" {
                clients += 1;
                // Those of another label too, as `work-write` is.
                let client = system.qube(channel.client).unwrap();
                assert!(client.label != Label::Vault && client.package != "vault-app-qube", "{name}");
            }
        }
    }
    assert!(clients >= 2);
}

/// Whether the desktop's rules let a client connect to, or send to, an address at a port, by itself and under a name.
fn desktop_lets(client: &str, address: &str, port: u16) -> bool {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned();
    let path = root.join("build/systems/desktop.toml");
    let system = load_text(&path, &std::fs::read_to_string(&path).unwrap(), &Catalogue::builtin()).unwrap();
    let (netvm, qube) = (system.find("netvm").unwrap().1, system.find(client).unwrap().1);
    let mut firewall = Firewall::new();
    firewall.set_rules(Rules::parse(netvm.rules.as_deref().unwrap(), &netvm.name).unwrap());
    let (number, now) = (PortIndex::new(0).unwrap(), Now { ms: 0, unix_s: 1_800_000_000 });
    firewall.admit(number, Source { name: qube.name, label: qube.label });
    let address: IpAddr = address.parse().unwrap();
    let names = ["www.bank.example", "www.social.example", "printer.lan", "evil.test"];
    let names = names.map(|name| HostName::new(name).unwrap());
    for name in &names {
        firewall.learn(number, name, address, 60, now);
    }
    names.iter().map(Some).chain([None]).any(|name| {
        [
            (Operation::Connect, Protocol::Tcp),
            (Operation::SendTo, Protocol::Udp),
            (Operation::Listen, Protocol::Tcp),
        ]
        .into_iter()
        .any(|(operation, protocol)| {
            let (protocol, address, port) = (Some(protocol), Some(address), Some(port));
            firewall.judge(number, &Attempt { operation, protocol, address, port, name }, now).is_ok()
        })
    })
}

#[test]
fn no_page_of_the_internet_leads_a_viewer_of_the_desktop_home() {
    let viewers = ["viewer", "personal-bills", "personal-social", "work-research"];
    let home = [
        "10.0.2.2",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "::ffff:192.168.1.1",
        "fd53:6b65:7000::2",
    ];
    let nobodys = ["169.254.169.254", "100.64.0.1", "fe80::1", "64:ff9b::c0a8:101", "64:ff9b:1::c0a8:101"];
    for port in [80, 443, 8000] {
        for address in home.iter().chain(&nobodys) {
            for viewer in viewers {
                assert!(!desktop_lets(viewer, address, port), "{viewer} to {address}:{port}");
            }
            assert_eq!(desktop_lets("lan", address, port), home.contains(address), "{address}:{port}");
        }
        for address in
            ["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.0.2.1", "2001:db8::1"]
        {
            for viewer in viewers {
                let may = match viewer {
                    "personal-bills" | "personal-social" => port == 443,
                    "work-research" => port != 8000,
                    _ => true,
                };
                assert_eq!(desktop_lets(viewer, address, port), may, "{viewer} to {address}:{port}");
            }
            assert!(
                !desktop_lets("lan", address, port),
                "{address}:{port}: what is read at home stays there"
            );
        }
    }
    assert!(!desktop_lets("console", "192.0.2.1", 443) && !desktop_lets("console", "192.168.1.1", 443));
}

/// The arguments of `connect` and `send_to` that a rule can look at.
struct Request<'a> {
    operation: Operation,
    host: &'a str,
    port: u16,
}

impl Fields for Request<'_> {
    fn field(&self, number: u8) -> Option<Value<'_>> {
        // `connect(host, port)`, `send_to(socket, host, port, data)`.
        match (self.operation, number) {
            (Operation::Connect, 0) | (Operation::SendTo, 1) => Some(Value::Text(self.host.as_bytes())),
            (Operation::Connect, 1) | (Operation::SendTo, 2) => Some(Value::Unsigned(self.port.into())),
            _ => None,
        }
    }
}

fn rule() -> impl Strategy<Value = String> {
    let method =
        proptest::sample::select(vec!["*", "connect", "send_to", "resolve", "ping", "listen", "send"]);
    let who = proptest::sample::select(vec!["bills", "tax", "@label:work", "@tag:money", "@anyvm"]);
    let verdict = proptest::sample::select(vec!["allow", "deny", "ask"]);
    let field = proptest::sample::subsequence(
        vec![
            "host: \"*.example\"",
            "address: \"10.0.0.0/8\"",
            "port: 443 | 80..90",
            "protocol: tcp",
            "expires: 1800000500",
        ],
        0..4,
    );
    (method, who, verdict, field).prop_map(|(method, who, verdict, mut fields)| {
        if (method, verdict) == ("listen", "allow") {
            fields.retain(|field| !field.starts_with("host"));
        }
        let braces = if fields.is_empty() { String::new() } else { format!(" {{ {} }}", fields.join(", ")) };
        format!("net.{method} {who} netvm {verdict}{braces}\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The supervisor is the wider of the two readers: what the network qube would allow gets to it.
    #[test]
    fn what_the_rules_allow_the_supervisor_lets_through(
        rules in proptest::collection::vec(rule(), 0..6),
        is_stream in any::<bool>(),
        is_name in any::<bool>(),
        address in proptest::sample::select(vec!["10.1.2.3", "192.0.2.1"]),
        port in proptest::sample::select(vec![443_u16, 85, 91]),
        unix_s in proptest::sample::select(vec![0, 1_800_000_100_u64, 1_800_001_000]),
    ) {
        let text = rules.concat();
        let system = load(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let (netvm, bills) = (system.find("netvm").unwrap().1, system.find("bills").unwrap().1);
        let mut firewall = Firewall::new();
        firewall.set_rules(Rules::parse(netvm.rules.as_deref().unwrap(), &netvm.name).unwrap());
        let (client, now) = (PortIndex::new(0).unwrap(), Now { ms: 0, unix_s });
        firewall.admit(client, Source { name: bills.name, label: bills.label });
        let name = HostName::new("www.example").unwrap();
        let there: IpAddr = address.parse().unwrap();
        firewall.learn(client, &name, there, 60, now);
        let operation = if is_stream { Operation::Connect } else { Operation::SendTo };
        let attempt = Attempt {
            operation,
            protocol: Some(if is_stream { Protocol::Tcp } else { Protocol::Udp }),
            address: Some(there),
            port: Some(port),
            name: is_name.then_some(&name),
        };
        let is_allowed = firewall.judge(client, &attempt, now).is_ok();
        let channel = &system.channels[0];
        let methods = system.service(channel).unwrap().methods;
        let number = methods.iter().position(|method| method.name == operation.word()).unwrap();
        let request = Request { operation, host: if is_name { "www.example" } else { address }, port };
        let chains = Chains::parse(&system.chains).unwrap();
        let verdict = decide(channel.decisions[number].word, &chains, &request);
        prop_assert!(!is_allowed || verdict == Verdict::Allow, "{text}");
        // With nothing but ports to look at, both say the same.
        if !text.contains("host") && !text.contains("address") && !text.contains("protocol") && !text.contains("expires") {
            prop_assert_eq!(is_allowed, verdict == Verdict::Allow, "{}", text);
        }
    }
}
