//! One content as fields, tags and attachments of a KeePass entry, and back.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use vault_app_entries::{Attachment, Content, ContentId, Field, Plain, SecretText, caps, otpauth};
use vault_app_kdbx::{Binary, Entry, EntryMut, Protection};

use super::kept::{self, KEY};
use super::{seconds, time};
use crate::names::{free_name, xml_text};

/// The five fields that every entry has.
const TITLE: &str = "Title";
const USER: &str = "UserName";
const PASSWORD: &str = "Password";
const URL: &str = "URL";
const NOTES: &str = "Notes";
/// One-time codes, as KeePassXC and others have them.
const OTP: &str = "otp";
/// Further addresses; from the second on with an underscore and a number.
const MORE_URLS: &str = "KP2A_URL";

/// Writes a content over what the entry holds. `references` says where the contents of attachments are.
pub(super) fn put(entry: &mut EntryMut<'_>, content: &Content, references: &BTreeMap<ContentId, usize>) {
    let parts = ["String", "Binary", "CustomData"];
    entry.element().remove_elements(|child| parts.contains(&child.name.as_str()));
    let mut set = |key: &str, value: &str, protection| entry.set_field(key, &xml_text(value), protection);
    set(TITLE, &content.title, Protection::Plain);
    set(USER, &content.user, Protection::Plain);
    set(PASSWORD, content.password.expose(), Protection::Protected);
    set(URL, content.urls.first().map_or("", |url| url), Protection::Plain);
    set(NOTES, content.notes.expose(), Protection::Plain);
    for (number, url) in content.urls.iter().skip(1).enumerate() {
        let key = if number == 0 { MORE_URLS.into() } else { format!("{MORE_URLS}_{number}") };
        set(&key, url, Protection::Plain);
    }
    if let Some(totp) = &content.totp {
        set(OTP, otpauth::print(totp).expose(), Protection::Protected);
    }
    for (name, field) in field_names(content).iter().zip(&content.fields) {
        let protection = if field.protected { Protection::Protected } else { Protection::Plain };
        set(name, field.value.expose(), protection);
    }
    let tags: Vec<Plain> = content.tags.iter().map(|tag| xml_text(tag)).collect();
    entry.set_tags(tags.iter().map(|tag| tag.as_str()));
    entry.set_expiry(content.expires_s.map(time));
    for (name, attachment) in attachment_names(content).iter().zip(&content.attachments) {
        if let Some(reference) = references.get(&attachment.content) {
            entry.attach(name, *reference);
        }
    }
    let sizes: BTreeMap<usize, u64> = content
        .attachments
        .iter()
        .filter_map(|attachment| Some((*references.get(&attachment.content)?, attachment.size)))
        .collect();
    let seen = seen(entry.view(), &|reference| sizes.get(&reference).copied());
    if let Some(item) = kept::of_content(content, &seen) {
        entry.set_custom_data(KEY, &item);
    }
}

/// Reads a content. The id of an attachment is its reference as a number, to be replaced by a real one.
pub(super) fn take(entry: Entry<'_>, binaries: &[Binary]) -> Content {
    let size = |reference: usize| binaries.get(reference).map(|binary| binary.data().len() as u64);
    let seen = seen(entry, &size);
    let Some((_, item)) = entry.custom_data().find(|(key, _)| *key == KEY) else { return seen };
    match kept::content(item, seen) {
        (content, None) => content,
        (content, Some(seen)) => with_attachments(content, seen),
    }
}

/// The reference that [`take`] has put in place of an attachment's id.
pub(crate) fn reference(attachment: &Attachment) -> usize {
    usize::try_from(attachment.content.number()).unwrap_or(usize::MAX)
}

/// The content with the references of its attachments, which are there under the names that they were written with.
fn with_attachments(mut content: Content, seen: Content) -> Content {
    for (name, attachment) in attachment_names(&content).iter().zip(&mut content.attachments) {
        match seen.attachments.iter().find(|other| other.name == *name) {
            Some(other) => attachment.content = other.content,
            None => return seen,
        }
    }
    content
}

/// What other programs see of an entry, in our terms. Unique names are a matter of course there.
fn seen(entry: Entry<'_>, size: &impl Fn(usize) -> Option<u64>) -> Content {
    let plain = |text: &str| Plain::new(text.into());
    let mut content = Content {
        title: plain(entry.title()),
        user: plain(entry.user_name()),
        password: SecretText::new(entry.password()),
        notes: SecretText::new(entry.notes()),
        expires_s: entry.expiry().map(seconds),
        ..Content::default()
    };
    let mut urls = Vec::from([(0, entry.url())]);
    for field in entry.custom_fields() {
        match url_number(field.key) {
            Some(number) => urls.push((number, field.value)),
            None => add_field(&mut content, field),
        }
    }
    urls.sort_by_key(|(number, _)| *number);
    content.urls = urls.iter().filter(|(_, url)| !url.is_empty()).map(|(_, url)| plain(url)).collect();
    if let Some(otp) = entry.field(OTP) {
        match otpauth::parse(otp.value) {
            Ok(totp) => content.totp = Some(totp),
            // Of another form, or empty: a field like any other, so that it is not lost.
            Err(_) => add_field(&mut content, otp),
        }
    }
    for tag in entry.tags() {
        // Beyond the cap, which the check will find, the rest is not worth comparing each with each.
        if content.tags.len() <= caps::TAGS_MAX && !content.tags.iter().any(|other| other.as_str() == tag) {
            content.tags.push(plain(tag));
        }
    }
    for attachment in entry.attachments() {
        if let Some(size) = size(attachment.reference) {
            let id = ContentId::from_bytes((attachment.reference as u128).to_be_bytes());
            add_attachment(&mut content, Attachment { name: plain(attachment.name), content: id, size });
        }
    }
    content
}

/// Beyond the cap nothing is added, as with tags.
fn add_field(content: &mut Content, field: vault_app_kdbx::Field<'_>) {
    if content.fields.len() > caps::FIELDS_MAX {
        return;
    }
    let base = if field.key.is_empty() { "field" } else { field.key };
    let name = free_name(base, |name| content.field(name).is_some());
    let protected = field.protection == Protection::Protected;
    content.fields.push(Field { name, value: SecretText::new(field.value), protected });
}

fn add_attachment(content: &mut Content, mut attachment: Attachment) {
    if content.attachments.len() > caps::ATTACHMENTS_MAX {
        return;
    }
    let base = if attachment.name.is_empty() { "file" } else { &attachment.name };
    let is_taken = |name: &str| content.attachments.iter().any(|other| other.name.as_str() == name);
    attachment.name = free_name(base, is_taken);
    content.attachments.push(attachment);
}

/// Which of an entry's further addresses a field is.
fn url_number(key: &str) -> Option<u32> {
    match key.strip_prefix(MORE_URLS)? {
        "" => Some(1),
        rest => rest.strip_prefix('_')?.parse::<u32>().ok()?.checked_add(1),
    }
}

/// The names that custom fields are written with: none of those that mean something.
fn field_names(content: &Content) -> Vec<Plain> {
    let mut names: Vec<Plain> = Vec::with_capacity(content.fields.len());
    for field in &content.fields {
        let name = free_name(&field.name, |name| {
            [TITLE, USER, PASSWORD, URL, NOTES].contains(&name)
                || (name == OTP && content.totp.is_some())
                || url_number(name).is_some()
                || names.iter().any(|other| other.as_str() == name)
        });
        names.push(name);
    }
    names
}

/// The names that attachments are written with.
fn attachment_names(content: &Content) -> Vec<Plain> {
    let mut names: Vec<Plain> = Vec::with_capacity(content.attachments.len());
    for attachment in &content.attachments {
        let name = free_name(&attachment.name, |name| names.iter().any(|other| other.as_str() == name));
        names.push(name);
    }
    names
}
