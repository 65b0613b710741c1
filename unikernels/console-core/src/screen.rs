//! The screen: everything that reaches the terminal goes through here.
//!
//! Invariant: [`Screen::put`] lets no control character through but the line feed, whatever it is given. Escape sequences
//! are sent by this file, the editor and the clipboard alone, from constants. So no qube and no typed byte can steer the
//! terminal, even where a caller forgot to make a text plain.

use crate::clipboard;
use crate::frame::{Frame, Mark};
use crate::key::{Decoder, Key};
use crate::plain::harmless;
use crate::question::{GUARD_MS, Questions};
use crate::ring::Ring;
use crate::terminal::{Event, Printed, Terminal};
use core::fmt::{self, Write};
use ipc_proto_ctl_api::Ending;
use ipc_proto_types::Label;
use unikernels_picture::{Cell, Colours, write_row};

/// Whether labels and errors are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Words and shapes only.
    Never,
    /// With colours.
    Always,
}

/// What the editor has to react to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// A key.
    Key(Key),
    /// Something was printed where the line stood: draw it again.
    Disturbed,
    /// A life of a qube ended: somebody may have something to say about it.
    Ended(Ending),
    /// A question of a vault or a link of a qube came, and waits now.
    Asked,
    /// The deadline passed.
    Deadline,
    /// The terminal is gone.
    Closed,
}

/// What ended a wait while something else is being done.
#[derive(Debug)]
pub(crate) enum Waited {
    /// Ctrl-C was typed.
    Cancelled,
    /// Something may have moved, or the time is over.
    Moved,
    /// A life of a qube ended.
    Ended(Ending),
    /// The terminal is gone.
    Closed,
}

/// Bytes typed while something is being done: they wait for the next prompt, and what is more is dropped.
const AHEAD_MAX: usize = 256;
/// Ctrl-C.
const CANCEL: u8 = 3;
/// The terminal begins no row by itself (autowrap mode DECAWM reset; VT100 User Guide, chapter 3). No colour, so it is sent
/// to terminals without colours too.
const NO_WRAP: &[u8] = b"\x1b[?7l";
/// It does again, as it does for whoever had it before.
const WRAP: &[u8] = b"\x1b[?7h";

/// A terminal, the keys coming from it and the state of its clipboard.
pub(crate) struct Screen<'w, W> {
    /// The terminal, and whatever else the same object does.
    pub(crate) world: &'w mut W,
    colour: Colour,
    decoder: Decoder,
    waiting: Option<Key>,
    ahead: Ring<AHEAD_MAX>,
    clipboard_until_ms: Option<u64>,
    /// When the last key came.
    last_key_ms: u64,
    /// Questions of vaults that wait to be put.
    pub(crate) questions: Questions,
}

impl<'w, W: Terminal> Screen<'w, W> {
    /// A screen on this terminal.
    pub(crate) fn new(world: &'w mut W, colour: Colour) -> Self {
        let last_key_ms = world.now_ms();
        Self {
            world,
            colour,
            decoder: Decoder::default(),
            waiting: None,
            ahead: Ring::new(),
            clipboard_until_ms: None,
            last_key_ms,
            questions: Questions::new(),
        }
    }

    /// Shows text; a line feed starts a new line, every other control character shows as its picture.
    pub(crate) fn put(&mut self, text: fmt::Arguments<'_>) {
        let _ = Sink(self.world).write_fmt(text);
    }

    /// Sends bytes as they are: for constants only.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.world.write(bytes);
    }

    /// Clears the screen.
    pub(crate) fn clear(&mut self) {
        self.raw(b"\x1b[2J\x1b[H");
    }

    /// Shows what strangers have a hand in: the terminal begins no row meanwhile but where a line feed is shown. What is wider
    /// than the window, or drawn wider than we think, stays in its row and is lost at the edge.
    pub(crate) fn unwrapped(&mut self, show: impl FnOnce(&mut Self)) {
        self.raw(NO_WRAP);
        show(self);
        self.raw(WRAP);
    }

    /// Shows text in a colour.
    pub(crate) fn painted(&mut self, colour: &[u8], text: fmt::Arguments<'_>) {
        if self.colour == Colour::Always {
            self.raw(colour);
        }
        self.put(text);
        if self.colour == Colour::Always {
            self.raw(b"\x1b[0m");
        }
    }

    /// Wipes the row the cursor is in: something is shown in the place of the line being typed.
    pub(crate) fn clear_row(&mut self) {
        self.raw(b"\r\x1b[K");
    }

    /// Shows a label's shape in its colour.
    pub(crate) fn shape(&mut self, label: Label) {
        self.painted(paint(label), format_args!("{}", label.shape()));
    }

    /// Shows a label's shape in its colour, then its word.
    pub(crate) fn label(&mut self, label: Label) {
        self.shape(label);
        self.put(format_args!(" {label:<9}"));
    }

    /// Copies a text to the terminal's clipboard, for [`clipboard::CLEAR_AFTER_MS`].
    pub(crate) fn copy(&mut self, text: &str) {
        clipboard::copy(text.as_bytes(), &mut |bytes| self.world.write(bytes));
        self.clipboard_until_ms = Some(self.world.now_ms().saturating_add(clipboard::CLEAR_AFTER_MS));
    }

    /// Empties the clipboard if something of ours is still in it.
    pub(crate) fn clear_clipboard(&mut self) {
        if self.clipboard_until_ms.take().is_some() {
            clipboard::clear(&mut |bytes| self.world.write(bytes));
        }
    }

    /// Whether more keys are there already.
    pub(crate) fn has_input(&mut self) -> bool {
        self.waiting.is_some() || !self.ahead.is_empty() || self.world.has_input()
    }

    /// When a question that waits may be put: no key has come for a while then.
    pub(crate) fn question_at_ms(&self) -> Option<u64> {
        let is_any = !self.questions.is_empty() || self.world.has_link();
        is_any.then(|| self.last_key_ms.saturating_add(GUARD_MS))
    }

    /// Waits for a key, at most until `deadline_ms`. Meanwhile qubes print, vaults ask, and the clipboard is cleared when its time
    /// has come.
    pub(crate) fn input_until(&mut self, deadline_ms: Option<u64>) -> Input {
        if let Some(key) = self.waiting.take() {
            return Input::Key(key);
        }
        loop {
            if self.clipboard_until_ms.is_some_and(|until| until <= self.world.now_ms()) {
                self.clear_clipboard();
            }
            let until_ms = [deadline_ms, self.clipboard_until_ms].into_iter().flatten().min();
            let event = match self.ahead.pop() {
                Some(byte) => Event::Byte(byte),
                None => self.world.wait(until_ms),
            };
            match event {
                Event::Byte(byte) => {
                    self.last_key_ms = self.world.now_ms();
                    let [first, second] = self.decoder.feed(byte);
                    self.waiting = second;
                    if let Some(key) = first.or_else(|| self.waiting.take()) {
                        return Input::Key(key);
                    }
                }
                Event::Printed(printed) => {
                    self.printed(&printed);
                    return Input::Disturbed;
                }
                Event::Ended(end) => return Input::Ended(end),
                Event::Asked(asked) => {
                    self.questions.push(asked, self.world.now_ms());
                    return Input::Asked;
                }
                Event::Deadline if deadline_ms.is_some_and(|until| until <= self.world.now_ms()) => {
                    return Input::Deadline;
                }
                Event::Deadline | Event::Changed => {}
                Event::Linked => return Input::Asked,
                Event::Closed => return Input::Closed,
            }
        }
    }

    /// Waits for a key that is typed from now on; what was typed ahead stays for the next prompt.
    pub(crate) fn fresh_input(&mut self) -> Input {
        let ahead = core::mem::take(&mut self.ahead);
        let input = self.input_until(None);
        self.ahead = ahead;
        input
    }

    /// Waits until something moves, at most until `deadline_ms`, while something else is being done. What is typed meanwhile
    /// is kept for the next prompt, but for Ctrl-C.
    pub(crate) fn wait_meanwhile(&mut self, deadline_ms: u64) -> Waited {
        loop {
            let until_ms = self.clipboard_until_ms.map_or(deadline_ms, |until| until.min(deadline_ms));
            match self.world.wait(Some(until_ms)) {
                Event::Byte(CANCEL) => {
                    self.ahead = Ring::new();
                    return Waited::Cancelled;
                }
                // What finds no room is lost, as it always was on a terminal.
                Event::Byte(byte) => _ = self.ahead.push(byte),
                Event::Printed(printed) => {
                    self.printed(&printed);
                    return Waited::Moved;
                }
                Event::Ended(end) => return Waited::Ended(end),
                // It is put at the prompt.
                Event::Asked(asked) => {
                    let now_ms = self.world.now_ms();
                    self.questions.push(asked, now_ms);
                }
                Event::Linked => {}
                Event::Closed => return Waited::Closed,
                Event::Changed => return Waited::Moved,
                Event::Deadline => {
                    if self.clipboard_until_ms.is_some_and(|until| until <= self.world.now_ms()) {
                        self.clear_clipboard();
                    }
                    if self.world.now_ms() >= deadline_ms {
                        return Waited::Moved;
                    }
                }
            }
        }
    }

    /// Whether Ctrl-C was typed by now.
    pub(crate) fn is_cancelled(&mut self) -> bool {
        while self.world.has_input() {
            let now_ms = self.world.now_ms();
            if matches!(self.wait_meanwhile(now_ms), Waited::Cancelled | Waited::Closed) {
                return true;
            }
        }
        false
    }

    /// Shows a row of a picture.
    pub(crate) fn cells(&mut self, row: &[Cell]) {
        let colours = if self.colour == Colour::Always { Colours::Cube } else { Colours::None };
        let _ = write_row(row, colours, &mut Raw(self.world));
        self.put(format_args!("\n"));
    }

    /// Shows a line a qube had printed: `[●hello] text`, in the place of the line being typed.
    pub(crate) fn printed(&mut self, printed: &Printed) {
        self.clear_row();
        let mut frame = Frame::with(Mark::Printed(printed.label, printed.from));
        frame.line(self, printed.text.trim_end_matches('\n'));
    }
}

/// How a label's colour is said to a terminal (ECMA-48 SGR; 256 colours for what the basic eight lack).
fn paint(label: Label) -> &'static [u8] {
    match label {
        Label::Untrusted => b"\x1b[31m",
        Label::Personal => b"\x1b[33m",
        Label::Work => b"\x1b[34m",
        // Black, as a terminal of any background can show it.
        Label::Vault => b"\x1b[30;107m",
        Label::Green => b"\x1b[32m",
        Label::Orange => b"\x1b[38;5;208m",
        Label::Purple => b"\x1b[35m",
        Label::Grey => b"\x1b[90m",
    }
}

/// Writes escape sequences of ours to a terminal.
struct Raw<'w, W>(&'w mut W);

impl<W: Terminal> Write for Raw<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Writes text to a terminal, harmless, with CR LF for every line feed.
struct Sink<'w, W>(&'w mut W);

impl<W: Terminal> Write for Sink<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Whole runs of ordinary text in one go.
        let mut rest = text;
        while let Some((at, character)) =
            rest.char_indices().find(|(_, character)| harmless(*character) != *character)
        {
            self.0.write(&rest.as_bytes()[..at]);
            match character {
                '\n' => self.0.write(b"\r\n"),
                other => self.0.write(harmless(other).encode_utf8(&mut [0; 4]).as_bytes()),
            }
            rest = &rest[at + character.len_utf8()..];
        }
        self.0.write(rest.as_bytes());
        Ok(())
    }
}
