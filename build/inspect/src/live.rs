//! The live view: a terminal, keys and a clock around [`App`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::app::{App, Key};
use crate::screen::{Ink, draw};
use crate::trouble::Trouble;
use crate::watch::Watch;

/// How often counters are asked for.
const LOOK: Duration = Duration::from_millis(1000);
/// How often messages are asked for, and a key waited for.
const LISTEN: Duration = Duration::from_millis(200);

/// Shows the system until its user leaves or `stop` is set; the terminal is then as it was.
///
/// # Errors
/// The system ended or does not answer, or there is no terminal.
pub fn live(watch: &mut Watch<'_>, has_bodies: bool, ink: Ink, stop: &AtomicBool) -> Result<(), Trouble> {
    let app = App::new(watch.look()?, has_bodies);
    let mut terminal = ratatui::try_init().map_err(|error| Trouble::of("the terminal", &error))?;
    let result = run(watch, app, &mut terminal, ink, stop);
    ratatui::restore();
    // Whatever happened, nothing shall be copied for nobody.
    let left = watch.leave();
    result.and(left)
}

fn run(
    watch: &mut Watch<'_>,
    mut app: App,
    terminal: &mut DefaultTerminal,
    ink: Ink,
    stop: &AtomicBool,
) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::of("the terminal", &error);
    let mut looked = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if !app.paused {
            if looked.elapsed() >= LOOK {
                app.model = watch.look()?;
                looked = Instant::now();
            }
            let notes = watch.listen(&app.model)?;
            app.messages.add(notes);
        }
        terminal.draw(|frame| draw(frame, &app, ink)).map_err(failed)?;
        if event::poll(LISTEN).map_err(failed)?
            && let Event::Key(pressed) = event::read().map_err(failed)?
            && let Some(key) = meaning(pressed)
            && app.press(key)
        {
            break;
        }
    }
    Ok(())
}

fn meaning(pressed: KeyEvent) -> Option<Key> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    Some(match pressed.code {
        KeyCode::Char('c') if pressed.modifiers.contains(KeyModifiers::CONTROL) => Key::Quit,
        KeyCode::Char('q') => Key::Quit,
        KeyCode::Char('p' | ' ') => Key::Pause,
        KeyCode::Char('f') | KeyCode::Tab => Key::Filter,
        KeyCode::Char('v') => Key::View,
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::Esc => Key::Reset,
        _ => return None,
    })
}
