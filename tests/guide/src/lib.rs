//! The guide, executed: what `docs/guide` tells a person to type is typed, and what it promises is looked for.
//!
//! A block without a known tag is a fault, so nothing in the guide can go unexecuted. The tags, after the language:
//!
//! * `sh`: run by bash in the page's folder, which is empty and outside of Skep's tree to begin with; `cd` carries on to the next
//!   block. `sh home` runs in Skep's tree, `sh fails` must fail. `sh picture=NAME` runs at a terminal and is drawn.
//! * `text output`: what the `sh` block before it said, among other lines. A line `…` stands for any lines.
//! * `LANGUAGE file=PATH`: lines that this file has, one after the other; indentation does not count.
//! * `text session`: typed at `cargo skep run` after each prompt; `picture=NAME` draws it.
//!
//! Not here: whether the prose is true.

#![forbid(unsafe_code)]

mod block;
mod picture;
mod place;
mod reader;

pub use block::{Block, Kind, blocks};
pub use picture::draw;
pub use place::Place;
pub use reader::read_page;
