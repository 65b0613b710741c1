//! Qubes that break the rules of a queue. Each loses its own channel; a pair of canaries beside it notices nothing.

use ipc_proto_ctl_api as ctl;
use ipc_proto_echo_api as echo;
use ipc_proto_rpc::PortState;
use ipc_proto_types::{ErrorCode, Kind};
use ipc_proto_wire::Header;
use supervisor_image::layout::RAM_BASE;
use supervisor_monitor::{Outcome, Page, Record, Refusal};
use supervisor_sim::{Cpu, Driven, Driver, MS, NEXT, Plan, Ring, Rng, WRITE, World};
use supervisor_vcpu::Exit;
use supervisor_virtio::control::Event;
use supervisor_virtio::{Malformed, offset};
use tests_sim::{Caller, EchoServer, Shared, frame};

/// Ends of the memory of a qube of the plan.
const RAM_END: u64 = RAM_BASE + 128 * 4096;

/// What the audit says of the attacker, qube 0, in refusals.
fn refusals(driven: &Driven<'_, '_, '_>) -> Vec<Record> {
    let world = driven.world();
    let records = (0..world.monitor().records()).filter_map(|sequence| world.monitor().record(sequence));
    records.filter(|record| record.outcome == Outcome::Refused).collect()
}

/// Plays `attack` in a qube with a channel to `server` on port 0 and another on port 1, beside a pair of canaries of which
/// one is a client of the same server. Afterwards the canaries must have noticed nothing.
fn beside_canaries(seed: u64, attack: impl FnOnce(&Driven<'_, '_, '_>)) {
    let mut plan = Plan::new(&["attacker", "server", "client", "canary", "nest"]);
    plan.channel("attacker", "server", &echo::SERVICE);
    plan.channel("attacker", "server", &echo::SERVICE);
    plan.channel("client", "server", &echo::SERVICE);
    plan.channel("canary", "nest", &echo::SERVICE);
    let (image, diaries) = (plan.image(), [Shared::default(), Shared::default()]);
    let mut world = World::new(&image, seed);
    world.program("server", |_| EchoServer::default());
    world.program("nest", |_| EchoServer::default());
    for (name, diary) in ["client", "canary"].into_iter().zip(&diaries) {
        world.program(name, |_| Caller::new(MS / 2, diary, Rng::new(seed)));
    }
    let attacker = world.drive("attacker");
    world.boot();
    let driven = Driven::start(&mut world, attacker);
    driven.sleep(10 * MS);
    attack(&driven);
    driven.sleep(100 * MS);
    assert!(driven.world().texts_are_untouched());
    for diary in &diaries {
        let diary = diary.borrow();
        assert!(diary.replies > 150, "{diary:?}");
        assert!(diary.calls - diary.replies <= 1, "{diary:?}");
        assert_eq!((diary.errors.len(), diary.restarts.len(), diary.timeouts), (0, 0, 0), "{diary:?}");
        assert!(diary.slowest < MS, "{diary:?}");
    }
}

/// The attacker spoils the queues of port 0 and tells the device; that must be refused for `why`, must close that port, and
/// must leave port 1 alone.
fn poisons(why: Refusal, spoil: impl FnOnce(&mut Driver, &mut Cpu<'_>)) {
    beside_canaries(7, |attacker| {
        assert_eq!([0, 1].map(|port| attacker.facts(port).state), [PortState::Open; 2]);
        assert!(refusals(attacker).is_empty());
        attacker.with(spoil);
        attacker.leave(Exit::Notify { queue: 1 });
        let refused = refusals(attacker);
        assert_eq!(refused.iter().map(|record| record.why).collect::<Vec<_>>(), [why.code()], "{why:?}");
        assert_eq!((refused[0].from, refused[0].to), (0, 1));
        assert_eq!(attacker.facts(0).state, PortState::Closed);
        let status = attacker.with(|_, cpu| cpu.page_u32(Page::Console, offset::STATUS));
        assert_eq!(status & 64, 64, "the owner is told: DEVICE_NEEDS_RESET");
        // The other port goes on.
        attacker.send(1, &frame(&echo::SERVICE, 3, Kind::Call, 1, &[]));
        assert_eq!(attacker.next_message(1).map(|message| message[18]), Some(Kind::Reply.as_u8()));
        // The poisoned one stays closed, whatever the attacker says.
        attacker.with(|driver, cpu| driver.say(cpu, 0, Event::PortOpen, 1));
        attacker.settle();
        assert_eq!(attacker.facts(0).state, PortState::Closed);
        assert_eq!(refusals(attacker).last().unwrap().why, Refusal::Control.code());
    });
}

/// A message of two pieces, `first` described honestly and the second as told.
fn chain(tx: &mut Ring, cpu: &mut Cpu<'_>, at: u64, len: u32, flags: u16, next: u16) {
    let message = frame(&echo::SERVICE, 3, Kind::Call, 1, &[]);
    cpu.ram().write(tx.buffer(0), &message).unwrap();
    tx.describe(cpu.ram(), 0, tx.buffer(0), 32, NEXT, 1);
    tx.describe(cpu.ram(), 1, at, len, flags, next);
    tx.offer(cpu.ram(), 0);
}

/// Poisons port 0 by what a second descriptor says.
fn second(why: Malformed, at: u64, len: u32, flags: u16, next: u16) {
    poisons(Refusal::Queue(why), |driver, cpu| chain(&mut driver.ports[0].tx, cpu, at, len, flags, next));
}

#[test]
fn an_available_index_that_runs_ahead_poisons() {
    for ahead in [9, 1000, 0x8000, u16::MAX] {
        poisons(Refusal::Queue(Malformed::Index), |driver, cpu| {
            let tx = &driver.ports[0].tx;
            let index = tx.made.wrapping_add(ahead).to_le_bytes();
            cpu.ram().write(tx.available + 2, &index).unwrap();
        });
    }
}

#[test]
fn a_descriptor_number_outside_the_table_poisons() {
    for head in [8, 9, 64, u16::MAX] {
        poisons(Refusal::Queue(Malformed::Descriptor), |driver, cpu| {
            driver.ports[0].tx.offer(cpu.ram(), head)
        });
        second(Malformed::Descriptor, RAM_END - 64, 1, NEXT, head);
    }
}

#[test]
fn a_chain_that_loops_poisons() {
    second(Malformed::ChainTooLong, RAM_END - 64, 0, NEXT, 1);
    second(Malformed::ChainTooLong, RAM_END - 64, 1, NEXT, 0);
    second(Malformed::ChainTooLong, RAM_END - 1024, 1024, NEXT, 1);
}

#[test]
fn a_chain_that_is_too_long_poisons() {
    poisons(Refusal::Queue(Malformed::TooLong), |driver, cpu| {
        let tx = &mut driver.ports[0].tx;
        // Eight pieces of 16 KiB, every one the same memory.
        for slot in 0..8 {
            tx.describe(cpu.ram(), slot, RAM_END - 0x8000, 0x4000, if slot < 7 { NEXT } else { 0 }, slot + 1);
        }
        tx.offer(cpu.ram(), 0);
    });
}

#[test]
fn a_length_of_four_gigabytes_poisons() {
    second(Malformed::TooLong, RAM_END - 64, u32::MAX, 0, 0);
    second(Malformed::TooLong, u64::MAX - 3, u32::MAX, 0, 0);
    poisons(Refusal::Queue(Malformed::TooLong), |driver, cpu| {
        driver.ports[0].tx.describe(cpu.ram(), 0, RAM_BASE, u32::MAX, 0, 0);
        driver.ports[0].tx.offer(cpu.ram(), 0);
    });
}

#[test]
fn a_flag_that_was_not_negotiated_poisons() {
    for flags in [4, 8, 0x8000, WRITE, WRITE | NEXT, 4 | NEXT] {
        second(Malformed::Flags, RAM_END - 64, 1, flags, 0);
        poisons(Refusal::Queue(Malformed::Flags), |driver, cpu| {
            driver.ports[0].tx.describe(cpu.ram(), 0, RAM_END - 64, 32, flags, 1);
            driver.ports[0].tx.describe(cpu.ram(), 1, RAM_END - 64, 32, flags, 1);
            driver.ports[0].tx.offer(cpu.ram(), 0);
        });
    }
}

#[test]
fn a_buffer_outside_the_qubes_memory_poisons() {
    for at in [
        0,
        0x10_0000,
        0x10_2000,
        RAM_BASE - 1,
        RAM_END - 1,
        RAM_END,
        1 << 40,
        u64::MAX,
        u64::MAX - 1,
        1 << 63,
    ] {
        second(Malformed::Outside, at, 2, 0, 0);
    }
}

#[test]
fn a_receive_buffer_that_cannot_be_written_poisons_and_its_caller_is_told() {
    let text = RAM_BASE;
    let cases = [
        (Malformed::Flags, RAM_END - 64, 64, 0),
        (Malformed::Flags, RAM_END - 64, 64, WRITE | NEXT),
        (Malformed::Flags, RAM_END - 64, 64, WRITE | 4),
        (Malformed::Outside, text, 128, WRITE),
        (Malformed::Outside, RAM_END - 8, 128, WRITE),
        (Malformed::Outside, 0x10_2000, 128, WRITE),
        (Malformed::Outside, u64::MAX - 8, 128, WRITE),
    ];
    for (why, at, len, flags) in cases {
        let mut plan = Plan::new(&["server", "client"]);
        plan.channel("client", "server", &echo::SERVICE);
        let (image, diary) = (plan.image(), Shared::default());
        let mut world = World::new(&image, 0);
        world.program("client", |_| Caller::new(MS, &diary, Rng::new(1)));
        let server = world.drive("server");
        world.boot();
        let server = Driven::start(&mut world, server);
        server.with(|driver, cpu| {
            let rx = &driver.ports[0].rx;
            (0..rx.size).for_each(|slot| rx.describe(cpu.ram(), slot, at, len, flags, 0));
        });
        server.sleep(10 * MS);
        let refused = refusals(&server);
        assert_eq!(
            refused.iter().map(|record| record.why).collect::<Vec<_>>(),
            [Refusal::ReceiverQueue(why).code()]
        );
        assert_eq!(server.facts(0).state, PortState::Closed);
        assert_eq!(diary.borrow().errors, [ErrorCode::PeerGone], "{why:?} at {at:#x}");
        assert!(server.world().texts_are_untouched());
    }
}

#[test]
fn a_client_whose_receive_queue_is_malformed_loses_its_channel_to_the_supervisor_too() {
    for (at, len, flags, why) in [
        (RAM_END - 64, 64, 0, Refusal::ReceiverQueue(Malformed::Flags)),
        (RAM_BASE, 0x1000, WRITE, Refusal::ReceiverQueue(Malformed::Outside)),
        // Its own buffers, but too short for the answer.
        (0, 40, WRITE, Refusal::ReceiverTooSmall),
    ] {
        let mut plan = Plan::new(&["attacker"]);
        plan.channel("attacker", "@supervisor", &ctl::SERVICE);
        let image = plan.image();
        let mut world = World::new(&image, 0);
        let attacker = world.drive("attacker");
        world.boot();
        let attacker = Driven::start(&mut world, attacker);
        attacker.with(|driver, cpu| {
            let rx = &driver.ports[0].rx;
            for slot in 0..rx.size {
                let at = if at == 0 { rx.buffer(slot) } else { at };
                rx.describe(cpu.ram(), slot, at, len, flags, 0);
            }
        });
        attacker.send(0, &frame(&ctl::SERVICE, 0, Kind::Call, 1, &[]));
        assert_eq!(refusals(&attacker).iter().map(|record| record.why).collect::<Vec<_>>(), [why.code()]);
        let small = why == Refusal::ReceiverTooSmall;
        assert_eq!(attacker.facts(0).state, if small { PortState::Open } else { PortState::Closed });
        let told = attacker.receive(0).map(|message| message[32]);
        assert_eq!(told, small.then_some(ErrorCode::TooLarge.as_u8()));
    }
}

#[test]
fn rings_outside_or_out_of_shape_are_refused() {
    let good = |ring: &Ring| [u64::from(ring.size), ring.descriptors, ring.available, ring.used];
    let spoils: &[(usize, &[u64])] = &[
        (0, &[0, 3, 65, 128, 0xffff]),
        (1, &[0, RAM_BASE - 16, RAM_END, u64::MAX - 15, 0x10_0000, RAM_END - 16, 8]),
        (2, &[0, RAM_BASE - 2, RAM_END, u64::MAX, 0x10_1000, RAM_END - 8, 1]),
        // The used ring must be writable: not in text.
        (3, &[0, RAM_BASE, RAM_END, u64::MAX - 3, 0x10_2000, RAM_END - 8, 2]),
    ];
    for (field, values) in spoils {
        for value in *values {
            let image = {
                let mut plan = Plan::new(&["attacker", "server"]);
                plan.channel("attacker", "server", &echo::SERVICE);
                plan.image()
            };
            let mut world = World::new(&image, 0);
            let attacker = world.drive("attacker");
            world.boot();
            let attacker = Driven::start(&mut world, attacker);
            attacker.with(|driver, _| {
                let mut ring = driver.ports[0].rx.clone();
                let mut fields = good(&ring);
                // A small value is a distance from the good address.
                fields[*field] = if *value < 16 && *field > 0 { fields[*field] + value } else { *value };
                Driver::negotiation().into_iter().for_each(|exit| driver.want(exit));
                (ring.size, ring.descriptors) = (u16::try_from(fields[0]).unwrap(), fields[1]);
                (ring.available, ring.used) = (fields[2], fields[3]);
                ring.registers(0).into_iter().for_each(|exit| driver.want(exit));
            });
            attacker.settle();
            let is_good = *value == 0 && *field > 0;
            let ready = attacker.with(|_, cpu| cpu.page_u32(Page::Console, offset::QUEUE_READY));
            assert_eq!(ready, u32::from(is_good), "field {field}, {value:#x}");
            let last = refusals(&attacker).last().map(|record| record.why);
            assert_eq!(last, (!is_good).then_some(Refusal::Control.code()), "field {field}, {value:#x}");
        }
    }
}

#[test]
fn a_message_that_changes_while_it_is_read_is_delivered_as_it_was_checked() {
    beside_canaries(3, |attacker| {
        attacker.with(|_, cpu| cpu.ram().flicker());
        for number in 1..=200u8 {
            let (correlation, body) = (u64::from(number), [&[64][..], &[number; 64]].concat());
            let message = frame(&echo::SERVICE, 1, Kind::Call, correlation, &body);
            attacker.send(0, &message);
            let reply = attacker.next_message(0).expect("an echo");
            let (header, said) = Header::parse(&reply).unwrap();
            assert_eq!((header.kind, header.correlation, said), (Kind::Reply, correlation, &body[..]));
            let changed = attacker.with(|driver, cpu| {
                let tx = &driver.ports[0].tx;
                (0..8).any(|slot| {
                    cpu.ram().read(tx.buffer(slot), 16).unwrap()
                        == message[..16].iter().map(|b| !b).collect::<Vec<_>>()
                })
            });
            assert!(changed, "the attack did not run");
        }
    });
}

#[test]
fn control_messages_that_make_no_sense_are_written_down() {
    beside_canaries(1, |attacker| {
        let mut expected = 0;
        for message in [
            &[][..],
            &[0; 7],
            &[0, 0, 0, 0, 1, 0, 1, 0],
            &[0, 0, 0, 0, 7, 0, 1, 0],
            &[0, 0, 0, 0, 99, 0, 1, 0],
            &[2, 0, 0, 0, 6, 0, 1, 0],
            &[24, 0, 0, 0, 3, 0, 1, 0],
            &[0xff, 0xff, 0xff, 0xff, 6, 0, 1, 0],
        ] {
            attacker.with(|driver, cpu| driver.say_bytes(cpu, message));
            attacker.settle();
            expected += 1;
            let refused = refusals(attacker);
            assert_eq!(refused.len(), expected, "{message:?}");
            assert!(refused.iter().all(|record| record.why == Refusal::Control.code()));
        }
        attacker.with(|driver, cpu| driver.say_bytes(cpu, &[0; 9]));
        attacker.settle();
        assert_eq!(refusals(attacker)[expected].why, Refusal::Queue(Malformed::TooLong).code());
    });
}

#[test]
fn notifications_and_registers_that_do_not_exist_are_written_down() {
    beside_canaries(2, |attacker| {
        let mut expected = 0;
        let queues = [6 + 2, 6 + 3, 50, 51, 0xffff, 0x1_0001, 0x2_0000, u32::MAX];
        let notify = queues.into_iter().map(|queue| Exit::Notify { queue });
        let registers = [0x000, 0x034, 0x0fc, 0x100, 0x101, 0xffff, 2 << 16, u64::MAX, 1 << 32];
        let write = registers.into_iter().map(|register| Exit::Register { register, value: 1 });
        for exit in notify.chain(write) {
            attacker.leave(exit);
            expected += 1;
            assert_eq!(refusals(attacker).len(), expected, "{exit:?}");
        }
    });
}

#[test]
fn a_malformed_control_queue_is_poisoned_and_the_ports_go_on() {
    for (transmit, why) in [(true, Malformed::Index), (false, Malformed::Flags)] {
        beside_canaries(4, |attacker| {
            attacker.with(|driver, cpu| {
                if transmit {
                    cpu.ram().write(driver.control_tx.available + 2, &[0xff, 0x7f]).unwrap();
                    driver.want(Exit::Notify { queue: 3 });
                } else {
                    // Readable buffers where the device should write, and something for it to announce.
                    let rx = &driver.control_rx;
                    (0..rx.size).for_each(|slot| rx.describe(cpu.ram(), slot, rx.buffer(slot), 64, 0, 0));
                    driver.say(cpu, 0, Event::PortReady, 1);
                }
            });
            attacker.settle();
            let refused: Vec<_> = refusals(attacker).iter().map(|record| record.why).collect();
            assert_eq!(refused, [Refusal::Queue(why).code()]);
            attacker.send(1, &frame(&echo::SERVICE, 3, Kind::Call, 1, &[]));
            assert_eq!(attacker.next_message(1).map(|message| message[18]), Some(Kind::Reply.as_u8()));
        });
    }
}

#[test]
fn a_port_opened_again_and_again_does_not_wake_its_peer() {
    let mut plan = Plan::new(&["attacker", "server"]);
    plan.channel("attacker", "server", &echo::SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    let attacker = world.drive("attacker");
    world.boot();
    let attacker = Driven::start(&mut world, attacker);
    attacker.sleep(10 * MS);
    let before = attacker.world().tally("server");
    for _ in 0..1000 {
        attacker.with(|driver, cpu| driver.say(cpu, 0, Event::PortOpen, 1));
        attacker.settle();
    }
    attacker.sleep(10 * MS);
    assert_eq!(attacker.world().tally("server"), before);
}

#[test]
fn a_port_closed_and_opened_again_is_another_life_of_the_channel() {
    let mut plan = Plan::new(&["server", "client"]);
    plan.channel("client", "server", &echo::SERVICE);
    let (image, diary) = (plan.image(), Shared::default());
    let mut world = World::new(&image, 0);
    world.program("client", |_| Caller::new(0, &diary, Rng::new(1)));
    let server = world.drive("server");
    world.boot();
    let server = Driven::start(&mut world, server);
    for _ in 0..20 {
        // It answers a call, takes the next, and closes its ears before it answers.
        for answered in [true, false] {
            let call = server.next_message(0).expect("a call");
            if answered {
                let reply = [&call[..18], &[Kind::Reply.as_u8()], &call[19..]].concat();
                server.send(0, &reply);
            }
        }
        for value in [0, 1] {
            server.with(|driver, cpu| driver.say(cpu, 0, Event::PortOpen, value));
            server.settle();
        }
    }
    server.sleep(MS);
    let diary = diary.borrow();
    assert_eq!((diary.replies, diary.restarts.len(), diary.timeouts), (20, 20, 0), "{diary:?}");
    assert!(diary.errors.is_empty(), "{diary:?}");
}
