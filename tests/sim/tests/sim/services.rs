//! The services of the supervisor, through real messages: ctl and log.

use ipc_proto_ctl_api::{
    self as ctl, AuditEntry, AuditVerdict, CtlClient, EndReason, NOBODY, QubeState, Verdict,
};
use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_log_api::{self as log, LogClient};
use ipc_proto_rpc::CallError;
use ipc_proto_types::{Label, Text};
use supervisor_image::Restart;
use supervisor_sim::{Cpu, Driven, MS, Plan, SECOND, Stop, World};
use supervisor_vcpu::{Exit, Ticks};
use tests_sim::EchoServer;

/// Where a guest of these tests keeps text for the log.
const TEXT_AT: u64 = 0x20_0000 + 64 * 4096;

/// The operator has ctl on port 0, log on port 1 and an echo on port 2.
fn plan() -> Plan {
    let mut plan = Plan::new(&["operator", "server", "mayfly"]);
    plan.channel("operator", "@supervisor", &ctl::SERVICE);
    plan.channel("operator", "@supervisor", &log::SERVICE);
    plan.channel("operator", "server", &echo::SERVICE).decisions = vec![1, 0, 2, 1];
    plan.qube("mayfly").restart = Restart::Never;
    plan
}

fn operate(test: impl FnOnce(&Driven<'_, '_, '_>)) {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    world.program("mayfly", |_| |_: &mut Cpu<'_>| Exit::Finish { code: -3 });
    let operator = world.drive("operator");
    world.boot();
    let operator = Driven::start(&mut world, operator);
    operator.sleep(10 * MS);
    test(&operator);
}

#[test]
fn ctl_tells_what_runs() {
    operate(|operator| {
        let mut port = operator.port(0);
        let mut ctl = CtlClient::new(&mut port);
        let system = ctl.system().unwrap();
        assert_eq!((system.name.as_str(), system.qubes, system.channels), ("sim", 3, 3));
        assert_eq!(
            (system.memory_pages, system.messages, system.refused),
            (3 * 128, 2, 0),
            "that mayfly ended, and this call"
        );
        assert!((10_000_000..20_000_000).contains(&system.uptime_ns), "{}", system.uptime_ns);
        let names: Vec<_> =
            (0..5).map(|index| ctl.qube(index).unwrap().map(|it| it.name.as_str().to_string())).collect();
        assert_eq!(
            names,
            ["operator", "server", "mayfly"]
                .map(|name| Some(name.to_string()))
                .into_iter()
                .chain([None, None])
                .collect::<Vec<_>>()
        );
        let states: Vec<_> = (0..3).map(|index| ctl.qube(index).unwrap().unwrap()).collect();
        assert_eq!(
            [&states[0], &states[1], &states[2]].map(|it| it.state),
            [QubeState::Running, QubeState::Waiting, QubeState::Ended]
        );
        assert_eq!(states[2].last_end, Some(EndReason::Exit(-3)));
        assert_eq!((states[1].label, states[1].memory_kib, states[1].generation), (Label::Work, 512, 1));
        assert_eq!(ctl.qube(255).unwrap(), None);
        let channel = ctl.channel(2).unwrap().unwrap();
        assert_eq!(
            (channel.client, channel.server, channel.service.as_str(), channel.open),
            (0, Some(1), "echo", true)
        );
        assert_eq!(&channel.verdicts[..], [Verdict::Allow, Verdict::Deny, Verdict::Ask, Verdict::Allow]);
        assert_eq!(ctl.channel(0).unwrap().unwrap().server, None);
        assert_eq!((ctl.channel(3), ctl.channel(64), ctl.channel(255)), (Ok(None), Ok(None), Ok(None)));
        let service = ctl.service(2).unwrap().unwrap();
        assert_eq!(
            (service.name.as_str(), service.version, &service.id[..]),
            ("echo", 1, &echo::SERVICE.id.0[..])
        );
        assert_eq!(ctl.service(3), Ok(None));
    });
}

#[test]
fn ctl_tells_the_text_of_every_service_piece_by_piece() {
    operate(|operator| {
        let mut port = operator.port(0);
        let mut ctl = CtlClient::new(&mut port);
        for (index, service) in (0..).zip([&ctl::SERVICE, &log::SERVICE, &echo::SERVICE]) {
            let mut text = String::new();
            loop {
                let from = u16::try_from(text.len()).unwrap();
                let piece = ctl.schema(index, from).unwrap().unwrap();
                if piece.is_empty() {
                    break;
                }
                text.push_str(piece.as_str());
            }
            assert_eq!(text, service.canonical().as_str());
            assert_eq!(ctl.schema(index, u16::MAX), Ok(Some(Text::new())));
        }
        assert_eq!((ctl.schema(3, 0), ctl.schema(255, 0)), (Ok(None), Ok(None)));
    });
}

#[test]
fn a_kill_names_a_qube_that_is_there() {
    operate(|operator| {
        let mut port = operator.port(0);
        let mut ctl = CtlClient::new(&mut port);
        for (name, answer) in [
            ("nobody", Err(ctl::CtlError::NoSuchQube)),
            ("", Err(ctl::CtlError::NoSuchQube)),
            ("mayfly", Err(ctl::CtlError::NotRunning)),
            ("server", Ok(2)),
            ("server", Err(ctl::CtlError::NotRunning)),
        ] {
            assert_eq!(ctl.kill(Text::truncated(name)), Ok(answer), "{name}");
        }
        assert_eq!(ctl.qube(1).unwrap().unwrap().state, QubeState::Restarting);
        operator.sleep(SECOND);
        assert_eq!(ctl.qube(1).unwrap().unwrap().state, QubeState::Waiting);
    });
}

#[test]
fn a_qube_may_kill_itself() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    let operator = world.drive("operator");
    world.boot();
    let driven = Driven::start(&mut world, operator);
    let mut port = driven.port(0);
    // It never hears the answer; what comes back is its next life.
    let mut ctl = CtlClient::new(&mut port);
    ctl.client().set_timeout_ms(1);
    let died =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ctl.kill(Text::truncated("operator"))));
    assert!(died.is_err() || died.is_ok_and(|answer| answer.is_err()));
    let world = driven.world();
    assert_eq!(world.monitor().generation(operator).0, 2);
}

/// All entries from the newest on.
fn audit(operator: &Driven<'_, '_, '_>) -> Vec<AuditEntry> {
    let mut port = operator.port(0);
    let mut ctl = CtlClient::new(&mut port);
    // The typed client counts from 1; these calls go on where the channel is.
    let (mut before, mut entries) = (u64::MAX, Vec::new());
    loop {
        let page = ctl.audit(before).unwrap();
        entries.extend(page.entries.iter().copied());
        before = page.next;
        if before == 0 {
            return entries;
        }
    }
}

#[test]
fn the_audit_is_read_in_pages_newest_first_without_a_gap() {
    operate(|operator| {
        let mut port = operator.port(2);
        let mut echo = EchoClient::new(&mut port);
        for number in 0..25u8 {
            let text = Text::truncated(&"x".repeat(number.into()));
            assert_eq!(echo.say(text.clone()), Ok(text));
        }
        assert_eq!(echo.bytes([0; 64].into()), Err(CallError::Denied));
        let entries = audit(operator);
        let sequences: Vec<u64> = entries.iter().map(|entry| entry.sequence).collect();
        let newest = sequences[0];
        assert_eq!(sequences, (1..=newest).rev().collect::<Vec<_>>());
        assert!(entries.windows(2).all(|pair| pair[0].time_ns >= pair[1].time_ns));
        // The newest is the question for the audit itself; before it the denied call, then the echoes.
        let [own, denied, echoed] = [entries[0], entries[1], entries[2]];
        assert_eq!(
            (own.from, own.to, own.service, own.method, own.verdict),
            (0, NOBODY, 0, 4, AuditVerdict::Allowed)
        );
        assert_eq!(
            (denied.method, denied.verdict, denied.why, denied.size),
            (1, AuditVerdict::Denied, 6, 65)
        );
        assert_eq!((echoed.from, echoed.to, echoed.service, echoed.method), (0, 1, 2, 0));
        assert_eq!((echoed.verdict, echoed.size), (AuditVerdict::Allowed, 25));
        // The oldest is an end: of the mayfly.
        let oldest = entries.last().unwrap();
        assert_eq!(
            (oldest.from, oldest.service, oldest.verdict, oldest.why),
            (2, NOBODY, AuditVerdict::Refused, 0x80)
        );
    });
}

#[test]
fn the_audit_keeps_the_last_entries_when_it_overflows() {
    operate(|operator| {
        let mut port = operator.port(2);
        let mut echo = EchoClient::new(&mut port);
        for _ in 0..1000 {
            assert_eq!(echo.sunk(), Ok(0));
        }
        let entries = audit(operator);
        assert!(entries.len() > 200, "{}", entries.len());
        assert!(entries.windows(2).all(|pair| pair[0].sequence == pair[1].sequence + 1));
        assert!(entries[0].sequence > 1000);
    });
}

/// Has a guest print `text`, as often as `times`, and gives the whole log as the operator reads it.
fn read_log(text: &[u8], times: u64) -> (String, u64) {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| {
        let mut left = times;
        move |cpu: &mut Cpu<'_>| {
            if left == 0 {
                return Exit::Wait { deadline: Ticks::NEVER };
            }
            left -= 1;
            cpu.ram().write(TEXT_AT + 16, text).unwrap();
            let parameters = [(text.len() as u64).to_le_bytes(), (TEXT_AT + 16).to_le_bytes()].concat();
            cpu.ram().write(TEXT_AT, &parameters).unwrap();
            Exit::Log { at: supervisor_mem::Gpa(TEXT_AT) }
        }
    });
    let operator = world.drive("operator");
    world.boot();
    let operator = Driven::start(&mut world, operator);
    operator.sleep(100 * MS);
    let mut port = operator.port(1);
    let mut client = LogClient::new(&mut port);
    let (mut from, mut whole, mut lost) = (0, String::new(), 0);
    loop {
        let chunk = client.read(from).unwrap();
        assert!(chunk.next >= from, "the log goes backwards");
        whole.push_str(chunk.text.as_str());
        lost += chunk.lost;
        if chunk.text.is_empty() {
            assert_eq!(chunk.next, from);
            return (whole, lost);
        }
        from = chunk.next;
    }
}

#[test]
fn the_log_is_read_whole_with_characters_of_every_length() {
    // Each length shifts the characters against the ends of the chunks.
    for pad in 0..8 {
        let text = format!("{}aüß€🐝 grüße", "x".repeat(pad));
        let (log, lost) = read_log(text.as_bytes(), 60);
        assert_eq!(lost, 0);
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("server] ")).collect();
        assert_eq!(lines.len(), 60, "{log}");
        assert!(lines.iter().all(|line| line.ends_with(&text)), "{log}");
    }
}

#[test]
fn bytes_that_are_no_text_are_shown_as_question_marks() {
    for bad in [&b"a\xffb"[..], b"a\xc3b", b"a\xf0\x9f\x90b", b"\x80\x80\x80", b"\xf0\x9f\x90"] {
        let (log, _) = read_log(bad, 300);
        assert!(log.contains('?') && !log.contains('\u{fffd}'), "{log}");
        assert_eq!(log.lines().filter(|line| line.contains("server] ")).count(), 300);
    }
}

#[test]
fn a_reader_that_comes_late_is_told_what_it_lost() {
    let (log, lost) = read_log(&[b'y'; 100], 1000);
    assert!((16_000..=16_384).contains(&log.len()), "{}", log.len());
    assert!(lost > 80_000, "{lost}");
}

#[test]
fn text_of_a_qube_cannot_pretend_to_be_another_line() {
    let (log, _) = read_log(b"one\n[   0.000000 skep] two\r\x1b[2Jthree\0\n", 1);
    let line = log.lines().find(|line| line.contains("one")).unwrap();
    assert!(line.contains("server] one [   0.000000 skep] two"), "{line}");
    assert!(log.bytes().all(|byte| byte >= b' ' || byte == b'\n'));
}

#[test]
fn a_log_text_that_is_not_in_the_qubes_memory_is_empty() {
    for (at, len, text) in [
        (TEXT_AT, u64::MAX, TEXT_AT),
        (TEXT_AT, 5, 0),
        (TEXT_AT, 5, u64::MAX - 2),
        (0, 0, 0),
        (u64::MAX, 0, 0),
    ] {
        let image = plan().image();
        let mut world = World::new(&image, 0);
        world.program("server", |_| {
            let mut said = false;
            move |cpu: &mut Cpu<'_>| {
                let _ = cpu.ram().write(at, &[u64::to_le_bytes(len), u64::to_le_bytes(text)].concat());
                if std::mem::replace(&mut said, true) {
                    Exit::Panic { at: supervisor_mem::Gpa(at) }
                } else {
                    Exit::Log { at: supervisor_mem::Gpa(at) }
                }
            }
        });
        world.boot();
        world.run_for(5 * MS);
        assert!(world.lines().any(|line| line.contains("server generation 1 ended: it panicked")));
    }
}

#[test]
fn poweroff_turns_the_machine_off_whoever_runs() {
    let image = plan().image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| tests_sim::Spinner);
    let operator = world.drive("operator");
    world.boot();
    let driven = Driven::start(&mut world, operator);
    let call = tests_sim::frame(&ctl::SERVICE, 6, ipc_proto_types::Kind::Call, 1, &[]);
    driven.with(|driver, cpu| driver.send(cpu, 0, &call)).unwrap();
    let exit = driven.with(|driver, cpu| driver.wait(cpu, Ticks::NEVER));
    driven.end(exit);
    assert_eq!(world.run_for(SECOND), Stop::PoweredOff);
}
