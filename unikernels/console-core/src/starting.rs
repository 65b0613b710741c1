//! Disposables that wait: one is started, and ended when it has done what it was for.

use crate::screen::Waited;
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_ctl_api::{CtlError, QubeInfo, QubeState};
use ipc_proto_types::{Label, List, MAX_QUBES, QubeName, Text};

/// How long wiping a disposable may take, in milliseconds.
const WIPE_MS: u64 = 10_000;
/// How often is looked, in milliseconds, should nobody say that something changed.
pub(crate) const LOOK_MS: u64 = 200;

/// Disposables that serve us one service, as the supervisor tells of them.
pub(crate) type Places = List<(QubeInfo, QubeName), MAX_QUBES>;

impl<W: World> Session<'_, W> {
    /// Starts the first of the disposables that `list` gives and that waits. `kind` is what one of them is called.
    pub(crate) fn start_free(
        &mut self,
        kind: &str,
        mut list: impl FnMut(&mut Self) -> Result<Places, Given>,
    ) -> Result<(QubeName, Label), Given> {
        let until_ms = self.screen.world.now_ms().saturating_add(WIPE_MS);
        loop {
            let places = list(self)?;
            let found = self.free_among(kind, &places)?;
            if let Some((qube, name)) = found {
                match self.ask_ctl(|ctl| ctl.start(qube.name.clone()))? {
                    Ok(_) => return Ok((*name, qube.label)),
                    // Between the two questions somebody else may have started it.
                    Err(CtlError::NotPrepared | CtlError::AlreadyRunning) => {}
                    Err(_) => return self.give_up(format_args!("{name} can't be started.")),
                }
            }
            let now_ms = self.screen.world.now_ms();
            if now_ms >= until_ms {
                return self.give_up(format_args!("The {kind}s are still being wiped; try again."));
            }
            self.rest(now_ms.saturating_add(LOOK_MS).min(until_ms))?;
        }
    }

    /// One that can be started; none while one is still being wiped.
    fn free_among<'p>(
        &mut self,
        kind: &str,
        places: &'p Places,
    ) -> Result<Option<&'p (QubeInfo, QubeName)>, Given> {
        let free = places.iter().find(|(qube, _)| qube.state == QubeState::Prepared);
        let is_wiping = places.iter().any(|(qube, _)| {
            qube.disposable && matches!(qube.state, QubeState::Starting | QubeState::Restarting)
        });
        if free.is_some() || is_wiping {
            return Ok(free);
        }
        self.give_up(format_args!("No {kind} is free: 'close NAME' ends one that 'qubes' shows."))
    }

    /// Waits a moment; Ctrl-C gives up.
    pub(crate) fn rest(&mut self, until_ms: u64) -> Done {
        match self.screen.wait_meanwhile(until_ms) {
            Waited::Moved => Ok(()),
            Waited::Ended(end) => {
                self.ended(&end);
                Ok(())
            }
            Waited::Cancelled => {
                self.screen.clear_row();
                self.give_up(format_args!("Stopped."))
            }
            Waited::Closed => Err(Given),
        }
    }

    /// Ends the life of a disposable, and says so.
    pub(crate) fn end_disposable(&mut self, name: &QubeName) {
        match self.screen.world.ctl().map(|ctl| ctl.kill(Text::truncated(name.as_str()))) {
            Some(Ok(Ok(_))) => self.say(format_args!("{name} is gone, and its memory with it.")),
            Some(Ok(Err(_))) => self.say(format_args!("{name} is gone already.")),
            Some(Err(_)) | None => {
                self.say(format_args!("{name} can't be ended: the supervisor does not do it."))
            }
        }
    }
}
