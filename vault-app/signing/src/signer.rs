//! Keys and consent together: what the owner does, and what callers get.

use alloc::vec::Vec;

use ipc_proto_rpc::Caller;
use ipc_proto_types::Text;
use zeroize::Zeroizing;

use crate::agent::{self, Request};
use crate::consent::{Consents, Grant};
use crate::error::{Refused, SigningError};
use crate::key::{COMMENT_MAX, DataHash, Key, KeyId, KeyRef, PublicKey, Seed, Signature};
use crate::keyring::{KEYS_MAX, Keyring};
use crate::openssh;

/// Longest data to be signed in bytes. SSH and `ssh-keygen -Y sign` sign a few hundred; files are hashed first.
pub const DATA_MAX: usize = 4096;

/// A key that a caller may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub id: KeyId,
    /// Its public key.
    pub public: PublicKey,
    /// What its owner calls it.
    pub comment: Text<COMMENT_MAX>,
}

impl Identity {
    fn of(key: &Key) -> Self {
        let public = key.public();
        Self { id: public.id(), public, comment: Text::truncated(key.comment()) }
    }
}

/// What a refusal or a signature took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Work {
    /// Consents compared.
    pub(crate) compared: usize,
    /// Looks into the keyring.
    pub(crate) looked_up: usize,
}

/// Keys that sign for those who have consent. Locked to begin with.
#[derive(Debug, Default)]
pub struct Signer {
    keyring: Option<Keyring>,
    consents: Consents,
}

/// For the owner.
impl Signer {
    /// Locked.
    #[must_use]
    pub const fn new() -> Self {
        Self { keyring: None, consents: Consents::new() }
    }

    /// Opens with the stored keys. Whatever consent there was is gone.
    ///
    /// # Errors
    /// A record is no key; it is locked then.
    pub fn unlock<'r>(
        &mut self,
        records: impl IntoIterator<Item = (u64, &'r [u8])>,
    ) -> Result<(), SigningError> {
        self.lock();
        let mut keyring = Keyring::new();
        for (id, record) in records {
            keyring.load(id, record)?;
        }
        self.keyring = Some(keyring);
        Ok(())
    }

    /// Wipes the keys and takes back all consent.
    pub fn lock(&mut self) {
        self.keyring = None;
        self.consents.clear();
    }

    /// The keys.
    ///
    /// # Errors
    /// [`SigningError::Locked`].
    pub fn keyring(&self) -> Result<&Keyring, SigningError> {
        self.keyring.as_ref().ok_or(SigningError::Locked)
    }

    /// Makes a key from a seed drawn at random; nobody may use it yet.
    ///
    /// # Errors
    /// [`SigningError::Locked`], [`SigningError::BadComment`], as [`Keyring::add`].
    pub fn make(&mut self, seed: &Seed, comment: &str) -> Result<KeyId, SigningError> {
        self.open()?.add(Key::new(seed, comment)?)
    }

    /// Takes a key from a private key file of OpenSSH; nobody may use it yet.
    ///
    /// # Errors
    /// [`SigningError::Locked`], what is wrong with the file or the passphrase, as [`Keyring::add`].
    pub fn import(&mut self, file: &[u8], passphrase: Option<&[u8]>) -> Result<KeyId, SigningError> {
        self.open()?.add(openssh::import(file, passphrase)?)
    }

    /// Takes a key from a record under its number, as of a backup; nobody may use it yet.
    ///
    /// # Errors
    /// [`SigningError::Locked`], as [`Keyring::load`].
    pub fn load(&mut self, id: u64, record: &[u8]) -> Result<KeyId, SigningError> {
        self.open()?.load(id, record)
    }

    /// A key as a record: what [`Signer::unlock`] takes.
    ///
    /// # Errors
    /// [`SigningError::Locked`], [`SigningError::NoSuchKey`].
    pub fn record(&self, id: KeyId) -> Result<(u64, Zeroizing<Vec<u8>>), SigningError> {
        self.keyring()?.record(id)
    }

    /// Removes a key, and all consent to use it.
    ///
    /// # Errors
    /// [`SigningError::Locked`], [`SigningError::NoSuchKey`].
    pub fn remove(&mut self, id: KeyId) -> Result<(), SigningError> {
        self.open()?.remove(id)?;
        self.consents.forget_key(id);
        Ok(())
    }

    /// Lets a caller use a key.
    ///
    /// # Errors
    /// [`SigningError::Locked`], [`SigningError::NoSuchKey`], as [`Consents::give`].
    pub fn allow(
        &mut self,
        caller: Caller,
        id: KeyId,
        grant: Grant,
        now_ms: u64,
    ) -> Result<(), SigningError> {
        let public = self.keyring()?.get(id).ok_or(SigningError::NoSuchKey)?.public();
        self.consents.give(caller, public, grant, now_ms)
    }

    /// Takes back what a caller may do with a key.
    pub fn disallow(&mut self, caller: Caller, id: KeyId) {
        self.consents.take_back(caller, &KeyRef::Id(id));
    }

    fn open(&mut self) -> Result<&mut Keyring, SigningError> {
        self.keyring.as_mut().ok_or(SigningError::Locked)
    }
}

/// For callers.
impl Signer {
    /// The keys that a caller may use now, at most [`KEYS_MAX`].
    #[must_use]
    pub fn identities(&self, caller: Caller, now_ms: u64) -> Vec<Identity> {
        let Some(keyring) = &self.keyring else { return Vec::new() };
        let keys = self.consents.keys_of(caller, now_ms).filter_map(|public| keyring.get(public.id()));
        keys.take(KEYS_MAX).map(Identity::of).collect()
    }

    /// Signs `data`, if the caller has consent to use the key.
    ///
    /// # Errors
    /// [`Refused`], whatever the reason is.
    pub fn sign(
        &mut self,
        caller: Caller,
        key: &KeyRef,
        data: &[u8],
        now_ms: u64,
    ) -> Result<Signature, Refused> {
        self.sign_counted(caller, key, data, now_ms).0
    }

    /// The same, and the work it took.
    pub(crate) fn sign_counted(
        &mut self,
        caller: Caller,
        key: &KeyRef,
        data: &[u8],
        now_ms: u64,
    ) -> (Result<Signature, Refused>, Work) {
        if data.len() > DATA_MAX {
            return (Err(Refused), Work::default());
        }
        let (id, compared) = self.consents.use_up_counted(caller, key, &DataHash::of(data), now_ms);
        let mut work = Work { compared, looked_up: 0 };
        let Some(id) = id else { return (Err(Refused), work) };
        work.looked_up += 1;
        let key = self.keyring.as_ref().and_then(|keyring| keyring.get(id));
        (key.map(|key| key.sign(data)).ok_or(Refused), work)
    }

    /// Answers a message of an SSH agent's client, given without its length; the answer has its own.
    #[must_use]
    pub fn answer(&mut self, caller: Caller, message: &[u8], now_ms: u64) -> Vec<u8> {
        match Request::parse(message) {
            Ok(Request::Identities) => agent::identities(&self.identities(caller, now_ms)),
            Ok(Request::Sign { key, data }) => {
                let signed = self.sign(caller, &KeyRef::Public(key), data, now_ms);
                signed.map_or_else(|Refused| agent::failure(), |signature| agent::signature(&signature))
            }
            Err(_) => agent::failure(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::GRANTS_MAX;
    use ipc_proto_types::{Generation, PortIndex};

    fn caller(port: u8) -> Caller {
        Caller { port: PortIndex::new(port).unwrap(), generation: Generation(1) }
    }

    /// Two keys; caller 0 may use the first, and all but one of the other consents are other callers'.
    fn signer() -> (Signer, [Key; 3]) {
        let keys = [1, 2, 3].map(|seed| Key::new(&Seed::new([seed; 32]), "").unwrap());
        let mut signer = Signer::new();
        signer.unlock([]).unwrap();
        signer.make(&Seed::new([1; 32]), "").unwrap();
        signer.make(&Seed::new([2; 32]), "").unwrap();
        for port in 0..3 {
            signer.allow(caller(port), keys[0].public().id(), Grant::ForSeconds(10), 0).unwrap();
        }
        (signer, keys)
    }

    #[test]
    fn without_consent_a_key_that_is_there_costs_the_work_of_one_that_is_not() {
        let (mut signer, [mine, theirs, none]) = signer();
        // Who asks, for what, and when: every way to have no consent, with the key there and not there.
        let cases = [
            (caller(0), &theirs, 1),
            (caller(0), &none, 1),
            (caller(3), &mine, 1),
            (caller(3), &theirs, 1),
            (caller(3), &none, 1),
            (Caller { generation: Generation(2), ..caller(0) }, &mine, 1),
            (caller(0), &mine, 10_000),
        ];
        for (caller, key, now_ms) in cases {
            for key in [KeyRef::Public(key.public()), KeyRef::Id(key.public().id())] {
                let refused = signer.sign_counted(caller, &key, b"data", now_ms);
                assert_eq!(refused, (Err(Refused), Work { compared: 3, looked_up: 0 }), "{caller:?} {key:?}");
            }
        }
        let (signed, work) = signer.sign_counted(caller(0), &KeyRef::Public(mine.public()), b"data", 1);
        assert_eq!((signed, work), (Ok(mine.sign(b"data")), Work { compared: 3, looked_up: 1 }));
    }

    #[test]
    fn a_locked_signer_refuses_like_one_without_consent() {
        let (mut signer, [mine, theirs, none]) = signer();
        signer.lock();
        for key in [mine, theirs, none] {
            let refused = signer.sign_counted(caller(0), &KeyRef::Public(key.public()), b"data", 1);
            assert_eq!(refused, (Err(Refused), Work::default()));
        }
    }

    #[test]
    fn the_work_grows_with_all_consents_and_not_with_keys() {
        let (mut signer, [mine, ..]) = signer();
        for seed in 4..20 {
            signer.make(&Seed::new([seed; 32]), "").unwrap();
        }
        let none = KeyRef::Public(PublicKey([0; 32]));
        assert_eq!(signer.sign_counted(caller(0), &none, b"", 1).1, Work { compared: 3, looked_up: 0 });
        for life in 2..u32::try_from(GRANTS_MAX).unwrap() - 1 {
            let caller = Caller { generation: Generation(life), ..caller(0) };
            signer.allow(caller, mine.public().id(), Grant::Once, 0).unwrap();
        }
        let work = Work { compared: GRANTS_MAX, looked_up: 0 };
        assert_eq!(signer.sign_counted(caller(5), &none, b"", 1), (Err(Refused), work));
    }
}
