//! Tells the time: the wall clock of the machine, for qubes that ask.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ipc_proto_clock_api::{self as api, Clock, Time};
use ipc_proto_rpc::Caller;
use unikernels_rt::{Qube, main};

main!(clock);

fn clock(qube: Qube) -> i32 {
    let mut server = Server { qube };
    let ports = qube.servers(&api::SERVICE);
    qube.ready();
    ports.run(|port, buffers| api::serve(&mut server, port, buffers))
}

struct Server {
    qube: Qube,
}

impl Clock for Server {
    fn now(&mut self, _: &Caller) -> Time {
        let now = self.qube.unix_time();
        Time { unix_seconds: now.seconds, nanoseconds: now.nanoseconds }
    }
}
