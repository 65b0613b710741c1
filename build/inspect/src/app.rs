//! `App`: what a person sees at the moment, and what their keys change about it.

use crate::message::Messages;
use crate::model::Model;

/// A key that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Leave.
    Quit,
    /// Stop and go on.
    Pause,
    /// Show what one qube has to do with; again for the next.
    Filter,
    /// Show everything again, newest messages at the bottom.
    Reset,
    /// Older messages.
    Up,
    /// Newer messages.
    Down,
    /// The other arrangement of the screen.
    View,
}

/// How the screen is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Views {
    /// Qubes, channels and messages.
    #[default]
    All,
    /// Messages alone.
    Messages,
    /// Qubes and channels alone.
    Counters,
}

/// The state of the screen.
#[derive(Debug, Clone)]
pub struct App {
    /// What is known.
    pub model: Model,
    /// What was said.
    pub messages: Messages,
    /// How the screen is divided.
    pub views: Views,
    /// Only this qube.
    pub filter: Option<u8>,
    /// Nothing new is shown.
    pub paused: bool,
    /// So many messages below the bottom of the screen; 0 follows the newest.
    pub scrolled: usize,
    /// Whether what messages say is known, or only that they were.
    pub has_bodies: bool,
}

impl App {
    /// A screen of this system.
    #[must_use]
    pub fn new(model: Model, has_bodies: bool) -> Self {
        Self {
            model,
            messages: Messages::default(),
            views: Views::All,
            filter: None,
            paused: false,
            scrolled: 0,
            has_bodies,
        }
    }

    /// Does what a key means; true to leave.
    pub fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Quit => return true,
            Key::Pause => self.paused = !self.paused,
            Key::Filter => {
                let next = self.filter.map_or(0, |index| index + 1);
                self.filter = (usize::from(next) < self.model.qubes.len()).then_some(next);
                self.scrolled = 0;
            }
            Key::Reset => (self.filter, self.scrolled, self.views) = (None, 0, Views::All),
            Key::Up => {
                let most = self.messages.about(self.filter).count();
                self.scrolled = (self.scrolled + 1).min(most.saturating_sub(1));
            }
            Key::Down => self.scrolled = self.scrolled.saturating_sub(1),
            Key::View => {
                self.views = match self.views {
                    Views::All => Views::Messages,
                    Views::Messages => Views::Counters,
                    Views::Counters => Views::All,
                };
            }
        }
        false
    }
}
