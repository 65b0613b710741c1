//! Fields by name, and what is declared held against what is written.

use super::{Done, Encoder, Place};
use crate::cursor::Cursor;
use crate::encode::error::{EncodeError, Expected};
use crate::grammar::{fields, more, name, need, skip, skip_fields};
use crate::literal::Literal;
use crate::nearest::nearest;

impl<'a> Encoder<'a, '_, '_, '_> {
    /// Fields by name, in whatever order they are written, up to `end` (nothing: the end of what was written).
    pub(crate) fn named(
        &mut self,
        at: &mut Cursor<'a>,
        close: &str,
        from: &mut Literal<'a>,
        end: &'static str,
        depth: u8,
    ) -> Done<'a> {
        let declared = *at;
        let written = *from;
        self.check_names(declared, close, from, end, depth)?;
        let mut first = true;
        while self.grammar(more(at, &mut first, close))? {
            let field = self.grammar(name(at))?;
            self.grammar(need(at, ": ", "': '"))?;
            let mut after = *at;
            self.grammar(skip(&mut after, depth))?;
            let type_text = at.until(after);
            self.field = field;
            match pairs(written, end).find(|pair| pair.is_none_or(|(name, _)| name == field)).flatten() {
                Some((_, mut value)) => {
                    self.value(&mut Cursor::new(type_text), &mut value, Place::Inside, depth)?;
                    let rest = value.rest();
                    if !(rest.is_empty() || rest.starts_with([',', '}'])) {
                        return Err(self.error(value.found(), Expected::What("a comma or the end")));
                    }
                }
                None if type_text.starts_with("option<") => self.push(0)?,
                None => return Err(self.error("", Expected::Type(type_text))),
            }
            *at = after;
        }
        Ok(())
    }

    /// Demands that every name that is written is declared, and written once. Steps over all of it.
    fn check_names(
        &mut self,
        declared: Cursor<'a>,
        close: &str,
        from: &mut Literal<'a>,
        end: &'static str,
        depth: u8,
    ) -> Done<'a> {
        let written = *from;
        let mut count = 0_usize;
        for pair in pairs(written, end) {
            let Some((name, value)) = pair else {
                return Err(self.error(from.found(), Expected::What("name: value, …")));
            };
            if !names(declared, close, depth).any(|known| known == name) {
                let near = nearest(name, names(declared, close, depth));
                let error = self.error(name, Expected::What("the name of a field"));
                return Err(EncodeError { nearest: near, ..error });
            }
            if pairs(written, end).take(count).flatten().any(|(before, _)| before == name) {
                return Err(self.error(name, Expected::What("each field once")));
            }
            count = count.saturating_add(1);
            *from = value;
            if from.skip_value().is_none() {
                return Err(self.error(value.found(), Expected::What("closed quotes and brackets")));
            }
            let _ = from.eat(",");
        }
        let is_ended = if end.is_empty() { from.rest().is_empty() } else { from.eat(end) };
        if is_ended { Ok(()) } else { Err(self.error(from.found(), Expected::What("name: value, …"))) }
    }
}

/// The variants of an enum: the name of each, and where its fields begin.
pub(super) struct Variants<'a> {
    pub(super) at: Cursor<'a>,
    pub(super) depth: u8,
}

impl<'a> Iterator for Variants<'a> {
    type Item = (&'a str, Cursor<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let _ = self.at.eat(", ");
        let variant = self.at.name()?;
        let fields_at = self.at;
        let kind = fields(&mut self.at);
        skip_fields(&mut self.at, kind, self.depth).ok()?;
        Some((variant, fields_at))
    }
}

/// The names of declared fields.
fn names<'a>(mut at: Cursor<'a>, close: &str, depth: u8) -> impl Iterator<Item = &'a str> {
    let mut first = true;
    core::iter::from_fn(move || {
        let field = more(&mut at, &mut first, close).ok().filter(|more| *more).and_then(|_| at.name())?;
        need(&mut at, ": ", "': '").and_then(|()| skip(&mut at, depth)).ok()?;
        Some(field)
    })
}

/// What is written as `name: value`, and where each value begins; `None` once where it is not that.
fn pairs<'a>(
    mut from: Literal<'a>,
    end: &'static str,
) -> impl Iterator<Item = Option<(&'a str, Literal<'a>)>> {
    let mut is_over = false;
    core::iter::from_fn(move || {
        if is_over || from.rest().is_empty() || (!end.is_empty() && from.rest().starts_with(end)) {
            return None;
        }
        let pair = from.name().filter(|_| from.eat(":")).map(|name| (name, from));
        is_over = pair.is_none() || from.skip_value().is_none() || !from.eat(",");
        Some(pair)
    })
}
