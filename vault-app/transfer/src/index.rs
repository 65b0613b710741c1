//! Which entries are there already: the same content, whatever its order and its attachments' ids.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};
use vault_app_entries::store::Item;
use vault_app_entries::{Content, ContentId, Entry, EntryId, Store, Version};
use zeroize::Zeroizing;

use crate::error::TransferError;
use crate::report::What;

/// What tells contents apart. A hash, so that no secrets are held twice.
pub(crate) type Digest = [u8; 32];

/// The digest of a content: order of fields, tags and attachments doesn't count, nor do the ids of attachments, nor where a
/// password is from.
pub(crate) fn digest(content: &Content) -> Digest {
    let mut content = content.clone();
    content.entropy_centibits = None;
    content.tags.sort_unstable_by(|a, b| a.as_str().cmp(b));
    content.fields.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    content.attachments.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    for attachment in &mut content.attachments {
        attachment.content = ContentId::from_bytes([0; 16]);
    }
    let size = postcard::experimental::serialized_size(&content).unwrap_or(0);
    let mut bytes = Zeroizing::new(vec![0; size]);
    let written = postcard::to_slice(&content, &mut bytes).map(|bytes| bytes.len());
    assert_eq!(written, Ok(size), "a content is as long as it was measured");
    Sha256::digest(&*bytes).into()
}

/// An entry of a file, to be looked for.
pub(crate) struct Wanted<'a> {
    pub(crate) id: Option<EntryId>,
    pub(crate) content: &'a Content,
    pub(crate) history: &'a [Version],
}

/// The entries of a store by what they hold.
pub(crate) struct Index<'s> {
    store: &'s Store,
    by_digest: BTreeMap<Digest, Vec<EntryId>>,
}

impl<'s> Index<'s> {
    pub(crate) fn new(store: &'s Store) -> Self {
        let mut by_digest: BTreeMap<Digest, Vec<EntryId>> = BTreeMap::new();
        for entry in store.entries() {
            by_digest.entry(digest(&entry.content)).or_default().push(entry.id);
        }
        Self { store, by_digest }
    }

    /// The entry that is the same, first of all the one of the same id. `same_attachments` compares their bytes.
    pub(crate) fn find(
        &self,
        wanted: &Wanted<'_>,
        mut same_attachments: impl FnMut(&Content, &Content) -> Result<bool, TransferError>,
    ) -> Result<Option<What>, TransferError> {
        let found = self.by_digest.get(&digest(wanted.content)).map_or(&[][..], Vec::as_slice);
        let first = wanted.id.filter(|id| found.contains(id));
        let others = found.iter().copied().filter(|id| Some(*id) != wanted.id);
        for id in first.into_iter().chain(others) {
            let Some(entry) = self.store.entry(id) else { continue };
            if has_versions(entry, wanted.history) && same_attachments(wanted.content, &entry.content)? {
                let in_bin = self.store.is_recycled(Item::Entry(id));
                return Ok(Some(if in_bin { What::AlreadyInBin(id) } else { What::AlreadyThere(id) }));
            }
        }
        Ok(None)
    }
}

/// Whether the entry holds or held all of these, so that nothing is lost when they are skipped.
fn has_versions(entry: &Entry, history: &[Version]) -> bool {
    if history.is_empty() {
        return true;
    }
    let mut known: Vec<Digest> = entry.history.iter().map(|version| digest(&version.content)).collect();
    known.push(digest(&entry.content));
    history.iter().all(|version| known.contains(&digest(&version.content)))
}
