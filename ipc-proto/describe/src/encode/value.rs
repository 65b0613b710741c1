//! One value, from its literal to its bytes.

mod fields;

use crate::cursor::Cursor;
use crate::encode::error::{EncodeError, Expected};
use crate::encode::{Secrets, Wanted};
use crate::grammar::{Fields, Head, Integer, Unfit, fields, head, more, need, sequence, skip};
use crate::literal::{Literal, Quoted};
use crate::nearest::nearest;
use fields::Variants;

/// The bytes written so far.
pub(crate) struct Output<'o> {
    to: &'o mut [u8],
    length: usize,
}

/// There is no room for more.
struct Full;

/// Where a literal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is a word of its own: a text needs no quotes.
    Word,
    /// It is a part of another literal.
    Inside,
}

pub(crate) struct Encoder<'a, 's, 't, 'o> {
    output: Output<'o>,
    secrets: &'s mut Secrets<'t>,
    pub(crate) argument: &'a str,
    field: &'a str,
    is_in_secret: bool,
}

type Done<'a> = Result<(), EncodeError<'a>>;

/// The longest number that may be asked for, in bytes.
const NUMBER_MAX: usize = 24;
/// Room for the length of the longest text before it was asked for.
const LENGTH_SIZE_MAX: usize = 3;

impl<'o> Output<'o> {
    pub(crate) const fn new(to: &'o mut [u8]) -> Self {
        Self { to, length: 0 }
    }

    fn push(&mut self, byte: u8) -> Result<(), Full> {
        *self.to.get_mut(self.length).ok_or(Full)? = byte;
        self.length = self.length.saturating_add(1);
        Ok(())
    }

    fn varint(&mut self, mut number: u64) -> Result<(), Full> {
        while number > 0x7f {
            self.push((number & 0x7f) as u8 | 0x80)?;
            number >>= 7;
        }
        self.push((number & 0x7f) as u8)
    }

    fn free(&mut self) -> &mut [u8] {
        self.to.get_mut(self.length..).unwrap_or_default()
    }
}

impl<'a, 's, 't, 'o> Encoder<'a, 's, 't, 'o> {
    pub(crate) const fn new(secrets: &'s mut Secrets<'t>, output: Output<'o>) -> Self {
        Self { output, secrets, argument: "", field: "", is_in_secret: false }
    }

    /// The length of what was written; wipes it when it is no use.
    pub(crate) fn finish(self, result: Done<'a>) -> Result<usize, EncodeError<'a>> {
        match result {
            Ok(()) => Ok(self.output.length),
            Err(error) => {
                self.output.to.fill(0);
                Err(error)
            }
        }
    }

    /// Whether secrets are asked for.
    pub(crate) const fn asks(&self) -> bool {
        matches!(self.secrets, Secrets::Asked(_))
    }

    pub(crate) const fn error(&self, found: &'a str, expected: Expected<'a>) -> EncodeError<'a> {
        EncodeError { argument: self.argument, field: self.field, ..EncodeError::new(found, expected) }
    }

    /// Demands that nothing follows a value.
    pub(crate) fn end(&self, mut from: Literal<'a>, type_text: &'a str) -> Done<'a> {
        if from.rest().is_empty() { Ok(()) } else { Err(self.error(from.found(), Expected::Type(type_text))) }
    }

    fn grammar<T>(&self, result: Result<T, Unfit>) -> Result<T, EncodeError<'a>> {
        result.map_err(|unfit| self.error("", Expected::What(unfit.expected)))
    }

    fn room<T>(&self, result: Result<T, Full>) -> Result<T, EncodeError<'a>> {
        result.map_err(|Full| self.error("", Expected::Room(self.output.to.len())))
    }

    fn push(&mut self, byte: u8) -> Done<'a> {
        let result = self.output.push(byte);
        self.room(result)
    }

    fn length(&mut self, length: usize) -> Done<'a> {
        let result = self.output.varint(length as u64);
        self.room(result)
    }

    fn token(&self, from: &mut Literal<'a>, token: &str, whole: &'a str) -> Done<'a> {
        if from.eat(token) { Ok(()) } else { Err(self.error(from.found(), Expected::Type(whole))) }
    }

    /// Takes a value of the type at `at`, and writes it.
    pub(crate) fn value(
        &mut self,
        at: &mut Cursor<'a>,
        from: &mut Literal<'a>,
        place: Place,
        depth: u8,
    ) -> Done<'a> {
        let start = *at;
        let Some(inner) = depth.checked_sub(1) else {
            return Err(self.error("", Expected::What("a type that is less deep")));
        };
        self.grammar(skip(at, depth))?;
        let whole = start.until(*at);
        // The whole type was stepped over above; from here on its parts are.
        let mut at = start;
        let kind = self.grammar(head(&mut at))?;
        match kind {
            Head::Bool | Head::Integer(_) | Head::Text(_) | Head::Bytes(_) => {
                self.leaf(kind, from, place, whole)
            }
            Head::Unit => self.token(from, "()", whole),
            Head::List | Head::Array => self.sequence(&mut at, kind, from, whole, inner),
            Head::Option => self.option(&mut at, from, place, whole, inner),
            Head::Result => self.result(&mut at, from, whole, inner),
            Head::Tuple => self.fields(&mut at, Fields::Unnamed, from, whole, inner),
            Head::Struct => {
                let kind = fields(&mut at);
                self.fields(&mut at, kind, from, whole, inner)
            }
            Head::Enum => self.variants(&mut at, from, whole, inner),
            Head::Secret => {
                let outer = core::mem::replace(&mut self.is_in_secret, true);
                let result = self.value(&mut at, from, place, inner);
                self.is_in_secret = outer;
                result
            }
        }
    }

    fn leaf(&mut self, kind: Head, from: &mut Literal<'a>, place: Place, whole: &'a str) -> Done<'a> {
        if self.is_in_secret && self.asks() {
            if !from.eat("?") {
                let expected = "'?': a secret is asked for, not written";
                // What was found may be the secret.
                return Err(self.error("", Expected::What(expected)));
            }
            return self.asked(kind, whole);
        }
        let found = from.found();
        match kind {
            Head::Text(max) | Head::Bytes(max) => {
                let text =
                    if place == Place::Word && !from.is_at_quote() { Some(from.all()) } else { from.text() };
                let text = text.ok_or(self.error(found, Expected::Type(whole)))?;
                let is_bytes = matches!(kind, Head::Bytes(_));
                match text
                    .inside()
                    .strip_prefix("hex:")
                    .filter(|_| is_bytes && !found.starts_with(['"', '\'']))
                {
                    Some(digits) => self.hex(digits, max, whole),
                    None => self.text(text, max, whole),
                }
            }
            _ => {
                let word = from.word().unwrap_or_default();
                self.number(kind, word).unwrap_or(Err(self.error(found, Expected::Type(whole))))
            }
        }
    }

    /// Writes a number or a bool; `None` when the word is none.
    fn number(&mut self, kind: Head, word: &str) -> Option<Done<'a>> {
        let Head::Integer(integer) = kind else {
            return match word {
                "true" => Some(self.push(1)),
                "false" => Some(self.push(0)),
                _ => None,
            };
        };
        let number = parse(word, integer)?;
        // Two's complement: the lowest bits are the same for signed and unsigned.
        let low = u64::try_from(number & i128::from(u64::MAX)).ok()?;
        if integer.bits == 8 {
            return Some(self.push((low & 0xff) as u8));
        }
        let zigzag = (low << 1) ^ (if number < 0 { u64::MAX } else { 0 });
        let result = self.output.varint(if integer.signed { zigzag } else { low });
        Some(self.room(result))
    }

    fn text(&mut self, text: Quoted<'a>, max: u32, whole: &'a str) -> Done<'a> {
        let error = self.error(text.inside(), Expected::Type(whole));
        let length = text.length().filter(|length| *length <= max as usize).ok_or(error)?;
        self.length(length)?;
        for character in text.characters().flatten() {
            for &byte in character.encode_utf8(&mut [0; 4]).as_bytes() {
                self.push(byte)?;
            }
        }
        Ok(())
    }

    fn hex(&mut self, digits: &'a str, max: u32, whole: &'a str) -> Done<'a> {
        let error = self.error(digits, Expected::Type(whole));
        let pairs = digits.as_bytes().chunks(2);
        if !digits.len().is_multiple_of(2) || pairs.len() > max as usize {
            return Err(error);
        }
        self.length(pairs.len())?;
        for pair in pairs {
            let byte = core::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'));
            let byte = byte.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(error)?;
            self.push(byte)?;
        }
        Ok(())
    }

    /// Asks for a secret leaf and writes it. Nobody else sees it: the buffer of the request is where it is typed to.
    fn asked(&mut self, kind: Head, whole: &'a str) -> Done<'a> {
        let wanted = Wanted { argument: self.argument, field: self.field, type_text: whole };
        let max = match kind {
            Head::Text(max) | Head::Bytes(max) => max as usize,
            _ => NUMBER_MAX,
        };
        let Secrets::Asked(ask) = &mut *self.secrets else { return Ok(()) };
        let free = self.output.free();
        let room = free.get_mut(LENGTH_SIZE_MAX..).unwrap_or_default();
        let room = match room.len() < max {
            true => room,
            false => room.get_mut(..max).unwrap_or_default(),
        };
        let given = ask(wanted, room).filter(|length| *length <= room.len());
        let result = self.take(kind, given, whole);
        let length = self.output.length;
        // What was typed stands behind what was written.
        let end = length.saturating_add(max).saturating_add(LENGTH_SIZE_MAX).min(self.output.to.len());
        self.output.to.get_mut(length..end).unwrap_or_default().fill(0);
        result
    }

    /// Writes the secret that was typed to behind the end of what is written.
    fn take(&mut self, kind: Head, given: Option<usize>, whole: &'a str) -> Done<'a> {
        let Some(length) = given else {
            return Err(self.error("", Expected::Secret));
        };
        let start = self.output.length.saturating_add(LENGTH_SIZE_MAX);
        let typed = start..start.saturating_add(length);
        let error = self.error("", Expected::Type(whole));
        let bytes = self.output.to.get(typed.clone()).unwrap_or_default();
        let text = core::str::from_utf8(bytes).map_err(|_| error)?;
        if let Head::Text(_) | Head::Bytes(_) = kind {
            self.length(length)?;
            let here = self.output.length;
            self.output.to.copy_within(typed, here);
            self.output.length = here.saturating_add(length);
            return Ok(());
        }
        let mut word = [0; NUMBER_MAX];
        word.get_mut(..text.len()).ok_or(error)?.copy_from_slice(text.as_bytes());
        let result = core::str::from_utf8(word.get(..length).unwrap_or_default())
            .ok()
            .and_then(|word| self.number(kind, word.trim()));
        word.fill(0);
        result.unwrap_or(Err(error))
    }

    fn sequence(
        &mut self,
        at: &mut Cursor<'a>,
        kind: Head,
        from: &mut Literal<'a>,
        whole: &'a str,
        depth: u8,
    ) -> Done<'a> {
        let sequence = self.grammar(sequence(at, kind, depth))?;
        let max = sequence.count as usize;
        let start = *from;
        self.token(from, "[", whole)?;
        let mut items = *from;
        let count = self.count(&mut items, "]", whole)?;
        let is_right = if kind == Head::List { count <= max } else { count == max };
        if !is_right {
            return Err(self.error(start.found(), Expected::Type(whole)));
        }
        if kind == Head::List {
            self.length(count)?;
        }
        for number in 0..count {
            if number > 0 {
                self.token(from, ",", whole)?;
            }
            self.value(&mut { sequence.item }, from, Place::Inside, depth)?;
        }
        let _ = from.eat(",");
        self.token(from, "]", whole)
    }

    /// How many values stand before `close`.
    fn count(&self, from: &mut Literal<'a>, close: &str, whole: &'a str) -> Result<usize, EncodeError<'a>> {
        let mut count = 0_usize;
        while !from.eat(close) {
            let before = *from;
            from.skip_value().ok_or(self.error(before.found(), Expected::Type(whole)))?;
            count = count.saturating_add(1);
            if !from.eat(",") {
                self.token(from, close, whole)?;
                break;
            }
        }
        Ok(count)
    }

    fn option(
        &mut self,
        at: &mut Cursor<'a>,
        from: &mut Literal<'a>,
        place: Place,
        whole: &'a str,
        depth: u8,
    ) -> Done<'a> {
        let mut word = *from;
        match word.name() {
            // Within a word the name has to be all of it: `nonesuch` is a text.
            Some("none") if place == Place::Inside || word.rest().is_empty() => {
                *from = word;
                self.push(0)
            }
            Some("some") if word.eat("(") => {
                *from = word;
                self.push(1)?;
                self.value(at, from, Place::Inside, depth)?;
                self.token(from, ")", whole)
            }
            _ => {
                self.push(1)?;
                self.value(at, from, place, depth)
            }
        }
    }

    fn result(&mut self, at: &mut Cursor<'a>, from: &mut Literal<'a>, whole: &'a str, depth: u8) -> Done<'a> {
        let found = from.found();
        match from.name() {
            Some("ok") => self.push(0)?,
            Some("error") => {
                self.push(1)?;
                self.grammar(skip(at, depth))?;
                self.grammar(need(at, ", ", "', '"))?;
            }
            _ => return Err(self.error(found, Expected::Type(whole))),
        }
        self.token(from, "(", whole)?;
        self.value(at, from, Place::Inside, depth)?;
        self.token(from, ")", whole)
    }

    fn variants(
        &mut self,
        at: &mut Cursor<'a>,
        from: &mut Literal<'a>,
        whole: &'a str,
        depth: u8,
    ) -> Done<'a> {
        let found = from.found();
        let wanted = from.name().unwrap_or_default();
        let variants = Variants { at: *at, depth };
        for (tag, (variant, mut fields_at)) in (0_u8..).zip(variants) {
            if variant == wanted {
                self.push(tag)?;
                return match fields(&mut fields_at) {
                    Fields::Unit => Ok(()),
                    kind => self.fields(&mut fields_at, kind, from, whole, depth),
                };
            }
        }
        let near = nearest(wanted, Variants { at: *at, depth }.map(|(variant, _)| variant));
        Err(EncodeError { nearest: near, ..self.error(found, Expected::Type(whole)) })
    }

    fn fields(
        &mut self,
        at: &mut Cursor<'a>,
        kind: Fields,
        from: &mut Literal<'a>,
        whole: &'a str,
        depth: u8,
    ) -> Done<'a> {
        match kind {
            Fields::Unit => return self.token(from, "()", whole),
            Fields::Named => {
                self.token(from, "{", whole)?;
                let outer = self.field;
                let result = self.named(at, kind.close(), from, "}", depth);
                if result.is_ok() {
                    self.field = outer;
                }
                return result;
            }
            Fields::Unnamed => self.token(from, "(", whole)?,
        }
        let mut first = true;
        loop {
            let is_first = first;
            if !self.grammar(more(at, &mut first, kind.close()))? {
                return self.token(from, ")", whole);
            }
            if !is_first {
                self.token(from, ",", whole)?;
            }
            self.value(at, from, Place::Inside, depth)?;
        }
    }
}

/// A number as people write it: decimal or `0x`, when the type has it.
fn parse(word: &str, Integer { bits, signed }: Integer) -> Option<i128> {
    let (is_negative, digits) = word.strip_prefix('-').map_or((false, word), |digits| (true, digits));
    let (radix, digits) = digits.strip_prefix("0x").map_or((10, digits), |digits| (16, digits));
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let size = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let number = if is_negative { size.checked_neg()? } else { size };
    let values = 1_i128.checked_shl(bits)?;
    let (low, high) = if signed { ((values >> 1).checked_neg()?, values >> 1) } else { (0, values) };
    (low..high).contains(&number).then_some(number)
}
