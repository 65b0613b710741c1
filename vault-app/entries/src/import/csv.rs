//! CSV files of KeePassXC, Bitwarden, Chrome and Firefox, and our own.
//!
//! What a column means follows from its name, and the names of these programs don't contradict each other, so one table serves
//! all. A column of another name becomes a protected field. A file comes in whole or not at all: syntax that is wrong ends
//! the reading, since where the next row begins is not known then; other faults are gathered, each with line and column.
//!
//! Left out on purpose, as they are of no use elsewhere: Firefox's `formActionOrigin`, `guid` and `timeLastUsed`; KeePassXC's
//! `Icon`; Bitwarden's `type` and `reprompt`.
//!
//! Source: RFC 4180; the export code of these programs.

mod columns;
mod row;
mod rows;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use columns::{Columns, Role};
use row::entry;
use rows::{Cell, Rows};

use super::{Import, is_path};
use crate::caps;
use crate::check::Breach;
use crate::otpauth::OtpauthError;

/// What is wrong, and where. Says nothing of the cell's content but its column's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1, in which the cell begins.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The column's name, if it has one.
    pub name: String,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A file longer than [`caps::IMPORT_MAX`].
    TooLong,
    /// A file without a row of names.
    Empty,
    /// More columns than [`caps::COLUMNS_MAX`].
    Columns,
    /// More rows than a store has entries.
    Rows,
    /// A quotation mark within a cell that doesn't begin with one.
    StrayQuote,
    /// A cell that begins with a quotation mark which is never closed.
    OpenQuote,
    /// Something between the closing quotation mark and the comma.
    BehindQuote,
    /// A carriage return that ends no line, outside quotation marks.
    Return,
    /// A row with more or fewer cells than there are names.
    Width,
    /// No column for passwords: not an export of a password manager.
    NoPassword,
    /// A column without a name that is not empty.
    NoName,
    /// Two columns that mean the same.
    Twice,
    /// No date.
    Date,
    /// Groups too deep in one another, or a name too long.
    Path,
    /// One-time codes that can't be read.
    Totp(OtpauthError),
    /// A value that breaks a cap.
    Breach(Breach),
}

impl Fault {
    const fn new(line: usize, column: usize, why: Why) -> Self {
        Self { line, column, name: String::new(), why }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name.escape_debug())?;
        }
        f.write_str(": ")?;
        f.write_str(match self.why {
            Why::TooLong => "the file is too long",
            Why::Empty => "the file is empty",
            Why::Columns => "too many columns",
            Why::Rows => "more entries than a store holds",
            Why::StrayQuote => "a quotation mark in the middle of a cell",
            Why::OpenQuote => "a quotation mark that is never closed",
            Why::BehindQuote => "text behind a closing quotation mark",
            Why::Return => "a carriage return that ends no line",
            Why::Width => "not as many cells as there are columns",
            Why::NoPassword => "no column for passwords",
            Why::NoName => "a column without a name",
            Why::Twice => "a second column for the same",
            Why::Date => "not a date",
            Why::Path => "groups too deep, or a name too long",
            Why::Totp(error) => return error.fmt(f),
            Why::Breach(breach) => return breach.fmt(f),
        })
    }
}

/// Reads a file.
///
/// # Errors
/// The first fault of syntax, or up to [`caps::FAULTS_MAX`] others.
pub fn read(text: &str) -> Result<Import, Vec<Fault>> {
    let one = |fault| Vec::from([fault]);
    if text.len() > caps::IMPORT_MAX {
        return Err(one(Fault::new(1, 1, Why::TooLong)));
    }
    let mut rows = Rows::new(text);
    let names = rows.next_row().map_err(one)?.ok_or_else(|| one(Fault::new(1, 1, Why::Empty)))?;
    let columns = Columns::new(&names)?;
    let mut import = Import::default();
    let (mut faults, mut deep) = (Vec::new(), Vec::new());
    while let Some(cells) = rows.next_row().map_err(one)? {
        let line = cells.first().map_or(0, |cell| cell.line);
        if import.entries.len() == caps::ENTRIES_MAX {
            return Err(one(Fault::new(line, 1, Why::Rows)));
        }
        match entry(&columns, &cells) {
            Ok(entry) => {
                if !is_path(&entry.path) && deep.len() < caps::FAULTS_MAX {
                    deep.push(path_fault(&columns, &cells));
                }
                import.entries.push(entry);
            }
            Err(fault) => faults.push(fault),
        }
        if faults.len() == caps::FAULTS_MAX {
            break;
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let is_dropped = columns.has(Role::Group) && drop_root(&mut import);
    if is_dropped || deep.is_empty() { Ok(import) } else { Err(deep) }
}

/// KeePassXC's paths begin with the name of the root, which is no group here. Whether all did.
fn drop_root(import: &mut Import) -> bool {
    let first = import.entries.first().and_then(|entry| entry.path.first()).cloned();
    let is_root = first.is_some() && import.entries.iter().all(|entry| entry.path.first() == first.as_ref());
    if is_root {
        for entry in &mut import.entries {
            entry.path.remove(0);
        }
    }
    is_root
}

/// What to say of a path that is one group too deep, unless its first name is the root's.
fn path_fault(columns: &Columns, cells: &[Cell<'_>]) -> Fault {
    let index = columns.index(Role::Group).unwrap_or(0);
    let line = cells.get(index).map_or(0, |cell| cell.line);
    Fault { name: String::from(columns.name(index)), ..Fault::new(line, index + 1, Why::Path) }
}
