//! Who waits is told: once, of much at a time where there is much, and never late.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod world;

use ipc_proto_net_api::{Handle, InPlace, NetError, StreamId};
use netvm_core::Quota;
use smoltcp::iface::SocketHandle;
use world::{THEIRS, World, alice, fixed};

const ALL: &str = "net.* @anyvm netvm allow";
/// How late a client may be told of what its card has got, in milliseconds.
const LATE_MS: u64 = 4;
/// What a client asks for at once.
const ASK: usize = 61_440;

/// A world with one stream of `alice` that is open, and who is at the other end.
fn opened() -> (World, StreamId, SocketHandle) {
    let mut world = World::new(&fixed(), Quota::USUAL, 1);
    world.set_rules(ALL);
    let server = world.host.listen(7, 1)[0];
    let stream = world.connect(&alice(), &THEIRS.to_string(), 7).unwrap();
    world.run(5);
    // Else what it sends waits for our acknowledgement of what it sent before.
    world.host.tcp(server).set_nagle_enabled(false);
    (world, stream, server)
}

fn receive(world: &mut World, stream: StreamId) -> Result<usize, NetError> {
    let now = world.now();
    // As the qube does before it serves.
    world.stack.turn(now);
    world.stack.receive(&alice(), stream, &mut vec![0; ASK])
}

fn is_told(world: &mut World) -> bool {
    world.stack.take_ready().next().is_some()
}

/// Dozes until `alice` is told; gives how many milliseconds that took.
fn until_told(world: &mut World) -> u64 {
    let begin = world.ms;
    while !is_told(world) {
        world.doze();
        assert!(world.ms < begin + 1000, "she is never told");
    }
    world.ms - begin
}

/// Has so much carried that both card and stream wait for much at a time.
fn stream_much(world: &mut World, stream: StreamId, server: SocketHandle) {
    let (mut received, mut woken, mut ms) = (0, 0, 0);
    while received < 1_000_000 {
        for _ in 0..8 {
            let _ = world.host.tcp(server).send_slice(&[7; 8192]);
        }
        ms += 1;
        woken += u64::from(world.doze());
        if is_told(world) || received == 0 {
            while let Ok(count @ 1..) = receive(world, stream) {
                received += count;
            }
        }
    }
    assert!(woken <= ms);
    while world.host.tcp(server).send_queue() > 0 || receive(world, stream).is_ok() {
        world.step();
    }
    let _ = is_told(world);
}

#[test]
fn who_got_nothing_is_told_once_without_asking_how_it_is() {
    let (mut world, stream, server) = opened();
    world.host.tcp(server).send_slice(b"early").unwrap();
    world.run(5);
    assert!(!is_told(&mut world), "she does not wait");
    assert_eq!(receive(&mut world, stream), Ok(5));
    assert_eq!(receive(&mut world, stream), Err(NetError::WouldBlock));
    world.run(5);
    assert!(!is_told(&mut world), "nothing came");
    world.host.tcp(server).send_slice(b"answer").unwrap();
    assert!(until_told(&mut world) <= 2);
    world.host.tcp(server).send_slice(b"more").unwrap();
    world.run(5);
    assert!(!is_told(&mut world), "once is enough");
    assert_eq!(receive(&mut world, stream), Ok(10));
    // That was less than half of what she asked for, so she waits again.
    world.host.tcp(server).send_slice(b"more").unwrap();
    assert!(until_told(&mut world) <= 2);
}

#[test]
fn who_got_half_of_what_it_asked_for_asks_again_and_is_not_told() {
    let (mut world, stream, server) = opened();
    world.host.tcp(server).send_slice(b"12345678").unwrap();
    world.run(5);
    assert_eq!(world.stack.receive(&alice(), stream, &mut [0; 8]), Ok(8));
    world.host.tcp(server).send_slice(b"9").unwrap();
    world.run(5);
    assert!(!is_told(&mut world));
    assert_eq!(receive(&mut world, stream), Ok(1));
}

#[test]
fn a_small_answer_is_told_within_milliseconds_whatever_came_before_it() {
    for length in [1, 100, 1460, 5000, 30_000] {
        let (mut world, stream, server) = opened();
        stream_much(&mut world, stream, server);
        for _ in 0..8 {
            assert_eq!(receive(&mut world, stream), Err(NetError::WouldBlock));
            let sent = world.host.tcp(server).send_slice(&vec![7; length]).unwrap();
            assert!(sent > 0);
            let ms = until_told(&mut world);
            // One millisecond is the wire's.
            assert!(ms <= LATE_MS + 1, "{length}: told after {ms} ms");
            while world.host.tcp(server).send_queue() > 0 || receive(&mut world, stream).is_ok() {
                world.step();
            }
            let _ = is_told(&mut world);
        }
    }
}

#[test]
fn so_is_one_for_whoever_asked_how_it_is() {
    let (mut world, stream, server) = opened();
    stream_much(&mut world, stream, server);
    let states = world.stack.poll(&alice(), &[Handle::Stream(stream)]).unwrap();
    assert!(!states[0].readable);
    world.host.tcp(server).send_slice(b"!").unwrap();
    assert!(until_told(&mut world) <= LATE_MS + 1);
}

#[test]
fn an_end_is_told_at_once_even_behind_a_few_bytes() {
    let (mut world, stream, server) = opened();
    stream_much(&mut world, stream, server);
    assert_eq!(receive(&mut world, stream), Err(NetError::WouldBlock));
    world.host.tcp(server).send_slice(b"bye").unwrap();
    world.host.tcp(server).close();
    world.run(2);
    assert!(is_told(&mut world));
    assert_eq!(receive(&mut world, stream), Ok(3));
    assert_eq!(receive(&mut world, stream), Ok(0));
    world.run(5);
    assert!(!is_told(&mut world), "after the end nobody waits");
}

#[test]
fn a_reset_and_a_cut_are_told() {
    for is_cut in [false, true] {
        let (mut world, stream, server) = opened();
        assert_eq!(receive(&mut world, stream), Err(NetError::WouldBlock));
        if is_cut {
            world.set_rules("net.* bob netvm allow");
        } else {
            world.host.tcp(server).abort();
        }
        assert!(until_told(&mut world) <= 2, "{is_cut}");
        let error = if is_cut { NetError::Cut } else { NetError::Reset };
        assert_eq!(receive(&mut world, stream), Err(error));
    }
}

#[test]
fn who_waits_for_a_stream_and_closes_it_is_told_nothing_and_leaves_nothing_to_do() {
    let (mut world, stream, server) = opened();
    assert_eq!(receive(&mut world, stream), Err(NetError::WouldBlock));
    world.stack.close(&alice(), Handle::Stream(stream)).unwrap();
    world.host.tcp(server).abort();
    world.run(50);
    assert!(!is_told(&mut world));
}

#[test]
fn a_stream_of_much_wakes_the_qube_and_its_client_seldom() {
    let (mut world, stream, server) = opened();
    stream_much(&mut world, stream, server);
    let (mut received, mut told) = (0, 0);
    while received < 500_000 {
        for _ in 0..8 {
            let _ = world.host.tcp(server).send_slice(&[7; 8192]);
        }
        world.doze();
        if is_told(&mut world) || received == 0 {
            told += 1;
            while let Ok(count @ 1..) = receive(&mut world, stream) {
                received += count;
            }
        }
    }
    assert!(received / told >= 4096, "told {told} times of {received} bytes");
}
