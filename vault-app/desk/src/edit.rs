//! Entries added and changed.

use ipc_proto_types::{Secret, Text};
use ipc_proto_vault_api::{Added, Change, NewEntry, NewPassword, VaultError};
use vault_app_codes::Random;
use vault_app_entries::{Changes, Content, Entry, EntryId, Field, GroupId, Item, SecretText, Store};

use crate::error::refusal;
use crate::fill::{added, password, plain, tags, totp};
use crate::groups::group;
use crate::names::resolve;

/// A new entry.
///
/// # Errors
/// `EntryExists`, `NoSuchGroup`, `Ambiguous` for the group, `EmptyPassphrase` for no title or an empty tag,
/// `WeakRecipe`, `BadTotp`, `Full`, `TooLong`, `Internal`.
pub fn add(
    store: &Store,
    new: &NewEntry,
    random: &mut impl Random,
    now_s: u64,
) -> Result<(Changes, Added), VaultError> {
    let group = group(store, &new.group)?;
    check_title(store, group, &new.title)?;
    let mut content = Content { title: plain(&new.title), user: plain(&new.user), ..Content::default() };
    if !new.url.is_empty() {
        content.urls.push(plain(&new.url));
    }
    content.tags = tags(&new.tags);
    content.totp = new.totp.as_ref().map(totp).transpose()?;
    content.expires_s = new.expires.map(|expiry| expiry.unix_s);
    // An empty one is none: of a text, for instance. The terminal takes none for a slip when it asks for one.
    if !matches!(&new.password, NewPassword::Given(given) if given.expose().is_empty()) {
        password(&mut content, &new.password, random)?;
    }
    let added = added(&content);
    let id = EntryId::random(random).map_err(|_| VaultError::Internal)?;
    Ok((store.add(id, group, content, now_s).map_err(refusal)?, added))
}

/// One thing of an entry changed, and what its password is worth now. No changes when it is so already.
///
/// # Errors
/// As [`add`]; `NoSuchEntry`, `InBin`, and `NoSuchPart` for a field that is not there.
pub fn edit(
    store: &Store,
    name: &str,
    change: &Change,
    random: &mut impl Random,
    now_s: u64,
) -> Result<(Changes, Added), VaultError> {
    let old = live(store, name)?;
    if let Change::Group(path) = change {
        return Ok((moved(store, old, group(store, path)?, now_s)?, added(&old.content)));
    }
    let mut content = old.content.clone();
    apply(&mut content, change, random)?;
    if content.title != old.content.title {
        check_title(store, old.group, &content.title)?;
    }
    let added = added(&content);
    Ok((store.edit(old.id, content, now_s).map_err(refusal)?, added))
}

/// The entry of this name, which is not in the bin.
pub(crate) fn live<'s>(store: &'s Store, name: &str) -> Result<&'s Entry, VaultError> {
    let id = resolve(store, name)?;
    if store.is_recycled(Item::Entry(id)) {
        return Err(VaultError::InBin);
    }
    store.entry(id).ok_or(VaultError::NoSuchEntry)
}

/// Whether an entry of this title may go into the group.
pub(crate) fn check_title(store: &Store, group: GroupId, title: &str) -> Result<(), VaultError> {
    if title.is_empty() {
        return Err(VaultError::EmptyPassphrase);
    }
    let has_it = |entry: &Entry| {
        entry.group == group
            && entry.content.title.as_str() == title
            && !store.is_recycled(Item::Entry(entry.id))
    };
    if store.entries().any(has_it) { Err(VaultError::EntryExists) } else { Ok(()) }
}

fn moved(store: &Store, entry: &Entry, group: GroupId, now_s: u64) -> Result<Changes, VaultError> {
    if entry.group == group {
        return store.edit(entry.id, entry.content.clone(), now_s).map_err(refusal);
    }
    check_title(store, group, &entry.content.title)?;
    store.move_entry(entry.id, group).map_err(refusal)
}

fn apply(content: &mut Content, change: &Change, random: &mut impl Random) -> Result<(), VaultError> {
    match change {
        Change::Title(title) => content.title = plain(title),
        // Not of what an entry holds, but where it is.
        Change::Group(_) => {}
        Change::User(user) => content.user = plain(user),
        Change::Password(new) => password(content, new, random)?,
        Change::Url(url) => main_url(content, url),
        Change::Notes(notes) => content.notes = SecretText::new(notes.expose()),
        Change::Tags(new) => content.tags = tags(new),
        Change::Totp(new) => content.totp = new.as_ref().map(totp).transpose()?,
        Change::Expires(expiry) => content.expires_s = expiry.map(|expiry| expiry.unix_s),
        Change::Field { name, value, protected } => field(content, name, value, *protected),
        Change::NoField(name) => {
            let count = content.fields.len();
            content.fields.retain(|field| field.name.as_str() != name.as_str());
            if content.fields.len() == count {
                return Err(VaultError::NoSuchPart);
            }
        }
    }
    Ok(())
}

/// The others stay; without the main one the next becomes it.
fn main_url(content: &mut Content, url: &str) {
    if !content.urls.is_empty() {
        content.urls.remove(0);
    }
    if !url.is_empty() {
        content.urls.insert(0, plain(url));
    }
}

fn field(content: &mut Content, name: &str, value: &Secret<Text<4096>>, protected: bool) {
    let field = Field { name: plain(name), value: SecretText::new(value.expose()), protected };
    match content.fields.iter_mut().find(|other| other.name.as_str() == name) {
        Some(place) => *place = field,
        None => content.fields.push(field),
    }
}
