//! Service `vault-keys`.

use ipc_proto_rpc::Caller;
use ipc_proto_types::{List, Text};
use ipc_proto_vault_api::VaultError;
use ipc_proto_vault_api::keys as api;
use vault_app_signing::{Grant, KeyId, SEED_SIZE, Seed};

use super::{Clock, Server, signing_error};
use crate::medium::Medium;

impl<M: Medium, F: FnMut(&mut [u8]) + Clone, C: Clock> api::KeyStore for Server<'_, M, F, C> {
    fn make(&mut self, _: &Caller, comment: Text<128>) -> Result<api::Key, VaultError> {
        self.used();
        self.session.store()?;
        let mut seed = Seed::new([0; SEED_SIZE]);
        (self.random)(seed.expose_mut());
        let id = self.session.signer().make(&seed, &comment).map_err(signing_error)?;
        self.keep_key(id)
    }

    fn list(&mut self, _: &Caller, from: u32) -> Result<api::KeyPage, VaultError> {
        self.used();
        self.session.store()?;
        let keyring = self.session.signer().keyring().map_err(signing_error)?;
        let mut ids: alloc::vec::Vec<KeyId> = keyring.keys().map(|key| key.public().id()).collect();
        ids.sort_unstable();
        let total = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let mut keys = List::new();
        for id in ids.into_iter().skip(from as usize) {
            if keys.push(self.key(id)?).is_err() {
                break;
            }
        }
        Ok(api::KeyPage { keys, total })
    }

    fn remove(&mut self, _: &Caller, id: u64) -> Result<(), VaultError> {
        self.used();
        self.session.store()?;
        self.key(KeyId(id))?;
        // First on the disk: a key that could not be forgotten there must not be gone here.
        self.session.forget_key(KeyId(id))?;
        self.session.signer().remove(KeyId(id)).map_err(signing_error)
    }

    fn allow(&mut self, _: &Caller, qube: Text<32>, id: u64, grant: api::Grant) -> Result<(), VaultError> {
        self.used();
        self.session.store()?;
        let caller = self.caller(&qube)?;
        let grant = match grant {
            api::Grant::Once => Grant::Once,
            api::Grant::Seconds(seconds) => Grant::ForSeconds(seconds),
        };
        let now_ms = self.clock.now_ms();
        self.session.signer().allow(caller, KeyId(id), grant, now_ms).map_err(signing_error)?;
        self.requests.forget(caller, KeyId(id));
        self.questions.settle(caller, KeyId(id));
        Ok(())
    }

    fn disallow(&mut self, _: &Caller, qube: Text<32>, id: u64) -> Result<(), VaultError> {
        self.used();
        self.session.store()?;
        let caller = self.caller(&qube)?;
        self.session.signer().disallow(caller, KeyId(id));
        Ok(())
    }

    fn pending(&mut self, _: &Caller) -> Result<api::PendingPage, VaultError> {
        self.session.store()?;
        let now_ms = self.clock.now_ms();
        let mut requests = List::new();
        for request in self.requests.newest_first() {
            let name =
                self.callers.iter().find(|(_, caller)| *caller == request.caller).map(|(name, _)| name);
            let is_there = self.session.signer().keyring().is_ok_and(|keys| keys.get(request.key).is_some());
            // Whoever has another life now asks no more; and a key that is not there can't be allowed.
            let Some(name) = name.filter(|_| is_there) else { continue };
            let seconds_ago = now_ms.saturating_sub(request.at_ms) / 1_000;
            let pending = api::Pending {
                qube: Text::truncated(name.as_str()),
                id: request.key.0,
                seconds_ago: u32::try_from(seconds_ago).unwrap_or(u32::MAX),
            };
            if requests.push(pending).is_err() {
                break;
            }
        }
        Ok(api::PendingPage { requests })
    }

    fn answer(&mut self, _: &Caller, number: u32, answer: api::Answer) -> Result<bool, VaultError> {
        self.used();
        self.session.store()?;
        self.answered(number, answer)
    }
}

impl<M: Medium, F: FnMut(&mut [u8]) + Clone, C: Clock> Server<'_, M, F, C> {
    /// A key that the signer has, as the wire has it.
    fn key(&mut self, id: KeyId) -> Result<api::Key, VaultError> {
        let line = self.session.signer().keyring().and_then(|keyring| keyring.public_line(id));
        let public =
            Text::try_from(line.map_err(signing_error)?.as_str()).map_err(|_| VaultError::Internal)?;
        Ok(api::Key { id: id.0, public })
    }

    /// Keeps a key that the signer has just got; if that fails, the signer has not got it either.
    pub(super) fn keep_key(&mut self, id: KeyId) -> Result<api::Key, VaultError> {
        if let Err(error) = self.session.keep_key(id) {
            // A locked signer has none.
            let _ = self.session.signer().remove(id);
            return Err(error);
        }
        self.key(id)
    }

    /// The life that the qube of this name has now.
    fn caller(&self, qube: &str) -> Result<Caller, VaultError> {
        let found = self.callers.iter().find(|(name, _)| name.as_str() == qube);
        found.map(|(_, caller)| *caller).ok_or(VaultError::NoSuchQube)
    }
}
