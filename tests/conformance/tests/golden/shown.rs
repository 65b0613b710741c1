//! Every golden body as `ipc-proto/describe` shows it, from the canonical text alone; and back again.

use ipc_proto_describe::{Body, Description, MethodKind, Part, Reveal, Secrets, Shown};
use ipc_proto_types::{Kind, Role};
use ipc_proto_wire::{Header, Service, Table, canonical};
use tests_conformance::files;

use crate::{Vector, examples};

fn text(service: &Service) -> String {
    canonical(service.name, service.methods).as_str().to_owned()
}

const fn part(vector: &Vector) -> Part {
    match vector.kind {
        Kind::Reply | Kind::Error => Part::Reply,
        Kind::Call | Kind::Event => Part::Arguments,
    }
}

fn show(description: &Description<'_>, vector: &Vector, reveal: Reveal) -> String {
    let (_, method) = description.find(vector.method).expect("an example is of a method");
    let mut shown = String::new();
    let result = method.show(part(vector), Body::whole(&vector.body), reveal, &mut shown);
    assert_eq!(result, Ok(Shown::Whole), "{} {shown}", vector.method);
    shown
}

fn show_json(description: &Description<'_>, vector: &Vector) -> String {
    let (_, method) = description.find(vector.method).expect("an example is of a method");
    let mut shown = String::new();
    let result = method.show_json(part(vector), Body::whole(&vector.body), Reveal::Nothing, &mut shown);
    assert_eq!(result, Ok(Shown::Whole), "{} {shown}", vector.method);
    shown
}

#[test]
fn golden_bodies_are_shown_as_the_golden_file_says() {
    let mut file = String::from(
        "# Every golden body as a person sees it, and as JSON. Secrets are hidden.\n\
         # Written by the conformance tests (UPDATE=1).\n",
    );
    for (service, vectors) in examples::all() {
        let text = text(&service);
        let description = Description::parse(&text).expect("the compiler writes canonical text");
        for vector in &vectors {
            let kind = format!("{:?}", vector.kind).to_lowercase();
            file += &format!("\n{kind} {}.{}\n", service.name, vector.method);
            let shown = show(&description, vector, Reveal::Nothing);
            file += &format!("  {}\n", if shown.is_empty() { "(no arguments)" } else { &shown });
            file += &format!("  {}\n", show_json(&description, vector));
        }
    }
    files::expect("golden/shown.txt", &file);
}

#[test]
fn what_is_shown_of_arguments_encodes_to_the_same_bytes() {
    for (service, vectors) in examples::all() {
        let text = text(&service);
        let description = Description::parse(&text).expect("the compiler writes canonical text");
        for vector in vectors.iter().filter(|vector| part(vector) == Part::Arguments) {
            let shown = show(&description, vector, Reveal::Secrets);
            let (_, method) = description.find(vector.method).expect("an example is of a method");
            let mut body = [0xaa; 2048];
            let length = method.encode_shown(&shown, &mut Secrets::Written, &mut body);
            let length = length.unwrap_or_else(|error| panic!("{}: {shown}: {error}", vector.method));
            assert_eq!(body[..length], vector.body, "{} {shown}", vector.method);
        }
    }
}

#[test]
fn a_description_has_the_names_the_methods_and_the_id_of_its_service() {
    for (service, _) in examples::all() {
        let text = text(&service);
        let description = Description::parse(&text).expect("the compiler writes canonical text");
        assert_eq!(description.name(), service.name);
        assert_eq!(description.id(), service.id);
        let methods: Vec<_> =
            description.methods().iter().map(|method| (method.name(), method.kind())).collect();
        let expected: Vec<_> = service.methods.iter().map(|method| (method.name, method.kind)).collect();
        assert_eq!(methods, expected);
    }
}

#[test]
fn a_cut_golden_body_shows_its_beginning_and_a_short_one_says_where_it_ends() {
    for (service, vectors) in examples::all() {
        let text = text(&service);
        let description = Description::parse(&text).expect("the compiler writes canonical text");
        for vector in &vectors {
            let (_, method) = description.find(vector.method).expect("an example is of a method");
            for length in 0..vector.body.len() {
                let bytes = &vector.body[..length];
                let mut shown = String::new();
                let cut = Body { bytes, size: vector.body.len() };
                let result = method.show(part(vector), cut, Reveal::Nothing, &mut shown);
                assert_eq!(result, Ok(Shown::Cut), "{length} of {}: {shown}", vector.method);
                assert!(shown.contains('…'), "{length} of {}: {shown}", vector.method);
                shown.clear();
                let result = method.show(part(vector), Body::whole(bytes), Reveal::Nothing, &mut shown);
                let Ok(Shown::Broken(broken)) = result else { panic!("{length} of {}", vector.method) };
                assert!(broken.at <= length && shown.contains("at byte"), "{shown}");
                shown.clear();
                let json = method.show_json(part(vector), cut, Reveal::Nothing, &mut shown);
                assert_eq!(json, Ok(Shown::Cut));
                let parsed: Result<serde_json::Value, _> = serde_json::from_str(&shown);
                assert!(parsed.is_ok(), "{length} of {}: {shown}", vector.method);
            }
        }
    }
}

/// Bodies that differ from a golden one in a byte, or in how many there are.
fn neighbours(body: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![[body, &[0]].concat()];
    for at in 0..body.len() {
        all.push(body[..at].to_vec());
        for other in [0, 1, 2, 0x7f, 0x80, 0xff, body[at] ^ 1, body[at].wrapping_add(1)] {
            let mut near = body.to_vec();
            near[at] = other;
            all.push(near);
        }
    }
    all
}

#[test]
fn what_the_validator_accepts_is_shown_whole_and_nothing_else_but_in_secrets() {
    let (mut accepted, mut refused) = (0, 0);
    for (service, vectors) in examples::all() {
        let text = text(&service);
        let description = Description::parse(&text).expect("the compiler writes canonical text");
        let table = Table::parse(service.table).expect("the compiler writes tables");
        for vector in &vectors {
            let (number, method) = description.find(vector.method).expect("an example is of a method");
            let by_server = vector.kind == Kind::Reply || method.kind() == MethodKind::Event;
            let sender = if by_server { Role::Server } else { Role::Client };
            let has_secrets = text
                .lines()
                .any(|line| line.contains(&format!(" {}(", vector.method)) && line.contains("secret<"));
            for body in neighbours(&vector.body) {
                let length = u32::try_from(body.len()).expect("an example is short");
                let head =
                    Header { schema: service.id, method: number, kind: vector.kind, correlation: 1, length };
                let is_accepted = table.check(sender, &head, &body, &mut ()).is_ok();
                let mut shown = String::new();
                let result = method.show(part(vector), Body::whole(&body), Reveal::Secrets, &mut shown);
                let is_whole = result == Ok(Shown::Whole);
                assert!(is_whole || !is_accepted, "{} {body:x?}: {shown}", vector.method);
                assert!(is_accepted || !is_whole || has_secrets, "{} {body:x?}: {shown}", vector.method);
                accepted += usize::from(is_accepted);
                refused += usize::from(!is_accepted);
            }
        }
    }
    assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused");
}

#[test]
fn every_text_cut_anywhere_is_refused_with_the_place() {
    for (service, _) in examples::all() {
        let text = text(&service);
        for length in (0..text.len()).filter(|length| !text[..*length].ends_with('\n') || *length == 0) {
            let error = Description::parse(&text[..length]).expect_err("half a line is no description");
            let line = text[..length].matches('\n').count() + 1;
            assert_eq!(error.line, line, "{error} in {:?}", &text[..length]);
        }
    }
}
