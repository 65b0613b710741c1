//! Task `raw`: one call of any service, again and again.

use ipc_proto_ctl_api::CtlClient;
use ipc_proto_rpc::{CallError, Port, RawClient, Untyped};
use ipc_proto_types::Role;
use unikernels_rt::{Qube, log};

use crate::{exits, own_exits};

/// Room for a header and the largest body that fits the arguments, and for a reply.
const FRAME_BYTES: usize = 68 * 1024;
const HEADER_BYTES: usize = 32;

pub(crate) fn calls(qube: Qube, count: u64, ctl: &mut CtlClient<'_, impl Port>) -> Result<(), CallError> {
    let args = qube.args();
    let method = args.get("method").and_then(|method| method.parse().ok()).unwrap_or(0);
    let port = args.get("service").and_then(|service| qube.port(service, Role::Client));
    let Some(mut port) = port else {
        log!("bench failed: no channel to the service");
        return Err(CallError::PeerGone);
    };
    let frame = qube.place([0; FRAME_BYTES]);
    let mut client = Untyped::new(&mut port);
    let body = args.get("body").unwrap_or("");
    // The first call finds both ends open, and whatever a first call costs.
    call(&mut client, frame, method, body)?;
    let own = own_exits(ctl)?;
    let before = exits(ctl)?;
    let start = qube.now();
    for _ in 0..count {
        call(&mut client, frame, method, body)?;
    }
    let end = qube.now();
    let after = exits(ctl)?;
    log!("bench: call_exits={}", (after - before).saturating_sub(own));
    log!("bench: calls={count}");
    log!("bench: call_ticks={}", end.0 - start.0);
    Ok(())
}

/// One call; the body is written anew, because the reply stands in its place.
fn call(client: &mut impl RawClient, frame: &mut [u8], method: u16, body: &str) -> Result<(), CallError> {
    let mut length = 0;
    for pair in body.as_bytes().chunks_exact(2) {
        let digits = core::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let (Some(byte), Some(place)) = (digits, frame.get_mut(HEADER_BYTES + length)) else {
            return Err(CallError::Malformed);
        };
        *place = byte;
        length += 1;
    }
    client.call_raw(method, frame, length).map(drop)
}
