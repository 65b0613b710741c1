//! The commands that show the system and act on it: qubes, services, log, clock, say, poweroff.

use crate::calendar::Moment;
use crate::call::Hex;
use crate::frame::{Frame, Mark};
use crate::plain::Plain;
use crate::sentence::{Ended, NoAnswer};
use crate::session::{Done, Given, Session, peer_of};
use crate::suggest::nearest;
use crate::system::{System, World};
use ipc_proto_ctl_api::{ChannelInfo, CtlClient, QubeInfo, QubeState, ServiceInfo, SystemInfo};
use ipc_proto_rpc::CallError;
use ipc_proto_types::{List, MAX_CHANNELS, MAX_QUBES, MAX_SERVICES, QubeName, Text};

/// How many pieces `log` reads at most: a log that grows while it is read has an end here.
const LOG_PIECES_MAX: usize = 1024;

/// All qubes of the system; a qube's place is its index.
pub(crate) type Qubes = List<QubeInfo, MAX_QUBES>;
/// All channels of the system; a channel's place is its index.
pub(crate) type Channels = List<ChannelInfo, MAX_CHANNELS>;

type Ctl<W> = CtlClient<'static, <W as System>::Port>;

impl<W: World> Session<'_, W> {
    /// Calls the supervisor; what went wrong is said.
    pub(crate) fn ask_ctl<T>(
        &mut self,
        ask: impl FnOnce(&mut Ctl<W>) -> Result<T, CallError>,
    ) -> Result<T, Given> {
        match self.screen.world.ctl().map(ask) {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => self.no_answer(error),
            None => self.no_channel("ctl"),
        }
    }

    pub(crate) fn greet(&mut self) -> Done {
        let SystemInfo { version, qubes, .. } = self.ask_ctl(|ctl| ctl.system())?;
        self.say(format_args!("Skep {} — {qubes} qubes. Type 'help'.", Plain(&version)));
        if self.screen.world.dma_unprotected() {
            self.say(format_args!(
                "Warning: there is no IOMMU. A qube's device can read and write the memory of every other."
            ));
        }
        Ok(())
    }

    /// Asks for things by their index until there is none.
    fn collect<T, const N: usize>(
        &mut self,
        ask: impl Fn(&mut Ctl<W>, u8) -> Result<Option<T>, CallError>,
    ) -> Result<List<T, N>, Given> {
        let mut things = List::new();
        for index in 0..=u8::MAX {
            let Some(thing) = self.ask_ctl(|ctl| ask(ctl, index))? else {
                break;
            };
            if things.push(thing).is_err() {
                break;
            }
        }
        Ok(things)
    }

    /// Asks for every qube.
    pub(crate) fn all_qubes(&mut self) -> Result<Qubes, Given> {
        self.collect(|ctl, index| ctl.qube(index))
    }

    /// Asks for every service.
    pub(crate) fn all_services(&mut self) -> Result<List<ServiceInfo, MAX_SERVICES>, Given> {
        self.collect(|ctl, index| ctl.service(index))
    }

    /// Asks for every channel.
    pub(crate) fn all_channels(&mut self) -> Result<Channels, Given> {
        self.collect(|ctl, index| ctl.channel(index))
    }

    pub(crate) fn qubes(&mut self) -> Done {
        let qubes = self.all_qubes()?;
        let width = qubes.iter().map(|qube| qube.name.len()).max().unwrap_or(0).max(4);
        self.say(format_args!(
            "{:width$} {:11} {:10} {:>3} {:>8} {:>8} {:>7} {:>7} {:>7}",
            "NAME", "LABEL", "STATE", "GEN", "MEMORY", "EXITS", "IN", "OUT", "REFUSED"
        ));
        for qube in &qubes {
            self.screen.put(format_args!("{:width$} ", Plain(&qube.name)));
            self.screen.label(qube.label);
            self.say(format_args!(
                " {:10} {:>3} {:>8} {:>8} {:>7} {:>7} {:>7}",
                state_word(qube),
                qube.generation,
                MemorySize(qube.memory_kib).to_text(),
                qube.exits,
                qube.messages_in,
                qube.messages_out,
                qube.refused
            ));
            if qube.disposable {
                self.tell_disposable(qube, &qubes, width);
            }
            if let Some(reason) = qube.last_end {
                self.say(format_args!("{:width$} its last life ended: {}", "", Ended(reason)));
            }
        }
        Ok(())
    }

    pub(crate) fn services(&mut self) -> Done {
        let services = self.all_services()?;
        self.say(format_args!("{:16} {:>7} {:>7} SCHEMA", "SERVICE", "VERSION", "METHODS"));
        for (index, service) in (0..).zip(&services) {
            self.screen.put(format_args!("{:16} {:>7} ", Plain(&service.name), service.version));
            match self.described(index, |description| description.methods().len()) {
                Some(methods) => self.screen.put(format_args!("{methods:>7} ")),
                None => self.screen.put(format_args!("{:>7} ", "?")),
            }
            self.say(format_args!("{}", Hex(&service.id)));
        }
        Ok(())
    }

    pub(crate) fn log(&mut self) -> Done {
        let mut from = 0;
        let mut frame = Frame::with(Mark::Log);
        for _ in 0..LOG_PIECES_MAX {
            let piece = match self.screen.world.log().map(|log| log.read(from)) {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => return self.no_answer(error),
                None => return self.no_channel("log"),
            };
            if piece.lost > 0 {
                frame.end(&mut self.screen);
                if from == 0 {
                    self.say(format_args!("({} bytes before this were overwritten)", piece.lost));
                }
                frame.goes_on();
            }
            if piece.text.is_empty() || piece.next <= from {
                break;
            }
            frame.put(&mut self.screen, &piece.text);
            from = piece.next;
        }
        frame.end(&mut self.screen);
        Ok(())
    }

    pub(crate) fn clock(&mut self) -> Done {
        let Some(clock) = self.screen.world.clock() else {
            return self.no_channel("clock");
        };
        match clock.now() {
            Ok(time) => {
                self.say(format_args!("{} UTC", Moment::from_unix(time.unix_seconds)));
                Ok(())
            }
            Err(error) => {
                let peer = peer_of(clock.client().port());
                let after_restart = "ask again.";
                self.give_up(format_args!("{}", NoAnswer { peer: peer.as_str(), error, after_restart }))
            }
        }
    }

    pub(crate) fn say_to(&mut self, peer: &str, text: &str) -> Done {
        let Some(echo) = self.screen.world.echo(peer) else {
            return self.give_up(format_args!("This console has no channel to an echo service of '{peer}'."));
        };
        match echo.say(Text::truncated(text)) {
            Ok(answer) => {
                let mark = QubeName::new(peer).map_or(Mark::Ours, Mark::Says);
                Frame::with(mark).line(&mut self.screen, &answer);
                Ok(())
            }
            Err(error) => {
                let after_restart = "it did not hear you: say it again.";
                self.give_up(format_args!("{}", NoAnswer { peer, error, after_restart }))
            }
        }
    }

    /// Says that there is no such qube, with the nearest that there is, and gives up.
    pub(crate) fn no_such_qube<T>(&mut self, name: &str) -> Result<T, Given> {
        let qubes = self.all_qubes()?;
        match nearest(name, qubes.iter().map(|qube| qube.name.as_str())) {
            Some(near) => self.give_up(format_args!("There is no qube '{name}'. Did you mean '{near}'?")),
            None => self.give_up(format_args!("There is no qube '{name}'. Type 'qubes'.")),
        }
    }

    pub(crate) fn poweroff(&mut self) -> Done {
        self.screen.clear_clipboard();
        self.say(format_args!("Switching off."));
        self.ask_ctl(|ctl| ctl.poweroff())
    }
}

fn state_word(qube: &QubeInfo) -> &'static str {
    match qube.state {
        QubeState::Restarting if qube.disposable => "wiping",
        QubeState::Prepared => "prepared",
        QubeState::Starting => "starting",
        QubeState::Running => "running",
        QubeState::Waiting => "waiting",
        QubeState::Restarting => "restarting",
        QubeState::Ended => "ended",
    }
}

/// An amount of memory, in KiB.
struct MemorySize(u32);

impl MemorySize {
    /// In MiB when it is whole MiB, else in KiB.
    fn to_text(&self) -> Text<16> {
        use core::fmt::Write;
        let mut text = Text::new();
        let written = match self.0 {
            kib if kib >= 1024 && kib % 1024 == 0 => write!(text, "{} MiB", kib / 1024),
            kib => write!(text, "{kib} KiB"),
        };
        debug_assert!(written.is_ok(), "ten digits and a unit fit");
        text
    }
}
