//! An item as an entry.

use alloc::format;
use alloc::vec::Vec;

use super::ItemWhy;
use super::json::{Flat, Former, Item, ItemField, Login, Named};
use crate::caps;
use crate::entry::{Content, Times, Version};
use crate::import::{FAVORITE, ImportEntry, Path, add_field, add_tag, date};
use crate::otpauth;
use crate::text::{Plain, SecretText};

/// Members of cards, identities, SSH keys and passkeys that anybody may see; all others are protected.
const OPEN: [&str; 22] = [
    "cardholderName",
    "brand",
    "expMonth",
    "expYear",
    "title",
    "firstName",
    "middleName",
    "lastName",
    "address1",
    "address2",
    "address3",
    "city",
    "state",
    "postalCode",
    "country",
    "company",
    "email",
    "phone",
    "username",
    "publicKey",
    "keyFingerprint",
    "rpId",
];

pub(super) fn entry(item: Item, folders: &[(Named, Path)]) -> Result<ImportEntry, ItemWhy> {
    let path = folder(&item, folders)?;
    let mut content = Content {
        title: item.name.unwrap_or_default(),
        notes: item.notes.unwrap_or_default(),
        ..Content::default()
    };
    if !(1..=5).contains(&item.kind) {
        return Err(ItemWhy::Type);
    }
    if let Some(the) = item.login {
        login(&mut content, the)?;
    }
    for members in [item.card, item.identity, item.ssh_key].into_iter().flatten() {
        flat(&mut content, "", members);
    }
    for field in item.fields.unwrap_or_default() {
        custom(&mut content, field);
    }
    if item.favorite == Some(true) {
        add_tag(&mut content, FAVORITE);
    }
    content.check().map_err(ItemWhy::Breach)?;
    let created_s = moment(item.creation_date)?;
    let modified_s = moment(item.revision_date)?;
    let times = created_s.or(modified_s).map(|some_s| Times {
        created_s: created_s.unwrap_or(some_s),
        modified_s: modified_s.unwrap_or(some_s),
    });
    let recycled_s = moment(item.deleted_date)?;
    let history = history(&content, item.password_history.unwrap_or_default())?;
    Ok(ImportEntry { path, times, recycled_s, content, history })
}

fn folder(item: &Item, folders: &[(Named, Path)]) -> Result<Path, ItemWhy> {
    let collection = || item.collection_ids.as_ref().and_then(|ids| ids.first());
    let Some(id) = item.folder_id.as_ref().or_else(collection) else { return Ok(Path::new()) };
    let found = folders.iter().find(|(folder, _)| folder.id.as_ref() == Some(id));
    found.map(|(_, path)| path.clone()).ok_or(ItemWhy::Folder)
}

fn login(content: &mut Content, login: Login) -> Result<(), ItemWhy> {
    content.user = login.username.unwrap_or_default();
    content.password = login.password.unwrap_or_default();
    let uris = login.uris.unwrap_or_default().into_iter().filter_map(|uri| uri.uri);
    content.urls.extend(uris.filter(|uri| !uri.is_empty()));
    if let Some(text) = login.totp.filter(|text| !text.is_empty()) {
        content.totp = Some(otpauth::parse(text.expose()).map_err(ItemWhy::Totp)?);
    }
    for (number, passkey) in (1..).zip(login.fido2_credentials.unwrap_or_default()) {
        flat(content, &format!("passkey {number} "), passkey);
    }
    Ok(())
}

fn flat(content: &mut Content, prefix: &str, members: Flat) {
    for (name, value) in members.0 {
        let protected = !OPEN.contains(&name.as_str());
        add_field(content, &format!("{prefix}{}", name.as_str()), value, protected);
    }
}

fn custom(content: &mut Content, field: ItemField) {
    let value = match (field.value, field.linked_id) {
        (Some(value), _) => value,
        (None, Some(linked)) => SecretText::from(format!("linked to {linked}")),
        (None, None) => SecretText::default(),
    };
    add_field(content, field.name.as_ref().map_or("", |name| name), value, field.kind == Some(1));
}

/// Former passwords, newest first.
fn history(content: &Content, former: Vec<Former>) -> Result<Vec<Version>, ItemWhy> {
    let mut history = Vec::new();
    for former in former.into_iter().take(caps::HISTORY_MAX) {
        let modified_s = moment(former.last_used_date)?.unwrap_or(0);
        let content = Content {
            title: content.title.clone(),
            user: content.user.clone(),
            password: former.password.unwrap_or_default(),
            ..Content::default()
        };
        content.check().map_err(ItemWhy::Breach)?;
        history.push(Version { modified_s, content });
    }
    history.sort_by_key(|version| core::cmp::Reverse(version.modified_s));
    Ok(history)
}

fn moment(text: Option<Plain>) -> Result<Option<u64>, ItemWhy> {
    text.map(|text| date::parse(&text).ok_or(ItemWhy::Date)).transpose()
}
