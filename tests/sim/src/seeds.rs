//! Working through seeds, and replaying one.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs `check` with each seed below `count`, and says how many that were. When it panics, prints how to run that seed alone: the variable
/// `SKEP_SIM_SEED`. `SKEP_SIM_SEEDS` is a count to use instead, for a long night.
///
/// # Panics
/// As `check` does; or when one of the variables is not a number.
pub fn seeds(test: &str, count: u64, check: impl Fn(u64)) -> u64 {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let all = match number("SKEP_SIM_SEED") {
        Some(seed) => seed..=seed,
        None => 0..=number("SKEP_SIM_SEEDS").unwrap_or(count).saturating_sub(1),
    };
    let mut done = 0;
    for seed in all {
        done += 1;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(seed))) {
            eprintln!("replay: SKEP_SIM_SEED={seed} cargo test -p tests-sim {test}");
            resume_unwind(panic);
        }
    }
    done
}
