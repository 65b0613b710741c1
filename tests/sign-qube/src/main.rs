//! Asks a vault for signatures when it is told to, and waits for consent.
//!
//! `say work 'KEY SECONDS TEXT'` has it ask for a signature of TEXT with the key of this number (16 hex digits), for so many
//! seconds; `say work keys` for the keys it may use. It answers `asking` at once, and prints what came of it on the terminal:
//! `TEXT: ` and the signature in hex digits, or `refused`, or why there was no answer; `keys: ` and how many.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::fmt::Write;

use ipc_proto_console_api::{self as console, ConsoleClient};
use ipc_proto_echo_api::{self as echo, Echo};
use ipc_proto_rpc::Caller;
use ipc_proto_sign_api::{self as sign, KeyRef, NoSignature, SignClient, sign_patiently};
use ipc_proto_types::{Bytes, Text};
use unikernels_rt::{Channel, Qube, log, main};

main!(work);

type Signer = SignClient<'static, Channel>;

fn work(qube: Qube) -> i32 {
    let mut ports = qube.servers(&echo::SERVICE);
    let (Some(vault), Some(terminal)) = (qube.client(&sign::SERVICE), qube.client(&console::SERVICE)) else {
        log!("work: no channels");
        return 1;
    };
    let signer = qube.place(SignClient::new(qube.place(vault)));
    let mut terminal = ConsoleClient::new(qube.place(terminal));
    let mut told = Told(None);
    qube.ready();
    loop {
        ports.serve(&mut |port, buffers| echo::serve(&mut told, port, buffers));
        let Some(task) = told.0.take() else {
            qube.wait(None);
            continue;
        };
        // The answer goes out with the first request.
        let line = done(signer, &task);
        if terminal.print(line).is_err() {
            log!("work: nobody shows what came of it");
        }
    }
}

/// Does what it was told; gives the line that says what came of it.
fn done(signer: &mut Signer, task: &str) -> Text<256> {
    let mut line = Text::new();
    // Whoever tells it keeps the text short enough for a line.
    let _ = match asked(task) {
        Some((key, patience_ms, text)) => match Bytes::try_from(text.as_bytes()) {
            Ok(data) => match sign_patiently(signer, &KeyRef::Id(key), &data, patience_ms) {
                Ok(signature) => write!(line, "{text}: ")
                    .and_then(|()| signature.iter().try_for_each(|byte| write!(line, "{byte:02x}"))),
                Err(NoSignature::Refused) => write!(line, "{text}: refused"),
                Err(NoSignature::Call(error)) => write!(line, "{text}: {error}"),
            },
            Err(_) => write!(line, "work: too long"),
        },
        None => match signer.identities() {
            Ok(keys) => write!(line, "keys: {}", keys.len()),
            Err(error) => write!(line, "keys: {error}"),
        },
    };
    line
}

/// Key, patience in milliseconds, and what is to be signed.
fn asked(task: &str) -> Option<(u64, u64, &str)> {
    let (key, rest) = task.split_once(' ')?;
    let (seconds, text) = rest.split_once(' ')?;
    let seconds: u64 = seconds.parse().ok()?;
    Some((u64::from_str_radix(key, 16).ok()?, seconds.saturating_mul(1_000), text))
}

/// What it was told last, until it is done.
struct Told(Option<Text<1024>>);

impl Echo for Told {
    fn say(&mut self, _: &Caller, text: Text<1024>) -> Text<1024> {
        self.0 = Some(text);
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
