//! Golden vectors: whole frames, as bytes in a file, checked both ways.
//!
//! A value becomes the bytes in the file, the bytes in the file become the value, and the validator takes them. Every
//! method has a vector for each body it can have.

mod examples;
mod shown;
mod vault;

use std::fmt::{Debug, Write};

use ipc_proto_types::{Kind, Role};
use ipc_proto_wire::{Header, MethodKind, Service, Table, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tests_conformance::files;

/// Whether these bytes are the body of a certain value.
type Is = Box<dyn Fn(&[u8]) -> bool>;

/// A value, and the frame it should become.
struct Vector {
    kind: Kind,
    method: &'static str,
    shown: String,
    body: Vec<u8>,
    is: Is,
}

fn vector<T>(kind: Kind, method: &'static str, value: T) -> Vector
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    let mut body = vec![0; 4096];
    let length = encode(&value, &mut body).expect("an example is short");
    body.truncate(length);
    let shown = format!("{value:?}");
    Vector { kind, method, shown, body, is: Box::new(move |bytes| decode::<T>(bytes).as_ref() == Ok(&value)) }
}

/// A call: its arguments, as a tuple.
fn call<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(
    method: &'static str,
    value: T,
) -> Vector {
    vector(Kind::Call, method, value)
}

/// A reply.
fn reply<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(
    method: &'static str,
    value: T,
) -> Vector {
    vector(Kind::Reply, method, value)
}

/// A message nobody answers.
fn event<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(
    method: &'static str,
    value: T,
) -> Vector {
    vector(Kind::Event, method, value)
}

fn number(service: &Service, method: &str) -> u16 {
    let at =
        service.methods.iter().position(|other| other.name == method).expect("an example is of a method");
    u16::try_from(at).expect("few methods")
}

fn frame(service: &Service, vector: &Vector) -> Vec<u8> {
    let correlation = if vector.kind == Kind::Event { 0 } else { 0x0102_0304_0506_0708 };
    let method = number(service, vector.method);
    tests_conformance::channel::frame(service.id, vector.kind, method, correlation, &vector.body)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len())
        .step_by(2)
        .map(|at| digit(at).expect("a golden file is made of pairs of hex digits"))
        .collect()
}

fn render(service: &Service, vectors: &[Vector]) -> String {
    let mut text = format!(
        "# Golden vectors of service {}, version {}: value, then the whole frame. Secrets show as ***.\n\
         # Layout: ../wire-format.md. Written by the conformance tests (UPDATE=1).\n\ntable {}\n",
        service.name,
        service.version,
        hex(service.table)
    );
    for vector in vectors {
        let kind = format!("{:?}", vector.kind).to_lowercase();
        let bytes = hex(&frame(service, vector));
        text += &format!("\n{kind} {} {}\nframe {bytes}\n", vector.method, vector.shown);
    }
    text
}

#[test]
fn values_become_the_golden_bytes_and_the_golden_bytes_values() {
    for (service, vectors) in examples::all() {
        let name = format!("golden/{}.txt", service.name);
        files::expect(&name, &render(&service, &vectors));
        check_bytes(&service, &vectors, &files::read(&name));
    }
}

/// The way back: from the bytes in the file.
fn check_bytes(service: &Service, vectors: &[Vector], file: &str) {
    let line = |prefix| file.lines().filter_map(move |line: &str| line.strip_prefix(prefix)).map(unhex);
    let table = line("table ").next().expect("a golden file has a table");
    let table = Table::parse(&table).expect("the golden table parses");
    let frames: Vec<_> = line("frame ").collect();
    assert_eq!(frames.len(), vectors.len(), "{}", service.name);
    for (frame, vector) in frames.iter().zip(vectors) {
        let (header, body) = Header::parse(frame).expect("a golden frame parses");
        let kind = service.methods[usize::from(header.method)].kind;
        let from_server = matches!(header.kind, Kind::Reply) || kind == MethodKind::Event;
        let sender = if from_server { Role::Server } else { Role::Client };
        assert_eq!((header.schema, header.kind), (service.id, vector.kind));
        assert!((vector.is)(body), "{} {}: {body:x?}", service.name, vector.shown);
        assert_eq!(table.check(sender, &header, body, &mut ()), Ok(()), "{} {}", service.name, vector.shown);
    }
}

#[test]
fn every_body_of_every_method_has_a_vector() {
    for (service, vectors) in examples::all() {
        for method in service.methods {
            let kinds: &[Kind] = match method.kind {
                MethodKind::Call => &[Kind::Call, Kind::Reply],
                MethodKind::Oneway | MethodKind::Event => &[Kind::Event],
            };
            for kind in kinds {
                let has = vectors.iter().any(|vector| vector.method == method.name && vector.kind == *kind);
                assert!(has, "{}.{} has no {kind:?}", service.name, method.name);
            }
        }
    }
    assert_eq!(examples::all().len(), tests_conformance::SERVICES.len());
}
