//! A scripted system behind the wire: what `ctl` answers, frame by frame, on a thread of its own.

#![allow(dead_code, clippy::unwrap_used, reason = "helpers of tests; each test file uses a part")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;

use build_inspect::SocketPort;
use ipc_proto_ctl_api::{
    AuditEntry, AuditPage, AuditVerdict, ChannelInfo, Ctl, CtlError, EndReason, FRAME_MAX, MessageKind,
    NOBODY, QubeInfo, QubeState, SERVICE, ServiceInfo, SystemInfo, TapPage, Tapped, Verdict, dispatch,
};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{Bytes, Generation, Kind, Label, List, PortIndex, Text};
use ipc_proto_wire::{HEADER_SIZE, Header};

/// Nanoseconds between two questions for the system: rates are per second of the system's own clock.
const STEP_NS: u64 = 2_000_000_000;

/// The scripted system, and what was asked of it.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// What `tap` was last told; `None` before it was.
    pub(crate) tap: Option<bool>,
    /// How often `tapped` was asked.
    pub(crate) tapped: usize,
    looks: u64,
}

fn text<const N: usize>(text: &str) -> Text<N> {
    Text::truncated(text)
}

fn list<T, const N: usize>(items: impl IntoIterator<Item = T>) -> List<T, N> {
    let mut list = List::new();
    for item in items {
        assert!(list.push(item).is_ok(), "it fits");
    }
    list
}

fn canonical(index: u8) -> Option<String> {
    let service = match index {
        0 => &ipc_proto_vault_api::SERVICE,
        1 => &SERVICE,
        _ => return None,
    };
    Some(service.canonical().as_str().to_owned())
}

impl Ctl for Script {
    fn system(&mut self, _: &Caller) -> SystemInfo {
        self.looks += 1;
        SystemInfo {
            name: text("desk\x1b[2Jtop"),
            version: text("0.1.0"),
            qubes: 3,
            channels: 3,
            uptime_ns: self.looks * STEP_NS,
            memory_pages: 512,
            messages: 41,
            refused: 1,
        }
    }

    fn qube(&mut self, _: &Caller, index: u8) -> Option<QubeInfo> {
        let (name, label) = *[("console", Label::Green), ("vault", Label::Vault), ("inspector", Label::Grey)]
            .get(usize::from(index))?;
        let looks = self.looks;
        Some(QubeInfo {
            name: text(name),
            label,
            state: if index == 0 { QubeState::Running } else { QubeState::Waiting },
            disposable: false,
            opened_for: None,
            generation: 1,
            memory_kib: 2048,
            exits: 100 * looks,
            messages_in: 10 * looks,
            messages_out: 4 * looks,
            refused: 0,
            last_end: (index == 1).then_some(EndReason::Killed),
        })
    }

    fn channel(&mut self, _: &Caller, index: u8) -> Option<ChannelInfo> {
        let (client, server, service, count) =
            *[(0, Some(1), "vault", 11), (0, None, "ctl", 10), (2, None, "ctl", 10)]
                .get(usize::from(index))?;
        Some(ChannelInfo {
            client,
            server,
            service: text(service),
            open: true,
            messages: 20 * self.looks,
            refused: 1,
            verdicts: list((0..count).map(|method| if method == 8 { Verdict::Deny } else { Verdict::Allow })),
        })
    }

    fn kill(&mut self, _: &Caller, _: Text<16>) -> Result<u32, CtlError> {
        panic!("an inspector kills nobody")
    }

    fn start(&mut self, _: &Caller, _: Text<16>) -> Result<u32, CtlError> {
        panic!("an inspector starts nobody")
    }

    fn audit(&mut self, _: &Caller, before: u64) -> AuditPage {
        let entry = |sequence| AuditEntry {
            sequence,
            time_ns: sequence * 1_000_000_000,
            from: 0,
            to: 1,
            service: 0,
            method: 9,
            verdict: AuditVerdict::Allowed,
            why: 0,
            size: 8,
        };
        // The second time there is one more.
        let newest = if before == u64::MAX { 2 + self.looks.min(1) } else { before - 1 };
        AuditPage { entries: list((1..=newest).rev().map(entry)), next: 0 }
    }

    fn service(&mut self, _: &Caller, index: u8) -> Option<ServiceInfo> {
        let service = *[&ipc_proto_vault_api::SERVICE, &SERVICE].get(usize::from(index))?;
        let id = Bytes::try_from(&service.id.0[..]).unwrap();
        Some(ServiceInfo { name: text(service.name), version: service.version, id })
    }

    fn poweroff(&mut self, _: &Caller) {
        panic!("an inspector switches nothing off")
    }

    fn schema(&mut self, _: &Caller, index: u8, from: u16) -> Option<Text<512>> {
        let whole = canonical(index)?;
        let rest = whole.get(usize::from(from)..).unwrap_or("");
        Some(text(rest))
    }

    fn tap(&mut self, _: &Caller, on: bool) {
        self.tap = Some(on);
    }

    fn tapped(&mut self, _: &Caller, after: u64) -> TapPage {
        self.tapped += 1;
        let copies = copies().into_iter().filter(|copy| copy.sequence > after).take(4);
        TapPage { messages: list(copies), lost: 0, on: self.tap == Some(true) }
    }
}

fn copies() -> Vec<Tapped> {
    let copy = |sequence, (from, to), service, method, kind, body: &[u8]| Tapped {
        sequence,
        time_ns: 3_810_000_000 + sequence * 1_000_000,
        from,
        to,
        service,
        kind,
        method,
        verdict: AuditVerdict::Allowed,
        why: 0,
        correlation: sequence,
        size: u32::try_from(body.len()).unwrap(),
        body: Bytes::try_from(body).unwrap(),
    };
    let unlock = copy(1, (0, 1), 0, 2, MessageKind::Call, b"\x08********\x00");
    let unlocked = copy(2, (1, 0), 0, 2, MessageKind::Reply, &[0]);
    let show = copy(3, (0, 1), 0, 9, MessageKind::Call, b"\x06github\x00");
    let own = copy(4, (2, NOBODY), 1, 0, MessageKind::Call, b"");
    let mut refused = copy(5, (0, NOBODY), 1, 8, MessageKind::Call, b"");
    (refused.verdict, refused.why, refused.size) = (AuditVerdict::Denied, 6, 1);
    vec![unlock, unlocked, show, own, refused]
}

/// A port to the scripted system, and the script, which the test may look at.
pub(crate) fn system() -> (SocketPort, Arc<Mutex<Script>>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let script = Arc::new(Mutex::new(Script::default()));
    let serving = Arc::clone(&script);
    thread::spawn(move || serve(theirs, &serving));
    (SocketPort::new(ours).unwrap(), script)
}

/// Answers until the line is closed.
fn serve(mut line: UnixStream, script: &Mutex<Script>) {
    let caller = Caller { port: PortIndex::new(0).unwrap(), generation: Generation(1) };
    let mut length = [0; 4];
    while line.read_exact(&mut length).is_ok() {
        let mut frame = vec![0; u32::from_le_bytes(length) as usize];
        line.read_exact(&mut frame).unwrap();
        let (header, body) = Header::parse(&frame).unwrap();
        let mut reply = [0; FRAME_MAX];
        let (head, out) = reply.split_at_mut(HEADER_SIZE);
        let mut script = script.lock().unwrap();
        let size = dispatch(&mut *script, &caller, &header, body, out).unwrap().unwrap();
        let answer = Header { kind: Kind::Reply, length: u32::try_from(size).unwrap(), ..header };
        answer.write_to(head).unwrap();
        let frame = &reply[..HEADER_SIZE + size];
        let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
        if line.write_all(&[&length[..], frame].concat()).is_err() {
            return;
        }
    }
}
