//! Showing an entry, its secrets one at a time, its history, and what is wrong with passwords.

use super::{Many, Path};
use crate::calendar::{Day, Moment};
use crate::clipboard::CLEAR_AFTER_MS;
use crate::plain::Plain;
use crate::sentence::Bits;
use crate::session::{Done, Given, Session};
use crate::system::World;
use core::fmt;
use ipc_proto_types::{Secret, Text};
use ipc_proto_vault_api::{Entry, Fault, Finding, Reveal};

impl<W: World> Session<'_, W> {
    #[inline(never)]
    pub(super) fn vault_show(&mut self, name: &str, reveal: bool) -> Done {
        let entry = self.ask_vault(name, |vault| vault.show(Text::truncated(name), reveal))?;
        self.quote(format_args!("title     {}", Plain(&entry.title)));
        if !entry.group.is_empty() {
            self.quote(format_args!("group     {}", Plain(&entry.group)));
        }
        self.quote(format_args!("user      {}", Plain(&entry.user)));
        match &entry.password {
            Some(password) => self.say(format_args!("password  {}", Plain(password.expose()))),
            None => self.say(format_args!("password  hidden; --reveal shows it, 'copy-once' copies it")),
        }
        match (entry.entropy_centibits, entry.generated) {
            (0, _) => self.say(format_args!("strength  unknown: it was not generated here")),
            (centibits, true) => self.say(format_args!("strength  {}", Bits(centibits))),
            (centibits, false) => self.say(format_args!("strength  about {}: an estimate", Bits(centibits))),
        }
        self.say(format_args!("codes     {}", if entry.totp { "yes: 'totp' shows one" } else { "no" }));
        self.show_more(&entry)?;
        self.show_rest(&entry);
        Ok(())
    }

    /// URLs, tags and fields.
    fn show_more(&mut self, entry: &Entry) -> Done {
        for url in &entry.urls {
            self.quote(format_args!("url       {}", Plain(url)));
        }
        if !entry.tags.is_empty() {
            self.quote(format_args!("tags      {}", Tags(&entry.tags)));
        }
        for field in &entry.fields {
            if field.protected {
                self.quote(format_args!("field     {}: hidden; 'vault field' shows it", Plain(&field.name)));
                continue;
            }
            let value = self.reveal(&entry.id, &entry.title, Reveal::Field(field.name.clone()))?;
            self.say(format_args!("field     {}: {}", Plain(&field.name), Plain(value.expose())));
        }
        Ok(())
    }

    /// Files, notes, times.
    fn show_rest(&mut self, entry: &Entry) {
        for file in &entry.attachments {
            self.quote(format_args!("file      {}", Plain(file)));
        }
        if entry.notes_bytes > 0 {
            let bytes = Many(entry.notes_bytes, "byte", "bytes");
            self.say(format_args!("notes     {bytes}: 'vault notes' shows them"));
        }
        if entry.more {
            self.say(format_args!("          There is more than is shown here."));
        }
        if let Some(expires) = entry.expires {
            self.say(format_args!("expires   {}", Day(expires.unix_s)));
        }
        if entry.versions > 0 {
            let versions = Many(entry.versions.into(), "earlier version", "earlier versions");
            self.say(format_args!("history   {versions}"));
        }
        self.say(format_args!("made      {}", Moment::from_unix(entry.created_unix_s)));
        if entry.modified_unix_s != entry.created_unix_s {
            self.say(format_args!("changed   {}", Moment::from_unix(entry.modified_unix_s)));
        }
        if entry.in_bin {
            self.say(format_args!("bin       it is in the bin: 'restore' takes it out"));
        }
        self.say(format_args!("id        {}", Plain(&entry.id)));
    }

    /// Asks for one secret of the entry with this id; `name` is what it is called in a sentence.
    pub(super) fn reveal(&mut self, id: &str, name: &str, what: Reveal) -> Result<Secret<Text<4096>>, Given> {
        self.ask_vault(name, |vault| vault.reveal(Text::truncated(id), what))
    }

    #[inline(never)]
    pub(super) fn vault_notes(&mut self, name: &str) -> Done {
        let notes = self.reveal(name, name, Reveal::Notes)?;
        if notes.expose().is_empty() {
            return self.give_up(format_args!("'{}' has no notes.", Plain(name)));
        }
        for line in notes.expose().lines() {
            self.say(format_args!("{}", Plain(line)));
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn vault_field(&mut self, name: &str, field: &str) -> Done {
        let value = self.reveal(name, name, Reveal::Field(Text::truncated(field)))?;
        self.say(format_args!("{}", Plain(value.expose())));
        Ok(())
    }

    #[inline(never)]
    pub(super) fn vault_copy_once(&mut self, name: &str) -> Done {
        let password = self.ask_vault(name, |vault| vault.copy_once(Text::truncated(name)))?;
        self.screen.copy(password.expose());
        self.say(format_args!(
            "Sent to your terminal's clipboard (OSC 52), if it allows that. Cleared in {} seconds or at 'lock'.",
            CLEAR_AFTER_MS / 1000
        ));
        Ok(())
    }

    pub(super) fn vault_totp(&mut self, name: &str) -> Done {
        let code = self.ask_vault(name, |vault| vault.totp(Text::truncated(name)))?;
        self.say(format_args!("{}   holds {} s more", Plain(code.digits.expose()), code.seconds_left));
        Ok(())
    }

    #[inline(never)]
    pub(super) fn vault_history(&mut self, name: &str, reveal: bool) -> Done {
        let history = self.ask_vault(name, |vault| vault.history(Text::truncated(name)))?;
        if history.versions.is_empty() {
            self.say(format_args!("'{}' has no earlier versions.", Plain(name)));
            return Ok(());
        }
        self.say(format_args!("{:>6} {:19} {:24} {:24} PASSWORD", "NUMBER", "WRITTEN", "TITLE", "USER"));
        for (at, version) in (0_u8..).zip(&history.versions) {
            self.screen.put(format_args!(
                "{:>6} {} {:24} {:24} ",
                at.saturating_add(1),
                Moment::from_unix(version.modified_unix_s),
                Plain(&version.title),
                Plain(&version.user)
            ));
            if reveal {
                let password = self.reveal(name, name, Reveal::OldPassword(at))?;
                self.say(format_args!("{}", Plain(password.expose())));
            } else {
                self.say(format_args!("{}", if version.other_password { "another" } else { "the same" }));
            }
        }
        Ok(())
    }

    pub(super) fn vault_forget_history(&mut self, name: &str) -> Done {
        self.entry_id(name)?;
        self.must_agree(format_args!("Forget all earlier versions of '{}'?", Plain(name)))?;
        self.ask_vault(name, |vault| vault.forget_history(Text::truncated(name)))?;
        self.say(format_args!("The earlier versions of '{}' are forgotten.", Plain(name)));
        Ok(())
    }

    pub(super) fn vault_revert(&mut self, name: &str, version: u8) -> Done {
        // For people the newest is number 1, for the vault it is number 0.
        let number = version.saturating_sub(1);
        self.ask_vault(name, |vault| vault.revert(Text::truncated(name), number))?;
        self.say(format_args!("'{}' is as it was in version {version}.", Plain(name)));
        Ok(())
    }

    #[inline(never)]
    pub(super) fn vault_report(&mut self) -> Done {
        let mut from = 0_u32;
        loop {
            let page = self.ask_vault("", |vault| vault.report(from))?;
            for finding in &page.findings {
                self.finding(finding);
            }
            from = from.saturating_add(u32::try_from(page.findings.len()).unwrap_or(u32::MAX));
            if page.findings.is_empty() || from >= page.total {
                match page.total {
                    0 => self.say(format_args!("No password is weak, reused or expired.")),
                    total => self.say(format_args!("{}", Many(total, "finding", "findings"))),
                }
                return Ok(());
            }
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let path = Path { group: &finding.group, title: &finding.title };
        match finding.fault {
            Fault::Expired => self.quote(format_args!("expired       {path}")),
            Fault::ExpiresSoon => self.quote(format_args!("expires soon  {path}")),
            Fault::Weak { centibits } => {
                self.quote(format_args!("weak          {path}: {}", Bits(centibits)))
            }
            Fault::Reused { group } => self.quote(format_args!("reused        {path}: password {group}")),
        }
    }
}

/// Tags with commas between them.
struct Tags<'e>(&'e [Text<64>]);

impl fmt::Display for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, tag) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, Plain(tag))?;
        }
        Ok(())
    }
}
