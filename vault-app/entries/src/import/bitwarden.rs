//! Bitwarden's unencrypted JSON export, of a person or of an organisation.
//!
//! Folders and collections become groups, their slashes levels; logins, notes, cards, identities and SSH keys become
//! entries, with what has no place of its own as fields; a favourite gets the tag `favorite`; passkeys become protected
//! fields, so that they are not lost, though nothing here can use them. Former passwords become history, what was
//! deleted there is in the recycle bin here.
//!
//! Left out: how URIs match, the ids of organisations and users, whether the password is asked again. Attachments are
//! not in that file. `serde_json` keeps unescaped strings in memory of its own, which is not wiped.
//!
//! Source: the export code of Bitwarden's clients, `libs/common/src/models/export`.

mod item;
mod json;
mod size;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use json::{Export, Named};

use super::{Import, Path, is_path, path};
use crate::caps;
use crate::check::Breach;
use crate::otpauth::OtpauthError;

/// Why a file can't be imported. Nothing of it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BitwardenError {
    /// Longer than [`caps::IMPORT_MAX`].
    TooLong,
    /// No JSON, or JSON of another shape; where.
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// An encrypted export.
    Encrypted,
    /// JSON that is no export of Bitwarden: it has no items.
    NoItems,
    /// More items than a store has entries, more folders than groups, or more in them than [`caps::IMPORT_PARTS_MAX`].
    TooMany,
    /// Items that can't be kept; up to [`caps::FAULTS_MAX`] of them.
    Items(Vec<ItemFault>),
}

/// What is wrong with an item or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFault {
    /// Which item, from 1; 0 for a folder.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub why: ItemWhy,
}

/// What is wrong with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemWhy {
    /// Neither login, note, card, identity nor SSH key.
    Type,
    /// No date where one must be.
    Date,
    /// It is in a folder that isn't in the file.
    Folder,
    /// Folders too deep in one another, or a name too long.
    Path,
    /// One-time codes that can't be read.
    Totp(OtpauthError),
    /// A value that breaks a cap.
    Breach(Breach),
}

impl fmt::Display for BitwardenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the file is too long"),
            Self::Syntax { line, column } => {
                write!(f, "line {line}, column {column}: not the JSON of a Bitwarden export")
            }
            Self::Encrypted => f.write_str(
                "this export is encrypted and can't be read here; export again as .json, not as .json (Encrypted)",
            ),
            Self::NoItems => f.write_str("this JSON is no Bitwarden export: it has no items"),
            Self::TooMany => f.write_str("more items or folders than a store holds"),
            Self::Items(faults) => {
                for (number, fault) in faults.iter().enumerate() {
                    let newline = if number > 0 { "\n" } else { "" };
                    write!(f, "{newline}{fault}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for ItemFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => write!(f, "folder \"{}\": ", self.name.escape_debug())?,
            number => write!(f, "item {number} \"{}\": ", self.name.escape_debug())?,
        }
        match self.why {
            ItemWhy::Type => f.write_str("its type is not known"),
            ItemWhy::Date => f.write_str("one of its dates is none"),
            ItemWhy::Folder => f.write_str("its folder is not in the file"),
            ItemWhy::Path => f.write_str("folders too deep, or a name too long"),
            ItemWhy::Totp(error) => error.fmt(f),
            ItemWhy::Breach(breach) => breach.fmt(f),
        }
    }
}

/// Reads a file.
///
/// # Errors
/// See [`BitwardenError`].
pub fn read(text: &str) -> Result<Import, BitwardenError> {
    if text.len() > caps::IMPORT_MAX {
        return Err(BitwardenError::TooLong);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !size::is_bearable(text) {
        return Err(BitwardenError::TooMany);
    }
    let export: Export = serde_json::from_str(text)
        .map_err(|error| BitwardenError::Syntax { line: error.line(), column: error.column() })?;
    if export.encrypted == Some(true) || export.password_protected == Some(true) {
        return Err(BitwardenError::Encrypted);
    }
    let items = export.items.ok_or(BitwardenError::NoItems)?;
    let folders = [export.folders.unwrap_or_default(), export.collections.unwrap_or_default()].concat();
    if items.len() > caps::ENTRIES_MAX || folders.len() > caps::GROUPS_MAX {
        return Err(BitwardenError::TooMany);
    }
    let mut faults = Vec::new();
    let folders: Vec<(Named, Path)> = folders
        .into_iter()
        .map(|folder| {
            let path = path(&folder.name);
            if !is_path(&path) {
                let name = String::from(folder.name.as_str());
                faults.push(ItemFault { number: 0, name, why: ItemWhy::Path });
            }
            (folder, path)
        })
        .collect();
    let mut import = Import::default();
    for (number, item) in (1..).zip(items) {
        let name = String::from(item.name.as_ref().map_or("", |name| name));
        match item::entry(item, &folders) {
            Ok(entry) => import.entries.push(entry),
            Err(why) => faults.push(ItemFault { number, name, why }),
        }
    }
    faults.truncate(caps::FAULTS_MAX);
    if !faults.is_empty() {
        return Err(BitwardenError::Items(faults));
    }
    import.groups = folders.into_iter().map(|(_, path)| path).collect();
    Ok(import)
}
