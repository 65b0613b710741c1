//! What is sent over a bad wire arrives whole, in order, once.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod world;

use ipc_proto_net_api::{Handle, InPlace, NetError};
use world::{Faults, Random, THEIRS, THEIRS_V6, World, alice, fixed, small_quota};

const ALL: &str = "net.* @anyvm netvm allow";

/// Sends so many bytes, half-closes, and reads them until their end from a host that has kept them and sends them back.
///
/// Not both ways at once: after a retransmission timeout smoltcp 0.14 sends acknowledgements with the number of what it sends
/// again, which another smoltcp drops as old; when both ends are there, neither hears the other any more.
fn echo(seed: u64, faults: Faults, host: &str, length: usize) -> u64 {
    let mut world = World::new(&fixed(), small_quota(), seed);
    world.set_rules(ALL);
    world.set_faults(faults);
    let server = world.host.listen(7, 1)[0];
    let stream = world.connect(&alice(), host, 7).unwrap();
    let data = Random(seed).bytes(length);
    let (mut sent, mut returned) = (0, Vec::new());
    let mut room = vec![0; 1000];
    let (mut is_shut, mut pending): (bool, Vec<u8>) = (false, Vec::new());
    world.until(2_000_000, |world| {
        if sent < data.len() {
            match world.stack.send(&alice(), stream, &data[sent..]) {
                Ok(count) => sent += count,
                Err(error) => assert_eq!(error, NetError::WouldBlock, "seed {seed}"),
            }
        } else if !is_shut {
            world.stack.shutdown(&alice(), stream).unwrap();
            is_shut = true;
        }
        let socket = world.host.tcp(server);
        if socket.can_recv() {
            pending.extend(socket.recv(|data| (data.len(), data.to_vec())).unwrap());
        } else if !socket.may_recv() && socket.may_send() {
            let count = socket.send_slice(&pending).unwrap();
            pending.drain(..count);
            if pending.is_empty() {
                socket.close();
            }
        }
        match world.stack.receive(&alice(), stream, &mut room) {
            Ok(0) => Some(()),
            Ok(count) => {
                returned.extend_from_slice(&room[..count]);
                None
            }
            Err(error) => {
                assert_eq!(
                    error,
                    NetError::WouldBlock,
                    "seed {seed} at {} ms: {} returned",
                    world.ms,
                    returned.len()
                );
                None
            }
        }
    });
    assert!(is_shut && sent == data.len());
    assert!(returned == data, "seed {seed}: {} of {} bytes", returned.len(), data.len());
    assert_eq!(world.stack.send(&alice(), stream, b"more"), Err(NetError::Closed));
    world.stack.close(&alice(), Handle::Stream(stream)).unwrap();
    assert_eq!(world.stack.send(&alice(), stream, b"more"), Err(NetError::NoSuchHandle));
    world.harmed
}

#[test]
fn a_transfer_over_a_good_wire_is_whole() {
    assert_eq!(echo(1, Faults::default(), &THEIRS.to_string(), 1_000_000), 0);
    assert_eq!(echo(2, Faults::default(), &THEIRS_V6.to_string(), 1_000_000), 0);
}

#[test]
fn a_transfer_over_a_wire_that_loses_repeats_and_reorders_is_whole() {
    let bad = [
        Faults { lost: 10, ..Faults::default() },
        Faults { repeated: 30, ..Faults::default() },
        Faults { reordered: 30, ..Faults::default() },
        Faults { lost: 5, repeated: 10, reordered: 20 },
    ];
    for (seed, faults) in (0..24).zip(bad.into_iter().cycle()) {
        let host = if seed % 8 < 4 { THEIRS.to_string() } else { THEIRS_V6.to_string() };
        let harmed = echo(seed, faults, &host, 60_000);
        assert!(harmed > 5, "seed {seed}: {harmed} frames were harmed");
    }
}
