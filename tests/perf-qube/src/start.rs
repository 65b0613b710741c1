//! What it takes to start a disposable, and from there to its first answer.

use ipc_proto_ctl_api::{CtlClient, QubeState};
use ipc_proto_echo_api::EchoClient;
use ipc_proto_rpc::{CallError, Port};
use ipc_proto_types::{Bytes, Text};
use unikernels_rt::{Qube, log};

/// The disposable, and its index.
const NAME: &str = "viewer";
const INDEX: u8 = 1;
/// How many lives are measured; the first is another one, since nobody has to acknowledge it.
const LIVES: u64 = 10;

pub(crate) fn starts(
    qube: Qube,
    echo: &mut EchoClient<'_, impl Port>,
    ctl: &mut CtlClient<'_, impl Port>,
) -> Result<(), CallError> {
    let name = Text::<16>::truncated(NAME);
    let data = Bytes::from([0x5a; 64]);
    let (mut call, mut start, mut answer) = (0, 0, 0);
    until_prepared(qube, ctl)?;
    for life in 0..=LIVES {
        let before = qube.now();
        let _ = ctl.start(Text::truncated("nobody"))?;
        let asked = qube.now();
        let started = ctl.start(name.clone())?;
        let begun = qube.now();
        if started.is_err() {
            log!("bench failed: {NAME} does not start");
            return Err(CallError::PeerGone);
        }
        loop {
            match echo.bytes(data.clone()) {
                Ok(_) => break,
                Err(CallError::PeerGone) => {
                    qube.wait(None);
                }
                Err(CallError::PeerRestarted(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let answered = qube.now();
        let _ = ctl.kill(name.clone())?;
        until_prepared(qube, ctl)?;
        if life > 0 {
            call += asked.0 - before.0;
            start += begun.0 - asked.0;
            answer += answered.0 - asked.0;
        }
    }
    log!("bench: lives={LIVES}");
    log!("bench: nothing_ticks={}", call);
    log!("bench: start_ticks={}", start);
    log!("bench: answer_ticks={}", answer);
    Ok(())
}

/// Waits until the disposable can be started: its memory is made, or made anew, while everybody waits.
fn until_prepared(qube: Qube, ctl: &mut CtlClient<'_, impl Port>) -> Result<(), CallError> {
    while ctl.qube(INDEX)?.is_some_and(|info| info.state != QubeState::Prepared) {
        qube.wait(Some(qube.in_ms(1)));
    }
    Ok(())
}
