//! How much heap a file takes, to refuse what would not fit before it is taken.

use vault_app_entries::{Content, Store};
use vault_app_kdbx::Limits;

/// Bytes that an element of a KeePass document takes on a 64-bit machine, with its name, its place and its text's overhead.
/// Measured in the tests.
pub const NODE: usize = 256;
/// Elements of an entry, or of a former version of one, in a KeePass document, without what it may have several of.
pub const NODES_OF_ENTRY: usize = 40;
/// Elements of a field or an attachment.
pub const NODES_OF_FIELD: usize = 3;

/// Bytes that a usual entry takes in memory beyond its record, where it is held more than once for a moment. Measured in
/// the tests.
pub const ENTRY: usize = 2 * 1024;

/// What a KeePass file's contents may take: half of the room is for the document's elements, a sixth for the bytes that it
/// is made from, which are there up to three times (deciphered, inflated, as texts and attachments of the result).
#[must_use]
pub const fn limits(room: usize) -> Limits {
    Limits { payload: room / 6, nodes: room / 2 / NODE }
}

/// How much it takes to write the store as a KeePass file, without the attachments' contents.
#[must_use]
pub fn of_kdbx(store: &Store) -> usize {
    let contents = store.entries().flat_map(|entry| {
        core::iter::once(&entry.content).chain(entry.history.iter().map(|version| &version.content))
    });
    contents.map(of_content).sum::<usize>() + store.groups().count() * NODES_OF_ENTRY * NODE
}

/// Elements, and three times the bytes: as text of the document, as payload, as file.
fn of_content(content: &Content) -> usize {
    let lists = content.fields.len() + content.attachments.len() + content.urls.len();
    let fields = content.fields.iter().map(|field| field.name.len() + field.value.len()).sum::<usize>();
    let urls = content.urls.iter().map(|url| url.len()).sum::<usize>();
    let tags = content.tags.iter().map(|tag| tag.len()).sum::<usize>();
    let texts = content.title.len() + content.user.len() + content.password.len() + content.notes.len();
    let nodes = NODES_OF_ENTRY + NODES_OF_FIELD * lists;
    // A record that doesn't fit the format is there once more, in base64.
    nodes * (NODE + 3 * 16) + 3 * (texts + fields + urls + tags) * 7 / 3
}
