//! An entry, looked at.

use crate::edit::ENTRY;
use crate::tree::Element;
use crate::value::{Time, Uuid, flag};

/// The fields that every entry has.
pub(crate) const TITLE: &str = "Title";
pub(crate) const USER_NAME: &str = "UserName";
pub(crate) const PASSWORD: &str = "Password";
pub(crate) const URL: &str = "URL";
pub(crate) const NOTES: &str = "Notes";
/// The field in which KeePassXC and others keep the `otpauth` address of one-time codes.
pub(crate) const OTP: &str = "otp";

/// Whether a value is hidden once more inside the file, and programs are asked to hide it on screen and in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// It is not.
    Plain,
    /// It is.
    Protected,
}

/// A field of an entry. Its value never prints.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: &'a str,
    /// Whether it is protected.
    pub protection: Protection,
}

impl core::fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Field({:?}, ***, {:?})", self.key, self.protection)
    }
}

/// An attachment of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attachment<'a> {
    /// Its file name.
    pub name: &'a str,
    /// Its place in [`crate::Database::binaries`].
    pub reference: usize,
}

/// An entry.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a>(pub(crate) &'a Element);

impl<'a> Entry<'a> {
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

    /// All fields, in order. A field without a key or with anything but text in it is left out.
    pub fn fields(self) -> impl Iterator<Item = Field<'a>> {
        self.0.children_named("String").filter_map(|string| {
            let value = string.child("Value")?;
            let protection = if value.is_protected() { Protection::Protected } else { Protection::Plain };
            Some(Field { key: string.child_text("Key")?, value: value.text()?, protection })
        })
    }

    /// The field of this name.
    #[must_use]
    pub fn field(self, key: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.key == key)
    }

    fn value(self, key: &str) -> &'a str {
        self.field(key).map(|field| field.value).unwrap_or_default()
    }

    /// Its title; empty if there is none.
    #[must_use]
    pub fn title(self) -> &'a str {
        self.value(TITLE)
    }

    /// Its user name; empty if there is none.
    #[must_use]
    pub fn user_name(self) -> &'a str {
        self.value(USER_NAME)
    }

    /// Its password; empty if there is none.
    #[must_use]
    pub fn password(self) -> &'a str {
        self.value(PASSWORD)
    }

    /// Its address; empty if there is none.
    #[must_use]
    pub fn url(self) -> &'a str {
        self.value(URL)
    }

    /// Its notes; empty if there are none.
    #[must_use]
    pub fn notes(self) -> &'a str {
        self.value(NOTES)
    }

    /// The `otpauth` address its one-time codes come from.
    #[must_use]
    pub fn otp(self) -> Option<&'a str> {
        self.field(OTP).map(|field| field.value)
    }

    /// The fields beside those five and [`Entry::otp`].
    pub fn custom_fields(self) -> impl Iterator<Item = Field<'a>> {
        self.fields().filter(|field| ![TITLE, USER_NAME, PASSWORD, URL, NOTES, OTP].contains(&field.key))
    }

    /// Its tags. KeePass separates them with semicolons, others with commas.
    pub fn tags(self) -> impl Iterator<Item = &'a str> {
        let tags = self.0.child_text("Tags").unwrap_or_default();
        tags.split([';', ',']).map(str::trim).filter(|tag| !tag.is_empty())
    }

    fn time(self, name: &str) -> Option<Time> {
        self.0.child("Times")?.child_text(name).and_then(Time::from_text)
    }

    /// When it was made.
    #[must_use]
    pub fn created(self) -> Option<Time> {
        self.time("CreationTime")
    }

    /// When it was last changed.
    #[must_use]
    pub fn modified(self) -> Option<Time> {
        self.time("LastModificationTime")
    }

    /// When it expires; `None` if it does not.
    #[must_use]
    pub fn expiry(self) -> Option<Time> {
        let expires = self.0.child("Times")?.child_text("Expires").and_then(flag)?;
        if expires { self.time("ExpiryTime") } else { None }
    }

    /// Its attachments. One whose contents stand in the document itself, as in KDBX 3, is left out.
    pub fn attachments(self) -> impl Iterator<Item = Attachment<'a>> {
        self.0.children_named("Binary").filter_map(|binary| {
            let reference = binary.child("Value")?.attribute("Ref")?.parse().ok()?;
            Some(Attachment { name: binary.child_text("Key")?, reference })
        })
    }

    /// What it was before, oldest first.
    pub fn history(self) -> impl DoubleEndedIterator<Item = Self> {
        let history = self.0.child("History");
        history.map(|history| history.children_named(ENTRY).map(Entry)).into_iter().flatten()
    }

    /// Its custom data: names and values that programs keep and do not show.
    pub fn custom_data(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        custom_data(self.0)
    }
}

/// The items in an element's `CustomData`.
pub(crate) fn custom_data(element: &Element) -> impl Iterator<Item = (&str, &str)> {
    let items = element.child("CustomData").map(|data| data.children_named("Item")).into_iter().flatten();
    items.filter_map(|item| Some((item.child_text("Key")?, item.child_text("Value")?)))
}
