//! Rules on fields, in words: the compiled chain of a method, read back.
//!
//! The chain is the compiler's own and passed its check; should it ever not read, the words say so instead of guessing.
//! Layout: `supervisor/policy/src/chain.rs`.

use build_manifest::System;
use ipc_proto_wire::{Fields, Method, Shape};
use supervisor_policy::{FIRST_CHAIN, OP_BOOL, OP_SIGNED, OP_TEXT, OP_TEXT_GLOB, OP_UNSIGNED, Verdict};

/// What a chain decides, as `allow if reveal is false; else deny`.
pub(crate) fn words(system: &System, method: &Method, word: u16) -> String {
    let chain = word.checked_sub(FIRST_CHAIN).and_then(|index| chain(&system.chains, index));
    chain
        .and_then(|chain| rules(&mut Reader(chain), method))
        .unwrap_or_else(|| "by unreadable rules".to_owned())
}

/// The bytes of chain `index` in the blob.
fn chain(blob: &[u8], index: u16) -> Option<&[u8]> {
    let offset = |index: usize| {
        let bytes = blob.get(4 + 4 * index..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    blob.get(offset(usize::from(index))?..offset(usize::from(index) + 1)?)
}

fn rules(reader: &mut Reader<'_>, method: &Method) -> Option<String> {
    let mut told = Vec::new();
    let mut settled = false;
    for _ in 0..reader.byte()? {
        let verdict = verdict(reader.byte()?)?;
        let mut conditions = Vec::new();
        for _ in 0..reader.byte()? {
            let field = field(method, reader.byte()?)?;
            let mut tests = Vec::new();
            for _ in 0..reader.byte()? {
                tests.push(test(reader)?);
            }
            conditions.push(format!("{field} is {}", tests.join(" or ")));
        }
        settled = conditions.is_empty();
        told.push(if settled {
            format!("else {verdict}")
        } else {
            format!("{verdict} if {}", conditions.join(" and "))
        });
    }
    if !settled {
        told.push("else deny".to_owned());
    }
    Some(told.join("; "))
}

fn verdict(word: u8) -> Option<&'static str> {
    Some(match Verdict::from_word(u16::from(word))? {
        Verdict::Allow => "allow",
        Verdict::Ask => "ask",
        Verdict::Deny => "deny",
    })
}

fn field(method: &Method, number: u8) -> Option<&'static str> {
    match method.request {
        Shape::Struct(_, Fields::Named(fields)) => Some(fields.get(usize::from(number))?.name),
        _ => None,
    }
}

fn test(reader: &mut Reader<'_>) -> Option<String> {
    let range = |low: String, high: String| if low == high { low } else { format!("{low}..{high}") };
    Some(match reader.byte()? {
        OP_BOOL => (reader.byte()? != 0).to_string(),
        OP_UNSIGNED => range(reader.number()?.to_string(), reader.number()?.to_string()),
        OP_SIGNED => {
            range(reader.number()?.cast_signed().to_string(), reader.number()?.cast_signed().to_string())
        }
        OP_TEXT => {
            let length = reader.byte()?;
            format!("{:?}", reader.text(length)?)
        }
        OP_TEXT_GLOB => {
            let (before, after) = (reader.byte()?, reader.byte()?);
            format!("{:?}", format!("{}*{}", reader.text(before)?, reader.text(after)?))
        }
        _ => return None,
    })
}

/// Bytes not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u64> {
        self.take(8)?.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
    }

    fn text(&mut self, length: u8) -> Option<&'a str> {
        std::str::from_utf8(self.take(usize::from(length))?).ok()
    }
}
