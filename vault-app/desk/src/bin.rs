//! The bin: into it, out of it, gone.
//!
//! A name of what is to be restored or purged is looked for in the bin only, so that a new entry of the same title is not in the
//! way.

use ipc_proto_vault_api::VaultError;
use vault_app_entries::{Changes, GroupId, Item, Store};

use crate::edit::check_title;
use crate::error::refusal;
use crate::names::{resolve, resolve_in_bin};

/// The entry in the bin.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`, `InBin`.
pub fn remove(store: &Store, name: &str, now_s: u64) -> Result<Changes, VaultError> {
    let id = resolve(store, name)?;
    store.remove(Item::Entry(id), now_s).map_err(refusal)
}

/// The entry back where it was; in the root, if its group is in the bin.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`, `NotInBin`; `EntryExists` when its title has been given to another there.
pub fn restore(store: &Store, name: &str) -> Result<Changes, VaultError> {
    let id = resolve_in_bin(store, name)?;
    let entry = store.entry(id).ok_or(VaultError::NoSuchEntry)?;
    let is_gone = store.is_recycled(Item::Group(entry.group));
    let group = if is_gone { GroupId::ROOT } else { entry.group };
    match check_title(store, group, &entry.content.title) {
        // Imports bring entries without a title; these may come back.
        Ok(()) | Err(VaultError::EmptyPassphrase) => {}
        Err(error) => return Err(error),
    }
    store.restore(Item::Entry(id)).map_err(refusal)
}

/// The entry, which is in the bin, gone for good.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`, `NotInBin`.
pub fn purge(store: &Store, name: &str) -> Result<Changes, VaultError> {
    let id = resolve_in_bin(store, name)?;
    store.purge(Item::Entry(id)).map_err(refusal)
}

/// All that is in the bin gone for good, groups too, and how many entries that are.
pub fn empty_bin(store: &Store) -> (Changes, u32) {
    let count = store.entries().filter(|entry| store.is_recycled(Item::Entry(entry.id))).count();
    (store.empty_bin(), u32::try_from(count).unwrap_or(u32::MAX))
}
