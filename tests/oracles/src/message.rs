//! Oracle `message`: validator, typed codec and plain reference agree on every body.
//!
//! Input: a byte that says who sends what (bit 0 the sender, bits 1 and 2 the kind, bit 7 that a whole frame follows), a byte
//! for the method, then the body. The validator must accept exactly what the typed code decodes, which must encode to the
//! same bytes again; the reference in `tests/conformance` must say the same from the shape alone. Every way to ask the
//! validator must give one answer, and what it hands to the policy must stand where the reference finds it.

use std::ops::Range;

use ipc_proto_rpc::ByBytes;
use ipc_proto_types::{ErrorCode, Kind, MESSAGE_MAX, Role};
use ipc_proto_wire::{
    FieldKind, FieldSink, Fields, Frame, HEADER_SIZE, Header, Method, MethodKind, Service, Shape, Table,
    Violation,
};
use tests_conformance::reference::accepts;

/// What an input says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'i> {
    pub(crate) sender: Role,
    pub(crate) kind: Kind,
    pub(crate) method: u16,
    pub(crate) body: &'i [u8],
}

pub(crate) const KINDS: [Kind; 4] = [Kind::Call, Kind::Reply, Kind::Event, Kind::Error];
/// The first byte of an input that is a whole frame.
pub(crate) const FRAME: u8 = 0x80;

impl<'i> Said<'i> {
    /// `None` for an input that is too short, or a frame.
    pub(crate) fn read(input: &'i [u8]) -> Option<Self> {
        let ([what, method], body) = input.split_first_chunk()?;
        if what & FRAME != 0 {
            return None;
        }
        let sender = if what & 1 == 0 { Role::Client } else { Role::Server };
        Some(Said { sender, kind: KINDS[usize::from(what >> 1 & 3)], method: u16::from(*method), body })
    }

    /// The input that says this.
    pub(crate) fn write(&self) -> Vec<u8> {
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(0);
        let what = u8::try_from(kind << 1).unwrap_or(0) | u8::from(self.sender == Role::Server);
        [&[what, self.method.to_le_bytes()[0]], self.body].concat()
    }
}

/// The oracle.
///
/// # Panics
/// Two of the three disagree.
pub fn message<S: ByBytes>(input: &[u8]) {
    let service = S::SERVICE;
    match Said::read(input) {
        Some(said) if said.body.len() <= MESSAGE_MAX => body::<S>(&service, said),
        Some(_) => {}
        None => frame(input.get(1..).unwrap_or_default()),
    }
}

fn body<S: ByBytes>(service: &Service, said: Said<'_>) {
    let Said { sender, kind, method, body } = said;
    let table = Table::parse(service.table).expect("the table of a service parses");
    let (verdict, fields) = validate(&table, said);
    let shape = shape_of(service, sender, kind, method);
    let by_reference = match shape {
        Some(Sent::Shape(shape)) => accepts(shape, body),
        Some(Sent::Code) => {
            matches!(body, [code] if ErrorCode::from_u8(*code).is_some_and(|code| !code.is_from_supervisor()))
        }
        None => false,
    };
    assert_eq!(verdict.is_ok(), by_reference, "validator ({verdict:?}) and reference disagree");
    let mut again = vec![0xa5; body.len() + 16];
    match S::recode(sender, kind, method, body, &mut again) {
        Ok(length) => {
            assert_eq!(verdict, Ok(()), "the typed code takes what the validator refuses");
            assert_eq!(again.get(..length), Some(body), "decoded, but not encoded to the same bytes again");
        }
        Err(ErrorCode::Unsupported) => {
            let known = matches!(shape, Some(Sent::Code)) || shape.is_none();
            assert!(known, "the typed code knows no such message");
            let none = matches!(verdict, Err(Violation::Method | Violation::Kind));
            assert!(shape.is_some() || none, "a message there is not: {verdict:?}");
        }
        Err(code) => assert!(verdict.is_err(), "the validator takes what the typed code refuses: {code:?}"),
    }
    if let (Ok(()), Some(Sent::Shape(shape))) = (verdict, shape) {
        check_fields(shape, body, &fields);
    }
    if let Some(limit) = table.sole_bytes(sender, kind, method)
        && let Some((count, bytes)) = body.split_first()
        && *count < limit
        && usize::from(*count) == bytes.len()
    {
        assert_eq!(verdict, Ok(()), "`sole_bytes` promised that this passes");
    }
}

/// Asks the validator in every way; all must answer the same.
fn validate(table: &Table<'_>, said: Said<'_>) -> (Result<(), Violation>, Taken) {
    let Said { sender, kind, method, body } = said;
    let length = u32::try_from(body.len()).expect("a short body");
    let correlation = u64::from(kind != Kind::Event);
    let header = Header { schema: ipc_proto_types::SchemaId([7; 16]), method, kind, correlation, length };
    let mut fields = Taken(Vec::new());
    let verdict = table.check(sender, &header, body, &mut fields);
    assert_eq!(table.check_body(sender, kind, method, body, &mut ()), verdict, "`check` and `check_body`");
    let other = Header { length: length + 1, ..header };
    assert!(
        table.check(sender, &other, body, &mut ()).is_err(),
        "a body that is not as long as its header says"
    );
    let whole = [header.to_bytes().as_slice(), body].concat();
    let parsed = Header::parse(&whole).expect("a header that was written parses");
    assert_eq!(parsed, (header, body), "a frame comes back as it was written");
    (verdict, fields)
}

/// What a message carries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sent {
    /// A value.
    Shape(&'static Shape),
    /// The code of an error.
    Code,
}

/// What `sender` may put into a message of this kind and method; `None` when there is no such message.
pub(crate) fn shape_of(service: &Service, sender: Role, kind: Kind, method: u16) -> Option<Sent> {
    let method: &Method = service.methods.get(usize::from(method))?;
    match (sender, method.kind, kind) {
        (Role::Client, MethodKind::Call, Kind::Call)
        | (Role::Client, MethodKind::Oneway, Kind::Event)
        | (Role::Server, MethodKind::Event, Kind::Event) => Some(Sent::Shape(method.request)),
        (Role::Server, MethodKind::Call, Kind::Reply) => Some(Sent::Shape(method.reply)),
        (Role::Server, MethodKind::Call, Kind::Error) => Some(Sent::Code),
        _ => None,
    }
}

/// What the validator handed over for the policy.
struct Taken(Vec<(u8, FieldKind, Range<usize>)>);

impl FieldSink for Taken {
    fn field(&mut self, number: u8, kind: FieldKind, range: Range<usize>) {
        self.0.push((number, kind, range));
    }
}

/// Holds what was handed over against the arguments: each where it stands, with the value it has.
fn check_fields(shape: &Shape, body: &[u8], taken: &Taken) {
    let Shape::Struct(_, Fields::Named(arguments)) = shape else { return };
    let mut at = 0;
    let mut handed = taken.0.iter();
    for (number, argument) in arguments.iter().enumerate() {
        let rest = body.get(at..).unwrap_or_default();
        let length =
            crate::naive::length(argument.shape, rest).expect("an accepted body splits into arguments");
        let value = rest.get(..length).unwrap_or_default();
        if let Some((prefix, kind)) = crate::naive::leaf(argument.shape, value) {
            let (given, is, range) = handed.next().expect("an argument was not handed to the policy");
            assert_eq!(usize::from(*given), number, "arguments out of order");
            assert_eq!(*range, at + prefix..at + length, "argument {number} stands elsewhere");
            assert_eq!(*is, kind, "argument {number} has another value");
        }
        at += length;
    }
    assert!(handed.next().is_none(), "more arguments than there are");
}

/// Any bytes as a frame: the parser agrees with a plain reading of `ipc-proto/spec/wire-format.md`.
fn frame(bytes: &[u8]) {
    let legal = || {
        let (head, body) = bytes.split_at_checked(HEADER_SIZE)?;
        let length = u32::from_le_bytes([head[20], head[21], head[22], head[23]]);
        let correlated = head[24..].iter().any(|byte| *byte != 0);
        let kind = Kind::from_u8(head[18])?;
        let right = head[19] == 0
            && usize::try_from(length) == Ok(body.len())
            && body.len() <= MESSAGE_MAX
            && correlated == (kind != Kind::Event);
        right.then_some(body)
    };
    let parsed = Frame::parse(bytes);
    assert_eq!(parsed.ok().map(|frame| frame.body), legal(), "the frame parser says {parsed:?}");
    if let Ok(frame) = parsed {
        let again = [frame.header().to_bytes().as_slice(), frame.body].concat();
        assert_eq!(again, bytes, "a frame is not written as it was read");
    }
}
