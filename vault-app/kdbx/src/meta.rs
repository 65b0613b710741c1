//! What a document says about itself, and what it says was deleted.

use crate::entry::custom_data;
use crate::tree::Element;
use crate::value::{Time, Uuid, flag};

/// The document's own settings.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a>(pub(crate) &'a Element);

impl<'a> Meta<'a> {
    /// The element itself, for what has no method here.
    #[must_use]
    pub const fn element(self) -> &'a Element {
        self.0
    }

    fn text(self, name: &str) -> &'a str {
        self.0.child_text(name).unwrap_or_default()
    }

    /// The program that wrote it.
    #[must_use]
    pub fn generator(self) -> &'a str {
        self.text("Generator")
    }

    /// The database's name; empty if there is none.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.text("DatabaseName")
    }

    /// What the database is for; empty if nothing says so.
    #[must_use]
    pub fn description(self) -> &'a str {
        self.text("DatabaseDescription")
    }

    /// The recycle bin's identifier; `None` if it is off or not made yet.
    #[must_use]
    pub fn recycle_bin(self) -> Option<Uuid> {
        let enabled = flag(self.text("RecycleBinEnabled"))?;
        Uuid::from_text(self.text("RecycleBinUUID")).filter(|uuid| enabled && *uuid != Uuid::NIL)
    }

    /// How many former versions of an entry are kept; `None` for all of them.
    #[must_use]
    pub fn history_items_max(self) -> Option<usize> {
        self.text("HistoryMaxItems").parse().ok()
    }

    /// Its custom data: names and values that programs keep and do not show.
    pub fn custom_data(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        custom_data(self.0)
    }
}

/// Something that was deleted for good, noted so that copies of the file learn of it.
#[derive(Debug, Clone, Copy)]
pub struct Deleted<'a>(pub(crate) &'a Element);

impl Deleted<'_> {
    /// What it was.
    #[must_use]
    pub fn uuid(self) -> Option<Uuid> {
        self.0.child_text("UUID").and_then(Uuid::from_text)
    }

    /// When it was deleted.
    #[must_use]
    pub fn time(self) -> Option<Time> {
        self.0.child_text("DeletionTime").and_then(Time::from_text)
    }
}
