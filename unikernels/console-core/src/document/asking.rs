//! A link of another qube: the person says whether it is opened.
//!
//! The question stands in the place of the line being typed, as that of a vault does (`vault/asking.rs`). An address that has
//! no room in the row with the choice stands whole above it, behind the mark of who asks. What came of it the qube never
//! hears.

use super::place::{Place, places_name};
use crate::frame::{Frame, SCREEN};
use crate::link::Link;
use crate::question::{Listening, Pressed};
use crate::screen::Input;
use crate::session::Session;
use crate::starting::Places;
use crate::system::World;
use ipc_proto_open_api::URL_MAX;
use ipc_proto_types::Text;

/// Columns of the row with the choice beside both names and the address: its words, the mark, the letter that is chosen.
const WORDS: usize = 37;
/// The letters of the answers: open, no.
const LETTERS: &[char] = &['o', 'n'];

impl<W: World> Session<'_, W> {
    /// Puts the question about a link, and does what the person says.
    #[inline(never)]
    pub(crate) fn ask_link(&mut self, link: &Link) {
        self.screen.clear_row();
        let from = link.from;
        let Some(url) = &link.url else {
            return self.say(format_args!(
                "{from} asked to open a link; that is refused, since no disposable is opened for {from}."
            ));
        };
        if link.until_ms <= self.screen.world.now_ms() {
            return self.say(format_args!("{from} asked to open a link, and nobody answered."));
        }
        let place = Place::For(from);
        let Ok(places) = self.places(&place) else { return };
        if !is_short(link, url, &places) {
            self.say(format_args!("{from} asks to open:"));
            Frame::new(link.label).line(&mut self.screen, url);
        }
        match self.listen_link(link, url, &places) {
            Some('o') => {
                let _ = self.open_at(url, place);
            }
            Some(_) => self.say(format_args!("It is not opened.")),
            None => {}
        }
    }

    /// Waits for an answer; no answer in time is a no. `None`: the terminal is gone.
    fn listen_link(&mut self, link: &Link, url: &Text<URL_MAX>, places: &Places) -> Option<char> {
        let mut listening = Listening::new(self.screen.world.now_ms(), LETTERS);
        self.draw_link_choice(link, url, places, &listening);
        loop {
            match self.screen.input_until(Some(link.until_ms)) {
                Input::Key(key) => match listening.press(key, self.screen.world.now_ms()) {
                    Pressed::Answered(letter) => {
                        self.say(format_args!(""));
                        return Some(letter);
                    }
                    Pressed::Stray => self.screen.raw(b"\x07"),
                    Pressed::Chosen(_) | Pressed::Unchosen => {}
                },
                Input::Ended(end) => self.ended(&end),
                Input::Disturbed | Input::Asked => {}
                Input::Deadline => {
                    self.say(format_args!(""));
                    self.screen.put(format_args!("Nobody answered. "));
                    return Some('n');
                }
                Input::Closed => return None,
            }
            self.draw_link_choice(link, url, places, &listening);
        }
    }

    fn draw_link_choice(&mut self, link: &Link, url: &Text<URL_MAX>, places: &Places, listening: &Listening) {
        self.screen.clear_row();
        self.screen.shape(link.label);
        let (from, place) = (link.from, places_name(places));
        if is_short(link, url, places) {
            self.screen.unwrapped(|screen| screen.put(format_args!(" {from} asks to open {url}")));
        } else {
            self.screen.put(format_args!(" {from} asks to open that"));
        }
        self.screen.put(format_args!(" in {place}: [o]pen, [n]o? "));
        if let Some(letter) = listening.chosen() {
            self.screen.put(format_args!("{letter}"));
        }
    }
}

/// Whether an address fits in the row with the choice. What is taken is ASCII, so bytes are columns.
fn is_short(link: &Link, url: &Text<URL_MAX>, places: &Places) -> bool {
    WORDS + link.from.as_str().len() + places_name(places).len() + url.len() <= SCREEN
}
