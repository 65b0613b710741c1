//! `skep who-can-reach`: the answer of the manifest, or what to ask instead.

use build_explain::{Places, reach};
use build_manifest::System;

use crate::failure::{Failure, Outcome};

/// Who can reach a qube, in words.
///
/// # Errors
/// When the system has no such qube; names the nearest.
pub fn answer(system: &System, qube: &str) -> Outcome<String> {
    reach(system, qube, Places::Named).ok_or_else(|| {
        let names: Vec<&str> = system.qubes.iter().map(|qube| qube.name.as_str()).collect();
        let near = build_manifest::nearest(qube, names.iter().copied());
        let hint = near.map(|near| format!("\n  fix: write `{near}`")).unwrap_or_default();
        let found = format!("no qube `{qube}` in `{}`", system.name);
        Failure::wrong(format!("{found}\n  expected: one of {}{hint}", names.join(", ")))
    })
}
