//! Between gdb and QEMU: shows gdb one qube, and nothing else of the machine.
//!
//! While the qube is on the processor, its registers are QEMU's; otherwise they are those it will go on with. Its addresses
//! mean its own memory. A breakpoint stops whoever comes to that address; who is not our qube is sent on at once.
//! Not here: what the numbers mean (`machine.rs`), how packets travel (`packet.rs`).

use std::io::Write;
use std::sync::mpsc::Receiver;

use super::machine::Machine;
use super::packet::{self, Incoming, hex, number, unhex};
use crate::failure::Outcome;

/// What we can do, as gdb asks for it. Everything else is answered with nothing, which means no.
const FEATURES: &[u8] = b"PacketSize=1000;qXfer:features:read+";
/// The stops gdb is told of: a breakpoint or step, an interrupt.
const TRAP: &[u8] = b"S05";
const INTERRUPT: &[u8] = b"S02";
/// The system ended.
const GONE: &[u8] = b"W00";
const PAGE: u64 = 4096;

/// What becomes of the session after a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Leave,
}

/// A qube as gdb sees it.
pub(super) struct Lens<W> {
    machine: Machine,
    to: W,
    /// What was on the processor when it stopped, if that was our qube.
    live: Option<Vec<u8>>,
}

impl<W: Write> Lens<W> {
    pub(super) fn new(machine: Machine, to: W) -> Self {
        Self { machine, to, live: None }
    }

    /// Serves gdb until it leaves; the system goes on then, however gdb left.
    ///
    /// # Errors
    /// When the system ends, or gdb goes away in the middle of an answer.
    pub(super) fn serve(&mut self, from: &Receiver<Incoming>) -> Outcome<()> {
        let result = self.session(from);
        // Whoever hands on gdb's end asks QEMU for a stop before. That must be over when the machine goes on: nobody would be
        // there to let it go on again.
        while result.is_ok() && from.recv().is_ok_and(|incoming| incoming != Incoming::End) {}
        self.machine.detach();
        result
    }

    fn session(&mut self, from: &Receiver<Incoming>) -> Outcome<()> {
        self.machine.attach()?;
        self.live = self.machine.live()?;
        while let Ok(incoming) = from.recv() {
            match incoming {
                Incoming::Packet(data) if self.answer(&data)? == Then::GoOn => {}
                // It is stopped already.
                Incoming::Interrupt => {}
                Incoming::Packet(_) | Incoming::End => break,
            }
        }
        Ok(())
    }

    fn answer(&mut self, data: &[u8]) -> Outcome<Then> {
        let text = String::from_utf8_lossy(data).into_owned();
        let (verb, rest) = text.split_at_checked(1).unwrap_or(("", ""));
        let reply = match verb {
            "g" => hex(&self.registers()?),
            "m" => self.read(rest)?,
            "M" => self.write(rest)?,
            "G" | "P" if self.live.is_some() => {
                let reply = self.machine.ask(&text)?;
                self.live = self.machine.live()?;
                reply
            }
            "G" | "P" => b"E01".to_vec(),
            "Z" | "z" => self.machine.ask(&text)?,
            "c" | "C" => self.go_on()?,
            "s" | "S" => self.step()?,
            "?" => TRAP.to_vec(),
            "H" | "T" => b"OK".to_vec(),
            // Before the answer, after which gdb may end at any moment (see `serve`).
            "D" => {
                self.machine.detach();
                b"OK".to_vec()
            }
            "k" => return Ok(Then::Leave),
            _ => self.query(&text)?,
        };
        packet::send(&mut self.to, &reply)?;
        Ok(if verb == "D" { Then::Leave } else { Then::GoOn })
    }

    fn query(&mut self, text: &str) -> Outcome<Vec<u8>> {
        Ok(match text {
            "qAttached" => b"1".to_vec(),
            "qC" => b"QC1".to_vec(),
            "qfThreadInfo" => b"m1".to_vec(),
            "qsThreadInfo" => b"l".to_vec(),
            _ if text.starts_with("qSupported") => FEATURES.to_vec(),
            _ if text.starts_with("qXfer:features:read") => self.machine.ask(text)?,
            _ => Vec::new(),
        })
    }

    fn registers(&mut self) -> Outcome<Vec<u8>> {
        match &self.live {
            Some(registers) => Ok(registers.clone()),
            None => self.machine.parked(),
        }
    }

    /// `ADDRESS,LENGTH`: page by page, as far as there is memory.
    fn read(&mut self, what: &str) -> Outcome<Vec<u8>> {
        let Some((mut at, mut left)) = range(what) else { return Ok(b"E01".to_vec()) };
        let mut digits = Vec::new();
        while left > 0 {
            let count = left.min(PAGE - at % PAGE);
            let Some(physical) = self.machine.translate(at)? else { break };
            digits.extend(self.machine.ask(&format!("m{physical:x},{count:x}"))?);
            (at, left) = (at.wrapping_add(count), left - count);
        }
        Ok(if digits.is_empty() { b"E14".to_vec() } else { digits })
    }

    /// `ADDRESS,LENGTH:DIGITS`; what lies in two pages is refused, since gdb writes a variable or a register's worth.
    fn write(&mut self, what: &str) -> Outcome<Vec<u8>> {
        let parsed = what.split_once(':').and_then(|(place, digits)| Some((range(place)?, digits)));
        match parsed {
            Some(((at, length), digits))
                if at % PAGE + length <= PAGE && unhex(digits.as_bytes()).is_some() =>
            {
                match self.machine.translate(at)? {
                    Some(physical) => self.machine.ask(&format!("M{physical:x},{length:x}:{digits}")),
                    None => Ok(b"E14".to_vec()),
                }
            }
            _ => Ok(b"E01".to_vec()),
        }
    }

    /// Runs until our qube stops at a breakpoint, or gdb interrupts.
    fn go_on(&mut self) -> Outcome<Vec<u8>> {
        loop {
            let Ok(stop) = self.machine.ask("c") else { return Ok(GONE.to_vec()) };
            self.live = self.machine.live()?;
            if self.live.is_some() || !stop.starts_with(b"T05") {
                let interrupted = stop.starts_with(b"T02");
                return Ok(if interrupted { INTERRUPT } else { TRAP }.to_vec());
            }
            // Somebody else came to the same address: one instruction, and on.
            self.machine.ask("s")?;
        }
    }

    /// One instruction of our qube, however long it is not on the processor before or after it.
    fn step(&mut self) -> Outcome<Vec<u8>> {
        if self.live.is_some() {
            self.machine.ask("s")?;
            self.live = self.machine.live()?;
            if self.live.is_some() {
                return Ok(TRAP.to_vec());
            }
        }
        let place = format!("0,{:x},1", self.machine.resumes_at()?);
        self.machine.ask(&format!("Z{place}"))?;
        let stop = self.go_on()?;
        if stop == GONE {
            return Ok(stop);
        }
        self.machine.ask(&format!("z{place}"))?;
        Ok(stop)
    }
}

/// `ADDRESS,LENGTH`.
fn range(text: &str) -> Option<(u64, u64)> {
    let (address, length) = text.split_once(',')?;
    Some((number(address)?, number(length)?)).filter(|(_, length)| *length <= PAGE)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn once_gdb_knows_that_it_is_detached_nothing_can_stop_the_machine_again() {
        let (ours, mut qemu) = UnixStream::pair().expect("sockets");
        let (to, from) = std::sync::mpsc::channel();
        to.send(Incoming::Packet(b"OK".to_vec())).expect("it is kept");
        let mut stop = ours.try_clone().expect("a second handle");
        let mut told = Vec::new();
        let mut lens = Lens::new(Machine::new(ours, from, (0, 0), 0), &mut told);
        assert_eq!(lens.answer(b"D").expect("an answer"), Then::Leave);
        // What gdb's end makes of itself, as late as it can be.
        assert!(stop.write_all(&[3]).is_err());
        let mut seen = String::new();
        qemu.read_to_string(&mut seen).expect("text");
        assert_eq!(seen, "$D#44");
        assert_eq!(told, b"$OK#9a");
    }

    #[test]
    fn a_range_is_two_numbers_and_no_longer_than_a_page() {
        assert_eq!(range("200010,8"), Some((0x20_0010, 8)));
        assert_eq!(range("200010,1001"), None);
        assert_eq!(range("200010"), None);
    }
}
