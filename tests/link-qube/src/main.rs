//! Hands over a link when it is told to, and keeps all that it ever hears of it.
//!
//! `say work URL` has it hand the address over; it answers `asking` at once, and `say work heard` says what came of all of them:
//! `taken`, or why not, and how many more messages came on that channel. With a channel to the supervisor, `say work 'end QUBE'` has
//! it end that qube [`LATER_MS`] later: while the person at the terminal waits for something else.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::fmt::Write;

use ipc_proto_ctl_api::{self as ctl, CtlClient};
use ipc_proto_echo_api::{self as echo, Echo};
use ipc_proto_links_api::{self as links, LinksClient};
use ipc_proto_rpc::{Caller, Port};
use ipc_proto_types::{Bytes, Text};
use unikernels_rt::{Channel, Qube, log, main};

main!(work);

/// How long after it was told to it ends a qube, in milliseconds: time to begin something that is to be disturbed.
const LATER_MS: u64 = 6_000;

type Terminal = LinksClient<'static, Channel>;

fn work(qube: Qube) -> i32 {
    let mut ports = qube.servers(&echo::SERVICE);
    let Some(terminal) = qube.client(&links::SERVICE) else {
        log!("work: nobody takes links");
        return 1;
    };
    let terminal = qube.place(LinksClient::new(qube.place(terminal)));
    let mut supervisor = qube.client(&ctl::SERVICE).map(|port| CtlClient::new(qube.place(port)));
    let mut told = Told { url: None, ends: None, heard: Text::new(), more: 0 };
    qube.ready();
    loop {
        ports.serve(&mut |port, buffers| echo::serve(&mut told, port, buffers));
        if let Some(url) = told.url.take() {
            hand_over(terminal, url, &mut told.heard);
            continue;
        }
        if let (Some(name), Some(supervisor)) = (told.ends.take(), supervisor.as_mut()) {
            ports.serve(&mut |port, buffers| echo::serve(&mut told, port, buffers));
            qube.flush();
            let until = qube.in_ms(LATER_MS);
            while qube.now() < until {
                qube.wait(Some(until));
            }
            log!("work: {name} ends: {:?}", supervisor.kill(name.clone()));
        }
        told.more += more(terminal);
        qube.wait(None);
    }
}

/// Hands an address over; writes down what came of it. When there is no room for that, the last words are missing.
fn hand_over(terminal: &mut Terminal, url: Text<{ links::URL_MAX }>, heard: &mut Text<64>) {
    let _ = match terminal.open(url) {
        Ok(Ok(())) => write!(heard, "taken, "),
        Ok(Err(error)) => write!(heard, "{error:?}, "),
        Err(error) => write!(heard, "{error}, "),
    };
}

/// How many messages came that are no answers.
fn more(terminal: &mut Terminal) -> u32 {
    let mut frame = [0; links::FRAME_MAX];
    let port = terminal.client().port();
    (0..).find(|_| port.receive(&mut frame).is_none()).unwrap_or(u32::MAX)
}

/// What it was told, and what it heard.
struct Told {
    url: Option<Text<{ links::URL_MAX }>>,
    /// The qube to end.
    ends: Option<Text<16>>,
    heard: Text<64>,
    more: u32,
}

impl Echo for Told {
    fn say(&mut self, _: &Caller, text: Text<1024>) -> Text<1024> {
        if text.as_str() == "heard" {
            let mut said = Text::new();
            let _ = write!(said, "{}{} more", self.heard, self.more);
            return said;
        }
        if let Some(name) = text.strip_prefix("end ") {
            self.ends = Some(Text::truncated(name));
            return Text::truncated("later");
        }
        self.url = Some(Text::truncated(&text));
        Text::truncated("asking")
    }

    fn bytes(&mut self, _: &Caller, data: Bytes<64>) -> Bytes<64> {
        data
    }

    fn sink(&mut self, _: &Caller, _: Bytes<64>) {}

    fn sunk(&mut self, _: &Caller) -> u64 {
        0
    }
}
