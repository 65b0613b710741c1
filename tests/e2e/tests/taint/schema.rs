//! The secrets of a service, found by its schema.

use ipc_proto_wire::{Fields, Method, Service, Shape};

/// A path to each: the method, the argument or `->` for the reply, then fields and variants.
pub(crate) fn secrets(service: &Service) -> Vec<String> {
    let mut found = Vec::new();
    for Method { name, request, reply, .. } in service.methods {
        let method = format!("{}.{name}", service.name);
        walk(&method, request, &mut found);
        walk(&format!("{method} ->"), reply, &mut found);
    }
    found
}

fn walk(path: &str, shape: &Shape, found: &mut Vec<String>) {
    match shape {
        // What is in a secret is secret with it.
        Shape::Secret(_) => found.push(path.to_owned()),
        Shape::List(item, _) | Shape::Array(item, _) | Shape::Option(item) => walk(path, item, found),
        Shape::Result(good, bad) => {
            walk(path, good, found);
            walk(&format!("{path} err"), bad, found);
        }
        Shape::Tuple(items) => fields(path, Fields::Unnamed(items), found),
        Shape::Struct(_, inner) => fields(path, *inner, found),
        Shape::Enum(_, variants) => {
            for variant in *variants {
                fields(&format!("{path} {}", variant.name), variant.fields, found);
            }
        }
        Shape::Unit
        | Shape::Bool
        | Shape::U8
        | Shape::I8
        | Shape::U16
        | Shape::U32
        | Shape::U64
        | Shape::I16
        | Shape::I32
        | Shape::I64
        | Shape::Text(_)
        | Shape::Bytes(_) => {}
    }
}

fn fields(path: &str, fields: Fields, found: &mut Vec<String>) {
    match fields {
        Fields::Unit => {}
        Fields::Unnamed([one]) => walk(path, one, found),
        Fields::Unnamed(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(&format!("{path} {at}"), item, found);
            }
        }
        Fields::Named(named) => {
            for field in named {
                walk(&format!("{path} {}", field.name), field.shape, found);
            }
        }
    }
}
