//! A request to sign, made again until the owner has consented to it or the caller's patience is over.
//!
//! Nothing but `Refused` is heard meanwhile, so nothing can be done but to ask again, with the same words: consent for once is
//! for this data. A call that gets no answer at all ends it; only a refusal is waited out.

use ipc_proto_rpc::{CallError, Port, Ticks};
use ipc_proto_types::Bytes;

use crate::{KeyRef, SignClient, SignError};

/// How long to wait between two requests, in milliseconds: a person does not notice it, and the vault hardly either.
pub const RETRY_MS: u64 = 500;
/// How long to wait for consent, in milliseconds, for who has no better idea: as long as a vault waits for its owner's answer.
pub const PATIENCE_MS: u64 = 60_000;

/// Why there is no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSignature {
    /// It was refused to the end.
    Refused,
    /// The vault did not answer. If it has a new life, all consent is gone.
    Call(CallError),
}

/// Signs `data`, asking again every [`RETRY_MS`] while it is refused, for `patience_ms` milliseconds; 0 asks once.
///
/// # Errors
/// There is no signature: says why.
pub fn sign_patiently<P: Port>(
    client: &mut SignClient<'_, P>,
    key: &KeyRef,
    data: &Bytes<4096>,
    patience_ms: u64,
) -> Result<Bytes<64>, NoSignature> {
    let (until, tries) = (in_ms(client, patience_ms), patience_ms / RETRY_MS + 1);
    // As many as fit, should the clock stand still.
    for _ in 0..tries {
        match client.sign(key.clone(), data.clone()).map_err(NoSignature::Call)? {
            Ok(signature) => return Ok(signature),
            Err(SignError::Refused) => {}
        }
        let next = in_ms(client, RETRY_MS);
        if next > until {
            break;
        }
        // Whatever else moves at this qube wakes it: sleep on.
        while client.client().port().now() < next {
            client.client().port().wait(Some(next));
        }
    }
    Err(NoSignature::Refused)
}

/// The time in so many milliseconds.
fn in_ms<P: Port>(client: &mut SignClient<'_, P>, ms: u64) -> Ticks {
    let port = client.client().port();
    let ticks = u128::from(ms) * u128::from(port.ticks_per_second()) / 1000;
    port.now().after(u64::try_from(ticks).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use ipc_proto_rpc::{Caller, PortFacts, PortState, SendError};
    use ipc_proto_types::{ErrorCode, Generation, Kind, Label, List, PortIndex, QubeName, Role};
    use ipc_proto_wire::{HEADER_SIZE, Header};
    use proptest::prelude::*;

    use super::*;
    use crate::{FRAME_MAX, Identity, SERVICE, Sign, dispatch};

    /// A vault whose owner consents at some time; its clock is that of the port.
    struct Vault {
        now_ms: u64,
        consents_at_ms: u64,
        asked: Vec<(u64, KeyRef, Bytes<4096>)>,
    }

    impl Sign for Vault {
        fn identities(&mut self, _: &Caller) -> List<Identity, 32> {
            List::new()
        }

        fn sign(&mut self, _: &Caller, key: KeyRef, data: Bytes<4096>) -> Result<Bytes<64>, SignError> {
            self.asked.push((self.now_ms, key, data));
            if self.now_ms < self.consents_at_ms { Err(SignError::Refused) } else { Ok(Bytes::from([7; 64])) }
        }
    }

    /// A channel that ends in the vault. Its owner is woken every 70 ms by something else.
    struct Channel {
        vault: Vault,
        replies: VecDeque<Vec<u8>>,
        /// From this time on, calls are answered with that.
        fails: Option<(u64, ErrorCode)>,
    }

    impl Channel {
        fn new(consents_at_ms: u64) -> Self {
            let vault = Vault { now_ms: 0, consents_at_ms, asked: Vec::new() };
            Self { vault, replies: VecDeque::new(), fails: None }
        }
    }

    impl Port for Channel {
        fn index(&self) -> PortIndex {
            PortIndex::new(0).expect("there is a first port")
        }
        fn facts(&self) -> PortFacts {
            PortFacts {
                state: PortState::Open,
                role: Role::Client,
                peer_generation: Generation(1),
                schema: SERVICE.id,
                message_max: SERVICE.message_max,
                peer_label: Label::Vault,
                peer_name: QubeName::new("vault").expect("a name"),
                service: QubeName::new("sign").expect("a name"),
            }
        }
        fn acknowledge(&mut self) {}
        fn send(&mut self, frame: &[u8]) -> Result<(), SendError> {
            let (header, body) = Header::parse(frame).expect("a frame");
            let mut reply = vec![0; FRAME_MAX];
            let caller = Caller { port: self.index(), generation: Generation(1) };
            let out = &mut reply[HEADER_SIZE..];
            let failed = self.fails.filter(|(from_ms, _)| *from_ms <= self.vault.now_ms);
            let (kind, length) = match failed {
                Some((_, code)) => {
                    out[0] = code.as_u8();
                    (Kind::Error, 1)
                }
                None => {
                    let length = dispatch(&mut self.vault, &caller, &header, body, out);
                    (Kind::Reply, length.expect("it answers").expect("with a body"))
                }
            };
            let header = Header { kind, length: u32::try_from(length).expect("short"), ..header };
            header.write_to(&mut reply).expect("room for it");
            reply.truncate(HEADER_SIZE + length);
            self.replies.push_back(reply);
            Ok(())
        }
        fn flush(&mut self) {}
        fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
            let reply = self.replies.pop_front()?;
            into[..reply.len()].copy_from_slice(&reply);
            Some(reply.len())
        }
        fn wait(&mut self, deadline: Option<Ticks>) {
            let deadline = deadline.expect("nobody waits for ever").0;
            self.vault.now_ms = deadline.min(self.vault.now_ms + 70);
        }
        fn now(&self) -> Ticks {
            Ticks(self.vault.now_ms)
        }
        fn ticks_per_second(&self) -> u64 {
            1000
        }
    }

    fn data() -> Bytes<4096> {
        Bytes::try_from([1; 9].as_slice()).expect("it fits")
    }

    fn wait_for(channel: &mut Channel, patience_ms: u64) -> Result<Bytes<64>, NoSignature> {
        let data = data();
        sign_patiently(&mut SignClient::new(channel), &KeyRef::Id(5), &data, patience_ms)
    }

    #[test]
    fn no_patience_asks_once() {
        let mut channel = Channel::new(1);
        assert_eq!(wait_for(&mut channel, 0), Err(NoSignature::Refused));
        assert_eq!((channel.vault.asked.len(), channel.vault.now_ms), (1, 0));
    }

    #[test]
    fn only_a_refusal_is_waited_out() {
        let mut channel = Channel::new(u64::MAX);
        channel.fails = Some((1_200, ErrorCode::Denied));
        assert_eq!(wait_for(&mut channel, 10_000), Err(NoSignature::Call(CallError::Denied)));
        assert_eq!(channel.vault.asked.len(), 3);
    }

    proptest! {
        /// Whenever consent comes: there is a signature if it comes in time, soon after it came, by the same request.
        #[test]
        fn consent_in_time_gives_a_signature(at_ms in 0_u64..5_000, patience_ms in 0_u64..5_000) {
            let mut channel = Channel::new(at_ms);
            let signed = wait_for(&mut channel, patience_ms);
            let in_time = at_ms.div_ceil(RETRY_MS) * RETRY_MS <= patience_ms;
            prop_assert_eq!(signed, if in_time { Ok(Bytes::from([7; 64])) } else { Err(NoSignature::Refused) });
            prop_assert!(channel.vault.now_ms <= patience_ms);
            prop_assert!(!in_time || channel.vault.now_ms < at_ms + RETRY_MS);
            for (number, (now_ms, key, signed)) in (0_u64..).zip(&channel.vault.asked) {
                prop_assert_eq!(*now_ms, number * RETRY_MS);
                prop_assert_eq!((key, signed), (&KeyRef::Id(5), &data()));
            }
        }
    }
}
