//! Measures the channels from inside a qube: exits from the supervisor's own counters, ticks from the time-stamp counter,
//! which under QEMU's instruction counting are instructions. Prints `bench: name=value` lines in its log.
//!
//! Arguments: `task`, one of `call`, `stream`, `idle`, `start`, `raw`; `count`, how many calls or messages. For `raw`, which calls any
//! service: `service`, `method` (its number) and `body` in hexadecimal digits.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ipc_proto_ctl_api::{self as ctl, CtlClient};
use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_rpc::{CallError, Port};
use ipc_proto_types::Bytes;
use unikernels_rt::{Qube, log, main};

mod raw;
mod start;

main!(measure);

/// Calls or messages, unless argument `count` says otherwise.
const COUNT: u64 = 1_000;

fn measure(qube: Qube) -> i32 {
    let count = qube.args().get("count").and_then(|count| count.parse().ok()).unwrap_or(COUNT);
    let Some(mut ctl) = qube.client(&ctl::SERVICE) else {
        log!("bench failed: no channel to the supervisor");
        return 1;
    };
    let mut ctl = CtlClient::new(&mut ctl);
    let mut echo = qube.client(&echo::SERVICE);
    let mut echo = echo.as_mut().map(EchoClient::new);
    let task = qube.args().get("task").unwrap_or("call");
    let done = match (task, &mut echo) {
        ("call", Some(echo)) => calls(qube, count, echo, &mut ctl),
        ("stream", Some(echo)) => stream(qube, count, echo, &mut ctl),
        ("raw", _) => raw::calls(qube, count, &mut ctl),
        ("idle", _) => idle(qube, &mut ctl),
        ("start", Some(echo)) => start::starts(qube, echo, &mut ctl),
        _ => {
            log!("bench failed: no task {task}, or no channel for it");
            Ok(())
        }
    };
    if let Err(error) = &done {
        log!("bench failed: {error}");
    }
    let _ = ctl.poweroff();
    i32::from(done.is_err())
}

/// Exits of all qubes, so far.
fn exits(ctl: &mut CtlClient<'_, impl Port>) -> Result<u64, CallError> {
    let mut sum = 0;
    for index in 0..=u8::MAX {
        let Some(info) = ctl.qube(index)? else { break };
        sum += info.exits;
    }
    Ok(sum)
}

fn calls(
    qube: Qube,
    count: u64,
    echo: &mut EchoClient<'_, impl Port>,
    ctl: &mut CtlClient<'_, impl Port>,
) -> Result<(), CallError> {
    let data = Bytes::from([0x5a; 64]);
    echo.bytes(data.clone())?;
    let own = own_exits(ctl)?;
    let before = exits(ctl)?;
    let start = qube.now();
    for _ in 0..count {
        echo.bytes(data.clone())?;
    }
    let end = qube.now();
    let after = exits(ctl)?;
    log!("bench: call_exits={}", (after - before).saturating_sub(own));
    log!("bench: calls={count}");
    log!("bench: call_ticks={}", end.0 - start.0);
    Ok(())
}

/// What reading the counters itself costs.
fn own_exits(ctl: &mut CtlClient<'_, impl Port>) -> Result<u64, CallError> {
    let before = exits(ctl)?;
    Ok(exits(ctl)? - before)
}

fn stream(
    qube: Qube,
    count: u64,
    echo: &mut EchoClient<'_, impl Port>,
    ctl: &mut CtlClient<'_, impl Port>,
) -> Result<(), CallError> {
    let data = Bytes::from([0x5a; 64]);
    let sunk = echo.sunk()?;
    let own = own_exits(ctl)?;
    let before = exits(ctl)?;
    let start = qube.now();
    for _ in 0..count {
        echo.sink(data.clone())?;
    }
    let arrived = echo.sunk()? - sunk;
    let end = qube.now();
    let after = exits(ctl)?;
    log!("bench: stream_exits={}", (after - before).saturating_sub(own));
    log!("bench: stream_messages={arrived}");
    log!("bench: stream_ticks={}", end.0 - start.0);
    Ok(())
}

fn idle(qube: Qube, ctl: &mut CtlClient<'_, impl Port>) -> Result<(), CallError> {
    const SETTLE_MS: u64 = 1_000;
    const IDLE_MS: u64 = 60_000;
    // The others are still setting themselves up.
    let settled = qube.in_ms(SETTLE_MS);
    while qube.now() < settled {
        qube.wait(Some(settled));
    }
    let own = own_exits(ctl)?;
    let before = exits(ctl)?;
    let until = qube.in_ms(IDLE_MS);
    let mut waits = 0u64;
    while qube.now() < until {
        qube.wait(Some(until));
        waits += 1;
    }
    let after = exits(ctl)?;
    // The wait itself is an exit; what came on top was not idle.
    log!("bench: idle_exits={}", (after - before).saturating_sub(own + waits));
    log!("bench: idle_waits={waits}");
    Ok(())
}
