//! What entries held before.

use ipc_proto_types::List;
use ipc_proto_vault_api::{VaultError, Version, Versions};
use vault_app_entries::{Changes, Store, caps};

use crate::edit::{check_title, live};
use crate::error::refusal;
use crate::names::resolve;
use crate::show::cut;

const _: () = assert!(List::<Version, 10>::CAPACITY >= caps::HISTORY_MAX, "every version has a place");

/// Earlier versions of an entry, the newest first; of one in the bin too.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`.
pub fn history(store: &Store, name: &str) -> Result<Versions, VaultError> {
    let entry = store.entry(resolve(store, name)?).ok_or(VaultError::NoSuchEntry)?;
    let mut versions = List::new();
    for version in &entry.history {
        let version = Version {
            modified_unix_s: version.modified_s,
            title: cut(&version.content.title).0,
            user: cut(&version.content.user).0,
            other_password: version.content.password != entry.content.password,
        };
        versions.push(version).map_err(|_| VaultError::Internal)?;
    }
    Ok(Versions { versions })
}

/// The entry as it was in an earlier version, 0 being the newest; what it holds now becomes one. Its place stays.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`, `InBin`, `NoSuchPart`; `EntryExists` when its old title has been given to another.
pub fn revert(store: &Store, name: &str, version: u8, now_s: u64) -> Result<Changes, VaultError> {
    let entry = live(store, name)?;
    let version = usize::from(version);
    let old = entry.history.get(version).ok_or(VaultError::NoSuchPart)?;
    if old.content.title != entry.content.title && !old.content.title.is_empty() {
        check_title(store, entry.group, &old.content.title)?;
    }
    store.revert(entry.id, version, now_s).map_err(refusal)
}

/// The entry without earlier versions.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`, `InBin`.
pub fn forget_history(store: &Store, name: &str) -> Result<Changes, VaultError> {
    store.forget_history(live(store, name)?.id).map_err(refusal)
}
