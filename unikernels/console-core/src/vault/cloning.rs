//! `clone vault vault-work`: a second vault with the same data, and keys, identity and passphrase of its own.
//!
//! It is a backup that goes from one vault to the other through here, sealed with a passphrase of 32 random bytes that nobody
//! sees and that is wiped. So this qube carries ciphertext only, and holds what opens it just as long.

use super::{Entries, PASSPHRASE_MAX, Run};
use crate::plain::Plain;
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_types::{Bytes, QubeName, Secret, Text};
use ipc_proto_vault_api::files::Format;
use ipc_proto_vault_api::{Keys, State, Storage};

/// Random bytes of the passphrase for the way: as many as the key that is made of it has.
const TRANSFER_BYTES: usize = 32;
/// It is said how far it is after so many bytes.
const PROGRESS_BYTES: u32 = 64 * 1024;

type Passphrase = Secret<Text<PASSPHRASE_MAX>>;

impl<W: World> Session<'_, W> {
    /// Clones the vault of one qube into that of another.
    #[inline(never)]
    pub(crate) fn clone_vault(&mut self, from: &str, to: &str) -> Done {
        self.must_be_a_vault(from)?;
        self.must_be_a_vault(to)?;
        if from == to {
            return self.give_up(format_args!("A vault can't be cloned into itself."));
        }
        self.address(Some(from));
        self.must_be_open()?;
        self.address(Some(to));
        let target = self.status()?;
        match target.state {
            State::Empty => {}
            State::Unavailable => return self.unavailable(),
            State::Locked | State::Unlocked => {
                return self.give_up(format_args!(
                    "{to} is not empty: a vault is cloned into one without a passphrase."
                ));
            }
        }
        let passphrase = self.new_secret::<PASSPHRASE_MAX>("New passphrase, for the clone: ")?;
        let transfer = self.transfer_passphrase();

        self.address(Some(from));
        self.say(format_args!("{from}: sealing its data for the way ..."));
        let sealed = transfer.clone();
        let exported = self.ask_files("", |files| files.export(Format::Backup, Some(sealed)))?;

        self.address(Some(to));
        self.say(format_args!("{to}: making an empty vault ..."));
        self.ask_vault("", |vault| vault.init(Keys { passphrase, key_file: None }))?;

        // From here on there is something to be got rid of, should it fail.
        let filled = self.carry(from, to, exported.bytes, transfer);
        match filled {
            Ok(added) => {
                self.say(format_args!(
                    "{to} is open and holds {}: a vault of its own, with its own passphrase.",
                    Entries(added)
                ));
                Ok(())
            }
            Err(Given) => self.say_what_is_left(to, target.storage),
        }
    }

    fn must_be_a_vault(&mut self, name: &str) -> Done {
        if self.is_vault(name) {
            return Ok(());
        }
        self.give_up(format_args!("This console has no channel to a vault '{}'.", Plain(name)))
    }

    /// 32 random bytes as hex.
    fn transfer_passphrase(&mut self) -> Passphrase {
        const DIGITS: [&str; 16] =
            ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];
        let mut random = Secret::new([0_u8; TRANSFER_BYTES]);
        self.screen.world.random(random.expose_mut());
        let mut text = Secret::new(Text::new());
        for byte in random.expose() {
            for digit in [byte >> 4, byte & 15] {
                let pushed = text.expose_mut().push_str(DIGITS[usize::from(digit)]);
                debug_assert!(pushed.is_ok(), "64 digits fit");
            }
        }
        text
    }

    /// Carries a sealed file of so many bytes from one vault to the other, and has it taken in; gives how many entries came.
    fn carry(&mut self, from: &str, to: &str, bytes: u32, transfer: Passphrase) -> Result<u32, Given> {
        let mut sent = 0_u32;
        self.address(Some(from));
        self.download(bytes, |session, piece| {
            session.address(Some(to));
            let at = sent;
            let data = Secret::new(Bytes::try_from(piece).unwrap_or_default());
            session.ask_files("", |files| files.upload(at, data))?;
            // A piece has few bytes.
            sent = sent.saturating_add(u32::try_from(piece.len()).unwrap_or(0));
            if sent / PROGRESS_BYTES != at / PROGRESS_BYTES {
                session.screen.clear_row();
                session.screen.put(format_args!("{} of {} KiB ...", sent / 1024, bytes / 1024));
            }
            session.address(Some(from));
            Ok(())
        })?;
        self.screen.clear_row();
        self.address(Some(to));
        self.say(format_args!("{to}: taking in {sent} bytes ..."));
        let imported =
            self.ask_files("", |files| files.import(Format::Backup, Some(transfer), Text::new()))?;
        if imported.refused > 0 {
            let refused = Entries(imported.refused);
            return self.give_up(format_args!("{to} could not take {refused}."));
        }
        Ok(imported.added)
    }

    /// Says what a clone that failed left behind and how to get rid of it.
    fn say_what_is_left(&mut self, to: &str, storage: Storage) -> Done {
        self.address(Some(to));
        let peer = self.vault_peer();
        let state = match self.screen.world.vault(&peer).map(|vault| vault.status()) {
            Some(Ok(status)) => status.state,
            _ => State::Unavailable,
        };
        if state == State::Empty {
            return self.give_up(format_args!("{to} is empty, as it was."));
        }
        let vault = QubeName::new(to).ok();
        let vault = vault.as_ref().map(QubeName::as_str);
        self.say(format_args!(
            "{to} is left with the passphrase you gave and without the data. {} and {} can still fill it;",
            Run { vault, command: "import kdbx" },
            Run { vault, command: "import backup" }
        ));
        match storage {
            Storage::Memory => self.give_up(format_args!("'kill {to}' gets rid of it.")),
            Storage::Volume => {
                self.give_up(format_args!("to get rid of it, erase its volume with 'call volumes.erase'."))
            }
        }
    }
}
