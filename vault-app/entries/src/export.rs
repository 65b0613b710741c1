//! A store as CSV, for another password manager. Everything is in the clear: the caller must warn before.
//!
//! The columns are KeePassXC's, and three more. CSV holds less than a store: attachments, history and what is in the recycle
//! bin are left out, protected fields too unless asked for; [`CsvExport`] counts all that.
//!
//! **Formulas.** A spreadsheet takes a cell that begins with `= + - @`, a tab or a carriage return for a formula. Cells are written as
//! they are all the same: the usual remedy, a quotation mark in front, would change passwords. How many such cells there
//! are is counted, for the warning not to open the file in a spreadsheet.

use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::entry::Entry;
use crate::import::print_date;
use crate::otpauth;
use crate::store::{Item, Store};
use crate::text::Plain;

/// Whether protected fields are written. Password and one-time codes always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protected {
    /// They are left out.
    Leave,
    /// They are written, in the clear as everything.
    Include,
}

/// A CSV file and what is to be said of it.
#[derive(Debug, Default)]
pub struct CsvExport {
    /// The file.
    pub text: crate::SecretText,
    /// Entries written.
    pub entries: usize,
    /// Entries in the recycle bin, left out.
    pub recycled: usize,
    /// Attachments left out.
    pub attachments: usize,
    /// Earlier versions left out.
    pub versions: usize,
    /// Protected fields left out.
    pub protected: usize,
    /// Cells that a spreadsheet would take for a formula.
    pub formulas: usize,
}

const HEADER: &str =
    "Group,Title,Username,Password,URL,Notes,TOTP,Last Modified,Created,Tags,Fields,Expires\r\n";
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// What KeePassXC calls its root.
const ROOT: &str = "Root";

impl Store {
    /// The store as CSV.
    #[must_use]
    pub fn export_csv(&self, protected: Protected) -> CsvExport {
        let mut export = CsvExport::default();
        let mut length = HEADER.len();
        for entry in self.entries() {
            if self.is_recycled(Item::Entry(entry.id)) {
                export.recycled += 1;
                continue;
            }
            export.entries += 1;
            export.attachments += entry.content.attachments.len();
            export.versions += entry.history.len();
            if protected == Protected::Leave {
                export.protected += entry.content.fields.iter().filter(|field| field.protected).count();
            }
            let row = self.row(entry, protected);
            export.formulas += row.iter().filter(|cell| cell.starts_with(FORMULA)).count();
            length += row.iter().map(|cell| width(cell) + 1).sum::<usize>() + 1;
        }
        // Measured first: a text that grows would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(length));
        text.push_str(HEADER);
        for entry in self.entries().filter(|entry| !self.is_recycled(Item::Entry(entry.id))) {
            for (number, cell) in self.row(entry, protected).iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                write(cell, &mut text);
            }
            text.push_str("\r\n");
        }
        assert_eq!(text.len(), length, "a file is as long as it was measured");
        export.text = core::mem::take(&mut *text).into();
        export
    }

    fn row(&self, entry: &Entry, protected: Protected) -> [Plain; 12] {
        let content = &entry.content;
        let plain = |text: &str| Plain::new(text.into());
        let totp = content.totp.as_ref().map(|totp| plain(otpauth::print(totp).expose()));
        [
            self.csv_path(entry),
            content.title.clone(),
            content.user.clone(),
            plain(content.password.expose()),
            joined(content.urls.iter().map(|url| url.as_str())),
            plain(content.notes.expose()),
            totp.unwrap_or_default(),
            Plain::new(print_date(entry.times.modified_s)),
            Plain::new(print_date(entry.times.created_s)),
            joined(content.tags.iter().map(|tag| tag.as_str())),
            fields(entry, protected),
            content.expires_s.map(|at_s| Plain::new(print_date(at_s))).unwrap_or_default(),
        ]
    }

    /// The path of the entry's group, slashes and backslashes in names escaped.
    fn csv_path(&self, entry: &Entry) -> Plain {
        let mut path = Plain::new(String::from(ROOT));
        let above: Vec<&str> = self.ancestry(entry.group).map(|group| group.name.as_str()).collect();
        for name in above.iter().rev() {
            path.push('/');
            for letter in name.chars() {
                if matches!(letter, '/' | '\\') {
                    path.push('\\');
                }
                path.push(letter);
            }
        }
        path
    }
}

/// Lines of `name: value`.
fn fields(entry: &Entry, protected: Protected) -> Plain {
    let shown = || {
        let fields = entry.content.fields.iter();
        fields.filter(|field| !field.protected || protected == Protected::Include)
    };
    let length = shown().map(|field| field.name.len() + field.value.len() + 3).sum();
    let mut text = Plain::new(String::with_capacity(length));
    for field in shown() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&field.name);
        text.push_str(": ");
        text.push_str(field.value.expose());
    }
    text
}

fn joined<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Plain {
    let length = lines.clone().map(|line| line.len() + 1).sum();
    let mut text = Plain::new(String::with_capacity(length));
    for line in lines {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
    }
    text
}

/// How many bytes [`write`] writes.
fn width(cell: &str) -> usize {
    cell.len() + if is_quoted(cell) { cell.matches('"').count() + 2 } else { 0 }
}

fn is_quoted(cell: &str) -> bool {
    cell.contains(['"', ',', '\r', '\n']) || cell.starts_with('\u{feff}')
}

fn write(cell: &str, text: &mut String) {
    if !is_quoted(cell) {
        return text.push_str(cell);
    }
    text.push('"');
    for (number, part) in cell.split('"').enumerate() {
        if number > 0 {
            text.push_str("\"\"");
        }
        text.push_str(part);
    }
    text.push('"');
}
