//! The service `sign` on a [`Signer`]: nothing but the change of types, and the clock.

use ipc_proto_rpc::Caller;
use ipc_proto_sign_api as api;
use ipc_proto_types::{Bytes, List};

use crate::key::{KeyId, KeyRef, PublicKey};
use crate::signer::{DATA_MAX, Signer};
use crate::{COMMENT_MAX, KEYS_MAX, SIGNATURE_SIZE};

// What the service's types hold is what the signer has.
const _: () = assert!(DATA_MAX == 4096 && SIGNATURE_SIZE == 64 && KEYS_MAX == 32 && COMMENT_MAX == 128);

/// The time, as the qube knows it.
pub trait Clock {
    /// Milliseconds of a clock that never goes back.
    fn now_ms(&self) -> u64;
}

/// A signer that answers the messages of the service.
pub struct Server<'s, C: Clock> {
    signer: &'s mut Signer,
    clock: C,
}

impl<'s, C: Clock> Server<'s, C> {
    /// Serves a signer.
    pub fn new(signer: &'s mut Signer, clock: C) -> Self {
        Self { signer, clock }
    }
}

impl<C: Clock> api::Sign for Server<'_, C> {
    fn identities(&mut self, caller: &Caller) -> List<api::Identity, 32> {
        let mut list = List::new();
        for identity in self.signer.identities(*caller, self.clock.now_ms()) {
            let (id, public) = (identity.id.0, Bytes::from(identity.public.0));
            if list.push(api::Identity { id, public, comment: identity.comment }).is_err() {
                break;
            }
        }
        list
    }

    fn sign(
        &mut self,
        caller: &Caller,
        key: api::KeyRef,
        data: Bytes<4096>,
    ) -> Result<Bytes<64>, api::SignError> {
        let key = match &key {
            api::KeyRef::Id(id) => KeyRef::Id(KeyId(*id)),
            api::KeyRef::Public(public) => {
                let public = public.as_slice().try_into().map_err(|_| api::SignError::Refused)?;
                KeyRef::Public(PublicKey(public))
            }
        };
        let signed = self.signer.sign(*caller, &key, &data, self.clock.now_ms());
        signed.map(Bytes::from).map_err(|_| api::SignError::Refused)
    }
}
