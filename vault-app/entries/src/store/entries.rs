//! Operations on entries: add, edit, move, attach, go back to an earlier version.

use alloc::vec::Vec;

use super::{Changes, Store, StoreError};
use crate::caps;
use crate::entry::{Attachment, Content, Entry, Version};
use crate::id::{EntryId, GroupId};

impl Store {
    /// A new entry in `group`.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Full`], [`StoreError::NoGroup`], [`StoreError::Recycled`],
    /// [`StoreError::Breach`].
    pub fn add(
        &self,
        id: EntryId,
        group: GroupId,
        content: Content,
        now_s: u64,
    ) -> Result<Changes, StoreError> {
        if self.has_id(id.number()) {
            return Err(StoreError::Exists);
        }
        if self.entries.len() >= caps::ENTRIES_MAX {
            return Err(StoreError::Full);
        }
        self.check_target(group)?;
        self.with_entry(Entry::new(id, group, content, now_s))
    }

    /// Other content for an entry; what it held becomes the newest version of its history. Nothing changes when the content
    /// is the same.
    ///
    /// # Errors
    /// [`StoreError::NoEntry`], [`StoreError::Recycled`], [`StoreError::Breach`], [`StoreError::Full`].
    pub fn edit(&self, id: EntryId, content: Content, now_s: u64) -> Result<Changes, StoreError> {
        let old = self.live_entry(id)?;
        if old.content == content {
            return Ok(self.no_changes());
        }
        content.check()?;
        // No more room than is used: it stays as long as the entry, ten thousand times.
        let kept = old.history.len().min(caps::HISTORY_MAX - 1);
        let mut history = Vec::with_capacity(kept + 1);
        history.push(Version { modified_s: old.times.modified_s, content: old.content.clone() });
        history.extend(old.history.iter().take(kept).cloned());
        let mut times = old.times;
        times.modified_s = now_s;
        self.with_entry(Entry { id, group: old.group, recycled_s: None, times, content, history })
    }

    /// The entry in another group.
    ///
    /// # Errors
    /// [`StoreError::NoEntry`], [`StoreError::NoGroup`], [`StoreError::Recycled`].
    pub fn move_entry(&self, id: EntryId, group: GroupId) -> Result<Changes, StoreError> {
        let old = self.live_entry(id)?;
        self.check_target(group)?;
        self.with_entry(Entry { group, ..old.clone() })
    }

    /// One more attachment, or another content for the one of that name.
    ///
    /// # Errors
    /// As [`Store::edit`].
    pub fn attach(&self, id: EntryId, attachment: Attachment, now_s: u64) -> Result<Changes, StoreError> {
        let mut content = self.live_entry(id)?.content.clone();
        match content.attachments.iter_mut().find(|other| other.name == attachment.name) {
            Some(place) => *place = attachment,
            None => content.attachments.push(attachment),
        }
        self.edit(id, content, now_s)
    }

    /// The entry without the attachment of that name. The history still has it.
    ///
    /// # Errors
    /// As [`Store::edit`], and [`StoreError::NoAttachment`].
    pub fn detach(&self, id: EntryId, name: &str, now_s: u64) -> Result<Changes, StoreError> {
        let mut content = self.live_entry(id)?.content.clone();
        let count = content.attachments.len();
        content.attachments.retain(|attachment| attachment.name.as_str() != name);
        if content.attachments.len() == count {
            return Err(StoreError::NoAttachment);
        }
        self.edit(id, content, now_s)
    }

    /// The content of an earlier version again, 0 being the newest; the present one becomes history.
    ///
    /// # Errors
    /// As [`Store::edit`], and [`StoreError::NoVersion`].
    pub fn revert(&self, id: EntryId, version: usize, now_s: u64) -> Result<Changes, StoreError> {
        let old = self.live_entry(id)?.history.get(version).ok_or(StoreError::NoVersion)?;
        self.edit(id, old.content.clone(), now_s)
    }

    /// The entry without its history, and so without the passwords it had.
    ///
    /// # Errors
    /// [`StoreError::NoEntry`], [`StoreError::Recycled`].
    pub fn forget_history(&self, id: EntryId) -> Result<Changes, StoreError> {
        let old = self.live_entry(id)?;
        if old.history.is_empty() {
            return Ok(self.no_changes());
        }
        self.with_entry(Entry { history: Vec::new(), ..old.clone() })
    }
}
