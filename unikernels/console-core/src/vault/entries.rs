//! Listing, adding and changing entries.

use super::{Entries, PASSPHRASE_MAX, Path};
use crate::calendar::Day;
use crate::command::{Add, Algorithm, Edit, Password, Totp, each_tag};
use crate::editor::Purpose;
use crate::line::Line;
use crate::plain::Plain;
use crate::sentence::Bits;
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_types::{List, Secret, Text};
use ipc_proto_vault_api as api;

/// The longest password, in bytes.
const PASSWORD_MAX: usize = 1024;
/// The longest notes, and the longest line of them that is typed here.
pub(super) const NOTES_MAX: usize = 4096;
pub(super) const NOTES_LINE_MAX: usize = 1024;
/// The longest value of a field that is typed here: a line.
const FIELD_MAX: usize = 1024;

impl<W: World> Session<'_, W> {
    #[inline(never)]
    pub(super) fn vault_list(&mut self, search: &Text<256>) -> Done {
        let mut from = 0_u32;
        loop {
            let page = self.ask_vault("", |vault| vault.list(search.clone(), from))?;
            if from == 0 && !page.entries.is_empty() {
                self.say(format_args!("{:24} {:20} {:28} {}", "TITLE", "GROUP", "USER", "CODES"));
            }
            for entry in &page.entries {
                self.screen.put(format_args!(
                    "{:24} {:20} {:28} {:5}",
                    Plain(&entry.title),
                    Plain(&entry.group),
                    Plain(&entry.user),
                    if entry.totp { "yes" } else { "" }
                ));
                if entry.ambiguous {
                    self.screen.put(format_args!(" {}", Plain(&entry.id)));
                }
                self.say(format_args!("{}", if entry.expired { " expired" } else { "" }));
            }
            // A page is never longer than the list's bound, so this fits.
            from = from.saturating_add(u32::try_from(page.entries.len()).unwrap_or(u32::MAX));
            if page.entries.is_empty() || from >= page.total {
                self.say(format_args!("{}", Entries(page.total)));
                return Ok(());
            }
        }
    }

    #[inline(never)]
    pub(super) fn vault_add(&mut self, add: &Add<'_>) -> Done {
        self.must_be_open()?;
        let password = self.new_password(add.password)?;
        let totp = add.totp.map(|totp| self.totp_secret(totp)).transpose()?;
        let entry = api::NewEntry {
            title: Text::truncated(add.title),
            group: Text::truncated(add.group),
            user: Text::truncated(add.user),
            url: Text::truncated(add.url),
            tags: tags(add.tags),
            password,
            totp,
            expires: add.expires.map(|unix_s| api::Expiry { unix_s }),
        };
        let added = self.ask_vault(add.title, |vault| vault.add(entry))?;
        let path = Path { group: add.group, title: add.title };
        self.screen.put(format_args!("Added '{path}'"));
        self.made(add.password, added);
        Ok(())
    }

    #[inline(never)]
    pub(super) fn vault_edit(&mut self, edit: &Edit<'_>) -> Done {
        self.must_be_open()?;
        // By its id: a new title or group would change what it is called.
        let id = self.entry_id(edit.name)?;
        if let Some(from) = edit.password {
            let password = self.new_password(from)?;
            let added = self.change(&id, edit.name, api::Change::Password(password))?;
            self.screen.put(format_args!("'{}' has another password", Plain(edit.name)));
            self.made(from, added);
        }
        self.edit_secrets(edit, &id)?;
        let mut change = |change| self.change(&id, edit.name, change).map(|_| ());
        if let Some(user) = edit.user {
            change(api::Change::User(Text::truncated(user)))?;
        }
        if let Some(url) = edit.url {
            change(api::Change::Url(Text::truncated(url)))?;
        }
        if let Some(list) = edit.tags {
            change(api::Change::Tags(tags(list)))?;
        }
        if let Some(expires) = edit.expires {
            change(api::Change::Expires(expires.map(|unix_s| api::Expiry { unix_s })))?;
        }
        if let Some(field) = edit.no_field {
            change(api::Change::NoField(Text::truncated(field)))?;
        }
        if let Some(group) = edit.group {
            change(api::Change::Group(Text::truncated(group)))?;
        }
        if let Some(title) = edit.title {
            change(api::Change::Title(Text::truncated(title)))?;
        }
        self.say(format_args!("Changed '{}'.", Plain(edit.title.unwrap_or(edit.name))));
        if let Some(Some(unix_s)) = edit.expires {
            self.say(format_args!("Its password is too old from {} on.", Day(unix_s)));
        }
        Ok(())
    }

    /// The changes whose values are asked for, but the password.
    #[inline(never)]
    fn edit_secrets(&mut self, edit: &Edit<'_>, id: &Text<256>) -> Done {
        if edit.notes {
            let notes = self.ask_notes()?;
            self.change(id, edit.name, api::Change::Notes(notes))?;
        }
        if let Some((field, protected)) = edit.field {
            let typed = self.secret::<FIELD_MAX>("Value: ")?;
            let value = Secret::new(Text::truncated(typed.expose()));
            let change = api::Change::Field { name: Text::truncated(field), value, protected };
            self.change(id, edit.name, change)?;
        }
        if let Some(totp) = edit.totp {
            let totp = totp.map(|totp| self.totp_secret(totp)).transpose()?;
            self.change(id, edit.name, api::Change::Totp(totp))?;
        }
        Ok(())
    }

    pub(super) fn change(
        &mut self,
        id: &Text<256>,
        name: &str,
        change: api::Change,
    ) -> Result<api::Added, Given> {
        self.ask_vault(name, |vault| vault.edit(id.clone(), change))
    }

    /// The id of an entry: another name for it, that does not change.
    #[inline(never)]
    pub(super) fn entry_id(&mut self, name: &str) -> Result<Text<256>, Given> {
        let entry = self.ask_vault(name, |vault| vault.show(Text::truncated(name), false))?;
        Ok(Text::truncated(&entry.id))
    }

    /// Ends a sentence about a new password.
    fn made(&mut self, from: Password<'_>, added: api::Added) {
        let bits = Bits(added.entropy_centibits);
        match from {
            Password::Characters { length, .. } => {
                self.say(format_args!(" with a password of {length} characters, {bits}."));
            }
            Password::Words { count, .. } => {
                self.say(format_args!(" with a passphrase of {count} words, {bits}."));
            }
            Password::Asked if added.entropy_centibits == 0 => self.say(format_args!(".")),
            Password::Asked => self.say(format_args!("; its password has about {bits}.")),
        }
    }

    fn new_password(&mut self, from: Password<'_>) -> Result<api::NewPassword, Given> {
        Ok(match from {
            Password::Characters { length, classes: [lower, upper, digits, symbols], no_look_alikes } => {
                api::NewPassword::Generate(api::Recipe {
                    length,
                    lower,
                    upper,
                    digits,
                    symbols,
                    no_look_alikes,
                })
            }
            Password::Words { count, separator } => {
                api::NewPassword::Words(api::Words { count, separator: Text::truncated(separator) })
            }
            Password::Asked => api::NewPassword::Given(self.new_secret::<PASSWORD_MAX>("Password: ")?),
        })
    }

    /// Asks for the secret of one-time codes. Sites print it in groups and small letters; base32 is neither.
    fn totp_secret(&mut self, totp: Totp) -> Result<api::NewTotp, Given> {
        let typed = self.secret::<PASSPHRASE_MAX>("Secret of the one-time codes (base32): ")?;
        let mut secret_base32 = Secret::new(Text::<256>::new());
        for character in typed.expose().chars().filter(|character| !matches!(character, ' ' | '-')) {
            let mut bytes = [0; 4];
            let upper = character.to_ascii_uppercase().encode_utf8(&mut bytes);
            let pushed = secret_base32.expose_mut().push_str(upper);
            debug_assert!(pushed.is_ok(), "it is no longer than what was typed");
        }
        let algorithm = match totp.algorithm {
            Algorithm::Sha1 => api::Algorithm::Sha1,
            Algorithm::Sha256 => api::Algorithm::Sha256,
            Algorithm::Sha512 => api::Algorithm::Sha512,
            Algorithm::Steam => api::Algorithm::Steam,
        };
        Ok(api::NewTotp { secret_base32, algorithm, digits: totp.digits, period_s: totp.period_s })
    }

    /// Asks for notes, line by line, hidden like all secrets.
    #[inline(never)]
    fn ask_notes(&mut self) -> Result<Secret<Text<NOTES_MAX>>, Given> {
        self.say(format_args!("Notes, line by line, not shown; a line with a single dot ends them."));
        let mut notes = Secret::new(Text::<NOTES_MAX>::new());
        let mut line = Line::<NOTES_LINE_MAX>::new();
        loop {
            self.read_answer("  ", Purpose::Secret, &mut line)?;
            if line.refused() > 0 {
                return self.give_up(format_args!(
                    "A line of notes has {NOTES_LINE_MAX} bytes at most here; nothing was changed."
                ));
            }
            if line.as_str() == "." {
                // The line feed that was put before the next line.
                let _ = notes.expose_mut().pop();
                return Ok(notes);
            }
            let text = notes.expose_mut();
            if text.push_str(line.as_str()).and_then(|()| text.push_str("\n")).is_err() {
                return self
                    .give_up(format_args!("Notes have {NOTES_MAX} bytes at most; nothing was changed."));
            }
        }
    }
}

/// Tags from words with commas between them; how many and how long they are was looked at when the line was understood.
fn tags(list: &str) -> List<Text<64>, 8> {
    let mut tags = List::new();
    for tag in each_tag(list) {
        let pushed = tags.push(Text::truncated(tag));
        debug_assert!(pushed.is_ok(), "the command line allows no more");
    }
    tags
}
