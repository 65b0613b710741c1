//! Files that are pasted at the terminal and go to another qube piece by piece: to the vault, or to a converter.
//!
//! Nothing of them is shown, and no more than a line and a piece of them is here at a time, in buffers that are wiped. When a
//! line is bad, or that qube takes no more, what still comes is read and dropped, so that none of it is taken for commands.

use crate::base64::Decoder;
use crate::editor::{Outcome, Purpose};
use crate::line::Line;
use crate::session::{Done, Given, Session};
use crate::system::World;
use ipc_proto_types::{Bytes, Secret};
use ipc_proto_vault_api::files::PIECE_MAX;

/// The longest line, in bytes.
const PASTED_LINE_MAX: usize = 1024;

/// What is pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pasted {
    /// A file as lines of base64.
    Base64,
    /// A file of text as it is.
    Text,
}

/// A piece of a file.
pub(crate) type Piece = Secret<Bytes<PIECE_MAX>>;

/// Takes a piece of the file that begins at this byte.
type Sink<'s, S> = &'s mut dyn FnMut(&mut S, u32, Piece) -> Done;

/// A file on its way.
struct Upload<'s, S> {
    piece: Piece,
    sent: u32,
    sink: Sink<'s, S>,
}

impl<W: World> Session<'_, W> {
    /// Asks for a file and uploads it to the vault; gives how many bytes it has.
    pub(super) fn paste(&mut self, what: &str, pasted: Pasted) -> Result<u32, Given> {
        self.paste_into(what, pasted, &mut |session, from, piece| {
            session.ask_files("", |files| files.upload(from, piece))
        })
    }

    /// Asks for a file and hands it over piece by piece, at least one; gives how many bytes it has.
    #[inline(never)]
    pub(crate) fn paste_into(
        &mut self,
        what: &str,
        pasted: Pasted,
        sink: Sink<'_, Self>,
    ) -> Result<u32, Given> {
        let how = match pasted {
            Pasted::Base64 => " as lines of base64",
            Pasted::Text => "",
        };
        self.say(format_args!(
            "Paste {what}{how}, then a line with a single dot; Ctrl-C gives up. Nothing is shown."
        ));
        let mut upload = Upload { piece: Secret::new(Bytes::new()), sent: 0, sink };
        let mut decoder = Decoder::default();
        let mut line = Line::<PASTED_LINE_MAX>::new();
        let mut number = 0_u32;
        loop {
            self.read_pasted(&mut line)?;
            number = number.saturating_add(1);
            if line.as_str().trim() == "." {
                break;
            }
            let taken = match (line.refused(), pasted) {
                (0, Pasted::Base64) => self.take_base64(&mut upload, &mut decoder, line.as_str()),
                (0, Pasted::Text) => self.take_text(&mut upload, line.as_str()).map(Some),
                _ => Ok(None),
            };
            match taken {
                Ok(Some(())) => {}
                Ok(None) => {
                    self.screen.clear_row();
                    self.say(format_args!(
                        "Line {number} is no base64, or longer than {PASTED_LINE_MAX} characters."
                    ));
                    return self.drop_pasted(&mut line);
                }
                Err(Given) => return self.drop_pasted(&mut line),
            }
        }
        self.screen.clear_row();
        if !decoder.is_whole() {
            return self.give_up(format_args!("The last line of base64 is not whole; nothing was done."));
        }
        // An empty file is sent too: it begins another one.
        if !upload.piece.expose().is_empty() || upload.sent == 0 {
            self.send_piece(&mut upload)?;
        }
        self.screen.clear_row();
        self.say(format_args!("{} bytes came.", upload.sent));
        Ok(upload.sent)
    }

    /// Takes a line of base64; none when it is not. Lines of dashes, as `vault export` shows them, are passed over.
    fn take_base64(
        &mut self,
        upload: &mut Upload<'_, Self>,
        decoder: &mut Decoder,
        line: &str,
    ) -> Result<Option<()>, Given> {
        if line.starts_with("-----") {
            return Ok(Some(()));
        }
        let mut bytes = Secret::new(Bytes::<{ PASTED_LINE_MAX }>::new());
        let mut fits = true;
        let fed =
            decoder.feed(line, &mut |piece| fits &= bytes.expose_mut().extend_from_slice(piece).is_ok());
        debug_assert!(fits, "base64 has more characters than bytes");
        match fed {
            Ok(()) => self.take(upload, bytes.expose()).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn take_text(&mut self, upload: &mut Upload<'_, Self>, line: &str) -> Done {
        self.take(upload, line.as_bytes())?;
        self.take(upload, b"\n")
    }

    /// Takes bytes of the file; sends a piece whenever one is full.
    fn take(&mut self, upload: &mut Upload<'_, Self>, bytes: &[u8]) -> Done {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = PIECE_MAX.saturating_sub(upload.piece.expose().len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            // It is no longer than there is room.
            let _ = upload.piece.expose_mut().extend_from_slice(now);
            if now.len() == room {
                self.send_piece(upload)?;
            }
            rest = later;
        }
        Ok(())
    }

    fn send_piece(&mut self, upload: &mut Upload<'_, Self>) -> Done {
        let piece = core::mem::replace(&mut upload.piece, Secret::new(Bytes::new()));
        // A piece has few bytes.
        let bytes = u32::try_from(piece.expose().len()).unwrap_or(0);
        let from = upload.sent;
        (upload.sink)(self, from, piece)?;
        upload.sent = from.saturating_add(bytes);
        self.screen.clear_row();
        self.screen.put(format_args!("{} KiB ...", upload.sent / 1024));
        Ok(())
    }

    /// Reads what still comes and drops it, until the line with the dot.
    fn drop_pasted(&mut self, line: &mut Line<PASTED_LINE_MAX>) -> Result<u32, Given> {
        self.say(format_args!("Nothing was done. What still comes is dropped, up to the line with the dot."));
        while line.as_str().trim() != "." {
            self.read_pasted(line)?;
        }
        Err(Given)
    }

    fn read_pasted(&mut self, line: &mut Line<PASTED_LINE_MAX>) -> Done {
        let mut outcome = self.screen.read("", Purpose::Pasted, line);
        while let Outcome::Interrupted(end) = outcome {
            self.ended(&end);
            outcome = self.screen.resume("", Purpose::Pasted, line);
        }
        match outcome {
            Outcome::Entered => Ok(()),
            Outcome::Cancelled | Outcome::EndOfInput => {
                self.give_up(format_args!("Given up; nothing was done."))
            }
            Outcome::Interrupted(_) | Outcome::Asked | Outcome::Closed => Err(Given),
        }
    }
}
