//! Attacks in QEMU, each beside a canary that must notice nothing.
//!
//! A [`Group`] is one system: the canary (`tests/canary-qube`), an honest `echo`, and up to [`ATTACKERS_MAX`] instances of
//! `tests/hostile-qube`, each named after its attack. It is booted once, in counted time, so every run is the same; then
//! each attack is judged by itself: it began, it came to the [`Expected`] end or refusal, that is in the audit, and nobody
//! else was touched. An attack that did not run is a failure like any other.
//! Not here: the attacks themselves, and attacks that need no machine (`tests/sim`).

#![forbid(unsafe_code)]

mod expected;
mod facts;
mod group;

pub use expected::{Expected, ends, survives};
pub use facts::{Audit, Facts, Qube};
pub use group::{ATTACKERS_MAX, Group, Place};

/// One test for each attack of a group: `NAME, PLACE, { test: "attack" => expected; ... }`.
#[macro_export]
macro_rules! attacks {
    ($group:ident, $place:expr, { $($test:ident: $attack:literal => $expected:expr;)+ }) => {
        static $group: $crate::Group = $crate::Group::new(stringify!($group), $place, &[$($attack),+]);
        $(
            #[test]
            fn $test() {
                $group.check($attack, &$expected);
            }
        )+
    };
}
