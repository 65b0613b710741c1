//! Groups: a tree of names that entries hang in.

use serde::{Deserialize, Serialize};

use crate::entry::Times;
use crate::id::GroupId;
use crate::text::{Plain, SecretText};

/// A group. The root is none: it has neither name nor record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name for good; never [`GroupId::ROOT`].
    pub id: GroupId,
    /// The group it is in.
    pub parent: GroupId,
    /// When it was put into the recycle bin, in Unix seconds. All that hangs below is in the bin with it.
    pub recycled_s: Option<u64>,
    /// When it was made and last edited.
    pub times: Times,
    /// What a person calls it; not empty. Two groups beside each other may have one name, as in KeePass.
    pub name: Plain,
    /// Notes.
    pub notes: SecretText,
}

impl Group {
    /// A new group.
    #[must_use]
    pub fn new(id: GroupId, parent: GroupId, name: &str, now_s: u64) -> Self {
        Self {
            id,
            parent,
            recycled_s: None,
            times: Times::new(now_s),
            name: Plain::new(name.into()),
            notes: SecretText::default(),
        }
    }
}
