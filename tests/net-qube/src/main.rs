//! A client of the network qube that does what its arguments say, one after the other, and logs what came of each:
//!
//! `try=HOST:PORT` connects, `fetch=HOST:PORT/PATH` gets a document, `stream=HOST:PORT/PATH` gets one until the network qube is
//! killed and then as much again as is needed to see that there is a network, `take=HOST:PORT/PATH` gets a document and does not
//! look at it, `flows=HOST:PORT/PATH` gets it as often at the same time as it may, `resolve=NAME` asks for addresses,
//! `wait=MILLISECONDS` waits, `listen=PORT` sends back what each caller says, for ever. With a channel to the supervisor it powers
//! the machine off at the end.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod flows;
mod session;

use ipc_proto_ctl_api::{self as ctl, CtlClient};
use ipc_proto_net_api::{self as net, NetClient, StreamId};
use ipc_proto_types::Text;
use unikernels_rt::{Qube, log, main};

use session::{Session, Trouble};

main!(client);

/// Bytes of a stream that are enough to say that it runs.
const SOME_BYTES: u64 = 1 << 20;
/// How long it is tried again after a restart, in milliseconds: more than anybody promises.
const AGAIN_MS: u64 = 60_000;
/// Pause between two tries.
const PAUSE_MS: u64 = 5;

fn client(qube: Qube) -> i32 {
    let Some(port) = qube.client(&net::SERVICE) else { panic!("the manifest gives this qube no network") };
    let client = qube.place(NetClient::new(qube.place(port)));
    let frame = qube.place([0; net::FRAME_MAX]);
    let mut session = Session { qube, client, frame };
    qube.ready();
    session.until_there_is_a_network();
    for (verb, argument) in qube.args().iter() {
        match verb {
            "try" => attempt(&mut session, argument),
            "fetch" => fetch(&mut session, argument),
            "stream" => stream(&mut session, argument),
            "flows" => flows::flows(&mut session, argument),
            "take" => take(&mut session, argument),
            "resolve" => resolve(&mut session, argument),
            "wait" => session.pause(argument.parse().unwrap_or(0)),
            "listen" => listen(&mut session, argument),
            _ => log!("no such task: {verb}"),
        }
    }
    log!("net: done");
    if let Some(mut port) = qube.client(&ctl::SERVICE) {
        let mut ctl = CtlClient::new(&mut port);
        for index in 0..u8::MAX {
            let Ok(Some(of)) = ctl.qube(index) else { break };
            log!("bench: exits_of_{}={}", of.name, of.exits);
        }
        let _ = ctl.poweroff();
    }
    0
}

/// Host, port and path.
fn parts(argument: &str) -> (&str, u16, &str) {
    let (place, path) = argument.split_at(argument.find('/').unwrap_or(argument.len()));
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "0"));
    (host, port.parse().unwrap_or(0), path)
}

fn attempt(session: &mut Session, argument: &str) {
    let (host, port, _) = parts(argument);
    match session.connect(host, port) {
        Ok(_) => log!("net: {argument} connected"),
        Err(trouble) => log!("net: {argument} {trouble:?}"),
    }
}

fn fetch(session: &mut Session, argument: &str) {
    let start = session.now_ms();
    let mut document = Document::default();
    let result = get(session, argument, &mut |bytes| {
        document.take(bytes);
        true
    });
    let ms = session.now_ms().saturating_sub(start);
    match result {
        Ok(()) => log!("net: fetched {} bytes, sum {:016x}, in {ms} ms", document.length, document.sum),
        Err(trouble) => log!("net: {argument} {trouble:?}"),
    }
}

fn take(session: &mut Session, argument: &str) {
    let mut length = 0;
    let result = get(session, argument, &mut |bytes| {
        length += bytes.len();
        true
    });
    match result {
        Ok(()) => log!("bench: bytes={length}"),
        Err(trouble) => log!("bench failed: {trouble:?}"),
    }
}

/// Streams until it breaks, then tries until some of the same comes again.
fn stream(session: &mut Session, argument: &str) {
    let mut length = 0_u64;
    let result = get(session, argument, &mut |bytes| {
        let before = length;
        length += bytes.len() as u64;
        if before < SOME_BYTES && length >= SOME_BYTES {
            log!("net: streaming");
        }
        true
    });
    match result {
        Ok(()) => log!("net: the stream ended after {length} bytes"),
        Err(trouble) => log!("net: broken: {trouble:?}"),
    }
    let start = session.now_ms();
    while session.now_ms().saturating_sub(start) < AGAIN_MS {
        let mut length = 0;
        let result = get(session, argument, &mut |bytes| {
            length += bytes.len() as u64;
            length == 0
        });
        if length > 0 {
            let ms = session.now_ms().saturating_sub(start);
            log!("net: again after {ms} ms");
            return;
        }
        if let Err(trouble) = result
            && trouble != Trouble::Said(net::NetError::NoNetwork)
        {
            log!("net: not yet: {trouble:?}");
        }
        session.pause(PAUSE_MS);
    }
    log!("net: no network any more");
}

fn resolve(session: &mut Session, name: &str) {
    match session.resolve(name) {
        Ok(addresses) => log!("net: {name} is {:?}", addresses.as_slice()),
        Err(trouble) => log!("net: {name} {trouble:?}"),
    }
}

/// Takes callers one after the other and sends back what they say, until each says no more.
fn listen(session: &mut Session, argument: &str) {
    let listener = match session.listen(argument.parse().unwrap_or(0)) {
        Ok(listener) => listener,
        Err(trouble) => return log!("net: listening at {argument} {trouble:?}"),
    };
    log!("net: listening at {argument}");
    loop {
        if let Err(trouble) = session.accept(listener).and_then(|stream| session.echo(stream)) {
            log!("net: a caller at {argument} {trouble:?}");
            if trouble == Trouble::Said(net::NetError::NoSuchHandle) {
                return;
            }
        }
    }
}

/// Gets a document in the words of HTTP/1.0, and shows its body in pieces as long as they are wanted.
fn get(session: &mut Session, argument: &str, show: &mut impl FnMut(&[u8]) -> bool) -> Result<(), Trouble> {
    let (host, port, path) = parts(argument);
    let stream = session.connect(host, port)?;
    ask(session, stream, host, path)?;
    let mut end = End::default();
    session.receive_all(stream, &mut |bytes| {
        let body = end.skip_head(bytes);
        body.is_empty() || show(body)
    })?;
    session.close(stream)
}

/// Asks for a document in the words of HTTP/1.0.
fn ask(session: &mut Session, stream: StreamId, host: &str, path: &str) -> Result<(), Trouble> {
    let mut request = Text::<256>::new();
    for part in ["GET ", path, " HTTP/1.0\r\nHost: ", host, "\r\n\r\n"] {
        if request.push_str(part).is_err() {
            return Err(Trouble::Request);
        }
    }
    session.send(stream, request.as_bytes())
}

/// Finds the end of the head.
#[derive(Default)]
struct End {
    /// Bytes of `\r\n\r\n` that were seen.
    seen: usize,
}

impl End {
    /// What of these bytes is behind the head.
    fn skip_head<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        const MARK: [u8; 4] = *b"\r\n\r\n";
        let mut rest = bytes;
        while let (Some(expected), Some((first, more))) = (MARK.get(self.seen), rest.split_first()) {
            self.seen = if first == expected { self.seen + 1 } else { usize::from(*first == MARK[0]) };
            rest = more;
        }
        rest
    }
}

/// Length and sum (FNV-1a) of a document.
struct Document {
    length: u64,
    sum: u64,
}

impl Default for Document {
    fn default() -> Self {
        Self { length: 0, sum: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Document {
    fn take(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        for byte in bytes {
            self.sum = (self.sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
