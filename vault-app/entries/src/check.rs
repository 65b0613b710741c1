//! What must hold of an entry and of a group by themselves: nothing above its cap, nothing empty or double that may not be.

use core::fmt;

use crate::caps;
use crate::entry::{Content, Entry, Totp};
use crate::group::Group;
use crate::id::GroupId;
use crate::record;

/// What of an entry or a group is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The title.
    Title,
    /// The user name.
    User,
    /// The password.
    Password,
    /// A URL, or their number.
    Url,
    /// The notes.
    Notes,
    /// A tag, or their number.
    Tag,
    /// A custom field's name, or their number.
    FieldName,
    /// A custom field's value.
    FieldValue,
    /// An attachment's name, or their number.
    Attachment,
    /// The secret of one-time codes.
    TotpSecret,
    /// Issuer or account of one-time codes.
    TotpLabel,
    /// The number of earlier versions.
    History,
    /// All of one version together.
    Content,
    /// All of the record together.
    Record,
    /// A group's name.
    GroupName,
    /// The id: that of the root is nobody's.
    Id,
}

/// Why an entry or a group can't be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// Longer, or more of them, than its cap.
    TooLong(Part),
    /// Empty where it may not be.
    Empty(Part),
    /// Twice where it may be once.
    Twice(Part),
    /// An id that is kept for the root.
    Reserved(Part),
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::User => "user name",
            Self::Password => "password",
            Self::Url => "URL",
            Self::Notes => "notes",
            Self::Tag => "tag",
            Self::FieldName => "name of a field",
            Self::FieldValue => "value of a field",
            Self::Attachment => "attachment",
            Self::TotpSecret => "secret of one-time codes",
            Self::TotpLabel => "label of one-time codes",
            Self::History => "history",
            Self::Content => "entry",
            Self::Record => "record",
            Self::GroupName => "name of a group",
            Self::Id => "id",
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(part) => write!(f, "{}: too long or too many", part.name()),
            Self::Empty(part) => write!(f, "{}: empty", part.name()),
            Self::Twice(part) => write!(f, "{}: the same twice", part.name()),
            Self::Reserved(part) => write!(f, "{}: kept for the root", part.name()),
        }
    }
}

impl Entry {
    /// Checks all bounds but the size of the whole record, which [`record::encode`] does.
    ///
    /// # Errors
    /// The first breach.
    pub fn check(&self) -> Result<(), Breach> {
        at_most(self.history.len(), caps::HISTORY_MAX, Part::History)?;
        self.history.iter().try_for_each(|version| version.content.check())?;
        self.content.check()
    }
}

impl Content {
    /// Checks all bounds.
    ///
    /// # Errors
    /// The first breach.
    pub fn check(&self) -> Result<(), Breach> {
        at_most(self.title.len(), caps::TITLE_MAX, Part::Title)?;
        at_most(self.user.len(), caps::USER_MAX, Part::User)?;
        at_most(self.password.len(), caps::PASSWORD_MAX, Part::Password)?;
        at_most(self.notes.len(), caps::NOTES_MAX, Part::Notes)?;
        at_most(self.urls.len(), caps::URLS_MAX, Part::Url)?;
        for url in &self.urls {
            named(url, caps::URL_MAX, Part::Url)?;
        }
        self.check_tags()?;
        self.check_fields()?;
        self.check_attachments()?;
        self.totp.as_ref().map_or(Ok(()), Totp::check)?;
        at_most(record::size(self), caps::CONTENT_MAX, Part::Content)
    }

    fn check_tags(&self) -> Result<(), Breach> {
        at_most(self.tags.len(), caps::TAGS_MAX, Part::Tag)?;
        for tag in &self.tags {
            named(tag, caps::TAG_MAX, Part::Tag)?;
        }
        once(self.tags.iter().map(|tag| tag.as_str()), Part::Tag)
    }

    fn check_fields(&self) -> Result<(), Breach> {
        at_most(self.fields.len(), caps::FIELDS_MAX, Part::FieldName)?;
        for field in &self.fields {
            named(&field.name, caps::FIELD_NAME_MAX, Part::FieldName)?;
            at_most(field.value.len(), caps::FIELD_VALUE_MAX, Part::FieldValue)?;
        }
        once(self.fields.iter().map(|field| field.name.as_str()), Part::FieldName)
    }

    fn check_attachments(&self) -> Result<(), Breach> {
        at_most(self.attachments.len(), caps::ATTACHMENTS_MAX, Part::Attachment)?;
        for attachment in &self.attachments {
            named(&attachment.name, caps::ATTACHMENT_NAME_MAX, Part::Attachment)?;
        }
        once(self.attachments.iter().map(|attachment| attachment.name.as_str()), Part::Attachment)
    }
}

impl Totp {
    /// Checks its bounds.
    ///
    /// # Errors
    /// The first breach.
    pub fn check(&self) -> Result<(), Breach> {
        let secret = self.secret.expose();
        at_most(secret.len(), caps::TOTP_SECRET_MAX, Part::TotpSecret)?;
        at_most(self.issuer.len(), caps::TOTP_LABEL_MAX, Part::TotpLabel)?;
        at_most(self.account.len(), caps::TOTP_LABEL_MAX, Part::TotpLabel)?;
        if secret.is_empty() { Err(Breach::Empty(Part::TotpSecret)) } else { Ok(()) }
    }
}

impl Group {
    /// Checks its bounds.
    ///
    /// # Errors
    /// The first breach.
    pub fn check(&self) -> Result<(), Breach> {
        if self.id == GroupId::ROOT {
            return Err(Breach::Reserved(Part::Id));
        }
        at_most(self.notes.len(), caps::NOTES_MAX, Part::Notes)?;
        named(&self.name, caps::GROUP_NAME_MAX, Part::GroupName)
    }
}

fn at_most(length: usize, cap: usize, part: Part) -> Result<(), Breach> {
    if length > cap { Err(Breach::TooLong(part)) } else { Ok(()) }
}

fn named(name: &str, cap: usize, part: Part) -> Result<(), Breach> {
    if name.is_empty() {
        return Err(Breach::Empty(part));
    }
    at_most(name.len(), cap, part)
}

/// Each name once. Lists are short, so comparing each with each is no burden.
fn once<'a>(names: impl Iterator<Item = &'a str> + Clone, part: Part) -> Result<(), Breach> {
    let mut rest = names;
    while let Some(name) = rest.next() {
        if rest.clone().any(|other| other == name) {
            return Err(Breach::Twice(part));
        }
    }
    Ok(())
}
