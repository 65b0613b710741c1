//! What the way through the storage qube costs, beside the driver by itself in a qube: the same disk, the same pieces.
//!
//! The disk is virtio-blk that forgets what is written, so what is counted is what moves the bytes to the device. The emulator
//! completes a request at a time of its own, so these runs are not the same to the instruction as all others are: two must be
//! within a twentieth of each other, and the smaller one is taken.

use super::{Figures, run};
use crate::builder::{build, read_system};
use crate::failure::{Failure, Outcome};
use crate::qemu::Clock;
use crate::report::Report;
use crate::workspace::Workspace;

/// Name of each run and its system, and what the measuring qube is told.
pub(super) const RUNS: [(&str, &str, &str); 2] =
    [("raw", "bench-raw", ""), ("volume", "bench-block", "task=pieces")];
/// What is taken of a run.
const FIGURES: [&str; 2] = ["write_ticks", "read_ticks"];
/// How much larger the figure of one run may be than that of the other.
const SPREAD_MAX: f64 = 1.05;
/// The disk, and the IOMMU without which no qube gets it.
pub(super) const DEVICES: [&str; 6] = [
    "-device",
    "amd-iommu",
    "-blockdev",
    "driver=null-co,node-name=disk,size=268435456,read-zeroes=on",
    "-device",
    "virtio-blk-pci,drive=disk,disable-legacy=on,iommu_platform=on,ioeventfd=off",
];

/// Builds and runs, everything twice; the figures `write_ticks` and `read_ticks` of `raw` and of `volume`.
///
/// # Errors
/// When a run does not end well, or two of the same differ by more than a twentieth.
pub(super) fn measure(workspace: &Workspace, report: Report) -> Outcome<Figures> {
    let mut raw = Figures::new();
    for (name, system, args) in RUNS {
        build(workspace, system, None, report)?;
        let once = || run(workspace, read_system(workspace, system)?, name, args, (Clock::Counted, &DEVICES));
        let first = report.step(&format!("measure {name}"), once)?;
        let second = report.step(&format!("measure {name} again"), once)?;
        for figure in FIGURES {
            raw.insert(format!("{name}.{figure}"), least(name, figure, &first, &second)?);
        }
    }
    Ok(raw)
}

/// The smaller of a figure's two values.
fn least(run: &str, figure: &str, first: &Figures, second: &Figures) -> Outcome<f64> {
    let (Some(first), Some(second)) = (first.get(figure), second.get(figure)) else {
        return Err(Failure::failed(format!("a run of `{run}` has no figure `{figure}`")));
    };
    let (least, most) = (first.min(*second), first.max(*second));
    if most > least * SPREAD_MAX {
        let found = format!("two runs of `{run}` differ by more than a twentieth");
        return Err(Failure::failed(format!("{found}\n  {figure}: first {first}, then {second}")));
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_may_differ_by_a_twentieth_and_the_smaller_one_counts() {
        let of = |value: f64| Figures::from([("read_ticks".to_owned(), value)]);
        let least = |first: f64, second: f64| least("raw", "read_ticks", &of(first), &of(second));
        assert_eq!((least(100.0, 105.0).ok(), least(104.0, 100.0).ok()), (Some(100.0), Some(100.0)));
        assert!(least(100.0, 106.0).is_err_and(|error| error.message.contains("first 100, then 106")));
    }
}
