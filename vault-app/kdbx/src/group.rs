//! A group, looked at.

use alloc::vec::Vec;

use crate::edit::{ENTRY, GROUP};
use crate::entry::{Entry, custom_data};
use crate::tree::Element;
use crate::value::Uuid;

/// A group of entries and groups.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a>(pub(crate) &'a Element);

impl<'a> Group<'a> {
    /// The element itself, for what has no method here.
    #[must_use]
    pub const fn element(self) -> &'a Element {
        self.0
    }

    /// Its identifier.
    #[must_use]
    pub fn uuid(self) -> Option<Uuid> {
        self.0.child_text("UUID").and_then(Uuid::from_text)
    }

    /// Its name; empty if there is none.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.0.child_text("Name").unwrap_or_default()
    }

    /// Its notes; empty if there are none.
    #[must_use]
    pub fn notes(self) -> &'a str {
        self.0.child_text("Notes").unwrap_or_default()
    }

    /// Its custom data: names and values that programs keep and do not show.
    pub fn custom_data(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        custom_data(self.0)
    }

    /// The groups in it.
    pub fn groups(self) -> impl DoubleEndedIterator<Item = Self> {
        self.0.children_named(GROUP).map(Group)
    }

    /// The entries in it, without those of its groups.
    pub fn entries(self) -> impl DoubleEndedIterator<Item = Entry<'a>> {
        self.0.children_named(ENTRY).map(Entry)
    }
}

/// All entries below a group, each with the group it is in.
pub struct Entries<'a> {
    /// Groups that are still to be visited, the next one last.
    groups: Vec<Group<'a>>,
    /// The group being visited, and its entries that are still to come, the next one last.
    entries: Vec<(Group<'a>, Entry<'a>)>,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(root: Option<Group<'a>>) -> Self {
        Self { groups: root.into_iter().collect(), entries: Vec::new() }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Group<'a>, Entry<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.entries.is_empty() {
            let group = self.groups.pop()?;
            self.entries.extend(group.entries().rev().map(|entry| (group, entry)));
            self.groups.extend(group.groups().rev());
        }
        self.entries.pop()
    }
}
