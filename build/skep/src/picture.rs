//! `skep inspect --svg` and `--dot`: the picture of a manifest, to a file or to standard output.

use std::io::Write as _;
use std::path::Path;

use build_manifest::System;

use crate::failure::{Failure, Outcome};

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For Graphviz.
    Dot,
    /// Drawn already.
    Svg,
}

/// Writes who may talk to whom in a system.
///
/// # Errors
/// The file or standard output takes nothing.
pub fn draw(system: &System, form: Form, output: Option<&Path>) -> Outcome<()> {
    let text = match form {
        Form::Dot => build_explain::dot(system),
        Form::Svg => build_explain::svg(system),
    };
    match output {
        Some(path) => std::fs::write(path, text).map_err(|error| Failure::of(path.display(), &error)),
        None => std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(|error| Failure::of("standard output", &error)),
    }
}
