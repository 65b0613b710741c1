//! `write`: a text of several lines, typed in sight. It is kept as the notes of an entry, so it is searched, kept in earlier
//! versions, attached to, exported and put into the bin as any other.
//!
//! Deliberately absent: changing lines that are there. What is typed goes behind them; `edit --notes` asks for all anew.

use super::Many;
use super::entries::{NOTES_LINE_MAX, NOTES_MAX};
use crate::editor::Purpose;
use crate::line::Line;
use crate::plain::Plain;
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_types::{List, Secret, Text};
use ipc_proto_vault_api::{self as api, Reveal, VaultError};

type Writing = Secret<Text<NOTES_MAX>>;

impl<W: World> Session<'_, W> {
    #[inline(never)]
    pub(super) fn vault_write(&mut self, name: &str) -> Done {
        self.must_be_open()?;
        let id = self.id_if_there(name)?;
        let mut text = match &id {
            Some(id) => self.reveal(id, name, Reveal::Notes)?,
            None => Secret::new(Text::new()),
        };
        self.say(format_args!(
            "Line by line; a line with a single dot ends the text. Ctrl-C: nothing was done."
        ));
        if !self.write_lines(&mut text)? {
            return self.give_up(format_args!("Nothing was written."));
        }
        let bytes = text.expose().len();
        if self.keep(name, id, text).is_err() {
            return self.give_up(format_args!("So nothing was kept of what stands above."));
        }
        let bytes = Many(u32::try_from(bytes).unwrap_or(u32::MAX), "byte", "bytes");
        self.say(format_args!("'{}' has {bytes} of {NOTES_MAX} that it can have.", Plain(name)));
        Ok(())
    }

    /// The id of the entry of this name, if there is one.
    fn id_if_there(&mut self, name: &str) -> Result<Option<Text<256>>, Given> {
        // What begins like an id is no name of a new entry.
        let can_be_new = !name.starts_with('#');
        self.ask_vault(name, |vault| {
            Ok(match vault.show(Text::truncated(name), false)? {
                Ok(entry) => Ok(Some(Text::truncated(&entry.id))),
                Err(VaultError::NoSuchEntry) if can_be_new => Ok(None),
                Err(error) => Err(error),
            })
        })
    }

    /// Reads lines to the end of the text; whether there were any.
    fn write_lines(&mut self, text: &mut Writing) -> Result<bool, Given> {
        let mut line = Line::<NOTES_LINE_MAX>::new();
        let mut is_written = false;
        loop {
            self.read_answer("| ", Purpose::Answer, &mut line)?;
            if line.refused() > 0 {
                self.say(format_args!("A line has {NOTES_LINE_MAX} bytes at most; this one was not taken."));
                continue;
            }
            if line.as_str() == "." {
                return Ok(is_written);
            }
            let text = text.expose_mut();
            let feed = if text.is_empty() && !is_written { "" } else { "\n" };
            if text.len() + feed.len() + line.as_str().len() > NOTES_MAX {
                self.say(format_args!("A text has {NOTES_MAX} bytes at most; this line was not taken."));
                return Ok(is_written);
            }
            let pushed = text.push_str(feed).and_then(|()| text.push_str(line.as_str()));
            debug_assert!(pushed.is_ok(), "there is room");
            is_written = true;
        }
    }

    /// Has the vault keep a text, in a new entry if it has none.
    fn keep(&mut self, name: &str, id: Option<Text<256>>, text: Writing) -> Done {
        if id.is_none() {
            let (group, title) = name.rsplit_once('/').unwrap_or(("", name));
            let entry = api::NewEntry {
                title: Text::truncated(title),
                group: Text::truncated(group),
                user: Text::new(),
                url: Text::new(),
                tags: List::new(),
                password: api::NewPassword::Given(Secret::new(Text::new())),
                totp: None,
                expires: None,
            };
            self.ask_vault(name, |vault| vault.add(entry))?;
        }
        let id = id.unwrap_or_else(|| Text::truncated(name));
        self.change(&id, name, api::Change::Notes(text)).map(|_| ())
    }
}
