//! The smallest qube: says hello in its log and on the terminal, and ends.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::fmt::Write;

use ipc_proto_console_api::{ConsoleClient, SERVICE};
use ipc_proto_types::Text;
use unikernels_rt::{Qube, log, main};

main!(hello);

fn hello(qube: Qube) -> i32 {
    let mut line = Text::new();
    // A name is far shorter than a line, so this fits.
    let _ = write!(line, "hello from {}", qube.name());
    log!("{line}");
    let Some(mut port) = qube.client(&SERVICE) else {
        return 0; // No terminal to say it on, as under a stock uhyve.
    };
    let said = ConsoleClient::new(&mut port).print(line);
    i32::from(said.is_err())
}
