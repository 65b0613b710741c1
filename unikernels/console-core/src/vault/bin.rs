//! The recycle bin and the groups.

use super::Many;
use crate::plain::Plain;
use crate::session::{Done, Session};
use crate::system::World;
use ipc_proto_types::{QubeName, Text};

impl<W: World> Session<'_, W> {
    pub(super) fn vault_remove(&mut self, name: &str) -> Done {
        self.ask_vault(name, |vault| vault.remove(Text::truncated(name)))?;
        let addressed = self.addressed;
        let run = super::Run { vault: addressed.as_ref().map(QubeName::as_str), command: "restore" };
        self.say(format_args!("'{}' is in the bin: {run} takes it out.", Plain(name)));
        Ok(())
    }

    pub(super) fn vault_restore(&mut self, name: &str) -> Done {
        self.ask_vault(name, |vault| vault.restore(Text::truncated(name)))?;
        self.say(format_args!("'{}' is out of the bin.", Plain(name)));
        Ok(())
    }

    pub(super) fn vault_purge(&mut self, name: &str) -> Done {
        // It must be there before a person is asked about it.
        self.entry_id(name)?;
        self.must_agree(format_args!("Remove '{}' for good?", Plain(name)))?;
        self.ask_vault(name, |vault| vault.purge(Text::truncated(name)))?;
        self.say(format_args!("Removed '{}'.", Plain(name)));
        Ok(())
    }

    pub(super) fn vault_empty_bin(&mut self) -> Done {
        let in_bin = self.ask_vault("", |vault| vault.list(Text::truncated("is:recycled"), 0))?.total;
        if in_bin == 0 {
            self.say(format_args!("The bin is empty."));
            return Ok(());
        }
        let entries = Many(in_bin, "entry", "entries");
        self.must_agree(format_args!("Remove {entries} for good?"))?;
        let removed = self.ask_vault("", |vault| vault.empty_bin())?;
        self.say(format_args!("Removed {}.", Many(removed, "entry", "entries")));
        Ok(())
    }

    #[inline(never)]
    pub(super) fn vault_groups(&mut self) -> Done {
        let mut from = 0_u32;
        loop {
            let page = self.ask_vault("", |vault| vault.groups(from))?;
            for path in page.groups.iter().filter(|path| !path.is_empty()) {
                self.say(format_args!("{}", Plain(path)));
            }
            from = from.saturating_add(u32::try_from(page.groups.len()).unwrap_or(u32::MAX));
            if page.groups.is_empty() || from >= page.total {
                if page.total == 0 {
                    self.say(format_args!("no groups"));
                }
                return Ok(());
            }
        }
    }

    pub(super) fn vault_make_group(&mut self, path: &str) -> Done {
        self.ask_vault(path, |vault| vault.make_group(Text::truncated(path)))?;
        self.say(format_args!("Made the group '{}'.", Plain(path)));
        Ok(())
    }

    pub(super) fn vault_move_group(&mut self, path: &str, to: &str) -> Done {
        self.ask_vault(to, |vault| vault.move_group(Text::truncated(path), Text::truncated(to)))?;
        self.say(format_args!("'{}' is '{}' now.", Plain(path), Plain(to)));
        Ok(())
    }

    pub(super) fn vault_remove_group(&mut self, path: &str) -> Done {
        self.must_be_open()?;
        self.must_agree(format_args!("Put '{}' and all in it into the bin?", Plain(path)))?;
        self.ask_vault(path, |vault| vault.remove_group(Text::truncated(path)))?;
        self.say(format_args!("'{}' and all in it are in the bin.", Plain(path)));
        Ok(())
    }
}
