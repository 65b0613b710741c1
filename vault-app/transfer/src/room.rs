//! How much heap a file takes, to refuse what would not fit before it is taken. The figures are those of a 64-bit machine,
//! and the tests measure whether they hold.

use vault_app_entries::{Content, Entry, Store};
use vault_app_kdbx::Limits;

/// Bytes that an element of a KeePass document takes as part of a tree.
pub const NODE: usize = 256;
/// Bytes that a usual entry takes in memory beyond its record, where it is held more than once for a moment.
pub const ENTRY: usize = 2 * 1024;
/// The same of a former version of one.
pub const VERSION: usize = 512;

/// Elements of an entry, or of a former version, in a KeePass document, without what it may have several of.
const NODES_OF_CONTENT: usize = 40;
/// Elements of a field or an attachment.
const NODES_OF_FIELD: usize = 3;
/// Bytes that those of [`NODES_OF_CONTENT`] take in the file.
const TEXT_OF_CONTENT: usize = 1_280;
/// Bytes that those of [`NODES_OF_FIELD`] take in the file.
const TEXT_OF_FIELD: usize = 96;

/// What a KeePass file's contents may take: a quarter of the room for the contents, which are there twice if they are
/// compressed, an eighth for the groups and one entry as trees. The other half is for the entries that come of it.
#[must_use]
pub const fn limits(room: usize) -> Limits {
    Limits { payload: room / 4, nodes: room / 8 / NODE }
}

/// How much it takes at most to write the store as a KeePass file, without the attachments' contents: the text twice,
/// before and after it is sealed, and the groups and one entry as trees.
#[must_use]
pub fn of_kdbx(store: &Store) -> usize {
    let text = store.entries().flat_map(contents).map(text_of).sum::<usize>();
    let tree = store.entries().map(|entry| contents(entry).map(tree_of).sum::<usize>()).max().unwrap_or(0);
    let notes = store.groups().map(|group| group.notes.len() + group.name.len()).sum::<usize>();
    let groups = store.groups().count() * (NODES_OF_CONTENT * NODE + 2 * TEXT_OF_CONTENT);
    2 * text + tree + groups + 20 * notes
}

/// What an entry holds and held.
pub(crate) fn contents(entry: &Entry) -> impl Iterator<Item = &Content> {
    core::iter::once(&entry.content).chain(entry.history.iter().map(|version| &version.content))
}

fn lists(content: &Content) -> usize {
    content.fields.len() + content.attachments.len() + content.urls.len()
}

/// Bytes of all texts.
fn texts(content: &Content) -> usize {
    let fields = content.fields.iter().map(|field| field.name.len() + field.value.len()).sum::<usize>();
    let plain = content.urls.iter().chain(&content.tags).map(|text| text.len()).sum::<usize>();
    let files = content.attachments.iter().map(|file| file.name.len()).sum::<usize>();
    let single = content.title.len() + content.user.len() + content.password.len() + content.notes.len();
    fields + plain + files + single
}

/// In the file a character takes up to five bytes; what doesn't fit the format is there again, in base64.
fn text_of(content: &Content) -> usize {
    TEXT_OF_CONTENT + TEXT_OF_FIELD * lists(content) + 7 * texts(content)
}

fn tree_of(content: &Content) -> usize {
    NODE * (NODES_OF_CONTENT + NODES_OF_FIELD * lists(content)) + 3 * texts(content)
}
