//! Service `sign`, and who asked in vain.
//!
//! A refusal says nothing, and may become a question to the owner (`asking`). What was refused is remembered whether the key exists or not, with the same work, so that not even
//! the time tells; the owner is shown only what can be allowed.

use alloc::collections::VecDeque;

use ipc_proto_rpc::Caller;
use ipc_proto_sign_api as api;
use ipc_proto_types::{Bytes, List};
use vault_app_signing::{DataHash, KeyId, PublicKey};

use super::{Clock, Server};
use crate::medium::Medium;

/// How many refused requests are remembered; the oldest go first.
const REQUESTS_MAX: usize = 16;

/// A refused request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) caller: Caller,
    pub(super) key: KeyId,
    pub(super) at_ms: u64,
}

/// Those refused last, each once.
#[derive(Debug, Default)]
pub(super) struct Requests(VecDeque<Request>);

impl Requests {
    pub(super) fn forget(&mut self, caller: Caller, key: KeyId) {
        self.0.retain(|request| (request.caller, request.key) != (caller, key));
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = Request> {
        self.0.iter().rev().copied()
    }

    /// One caller has at most half of the places, so it can't hide what others ask for.
    fn remember(&mut self, request: Request) {
        self.forget(request.caller, request.key);
        let mine = self.0.iter().filter(|other| other.caller == request.caller).count();
        let oldest_of_mine = self.0.iter().position(|other| other.caller == request.caller);
        if mine >= REQUESTS_MAX / 2
            && let Some(at) = oldest_of_mine
        {
            self.0.remove(at);
        } else if self.0.len() == REQUESTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(request);
    }
}

/// A moment, as the signer asks for it.
struct At(u64);

impl vault_app_signing::Clock for At {
    fn now_ms(&self) -> u64 {
        self.0
    }
}

impl<M: Medium, F: FnMut(&mut [u8]) + Clone, C: Clock> api::Sign for Server<'_, M, F, C> {
    fn identities(&mut self, caller: &Caller) -> List<api::Identity, 32> {
        let now = At(self.clock.now_ms());
        vault_app_signing::Server::new(self.session.signer(), now).identities(caller)
    }

    fn sign(
        &mut self,
        caller: &Caller,
        key: api::KeyRef,
        data: Bytes<4096>,
    ) -> Result<Bytes<64>, api::SignError> {
        let asked = match &key {
            api::KeyRef::Id(id) => Some(KeyId(*id)),
            api::KeyRef::Public(public) => {
                public.as_slice().try_into().ok().map(|bytes| PublicKey(bytes).id())
            }
        };
        let at_ms = self.clock.now_ms();
        let (hash, length) = (DataHash::of(&data), data.len());
        let signed = vault_app_signing::Server::new(self.session.signer(), At(at_ms)).sign(caller, key, data);
        if signed.is_err()
            && let Some(key) = asked
        {
            self.requests.remember(Request { caller: *caller, key, at_ms });
            self.refused(*caller, key, hash, length, at_ms);
        }
        signed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc_proto_types::{Generation, PortIndex};

    fn request(port: u8, key: u64) -> Request {
        let caller = Caller { port: PortIndex::new(port).unwrap(), generation: Generation(1) };
        Request { caller, key: KeyId(key), at_ms: key }
    }

    #[test]
    fn the_newest_are_remembered_each_once() {
        let mut requests = Requests::default();
        for key in [1, 2, 1] {
            requests.remember(request(0, key));
        }
        let keys: Vec<u64> = requests.newest_first().map(|request| request.key.0).collect();
        assert_eq!(keys, [1, 2]);
        requests.forget(request(0, 1).caller, KeyId(1));
        assert_eq!(requests.newest_first().collect::<Vec<_>>(), [request(0, 2)]);
    }

    #[test]
    fn nobody_can_push_out_what_others_ask_for() {
        let mut requests = Requests::default();
        requests.remember(request(1, 7));
        for key in 0..100 {
            requests.remember(request(0, key));
        }
        let all: Vec<Request> = requests.newest_first().collect();
        assert_eq!(all.len(), 1 + REQUESTS_MAX / 2);
        assert!(all.contains(&request(1, 7)));
        for port in 0..8 {
            for key in 0..100 {
                requests.remember(request(port, key));
            }
        }
        assert_eq!(requests.newest_first().count(), REQUESTS_MAX);
    }
}
