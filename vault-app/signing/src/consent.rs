//! Consent: who may use which key, until when.
//!
//! A pure state machine; the time is an argument. Nothing is allowed that was not given, and what was given ends: when it is
//! used (if it was for once), when its time is over, when the key is removed, when the keys are locked. A caller that was
//! restarted is another caller. The work of a look-up depends on how many consents there are, and not on which.

use alloc::vec::Vec;

use ipc_proto_rpc::Caller;
use subtle::{Choice, ConstantTimeEq};

use crate::SigningError;
use crate::key::{DataHash, KeyId, KeyRef, PublicKey};

/// Most consents at a time: the work of every look-up.
pub const GRANTS_MAX: usize = 64;
/// Longest consent in seconds: a day.
pub const SECONDS_MAX: u32 = 24 * 60 * 60;
/// How long consent for once waits to be used, in seconds. Without an end, a program could save it up for a time when
/// nobody looks.
pub const ONCE_S: u32 = 60;

/// How much is consented to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// One signature, within [`ONCE_S`] seconds.
    Once,
    /// One signature of the data with this hash, within [`ONCE_S`] seconds.
    OnceOf(DataHash),
    /// Any number of signatures for this many seconds: 1 to [`SECONDS_MAX`].
    ForSeconds(u32),
}

#[derive(Debug, Clone, Copy)]
struct Given {
    caller: Caller,
    public: PublicKey,
    once: bool,
    /// The only data it is for.
    only: Option<DataHash>,
    from_ms: u64,
    until_ms: u64,
}

impl Given {
    /// A clock that went back ends it: how long it was valid is not known then.
    const fn is_alive(&self, now_ms: u64) -> bool {
        self.from_ms <= now_ms && now_ms < self.until_ms
    }

    fn is_for(&self, caller: Caller, key: &KeyRef) -> Choice {
        let port = self.caller.port.get().ct_eq(&caller.port.get());
        let life = self.caller.generation.0.ct_eq(&caller.generation.0);
        port & life & key.means(&self.public)
    }

    fn covers(&self, data: &DataHash) -> Choice {
        self.only.as_ref().map_or(Choice::from(1), |only| only.0.ct_eq(&data.0))
    }
}

/// Everything consented to.
#[derive(Debug, Default)]
pub struct Consents {
    given: Vec<Given>,
}

impl Consents {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { given: Vec::new() }
    }

    /// Gives consent; it replaces what the caller had for this key.
    ///
    /// # Errors
    /// [`SigningError::BadTime`], [`SigningError::Full`].
    pub fn give(
        &mut self,
        caller: Caller,
        public: PublicKey,
        grant: Grant,
        now_ms: u64,
    ) -> Result<(), SigningError> {
        let (once, only, seconds) = match grant {
            Grant::Once => (true, None, ONCE_S),
            Grant::OnceOf(data) => (true, Some(data), ONCE_S),
            Grant::ForSeconds(seconds) => (false, None, seconds),
        };
        if seconds == 0 || seconds > SECONDS_MAX {
            return Err(SigningError::BadTime);
        }
        self.given.retain(|given| {
            given.is_alive(now_ms) && !bool::from(given.is_for(caller, &KeyRef::Public(public)))
        });
        if self.given.len() == GRANTS_MAX {
            return Err(SigningError::Full);
        }
        let until_ms = now_ms.saturating_add(u64::from(seconds) * 1000);
        self.given.push(Given { caller, public, once, only, from_ms: now_ms, until_ms });
        Ok(())
    }

    /// Takes back what a caller has for a key.
    pub fn take_back(&mut self, caller: Caller, key: &KeyRef) {
        self.given.retain(|given| !bool::from(given.is_for(caller, key)));
    }

    /// Takes back what anybody has for a key.
    pub fn forget_key(&mut self, id: KeyId) {
        self.given.retain(|given| given.public.id() != id);
    }

    /// Takes back everything.
    pub fn clear(&mut self) {
        self.given.clear();
    }

    /// The keys that a caller may use now.
    pub fn keys_of(&self, caller: Caller, now_ms: u64) -> impl Iterator<Item = PublicKey> {
        let mine = move |given: &&Given| given.caller == caller && given.is_alive(now_ms);
        self.given.iter().filter(mine).map(|given| given.public)
    }

    /// Whether a caller may sign this data with a key now; consent for once is used up by it.
    pub fn use_up(&mut self, caller: Caller, key: &KeyRef, data: &DataHash, now_ms: u64) -> Option<KeyId> {
        self.use_up_counted(caller, key, data, now_ms).0
    }

    /// The same, and how many consents were compared: all of them, always.
    pub(crate) fn use_up_counted(
        &mut self,
        caller: Caller,
        key: &KeyRef,
        data: &DataHash,
        now_ms: u64,
    ) -> (Option<KeyId>, usize) {
        // A public key's number is made by hashing; so it is made before anything is compared.
        let id = key.id();
        let (mut found, mut compared) = (None, 0);
        for (at, given) in self.given.iter().enumerate() {
            compared += 1;
            let is_alive = Choice::from(u8::from(given.is_alive(now_ms)));
            let good = given.is_for(caller, key) & given.covers(data) & is_alive;
            if good.into() {
                found = Some(at);
            }
        }
        let Some(at) = found else { return (None, compared) };
        if self.given[at].once {
            self.given.swap_remove(at);
        }
        (Some(id), compared)
    }
}
