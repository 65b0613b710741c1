//! Attackers that pose as servers: the canary calls each and notes what it gets.

use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_rpc::Port;
use ipc_proto_types::{List, QubeName, Text};
use unikernels_rt::{Channel, Qube, log};

/// Most of them.
const PEERS: usize = 12;
/// Most different outcomes noted of one.
const OUTCOMES: usize = 12;
/// How long one may take to answer.
const TIMEOUT_MS: u64 = 4;
/// They begin to attack after so many rounds at the earliest; a call that comes sooner says nothing.
const QUIET_ROUNDS: u64 = 25;

/// One attacker.
struct Peer {
    name: QubeName,
    client: EchoClient<'static, Channel>,
    outcomes: List<Text<40>, OUTCOMES>,
}

/// All of them.
pub(crate) struct Peers(&'static mut List<Peer, PEERS>);

impl Peers {
    /// The servers of all further channels for `echo`.
    pub(crate) fn find(qube: Qube) -> Self {
        let peers = qube.place(List::new());
        while let Some(port) = qube.client(&echo::SERVICE) {
            let name = port.facts().peer_name;
            let mut client = EchoClient::new(qube.place(port));
            client.client().set_timeout_ms(TIMEOUT_MS);
            if peers.push(Peer { name, client, outcomes: List::new() }).is_err() {
                log!("canary: broken: too many servers");
            }
        }
        Self(peers)
    }

    /// Calls each once, and logs an outcome that is new.
    pub(crate) fn ask(&mut self, round: u64) {
        if round < QUIET_ROUNDS {
            return;
        }
        for peer in self.0.iter_mut() {
            let outcome = match peer.client.say(Text::truncated("who is there")) {
                Ok(text) => format(format_args!("answer {}", text.as_str())),
                Err(error) => format(format_args!("error {error:?}")),
            };
            if peer.outcomes.iter().all(|known| *known != outcome) {
                log!("canary: asked {} got {outcome}", peer.name);
                // Outcomes beyond the list are logged again each time.
                let _ = peer.outcomes.push(outcome);
            }
        }
    }
}

fn format(arguments: core::fmt::Arguments<'_>) -> Text<40> {
    let mut text = Text::new();
    // What is too long is cut.
    let _ = core::fmt::Write::write_fmt(&mut text, arguments);
    text
}
