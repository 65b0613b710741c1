//! Every name in a rule must mean something: services, methods, qubes, tags, fields and what they are compared with.

use ipc_proto_wire::{Fields, Method, Service, Shape};

use supervisor_policy::FIELDS_MAX;

use super::{Rule, Test, Who, network};
use crate::catalogue::Catalogue;
use crate::nearest::nearest;
use crate::problem::{At, Source};
use crate::system::Qube;

/// Longest text a rule can compare with, in bytes.
const TEXT_MAX: usize = 255;

/// Checks all rules against the system; what is wrong goes into `source`.
pub(crate) fn resolve(rules: &[Rule], qubes: &[Qube], catalogue: &Catalogue, source: &mut Source) {
    for rule in rules {
        for who in [&rule.from, &rule.to] {
            resolve_who(who, qubes, source);
        }
        if rule.from.value == Who::Supervisor {
            let expected = "a qube: the supervisor only serves";
            source.problem(rule.from.span.start, "`@supervisor` as the source", expected, None);
        }
        resolve_redirect(rule, qubes, source);
        let Some(name) = &rule.service.value else {
            if let Some(condition) = rule.conditions.first() {
                let found = format!("a condition on `{}` of every service", condition.field.value);
                source.problem(condition.field.span.start, found, "one service: fields differ", None);
            }
            continue;
        };
        match catalogue.find(name) {
            Some(service) => resolve_methods(rule, service, source),
            None => {
                let names: Vec<&str> = catalogue.names().collect();
                let fix = nearest(name, names.iter().copied()).map(|near| format!("write `{near}`"));
                let expected = format!("one of {}", names.join(", "));
                source.problem(rule.service.span.start, format!("no service `{name}`"), expected, fix);
            }
        }
    }
}

fn resolve_who(who: &At<Who>, qubes: &[Qube], source: &mut Source) {
    let (kind, word, known) = match &who.value {
        Who::Name(name) => {
            let names = qubes.iter().map(|qube| qube.name).chain(qubes.iter().filter_map(|qube| qube.family));
            let mut names: Vec<String> = names.map(|name| name.to_string()).collect();
            names.dedup();
            ("qube", name, names)
        }
        Who::Tag(tag) => ("qube tagged", tag, qubes.iter().flat_map(|qube| qube.tags.clone()).collect()),
        Who::AnyVm | Who::Supervisor | Who::Disposable | Who::Label(_) => return,
    };
    if known.contains(word) {
        return;
    }
    let fix = nearest(word, known.iter().map(String::as_str)).map(|near| format!("write `{near}`"));
    let expected = if known.is_empty() {
        "nothing: there is none".into()
    } else {
        format!("one of {}", known.join(", "))
    };
    source.problem(who.span.start, format!("no {kind} `{word}` in this system"), expected, fix);
}

fn resolve_redirect(rule: &Rule, qubes: &[Qube], source: &mut Source) {
    let Some(target) = &rule.redirect else { return };
    resolve_who(&target.clone().map(Who::Name), qubes, source);
    if qubes.iter().any(|qube| qube.family.is_some_and(|family| family == *target.value.as_str())) {
        let found = format!("a redirect to `{}`, which is several qubes", target.value);
        source.problem(target.span.start, found, "one of them: a channel has one server", None);
    }
    if rule.method.value.is_some() || rule.service.value.is_none() || !rule.conditions.is_empty() {
        let found = "a redirect of a part of a channel";
        let expected = "`service.*` without conditions: a channel has one server";
        source.problem(target.span.start, found, expected, None);
    }
    if let (Some(service), Some(qube)) =
        (&rule.service.value, qubes.iter().find(|qube| qube.name == *target.value.as_str()))
        && !qube.serves.contains(service)
    {
        let found = format!("a redirect to `{}`, which does not serve `{service}`", target.value);
        let expected = format!("a qube with `{service}` in its `serves`");
        source.problem(target.span.start, found, expected, None);
    }
}

fn resolve_methods(rule: &Rule, service: &'static Service, source: &mut Source) {
    let methods: Vec<&Method> = match &rule.method.value {
        None => service.methods.iter().collect(),
        Some(name) => service.methods.iter().filter(|method| method.name == name.as_str()).collect(),
    };
    if methods.is_empty() {
        let name = rule.method.value.as_deref().unwrap_or("*");
        let names: Vec<&str> = service.methods.iter().map(|method| method.name).collect();
        let fix = nearest(name, names.iter().copied()).map(|near| format!("write `{}.{near}`", service.name));
        let found = format!("`{}` has no method `{name}`", service.name);
        source.problem(rule.method.span.start, found, format!("one of {}, or *", names.join(", ")), fix);
        return;
    }
    // Fields of packets and what they may be are for the network qube's reader to judge (`network.rs`).
    if service.name == network::NAME {
        return;
    }
    for condition in &rule.conditions {
        for method in &methods {
            match find_field(method, &condition.field.value) {
                Some((number, _)) if usize::from(number) >= FIELDS_MAX => {
                    let found = format!("a condition on argument {number} of `{}`", method.name);
                    let expected = format!("one of its first {FIELDS_MAX} arguments");
                    source.problem(condition.field.span.start, found, expected, None);
                }
                Some((_, shape)) => {
                    for test in &condition.tests {
                        resolve_test(test, shape, &condition.field.value, source);
                    }
                }
                None => no_field(service, method, &condition.field, source),
            }
        }
    }
}

fn no_field(service: &Service, method: &Method, field: &At<String>, source: &mut Source) {
    let names: Vec<&str> = fields(method).iter().map(|field| field.name).collect();
    let fix = nearest(&field.value, names.iter().copied()).map(|near| format!("write `{near}`"));
    let expected =
        if names.is_empty() { "no condition".into() } else { format!("one of {}", names.join(", ")) };
    let found = format!("`{}.{}` has no field `{}`", service.name, method.name, field.value);
    source.problem(field.span.start, found, expected, fix);
}

fn fields(method: &Method) -> &'static [ipc_proto_wire::Field] {
    match method.request {
        Shape::Struct(_, Fields::Named(fields)) => fields,
        _ => &[],
    }
}

/// A field's number and shape. The number is its place among the arguments.
pub(crate) fn find_field(method: &Method, name: &str) -> Option<(u8, &'static Shape)> {
    let place = fields(method).iter().position(|field| field.name == name)?;
    Some((u8::try_from(place).ok()?, fields(method).get(place)?.shape))
}

/// The numbers an integer shape holds.
pub(crate) fn number_range(shape: &Shape) -> Option<(i128, i128)> {
    let signed = |bits: u32| (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1);
    let unsigned = |bits: u32| (0, (1i128 << bits) - 1);
    match shape {
        Shape::U8 => Some(unsigned(8)),
        Shape::U16 => Some(unsigned(16)),
        Shape::U32 => Some(unsigned(32)),
        Shape::U64 => Some(unsigned(64)),
        Shape::I8 => Some(signed(8)),
        Shape::I16 => Some(signed(16)),
        Shape::I32 => Some(signed(32)),
        Shape::I64 => Some(signed(64)),
        _ => None,
    }
}

fn resolve_test(test: &At<Test>, shape: &Shape, field: &str, source: &mut Source) {
    let at = test.span.start;
    match (&test.value, shape) {
        (_, Shape::Secret(_)) => {
            source.problem(
                at,
                format!("a condition on `{field}`"),
                "a field that is not secret: no rule may look at one",
                None,
            );
        }
        (Test::Bool(_), Shape::Bool) => {}
        (Test::Number(low, high), shape) if number_range(shape).is_some() => {
            let (least, most) = number_range(shape).unwrap_or((0, 0));
            if low < &least || high > &most {
                source.problem(
                    at,
                    format!("a number `{field}` can never be"),
                    format!("{least} to {most}"),
                    None,
                );
            }
        }
        (Test::Text(text), Shape::Text(most)) => text_fits(at, text.len(), text.len(), *most, source),
        (Test::Glob(prefix, suffix), Shape::Text(most)) => {
            text_fits(at, prefix.len().max(suffix.len()), prefix.len() + suffix.len(), *most, source);
        }
        (_, shape) => {
            let expected = match shape {
                Shape::Bool => "true or false",
                Shape::Text(_) => "a text in quotes",
                other if number_range(other).is_some() => "a number or a range",
                _ => "a field that is a bool, a number or a text: rules can look at no other",
            };
            source.problem(at, format!("a value `{field}` is never equal to"), expected, None);
        }
    }
}

fn text_fits(at: usize, part: usize, whole: usize, most: u32, source: &mut Source) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if part > TEXT_MAX || whole > most {
        let most = most.min(TEXT_MAX);
        source.problem(at, format!("a text of {whole} bytes"), format!("at most {most} bytes"), None);
    }
}
