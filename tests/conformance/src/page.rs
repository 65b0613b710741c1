//! The page of a service: its methods and types with byte tables, written from `SERVICE`.

use std::fmt::Write;

use ipc_proto_wire::{Docs, Field, Fields, Method, MethodKind, Service, Shape, Sizes, Variant};

/// The page, in Markdown.
#[must_use]
pub fn page(service: &Service, docs: &Docs) -> String {
    let mut page = format!(
        "# Service `{}`, version {}\n\n\
         <!-- Written by the conformance tests from the trait (UPDATE=1). Do not edit. -->\n\n{}\n\n\
         | | |\n|---|---|\n| schema id | `{}` |\n| longest body of a client | {} bytes |\n\
         | longest body of a server | {} bytes |\n| schema table | {} bytes |\n\n## Methods\n",
        service.name,
        service.version,
        docs.service,
        service.id,
        service.request_max,
        service.reply_max,
        service.table.len()
    );
    let mut types = Vec::new();
    for (number, (method, doc)) in service.methods.iter().zip(docs.methods).enumerate() {
        page += &method_section(number, method, doc);
        named(method.request, &mut types);
        named(method.reply, &mut types);
    }
    // The requests themselves are named after their methods and shown there.
    types.retain(|shape| !service.methods.iter().any(|method| std::ptr::eq(*shape, method.request)));
    if !types.is_empty() {
        page += "\n## Types\n";
    }
    for shape in types {
        page += &type_section(shape);
    }
    page
}

fn method_section(number: usize, method: &Method, doc: &str) -> String {
    let kind = match method.kind {
        MethodKind::Call => "call",
        MethodKind::Oneway => "one-way, from the client",
        MethodKind::Event => "event, from the server",
    };
    let mut section = format!("\n### {number} `{}` ({kind})\n\n{doc}\n", method.name);
    if let Shape::Struct(_, Fields::Named(arguments)) = method.request {
        section += &format!("\n| argument | type | bytes |\n|---|---|---|\n{}", rows(arguments));
        if arguments.is_empty() {
            section += "| none | | 0 |\n";
        }
    }
    if method.kind == MethodKind::Call {
        section += &format!("| **reply** | {} | {} |\n", code(method.reply), sizes(method.reply.sizes()));
    }
    section
}

fn type_section(shape: &Shape) -> String {
    match shape {
        Shape::Struct(name, Fields::Named(fields)) => {
            format!("\n### `{name}`\n\n| field | type | bytes |\n|---|---|---|\n{}", rows(fields))
        }
        Shape::Struct(name, fields) => format!("\n### `{name}`\n\n{}\n", inline(fields)),
        Shape::Enum(name, variants) => {
            let rows = variants.iter().enumerate().map(|(tag, variant)| variant_row(tag, variant));
            format!(
                "\n### `{name}`\n\n| tag | variant | then | bytes |\n|---|---|---|---|\n{}",
                rows.collect::<String>()
            )
        }
        _ => String::new(),
    }
}

fn variant_row(tag: usize, variant: &Variant) -> String {
    let Sizes { min, max } = variant.fields.sizes();
    let total = sizes(Sizes { min: min + 1, max: max + 1 });
    format!("| {tag} | `{}` | {} | {total} |\n", variant.name, inline(&variant.fields))
}

fn inline(fields: &Fields) -> String {
    match fields {
        Fields::Unit => String::new(),
        Fields::Unnamed(items) => items.iter().map(|item| code(item)).collect::<Vec<_>>().join(", "),
        Fields::Named(fields) => {
            let field = |field: &Field| format!("`{}`: {}", field.name, code(field.shape));
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
    }
}

fn rows(fields: &[Field]) -> String {
    fields.iter().fold(String::new(), |mut rows, field| {
        let _ =
            writeln!(rows, "| `{}` | {} | {} |", field.name, code(field.shape), sizes(field.shape.sizes()));
        rows
    })
}

fn sizes(sizes: Sizes) -> String {
    if sizes.min == sizes.max { sizes.min.to_string() } else { format!("{} to {}", sizes.min, sizes.max) }
}

fn code(shape: &Shape) -> String {
    format!("`{}`", name(shape))
}

/// The type as one would say it; structs and enums by name.
fn name(shape: &Shape) -> String {
    match shape {
        Shape::Unit => "()".into(),
        Shape::Bool => "bool".into(),
        Shape::U8 => "u8".into(),
        Shape::I8 => "i8".into(),
        Shape::U16 => "u16".into(),
        Shape::U32 => "u32".into(),
        Shape::U64 => "u64".into(),
        Shape::I16 => "i16".into(),
        Shape::I32 => "i32".into(),
        Shape::I64 => "i64".into(),
        Shape::Text(max) => format!("text<{max}>"),
        Shape::Bytes(max) => format!("bytes<{max}>"),
        Shape::List(item, max) => format!("list<{}, {max}>", name(item)),
        Shape::Array(item, length) => format!("[{}; {length}]", name(item)),
        Shape::Option(inner) => format!("option<{}>", name(inner)),
        Shape::Result(good, bad) => format!("result<{}, {}>", name(good), name(bad)),
        Shape::Tuple(items) => {
            format!("({})", items.iter().map(|item| name(item)).collect::<Vec<_>>().join(", "))
        }
        Shape::Struct(called, _) | Shape::Enum(called, _) => (*called).into(),
        Shape::Secret(inner) => format!("secret<{}>", name(inner)),
    }
}

/// Collects the named types in a shape, each once, in the order of their first use.
fn named(shape: &'static Shape, found: &mut Vec<&'static Shape>) {
    match shape {
        Shape::List(inner, _) | Shape::Array(inner, _) | Shape::Option(inner) | Shape::Secret(inner) => {
            named(inner, found);
        }
        Shape::Result(good, bad) => {
            named(good, found);
            named(bad, found);
        }
        Shape::Tuple(items) => items.iter().for_each(|item| named(item, found)),
        Shape::Struct(_, fields) if !found.contains(&shape) => {
            found.push(shape);
            named_in(fields, found);
        }
        Shape::Enum(_, variants) if !found.contains(&shape) => {
            found.push(shape);
            variants.iter().for_each(|variant| named_in(&variant.fields, found));
        }
        _ => {}
    }
}

fn named_in(fields: &'static Fields, found: &mut Vec<&'static Shape>) {
    match fields {
        Fields::Unit => {}
        Fields::Unnamed(items) => items.iter().for_each(|item| named(item, found)),
        Fields::Named(fields) => fields.iter().for_each(|field| named(field.shape, found)),
    }
}
