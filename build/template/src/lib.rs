//! A new qube from `unikernels/template`: checked names, questions, rendering, files all or none.
//!
//! `cargo generate` renders the same template. Invariant: a rendering builds and passes its own tests unedited, whatever was
//! answered. Not here: arguments and what is printed at the end (`build/skep`); building it.

#![forbid(unsafe_code)]

mod answers;
mod liquid;
mod place;
mod questions;
mod tree;
mod wrong;

pub use answers::{Answers, CALLABLE, Taken};
pub use liquid::{Variables, render};
pub use place::{is_free, put, put_inside, with_members};
pub use questions::{Asked, Given, NoAnswers, answers};
pub use tree::{File, Place, drawing, files, first_schema, read, trait_name};
pub use wrong::Wrong;
