//! A session: read a line, understand it, do it, say what came of it, for ever.
//!
//! Nothing typed can end it but `poweroff` (and the terminal going away); whatever goes wrong is a sentence, and the next
//! prompt follows.

use crate::audit::Names;
use crate::call::Request;
use crate::command::{self, Command, Misuse, Topic, Usage};
use crate::document::{self, Opened};
use crate::editor::{Outcome, Purpose};
use crate::frame::{Frame, Framed, Mark};
use crate::history::History;
use crate::line::Line;
use crate::report::Ends;
use crate::room::Room;
use crate::screen::{Colour, Screen};
use crate::sentence::{NoAnswer, SUPERVISOR};
use crate::spec::{self, Spec, complete};
use crate::system::World;
use crate::words::{LINE_MAX, Words};
use core::fmt::{self, Write};
use ipc_proto_rpc::{CallError, Port};
use ipc_proto_types::QubeName;

const PROMPT: &str = "skep> ";

/// One person at one terminal.
pub struct Session<'w, W> {
    pub(crate) screen: Screen<'w, W>,
    history: History,
    /// Names of qubes and services, once they were asked for.
    pub(crate) names: Option<Names>,
    /// Taken while somebody uses it.
    pub(crate) room: Option<&'w mut Room>,
    /// The bad ends since the last command.
    pub(crate) ends: Ends,
    /// The vault that the command at hand is about, when it is not the default one.
    pub(crate) addressed: Option<QubeName>,
    /// The document that is open.
    pub(crate) document: Option<Opened>,
    /// Rows of the terminal; 0: pages never stop.
    pub(crate) rows: usize,
}

/// Why a command ended early. What is to be said about it has been said.
pub(crate) struct Given;

/// How a command ended.
pub(crate) type Done = Result<(), Given>;

impl<'w, W: World> Session<'w, W> {
    /// A session in this world, with room for a message.
    pub fn new(world: &'w mut W, room: &'w mut Room, colour: Colour) -> Self {
        Self {
            screen: Screen::new(world, colour),
            history: History::new(),
            names: None,
            room: Some(room),
            ends: Ends::new(),
            addressed: None,
            document: None,
            rows: document::SCREEN_ROWS,
        }
    }

    /// On a terminal of so many rows instead of 24; 0: a page is shown whole, however long it is.
    #[must_use]
    pub fn with_rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// Greets and then obeys, until the terminal is gone.
    pub fn run(&mut self) {
        let _ = self.greet();
        let mut line = Line::<LINE_MAX>::new();
        let mut is_resumed = false;
        loop {
            let purpose = Purpose::Command(&self.history, complete);
            let outcome = if core::mem::take(&mut is_resumed) {
                self.screen.resume(PROMPT, purpose, &mut line)
            } else {
                self.screen.read(PROMPT, purpose, &mut line)
            };
            match outcome {
                Outcome::Interrupted(end) => {
                    self.ended(&end);
                    is_resumed = true;
                }
                Outcome::Asked => {
                    self.ask_next();
                    is_resumed = true;
                }
                Outcome::Entered => {
                    self.entered(&line);
                    // It may have handled a secret.
                    self.screen.world.scrub_stack();
                }
                Outcome::Cancelled => {}
                Outcome::EndOfInput => self.say(format_args!("Type 'poweroff' to switch off.")),
                Outcome::Closed => return,
            }
        }
    }

    /// Does what a finished line says. Has a frame of its own, so that the scrub after it finds all it left.
    #[inline(never)]
    fn entered(&mut self, line: &Line<LINE_MAX>) {
        // Where a person went is not kept.
        if !document::is_private(line.as_str()) {
            self.history.push(line.as_str());
        }
        self.tell_ends();
        if line.refused() > 0 {
            let length = LINE_MAX + line.refused();
            return self.say(format_args!(
                "That line has {length} bytes; {LINE_MAX} is the most. It was not run; the up arrow brings back what fits."
            ));
        }
        if let Some(rest) = Request::rest(line.as_str()) {
            let _ = self.call(rest);
            return;
        }
        let words = match Words::split(line.as_str()) {
            Ok(words) => words,
            Err(error) => return self.say(format_args!("{}", Misuse::Words(error))),
        };
        let is_vault = words.get(0).is_some_and(|first| self.is_vault(first));
        match command::parse(&words, is_vault) {
            Err(misuse) => self.say(format_args!("{misuse}")),
            Ok(None) => {}
            Ok(Some(command)) => {
                let _ = self.execute(&command);
            }
        }
    }

    fn execute(&mut self, command: &Command<'_>) -> Done {
        match command {
            Command::Qubes => self.qubes(),
            Command::Vault(of, command) => self.vault(*of, command),
            Command::Clone { from, to } => self.clone_vault(from, to),
            Command::Say { peer, text } => self.say_to(peer, text),
            Command::Kill(name) => self.kill(name),
            Command::Start(name) => self.start(name),
            Command::Close(Some(name)) => self.close(name),
            Command::Close(None) => self.close_document(),
            Command::Open { what, place } => self.open(what, *place),
            Command::Links => self.list_links(),
            Command::ConvertUrl { url, name } => self.convert_url(url, name),
            Command::ConvertPasted(file) => self.convert_pasted(file),
            Command::WhoCanReach(name) => self.who_can_reach(name),
            Command::Audit { count, all } => self.audit(*count, *all),
            Command::Log => self.log(),
            Command::Services => self.services(),
            Command::Clock => self.clock(),
            Command::Help(topic) => self.help(*topic),
            Command::Clear => {
                self.screen.clear();
                Ok(())
            }
            Command::Poweroff => self.poweroff(),
        }
    }

    fn help(&mut self, topic: Topic) -> Done {
        match topic {
            Topic::Command(spec) => {
                self.say(format_args!("{}: {}.\n{}", spec.name, spec.summary, Usage(spec)));
                if !spec.more.is_empty() {
                    self.say(format_args!("{}", spec.more));
                }
            }
            Topic::General => {
                self.list(spec::general());
                self.say(format_args!(
                    "  {:<16} {}",
                    "vault ...", "the password store: 'help vault' lists its commands"
                ));
                self.say(format_args!("'help COMMAND' says more."));
            }
            Topic::Vault => {
                self.list(spec::vault());
                self.say(format_args!("'help vault COMMAND' says more. Without 'vault' these work too:"));
                let short = spec::vault_words().filter(|word| spec::is_short(word));
                short.for_each(|word| self.screen.put(format_args!(" {word}")));
                self.say(format_args!("."));
                self.say(format_args!("Another vault is called by the name of its qube: vault-work unlock."));
            }
        }
        Ok(())
    }

    fn list(&mut self, specs: impl Iterator<Item = &'static Spec>) {
        for spec in specs {
            self.say(format_args!("  {:<16} {}", spec.name, spec.summary));
        }
    }

    /// Reads an answer; a person who does not give one gives up the command.
    pub(crate) fn read_answer<const N: usize>(
        &mut self,
        prompt: &str,
        purpose: Purpose<'_>,
        line: &mut Line<N>,
    ) -> Done {
        let mut outcome = self.screen.read(prompt, purpose, line);
        while let Outcome::Interrupted(end) = outcome {
            self.ended(&end);
            outcome = self.screen.resume(prompt, purpose, line);
        }
        match outcome {
            Outcome::Entered => Ok(()),
            Outcome::Cancelled | Outcome::EndOfInput => {
                self.give_up(format_args!("Given up; nothing was done."))
            }
            Outcome::Interrupted(_) | Outcome::Asked | Outcome::Closed => Err(Given),
        }
    }

    /// Says a line.
    pub(crate) fn say(&mut self, text: fmt::Arguments<'_>) {
        self.screen.put(text);
        self.screen.put(format_args!("\n"));
    }

    /// Says a line that quotes strangers behind words of ours. When it is too long for a row, the next begins with a
    /// mark.
    pub(crate) fn quote(&mut self, text: fmt::Arguments<'_>) {
        let mut frame = Frame::with(Mark::Ours);
        let _ = Framed { frame: &mut frame, screen: &mut self.screen }.write_fmt(text);
        frame.end_row(&mut self.screen);
    }

    /// Says a line and gives up.
    pub(crate) fn give_up<T>(&mut self, text: fmt::Arguments<'_>) -> Result<T, Given> {
        self.say(text);
        Err(Given)
    }

    /// Says that this console has no channel to a service, and gives up.
    pub(crate) fn no_channel<T>(&mut self, service: &str) -> Result<T, Given> {
        self.give_up(format_args!("This console has no channel to the service '{service}'."))
    }

    /// Says why the supervisor did not answer, and gives up.
    pub(crate) fn no_answer<T>(&mut self, error: CallError) -> Result<T, Given> {
        self.give_up(format_args!("{}", NoAnswer { peer: SUPERVISOR, error, after_restart: "" }))
    }
}

/// Who is at the other end of a port.
pub(crate) fn peer_of(port: &impl Port) -> QubeName {
    port.facts().peer_name
}

#[cfg(test)]
mod tests;
