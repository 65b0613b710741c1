//! The commands that end and start qubes: kill, start, close. And what `qubes` says of a disposable.

use crate::plain::Plain;
use crate::session::{Done, Session};
use crate::show::Qubes;
use crate::system::World;
use ipc_proto_ctl_api::{CtlError, QubeInfo, QubeState};
use ipc_proto_types::Text;

impl<W: World> Session<'_, W> {
    pub(crate) fn kill(&mut self, name: &str) -> Done {
        let Ok(text) = Text::try_from(name) else {
            return self.no_such_qube(name);
        };
        match self.ask_ctl(|ctl| ctl.kill(text))? {
            Ok(generation) => {
                let qubes = self.all_qubes()?;
                let qube = qubes.iter().find(|qube| qube.name == name);
                if qube.is_some_and(|qube| qube.disposable) {
                    self.say_gone(name);
                } else if qube.is_some_and(|qube| qube.state == QubeState::Ended) {
                    self.say(format_args!("{name} is ended."));
                } else {
                    self.say(format_args!("{name} is ended; it starts again as generation {generation}."));
                }
                Ok(())
            }
            Err(CtlError::NoSuchQube) => self.no_such_qube(name),
            Err(_) => self.give_up(format_args!("{name} is not running.")),
        }
    }

    pub(crate) fn start(&mut self, name: &str) -> Done {
        let Ok(text) = Text::try_from(name) else {
            return self.no_such_qube(name);
        };
        match self.ask_ctl(|ctl| ctl.start(text))? {
            Ok(generation) => {
                self.say(format_args!(
                    "{name} is started as generation {generation}; 'close {name}' ends it and wipes its memory."
                ));
                Ok(())
            }
            Err(CtlError::NoSuchQube) => self.no_such_qube(name),
            Err(CtlError::NotDisposable) => {
                self.give_up(format_args!("{name} is no disposable: it starts by itself, or not at all."))
            }
            Err(CtlError::AlreadyRunning) => self.give_up(format_args!("{name} is running already.")),
            Err(CtlError::NotPrepared) => self
                .give_up(format_args!("{name} is being wiped of its last life. Start it again in a moment.")),
            Err(CtlError::NotRunning) => self.give_up(format_args!("{name} ended for good.")),
        }
    }

    pub(crate) fn close(&mut self, name: &str) -> Done {
        let qubes = self.all_qubes()?;
        match qubes.iter().find(|qube| qube.name == name) {
            None => self.no_such_qube(name),
            Some(qube) if !qube.disposable => {
                self.give_up(format_args!("{name} is no disposable. 'kill {name}' ends it."))
            }
            Some(qube) => match self.ask_ctl(|ctl| ctl.kill(qube.name.clone()))? {
                Ok(_) => {
                    self.say_gone(name);
                    Ok(())
                }
                Err(_) => self.give_up(format_args!("{name} is not running: there is nothing to close.")),
            },
        }
    }

    fn say_gone(&mut self, name: &str) {
        self.say(format_args!(
            "{name} is gone. Its memory is wiped before anything else happens to it; 'start {name}' begins anew."
        ));
    }

    /// What `qubes` says of a disposable.
    pub(crate) fn tell_disposable(&mut self, qube: &QubeInfo, qubes: &Qubes, width: usize) {
        self.screen.put(format_args!("{:width$} a disposable", ""));
        if let Some(opener) = qube.opened_for.and_then(|index| qubes.get(usize::from(index))) {
            self.screen.put(format_args!(" opened for {}", Plain(&opener.name)));
        }
        match qube.state {
            QubeState::Prepared => self.say(format_args!(" that waits for 'start {}'", Plain(&qube.name))),
            QubeState::Starting | QubeState::Restarting => {
                self.say(format_args!(" whose last life is being wiped"))
            }
            QubeState::Running | QubeState::Waiting => {
                self.say(format_args!("; 'close {}' ends it", Plain(&qube.name)));
            }
            QubeState::Ended => self.say(format_args!(" that cannot be started any more")),
        }
    }
}
