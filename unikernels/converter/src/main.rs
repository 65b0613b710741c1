//! The converter qube: a disposable that decodes one picture file.
//!
//! What it does is in `unikernels-converter-core`; this is the wiring. It has no network, no storage, no vault and no device; its
//! life ends when whoever sent the file ends it, and with it all that was ever in its memory.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ipc_proto_convert_api as api;
use unikernels_converter_core::Converter;
use unikernels_rt::{Qube, main};

main!(converter);

fn converter(qube: Qube) -> i32 {
    let mut converter = Converter::new();
    // Buffers first: the heap takes all that is left of the arena.
    let ports = qube.servers(&api::SERVICE);
    qube.ready();
    ports.run(|port, buffers| api::serve(&mut converter, port, buffers))
}
