//! How much heap a file takes, to refuse what would not fit before it is taken. The figures are those of a 64-bit machine,
//! and the tests measure whether they hold.

use vault_app_entries::{Content, Entry, Store};
use vault_app_kdbx::Limits;

/// Bytes that an element of a KeePass document takes as part of a tree.
pub(crate) const NODE: usize = 256;
/// Bytes that a usual entry takes in memory beyond its record, where it is held more than once for a moment.
pub(crate) const ENTRY: usize = 2 * 1024;
/// The same of a former version of one.
pub(crate) const VERSION: usize = 512;

/// Elements of an entry, or of a former version, in a KeePass document, without what it may have several of.
const NODES_OF_CONTENT: usize = 40;
/// Elements of a field or an attachment.
const NODES_OF_FIELD: usize = 3;

/// What a KeePass file's contents may take: a quarter of the room for the contents, which are there twice if they are
/// compressed, an eighth for the groups and one entry as trees. The other half is for the entries that come of it.
#[must_use]
pub(crate) const fn limits(room: usize) -> Limits {
    Limits { payload: room / 4, nodes: room / 8 / NODE }
}

/// What writing the store as a KeePass file holds as trees: the groups and one entry.
pub(crate) fn of_trees(store: &Store) -> usize {
    let entry = store.entries().map(|entry| contents(entry).map(tree_of).sum::<usize>()).max();
    let notes = store.groups().map(|group| group.notes.len() + group.name.len()).sum::<usize>();
    entry.unwrap_or(0) + store.groups().count() * NODES_OF_CONTENT * NODE + 2 * notes
}

/// What an entry holds and held.
pub(crate) fn contents(entry: &Entry) -> impl Iterator<Item = &Content> {
    core::iter::once(&entry.content).chain(entry.history.iter().map(|version| &version.content))
}

/// Bytes of all texts.
fn texts(content: &Content) -> usize {
    let fields = content.fields.iter().map(|field| field.name.len() + field.value.len()).sum::<usize>();
    let plain = content.urls.iter().chain(&content.tags).map(|text| text.len()).sum::<usize>();
    let files = content.attachments.iter().map(|file| file.name.len()).sum::<usize>();
    let single = content.title.len() + content.user.len() + content.password.len() + content.notes.len();
    fields + plain + files + single
}

fn tree_of(content: &Content) -> usize {
    let lists = content.fields.len() + content.attachments.len() + content.urls.len();
    NODE * (NODES_OF_CONTENT + NODES_OF_FIELD * lists) + 3 * texts(content)
}
