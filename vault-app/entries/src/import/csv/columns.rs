//! What each column means, by its name.

use alloc::string::String;
use alloc::vec::Vec;

use super::rows::Cell;
use super::{Fault, Why};
use crate::caps;
use crate::text::Plain;

/// What a column means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The path of the group, the root's name first.
    Group,
    /// The path of the group.
    Folder,
    Title,
    User,
    Password,
    /// URLs, one a line.
    Url,
    /// URLs between commas.
    Urls,
    Notes,
    Totp,
    /// Tags, one a line.
    Tags,
    /// `name: value`, one a line.
    Fields,
    /// Not empty: tagged as a favourite.
    Favorite,
    /// Dates as RFC 3339 writes them.
    Created,
    Modified,
    Expires,
    /// Milliseconds since 1970.
    CreatedMs,
    ModifiedMs,
    /// Of no use elsewhere.
    Ignored,
    /// A field of the column's name.
    Field,
}

/// Names in small letters.
const ROLES: [(&str, Role); 32] = [
    ("group", Role::Group),
    ("folder", Role::Folder),
    ("title", Role::Title),
    ("name", Role::Title),
    ("username", Role::User),
    ("login_username", Role::User),
    ("password", Role::Password),
    ("login_password", Role::Password),
    ("url", Role::Url),
    ("login_uri", Role::Urls),
    ("notes", Role::Notes),
    ("note", Role::Notes),
    ("totp", Role::Totp),
    ("login_totp", Role::Totp),
    ("tags", Role::Tags),
    ("fields", Role::Fields),
    ("favorite", Role::Favorite),
    ("created", Role::Created),
    ("last modified", Role::Modified),
    ("expires", Role::Expires),
    ("timecreated", Role::CreatedMs),
    ("timepasswordchanged", Role::ModifiedMs),
    ("timelastused", Role::Ignored),
    ("formactionorigin", Role::Ignored),
    ("guid", Role::Ignored),
    ("icon", Role::Ignored),
    ("type", Role::Ignored),
    ("reprompt", Role::Ignored),
    ("archiveddate", Role::Ignored),
    ("creationdate", Role::Created),
    ("revisiondate", Role::Modified),
    ("httprealm", Role::Field),
];

/// The columns of a file.
pub(super) struct Columns(Vec<(Role, Plain)>);

impl Columns {
    pub(super) fn new(names: &[Cell<'_>]) -> Result<Self, Vec<Fault>> {
        let columns: Vec<(Role, Plain)> = names
            .iter()
            .map(|cell| {
                let name = cell.plain();
                (role(&name), name)
            })
            .collect();
        let mut faults = Vec::new();
        for (index, (role, name)) in columns.iter().enumerate() {
            let mut fault = |why| {
                faults.push(Fault { name: String::from(name.as_str()), ..Fault::new(1, index + 1, why) });
            };
            if name.is_empty() {
                fault(Why::NoName);
            }
            let same = |(other, its_name): &(Role, Plain)| match role {
                Role::Ignored => false,
                Role::Field => *other == Role::Field && its_name == name,
                role => *other == *role,
            };
            if columns[..index].iter().any(same) {
                fault(Why::Twice);
            }
        }
        if !columns.iter().any(|(role, _)| *role == Role::Password) {
            faults.push(Fault::new(1, 1, Why::NoPassword));
        }
        faults.truncate(caps::FAULTS_MAX);
        if faults.is_empty() { Ok(Self(columns)) } else { Err(faults) }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.0.iter().any(|(other, _)| *other == role)
    }

    /// Which column has that role, from 0.
    pub(super) fn index(&self, role: Role) -> Option<usize> {
        self.0.iter().position(|(other, _)| *other == role)
    }

    pub(super) fn name(&self, index: usize) -> &str {
        self.0.get(index).map_or("", |(_, name)| name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Role, &str)> {
        self.0.iter().map(|(role, name)| (*role, name.as_str()))
    }
}

fn role(name: &str) -> Role {
    let name = name.trim();
    ROLES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map_or(Role::Field, |(_, role)| *role)
}
