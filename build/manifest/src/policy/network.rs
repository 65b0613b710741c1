//! Rules for service `net`, which has two readers: the supervisor, which sees messages, and the network qube, which sees packets.
//!
//! Names, addresses, protocols and times mean something only to the network qube, so it gets the lines as they are
//! (`netvm/firewall` reads them). For the supervisor they are made wider, never narrower: it lets pass what some attempt could
//! be allowed, and denies the rest before a message moves. A method that is no attempt acts on what an attempt has opened; who
//! may attempt anything may use those.
//!
//! Not here: what a rule decides about a packet.

use ipc_proto_types::{QubeIndex, QubeName};
use ipc_proto_wire::Method;
use netvm_firewall::{NameError, OPENER, Operation, PatternError, RuleError, RuleProblem, Rules};
use supervisor_policy::Verdict;

use super::{Ends, Rule, Who};
use crate::problem::Source;
use crate::qube_file::ARGS_MAX;
use crate::system::Qube;

/// The service.
pub(super) const NAME: &str = ipc_proto_net_api::SERVICE.name;
/// The one field that stands in messages as it stands in packets.
const PORT: &str = "port";

/// Which attempt a method is, if it is one.
fn operation(method: &str) -> Option<Operation> {
    Operation::ALL.into_iter().find(|operation| operation.word() == method)
}

/// The fields that an attempt can have; a rule with another never matches it.
const fn has_field(operation: Operation, field: &str) -> bool {
    match operation {
        Operation::Connect | Operation::SendTo | Operation::Listen => true,
        Operation::Resolve => !matches!(field.as_bytes(), b"port" | b"address" | b"protocol"),
        Operation::Ping => !matches!(field.as_bytes(), b"port"),
    }
}

/// A rule as the supervisor applies it to a method; `None` when it says nothing there.
pub(super) fn widened(rule: &Rule, method: &Method) -> Option<Rule> {
    let mut wide = rule.clone();
    match operation(method.name) {
        Some(operation) => {
            if rule.conditions.iter().any(|condition| !has_field(operation, &condition.field.value)) {
                return None;
            }
            wide.conditions.retain(|condition| condition.field.value == PORT);
        }
        None => wide.conditions.clear(),
    }
    // What denies under more conditions than the supervisor can look at is left to the network qube.
    let is_exact = wide.conditions.len() == rule.conditions.len();
    (is_exact || rule.verdict == Verdict::Allow).then_some(wide)
}

/// The rule by which a client may use what it has opened, when no rule says anything about that method: as one without
/// conditions.
pub(super) fn implied(rules: &[&Rule], method: &Method) -> Option<Rule> {
    let is_attempt =
        |rule: &&&Rule| rule.method.value.as_deref().is_none_or(|name| operation(name).is_some());
    let mut allows = rules.iter().filter(is_attempt).filter(|rule| rule.verdict == Verdict::Allow);
    if operation(method.name).is_some() {
        return None;
    }
    let mut rule = Rule::clone(allows.next()?);
    rule.conditions.clear();
    Some(rule)
}

/// Gives each qube that serves the network its rules. `servers` says who serves each channel.
pub(crate) fn hand_down(
    rules: &[Rule],
    channels: &[Ends],
    servers: &[Option<QubeIndex>],
    qubes: &mut [Qube],
    source: &mut Source,
) {
    for place in 0..qubes.len() {
        let is_here = |server: &Option<QubeIndex>| server.is_some_and(|server| server.as_usize() == place);
        let served = channels
            .iter()
            .zip(servers)
            .filter(|(ends, server)| ends.service.name == NAME && is_here(server));
        let mut served: Vec<Ends> = served.map(|(ends, _)| *ends).collect();
        if served.is_empty() {
            continue;
        }
        let openers = opened_for(&mut served, qubes);
        let mut lines: Vec<(String, &Rule)> = Vec::new();
        for rule in rules {
            lines.extend(written(rule, &served, qubes).into_iter().map(|line| (line, rule)));
        }
        let text = lines.iter().map(|(line, _)| line).chain(&openers);
        let text: String = text.map(|line| format!("{line}\n")).collect();
        let Some(qube) = qubes.get_mut(place) else { continue };
        if let Err(error) = Rules::parse(&text, &qube.name) {
            let line = lines.get(error.line.saturating_sub(1));
            if let Some((line, rule)) = line {
                problem(line, rule, error, source);
            }
        }
        if qube.args.len() + 1 + text.len() > ARGS_MAX {
            let at = lines.last().map_or(0, |(_, rule)| rule.at);
            let found = format!("{} bytes of rules for `{}`", text.len(), qube.name);
            let expected = format!("at most {} with its arguments", ARGS_MAX - 1);
            source.problem(
                at,
                found,
                expected,
                Some("use labels instead of names, or lists in one rule".into()),
            );
        }
        qube.rules = Some(text);
    }
}

/// For whom clients are open, as lines. The rules of these hold too, so they count as clients.
fn opened_for(served: &mut Vec<Ends>, qubes: &[Qube]) -> Vec<String> {
    let mut lines = Vec::new();
    for ends in served.clone() {
        let Some(client) = qubes.get(ends.client.as_usize()) else { continue };
        let Some(index) = client.opened_for else { continue };
        let Some(opener) = qubes.get(index.as_usize()) else { continue };
        lines.push(format!("{OPENER} {} {} {}", client.name, opener.name, opener.label.word()));
        if served.iter().all(|ends| ends.client != index) {
            served.push(Ends { client: index, ..ends });
        }
    }
    lines
}

/// A rule as lines for the network qube: one, or one for each client where it has no word for whom the rule selects.
fn written(rule: &Rule, served: &[Ends], qubes: &[Qube]) -> Vec<String> {
    let method = rule.method.value.as_deref().unwrap_or("*");
    if method != "*" && operation(method).is_none() {
        return Vec::new();
    }
    let name = |ends: &Ends| qubes.get(ends.client.as_usize()).map(|qube| qube.name);
    let concerned: Vec<QubeName> =
        served.iter().filter(|ends| rule.concerns(**ends, qubes)).filter_map(name).collect();
    let selected = served.iter().filter(|ends| rule.from.value.selects(Some(ends.client), qubes)).count();
    let whom = match &rule.from.value {
        _ if concerned.is_empty() => Vec::new(),
        // Another target than this one was named: not every client that is selected is meant.
        _ if selected != concerned.len() => words(&concerned),
        Who::AnyVm => vec!["@anyvm".to_owned()],
        Who::Label(label) => vec![format!("@label:{}", label.word())],
        Who::Name(_) | Who::Tag(_) | Who::Disposable | Who::Supervisor => words(&concerned),
    };
    let verdict = if rule.verdict == Verdict::Allow { "allow" } else { "deny" };
    let line = |who: String| format!("{NAME}.{method} {who} @anyvm {verdict} {}", rule.text.value);
    whom.into_iter().map(|who| line(who).trim_end().to_owned()).collect()
}

fn words(names: &[QubeName]) -> Vec<String> {
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

/// Notes a line that the network qube could not read, at its place in the system file.
fn problem(line: &str, rule: &Rule, error: RuleError, source: &mut Source) {
    let head = line.len() - rule.text.value.len().min(line.len());
    let at = error.column.saturating_sub(1);
    let at = if at < head { rule.at } else { rule.text.span.start + (at - head) };
    let found = line.get(error.column.saturating_sub(1)..).unwrap_or_default();
    let found: String = found.chars().take_while(|letter| !" ,|}".contains(*letter)).collect();
    source.problem(at, format!("`{found}` in a rule for the network"), expected(error.problem), None);
}

fn expected(problem: RuleProblem) -> String {
    match problem {
        RuleProblem::LineTooLong => format!("a line of at most {} bytes", netvm_firewall::LINE_MAX),
        RuleProblem::TooManyRules => format!("at most {} rules", netvm_firewall::RULES_MAX),
        RuleProblem::Field => "a field: host, address, port, protocol or expires".into(),
        RuleProblem::Twice => "each field once".into(),
        RuleProblem::TooManyValues => {
            format!("at most {} values, and one of `expires`", netvm_firewall::VALUES_MAX)
        }
        RuleProblem::Host(why) => {
            format!("a name, or one with one star, such as \"*.example\" ({})", host(why))
        }
        RuleProblem::ListensToName => {
            "no name where a qube listens: who comes unasked comes from an address, so use `address`".into()
        }
        RuleProblem::Address(why) => {
            format!("an address or a network, such as \"192.0.2.0/24\" or \"2001:db8::/32\" ({why:?})")
        }
        RuleProblem::Port => "a port, 0 to 65535, or a range such as 8000..8080".into(),
        RuleProblem::Value => {
            "texts for host and address, numbers for port and expires, tcp, udp or icmp for protocol".into()
        }
        other => format!("a rule as docs/policy.md has it ({other:?})"),
    }
}

/// What is wrong with a host.
fn host(why: PatternError) -> &'static str {
    match why {
        PatternError::Stars => "it has more than one star",
        PatternError::Letters => "it is too long, or has a letter that no name has",
        PatternError::Labels | PatternError::Name(NameError::Label) => {
            "it has an empty part between two dots, or one of more than 63 letters"
        }
        PatternError::Address | PatternError::Name(NameError::Address) => {
            "it ends in a number: use `address`, as \"192.0.2.0/24\""
        }
        PatternError::Name(NameError::Empty) => "it is empty",
        PatternError::Name(NameError::TooLong) => "it is longer than a name may be",
        PatternError::Name(NameError::Letter) => "it has a letter that no name has",
    }
}
