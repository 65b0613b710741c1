//! An input in words, for whoever has to find out why it fails.

use std::fmt::Write as _;

use ipc_proto_rpc::ByBytes;
use ipc_proto_types::{Kind, Role};
use ipc_proto_wire::{Service, Table};

use crate::message::Said;

/// Bytes of a line.
const LINE: usize = 16;

/// An input of a `message` target: service, method, who says it, what the validator says, and the body.
#[must_use]
pub fn show_message<S: ByBytes>(input: &[u8]) -> String {
    let service = S::SERVICE;
    let Some(said) = Said::read(input) else {
        return format!(
            "a whole frame for service {}\n{}",
            service.name,
            hex_lines(input.get(1..).unwrap_or_default())
        );
    };
    let method = service.methods.get(usize::from(said.method)).map_or("?", |method| method.name);
    let table = Table::parse(service.table).expect("the table of a service parses");
    let verdict = table.check_body(said.sender, said.kind, said.method, said.body, &mut ());
    let verdict =
        verdict.map_or_else(|violation| format!("refuses: {violation:?}"), |()| "accepts".to_owned());
    format!(
        "service   {}\nmethod    {} ({method})\nsaid by   the {} as {}\nvalidator {verdict}\nbody      {} bytes\n{}",
        service.name,
        said.method,
        if said.sender == Role::Client { "client" } else { "server" },
        kind_word(said.kind),
        said.body.len(),
        hex_lines(said.body)
    ) + &wanted(&service, &said)
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Call => "a call",
        Kind::Reply => "a reply",
        Kind::Event => "an event",
        Kind::Error => "an error",
    }
}

/// The line of the canonical text that says what the body should be.
fn wanted(service: &Service, said: &Said<'_>) -> String {
    let text = service.canonical();
    let line = text.as_str().lines().filter(|line| line.contains('(')).nth(usize::from(said.method));
    line.map(|line| format!("schema    {line}\n")).unwrap_or_default()
}

/// Bytes as lines of hex digits and letters.
#[must_use]
pub(crate) fn hex_lines(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (place, line) in bytes.chunks(LINE).enumerate() {
        let hex = line.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x} "));
        let letters: String = line
            .iter()
            .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' })
            .collect();
        let _ = writeln!(text, "  {:04x}  {hex:<48} {letters}", place * LINE);
    }
    text
}
