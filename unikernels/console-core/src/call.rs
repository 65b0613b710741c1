//! `call`: a call of any service this console has a channel to, by its description.
//!
//! The description comes from the supervisor and is believed only when its schema id is that of the channel. A request is encoded
//! by it into the room for one message, and the reply shown by it. Secrets are asked for, never taken from the line, and stay
//! hidden in the reply but with `--reveal`.

mod request;

use crate::editor::Purpose;
use crate::frame::{Frame, Framed, Mark};
use crate::line::Line;
use crate::room::Room;
use crate::sentence::NoAnswer;
use crate::session::{Done, Given, Session};
use crate::suggest::nearest;
use crate::system::World;
use core::fmt::{self, Write};
use ipc_proto_describe::{
    Body, Brief, Description, Method, MethodKind, Part, Reveal, Secrets, Shown, Wanted, Written,
};
use ipc_proto_rpc::{CallError, PortFacts};
use ipc_proto_types::{List, MAX_PORTS, Text};
use ipc_proto_wire::HEADER_SIZE;

pub(crate) use request::Request;

/// Pieces of a description: more than the longest has.
const PIECES_MAX: usize = 64;
/// How much of a reply is shown, in bytes: a terminal is slow, and a person too.
const SHOWN_MAX: usize = 8192;
/// The longest secret that can be typed, in bytes.
const SECRET_MAX: usize = 256;

impl<W: World> Session<'_, W> {
    pub(crate) fn call(&mut self, rest: &str) -> Done {
        let Some(request) = Request::parse(rest) else {
            return self.give_up(format_args!(
                "'call' needs a SERVICE or SERVICE.METHOD.\n\
                 Usage: call [QUBE:]SERVICE[.METHOD] [--reveal] [ARGUMENT...]"
            ));
        };
        let Some(room) = self.room.take() else { return Err(Given) };
        let done = self.call_with(room, &request);
        room.wipe();
        self.room = Some(room);
        done
    }

    fn call_with(&mut self, room: &mut Room, request: &Request<'_>) -> Done {
        let (channel, facts) = self.find_channel(request)?;
        self.load_service(room, request.service)?;
        let (text, frame) = room.parts();
        let description = match Description::parse(text) {
            Ok(description) => description,
            Err(error) => {
                return self.give_up(format_args!(
                    "The supervisor's description of '{}' can't be read: {error}.",
                    request.service
                ));
            }
        };
        if description.id() != facts.schema {
            return self.give_up(format_args!(
                "The supervisor's description of '{}' is not that of the channel: its schema id is {}, the channel's {}.",
                request.service,
                Hex(&description.id().0),
                Hex(&facts.schema.0)
            ));
        }
        let Some(name) = request.method else {
            return self.list_methods(&description);
        };
        let Some((number, method)) = description.find(name) else {
            let names = description.methods().iter().map(Method::name);
            return match nearest(name, names) {
                Some(near) => self.give_up(format_args!(
                    "'{}' has no method '{name}'. Did you mean '{near}'?",
                    request.service
                )),
                None => self.give_up(format_args!(
                    "'{}' has no method '{name}'. Type 'call {}' for those it has.",
                    request.service, request.service
                )),
            };
        };
        if method.kind() == MethodKind::Event {
            return self.give_up(format_args!("'{name}' is an event: the server says it, nobody calls it."));
        }
        let length = self.encode(method, request, &facts, frame)?;
        self.exchange(channel, &facts, (number, method), frame, length, request.reveal)
    }

    /// The channel to call on.
    fn find_channel(&mut self, request: &Request<'_>) -> Result<(usize, PortFacts), Given> {
        let mut found = None;
        let mut peers = List::<PortFacts, MAX_PORTS>::new();
        for index in 0..MAX_PORTS {
            let Some(client) = self.screen.world.channel(index) else { break };
            let facts = client.facts();
            let is_peer = request.qube.is_none_or(|qube| facts.peer_name.as_str() == qube);
            if is_peer && facts.service.as_str() == request.service {
                found = found.or(Some((index, facts)));
            }
            let _ = peers.push(facts);
        }
        let serving = |facts: &&PortFacts| facts.service.as_str() == request.service;
        let many = peers.iter().filter(serving).count() > 1;
        match found {
            Some(found) if !many || request.qube.is_some() || request.method.is_none() => Ok(found),
            Some((_, first)) => {
                self.screen.put(format_args!("Several qubes serve '{}':", request.service));
                for facts in peers.iter().filter(serving) {
                    self.screen.put(format_args!(" {}", facts.peer_name));
                }
                self.give_up(format_args!(
                    ". Say which: call {}:{}.{} ...",
                    first.peer_name,
                    request.service,
                    request.method.unwrap_or_default()
                ))
            }
            None => self.no_such_channel(request, &peers),
        }
    }

    fn no_such_channel<T>(
        &mut self,
        request: &Request<'_>,
        peers: &List<PortFacts, MAX_PORTS>,
    ) -> Result<T, Given> {
        let service = request.service;
        if let Some(qube) = request.qube
            && peers.iter().any(|facts| facts.service.as_str() == service)
        {
            return self
                .give_up(format_args!("This console has no channel to a service '{service}' of '{qube}'."));
        }
        match nearest(service, peers.iter().map(|facts| facts.service.as_str())) {
            Some(near) => self.give_up(format_args!(
                "This console has no channel to a service '{service}'. Did you mean '{near}'?"
            )),
            None => {
                self.screen
                    .put(format_args!("This console has no channel to a service '{service}'. It has to:"));
                let mut before = "";
                for facts in peers {
                    if facts.service.as_str() != before {
                        self.screen.put(format_args!(" {}", facts.service));
                    }
                    before = facts.service.as_str();
                }
                self.give_up(format_args!("."))
            }
        }
    }

    /// Reads the description of a service by its name.
    fn load_service(&mut self, room: &mut Room, service: &str) -> Done {
        let names = match self.names.take() {
            Some(names) => names,
            None => self.ask_names()?,
        };
        let index = names.service(service);
        self.names = Some(names);
        match index {
            Some(index) => self.load(room, index),
            None => self.give_up(format_args!("The supervisor knows no service '{service}'.")),
        }
    }

    /// Reads the description of the service at `index`; what went wrong is said.
    fn load(&mut self, room: &mut Room, index: u8) -> Done {
        match self.fetch(room, index) {
            Ok(()) => Ok(()),
            Err(Missing::Channel) => self.no_channel("ctl"),
            Err(Missing::Answer(error)) => self.no_answer(error),
            Err(Missing::Text) => {
                self.give_up(format_args!("The supervisor has no description of this service."))
            }
        }
    }

    /// Reads the description of the service at `index`, unless it is there already.
    fn fetch(&mut self, room: &mut Room, index: u8) -> Result<(), Missing> {
        if room.holds(index) {
            return Ok(());
        }
        room.clear();
        for _ in 0..PIECES_MAX {
            let from = u16::try_from(room.length()).unwrap_or(u16::MAX);
            let ctl = self.screen.world.ctl().ok_or(Missing::Channel)?;
            let Some(piece) = ctl.schema(index, from).map_err(Missing::Answer)? else { break };
            if piece.is_empty() && room.length() > 0 {
                room.complete(index);
                return Ok(());
            }
            if piece.is_empty() || !room.append(&piece) {
                break;
            }
        }
        room.clear();
        Err(Missing::Text)
    }

    /// Asks the description of the service at `index` something; `None` when there is none to be had.
    pub(crate) fn described<T>(&mut self, index: u8, ask: impl FnOnce(&Description<'_>) -> T) -> Option<T> {
        let room = self.room.take()?;
        let fetched = self.fetch(room, index);
        let answer = fetched.ok().and_then(|()| Description::parse(room.text()).ok()).map(|it| ask(&it));
        self.room = Some(room);
        answer
    }

    fn list_methods(&mut self, description: &Description<'_>) -> Done {
        self.say(format_args!("{}, schema {}", description.name(), Hex(&description.id().0)));
        for method in description.methods() {
            self.say(format_args!("  {}", Signature(method)));
        }
        Ok(())
    }

    /// Encodes what was typed behind the place of the header.
    fn encode(
        &mut self,
        method: &Method<'_>,
        request: &Request<'_>,
        facts: &PortFacts,
        frame: &mut [u8],
    ) -> Result<usize, Given> {
        let room = frame.get_mut(HEADER_SIZE..).unwrap_or_default();
        let most = usize::try_from(facts.message_max).unwrap_or(usize::MAX).min(room.len());
        let body = room.get_mut(..most).unwrap_or_default();
        let mut ask = |wanted: Wanted<'_>, into: &mut [u8]| self.ask_secret(&wanted, into);
        match method.encode_line(request.arguments, &mut Secrets::Asked(&mut ask), body) {
            Ok(length) => Ok(length),
            Err(error) if error.is_secret_not_given() => Err(Given),
            Err(error) => {
                self.say(format_args!("{error}."));
                self.give_up(format_args!("Usage: {}", Signature(method)))
            }
        }
    }

    /// Asks for a secret where nobody sees it. What is wrong with it is said.
    fn ask_secret(&mut self, wanted: &Wanted<'_>, into: &mut [u8]) -> Option<usize> {
        let mut prompt = Text::<64>::new();
        let blank = if wanted.field.is_empty() { "" } else { ", " };
        // A prompt that is too long is cut.
        let _ = write!(prompt, "{}{blank}{}: ", wanted.argument, wanted.field);
        let mut line = Line::<SECRET_MAX>::new();
        self.read_answer(&prompt, Purpose::Secret, &mut line).ok()?;
        let typed = line.as_str().as_bytes();
        if line.refused() > 0 || typed.len() > into.len() {
            self.say(format_args!(
                "That is longer than {} bytes; nothing was done.",
                into.len().min(SECRET_MAX)
            ));
            return None;
        }
        into.get_mut(..typed.len())?.copy_from_slice(typed);
        Some(typed.len())
    }

    /// Sends the request in `frame` and shows what comes back.
    fn exchange(
        &mut self,
        channel: usize,
        facts: &PortFacts,
        (number, method): (u16, &Method<'_>),
        frame: &mut [u8],
        length: usize,
        reveal: Reveal,
    ) -> Done {
        let Some(client) = self.screen.world.channel(channel) else { return Err(Given) };
        let result = match method.kind() {
            MethodKind::Call => client.call_raw(number, frame, length),
            _ => client.tell_raw(number, frame, length).map(|()| 0),
        };
        match result {
            Ok(length) if method.kind() == MethodKind::Call => {
                let end = HEADER_SIZE.saturating_add(length);
                let body = Body::whole(frame.get(HEADER_SIZE..end).unwrap_or_default());
                self.show_reply(method, body, reveal);
                Ok(())
            }
            Ok(_) => {
                self.say(format_args!("Sent; nobody answers this one."));
                Ok(())
            }
            Err(error) => {
                let is_supervisor = matches!(facts.service.as_str(), "ctl" | "log");
                let peer = if is_supervisor { crate::sentence::SUPERVISOR } else { facts.peer_name.as_str() };
                let after_restart = "whether it did what you asked is unknown.";
                self.give_up(format_args!("{}", NoAnswer { peer, error, after_restart }))
            }
        }
    }

    fn show_reply(&mut self, method: &Method<'_>, body: Body<'_>, reveal: Reveal) {
        let mut frame = Frame::with(Mark::Ours);
        let framed = Framed { frame: &mut frame, screen: &mut self.screen };
        let result = method.show(Part::Reply, body, reveal, &mut Limited { to: framed, left: SHOWN_MAX });
        frame.end_row(&mut self.screen);
        match result {
            Ok(Shown::Whole | Shown::Cut) => {}
            Ok(Shown::Broken(broken)) => {
                self.say(format_args!("The reply of {} bytes does not fit its type: {broken}.", body.size));
            }
            Err(_) => self.say(format_args!("… ({} bytes; the beginning is shown)", body.size)),
        }
    }
}

/// Why there is no description.
enum Missing {
    /// No channel to the supervisor.
    Channel,
    Answer(CallError),
    /// It has none, or more than the longest.
    Text,
}

/// Lets so many bytes through.
struct Limited<T> {
    to: T,
    left: usize,
}

impl<T: Write> Write for Limited<T> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.left = self.left.checked_sub(text.len()).ok_or(fmt::Error)?;
        self.to.write_str(text)
    }
}

/// A method as one calls it.
struct Signature<'m, 'a>(&'m Method<'a>);

impl fmt::Display for Signature<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.kind() {
            MethodKind::Call => "",
            MethodKind::Oneway => "oneway ",
            MethodKind::Event => "event ",
        })?;
        write!(f, "{}(", self.0.name())?;
        for (number, argument) in self.0.arguments().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {}", argument.name, Written(argument.type_text))?;
        }
        f.write_str(")")?;
        match self.0.reply() {
            Some(reply) => write!(f, " -> {}", Brief(reply)),
            None => Ok(()),
        }
    }
}

/// Bytes as digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
