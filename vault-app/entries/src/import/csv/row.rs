//! A row as an entry.

use alloc::string::String;
use alloc::vec::Vec;

use super::columns::{Columns, Role};
use super::rows::Cell;
use super::{Fault, Why};
use crate::caps;
use crate::check::{Breach, Part};
use crate::entry::{Content, Times};
use crate::import::{self, ImportEntry, date};
use crate::otpauth;
use crate::text::{Plain, SecretText};

/// Reads a row.
pub(super) fn entry(columns: &Columns, cells: &[Cell<'_>]) -> Result<ImportEntry, Fault> {
    let line = cells.first().map_or(0, |cell| cell.line);
    if cells.len() != columns.len() {
        return Err(Fault::new(line, cells.len().min(columns.len()) + 1, Why::Width));
    }
    let mut row = Row::default();
    for (index, ((role, name), cell)) in columns.iter().zip(cells).enumerate() {
        if !cell.is_empty() {
            row.take(role, name, *cell)
                .map_err(|why| Fault { name: String::from(name), ..Fault::new(cell.line, index + 1, why) })?;
        }
    }
    if !columns.has(Role::Title) {
        let host = row.content.urls.first().map(|url| host(url)).filter(|host| host.len() <= caps::TITLE_MAX);
        row.content.title = Plain::new(host.unwrap_or("").into());
    }
    row.content.check().map_err(|breach| {
        let index = column(columns, breach);
        let line = cells.get(index).map_or(line, |cell| cell.line);
        Fault { name: String::from(columns.name(index)), ..Fault::new(line, index + 1, Why::Breach(breach)) }
    })?;
    Ok(row.finished())
}

#[derive(Default)]
struct Row {
    path: import::Path,
    created_s: Option<u64>,
    modified_s: Option<u64>,
    content: Content,
}

impl Row {
    fn take(&mut self, role: Role, name: &str, cell: Cell<'_>) -> Result<(), Why> {
        let content = &mut self.content;
        match role {
            Role::Group | Role::Folder => {
                self.path = import::path(&cell.plain());
                // The first name may be the root's, which is known when all rows are.
                let root = usize::from(role == Role::Group).min(self.path.len());
                let (root, below) = self.path.split_at(root);
                if !import::is_path(root) || !import::is_path(below) {
                    return Err(Why::Path);
                }
            }
            Role::Title => content.title = cell.plain(),
            Role::User => content.user = cell.plain(),
            Role::Password => content.password = cell.secret(),
            Role::Notes => content.notes = cell.secret(),
            Role::Url => content.urls.extend(lines(&cell.plain())),
            Role::Urls => content.urls.extend(urls(&cell.plain())),
            Role::Totp => content.totp = Some(otpauth::parse(&cell.plain()).map_err(Why::Totp)?),
            Role::Tags => lines(&cell.plain()).for_each(|tag| import::add_tag(content, &tag)),
            Role::Fields => fields(content, &cell.plain()),
            Role::Favorite => import::add_tag(content, import::FAVORITE),
            Role::Created => self.created_s = Some(rfc_3339(cell)?),
            Role::Modified => self.modified_s = Some(rfc_3339(cell)?),
            Role::Expires => content.expires_s = Some(rfc_3339(cell)?),
            Role::CreatedMs => self.created_s = Some(milliseconds(cell)?),
            Role::ModifiedMs => self.modified_s = Some(milliseconds(cell)?),
            Role::Ignored => {}
            Role::Field => import::add_field(content, name, cell.secret(), true),
        }
        Ok(())
    }

    fn finished(self) -> ImportEntry {
        let times = self.created_s.or(self.modified_s).map(|some_s| Times {
            created_s: self.created_s.unwrap_or(some_s),
            modified_s: self.modified_s.unwrap_or(some_s),
        });
        let Self { path, content, .. } = self;
        ImportEntry { path, times, recycled_s: None, content, history: Vec::new() }
    }
}

/// The longest scheme looked for: a cell of commas would else be read again from each of them.
const SCHEME_MAX: usize = 32;

fn rfc_3339(cell: Cell<'_>) -> Result<u64, Why> {
    date::parse(&cell.plain()).ok_or(Why::Date)
}

fn milliseconds(cell: Cell<'_>) -> Result<u64, Why> {
    cell.plain().parse::<u64>().map(|ms| ms / 1_000).map_err(|_| Why::Date)
}

fn lines(text: &str) -> impl Iterator<Item = Plain> + '_ {
    text.lines().filter(|line| !line.is_empty()).map(|line| Plain::new(line.into()))
}

/// URLs may hold commas themselves; one that another URL follows separates.
fn urls(text: &str) -> Vec<Plain> {
    let mut urls = Vec::new();
    let mut rest = text;
    loop {
        let begins = |at: &usize| {
            let behind = &rest.as_bytes()[at + 1..];
            let is_scheme = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let length = behind.iter().take(SCHEME_MAX).take_while(is_scheme).count();
            length > 0 && behind[length..].starts_with(b"://")
        };
        let Some(at) = rest.match_indices(',').map(|(at, _)| at).find(begins) else { break };
        urls.push(Plain::new(rest[..at].into()));
        rest = &rest[at + 1..];
    }
    urls.push(Plain::new(rest.into()));
    urls.retain(|url| !url.is_empty());
    urls
}

/// Lines of `name: value`; a line of another form goes on with the value before.
fn fields(content: &mut Content, text: &str) {
    let starts = |line: &str| line.split_once(": ").is_some_and(|(name, _)| !name.is_empty());
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len();
        for (at, _) in rest.match_indices('\n') {
            if starts(rest[at + 1..].lines().next().unwrap_or("")) {
                end = at;
                break;
            }
        }
        let (field, after) = rest.split_at(end);
        rest = after.strip_prefix('\n').unwrap_or(after);
        let (name, value) = field.split_once(": ").unwrap_or(("", field));
        let value = value.trim_end_matches(['\r', '\n']);
        import::add_field(content, name, SecretText::new(value), true);
    }
}

/// The host of a URL, or all of what is none.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// The column that a breach is about; the first for one of the whole.
fn column(columns: &Columns, breach: Breach) -> usize {
    let (Breach::TooLong(part) | Breach::Empty(part) | Breach::Twice(part) | Breach::Reserved(part)) = breach;
    let roles: &[Role] = match part {
        Part::Title => &[Role::Title],
        Part::User => &[Role::User],
        Part::Password => &[Role::Password],
        Part::Url => &[Role::Url, Role::Urls],
        Part::Notes => &[Role::Notes],
        Part::Tag => &[Role::Tags],
        Part::FieldName | Part::FieldValue => &[Role::Fields, Role::Field],
        Part::TotpSecret | Part::TotpLabel => &[Role::Totp],
        _ => &[],
    };
    roles.iter().find_map(|role| columns.index(*role)).unwrap_or(0)
}
