//! Oracle `peers`: typed clients and servers against a peer that says what it likes.
//!
//! Input: a byte for the service and the end (bit 7: we are the server), then the script. A client believes a reply only
//! when that very frame came in after its call, in the same life, with its correlation and its method. A server answers
//! each call at most once, with what it was told to answer, and nobody else. Both come to an end and never panic.

use ipc_proto_rpc::{ByBytes, CallError};
use ipc_proto_types::{ErrorCode, Generation, Kind, Role};
use ipc_proto_wire::{Header, MethodKind, Service};
use tests_conformance::reference::{Chance, accepts};

use crate::script::{Passed, ScriptPort};
use crate::{Block, Clock, Console, Ctl, Echo, Log, Sign, Vault, Volumes};

/// The oracle, for the services of this project.
///
/// # Panics
/// Something was believed that nobody said, or answered that nobody asked.
pub fn peers(input: &[u8]) {
    let Some((which, script)) = input.split_first() else { return };
    let as_server = which & 0x80 != 0;
    match (which & 0x7f) % 9 {
        0 => either::<Clock>(as_server, script),
        1 => either::<Console>(as_server, script),
        2 => either::<Ctl>(as_server, script),
        3 => either::<Echo>(as_server, script),
        4 => either::<Log>(as_server, script),
        5 => either::<Vault>(as_server, script),
        6 => either::<Block>(as_server, script),
        7 => either::<Sign>(as_server, script),
        _ => either::<Volumes>(as_server, script),
    }
}

/// The oracle for one service.
///
/// # Panics
/// As [`peers`].
pub fn peers_of<S: ByBytes>(input: &[u8]) {
    if let Some((which, script)) = input.split_first() {
        either::<S>(which & 0x80 != 0, script);
    }
}

fn either<S: ByBytes>(as_server: bool, script: &[u8]) {
    if as_server { server::<S>(script) } else { client::<S>(script) }
}

/// Calls as the script says until it is over.
fn client<S: ByBytes>(script: &[u8]) {
    let service = S::SERVICE;
    let mut port = ScriptPort::new(service, Role::Client, script);
    let mut reply = vec![0; service.message_max as usize + 16];
    let mut client = S::client(&mut port);
    while !S::port(&mut client).input.is_empty() {
        let port = S::port(&mut client);
        let Some((method, arguments)) = plan(&service, port) else { continue };
        let before = Mark::of(port);
        let result = S::call(&mut client, method, &arguments, &mut reply);
        let result = result.map(|length| reply.get(..length).unwrap_or_default());
        judge(&service, S::port(&mut client), before, method, result);
    }
}

/// The next call: a method, and legal arguments.
fn plan(service: &Service, port: &mut ScriptPort<'_>) -> Option<(u16, Vec<u8>)> {
    let number = u16::from(port.input.byte()) % u16::try_from(service.methods.len()).unwrap_or(1);
    let method = port.method(number).filter(|method| method.kind != MethodKind::Event)?;
    let seed = u64::from(port.input.byte());
    Some((number, Chance::new(seed).encoding(method.request)))
}

/// How much had passed at some moment.
#[derive(Clone, Copy)]
struct Mark {
    sent: usize,
    taken: usize,
    life: Generation,
}

impl Mark {
    fn of(port: &ScriptPort<'_>) -> Self {
        Mark { sent: port.sent.len(), taken: port.taken.len(), life: port.life() }
    }
}

/// Whether the client had a reason for what it says of the call it made since `before`.
fn judge(
    service: &Service,
    port: &ScriptPort<'_>,
    before: Mark,
    method: u16,
    result: Result<&[u8], CallError>,
) {
    let sent = port.sent.get(before.sent..).unwrap_or_default();
    let call = sent.first().and_then(|passed| Some((Header::parse(&passed.bytes).ok()?.0, passed.life)));
    assert!(sent.len() <= 1, "one call, one frame");
    let oneway = port.method(method).is_some_and(|method| method.kind == MethodKind::Oneway);
    let came = port.taken.get(before.taken..).unwrap_or_default();
    let answers = |kind: Kind, wanted: &dyn Fn(u16, &[u8]) -> bool| {
        call.is_some_and(|(call, life)| {
            came.iter().any(|passed| answers(service, passed, call, life, kind, wanted))
        })
    };
    match result {
        Ok(_) if oneway => assert!(call.is_some(), "said, but nothing was sent"),
        Ok(body) => assert!(
            answers(Kind::Reply, &|of, it| of == method && it == body),
            "a reply that nobody gave to this call"
        ),
        Err(CallError::PeerRestarted(life)) => assert_eq!(life, port.life(), "news of a life that is not"),
        Err(CallError::Denied) => {
            assert!(answers(Kind::Error, &|_, it| it == [ErrorCode::Denied.as_u8()]), "denied by nobody");
        }
        Err(CallError::Refused(code)) => {
            assert!(answers(Kind::Error, &|_, it| it == [code.as_u8()]), "refused by nobody: {code:?}");
        }
        Err(CallError::Malformed | CallError::TooLarge) => {
            assert!(
                answers(Kind::Error, &|_, _| true) || answers(Kind::Reply, &|_, _| true),
                "a fault of nobody"
            );
        }
        Err(CallError::PeerGone | CallError::TimedOut) => {}
    }
    if let Some((call, life)) = call {
        let expected = if oneway { Kind::Event } else { Kind::Call };
        assert_eq!((call.kind, call.method), (expected, method), "another message than was asked for");
        assert!(life >= before.life, "a call to a life that was over");
    }
}

/// Whether a frame that came in answers this call, made to this life.
fn answers(
    service: &Service,
    passed: &Passed,
    call: Header,
    life: Generation,
    kind: Kind,
    wanted: &dyn Fn(u16, &[u8]) -> bool,
) -> bool {
    let Ok((header, body)) = Header::parse(&passed.bytes) else { return false };
    let same = (header.schema, header.correlation) == (service.id, call.correlation);
    same && header.kind == kind && passed.life == life && wanted(header.method, body)
}

/// Serves as the script says until it is over.
fn server<S: ByBytes>(script: &[u8]) {
    let service = S::SERVICE;
    let mut port = ScriptPort::new(service, Role::Server, script);
    let mut buffers = S::Buffers::default();
    let mut books = Books::default();
    while !port.input.is_empty() {
        for _ in 0..1 + port.input.byte() % 4 {
            port.happen();
        }
        let (taken, sent) = (port.taken.len(), port.sent.len());
        let mut told = Vec::new();
        let mut answer = |method: u16, request: &[u8], reply: &mut [u8]| {
            let of = service.methods.get(usize::from(method)).expect("a method of the service");
            assert!(accepts(of.request, request), "a request that fits no schema");
            let body = Chance::new(told.len() as u64 + 7).encoding(of.reply);
            let body = if of.kind == MethodKind::Call { body } else { Vec::new() };
            reply.get_mut(..body.len()).expect("a reply fits").copy_from_slice(&body);
            told.push((method, request.to_vec(), body.clone()));
            body.len()
        };
        S::serve(&mut port, &mut buffers, &mut answer);
        books.close(&service, &port, taken, sent, &told);
    }
}

/// Calls that a server has taken in and not answered.
#[derive(Default)]
struct Books {
    open: Vec<(Header, Generation, Vec<u8>)>,
    /// Right answers, in the order in which the puppet gave them.
    given: Vec<(Header, Vec<u8>)>,
}

impl Books {
    /// Holds what one `serve` has sent against what it took in and what it was told.
    fn close(
        &mut self,
        service: &Service,
        port: &ScriptPort<'_>,
        taken: usize,
        sent: usize,
        told: &[(u16, Vec<u8>, Vec<u8>)],
    ) {
        let mut told = told.iter();
        for passed in port.taken.get(taken..).unwrap_or_default() {
            let Ok((header, body)) = Header::parse(&passed.bytes) else { continue };
            if header.schema != service.id || !matches!(header.kind, Kind::Call | Kind::Event) {
                continue;
            }
            let kind = port.method(header.method).map(|method| (method.kind, method.request));
            let right = match (kind, header.kind) {
                (Some((MethodKind::Call, shape)), Kind::Call)
                | (Some((MethodKind::Oneway, shape)), Kind::Event) => accepts(shape, body),
                _ => false,
            };
            if right {
                let (method, request, reply) =
                    told.next().expect("a legal request that never reached the server");
                assert_eq!(
                    (*method, request.as_slice()),
                    (header.method, body),
                    "another request than was made"
                );
                self.given.push((header, reply.clone()));
            }
            if header.kind == Kind::Call {
                self.open.push((header, passed.life, body.to_vec()));
            }
        }
        assert!(told.next().is_none(), "the server was asked what nobody asked");
        for passed in port.sent.get(sent..).unwrap_or_default() {
            self.answered(passed);
        }
    }

    fn answered(&mut self, passed: &Passed) {
        let (header, body) = Header::parse(&passed.bytes).expect("a server sends frames");
        assert!(
            matches!(header.kind, Kind::Reply | Kind::Error),
            "a server that is asked answers: {header:?}"
        );
        let place = self.open.iter().position(|(call, life, _)| {
            (call.correlation, call.method, *life) == (header.correlation, header.method, passed.life)
        });
        let place = place.expect("an answer that nobody waits for");
        self.open.remove(place);
        if header.kind == Kind::Reply {
            let given = self.given.iter().position(|(call, reply)| {
                (call.correlation, call.method, reply.as_slice()) == (header.correlation, header.method, body)
            });
            self.given.remove(given.expect("a reply that the server did not give"));
        } else {
            assert!(
                matches!(body, [code] if ErrorCode::from_u8(*code).is_some_and(|c| !c.is_from_supervisor()))
            );
        }
    }
}
