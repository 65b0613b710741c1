//! The remote protocol of gdb: packets `$DATA#SUM`, each acknowledged by `+`, and a bare byte 3 that means "stop".
//!
//! Source: the gdb manual, appendix E, "gdb Remote Serial Protocol". Not here: what packets mean.

use std::io::{Read, Write};

use crate::failure::{Failure, Outcome};

/// Longest packet: four times what QEMU announces, so that a broken peer cannot make us keep everything it sends.
const PACKET_MAX: usize = 16 * 1024;

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A packet's data.
    Packet(Vec<u8>),
    /// The other side wants the program stopped.
    Interrupt,
    /// It is gone.
    End,
}

/// Takes packets apart, byte by byte.
#[derive(Debug, Default)]
pub(super) struct Parser {
    data: Vec<u8>,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    Inside,
    Sum(u8),
}

impl Parser {
    /// The next byte; gives what it completes.
    pub(super) fn take(&mut self, byte: u8) -> Option<Incoming> {
        match self.state {
            State::Outside if byte == b'$' => self.state = State::Inside,
            State::Outside if byte == 3 => return Some(Incoming::Interrupt),
            State::Inside if byte == b'#' => self.state = State::Sum(2),
            State::Inside if self.data.len() < PACKET_MAX => self.data.push(byte),
            State::Sum(2) => self.state = State::Sum(1),
            // Both sides are on this machine: nothing is lost on the way, so the sum is not looked at.
            State::Sum(_) => {
                self.state = State::Outside;
                return Some(Incoming::Packet(std::mem::take(&mut self.data)));
            }
            State::Outside | State::Inside => {}
        }
        None
    }
}

/// Sends a packet.
///
/// # Errors
/// When the other side is gone.
pub(super) fn send(to: &mut impl Write, data: &[u8]) -> Outcome<()> {
    let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let packet = [b"$", data, format!("#{sum:02x}").as_bytes()].concat();
    to.write_all(&packet)
        .and_then(|()| to.flush())
        .map_err(|error| Failure::of("the debugger's connection", &error))
}

/// Hands everything that comes from `from` to `to`, and acknowledges packets on `answers`; ends with the connection.
pub(super) fn pump(mut from: impl Read, mut answers: impl Write, to: &mut impl FnMut(Incoming) -> bool) {
    let mut parser = Parser::default();
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        for byte in bytes.iter().take(count) {
            let Some(incoming) = parser.take(*byte) else { continue };
            if matches!(incoming, Incoming::Packet(_)) {
                // Who does not read this is gone, and the next read says so.
                let _ = answers.write_all(b"+").and_then(|()| answers.flush());
            }
            if !to(incoming) {
                return;
            }
        }
    }
    to(Incoming::End);
}

/// Bytes as the protocol writes them.
#[must_use]
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// The bytes behind such text.
#[must_use]
pub(super) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.len().is_multiple_of(2).then(|| text.chunks(2).map(pair).collect())?
}

/// A number of the protocol: hexadecimal, without a prefix.
#[must_use]
pub(super) fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_between_acknowledgements_and_interrupts() {
        let mut parser = Parser::default();
        let found: Vec<Incoming> =
            b"+$g#67\x03+$m200000,8#aa".iter().filter_map(|byte| parser.take(*byte)).collect();
        let packet = |text: &str| Incoming::Packet(text.as_bytes().to_vec());
        assert_eq!(found, [packet("g"), Incoming::Interrupt, packet("m200000,8")]);
    }

    #[test]
    fn what_is_sent_is_framed_and_summed() {
        let mut sent = Vec::new();
        send(&mut sent, b"OK").unwrap();
        assert_eq!(sent, b"$OK#9a");
        assert_eq!(unhex(&hex(&[0, 255, 16])), Some(vec![0, 255, 16]));
        assert_eq!(unhex(b"0"), None);
    }
}
