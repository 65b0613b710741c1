//! Imports lists that `qvm-firewall --raw QUBE list` prints: one rule a line, `key=value` between spaces, `comment=` last.
//!
//! `action=accept|drop`, `proto=tcp|udp|icmp`, `dst4=`, `dst6=` or `dsthost=` (address, network or name), `dstports=A-B`,
//! `icmptype=N`, `specialtarget=dns`, `expire=SECONDS`. Such a list is about what goes out, so nothing in it lets anybody
//! `listen`; an echo is the only message of ICMP a qube of ours can send. Comments are kept in the text.
//!
//! A line that drops a name is refused: there, the addresses of the name are dropped, whoever asks for them under which name;
//! here, only names that the client itself asked for are known, so the rule would hold less than the line says.
//! Source: Qubes OS, Admin API, rules of `admin.vm.firewall.Set`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::attempt::Operation;
use crate::cidr::Cidr;
use crate::name::{HostName, NameError};
use crate::pattern::HostPattern;
use crate::rule::{PortRange, RULES_MAX, Rule, Rules, Verdict, Who};

/// Longest line in bytes; as for our own text.
const LINE_MAX: usize = crate::text::LINE_MAX;

/// The types of an echo request in ICMP and ICMPv6 (RFC 792, RFC 4443 section 4.1).
const ECHO: [u8; 2] = [8, 128];

/// A list as rules of ours. Its text ([`fmt::Display`]) has the comments too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    lines: Vec<Line>,
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    rules: Vec<Rule>,
    note: String,
}

/// A line that could not be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: ImportProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportProblem {
    /// It is longer than a line may be.
    LineTooLong,
    /// It becomes more rules than a list may have.
    TooManyRules,
    /// A word that is not `key=value`.
    Word,
    /// A key that we don't know: the rule could mean less than we would read.
    Key,
    /// A key comes twice, or a second one for the host.
    Twice,
    /// `action` is missing, or neither `accept` nor `drop`.
    Action,
    /// `proto` is none of `tcp`, `udp`, `icmp`.
    Protocol,
    /// What `dst4`, `dst6` or `dsthost` says is no such address, network or name.
    Host,
    /// It drops a name: no rule of ours keeps a client from the addresses of a name that it never asked for. Name the
    /// addresses, with `dst4` and `dst6`.
    DropsName,
    /// `dstports` is no port or range of ports, or stands without `proto=tcp` or `proto=udp`.
    Ports,
    /// `icmptype` is no number below 256, or stands without `proto=icmp`.
    IcmpType,
    /// `specialtarget` is not `dns`, or stands beside a host.
    Special,
    /// `expire` is no number of seconds.
    Expire,
}

/// The rules of a list, for the clients `who`.
///
/// # Errors
/// The first line that could not be imported; then none is.
pub fn import(text: &str, who: Who) -> Result<Imported, ImportError> {
    let mut lines: Vec<Line> = Vec::new();
    let mut count = 0_usize;
    for (index, line) in text.lines().enumerate() {
        let error = |problem| ImportError { line: index.saturating_add(1), problem };
        if line.trim().is_empty() {
            continue;
        }
        let line = read(line, who).map_err(error)?;
        count = count.saturating_add(line.rules.len());
        if count > RULES_MAX {
            return Err(error(ImportProblem::TooManyRules));
        }
        lines.push(line);
    }
    Ok(Imported { lines })
}

impl Imported {
    /// The rules.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let mut rules = Rules::new();
        // There are no more than fit: they were counted.
        let fit = self.lines.iter().flat_map(|line| &line.rules).all(|rule| rules.push(rule.clone()));
        debug_assert!(fit, "the rules of a list were counted when it was read");
        rules
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            if !line.note.is_empty() {
                writeln!(f, "# {}", line.note)?;
            }
            line.rules.iter().try_for_each(|rule| writeln!(f, "{rule}"))?;
        }
        Ok(())
    }
}

/// What the words of a line say.
#[derive(Default)]
struct Words<'a> {
    action: Option<&'a str>,
    protocol: Option<&'a str>,
    host: Option<(&'a str, &'a str)>,
    ports: Option<&'a str>,
    icmp_type: Option<&'a str>,
    special: Option<&'a str>,
    expire: Option<&'a str>,
}

fn read(line: &str, who: Who) -> Result<Line, ImportProblem> {
    if line.len() > LINE_MAX {
        return Err(ImportProblem::LineTooLong);
    }
    let (options, comment) = split_comment(line);
    let mut words = Words::default();
    for word in options.split_whitespace() {
        let (key, value) = word.split_once('=').ok_or(ImportProblem::Word)?;
        words.put(key, value)?;
    }
    words.line(who, comment)
}

/// The words before `comment=` and the comment, which may have spaces.
fn split_comment(line: &str) -> (&str, &str) {
    const KEY: &str = "comment=";
    let begins =
        |at: usize| at == 0 || line.get(..at).is_some_and(|before| before.ends_with(char::is_whitespace));
    match line.match_indices(KEY).find(|(at, _)| begins(*at)) {
        Some((at, _)) => {
            let (options, rest) = line.split_at(at);
            (options, rest.get(KEY.len()..).unwrap_or("").trim())
        }
        None => (line, ""),
    }
}

impl<'a> Words<'a> {
    fn put(&mut self, key: &'a str, value: &'a str) -> Result<(), ImportProblem> {
        if let "dst4" | "dst6" | "dsthost" = key {
            return if self.host.replace((key, value)).is_some() {
                Err(ImportProblem::Twice)
            } else {
                Ok(())
            };
        }
        let slot = match key {
            "action" => &mut self.action,
            "proto" => &mut self.protocol,
            "dstports" => &mut self.ports,
            "icmptype" => &mut self.icmp_type,
            "specialtarget" => &mut self.special,
            "expire" => &mut self.expire,
            _ => return Err(ImportProblem::Key),
        };
        if slot.replace(value).is_some() { Err(ImportProblem::Twice) } else { Ok(()) }
    }

    fn line(&self, who: Who, comment: &str) -> Result<Line, ImportProblem> {
        let verdict = match self.action {
            Some("accept") => Verdict::Allow,
            Some("drop") => Verdict::Deny,
            _ => return Err(ImportProblem::Action),
        };
        let mut rule = Rule::plain(who, None, verdict);
        self.put_host(&mut rule)?;
        self.put_ports(&mut rule)?;
        if let Some(expire) = self.expire {
            rule.expires = Some(number(expire).ok_or(ImportProblem::Expire)?);
        }
        let icmp = self.icmp_type.map(|kind| number(kind).ok_or(ImportProblem::IcmpType)).transpose()?;
        if icmp.is_some() && self.protocol != Some("icmp") {
            return Err(ImportProblem::IcmpType);
        }
        let icmp = icmp.map(|kind| u8::try_from(kind).map_err(|_| ImportProblem::IcmpType)).transpose()?;
        let is_echo = icmp.is_none_or(|kind| ECHO.contains(&kind));
        let mut note = String::from(comment);
        if !is_echo {
            note.push_str(" (no rule: a message of ICMP that no qube can send)");
        }
        let operations = self.operations(is_echo)?;
        let rules = operations.iter().map(|operation| Rule { operation: Some(*operation), ..rule.clone() });
        Ok(Line { rules: rules.collect(), note })
    }

    /// What the line is about. A name is resolved for whoever may connect to it, so only a line about everything, or about
    /// resolving, is about questions as such.
    fn operations(&self, is_echo: bool) -> Result<&'static [Operation], ImportProblem> {
        use Operation::{Connect, Ping, Resolve, SendTo};
        match (self.special, self.protocol, self.host) {
            (Some("dns"), None | Some("tcp" | "udp"), None) if self.ports.is_none() => Ok(&[Resolve]),
            (Some(_), _, _) => Err(ImportProblem::Special),
            (None, None, None) => Ok(&[Resolve, Connect, SendTo, Ping]),
            (None, None, Some(_)) => Ok(&[Connect, SendTo, Ping]),
            (None, Some("tcp"), _) => Ok(&[Connect]),
            (None, Some("udp"), _) => Ok(&[SendTo]),
            (None, Some("icmp"), _) => Ok(if is_echo { &[Ping] } else { &[] }),
            _ => Err(ImportProblem::Protocol),
        }
    }

    fn put_host(&self, rule: &mut Rule) -> Result<(), ImportProblem> {
        let Some((key, value)) = self.host else { return Ok(()) };
        match Cidr::with_any_host_bits(value) {
            Ok(network) => {
                let is_four = network.is_v4();
                if (key == "dst4" && !is_four) || (key == "dst6" && is_four) {
                    return Err(ImportProblem::Host);
                }
                rule.addresses.push(network);
            }
            Err(_) if key == "dsthost" && !value.contains('/') => {
                let name = HostName::new(value).map_err(|_: NameError| ImportProblem::Host)?;
                if rule.verdict == Verdict::Deny {
                    return Err(ImportProblem::DropsName);
                }
                rule.hosts.push(HostPattern::exactly(&name));
            }
            Err(_) => return Err(ImportProblem::Host),
        }
        Ok(())
    }

    fn put_ports(&self, rule: &mut Rule) -> Result<(), ImportProblem> {
        let Some(ports) = self.ports else { return Ok(()) };
        if !matches!(self.protocol, Some("tcp" | "udp")) {
            return Err(ImportProblem::Ports);
        }
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let port = |text| number(text).and_then(|port| u16::try_from(port).ok());
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => {
                rule.ports.push(PortRange { first, last });
                Ok(())
            }
            _ => Err(ImportProblem::Ports),
        }
    }
}

/// A decimal number without a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}
