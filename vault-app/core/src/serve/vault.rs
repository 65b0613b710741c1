//! Service `vault`: the state, and what `vault-app/desk` works out, kept.
//!
//! `show` without `reveal` never touches the password. `copy_once` hands it out for the clipboard: it answers what
//! `reveal` would, but is a method of its own, so that the policy can allow the one and deny the other. "Once" binds
//! the asker: who gets it copies it, shows it nowhere, and clears the clipboard after a while (the console: 30 seconds).

use ipc_proto_rpc::Caller;
use ipc_proto_types::{Secret, Text};
use ipc_proto_vault_api::{
    self as api, Added, Change, Code, Entry, GroupPage, NewEntry, Page, ReportPage, Reveal, State, Status,
    VaultError, Versions,
};
use vault_app_desk as desk;
use vault_app_entries::{Changes, Store};

use super::{Clock, Fill, Server, keys};
use crate::medium::Medium;
use crate::session::Phase;

impl<M: Medium, F: FnMut(&mut [u8]) + Clone, C: Clock> api::Vault for Server<'_, M, F, C> {
    fn status(&mut self, _: &Caller) -> Status {
        let state = match self.session.phase() {
            Phase::Empty => State::Empty,
            Phase::Locked => State::Locked,
            Phase::Unlocked => State::Unlocked,
            Phase::Unavailable => State::Unavailable,
        };
        let entries = self.session.store().map_or(0, |store| store.entries().count());
        Status {
            state,
            storage: self.session.storage(),
            entries: u32::try_from(entries).unwrap_or(u32::MAX),
            retry_after_ms: self.session.retry_after_ms(self.clock.now_ms()),
            key_file: self.session.has_key_file(),
            auto_lock_s: self.session.auto_lock_s(),
            generation: self.session.generation(),
        }
    }

    fn init(&mut self, _: &Caller, with: api::Keys) -> Result<(), VaultError> {
        self.session.init(keys(&with), || self.clock.now_ms())
    }

    fn unlock(&mut self, _: &Caller, with: api::Keys) -> Result<(), VaultError> {
        self.session.unlock(keys(&with), || self.clock.now_ms())
    }

    fn lock(&mut self, _: &Caller) {
        self.session.lock();
        self.forget();
    }

    fn change(&mut self, _: &Caller, old: api::Keys, new: api::Keys) -> Result<(), VaultError> {
        self.used();
        self.session.change(keys(&old), keys(&new), || self.clock.now_ms())
    }

    fn auto_lock(&mut self, _: &Caller, seconds: u32) -> Result<(), VaultError> {
        self.used();
        self.session.set_auto_lock_s(seconds)
    }

    fn add(&mut self, _: &Caller, entry: NewEntry) -> Result<Added, VaultError> {
        let now_s = self.used();
        let store = self.session.store()?;
        let (changes, added) = desk::add(store, &entry, &mut Fill(&mut self.random), now_s)?;
        self.keep(changes).map(|()| added)
    }

    fn edit(&mut self, _: &Caller, name: Text<256>, change: Change) -> Result<Added, VaultError> {
        let now_s = self.used();
        let store = self.session.store()?;
        let (changes, added) = desk::edit(store, &name, &change, &mut Fill(&mut self.random), now_s)?;
        self.keep(changes).map(|()| added)
    }

    fn list(&mut self, _: &Caller, search: Text<256>, from: u32) -> Result<Page, VaultError> {
        let now_s = self.used();
        desk::page(self.session.store()?, &search, from, now_s)
    }

    fn show(&mut self, _: &Caller, name: Text<256>, reveal: bool) -> Result<Entry, VaultError> {
        self.used();
        desk::entry(self.session.store()?, &name, reveal)
    }

    fn reveal(
        &mut self,
        _: &Caller,
        name: Text<256>,
        what: Reveal,
    ) -> Result<Secret<Text<4096>>, VaultError> {
        self.used();
        desk::reveal(self.session.store()?, &name, &what)
    }

    fn copy_once(&mut self, _: &Caller, name: Text<256>) -> Result<Secret<Text<1024>>, VaultError> {
        self.used();
        desk::copy_once(self.session.store()?, &name)
    }

    fn totp(&mut self, _: &Caller, name: Text<256>) -> Result<Code, VaultError> {
        let now_s = self.used();
        desk::totp(self.session.store()?, &name, now_s)
    }

    fn remove(&mut self, _: &Caller, name: Text<256>) -> Result<(), VaultError> {
        self.changed(|store, now_s| desk::remove(store, &name, now_s))
    }

    fn restore(&mut self, _: &Caller, name: Text<256>) -> Result<(), VaultError> {
        self.changed(|store, _| desk::restore(store, &name))
    }

    fn purge(&mut self, _: &Caller, name: Text<256>) -> Result<(), VaultError> {
        self.changed(|store, _| desk::purge(store, &name))
    }

    fn empty_bin(&mut self, _: &Caller) -> Result<u32, VaultError> {
        self.used();
        let (changes, count) = desk::empty_bin(self.session.store()?);
        self.keep(changes).map(|()| count)
    }

    fn history(&mut self, _: &Caller, name: Text<256>) -> Result<Versions, VaultError> {
        self.used();
        desk::history(self.session.store()?, &name)
    }

    fn revert(&mut self, _: &Caller, name: Text<256>, version: u8) -> Result<(), VaultError> {
        self.changed(|store, now_s| desk::revert(store, &name, version, now_s))
    }

    fn forget_history(&mut self, _: &Caller, name: Text<256>) -> Result<(), VaultError> {
        self.changed(|store, _| desk::forget_history(store, &name))
    }

    fn groups(&mut self, _: &Caller, from: u32) -> Result<GroupPage, VaultError> {
        self.used();
        desk::groups(self.session.store()?, from)
    }

    fn make_group(&mut self, _: &Caller, path: Text<256>) -> Result<(), VaultError> {
        let now_s = self.used();
        let store = self.session.store()?;
        let changes = desk::make_group(store, &path, &mut Fill(&mut self.random), now_s)?;
        self.keep(changes)
    }

    fn move_group(&mut self, _: &Caller, path: Text<256>, to: Text<256>) -> Result<(), VaultError> {
        self.changed(|store, now_s| desk::move_group(store, &path, &to, now_s))
    }

    fn remove_group(&mut self, _: &Caller, path: Text<256>) -> Result<(), VaultError> {
        self.changed(|store, now_s| desk::remove_group(store, &path, now_s))
    }

    fn report(&mut self, _: &Caller, from: u32) -> Result<ReportPage, VaultError> {
        let now_s = self.used();
        desk::report_page(self.session.store()?, from, now_s)
    }
}

impl<M: Medium, F: FnMut(&mut [u8]) + Clone, C: Clock> Server<'_, M, F, C> {
    /// Works out a change and keeps it.
    fn changed(
        &mut self,
        change: impl FnOnce(&Store, u64) -> Result<Changes, VaultError>,
    ) -> Result<(), VaultError> {
        let now_s = self.used();
        let changes = change(self.session.store()?, now_s)?;
        self.keep(changes)
    }

    /// Keeps what only entries and groups are part of.
    fn keep(&mut self, changes: Changes) -> Result<(), VaultError> {
        self.session.keep(changes, &[], &[])
    }
}
