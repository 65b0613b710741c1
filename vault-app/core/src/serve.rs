//! The four services of one store: `vault`, `vault-files`, `vault-keys`, `sign`. Change of types, clock, and nothing else.

mod asking;
mod files;
mod keys;
mod sign;
mod vault;

use ipc_proto_rpc::Caller;
use ipc_proto_types::{List, MAX_PORTS, QubeName};
use ipc_proto_vault_api::VaultError;
use vault_app_codes::{Random, RandomError};
use vault_app_signing::Questions;

use crate::Keys;
use crate::medium::Medium;
use crate::session::Session;
use files::Staged;
use sign::Requests;

/// The time, as the qube knows it.
pub trait Clock {
    /// Milliseconds of a clock that never goes back.
    fn now_ms(&self) -> u64;

    /// Seconds since 1970 began.
    fn unix_s(&self) -> u64;
}

/// Who may ask for signatures, as their channels say: a name and the life it has now.
pub type Callers = List<(QubeName, Caller), MAX_PORTS>;

/// A store that answers the messages of its services.
pub struct Server<'m, M, F, C> {
    session: Session<'m, M, F>,
    clock: C,
    random: F,
    staged: Staged,
    callers: Callers,
    requests: Requests,
    questions: Questions,
}

impl<'m, M: Medium, F: FnMut(&mut [u8]) + Clone, C: Clock> Server<'m, M, F, C> {
    /// Serves a store.
    pub fn new(session: Session<'m, M, F>, random: F, clock: C) -> Self {
        let (staged, requests) = (Staged::default(), Requests::default());
        let questions = Questions::default();
        Self { session, clock, random, staged, callers: List::new(), requests, questions }
    }

    /// Says who is at the other ends of the channels of service `sign` now.
    pub fn set_callers(&mut self, callers: Callers) {
        self.callers = callers;
    }

    /// What is to be done when nobody calls; the time of the clock in milliseconds at which there is more to do.
    pub fn idle(&mut self) -> Option<u64> {
        self.session.lock_if_idle(self.clock.now_ms());
        // A failure locks the store, and the next call says so.
        let _ = self.session.tidy();
        if !self.session.is_open() {
            // Whatever locked it.
            self.forget();
        }
        self.session.locks_at_ms()
    }

    /// Somebody calls: the store is not idle. Gives the time in seconds since 1970 began.
    fn used(&mut self) -> u64 {
        let now_ms = self.clock.now_ms();
        self.session.use_at(now_ms);
        self.clock.unix_s()
    }

    /// Forgets what only an open store has.
    fn forget(&mut self) {
        self.staged = Staged::default();
        self.requests = Requests::default();
        self.questions.clear();
    }
}

/// A source of randomness that never fails, for those who ask whether it did.
struct Fill<'f, F>(&'f mut F);

impl<F: FnMut(&mut [u8])> Random for Fill<'_, F> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        (self.0)(out);
        Ok(())
    }
}

/// What opens a store, as the wire has it.
fn keys(keys: &ipc_proto_vault_api::Keys) -> Keys<'_> {
    Keys {
        passphrase: keys.passphrase.expose().as_bytes(),
        key_file: keys.key_file.as_ref().map(|file| file.expose().as_slice()),
    }
}

/// What the owner is told of keys for signing.
fn signing_error(error: vault_app_signing::SigningError) -> VaultError {
    use vault_app_signing::SigningError as E;
    match error {
        E::Locked => VaultError::Locked,
        E::NoSuchKey => VaultError::NoSuchKey,
        E::KeyExists => VaultError::EntryExists,
        E::Full => VaultError::Full,
        E::BadTime => VaultError::BadTime,
        E::BadComment => VaultError::TooLong,
        _ => VaultError::BadFile,
    }
}
