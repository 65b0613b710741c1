//! `skep policy diff`: two systems, read from where they are said to be, and what the second allows that the first does not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use build_explain::Diff;
use build_manifest::System;

use crate::builder::{read_system, read_system_at};
use crate::failure::{Failure, Outcome};
use crate::workspace::Workspace;

/// What changes from `old` to `new`; each a name, a path, or `REVISION:NAME`.
///
/// # Errors
/// A system that cannot be found or is wrong.
pub fn diff(workspace: &Workspace, old: &str, new: &str) -> Outcome<Diff> {
    Ok(build_explain::diff(&read(workspace, old)?, &read(workspace, new)?))
}

/// Fails when a line opens a way to a qube with the label vault.
///
/// # Errors
/// Names the vaults.
pub fn deny_new_ways(diff: &Diff) -> Outcome<()> {
    if !diff.opens_a_way() {
        return Ok(());
    }
    let mut vaults: Vec<&str> = diff.0.iter().flat_map(|change| &change.opens).map(String::as_str).collect();
    vaults.sort_unstable();
    vaults.dedup();
    Err(Failure::failed(format!(
        "a new way to {} is open\n  expected: no line marked `!`\n  fix: narrow the rules, or have the change reviewed and leave \
         --deny-new-paths-to-vault out",
        vaults.join(", ")
    )))
}

fn read(workspace: &Workspace, name: &str) -> Outcome<System> {
    match name.split_once(':') {
        Some((revision, name)) => read_revision(workspace, revision, name),
        None => read_system(workspace, name),
    }
}

/// A folder that goes when this goes.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The manifests of a revision, unpacked for as long as it takes to read one. Services are those of today: a manifest
/// that speaks of one that is gone is wrong.
fn read_revision(workspace: &Workspace, revision: &str, name: &str) -> Outcome<System> {
    if revision.starts_with('-') {
        return Err(Failure::wrong(format!(
            "`{revision}` is no revision\n  expected: REVISION:NAME, as HEAD:desktop"
        )));
    }
    let folder = Scratch(workspace.output().join(format!("revision-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).map_err(|error| Failure::of(folder.0.display(), &error))?;
    unpack(&workspace.root, revision, &folder.0)?;
    let path = if name.contains(['/', '.']) {
        PathBuf::from(name)
    } else {
        format!("build/systems/{name}.toml").into()
    };
    let path = folder.0.join(path);
    if !path.is_file() {
        return Err(Failure::wrong(format!("no system `{name}` in revision `{revision}`")));
    }
    read_system_at(workspace, &path)
}

fn unpack(root: &Path, revision: &str, folder: &Path) -> Outcome<()> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["archive", "--format=tar", revision, "--", ":(glob)**/*.toml"]);
    let archive = git.stderr(Stdio::piped()).output().map_err(|error| Failure::of("git", &error))?;
    if !archive.status.success() {
        let said = String::from_utf8_lossy(&archive.stderr).trim().to_owned();
        return Err(Failure::wrong(format!("no revision `{revision}`: {said}")));
    }
    let file = folder.join("manifests.tar");
    std::fs::write(&file, &archive.stdout).map_err(|error| Failure::of(file.display(), &error))?;
    let status = Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(folder).status();
    let status = status.map_err(|error| Failure::of("tar", &error))?;
    if status.success() { Ok(()) } else { Err(Failure::failed("tar could not unpack the manifests")) }
}
