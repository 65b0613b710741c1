//! The disk of a machine in QEMU: a file that is made on first use and kept, the device it appears as, the IOMMU before it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{BufRead, ErrorKind, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use build_manifest::{Device, System};

use crate::failure::{Failure, Outcome};
use crate::report::Report;

/// The file, beside the sources.
pub const DEFAULT_FILE: &str = "skep-disk.img";
/// Size of a new disk, when nobody says another.
const DEFAULT_MIB: u64 = 256;
/// Sizes of a new disk: room for a partition table and some volumes, and what a sparse file can be almost anywhere.
const SIZES_MIB: std::ops::RangeInclusive<u64> = 16..=1 << 20;
const MIB: u64 = 1 << 20;

/// The device that a disk appears as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// virtio-blk.
    Virtio,
    /// An NVMe controller.
    Nvme,
}

/// The machine's IOMMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iommu {
    /// AMD-Vi.
    Amd,
    /// Intel VT-d.
    Intel,
    /// None: qubes with devices start only if their manifest says `dma = "unprotected"`.
    None,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file; `None` is [`DEFAULT_FILE`].
    pub file: Option<PathBuf>,
    /// Size of a new file in MiB; `None` asks a person at a terminal, and is [`DEFAULT_MIB`] otherwise.
    pub size_mib: Option<u64>,
    /// The device.
    pub kind: Kind,
    /// The IOMMU.
    pub iommu: Iommu,
}

/// Whether a system has a qube that drives a disk.
#[must_use]
pub fn is_wanted(system: &System) -> bool {
    system.qubes.iter().any(|qube| qube.devices.contains(&Device::Disk))
}

/// The arguments of QEMU for a system's devices; makes the disk if it needs one that is not there, in `folder` when nobody
/// says where.
///
/// # Errors
/// The file cannot be made or is no disk, or the size is no size.
pub fn arguments(
    system: &System,
    folder: &Path,
    options: &Options,
    report: Report,
) -> Outcome<Vec<OsString>> {
    let mut arguments: Vec<OsString> = Vec::new();
    if system.qubes.iter().any(|qube| qube.devices.iter().any(|device| device.is_pci())) {
        match options.iommu {
            Iommu::Amd => arguments.extend(["-device", "amd-iommu"].map(OsString::from)),
            Iommu::Intel => arguments.extend(["-device", "intel-iommu"].map(OsString::from)),
            Iommu::None => report.say("this machine has no IOMMU: a device can reach all memory"),
        }
    }
    if is_wanted(system) {
        let file = options.file.clone().unwrap_or_else(|| folder.join(DEFAULT_FILE));
        ensure(&file, options.size_mib, report)?;
        let path = file.display().to_string().replace(',', ",,");
        arguments.push("-drive".into());
        // `writeback` is a disk with a cache that obeys flushes, as real ones have.
        arguments
            .push(format!("file={path},if=none,id=disk,format=raw,cache=writeback,discard=unmap").into());
        arguments.push("-device".into());
        arguments.push(match options.kind {
            Kind::Virtio => "virtio-blk-pci,drive=disk,disable-legacy=on,iommu_platform=on".into(),
            Kind::Nvme => "nvme,drive=disk,serial=skep".into(),
        });
    }
    Ok(arguments)
}

/// Sees to it that the file is there.
fn ensure(file: &Path, size_mib: Option<u64>, report: Report) -> Outcome<()> {
    match std::fs::metadata(file) {
        Ok(there) if there.is_file() && there.len() >= SIZES_MIB.start() * MIB => return Ok(()),
        Ok(there) => {
            let found = format!("{} is no disk of a machine ({} bytes)", file.display(), there.len());
            return Err(Failure::wrong(format!("{found}\n  fix: name another with --disk, or move it away")));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::of(file.display(), &error)),
    }
    let asked = || {
        let person = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if person { ask(file, &mut std::io::stdin().lock(), &mut std::io::stderr()) } else { Ok(DEFAULT_MIB) }
    };
    let mib = size_mib.map_or_else(asked, Ok)?;
    if !SIZES_MIB.contains(&mib) {
        return Err(Failure::wrong(format!("a disk of {mib} MiB\n  expected: {}", expected())));
    }
    let made = OpenOptions::new().write(true).create_new(true).open(file);
    made.and_then(|made| made.set_len(mib * MIB)).map_err(|error| Failure::of(file.display(), &error))?;
    report.say(&format!("made {}, a disk of {mib} MiB (it takes the room that is used)", file.display()));
    Ok(())
}

/// Asks a person how large the disk shall be; an empty line is the default.
fn ask(file: &Path, from: &mut impl BufRead, to: &mut impl Write) -> Outcome<u64> {
    let wrong = |error: &std::io::Error| Failure::of("the terminal", error);
    let name = file.display();
    loop {
        write!(to, "{name} is not there yet. How large shall the disk be, in MiB? [{DEFAULT_MIB}] ")
            .and_then(|()| to.flush())
            .map_err(|error| wrong(&error))?;
        let mut line = String::new();
        if from.read_line(&mut line).map_err(|error| wrong(&error))? == 0 {
            return Err(Failure::wrong("no size for the disk\n  fix: say --disk-size MiB".to_owned()));
        }
        match line.trim() {
            "" => return Ok(DEFAULT_MIB),
            word => match word.parse::<u64>().ok().filter(|mib| SIZES_MIB.contains(mib)) {
                Some(mib) => return Ok(mib),
                None => writeln!(to, "not a size: {}", expected()).map_err(|error| wrong(&error))?,
            },
        }
    }
}

fn expected() -> String {
    format!("{} to {} MiB", SIZES_MIB.start(), SIZES_MIB.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_asked_until_the_answer_is_a_size() {
        let ask = |typed: &str| {
            let mut shown = Vec::new();
            let answer = super::ask(Path::new("d.img"), &mut typed.as_bytes(), &mut shown);
            (answer.ok(), String::from_utf8(shown).expect("text"))
        };
        assert_eq!(ask("\n").0, Some(DEFAULT_MIB));
        let (answer, shown) = ask("lots\n15\n64\n");
        assert_eq!(answer, Some(64));
        assert_eq!(shown.matches("not a size: 16 to 1048576 MiB").count(), 2, "{shown}");
        assert!(shown.starts_with("d.img is not there yet"), "{shown}");
        assert_eq!(ask("").0, None, "nobody is there");
    }

    #[test]
    fn a_disk_is_made_once_and_what_is_no_disk_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("skep-disk-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let report = Report::new(crate::report::Style::Plain);
        let file = folder.join("d.img");
        ensure(&file, Some(16), report).expect("it is made");
        assert_eq!(std::fs::metadata(&file).expect("a file").len(), 16 * MIB);
        ensure(&file, Some(32), report).expect("it is there");
        assert_eq!(std::fs::metadata(&file).expect("a file").len(), 16 * MIB, "it stays as it is");
        let other = folder.join("letter.txt");
        std::fs::write(&other, "dear").expect("a file");
        assert!(ensure(&other, None, report).is_err());
        assert_eq!(std::fs::read_to_string(&other).expect("a file"), "dear");
        assert!(ensure(&folder.join("small"), Some(1), report).is_err());
        let _ = std::fs::remove_dir_all(&folder);
    }
}
