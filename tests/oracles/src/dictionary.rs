//! Dictionaries, made from the schemas: what a fuzzer would take long to guess.

use std::collections::BTreeSet;

use ipc_proto_wire::{Fields, Service, Shape};
use tests_conformance::reference::shortest;

use crate::{SERVICES, Target};

/// The dictionary of a target in libFuzzer's form: a quoted text of escaped bytes a line.
#[must_use]
pub fn dictionary(target: &Target) -> String {
    let mut words = BTreeSet::new();
    match target.service {
        Some(service) => of_service(&service, &mut words),
        None => SERVICES.iter().for_each(|service| of_service(service, &mut words)),
    }
    if target.name == "policy" {
        words = policy_words();
    }
    if target.name == "imports" {
        words = crate::imports::dictionary().into_iter().collect();
    }
    if target.name == "picture" {
        words = crate::picture::dictionary().collect();
    }
    words.extend([0_u64, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0xffff, 0x1_0000, 0xffff_ffff].map(shortest));
    // Varints that are not minimal, and a text that is not UTF-8.
    words.extend([vec![0x80, 0], vec![0x81, 0], vec![0xff; 9], vec![0xc0, 0x80], vec![0xed, 0xa0, 0x80]]);
    words.iter().filter(|word| !word.is_empty()).fold(String::new(), |text, word| {
        let bytes = word.iter().fold(String::new(), |line, byte| line + &format!("\\x{byte:02x}"));
        text + &format!("\"{bytes}\"\n")
    })
}

fn of_service(service: &Service, words: &mut BTreeSet<Vec<u8>>) {
    words.insert(service.id.0.to_vec());
    words.insert(service.name.into());
    for (number, method) in (0_u8..).zip(service.methods) {
        words.extend([vec![0, number], vec![3, number], vec![number, 0]]);
        of_shape(method.request, words);
        of_shape(method.reply, words);
    }
}

/// Bounds and the numbers beside them, tags, and names.
fn of_shape(shape: &Shape, words: &mut BTreeSet<Vec<u8>>) {
    let mut bound = |max: u32| {
        let max = u64::from(max);
        words.extend([max.saturating_sub(1), max, max + 1].map(shortest));
    };
    match *shape {
        Shape::Text(max) | Shape::Bytes(max) => bound(max),
        Shape::List(item, max) | Shape::Array(item, max) => {
            bound(max);
            of_shape(item, words);
        }
        Shape::Option(inner) | Shape::Secret(inner) => of_shape(inner, words),
        Shape::Result(good, bad) => {
            of_shape(good, words);
            of_shape(bad, words);
        }
        Shape::Tuple(items) => items.iter().for_each(|item| of_shape(item, words)),
        Shape::Struct(_, ref fields) => of_fields(fields, words),
        Shape::Enum(_, variants) => {
            words.extend((0_u64..=variants.len() as u64).map(shortest));
            variants.iter().for_each(|variant| of_fields(&variant.fields, words));
        }
        Shape::U16 | Shape::I16 => words.extend([shortest(0xffff), vec![0xff, 0xff, 7]]),
        Shape::U32 | Shape::I32 => words.extend([shortest(0xffff_ffff), vec![0xff, 0xff, 0xff, 0xff, 0x1f]]),
        Shape::U64 | Shape::I64 => words.extend([shortest(u64::MAX), [vec![0xff; 9], vec![3]].concat()]),
        Shape::Unit | Shape::Bool | Shape::U8 | Shape::I8 => {}
    }
}

fn of_fields(fields: &Fields, words: &mut BTreeSet<Vec<u8>>) {
    match fields {
        Fields::Unit => {}
        Fields::Unnamed(items) => items.iter().for_each(|item| of_shape(item, words)),
        Fields::Named(fields) => fields.iter().for_each(|field| of_shape(field.shape, words)),
    }
}

/// What manifests and policy are made of.
fn policy_words() -> BTreeSet<Vec<u8>> {
    let words = "name memory qubes policy [[channel]] client server service depth path label args restart binary tags \
                 \"1MiB\" \"alpha\" \"beta\" \"gamma\" \"probe\" \"@supervisor\" '''\n allow deny ask redirect: *.* probe.* \
                 probe.open probe.heat @anyvm @label:work @tag:net host: port: secure: degrees: { } | .. , 1..10 true # \\";
    words.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}
