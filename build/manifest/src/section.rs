//! One table of a manifest, read key by key; what is left at the end is unknown and reported with the nearest known key.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::nearest::nearest;
use crate::problem::{At, Source};
use crate::size::parse_size;

/// The document of a manifest, or `None` with the syntax error noted.
pub(crate) fn parse<'t>(text: &'t str, source: &mut Source) -> Option<DeTable<'t>> {
    match DeTable::parse(text) {
        Ok(document) => Some(document.into_inner()),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            source.problem(offset, error.message(), "valid TOML", None);
            None
        }
    }
}

/// A table being read.
pub(crate) struct Section<'s, 'd> {
    what: &'static str,
    table: &'d DeTable<'d>,
    /// Where the table itself stands, for keys that are missing.
    at: usize,
    known: Vec<&'static str>,
    pub(crate) source: &'s mut Source,
}

impl<'s, 'd> Section<'s, 'd> {
    /// `what` names the table in messages: "a qube", "a channel".
    pub(crate) fn new(what: &'static str, table: &'d DeTable<'d>, at: usize, source: &'s mut Source) -> Self {
        Section { what, table, at, known: Vec::new(), source }
    }

    /// The value of `key`, marked as known.
    pub(crate) fn value(&mut self, key: &'static str) -> Option<(&'d DeValue<'d>, Range<usize>)> {
        self.known.push(key);
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some((value.get_ref(), value.span()))
    }

    /// A text, if there is one.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let (value, span) = self.value(key)?;
        match value {
            DeValue::String(text) => Some(At { value: text.clone().into_owned(), span }),
            other => self.wrong_type(key, other, span, "a text in quotes"),
        }
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, key: &'static str, example: &str) -> Option<At<String>> {
        if !self.table.iter().any(|(name, _)| name.get_ref() == key) {
            self.known.push(key);
            let fix = Some(format!("add `{key} = \"{example}\"`"));
            self.source.problem(
                self.at,
                format!("{} without `{key}`", self.what),
                format!("the key `{key}`"),
                fix,
            );
            return None;
        }
        self.text(key)
    }

    /// A text parsed by `parse`; `expected` says what it accepts.
    pub(crate) fn parsed<T>(
        &mut self,
        text: Option<At<String>>,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Option<At<T>> {
        let At { value, span } = text?;
        match parse(&value) {
            Some(value) => Some(At { value, span }),
            None => {
                self.source.problem(span.start, format!("`{value}`"), expected, None);
                None
            }
        }
    }

    /// A size such as `"64KiB"`, in bytes.
    pub(crate) fn size(&mut self, text: Option<At<String>>) -> Option<At<u64>> {
        self.parsed(text, parse_size, "a size: a whole number and KiB or MiB, like \"64KiB\" or \"2MiB\"")
    }

    /// `true` or `false`, if there is one.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<At<bool>> {
        let (value, span) = self.value(key)?;
        match value {
            DeValue::Boolean(value) => Some(At { value: *value, span }),
            other => self.wrong_type(key, other, span, "true or false, without quotes"),
        }
    }

    /// A whole number within bounds, if there is one.
    pub(crate) fn number(&mut self, key: &'static str, low: u64, high: u64) -> Option<At<u64>> {
        let (value, span) = self.value(key)?;
        let DeValue::Integer(number) = value else {
            return self.wrong_type(key, value, span, "a whole number");
        };
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) if (low..=high).contains(&value) => Some(At { value, span }),
            _ => {
                let found = format!("`{key} = {number}`");
                self.source.problem(span.start, found, format!("a whole number from {low} to {high}"), None);
                None
            }
        }
    }

    /// A list of texts; empty when the key is absent.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<At<String>> {
        let Some((value, span)) = self.value(key) else { return Vec::new() };
        let DeValue::Array(items) = value else {
            let _: Option<()> = self.wrong_type(key, value, span, "a list of texts, like [\"echo\"]");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => {
                    texts.push(At { value: text.clone().into_owned(), span: item.span() });
                }
                other => {
                    let _: Option<()> = self.wrong_type(key, other, item.span(), "a text in quotes");
                }
            }
        }
        texts
    }

    fn wrong_type<T>(
        &mut self,
        key: &str,
        value: &DeValue<'_>,
        span: Range<usize>,
        expected: &str,
    ) -> Option<T> {
        let found = format!("`{key}` is {}", type_name(value));
        self.source.problem(span.start, found, expected, None);
        None
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if self.known.contains(&name) {
                continue;
            }
            let mut known = self.known.clone();
            known.sort_unstable();
            let fix = nearest(name, known.iter().copied()).map(|near| format!("write `{near}`"));
            let expected = format!("one of {}", known.join(", "));
            self.source.problem(
                key.span().start,
                format!("unknown key `{name}` in {}", self.what),
                expected,
                fix,
            );
        }
    }
}

/// What a value is, in words.
pub(crate) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
