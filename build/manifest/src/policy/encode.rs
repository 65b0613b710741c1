//! Chains as bytes, exactly as `supervisor_policy::Chains` reads them.

use supervisor_policy::{OP_BOOL, OP_SIGNED, OP_TEXT, OP_TEXT_GLOB, OP_UNSIGNED};

use ipc_proto_wire::{Method, Shape};

use super::resolve::{find_field, number_range};
use super::{Rule, Test};

/// The bytes of one chain: these rules over the fields of `method`. `None` when a number is too large for its place,
/// which `resolve` and the limits of the language exclude.
pub(crate) fn chain(rules: &[Rule], method: &Method) -> Option<Vec<u8>> {
    let mut out = vec![u8::try_from(rules.len()).ok()?];
    for rule in rules {
        out.push(u8::try_from(rule.verdict.word()).ok()?);
        out.push(u8::try_from(rule.conditions.len()).ok()?);
        for condition in &rule.conditions {
            let (number, shape) = find_field(method, &condition.field.value)?;
            out.push(number);
            out.push(u8::try_from(condition.tests.len()).ok()?);
            for test in &condition.tests {
                push_test(&mut out, &test.value, shape)?;
            }
        }
    }
    Some(out)
}

fn push_test(out: &mut Vec<u8>, test: &Test, shape: &Shape) -> Option<()> {
    match test {
        // A field of packets, which is in no message; `resolve` lets it stand for those alone.
        Test::Word(_) => return None,
        Test::Bool(value) => out.extend([OP_BOOL, u8::from(*value)]),
        Test::Number(low, high) if number_range(shape)?.0 < 0 => {
            out.push(OP_SIGNED);
            out.extend(i64::try_from(*low).ok()?.to_le_bytes());
            out.extend(i64::try_from(*high).ok()?.to_le_bytes());
        }
        Test::Number(low, high) => {
            out.push(OP_UNSIGNED);
            out.extend(u64::try_from(*low).ok()?.to_le_bytes());
            out.extend(u64::try_from(*high).ok()?.to_le_bytes());
        }
        Test::Text(text) => {
            out.extend([OP_TEXT, u8::try_from(text.len()).ok()?]);
            out.extend(text.bytes());
        }
        Test::Glob(prefix, suffix) => {
            out.extend([OP_TEXT_GLOB, u8::try_from(prefix.len()).ok()?, u8::try_from(suffix.len()).ok()?]);
            out.extend(prefix.bytes().chain(suffix.bytes()));
        }
    }
    Some(())
}

/// The blob of all chains: count, offsets, chains.
pub(crate) fn blob(chains: &[Vec<u8>]) -> Vec<u8> {
    let size = |size: usize| u32::try_from(size).expect("chains are at most 2048 of at most 1 KiB");
    let mut out = Vec::new();
    out.extend(u16::try_from(chains.len()).expect("chains are at most 2048").to_le_bytes());
    out.extend([0, 0]);
    let mut at = 4 + 4 * (chains.len() + 1);
    out.extend(size(at).to_le_bytes());
    for chain in chains {
        at += chain.len();
        out.extend(size(at).to_le_bytes());
    }
    out.extend(chains.concat());
    out
}
