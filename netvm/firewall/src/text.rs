//! Rules as text: the lines of service `net` in the policy of a system, with the fields that only packets have.
//!
//! `net.METHOD  source  target  allow|deny  { host: "…", address: "…", port: N, protocol: WORD, expires: N }`
//! and, written by the host tool, `@opener  client  opener  label`: the client is a disposable, open for the other.
//! Source: `docs/policy.md`, whose words, order and marks these are.

use core::fmt;

use ipc_proto_types::{Label, QubeName};

use crate::attempt::{Operation, Protocol};
use crate::cidr::{Cidr, CidrError};
use crate::lex::{Kind, NoToken, Token, Tokens};
use crate::pattern::{HostPattern, PatternError};
use crate::rule::{PortRange, RULES_MAX, Rule, Rules, Source, VALUES_MAX, Verdict, Who};

/// Longest line in bytes: sixteen hosts of usual length. Without it a text without line ends is one long loop.
pub const LINE_MAX: usize = 1024;

/// The service whose rules these are, with its dot.
const SERVICE: &str = "net.";
/// Begins a line about a disposable that is open for another qube: `@opener CLIENT OPENER LABEL`. It may do what both may.
pub const OPENER: &str = "@opener";

/// A line that is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleError {
    /// Its number, from 1.
    pub line: usize,
    /// The byte where it goes wrong, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: RuleProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleProblem {
    /// It is longer than [`LINE_MAX`].
    LineTooLong,
    /// There are more rules than [`RULES_MAX`].
    TooManyRules,
    /// It has fewer words than `net.METHOD source target verdict`.
    TooFewWords,
    /// It has a word more.
    TooManyWords,
    /// It is for another service than `net`.
    Service,
    /// No method of `net` that a rule can mean: `resolve`, `connect`, `send_to`, `listen`, `ping`, or `*`.
    Method,
    /// No source: a qube's name, `@anyvm` or `@label:WORD`.
    Source,
    /// The target is neither this qube nor `@anyvm`.
    Target,
    /// Neither `allow` nor `deny`.
    Verdict,
    /// No letter that may stand here, or a text without its closing quote.
    Letter,
    /// Something else was expected: a field, a colon, a comma, a bar, a brace, or the end of the line.
    Unexpected,
    /// No field: `host`, `address`, `port`, `protocol` or `expires`.
    Field,
    /// The field was there before.
    Twice,
    /// No value of this field.
    Value,
    /// More values than [`VALUES_MAX`].
    TooManyValues,
    /// The text is no host.
    Host(PatternError),
    /// The text is no network.
    Address(CidrError),
    /// No port, or a range that ends before it begins.
    Port,
    /// It lets a client listen to a name. Who comes unasked comes from an address, and a name that the client asked for says
    /// nothing about who that is.
    ListensToName,
}

type Read<T> = Result<T, (usize, RuleProblem)>;

impl Rules {
    /// The rules in `text`, one a line; `#` begins a comment. `own` is the name of the qube that serves.
    ///
    /// # Errors
    /// The first line that is no rule; then there are none.
    pub fn parse(text: &str, own: &QubeName) -> Result<Self, RuleError> {
        let mut rules = Self::new();
        for (index, line) in text.lines().enumerate() {
            let error = |(at, problem): (usize, RuleProblem)| RuleError {
                line: index.saturating_add(1),
                column: at.saturating_add(1),
                problem,
            };
            let has_room = match read(line, own).map_err(error)? {
                None => true,
                Some(Line::Rule(rule)) => rules.push(rule),
                Some(Line::OpenFor(client, opener)) => rules.open_for(client, opener),
            };
            if !has_room {
                return Err(error((0, RuleProblem::TooManyRules)));
            }
        }
        Ok(rules)
    }
}

/// What a line says.
enum Line {
    Rule(Rule),
    /// The first is a disposable that is open for the second.
    OpenFor(QubeName, Source),
}

/// What a line says; `None` when that is nothing.
fn read(line: &str, own: &QubeName) -> Read<Option<Line>> {
    if line.len() > LINE_MAX {
        return Err((LINE_MAX, RuleProblem::LineTooLong));
    }
    let line = without_comment(line);
    let (head, conditions) = line.split_at(line.find('{').unwrap_or(line.len()));
    let mut words = Words { line: head, at: 0 };
    let Some(method) = words.next() else {
        let rest = conditions.trim();
        return if rest.is_empty() { Ok(None) } else { Err((head.len(), RuleProblem::TooFewWords)) };
    };
    if method.1 == OPENER {
        return open_for(words, conditions).map(Some);
    }
    let few = (head.len(), RuleProblem::TooFewWords);
    let (from, to) = (words.next().ok_or(few)?, words.next().ok_or(few)?);
    let verdict = words.next().ok_or(few)?;
    let operation = operation(method)?;
    let who = who(from)?;
    if to.1 != "@anyvm" && *own != *to.1 {
        return Err((to.0, RuleProblem::Target));
    }
    let verdict = match verdict.1 {
        "allow" => Verdict::Allow,
        "deny" => Verdict::Deny,
        _ => return Err((verdict.0, RuleProblem::Verdict)),
    };
    if let Some(more) = words.next() {
        return Err((more.0, RuleProblem::TooManyWords));
    }
    let mut rule = Rule::plain(who, operation, verdict);
    if !conditions.is_empty() {
        let mut reader = Reader { tokens: Tokens::new(conditions), ahead: None, end: conditions.len() };
        reader.conditions(&mut rule).map_err(|(at, problem)| (head.len().saturating_add(at), problem))?;
    }
    Ok(Some(Line::Rule(rule)))
}

/// The rest of a line about a disposable.
fn open_for(mut words: Words<'_>, conditions: &str) -> Read<Line> {
    let end = (words.line.len(), RuleProblem::TooFewWords);
    let (client, opener) = (words.next().ok_or(end)?, words.next().ok_or(end)?);
    let label = words.next().ok_or(end)?;
    if let Some(more) = words.next() {
        return Err((more.0, RuleProblem::TooManyWords));
    }
    if !conditions.is_empty() {
        return Err((words.line.len(), RuleProblem::Unexpected));
    }
    let name = |word: (usize, &str)| QubeName::new(word.1).map_err(|_| (word.0, RuleProblem::Source));
    let source = Source {
        name: name(opener)?,
        label: Label::from_word(label.1).ok_or((label.0, RuleProblem::Source))?,
    };
    Ok(Line::OpenFor(name(client)?, source))
}

fn without_comment(line: &str) -> &str {
    let mut is_quoted = false;
    let comment = line.find(|letter| {
        is_quoted ^= letter == '"';
        letter == '#' && !is_quoted
    });
    line.get(..comment.unwrap_or(line.len())).unwrap_or(line)
}

fn operation(word: (usize, &str)) -> Read<Option<Operation>> {
    let method = word.1.strip_prefix(SERVICE).ok_or((word.0, RuleProblem::Service))?;
    if method == "*" {
        return Ok(None);
    }
    let found = Operation::ALL.into_iter().find(|operation| operation.word() == method);
    found.map(Some).ok_or((word.0.saturating_add(SERVICE.len()), RuleProblem::Method))
}

fn who(word: (usize, &str)) -> Read<Who> {
    let wrong = (word.0, RuleProblem::Source);
    match word.1.strip_prefix('@') {
        Some("anyvm") => Ok(Who::Any),
        Some(at) => {
            let label = at.strip_prefix("label:").and_then(Label::from_word);
            label.map(Who::Label).ok_or(wrong)
        }
        None => QubeName::new(word.1).map(Who::Name).map_err(|_| wrong),
    }
}

/// Words between spaces, each with its place.
struct Words<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<(usize, &'a str)> {
        let rest = self.line.get(self.at..)?;
        let space = rest.find(|letter: char| !letter.is_whitespace())?;
        let rest = rest.get(space..)?;
        let word = rest.split(char::is_whitespace).next()?;
        let at = self.at.saturating_add(space);
        self.at = at.saturating_add(word.len());
        Some((at, word))
    }
}

/// Reads conditions from tokens.
struct Reader<'a> {
    tokens: Tokens<'a>,
    ahead: Option<Token<'a>>,
    end: usize,
}

/// A field of a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Host,
    Address,
    Port,
    Protocol,
    Expires,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Read<Option<Token<'a>>> {
        match self.ahead.take() {
            Some(token) => Ok(Some(token)),
            None => self.tokens.next().map_err(|NoToken { at }| (at, RuleProblem::Letter)),
        }
    }

    fn need(&mut self) -> Read<Token<'a>> {
        self.take()?.ok_or((self.end, RuleProblem::Unexpected))
    }

    /// Takes the next token when it is this one.
    fn accept(&mut self, kind: Kind<'_>) -> Read<bool> {
        match self.take()? {
            Some(token) if token.kind == kind => Ok(true),
            other => {
                self.ahead = other;
                Ok(false)
            }
        }
    }

    fn mark(&mut self, mark: char) -> Read<()> {
        let token = self.need()?;
        if token.kind == Kind::Mark(mark) { Ok(()) } else { Err((token.at, RuleProblem::Unexpected)) }
    }

    fn conditions(&mut self, rule: &mut Rule) -> Read<()> {
        self.mark('{')?;
        // There are five fields and none comes twice, so this ends.
        loop {
            self.condition(rule)?;
            if !self.accept(Kind::Mark(','))? {
                break;
            }
        }
        self.mark('}')?;
        match self.take()? {
            None => Ok(()),
            Some(token) => Err((token.at, RuleProblem::Unexpected)),
        }
    }

    fn condition(&mut self, rule: &mut Rule) -> Read<()> {
        let token = self.need()?;
        let Kind::Word(word) = token.kind else { return Err((token.at, RuleProblem::Unexpected)) };
        let (field, is_new) = match word {
            "host" => (Field::Host, rule.hosts.is_empty()),
            "address" => (Field::Address, rule.addresses.is_empty()),
            "port" => (Field::Port, rule.ports.is_empty()),
            "protocol" => (Field::Protocol, rule.protocols.is_empty()),
            "expires" => (Field::Expires, rule.expires.is_none()),
            _ => return Err((token.at, RuleProblem::Field)),
        };
        if !is_new {
            return Err((token.at, RuleProblem::Twice));
        }
        self.mark(':')?;
        let mut count = 0_usize;
        loop {
            let value = self.need()?;
            count = count.saturating_add(1);
            if count > VALUES_MAX || (field == Field::Expires && count > 1) {
                return Err((value.at, RuleProblem::TooManyValues));
            }
            self.value(field, value, rule)?;
            if !self.accept(Kind::Mark('|'))? {
                return Ok(());
            }
        }
    }

    fn value(&mut self, field: Field, token: Token<'_>, rule: &mut Rule) -> Read<()> {
        let wrong = |problem| (token.at, problem);
        match (field, token.kind) {
            (Field::Host, _)
                if (rule.operation, rule.verdict) == (Some(Operation::Listen), Verdict::Allow) =>
            {
                return Err(wrong(RuleProblem::ListensToName));
            }
            (Field::Host, Kind::Text(text)) => {
                let host = HostPattern::new(text).map_err(|error| wrong(RuleProblem::Host(error)))?;
                rule.hosts.push(host);
            }
            (Field::Address, Kind::Text(text)) => {
                let network = Cidr::new(text).map_err(|error| wrong(RuleProblem::Address(error)))?;
                rule.addresses.push(network);
            }
            (Field::Port, Kind::Number(first)) => {
                let last = if self.accept(Kind::Range)? { self.need()?.kind } else { token.kind };
                rule.ports.push(ports(first, last).ok_or(wrong(RuleProblem::Port))?);
            }
            (Field::Protocol, Kind::Word(word)) => {
                let found = Protocol::ALL.into_iter().find(|protocol| protocol.word() == word);
                rule.protocols.push(found.ok_or(wrong(RuleProblem::Value))?);
            }
            (Field::Expires, Kind::Number(second)) => rule.expires = Some(second),
            _ => return Err(wrong(RuleProblem::Value)),
        }
        Ok(())
    }
}

fn ports(first: u64, last: Kind<'_>) -> Option<PortRange> {
    let Kind::Number(last) = last else { return None };
    let (first, last) = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
    (first <= last).then_some(PortRange { first, last })
}

const _: () = assert!(RULES_MAX > 0 && VALUES_MAX > 0);

impl fmt::Display for Rules {
    /// As [`Rules::parse`] reads them, with `@anyvm` as the target.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().iter().try_for_each(|rule| writeln!(f, "{rule}"))?;
        self.openers().iter().try_for_each(|(client, opener)| {
            writeln!(f, "{OPENER} {client} {} {}", opener.name, opener.label.word())
        })
    }
}

impl fmt::Display for Rule {
    /// One line, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.operation.map_or("*", Operation::word);
        write!(f, "{SERVICE}{method} {} @anyvm ", self.who)?;
        f.write_str(if self.verdict == Verdict::Allow { "allow" } else { "deny" })?;
        let mut is_first = true;
        list(f, &mut is_first, "host", self.hosts.iter().map(Quoted))?;
        list(f, &mut is_first, "address", self.addresses.iter().map(Quoted))?;
        list(f, &mut is_first, "port", self.ports.iter())?;
        list(f, &mut is_first, "protocol", self.protocols.iter().map(|protocol| protocol.word()))?;
        list(f, &mut is_first, "expires", self.expires.iter())?;
        if is_first { Ok(()) } else { f.write_str(" }") }
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    is_first: &mut bool,
    field: &str,
    values: impl Iterator<Item = T>,
) -> fmt::Result {
    for (place, value) in values.enumerate() {
        if place > 0 {
            write!(f, " | {value}")?;
        } else {
            let mark = if core::mem::take(is_first) { " {" } else { "," };
            write!(f, "{mark} {field}: {value}")?;
        }
    }
    Ok(())
}

struct Quoted<T>(T);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}..{}", self.first, self.last)
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("@anyvm"),
            Self::Label(label) => write!(f, "@label:{}", label.word()),
            Self::Name(name) => fmt::Display::fmt(name, f),
        }
    }
}
