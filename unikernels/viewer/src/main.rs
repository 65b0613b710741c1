//! The viewer qube: a disposable that opens one document of the web.
//!
//! What it does is in `unikernels-viewer-core`; this is the wiring: channels, time, memory. It has no storage, no vault, no
//! device; its life ends when whoever opened the document ends it, and with it all that was ever in its memory.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use ipc_proto_net_api::{self as net, NetClient};
use ipc_proto_open_api::{self as open, OpenNotifier};
use ipc_proto_rpc::{Port, PortState, Ticks};
use unikernels_rt::{Qube, log};
use unikernels_sdk::{Csprng, SEED_BYTES};
use unikernels_viewer_core::{Network, Trust, Turn, Viewer};

unikernels_rt::main!(main);

fn main(qube: Qube) -> i32 {
    // Buffers first: the heap takes all that is left of the arena.
    let mut opens = qube.servers(&open::SERVICE);
    let Some(channel) = qube.client(&net::SERVICE) else {
        log!("no network: give this qube a channel of service net");
        return 1;
    };
    let client = qube.place(NetClient::new(qube.place(channel)));
    let mut network = Network::new(client);
    let Some(trust) = trust(qube) else { return 1 };
    let mut viewer = Viewer::new(trust);
    qube.ready();
    loop {
        viewer.set_now(now_ms(qube), qube.unix_time().seconds);
        let turn = viewer.turn(&mut network);
        if viewer.take_changed() {
            for port in opens.ports().filter(|port| port.facts().state == PortState::Open) {
                // Who leaves no room asks by itself.
                let _ = OpenNotifier::new(port).changed();
            }
        }
        let until = match turn {
            Turn::Again => Some(Ticks(0)),
            Turn::Wait { until_ms } => until_ms.map(|ms| qube.in_ms(ms.saturating_sub(now_ms(qube)))),
        };
        opens.turn(until, &mut |port, buffers| {
            viewer.set_now(now_ms(qube), qube.unix_time().seconds);
            open::serve(&mut viewer, port, buffers)
        });
    }
}

/// The authorities of the web, and those that the manifest adds: `root=`, once for each, a certificate in base64.
fn trust(qube: Qube) -> Option<Trust> {
    let mut seed = [0; SEED_BYTES];
    qube.random().fill(&mut seed);
    let mut trust = Trust::web(Csprng::new(seed));
    for (number, (_, root)) in qube.args().iter().filter(|(key, _)| *key == "root").enumerate() {
        if let Err(fault) = trust.add(root) {
            // Not the argument itself: it may be longer than a line of the log.
            log!("argument root=, number {} of them: {fault}", number + 1);
            return None;
        }
    }
    Some(trust)
}

fn now_ms(qube: Qube) -> u64 {
    qube.clock().ns(qube.now().0) / 1_000_000
}
