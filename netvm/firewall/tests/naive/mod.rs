//! A second reading of rules, as naive as can be: bits as texts, ports one by one, patterns by trying every split.

use std::net::IpAddr;

use ipc_proto_types::{Label, PortIndex, QubeName};
use netvm_firewall::{
    Attempt, CLOCK_MIN_UNIX_S, Denial, Firewall, HostName, Now, Operation, Protocol, Rules, Source,
};

/// The name of the qube that serves.
pub(crate) const OWN: &str = "netvm";

/// A rule as a person would write it down.
#[derive(Debug, Clone)]
pub(crate) struct NaiveRule {
    pub(crate) method: Option<Operation>,
    pub(crate) source: String,
    pub(crate) is_allowed: bool,
    pub(crate) hosts: Vec<String>,
    pub(crate) addresses: Vec<(IpAddr, usize)>,
    pub(crate) ports: Vec<(u16, u16)>,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) expires: Option<u64>,
}

impl NaiveRule {
    pub(crate) fn plain(source: &str, is_allowed: bool) -> Self {
        Self {
            method: None,
            source: source.into(),
            is_allowed,
            hosts: vec![],
            addresses: vec![],
            ports: vec![],
            protocols: vec![],
            expires: None,
        }
    }

    pub(crate) fn line(&self) -> String {
        let mut fields = Vec::new();
        let mut field = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                fields.push(format!("{name}: {}", values.join(" | ")));
            }
        };
        let network = |(address, bits): &(IpAddr, usize)| format!("\"{address}/{bits}\"");
        field("protocol", self.protocols.iter().map(|protocol| protocol.word().to_owned()).collect());
        field("host", self.hosts.iter().map(|host| format!("\"{host}\"")).collect());
        field("address", self.addresses.iter().map(network).collect());
        field("port", self.ports.iter().map(|(first, last)| format!("{first}..{last}")).collect());
        field("expires", self.expires.iter().map(u64::to_string).collect());
        let method = self.method.map_or("*", Operation::word);
        let verdict = if self.is_allowed { "allow" } else { "deny" };
        let conditions =
            if fields.is_empty() { String::new() } else { format!("{{ {} }}", fields.join(", ")) };
        format!("net.{method} {} {OWN} {verdict} {conditions}", self.source)
    }
}

/// One client's question with all that it knows.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) client: (&'static str, Label),
    pub(crate) operation: Operation,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: Option<u16>,
    pub(crate) name: Option<String>,
    /// Names and addresses of this client's answers that are not over.
    pub(crate) answers: Vec<(String, IpAddr)>,
    pub(crate) unix_s: u64,
}

/// What the first rule that matches says; none says no.
pub(crate) fn naive(rules: &[NaiveRule], question: &Question) -> bool {
    rules.iter().find(|rule| matches(rule, question)).is_some_and(|rule| rule.is_allowed)
}

fn matches(rule: &NaiveRule, question: &Question) -> bool {
    let source = rule.source == "@anyvm"
        || rule.source == question.client.0
        || rule.source == format!("@label:{}", question.client.1.word());
    let method = rule.method.is_none() || rule.method == Some(question.operation);
    let is_over = match rule.expires {
        None => false,
        Some(_) if question.unix_s < CLOCK_MIN_UNIX_S => rule.is_allowed,
        Some(expires) => question.unix_s >= expires,
    };
    let protocol = rule.protocols.is_empty()
        || question.protocol.is_some_and(|protocol| rule.protocols.contains(&protocol));
    let port = rule.ports.is_empty()
        || question.port.is_some_and(|port| {
            rule.ports.iter().any(|(first, last)| (*first..=*last).any(|one| one == port))
        });
    let address = rule.addresses.is_empty()
        || question.address.is_some_and(|address| {
            let address = bits(address);
            rule.addresses.iter().any(|(network, length)| {
                let network = bits(*network);
                network.len() == address.len() && network[..*length] == address[..*length]
            })
        });
    source && method && !is_over && protocol && port && address && host(rule, question)
}

fn host(rule: &NaiveRule, question: &Question) -> bool {
    if rule.hosts.is_empty() {
        return true;
    }
    let means = |name: &str| rule.hosts.iter().any(|pattern| glob(pattern, name));
    let Some(address) = question.address else {
        return question.name.as_deref().is_some_and(means);
    };
    let known: Vec<&str> = question
        .answers
        .iter()
        .filter(|(_, other)| bits(*other) == bits(address))
        .map(|(name, _)| name.as_str())
        .collect();
    match (&question.name, rule.is_allowed) {
        (Some(name), true) => means(name) && known.contains(&name.as_str()),
        (Some(name), false) => means(name) || known.iter().any(|name| means(name)),
        (None, _) => known.iter().any(|name| means(name)),
    }
}

fn bits(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.octets().iter().map(|byte| format!("{byte:08b}")).collect(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => bits(mapped.into()),
            None => address.octets().iter().map(|byte| format!("{byte:08b}")).collect(),
        },
    }
}

fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => (0..=name.len())
            .any(|from| (from..=name.len()).any(|to| &name[..from] == before && &name[to..] == after)),
    }
}

pub(crate) fn own() -> QubeName {
    QubeName::new(OWN).unwrap()
}

pub(crate) fn port(number: u8) -> PortIndex {
    PortIndex::new(number).unwrap()
}

/// What the firewall says to the question, asked through its text and its answers.
pub(crate) fn ours(rules: &[NaiveRule], question: &Question) -> Result<(), Denial> {
    let text: String = rules.iter().map(|rule| rule.line() + "\n").collect();
    let parsed = Rules::parse(&text, &own()).unwrap_or_else(|error| panic!("{error:?} in {text}"));
    let mut firewall = Firewall::new();
    firewall.set_rules(parsed);
    ask(&mut firewall, question)
}

/// The same on a firewall that has its rules.
pub(crate) fn ask(firewall: &mut Firewall, question: &Question) -> Result<(), Denial> {
    let client = port(3);
    let now = Now { ms: 1000, unix_s: question.unix_s };
    firewall
        .admit(client, Source { name: QubeName::new(question.client.0).unwrap(), label: question.client.1 });
    for (name, address) in &question.answers {
        firewall.learn(client, &HostName::new(name).unwrap(), *address, 60, now);
    }
    let name = question.name.as_deref().map(|name| HostName::new(name).unwrap());
    let attempt = Attempt {
        operation: question.operation,
        protocol: question.protocol,
        address: question.address,
        port: question.port,
        name: name.as_ref(),
    };
    let judged = firewall.judge(client, &attempt, now).map(|_| ());
    // Whoever may go on with an address was let go on before the name had one.
    if judged.is_ok() && name.is_some() {
        let before = Attempt { address: None, ..attempt };
        assert_eq!(firewall.could_allow(client, &before, now), Ok(()), "{question:?}");
    }
    judged
}
