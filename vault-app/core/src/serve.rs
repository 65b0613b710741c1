//! The service `vault` on a [`Store`]: nothing but the change of types, and the clock.
//!
//! `show` without `reveal` never touches the password. `copy_once` hands it out for the clipboard: it answers what
//! `show --reveal` would, but is a method of its own, so that the policy can allow the one and deny the other. "Once" binds
//! the asker: who gets it copies it, shows it nowhere, and clears the clipboard after a while (the console: 30 seconds).

use crate::generate::{GenerateError, Recipe};
use crate::slot::Entry;
use crate::store::{NewEntry, NewPassword, Phase, Store, no_password};
use crate::totp::{Hash, Settings};
use crate::{Random, VaultError};
use ipc_proto_rpc::Caller;
use ipc_proto_types::{List, Secret, Text};
use ipc_proto_vault_api as api;

/// The time, as the qube knows it.
pub trait Clock {
    /// Milliseconds of a clock that never goes back.
    fn now_ms(&self) -> u64;

    /// Seconds since 1970 began.
    fn unix_s(&self) -> u64;
}

/// A store that answers the messages of the service.
pub struct Server<'s, 'm, R: Random, C: Clock> {
    store: &'s mut Store<'m, R>,
    clock: C,
}

impl<'s, 'm, R: Random, C: Clock> Server<'s, 'm, R, C> {
    /// Serves a store.
    pub fn new(store: &'s mut Store<'m, R>, clock: C) -> Self {
        Self { store, clock }
    }
}

impl<R: Random, C: Clock> api::Vault for Server<'_, '_, R, C> {
    fn status(&mut self, _: &Caller) -> api::Status {
        let state = match self.store.phase() {
            Phase::Empty => api::State::Empty,
            Phase::Locked => api::State::Locked,
            Phase::Unlocked => api::State::Unlocked,
        };
        let retry_after_ms = self.store.retry_after_ms(self.clock.now_ms());
        api::Status { state, entries: count(self.store.len()), retry_after_ms }
    }

    fn init(&mut self, _: &Caller, passphrase: Secret<Text<256>>) -> Result<(), VaultError> {
        self.store.init(passphrase.expose())
    }

    fn unlock(&mut self, _: &Caller, passphrase: Secret<Text<256>>) -> Result<(), VaultError> {
        self.store.unlock(passphrase.expose(), || self.clock.now_ms())
    }

    fn lock(&mut self, _: &Caller) {
        self.store.lock();
    }

    fn change(
        &mut self,
        _: &Caller,
        old: Secret<Text<256>>,
        new: Secret<Text<256>>,
    ) -> Result<(), VaultError> {
        self.store.change(old.expose(), new.expose(), || self.clock.now_ms())
    }

    fn add(&mut self, _: &Caller, entry: api::NewEntry) -> Result<api::Added, VaultError> {
        let password = match &entry.password {
            api::NewPassword::Given(password) => NewPassword::Given(password.expose()),
            api::NewPassword::Generate(wanted) => {
                NewPassword::Generate(recipe(*wanted).map_err(no_password)?)
            }
        };
        let totp = entry
            .totp
            .as_ref()
            .map(|totp| settings(totp).map(|settings| (totp.secret_base32.expose().as_str(), settings)));
        let new = NewEntry { name: &entry.name, user: &entry.user, password, totp: totp.transpose()? };
        let entropy_centibits = self.store.add(&new)?;
        Ok(api::Added { entropy_centibits })
    }

    fn list(&mut self, _: &Caller, from: u16) -> Result<api::Page, VaultError> {
        let mut entries = List::new();
        for entry in self.store.entries()?.skip(usize::from(from)) {
            if entries.push(summary(entry)).is_err() {
                break;
            }
        }
        Ok(api::Page { entries, total: count(self.store.len()) })
    }

    fn show(&mut self, _: &Caller, name: Text<64>, reveal: bool) -> Result<api::Entry, VaultError> {
        let entry = self.store.entry(&name)?;
        Ok(api::Entry {
            name,
            user: Text::truncated(entry.user()),
            password: reveal.then(|| password(entry)),
            entropy_centibits: entry.entropy_centibits(),
            totp: entry.totp().is_some(),
        })
    }

    fn copy_once(&mut self, _: &Caller, name: Text<64>) -> Result<Secret<Text<256>>, VaultError> {
        Ok(password(self.store.entry(&name)?))
    }

    fn totp(&mut self, _: &Caller, name: Text<64>) -> Result<api::Code, VaultError> {
        let (secret, settings) = self.store.entry(&name)?.totp().ok_or(VaultError::NoTotp)?;
        let unix_s = self.clock.unix_s();
        let code = settings.code(secret, unix_s);
        let digits =
            code.get(..usize::from(settings.digits())).and_then(|code| core::str::from_utf8(code).ok());
        let digits = Secret::new(Text::truncated(digits.ok_or(VaultError::Internal)?));
        // The record's period is one byte, so what is left of it is too.
        let seconds_left = u8::try_from(settings.seconds_left(unix_s)).unwrap_or(u8::MAX);
        Ok(api::Code { digits, seconds_left })
    }

    fn remove(&mut self, _: &Caller, name: Text<64>) -> Result<(), VaultError> {
        self.store.remove(&name)
    }
}

fn summary(entry: Entry<'_>) -> api::Summary {
    api::Summary {
        name: Text::truncated(entry.name()),
        user: Text::truncated(entry.user()),
        totp: entry.totp().is_some(),
    }
}

/// Never cut: the record's field is as long as the text may be.
fn password(entry: Entry<'_>) -> Secret<Text<256>> {
    Secret::new(Text::truncated(entry.password()))
}

fn recipe(wanted: api::Recipe) -> Result<Recipe, GenerateError> {
    let api::Recipe { length, lower, upper, digits, symbols } = wanted;
    Recipe::new(length, [lower, upper, digits, symbols])
}

fn settings(totp: &api::NewTotp) -> Result<Settings, VaultError> {
    let hash = match totp.algorithm {
        api::Algorithm::Sha1 => Hash::Sha1,
        api::Algorithm::Sha256 => Hash::Sha256,
        api::Algorithm::Sha512 => Hash::Sha512,
    };
    Settings::new(hash, totp.digits, totp.period_s.into()).ok_or(VaultError::BadTotp)
}

/// At most [`ENTRIES_MAX`](crate::ENTRIES_MAX), so it fits.
fn count(entries: usize) -> u16 {
    u16::try_from(entries).unwrap_or(u16::MAX)
}
