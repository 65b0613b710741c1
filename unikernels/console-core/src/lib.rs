//! What the console qube does, pure: line editor, commands, sentences.
//!
//! A [`Session`] lives in a [`World`], which is a terminal and typed clients of the services the console may call. The
//! qube gives it a serial port and channels; the tests give it scripts and fakes, and play whole sessions.
//!
//! Invariant: no byte a person typed and no text a qube sent reaches the terminal unless it is harmless (see `plain`); no
//! secret is shown unless `--reveal` asked for it. Deliberately absent: clock, device, variables, pipes, scripts; and a heap, but
//! for pictures that are made anew (`clean.rs`).

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod audit;
mod base64;
mod calendar;
mod call;
mod clean;
mod clipboard;
mod command;
mod converter;
mod document;
mod editor;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod fake_converter;
#[cfg(test)]
mod fake_files;
#[cfg(test)]
mod fake_guestbook;
#[cfg(test)]
mod fake_machine;
#[cfg(test)]
mod fake_system;
#[cfg(test)]
mod fake_vault;
#[cfg(test)]
mod fake_viewer;
mod frame;
mod history;
mod key;
mod line;
mod link;
mod lives;
mod plain;
mod policy;
mod question;
mod reach;
mod report;
mod ring;
mod room;
mod screen;
mod sentence;
mod session;
mod show;
mod spec;
mod starting;
mod suggest;
mod system;
mod terminal;
mod vault;
mod words;

pub use link::{LINK_MS, Link, LinkSlot, is_opened_for, is_plain_address};
pub use ring::Ring;
pub use room::Room;
pub use screen::Colour;
pub use session::Session;
pub use system::{System, World};
pub use terminal::{Asked, Event, Printed, Terminal};
