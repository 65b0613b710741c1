//! The examples: for every body at least one, for every variant of a reply that matters one more.

use ipc_proto_block_api as block;
use ipc_proto_clock_api as clock;
use ipc_proto_console_api as console;
use ipc_proto_convert_api as convert;
use ipc_proto_ctl_api as ctl;
use ipc_proto_echo_api as echo;
use ipc_proto_links_api as links;
use ipc_proto_log_api as log;
use ipc_proto_net_api as net;
use ipc_proto_open_api as open;
use ipc_proto_sign_api as sign;
use ipc_proto_types::{Bytes, Label, List, Secret, Text};
use ipc_proto_vault_api as vault_api;
use ipc_proto_volumes_api as volumes;
use ipc_proto_wire::Service;

use crate::{Vector, call, event, reply, vault};

/// All services with their examples.
pub(crate) fn all() -> Vec<(Service, Vec<Vector>)> {
    vec![
        (block::SERVICE, block()),
        (clock::SERVICE, clock()),
        (console::SERVICE, console()),
        (convert::SERVICE, convert()),
        (ctl::SERVICE, ctl()),
        (echo::SERVICE, echo()),
        (links::SERVICE, links()),
        (log::SERVICE, log()),
        (net::SERVICE, net()),
        (open::SERVICE, open()),
        (sign::SERVICE, sign()),
        (vault_api::SERVICE, vault::vault()),
        (vault_api::files::SERVICE, vault::files()),
        (vault_api::keys::SERVICE, vault::keys()),
        (volumes::SERVICE, volumes()),
    ]
}

pub(crate) fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).expect("an example fits")
}

pub(crate) fn secret<const N: usize>(secret: &str) -> Secret<Text<N>> {
    Secret::new(text(secret))
}

pub(crate) fn list<T: Clone, const N: usize>(items: &[T]) -> List<T, N> {
    List::try_from(items).expect("an example fits")
}

fn block() -> Vec<Vector> {
    type Outcome<T> = Result<T, block::BlockError>;
    let sector = Bytes::<{ block::DATA_MAX }>::try_from([0xa5; block::SECTOR].as_slice()).expect("it fits");
    vec![
        call("size", ()),
        reply("size", Outcome::Ok(131_072_u64)),
        call("read", (300_u64, 1_u16)),
        reply("read", Outcome::Ok(sector.clone())),
        reply("read", Outcome::<Bytes<{ block::DATA_MAX }>>::Err(block::BlockError::OutOfRange)),
        call("write", (300_u64, sector)),
        reply("write", Outcome::<()>::Err(block::BlockError::Full)),
        call("flush", ()),
        reply("flush", Outcome::<()>::Ok(())),
        call("discard", (0_u64, 131_072_u64)),
        reply("discard", Outcome::<()>::Err(block::BlockError::Gone)),
    ]
}

fn clock() -> Vec<Vector> {
    let time = clock::Time { unix_seconds: 1_767_225_600, nanoseconds: 999_999_999 };
    vec![call("now", ()), reply("now", time)]
}

fn console() -> Vec<Vector> {
    vec![event("print", (text::<256>("Grüße aus dem Korb 🐝"),)), event("print", (text::<256>(""),))]
}

fn convert() -> Vec<Vector> {
    use convert::{ConvertError, Decoded, FileKind};
    type Outcome<T> = Result<T, ConvertError>;
    type Pixels = Secret<Bytes<{ convert::PIXELS_MAX }>>;
    let piece = |bytes: &[u8]| {
        Secret::new(Bytes::<{ convert::PIECE_MAX }>::try_from(bytes).expect("an example fits"))
    };
    let pixels: Pixels = Secret::new(Bytes::try_from([1, 2, 3, 255].as_slice()).expect("it fits"));
    let decoded = |kind| Outcome::Ok(Decoded { kind, width: 1024, height: 1 });
    let refused = [
        ConvertError::Used,
        ConvertError::NoFile,
        ConvertError::UnknownKind,
        ConvertError::Unsupported,
        ConvertError::TooManyPixels,
        ConvertError::NoPixels,
        ConvertError::Damaged,
    ];
    let mut vectors = vec![
        call("put", (0_u32, piece(b"BM"))),
        call("put", (4_194_303_u32, piece(&[]))),
        reply("put", Outcome::<()>::Ok(())),
        reply("put", Outcome::<()>::Err(ConvertError::OutOfOrder)),
        reply("put", Outcome::<()>::Err(ConvertError::FileTooLarge)),
        reply("put", Outcome::<()>::Err(ConvertError::NoMemory)),
        call("decode", ()),
        reply("decode", decoded(FileKind::Png)),
        reply("decode", decoded(FileKind::Jpeg)),
        reply("decode", decoded(FileKind::Gif)),
        reply("decode", decoded(FileKind::Bmp)),
        reply("decode", decoded(FileKind::WebP)),
        call("pixels", (8192_u32,)),
        reply("pixels", Outcome::Ok(pixels)),
        reply("pixels", Outcome::<Pixels>::Err(ConvertError::NoPicture)),
        reply("pixels", Outcome::<Pixels>::Err(ConvertError::BadPlace)),
    ];
    vectors.extend(refused.map(|error| reply("decode", Outcome::<Decoded>::Err(error))));
    vectors
}

fn echo() -> Vec<Vector> {
    let long = "skep ".repeat(40);
    vec![
        call("say", (text::<1024>("grüße"),)),
        reply("say", text::<1024>(&long)),
        call("bytes", (Bytes::<64>::from([0xa5; 64]),)),
        reply("bytes", Bytes::<64>::new()),
        event("sink", (Bytes::<64>::try_from([0, 1, 0xff].as_slice()).expect("an example fits"),)),
        call("sunk", ()),
        reply("sunk", u64::MAX),
    ]
}

fn log() -> Vec<Vector> {
    let chunk = log::LogChunk { next: 300, lost: 0, text: text("vault: ready\n") };
    vec![call("read", (127_u64,)), call("read", (128_u64,)), reply("read", chunk)]
}

fn system() -> ctl::SystemInfo {
    ctl::SystemInfo {
        name: text("desktop"),
        version: text("0.1.0"),
        qubes: 4,
        channels: 7,
        uptime_ns: 1_000_000_000,
        memory_pages: 40_960,
        messages: 65_536,
        refused: 0,
    }
}

fn qube(last_end: Option<ctl::EndReason>) -> ctl::QubeInfo {
    ctl::QubeInfo {
        name: text("vault"),
        label: Label::Vault,
        state: ctl::QubeState::Waiting,
        disposable: false,
        opened_for: None,
        generation: 2,
        memory_kib: 81_920,
        exits: 1234,
        messages_in: 17,
        messages_out: 17,
        refused: 1,
        last_end,
    }
}

fn channel(server: Option<u8>) -> ctl::ChannelInfo {
    ctl::ChannelInfo {
        client: 0,
        server,
        service: text("ctl"),
        open: true,
        messages: 3,
        refused: 0,
        verdicts: list(&[
            ctl::Verdict::Allow,
            ctl::Verdict::Deny,
            ctl::Verdict::Ask,
            ctl::Verdict::Conditional,
        ]),
    }
}

fn audit_entry() -> ctl::AuditEntry {
    ctl::AuditEntry {
        sequence: 42,
        time_ns: 5,
        from: 1,
        to: ctl::NOBODY,
        service: 2,
        method: 3,
        verdict: ctl::AuditVerdict::Refused,
        why: 4,
        size: 65,
    }
}

fn tapped() -> ctl::Tapped {
    ctl::Tapped {
        sequence: 4,
        time_ns: 1_000,
        from: 0,
        to: 1,
        service: 2,
        kind: ctl::MessageKind::Call,
        method: 3,
        verdict: ctl::AuditVerdict::Allowed,
        why: 0,
        correlation: 9,
        size: 6,
        body: Bytes::try_from(b"\x05*****".as_slice()).expect("an example fits"),
    }
}

fn ending() -> ctl::Ending {
    ctl::Ending { qube: 1, generation: 2, why: ctl::EndReason::Panicked, log: 300, audit: 42 }
}

fn ctl() -> Vec<Vector> {
    use ctl::EndReason::{Exception, Exit, MemoryFault, UnknownPort};
    let service = ctl::ServiceInfo { name: text("echo"), version: 1, id: Bytes::from([7; 16]) };
    let mut vectors = vec![
        call("system", ()),
        reply("system", system()),
        call("qube", (3_u8,)),
        reply("qube", None::<ctl::QubeInfo>),
        call("channel", (255_u8,)),
        reply("channel", Some(channel(Some(2)))),
        reply("channel", Some(channel(None))),
        call("kill", (text::<16>("vault"),)),
        reply("kill", Ok::<u32, ctl::CtlError>(3)),
        reply("kill", Err::<u32, _>(ctl::CtlError::NoSuchQube)),
        call("audit", (u64::MAX,)),
        reply("audit", ctl::AuditPage { entries: list(&[audit_entry(); 2]), next: 41 }),
        reply("audit", ctl::AuditPage { entries: list(&[]), next: 0 }),
        call("service", (0_u8,)),
        reply("service", Some(service)),
        call("poweroff", ()),
        reply("poweroff", ()),
        call("schema", (3_u8, 512_u16)),
        reply("schema", Some(text::<512>("service echo\n"))),
        reply("schema", None::<Text<512>>),
        call("tap", (true,)),
        reply("tap", ()),
        call("tapped", (0_u64,)),
        reply("tapped", ctl::TapPage { messages: list(&[tapped()]), lost: 3, on: true }),
        event("ended", (ending(),)),
    ];
    let ends =
        [None, Some(Exit(-1)), Some(MemoryFault(0xdead_beef)), Some(UnknownPort(0x3f8)), Some(Exception(13))];
    vectors.extend(ends.map(|end| reply("qube", Some(qube(end)))));
    let prepared = ctl::QubeState::Prepared;
    let disposable = ctl::QubeInfo { state: prepared, disposable: true, opened_for: Some(0), ..qube(None) };
    vectors.push(reply("qube", Some(disposable)));
    vectors.push(call("start", (text::<16>("viewer-1"),)));
    vectors.push(reply("start", Ok::<u32, ctl::CtlError>(1)));
    use ctl::CtlError::{AlreadyRunning, NotDisposable, NotPrepared};
    let refusals = [NotDisposable, AlreadyRunning, NotPrepared];
    vectors.extend(refusals.map(|error| reply("start", Err::<u32, _>(error))));
    vectors
}

fn open() -> Vec<Vector> {
    use open::{BadCertificate, Failed, OpenError, Phase, Progress, Reason};
    type Outcome<T> = Result<T, OpenError>;
    let url = |url: &str| text::<{ open::URL_MAX }>(url);
    let progress = |phase| reply("progress", Progress { phase, elsewhere: list(&[]) });
    let picture = open::PictureInfo { width: 640, height: 480, columns: 76, rows: 29 };
    let document = open::Document {
        title: text("Grüße"),
        status: 200,
        bytes: 20_480,
        text: 9_000,
        links: 3,
        cut: false,
        picture: None,
    };
    let page = "Grüße [1]\n".repeat(20);
    let failed = Failed { reason: Reason::TimedOut, detail: text("no byte for 20 seconds") };
    let refused = Failed { reason: Reason::Certificate(BadCertificate::WrongName), detail: text("") };
    vec![
        call("open", (url("http://example.org/a?b=c"), 76_u16)),
        reply("open", Outcome::Ok(())),
        reply("open", Outcome::<()>::Err(OpenError::AlreadyOpened)),
        call("progress", ()),
        progress(Phase::Idle),
        progress(Phase::Resolving),
        progress(Phase::Connecting),
        progress(Phase::Receiving(300)),
        progress(Phase::Rendering),
        progress(Phase::Failed(failed)),
        progress(Phase::Failed(refused)),
        progress(Phase::Done(document.clone())),
        reply(
            "progress",
            Progress {
                phase: Phase::Done(open::Document { picture: Some(picture), cut: true, ..document }),
                elsewhere: list(&[text("https://elsewhere.example:8443")]),
            },
        ),
        call("page", (4_000_u32,)),
        reply("page", Outcome::Ok(text::<{ open::PAGE_MAX }>(&page))),
        reply("page", Outcome::<Text<{ open::PAGE_MAX }>>::Err(OpenError::BadPlace)),
        call("link", (3_u16,)),
        reply("link", Outcome::Ok(url("https://example.org/"))),
        reply("link", Outcome::<Text<{ open::URL_MAX }>>::Err(OpenError::NoSuchLink)),
        call("cells", (300_u16,)),
        reply(
            "cells",
            Outcome::Ok(Bytes::<{ open::ROW_MAX }>::try_from([7; 12].as_slice()).expect("it fits")),
        ),
        reply("cells", Outcome::<Bytes<{ open::ROW_MAX }>>::Err(OpenError::NoPicture)),
        call("picture", (8_192_u32,)),
        reply(
            "picture",
            Outcome::Ok(Bytes::<{ open::PIXELS_MAX }>::try_from([1, 2, 3, 255].as_slice()).expect("it fits")),
        ),
        reply("picture", Outcome::<Bytes<{ open::PIXELS_MAX }>>::Err(OpenError::NotReady)),
        event("changed", ()),
    ]
}

fn links() -> Vec<Vector> {
    use links::LinkError::{Busy, NotAnAddress, Refused};
    let url = |url: &str| text::<{ links::URL_MAX }>(url);
    let mut vectors = vec![
        call("open", (url("https://example.org/a?b=c"),)),
        reply("open", Ok::<(), links::LinkError>(())),
    ];
    vectors.extend([Refused, Busy, NotAnAddress].map(|error| reply("open", Err::<(), _>(error))));
    vectors
}

fn sign() -> Vec<Vector> {
    type Outcome = Result<Bytes<64>, sign::SignError>;
    let identity = sign::Identity {
        id: 0x6668_7aad_f862_bd77,
        public: Bytes::from([0xd7; 32]),
        comment: text("me@example"),
    };
    let unnamed = sign::Identity { id: 0, public: Bytes::from([0; 32]), comment: text("") };
    let data = |data: &[u8]| Bytes::<4096>::try_from(data).expect("an example fits");
    vec![
        call("identities", ()),
        reply("identities", list::<sign::Identity, 32>(&[])),
        reply("identities", list::<_, 32>(&[identity.clone(), unnamed])),
        call("sign", (sign::KeyRef::Id(identity.id), data(b"SSHSIG"))),
        call("sign", (sign::KeyRef::Public(identity.public), data(&[]))),
        reply("sign", Outcome::Ok(Bytes::from([0x5a; 64]))),
        reply("sign", Outcome::Err(sign::SignError::Refused)),
    ]
}

fn net() -> Vec<Vector> {
    use net::{Address, Handle, ListenerId, NetError, SocketId, StreamId};
    type Outcome<T> = Result<T, NetError>;
    let (four, six) =
        (Address::V4([192, 0, 2, 1]), Address::V6([0x20, 1, 13, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    let status = net::Status {
        link: true,
        rules: true,
        networks: list(&[
            net::Network { address: four, prefix: 24 },
            net::Network { address: six, prefix: 64 },
        ]),
        routers: list(&[Address::V4([192, 0, 2, 254])]),
        resolvers: list(&[Address::V4([192, 0, 2, 254])]),
    };
    let data = |data: &[u8]| Bytes::<{ net::DATAGRAM_MAX }>::try_from(data).expect("an example fits");
    let bytes = |data: &[u8]| Bytes::<{ net::DATA_MAX }>::try_from(data).expect("an example fits");
    let handles = [Handle::Stream(StreamId(7)), Handle::Socket(SocketId(1)), Handle::Listener(ListenerId(2))];
    let readiness = |readable, over| net::Readiness { readable, writable: true, over };
    vec![
        call("status", ()),
        reply("status", status),
        call("send", (StreamId(7), bytes(b"GET / HTTP/1.1\r\n"))),
        reply("send", Outcome::Ok(16_u32)),
        reply("send", Outcome::<u32>::Err(NetError::Cut)),
        call("receive", (StreamId(7), 61_440_u32)),
        reply("receive", Outcome::Ok(bytes(b"HTTP/1.1 200 OK\r\n"))),
        reply("receive", Outcome::<Bytes<{ net::DATA_MAX }>>::Err(NetError::WouldBlock)),
        call("send_to", (SocketId(1), text::<253>("192.0.2.9"), 123_u16, data(&[0x1b, 0, 0]))),
        reply("send_to", Outcome::<()>::Err(NetError::Denied)),
        call("receive_from", (SocketId(1),)),
        reply("receive_from", Outcome::Ok(net::Datagram { address: four, port: 123, data: data(&[0x1c]) })),
        call("resolve", (text::<253>("bank.example"),)),
        reply("resolve", Outcome::Ok(list::<_, { net::ADDRESSES_MAX }>(&[six, four]))),
        call("connect", (text::<253>("bank.example"), 443_u16)),
        reply("connect", Outcome::Ok(StreamId(7))),
        reply("connect", Outcome::<StreamId>::Err(NetError::Quota)),
        call("shutdown", (StreamId(7),)),
        reply("shutdown", Outcome::<()>::Ok(())),
        call("close", (Handle::Stream(StreamId(7)),)),
        reply("close", Outcome::<()>::Err(NetError::NoSuchHandle)),
        call("bind_udp", (0_u16,)),
        reply("bind_udp", Outcome::Ok(SocketId(1))),
        call("listen", (8080_u16,)),
        reply("listen", Outcome::Ok(ListenerId(2))),
        call("accept", (ListenerId(2),)),
        reply("accept", Outcome::Ok(net::Accepted { stream: StreamId(8), address: six, port: 50_000 })),
        call("ping", (text::<253>("192.0.2.254"),)),
        reply("ping", Outcome::Ok(3_u32)),
        call("poll", (list::<_, { net::POLL_MAX }>(&handles),)),
        reply(
            "poll",
            Outcome::Ok(list::<_, { net::POLL_MAX }>(&[
                readiness(true, Some(NetError::Reset)),
                readiness(false, None),
                readiness(true, None),
            ])),
        ),
        event("ready", ()),
        event("changed", ()),
    ]
}

fn volumes() -> Vec<Vector> {
    type Outcome<T> = Result<T, volumes::VolumesError>;
    let volume = volumes::Volume { name: text("vault-work"), sectors: 131_072, mapped: 256, shared: 128 };
    let erased = volumes::Erased { discarded: 128, left: 0, shared: 128 };
    vec![
        call("list", (0_u16,)),
        reply("list", volumes::Page { volumes: list(&[volume]), total: 17 }),
        call("space", ()),
        reply("space", volumes::Space { sectors: 1 << 20, free: 1 << 19 }),
        call("make", (text::<32>("vault"), 131_072_u64)),
        reply("make", Outcome::<()>::Err(volumes::VolumesError::Exists)),
        call("grow", (text::<32>("vault"), 262_144_u64)),
        reply("grow", Outcome::<()>::Err(volumes::VolumesError::Shrinks)),
        call("clone", (text::<32>("vault"), text::<32>("vault-work"))),
        reply("clone", Outcome::<()>::Ok(())),
        call("erase", (text::<32>("vault"),)),
        reply("erase", Outcome::Ok(erased)),
        reply("erase", Outcome::<volumes::Erased>::Err(volumes::VolumesError::NoSuchVolume)),
    ]
}
