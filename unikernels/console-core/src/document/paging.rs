//! A page that is longer than the screen: it stops when that is full, and goes on when the person says so.
//!
//! A key answers only when it is typed while the choice stands there. What was typed before the first choice, while the
//! document was loaded, is kept for the next prompt as it always is. A question of a vault or a link is put at the
//! prompt, never here, and not before the silence that follows the last key; so no key pressed for more of a page answers one.

use crate::key::Key;
use crate::screen::Input;
use crate::session::{Given, Session};
use crate::system::World;

/// Rows of a terminal that says nothing else: a serial line can't be asked.
pub(crate) const SCREEN_ROWS: usize = 24;
/// Fewest rows a screen is taken to have: one of text and one for the choice.
const SCREEN_ROWS_MIN: usize = 2;
/// The choice. It stands where no row of a stranger does: without a mark.
const CHOICE: &str = "-- more: space or Enter, a for all, q to stop --";

/// Where a page stops.
pub(super) struct Pager {
    /// Rows of text between two stops.
    rows: usize,
    /// Rows of the page after which it stops.
    stop_at: usize,
    has_stopped: bool,
}

/// What the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    More,
    Stop,
}

impl Pager {
    /// For a screen of so many rows; 0 never stops.
    pub(super) fn new(screen_rows: usize) -> Self {
        let rows = match screen_rows {
            0 => usize::MAX,
            rows => rows.max(SCREEN_ROWS_MIN) - 1,
        };
        Self { rows, stop_at: rows, has_stopped: false }
    }

    /// Rows of the page that may be shown by now.
    pub(super) fn rows_max(&self) -> usize {
        self.stop_at
    }

    /// Whether keys that are typed now are for the next choice.
    pub(super) fn takes_keys(&self) -> bool {
        self.has_stopped && self.stop_at != usize::MAX
    }
}

impl<W: World> Session<'_, W> {
    /// Puts the choice in a row of its own, and wipes it when it is made.
    pub(super) fn ask_for_more(&mut self, pager: &mut Pager) -> Result<Next, Given> {
        if !pager.has_stopped && self.screen.is_cancelled() {
            return Ok(Next::Stop);
        }
        pager.has_stopped = true;
        let next = loop {
            self.screen.clear_row();
            self.screen.put(format_args!("{CHOICE}"));
            match self.screen.fresh_input() {
                Input::Key(Key::Char(' ') | Key::Enter) => {
                    pager.stop_at = pager.stop_at.saturating_add(pager.rows);
                    break Next::More;
                }
                Input::Key(Key::Char('a')) => {
                    pager.stop_at = usize::MAX;
                    break Next::More;
                }
                Input::Key(Key::Char('q') | Key::Cancel | Key::EndOfInput) => break Next::Stop,
                Input::Key(_) => self.screen.raw(b"\x07"),
                Input::Ended(end) => self.ended(&end),
                Input::Disturbed | Input::Asked | Input::Deadline => {}
                Input::Closed => return Err(Given),
            }
        };
        self.screen.clear_row();
        Ok(next)
    }
}
