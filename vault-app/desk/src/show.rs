//! One entry, shown.

use ipc_proto_types::{List, Text};
use ipc_proto_vault_api::{Custom, Entry, Expiry, VaultError};
use vault_app_entries::{Item, Plain, Store};

use crate::fill::added;
use crate::groups::path_of;
use crate::names::{resolve, whole_id};
use crate::secrets::secret;

const CUT: &str = "…";

/// One entry, in the bin or not; its password only when `reveal` says so.
///
/// # Errors
/// `NoSuchEntry`, `Ambiguous`; `TooLong` for a password that has no room in the answer.
pub fn entry(store: &Store, name: &str, reveal: bool) -> Result<Entry, VaultError> {
    let id = resolve(store, name)?;
    let entry = store.entry(id).ok_or(VaultError::NoSuchEntry)?;
    let content = &entry.content;
    let added = added(content);
    let mut more = false;
    let mut shown = Entry {
        title: text(&content.title, &mut more),
        group: path_of(store, entry.group),
        user: text(&content.user, &mut more),
        password: reveal.then(|| secret(content.password.expose())).transpose()?,
        entropy_centibits: added.entropy_centibits,
        generated: added.generated,
        totp: content.totp.is_some(),
        urls: texts(content.urls.iter(), &mut more),
        tags: texts(content.tags.iter(), &mut more),
        fields: List::new(),
        attachments: texts(content.attachments.iter().map(|attachment| &attachment.name), &mut more),
        more: false,
        notes_bytes: u32::try_from(content.notes.len()).unwrap_or(u32::MAX),
        versions: u8::try_from(entry.history.len()).unwrap_or(u8::MAX),
        created_unix_s: entry.times.created_s,
        modified_unix_s: entry.times.modified_s,
        expires: content.expires_s.map(|unix_s| Expiry { unix_s }),
        in_bin: store.is_recycled(Item::Entry(id)),
        id: whole_id(id),
    };
    for field in &content.fields {
        let custom = Custom { name: text(&field.name, &mut more), protected: field.protected };
        more |= shown.fields.push(custom).is_err();
    }
    shown.more = more;
    Ok(shown)
}

/// The text, or its beginning and `…`; and whether it was cut.
pub(crate) fn cut<const N: usize>(text: &str) -> (Text<N>, bool) {
    if let Ok(whole) = Text::try_from(text) {
        return (whole, false);
    }
    let end = text.floor_char_boundary(N.saturating_sub(CUT.len()));
    let mut cut = Text::truncated(&text[..end]);
    cut.push_truncated(CUT);
    (cut, true)
}

fn text<const N: usize>(text: &str, more: &mut bool) -> Text<N> {
    let (text, is_cut) = cut(text);
    *more |= is_cut;
    text
}

fn texts<'a, const N: usize, const M: usize>(
    from: impl Iterator<Item = &'a Plain>,
    more: &mut bool,
) -> List<Text<N>, M> {
    let mut list = List::new();
    for item in from {
        let item = text(item, more);
        *more |= list.push(item).is_err();
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_cut_says_so_and_no_character_is() {
        assert_eq!(cut::<8>("12345678"), (Text::truncated("12345678"), false));
        assert_eq!(cut::<8>("123456789"), (Text::truncated("12345…"), true));
        assert_eq!(cut::<8>("1234äöü"), (Text::truncated("1234…"), true));
        assert_eq!(cut::<8>(""), (Text::new(), false));
    }
}
