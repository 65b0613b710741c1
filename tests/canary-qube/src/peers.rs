//! Attackers that the canary talks to: it calls each that poses as a server and notes what it gets; of those that call, it
//! hears nothing.

use ipc_proto_echo_api::{self as echo, EchoClient};
use ipc_proto_rpc::{Port, PortState};
use ipc_proto_types::{List, QubeName, Role, Text};
use unikernels_rt::{Channel, Qube, log};

/// Most of either kind.
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

/// All of them, and the channels on which attackers call us.
pub(crate) struct Peers {
    servers: &'static mut List<Peer, PEERS>,
    clients: &'static mut List<Channel, PEERS>,
}

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
        let clients = qube.place(List::new());
        while let Some(port) = qube.port("vault", Role::Server) {
            if clients.push(port).is_err() {
                log!("canary: broken: too many clients");
            }
        }
        Self { servers: peers, clients }
    }

    /// Lets attackers that have reset their devices open their ends anew. What they say is never looked at.
    pub(crate) fn acknowledge(&mut self) {
        for port in self.clients.iter_mut().filter(|port| port.facts().state == PortState::Restarted) {
            port.acknowledge();
        }
    }

    /// Calls each once, and logs an outcome that is new.
    pub(crate) fn ask(&mut self, round: u64) {
        if round < QUIET_ROUNDS {
            return;
        }
        for peer in self.servers.iter_mut() {
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
