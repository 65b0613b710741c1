//! Bodies as words, or as JSON.
//!
//! Words: `name: "Ada", entries: [{ a: 1 }], state: Locked, token: <12 bytes hidden>, data: hex:a5a5`. They are the literals
//! that [`crate::Method::encode_line`] reads. A body that was cut shows what is there and then `…`; one that is none of its type
//! shows what there is, and where it breaks; every bracket that was opened is closed in both cases.
//!
//! JSON: arguments are an object, structs with names objects, other structs, tuples, lists and arrays arrays; a variant is its
//! name, or `{"Name": fields}`; a missing option is `null`, a result `{"ok": value}` or `{"error": value}`, `()` is `null`; bytes are
//! a text of hex digits. A number beyond 2^53 - 1 is a text of its digits, since many readers would round it. A hidden secret is
//! `{"hidden_bytes": 12}`. Where a body was cut or broken the value is `null`, a cut text ends with `…`, and what follows is left out.

use core::fmt;

use crate::body::{Body, Broken, Fault, Reader, Rule, Stop, unzigzag};
use crate::cursor::Cursor;
use crate::description::Method;
use crate::grammar::{
    DEPTH_MAX, Fields, Head, Integer, fields, head, more, name, need, sequence, skip, skip_fields,
};
use crate::sink::{Sink, Style};

/// Which body of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What a call, a one-way message or an event says.
    Arguments,
    /// What a call is answered with.
    Reply,
}

/// Whether secrets are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// As their length.
    Nothing,
    /// As they are.
    Secrets,
}

/// How much of a body was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// All of it.
    Whole,
    /// What was there of a body that was cut.
    Cut,
    /// What comes before the place where it is none of its type.
    Broken(Broken),
}

impl Method<'_> {
    /// Writes a body in words.
    ///
    /// # Errors
    /// `to` takes no more.
    pub fn show(
        &self,
        part: Part,
        body: Body<'_>,
        reveal: Reveal,
        to: &mut dyn fmt::Write,
    ) -> Result<Shown, fmt::Error> {
        self.show_in(Style::Words, part, body, reveal, to)
    }

    /// Writes a body as one line of JSON.
    ///
    /// # Errors
    /// `to` takes no more.
    pub fn show_json(
        &self,
        part: Part,
        body: Body<'_>,
        reveal: Reveal,
        to: &mut dyn fmt::Write,
    ) -> Result<Shown, fmt::Error> {
        self.show_in(Style::Json, part, body, reveal, to)
    }

    fn show_in(
        &self,
        style: Style,
        part: Part,
        body: Body<'_>,
        reveal: Reveal,
        to: &mut dyn fmt::Write,
    ) -> Result<Shown, fmt::Error> {
        let mut show = Show {
            reader: Reader::new(body),
            sink: Sink::new(to, style),
            reveal,
            secrets: 0,
            is_told: false,
        };
        let result = match part {
            Part::Arguments => {
                let mut at = self.arguments_text();
                show.sink.either("", "{")?;
                let result = show.named(&mut at, ")", DEPTH_MAX);
                show.sink.either("", "}")?;
                result
            }
            Part::Reply => show.value(&mut Cursor::new(self.reply().unwrap_or("()")), DEPTH_MAX),
        };
        show.finish(result)
    }
}

struct Show<'b, 'w> {
    reader: Reader<'b>,
    sink: Sink<'w>,
    reveal: Reveal,
    /// How many secrets we are inside of.
    secrets: u8,
    /// Whether what is missing was said.
    is_told: bool,
}

impl Show<'_, '_> {
    /// Looks at what follows the value.
    fn finish(&mut self, result: Result<(), Stop>) -> Result<Shown, fmt::Error> {
        match result {
            Err(Stop::Sink) => Err(fmt::Error),
            Err(Stop::Cut) => Ok(Shown::Cut),
            Err(Stop::Broken(broken)) => Ok(Shown::Broken(broken)),
            Ok(()) if self.reader.left() > 0 || self.reader.is_cut() => {
                let broken = Broken { at: self.reader.at(), what: Fault::LeftOver };
                self.sink.either(" ", "")?;
                self.sink.broken(broken)?;
                Ok(Shown::Broken(broken))
            }
            Ok(()) => Ok(Shown::Whole),
        }
    }

    const fn rule(&self) -> Rule {
        if self.secrets == 0 { Rule::Strict } else { Rule::Masked }
    }

    /// Shows a value, and says so once where it is not there.
    fn value(&mut self, at: &mut Cursor<'_>, depth: u8) -> Result<(), Stop> {
        let result = match depth.checked_sub(1) {
            Some(depth) => self.any(at, depth),
            None => Err(self.reader.broken(Fault::Type)),
        };
        if let Err(stop) = result
            && !self.sink.is_muted
            && !core::mem::replace(&mut self.is_told, true)
        {
            self.sink.missing(stop)?;
        }
        result
    }

    fn any(&mut self, at: &mut Cursor<'_>, depth: u8) -> Result<(), Stop> {
        let kind = head(at)?;
        match kind {
            Head::Unit => Ok(self.sink.either("()", "null")?),
            Head::Bool => {
                let is_true = self.reader.choice(2, Fault::Bool)? == 1;
                Ok(self.sink.raw(if is_true { "true" } else { "false" })?)
            }
            Head::Integer(integer) => self.integer(integer),
            Head::Text(max) => self.text(max),
            Head::Bytes(max) => self.bytes(max),
            Head::List | Head::Array => self.sequence(at, kind, depth),
            Head::Option => self.option(at, depth),
            Head::Result => self.result(at, depth),
            Head::Tuple => self.fields(at, Fields::Unnamed, depth),
            Head::Struct => match fields(at) {
                Fields::Unit => Ok(self.sink.either("()", "null")?),
                kind => self.fields(at, kind, depth),
            },
            Head::Enum => self.variants(at, depth),
            Head::Secret => self.secret(at, depth),
        }
    }

    fn integer(&mut self, Integer { bits, signed }: Integer) -> Result<(), Stop> {
        let rule = self.rule();
        Ok(match (bits, signed) {
            (8, false) => self.sink.unsigned(u64::from(self.reader.byte()?)),
            (8, true) => self.sink.signed(i64::from(self.reader.byte()?.cast_signed())),
            (_, false) => self.sink.unsigned(self.reader.varint(bits, rule)?),
            (_, true) => self.sink.signed(unzigzag(self.reader.varint(bits, rule)?)),
        }?)
    }

    fn text(&mut self, max: u32) -> Result<(), Stop> {
        let length = self.reader.length(max, self.rule())?;
        let start = self.reader.at();
        let bytes = self.reader.up_to(length);
        let is_short = bytes.len() < length;
        let (good, bad) = match core::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let is_cut_character = is_short && error.error_len().is_none();
                let bad = (!is_cut_character).then(|| start.saturating_add(error.valid_up_to()));
                (core::str::from_utf8(good).unwrap_or_default(), bad)
            }
        };
        self.sink.text(good, bad.is_none() && is_short)?;
        let stop = match bad {
            Some(at) => Stop::Broken(Broken { at, what: Fault::Text }),
            None if is_short => self.reader.end(),
            None => return Ok(()),
        };
        self.told(stop)
    }

    fn bytes(&mut self, max: u32) -> Result<(), Stop> {
        let length = self.reader.length(max, self.rule())?;
        let bytes = self.reader.up_to(length);
        let is_short = bytes.len() < length;
        self.sink.bytes(bytes, is_short)?;
        if is_short { self.told(self.reader.end()) } else { Ok(()) }
    }

    /// Stops after a part of a leaf was shown: that it is a part is visible, where it is broken is to be said.
    fn told(&mut self, stop: Stop) -> Result<(), Stop> {
        if !self.sink.is_muted {
            self.is_told = true;
            if let Stop::Broken(broken) = stop {
                self.sink.either(" ", "")?;
                self.sink.broken(broken)?;
            }
        }
        Err(stop)
    }

    fn sequence(&mut self, at: &mut Cursor<'_>, kind: Head, depth: u8) -> Result<(), Stop> {
        let sequence = sequence(at, kind, depth)?;
        let count = match kind {
            Head::List => self.reader.length(sequence.count, self.rule())?,
            _ => usize::try_from(sequence.count).unwrap_or(0),
        };
        self.sink.raw("[")?;
        let mut result = Ok(());
        // Each item takes a byte of the body, so the body bounds the rounds.
        for number in 0..count {
            if number > 0 {
                self.sink.either(", ", ",")?;
            }
            result = self.value(&mut { sequence.item }, depth);
            if result.is_err() {
                break;
            }
        }
        self.sink.raw("]")?;
        result
    }

    fn option(&mut self, at: &mut Cursor<'_>, depth: u8) -> Result<(), Stop> {
        if self.reader.choice(2, Fault::Variant)? == 0 {
            skip(at, depth)?;
            self.sink.either("none", "null")?;
        } else if may_be_nothing(*at, self.sink.style) {
            // `none`, or `null`, would be read as the outer one's.
            self.sink.either("some(", "{\"some\":")?;
            let result = self.value(at, depth);
            self.sink.either(")", "}")?;
            result?;
        } else {
            self.value(at, depth)?;
        }
        Ok(need(at, ">", "'>'")?)
    }

    fn result(&mut self, at: &mut Cursor<'_>, depth: u8) -> Result<(), Stop> {
        let is_error = self.reader.choice(2, Fault::Variant)? == 1;
        if is_error {
            skip(at, depth)?;
            need(at, ", ", "', '")?;
        }
        if is_error {
            self.sink.either("error(", "{\"error\":")?;
        } else {
            self.sink.either("ok(", "{\"ok\":")?;
        }
        let result = self.value(at, depth);
        self.sink.either(")", "}")?;
        result?;
        if !is_error {
            need(at, ", ", "', '")?;
            skip(at, depth)?;
        }
        Ok(need(at, ">", "'>'")?)
    }

    fn variants(&mut self, at: &mut Cursor<'_>, depth: u8) -> Result<(), Stop> {
        let start = self.reader.at();
        let tag = self.reader.choice(128, Fault::Variant)?;
        let mut first = true;
        let mut is_found = false;
        let mut number = 0_u8;
        while more(at, &mut first, " }")? {
            let variant = name(at)?;
            let kind = fields(at);
            if number == tag {
                is_found = true;
                self.variant(at, variant, kind, depth)?;
            } else {
                skip_fields(at, kind, depth)?;
            }
            number = number.saturating_add(1);
        }
        if is_found { Ok(()) } else { Err(Stop::Broken(Broken { at: start, what: Fault::Variant })) }
    }

    fn variant(&mut self, at: &mut Cursor<'_>, variant: &str, kind: Fields, depth: u8) -> Result<(), Stop> {
        if kind == Fields::Unit {
            self.sink.either("", "\"")?;
            self.sink.raw(variant)?;
            return Ok(self.sink.either("", "\"")?);
        }
        self.sink.either("", "{\"")?;
        self.sink.raw(variant)?;
        self.sink.either(if kind == Fields::Named { " " } else { "" }, "\":")?;
        let result = self.fields(at, kind, depth);
        self.sink.either("", "}")?;
        result
    }

    fn fields(&mut self, at: &mut Cursor<'_>, kind: Fields, depth: u8) -> Result<(), Stop> {
        if kind == Fields::Named {
            self.sink.either("{ ", "{")?;
            let result = self.named(at, kind.close(), depth);
            self.sink.either(" }", "}")?;
            return result;
        }
        self.sink.either("(", "[")?;
        let mut result = Ok(());
        let mut first = true;
        loop {
            let is_first = first;
            if !more(at, &mut first, kind.close())? {
                break;
            }
            if !is_first {
                self.sink.either(", ", ",")?;
            }
            result = self.value(at, depth);
            if result.is_err() {
                break;
            }
        }
        self.sink.either(")", "]")?;
        result
    }

    /// Fields or arguments with their names, without brackets.
    fn named(&mut self, at: &mut Cursor<'_>, close: &str, depth: u8) -> Result<(), Stop> {
        let mut first = true;
        loop {
            let is_first = first;
            if !more(at, &mut first, close)? {
                return Ok(());
            }
            if !is_first {
                self.sink.either(", ", ",")?;
            }
            let field = name(at)?;
            need(at, ": ", "': '")?;
            self.sink.name(field)?;
            self.value(at, depth)?;
        }
    }

    fn secret(&mut self, at: &mut Cursor<'_>, depth: u8) -> Result<(), Stop> {
        self.secrets = self.secrets.saturating_add(1);
        let result =
            if self.reveal == Reveal::Secrets { self.value(at, depth) } else { self.hidden(at, depth) };
        self.secrets = self.secrets.saturating_sub(1);
        result?;
        Ok(need(at, ">", "'>'")?)
    }

    /// Steps over a secret and says how long it is: a text or byte string without its length.
    fn hidden(&mut self, at: &mut Cursor<'_>, depth: u8) -> Result<(), Stop> {
        let start = self.reader.at();
        let leaf = match head(&mut { *at })? {
            Head::Text(max) | Head::Bytes(max) => Some(max),
            _ => None,
        };
        let was_muted = core::mem::replace(&mut self.sink.is_muted, true);
        let mut size = 0;
        let result = match leaf {
            Some(max) => self
                .reader
                .length(max, Rule::Masked)
                .and_then(|length| {
                    size = length;
                    if self.reader.up_to(length).len() < length {
                        Err(self.reader.end())
                    } else {
                        Ok(skip(at, depth)?)
                    }
                })
                .map(|_| ()),
            None => {
                let result = self.value(at, depth);
                size = self.reader.at().saturating_sub(start);
                result
            }
        };
        self.sink.is_muted = was_muted;
        if result.is_ok() || size > 0 {
            self.sink.hidden(size)?;
        }
        match result {
            // The place of the secret is taken: only people are told that it is not whole.
            Err(stop) if size > 0 && !self.sink.is_muted => {
                if self.sink.style == Style::Words && stop == Stop::Cut {
                    self.sink.raw("…")?;
                }
                self.told(stop)
            }
            other => other,
        }
    }
}

/// Whether a value of this type may be written as a missing option is.
fn may_be_nothing(mut at: Cursor<'_>, style: Style) -> bool {
    while at.eat("secret<") {}
    match head(&mut at) {
        Ok(Head::Option) => true,
        Ok(Head::Unit) => style == Style::Json,
        Ok(Head::Struct) => style == Style::Json && fields(&mut at) == Fields::Unit,
        _ => false,
    }
}
