//! Says back what it is told, and counts what it is not asked to say back.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ipc_proto_echo_api::{self as api, Echo};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Text};
use unikernels_rt::{Qube, main};

main!(echo);

fn echo(qube: Qube) -> i32 {
    let mut server = Server { sunk: 0 };
    let ports = qube.servers(&api::SERVICE);
    qube.ready();
    ports.run(|port, buffers| api::serve(&mut server, port, buffers))
}

struct Server {
    /// Messages to `sink` in this life.
    sunk: u64,
}

impl Echo for Server {
    fn say(&mut self, _: &Caller, text: Text<1024>) -> Text<1024> {
        text
    }

    fn bytes(&mut self, _: &Caller, data: Bytes<64>) -> Bytes<64> {
        data
    }

    fn sink(&mut self, _: &Caller, _: Bytes<64>) {
        self.sunk += 1;
    }

    fn sunk(&mut self, _: &Caller) -> u64 {
        self.sunk
    }
}
