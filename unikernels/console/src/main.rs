//! The console qube: the terminal on the serial port, and a person at it.
//!
//! What it does is in `unikernels-console-core`; this is the wiring: the serial port as a terminal, the channels as clients.
//! Arguments: `color=never` sends no colours; `rows=N` says how many rows the terminal has, 24 without it, and 0 that pages never
//! stop.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod channels;
mod links;
mod printers;
mod teletype;

use channels::Channels;
use ipc_proto_convert_api::ConvertClient;
use ipc_proto_open_api::OpenClient;
use ipc_proto_rpc::{RawClient, Ticks};
use ipc_proto_types::QubeName;
use ipc_proto_vault_api::VaultClient;
use ipc_proto_vault_api::files::FilesClient;
use ipc_proto_vault_api::keys::KeyStoreClient;
use links::Askers;
use printers::Printers;
use teletype::Teletype;
use unikernels_console_core::{Colour, Event, Link, Room, Session, System, Terminal, is_opened_for};
use unikernels_rt::{Channel, Qube, log};

unikernels_rt::main!(main);

fn main(qube: Qube) -> i32 {
    let Some(serial) = qube.serial() else {
        log!("no serial port: give this qube devices = [\"terminal\"]");
        return 1;
    };
    let colour = match qube.args().get("color") {
        Some("never") => Colour::Never,
        _ => Colour::Always,
    };
    let rows = qube.args().get("rows").map(str::parse);
    if let Some(Err(_)) = rows {
        log!("the argument `rows` is no number, and not believed");
    }
    let Ok(own_name) = QubeName::new(qube.name()) else {
        log!("no name");
        return 1;
    };
    let console = qube.place(Console {
        qube,
        own_name,
        teletype: Teletype::new(qube, serial),
        printers: Printers::new(qube),
        askers: Some(Askers::new(qube)),
        channels: Channels::new(qube),
        prompted: false,
    });
    qube.ready();
    // Too large for the stack, so it is a static.
    static ROOM: spin::Mutex<Room> = spin::Mutex::new(Room::new());
    let mut room = ROOM.lock();
    let mut session = Session::new(console, &mut room, colour);
    if let Some(Ok(rows)) = rows {
        session = session.with_rows(rows);
    }
    session.run();
    0
}

/// The world of the session.
struct Console {
    qube: Qube,
    own_name: QubeName,
    teletype: Teletype,
    printers: Printers,
    /// Those who hand over links; taken while one is answered.
    askers: Option<Askers>,
    channels: Channels,
    /// The first prompt is on the screen, and the log says so.
    prompted: bool,
}

impl Console {
    /// Answers those who hand over links; whether the person has something new to hear.
    fn serve_links(&mut self) -> bool {
        let now_ms = self.now_ms();
        let Some(mut askers) = self.askers.take() else { return false };
        let mut is_any = false;
        for number in 0..askers.count() {
            is_any |= askers.serve(number, now_ms, |name| is_opened_for(self, name));
        }
        self.askers = Some(askers);
        is_any
    }
}

impl Terminal for Console {
    fn write(&mut self, bytes: &[u8]) {
        self.teletype.write(bytes);
    }

    fn scrub_stack(&mut self) {
        unikernels_rt::scrub_stack();
    }

    fn wait(&mut self, deadline_ms: Option<u64>) -> Event {
        self.teletype.flush();
        if !core::mem::replace(&mut self.prompted, true) {
            log!("ready");
        }
        // A millisecond more, so that the deadline has passed when the wait is over.
        let deadline = deadline_ms.map(|ms| Ticks(self.qube.clock().ticks_in_ms(ms.saturating_add(1))));
        loop {
            // Keys first: who floods the screen must not keep a person from typing `kill`.
            if let Some(byte) = self.teletype.read() {
                return Event::Byte(byte);
            }
            if let Some(printed) = self.printers.next() {
                return Event::Printed(printed);
            }
            if let Some(end) = self.channels.ended() {
                return Event::Ended(end);
            }
            if let Some(asked) = self.channels.asked() {
                return Event::Asked(asked);
            }
            if self.serve_links() {
                return Event::Linked;
            }
            if self.channels.has_news() {
                return Event::Changed;
            }
            if deadline_ms.is_some_and(|ms| self.now_ms() >= ms) {
                return Event::Deadline;
            }
            let wake = self.qube.wait(deadline);
            if wake.device() {
                self.teletype.acknowledge();
            }
        }
    }

    fn has_link(&self) -> bool {
        self.askers.as_ref().is_some_and(Askers::is_waiting)
    }

    fn next_link(&mut self) -> Option<Link> {
        self.askers.as_mut()?.next()
    }

    fn has_input(&mut self) -> bool {
        self.teletype.has_input()
    }

    fn now_ms(&self) -> u64 {
        self.qube.clock().ns(self.qube.now().0) / 1_000_000
    }
}

/// Before a client is handed out, what was written is sent: a call may take seconds.
impl System for Console {
    type Port = Channel;

    fn own_name(&self) -> QubeName {
        self.own_name
    }

    fn ctl(&mut self) -> Option<&mut ipc_proto_ctl_api::CtlClient<'static, Channel>> {
        self.teletype.flush();
        self.channels.ctl.as_mut()
    }

    fn log(&mut self) -> Option<&mut ipc_proto_log_api::LogClient<'static, Channel>> {
        self.teletype.flush();
        self.channels.log.as_mut()
    }

    fn vault_name(&mut self, number: usize) -> Option<QubeName> {
        self.channels.vault_name(number)
    }

    fn vault(&mut self, peer: &str) -> Option<&mut VaultClient<'static, Channel>> {
        self.teletype.flush();
        self.channels.vault(peer)
    }

    fn files(&mut self, peer: &str) -> Option<&mut FilesClient<'static, Channel>> {
        self.teletype.flush();
        self.channels.files(peer)
    }

    fn keys(&mut self, peer: &str) -> Option<&mut KeyStoreClient<'static, Channel>> {
        self.teletype.flush();
        self.channels.keys(peer)
    }

    fn clock(&mut self) -> Option<&mut ipc_proto_clock_api::ClockClient<'static, Channel>> {
        self.teletype.flush();
        self.channels.clock.as_mut()
    }

    fn echo(&mut self, peer: &str) -> Option<&mut ipc_proto_echo_api::EchoClient<'static, Channel>> {
        self.teletype.flush();
        self.channels.echo(peer)
    }

    fn viewer_name(&mut self, number: usize) -> Option<QubeName> {
        self.channels.viewer_name(number)
    }

    fn viewer(&mut self, peer: &str) -> Option<&mut OpenClient<'static, Channel>> {
        self.teletype.flush();
        self.channels.viewer(peer)
    }

    fn converter_name(&mut self, number: usize) -> Option<QubeName> {
        self.channels.converter_name(number)
    }

    fn converter(&mut self, peer: &str) -> Option<&mut ConvertClient<'static, Channel>> {
        self.teletype.flush();
        self.channels.converter(peer)
    }

    fn random(&mut self, buffer: &mut [u8]) {
        self.qube.random().fill(buffer);
    }

    fn dma_unprotected(&self) -> bool {
        self.qube.dma_unprotected()
    }

    fn channel(&mut self, number: usize) -> Option<&mut dyn RawClient> {
        self.teletype.flush();
        self.channels.channel(number)
    }
}
