//! Many streams at the same time: opened before any is used, asked for a document each, and read in turn.

use ipc_proto_net_api::{NetError, StreamId};
use ipc_proto_types::List;
use unikernels_rt::log;

use crate::session::{Session, Trouble};
use crate::{End, ask, parts};

/// Most streams that are opened: more than anybody may have.
const FLOWS_MAX: usize = 80;

/// A stream, and how much of its document has come.
struct Flow {
    stream: StreamId,
    end: End,
    length: u64,
    is_over: bool,
}

/// Opens streams until it may not, has all carry the document, and logs how many there were and how many bytes the least of them
/// carried.
pub(crate) fn flows(session: &mut Session, argument: &str) {
    match carry(session, argument) {
        Ok(flows) => {
            let least = flows.iter().map(|flow| flow.length).min().unwrap_or(0);
            log!("net: {} flows, each of {least} bytes at least", flows.len());
        }
        Err(trouble) => log!("net: flows {trouble:?}"),
    }
}

fn carry(session: &mut Session, argument: &str) -> Result<List<Flow, FLOWS_MAX>, Trouble> {
    let (host, port, path) = parts(argument);
    let mut flows = List::<Flow, FLOWS_MAX>::new();
    loop {
        match session.connect(host, port) {
            Ok(stream) => {
                let flow = Flow { stream, end: End::default(), length: 0, is_over: false };
                if flows.push(flow).is_err() {
                    break;
                }
            }
            Err(Trouble::Said(NetError::Quota)) => break,
            Err(trouble) => return Err(trouble),
        }
    }
    for flow in &flows {
        ask(session, flow.stream, host, path)?;
    }
    while flows.iter().any(|flow| !flow.is_over) {
        let mut has_moved = false;
        for flow in flows.iter_mut().filter(|flow| !flow.is_over) {
            let Some(bytes) = session.receive(flow.stream)? else { continue };
            has_moved = true;
            flow.is_over = bytes.is_empty();
            flow.length += flow.end.skip_head(bytes).len() as u64;
        }
        if !has_moved {
            session.news();
        }
    }
    Ok(flows)
}
