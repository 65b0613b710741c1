//! `skep iso`: a CD image that GRUB boots under BIOS and UEFI, and that can be written to a USB stick as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::builder::{Built, build};
use crate::doctor;
use crate::failure::{Failure, Outcome};
use crate::needs::Task;
use crate::report::Report;
use crate::workspace::Workspace;

/// What GRUB does: no menu to wait for, the same text on screen and serial line, then multiboot2.
const GRUB_CFG: &str = "\
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=0
set default=0
insmod all_video
set gfxpayload=keep
menuentry \"Skep\" {
    multiboot2 /boot/supervisor
    module2 /boot/system.img
    boot
}
";

/// Builds a system and puts it on a CD image at `output`, by default `target/skep/NAME.iso`; returns its path.
///
/// # Errors
/// Anything that kept the system from being built, or GRUB from making the image.
pub fn iso(workspace: &Workspace, system: &str, output: Option<&Path>, report: Report) -> Outcome<PathBuf> {
    doctor::ensure(&[Task::Build, Task::Iso], report)?;
    let built = build(workspace, system, None, report)?;
    let name = built.system.name;
    let output = output.map_or_else(|| workspace.output().join(format!("{name}.iso")), Path::to_owned);
    report.step("make the CD image", || make(workspace, &built, &output))?;
    Ok(output)
}

fn make(workspace: &Workspace, built: &Built, output: &Path) -> Outcome<()> {
    let tree = workspace.output().join(format!("{}.iso.d", built.system.name));
    let write = || -> std::io::Result<()> {
        if tree.exists() {
            std::fs::remove_dir_all(&tree)?;
        }
        std::fs::create_dir_all(tree.join("boot/grub"))?;
        std::fs::write(tree.join("boot/grub/grub.cfg"), GRUB_CFG)?;
        std::fs::copy(&built.kernel, tree.join("boot/supervisor"))?;
        std::fs::copy(&built.image, tree.join("boot/system.img"))?;
        Ok(())
    };
    write().map_err(|error| Failure::of(tree.display(), &error))?;
    let mut grub = Command::new("grub-mkrescue");
    grub.args(["--fonts=", "--locales=", "--themes=", "--compress=xz", "-o"]).arg(output).arg(&tree);
    let done = grub.output().map_err(|error| Failure::of("grub-mkrescue", &error))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(Failure::failed(format!("grub-mkrescue failed ({}):\n{said}", done.status)))
}
