//! Says back what it is told, and panics at the word `panic`: for tests of what a person sees then.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ipc_proto_echo_api::{self as api, Echo};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Text};
use unikernels_rt::{Qube, main};

main!(fragile);

fn fragile(qube: Qube) -> i32 {
    let ports = qube.servers(&api::SERVICE);
    qube.ready();
    ports.run(|port, buffers| api::serve(&mut Fragile, port, buffers))
}

struct Fragile;

impl Echo for Fragile {
    fn say(&mut self, _: &Caller, text: Text<1024>) -> Text<1024> {
        assert!(text != "panic", "it was told to panic");
        text
    }

    fn bytes(&mut self, _: &Caller, data: Bytes<64>) -> Bytes<64> {
        data
    }

    fn sink(&mut self, _: &Caller, _: Bytes<64>) {}

    fn sunk(&mut self, _: &Caller) -> u64 {
        0
    }
}
