//! What the way through the storage qube costs, beside the driver by itself in a qube: the same disk, the same pieces.
//!
//! The disk is virtio-blk that forgets what is written and answers within the notification: the emulator does no work of its own
//! at a time of its own, so that every run is the same, and all that is counted is what moves the bytes to the device.

use super::{Figures, figures, run};
use crate::builder::{build, read_system};
use crate::failure::Outcome;
use crate::qemu::Clock;
use crate::report::Report;
use crate::workspace::Workspace;

/// Name of each run and its system, and what the measuring qube is told.
pub(super) const RUNS: [(&str, &str, &str); 2] =
    [("raw", "bench-raw", ""), ("volume", "bench-block", "task=pieces")];
/// The disk, and the IOMMU without which no qube gets it.
pub(super) const DEVICES: [&str; 6] = [
    "-device",
    "amd-iommu",
    "-blockdev",
    "driver=null-co,node-name=disk,size=268435456,read-zeroes=on",
    "-device",
    "virtio-blk-pci,drive=disk,disable-legacy=on,iommu_platform=on,ioeventfd=off",
];

/// Builds and runs, everything twice. Figures named `raw.NAME` and `volume.NAME`.
///
/// # Errors
/// When a run does not end well, or two of the same differ.
pub(super) fn measure(workspace: &Workspace, report: Report) -> Outcome<Figures> {
    let mut raw = Figures::new();
    for (name, system, args) in RUNS {
        build(workspace, system, None, report)?;
        let once = || run(workspace, read_system(workspace, system)?, name, args, (Clock::Counted, &DEVICES));
        let first = report.step(&format!("measure {name}"), once)?;
        let second = report.step(&format!("measure {name} again"), once)?;
        figures::same(name, &first, &second)?;
        raw.extend(first.into_iter().map(|(figure, value)| (format!("{name}.{figure}"), value)));
    }
    Ok(raw)
}
