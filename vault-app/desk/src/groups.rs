//! Groups by their path.
//!
//! Several groups can have one path: an import may bring two of a name beside each other, or a name with a slash in it. Then the
//! path is ambiguous, and the list names the groups by `#` and the first digits of the id, as it does where a path is too long.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use ipc_proto_types::{List, Text};
use ipc_proto_vault_api::{GroupPage, VaultError};
use vault_app_codes::Random;
use vault_app_entries::{Changes, Group, GroupId, Item, Plain, Store};

use crate::error::refusal;
use crate::names::{Prefix, digits, unique_digits};
use crate::show::cut;

/// The group of this path, or of an id as the list shows it; the empty path is the root. Groups in the bin have none.
///
/// # Errors
/// `NoSuchGroup`, `Ambiguous`.
pub fn group(store: &Store, path: &str) -> Result<GroupId, VaultError> {
    if path.is_empty() {
        return Ok(GroupId::ROOT);
    }
    if let Some(prefix) = Prefix::parse(path) {
        let found: Vec<GroupId> = live(store).filter(|id| prefix.begins(id.number())).collect();
        if !found.is_empty() {
            return only(&found);
        }
    }
    let last = |id: &GroupId| store.group(*id).is_some_and(|group| path.ends_with(group.name.as_str()));
    let found: Vec<GroupId> = live(store).filter(|id| last(id) && store.path(*id).as_str() == path).collect();
    only(&found)
}

/// The path of a group, in the bin or not; cut with `…` at its end if it is longer.
#[must_use]
pub fn path_of(store: &Store, id: GroupId) -> Text<256> {
    cut(&store.path(id)).0
}

/// Some groups in the order of their paths, from the one numbered `from`; those in the bin are left out.
///
/// Where a path does not name its group, because it is another's too or too long, the id stands before it.
///
/// # Errors
/// None so far.
pub fn groups(store: &Store, from: u32) -> Result<GroupPage, VaultError> {
    let order = Order::new(store);
    let mut all: Vec<GroupId> = live(store).collect();
    all.sort_by_key(|id| order.rank(*id));
    let mut page = GroupPage { groups: List::new(), total: u32::try_from(all.len()).unwrap_or(u32::MAX) };
    for id in all.into_iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        if page.groups.push(line(store, id)).is_err() {
            break;
        }
    }
    Ok(page)
}

/// A new group; the one above it must be there.
///
/// # Errors
/// `GroupExists`, `NoSuchGroup`, `Ambiguous`, `EmptyPassphrase` for no name, `TooLong`, `Full`, `Internal`.
pub fn make_group(
    store: &Store,
    path: &str,
    random: &mut impl Random,
    now_s: u64,
) -> Result<Changes, VaultError> {
    let (parent, name) = place(store, path)?;
    let id = GroupId::random(random).map_err(|_| VaultError::Internal)?;
    store.add_group(id, parent, name, now_s).map_err(refusal)
}

/// The group, with all below it, under another path: another name, another place, or both.
///
/// # Errors
/// `NoSuchGroup` (also for a place inside the group itself), `GroupExists`, `Ambiguous`, `EmptyPassphrase` for no name,
/// `TooLong`, `Full` when groups would be too deep.
pub fn move_group(store: &Store, path: &str, to: &str, now_s: u64) -> Result<Changes, VaultError> {
    let id = group(store, path)?;
    if id == GroupId::ROOT {
        return Err(VaultError::NoSuchGroup);
    }
    let (parent, name) = place(store, to)?;
    store.place_group(id, parent, name, now_s).map_err(refusal)
}

/// The group with all in it in the bin.
///
/// # Errors
/// `NoSuchGroup`, also for the root; `Ambiguous`.
pub fn remove_group(store: &Store, path: &str, now_s: u64) -> Result<Changes, VaultError> {
    let id = group(store, path)?;
    store.remove(Item::Group(id), now_s).map_err(refusal)
}

/// Where a group that is not there yet goes: the group above it, and its name.
fn place<'p>(store: &Store, path: &'p str) -> Result<(GroupId, &'p str), VaultError> {
    match group(store, path) {
        Ok(_) | Err(VaultError::Ambiguous { .. }) => return Err(VaultError::GroupExists),
        Err(_) => {}
    }
    match path.rsplit_once('/') {
        // A slash in front is a group without a name, which the root is not.
        Some(("", _)) => Err(VaultError::NoSuchGroup),
        Some((above, name)) => Ok((group(store, above)?, name)),
        None => Ok((GroupId::ROOT, path)),
    }
}

fn live(store: &Store) -> impl Iterator<Item = GroupId> + '_ {
    let ids = store.groups().map(|group| group.id);
    ids.filter(|id| !store.is_recycled(Item::Group(*id)))
}

fn only(found: &[GroupId]) -> Result<GroupId, VaultError> {
    match found {
        [] => Err(VaultError::NoSuchGroup),
        [id] => Ok(*id),
        many => Err(VaultError::Ambiguous { entries: u16::try_from(many.len()).unwrap_or(u16::MAX) }),
    }
}

fn line(store: &Store, id: GroupId) -> Text<256> {
    let path = store.path(id);
    if group(store, &path) == Ok(id)
        && let Ok(whole) = Text::try_from(path.as_str())
    {
        return whole;
    }
    let count = unique_digits(id.number(), store.groups().map(|group| group.id.number()));
    let digits = digits(id.number(), count);
    let mut line = Plain::new(String::with_capacity(digits.len() + 1 + path.len()));
    // Writing to a string can't fail.
    let _ = write!(line, "{digits} {}", path.as_str());
    cut(&line).0
}

/// The order of groups: the root first, then by the names from the root, in small letters.
pub(crate) struct Order(BTreeMap<GroupId, usize>);

impl Order {
    pub(crate) fn new(store: &Store) -> Self {
        let mut all: Vec<(Vec<Plain>, GroupId)> =
            store.groups().map(|group| (names(store, group), group.id)).collect();
        all.sort_by(|(a, a_id), (b, b_id)| texts(a).cmp(texts(b)).then(a_id.cmp(b_id)));
        Self(all.into_iter().enumerate().map(|(place, (_, id))| (id, place + 1)).collect())
    }

    /// The place of a group; 0 is the root's.
    pub(crate) fn rank(&self, id: GroupId) -> usize {
        self.0.get(&id).copied().unwrap_or(0)
    }
}

fn names(store: &Store, group: &Group) -> Vec<Plain> {
    let mut names: Vec<Plain> =
        store.ancestry(group.id).map(|group| Plain::new(group.name.to_lowercase())).collect();
    names.reverse();
    names
}

fn texts(names: &[Plain]) -> impl Iterator<Item = &str> {
    names.iter().map(|name| name.as_str())
}
