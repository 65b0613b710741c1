//! Lines of policy to rules.
//!
//! `service.method  source  target  verdict  [target=QUBE]  [{ field: value | value, ... }]`

use ipc_proto_types::Label;
use supervisor_policy::Verdict;

use super::lex::{self, Spanned, Token};
use super::{Condition, Rule, Test, Who};
use crate::nearest::nearest;
use crate::problem::{At, Source};

/// The field whose values are words.
const WORD_FIELD: &str = "protocol";

const SHAPE: &str = "service.method  source  target  verdict";

/// The rules of a policy text; problems go into `source`.
pub(crate) fn parse(policy: &At<String>, source: &mut Source) -> Vec<Rule> {
    let origin = Origin::of(policy, source);
    let mut rules = Vec::new();
    let mut offset = 0;
    for line in policy.value.split_inclusive('\n') {
        let text = lex::without_comment(line.trim_end_matches(['\n', '\r']));
        if !text.trim().is_empty() {
            rules.extend(Line { text, offset, origin: &origin, source }.rule());
        }
        offset += line.len();
    }
    rules
}

/// Where the decoded policy text stands in the file.
struct Origin {
    start: usize,
    /// Whether offsets in the text are offsets in the file (no escape in between).
    exact: bool,
}

impl Origin {
    fn of(policy: &At<String>, source: &Source) -> Origin {
        let raw = source.text.get(policy.span.clone()).unwrap_or("");
        match raw.find(policy.value.as_str()).filter(|_| !policy.value.is_empty()) {
            Some(inside) => Origin { start: policy.span.start + inside, exact: true },
            None => Origin { start: policy.span.start, exact: false },
        }
    }

    fn in_file(&self, offset: usize) -> usize {
        if self.exact { self.start + offset } else { self.start }
    }
}

/// One line being read.
struct Line<'a> {
    text: &'a str,
    offset: usize,
    origin: &'a Origin,
    source: &'a mut Source,
}

impl<'a> Line<'a> {
    fn problem(&mut self, at: usize, found: String, expected: &str, fix: Option<String>) {
        self.source.problem(self.origin.in_file(self.offset + at), found, expected, fix);
    }

    fn at<T>(&self, value: T, start: usize, length: usize) -> At<T> {
        let start = self.origin.in_file(self.offset + start);
        At { value, span: start..start + length }
    }

    fn rule(mut self) -> Option<Rule> {
        let brace = self.text.find('{').unwrap_or(self.text.len());
        let head = self.text.get(..brace).unwrap_or("");
        let mut words = Vec::new();
        for word in head.split_whitespace() {
            words.push((word.as_ptr() as usize - head.as_ptr() as usize, word));
        }
        let [first, from, to, verdict, rest @ ..] = words.as_slice() else {
            let start = words.first().map_or(0, |word| word.0);
            self.problem(start, "a rule with too few words".into(), SHAPE, None);
            return None;
        };
        let (service, method) = self.service(first.0, first.1)?;
        let from = self.who(from.0, from.1)?;
        let to = self.who(to.0, to.1)?;
        let verdict = self.verdict(verdict.0, verdict.1)?;
        let redirect = self.redirect(rest, verdict)?;
        let conditions = self.conditions(brace)?;
        let at = self.origin.in_file(self.offset + first.0);
        let text = self.text.get(brace..).unwrap_or("").trim_end();
        let text = self.at(text.to_owned(), brace, text.len());
        Some(Rule { at, service, method, from, to, verdict, redirect, conditions, text })
    }

    #[expect(clippy::type_complexity, reason = "two names that may each be a star, with their places")]
    fn service(&mut self, at: usize, word: &str) -> Option<(At<Option<String>>, At<Option<String>>)> {
        let Some((service, method)) = word.split_once('.') else {
            let fix = Some(format!("write `{word}.*` for all its methods"));
            self.problem(at, format!("`{word}`"), "service.method, or service.*", fix);
            return None;
        };
        if service == "*" && method != "*" {
            self.problem(at, format!("`{word}`"), "a service: methods differ from service to service", None);
            return None;
        }
        let name = |word: &str| (word != "*").then(|| word.to_owned());
        let methods_at = at + service.len() + 1;
        Some((self.at(name(service), at, service.len()), self.at(name(method), methods_at, method.len())))
    }

    fn who(&mut self, at: usize, word: &str) -> Option<At<Who>> {
        let who = match word.split_once(':') {
            _ if word == "@anyvm" => Who::AnyVm,
            _ if word == "@supervisor" => Who::Supervisor,
            _ if word == "@dispvm" => Who::Disposable,
            Some(("@label", label)) => match Label::from_word(label) {
                Some(label) => Who::Label(label),
                None => {
                    let words = Label::ALL.map(Label::word);
                    let fix = nearest(label, words).map(|near| format!("write `@label:{near}`"));
                    self.problem(
                        at,
                        format!("no label `{label}`"),
                        &format!("one of {}", words.join(", ")),
                        fix,
                    );
                    return None;
                }
            },
            Some(("@tag", tag)) if !tag.is_empty() => Who::Tag(tag.to_owned()),
            _ if word.starts_with('@') => {
                let expected = "@anyvm, @dispvm, @supervisor, @label:WORD, @tag:WORD, or a qube's name";
                let fix =
                    nearest(word, ["@anyvm", "@dispvm", "@supervisor"]).map(|near| format!("write `{near}`"));
                self.problem(at, format!("`{word}`"), expected, fix);
                return None;
            }
            _ => Who::Name(word.to_owned()),
        };
        Some(self.at(who, at, word.len()))
    }

    fn verdict(&mut self, at: usize, word: &str) -> Option<Verdict> {
        match word {
            "allow" => Some(Verdict::Allow),
            "deny" => Some(Verdict::Deny),
            "ask" => Some(Verdict::Ask),
            _ => {
                let fix = nearest(word, ["allow", "deny", "ask"]).map(|near| format!("write `{near}`"));
                self.problem(at, format!("`{word}`"), "a verdict: allow, deny or ask", fix);
                None
            }
        }
    }

    /// `target=QUBE` after the verdict, or nothing. The outer `None` is an error.
    fn redirect(&mut self, rest: &[(usize, &str)], verdict: Verdict) -> Option<Option<At<String>>> {
        match rest {
            [] => Some(None),
            [(at, word)] => match word.strip_prefix("target=") {
                Some(_) if verdict != Verdict::Allow => {
                    self.problem(
                        *at,
                        format!("`{word}` after a rule that does not allow"),
                        "`allow target=QUBE`",
                        None,
                    );
                    None
                }
                Some(name) => Some(Some(self.at(name.to_owned(), at + "target=".len(), name.len()))),
                None => {
                    self.problem(
                        *at,
                        format!("`{word}`"),
                        "the end of the rule, `target=QUBE`, or `{ field: value }`",
                        None,
                    );
                    None
                }
            },
            [_, (at, word), ..] => {
                self.problem(*at, format!("`{word}`"), "the end of the rule, or `{ field: value }`", None);
                None
            }
        }
    }

    fn conditions(&mut self, brace: usize) -> Option<Vec<Condition>> {
        let text = self.text.get(brace..).unwrap_or("");
        let tokens = match lex::tokens(text) {
            Ok(tokens) => tokens,
            Err((at, expected)) => {
                let found = text.get(at..).unwrap_or("").chars().take(12).collect::<String>();
                self.problem(brace + at, format!("`{found}`"), expected, None);
                return None;
            }
        };
        if tokens.is_empty() {
            return Some(Vec::new());
        }
        let mut reader = Reader { tokens: &tokens, next: 0, end: text.len() };
        match reader.conditions() {
            Ok(conditions) => {
                Some(conditions.into_iter().map(|condition| self.place(condition, brace)).collect())
            }
            Err((at, expected)) => {
                self.problem(
                    brace + at,
                    format!("`{}`", text.get(at..).unwrap_or("").trim()),
                    expected,
                    None,
                );
                None
            }
        }
    }

    /// A condition with places in the line to one with places in the file.
    fn place(&self, condition: Condition, brace: usize) -> Condition {
        let shift = |at: usize| self.origin.in_file(self.offset + brace + at);
        let field = At {
            span: shift(condition.field.span.start)..shift(condition.field.span.end),
            ..condition.field
        };
        let tests = condition.tests.into_iter();
        let tests =
            tests.map(|test| At { span: shift(test.span.start)..shift(test.span.end), ..test }).collect();
        Condition { field, tests }
    }
}

/// Reads conditions from tokens.
struct Reader<'a> {
    tokens: &'a [Spanned],
    next: usize,
    end: usize,
}

type Read<T> = Result<T, (usize, &'static str)>;

impl Reader<'_> {
    fn place(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(_, span)| span.start)
    }

    fn take(&mut self) -> Option<Spanned> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn mark(&mut self, mark: char, expected: &'static str) -> Read<()> {
        let place = self.place();
        match self.take() {
            Some((Token::Mark(found), _)) if found == mark => Ok(()),
            _ => Err((place, expected)),
        }
    }

    fn accept(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.next).is_some_and(|(found, _)| found == token);
        self.next += usize::from(found);
        found
    }

    fn conditions(&mut self) -> Read<Vec<Condition>> {
        self.mark('{', "`{`")?;
        let mut conditions = Vec::new();
        loop {
            conditions.push(self.condition()?);
            if !self.accept(&Token::Mark(',')) {
                break;
            }
        }
        self.mark('}', "`|`, `,` or `}`")?;
        if self.next < self.tokens.len() {
            Err((self.place(), "the end of the rule"))
        } else {
            Ok(conditions)
        }
    }

    fn condition(&mut self) -> Read<Condition> {
        let place = self.place();
        let Some((Token::Word(field), span)) = self.take() else {
            return Err((place, "the name of a field"));
        };
        self.mark(':', "`:` after the name of a field")?;
        let mut tests = vec![self.test(&field)?];
        while self.accept(&Token::Mark('|')) {
            tests.push(self.test(&field)?);
        }
        Ok(Condition { field: At { value: field, span }, tests })
    }

    fn test(&mut self, field: &str) -> Read<At<Test>> {
        let place = self.place();
        let (token, mut span) = self.take().ok_or((place, "a value"))?;
        let value = match token {
            Token::Word(word) if word == "true" || word == "false" => Test::Bool(word == "true"),
            Token::Word(word) if field == WORD_FIELD => Test::Word(word),
            Token::Number(low) if self.accept(&Token::Range) => {
                let place = self.place();
                let Some((Token::Number(high), last)) = self.take() else { return Err((place, "a number")) };
                span.end = last.end;
                if high < low {
                    return Err((place, "a number that is not below the first"));
                }
                Test::Number(low, high)
            }
            Token::Number(number) => Test::Number(number, number),
            Token::Text(letters) => {
                text_test(&letters).ok_or((place, "at most one `*` in a text (`\\*` is a plain one)"))?
            }
            _ => return Err((place, "true, false, a number, a range like 1..10, or a text in quotes")),
        };
        Ok(At { value, span })
    }
}

fn text_test(letters: &[Option<char>]) -> Option<Test> {
    let mut parts = letters.split(Option::is_none).map(|part| part.iter().flatten().collect::<String>());
    match (parts.next()?, parts.next(), parts.next()) {
        (text, None, _) => Some(Test::Text(text)),
        (prefix, Some(suffix), None) => Some(Test::Glob(prefix, suffix)),
        _ => None,
    }
}
