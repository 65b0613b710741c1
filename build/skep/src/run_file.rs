//! What a running system leaves for other commands to find it by: `target/skep/gdb/SYSTEM.json`.
//!
//! It says who runs it and at which sockets it can be reached. It goes away with the run; one whose process is gone is
//! taken for none.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::workspace::Workspace;

/// A running system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its manifest, as it was named to `cargo skep run`.
    pub system: String,
    /// The process that runs it.
    pub pid: u32,
    /// QEMU's socket for a debugger.
    pub gdb: PathBuf,
}

/// The file, which is removed when this is dropped.
#[derive(Debug)]
pub struct RunFile {
    path: PathBuf,
    gdb: PathBuf,
}

/// Where the files are.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.output().join("gdb")
}

impl Running {
    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn announce(&self, workspace: &Workspace, name: &str) -> Outcome<RunFile> {
        let path = folder(workspace).join(format!("{name}.json"));
        let text = json!({ "system": self.system, "pid": self.pid, "gdb": self.gdb });
        std::fs::write(&path, format!("{text:#}\n")).map_err(|error| Failure::of(path.display(), &error))?;
        Ok(RunFile { path, gdb: self.gdb.clone() })
    }

    fn read(path: &Path) -> Option<Running> {
        let value: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let pid = u32::try_from(value["pid"].as_u64()?).ok()?;
        let (system, gdb) = (value["system"].as_str()?.to_owned(), PathBuf::from(value["gdb"].as_str()?));
        Path::new("/proc").join(pid.to_string()).exists().then_some(Running { system, pid, gdb })
    }

    /// Every running system that can be found.
    #[must_use]
    pub fn all(workspace: &Workspace) -> Vec<Running> {
        let entries = std::fs::read_dir(folder(workspace)).into_iter().flatten();
        entries.filter_map(|entry| Running::read(&entry.ok()?.path())).collect()
    }
}

/// A socket for a system that is about to run. A path of a socket is at most 107 bytes, wherever the project is.
///
/// # Errors
/// When its folder cannot be made.
pub fn socket(workspace: &Workspace, name: &str) -> Outcome<PathBuf> {
    let folder = folder(workspace);
    std::fs::create_dir_all(&folder).map_err(|error| Failure::of(folder.display(), &error))?;
    let path = folder.join(format!("{name}.gdb"));
    let _ = std::fs::remove_file(&path);
    if path.as_os_str().len() <= 107 {
        return Ok(path);
    }
    let found = format!("{} is too long for a socket", path.display());
    Err(Failure::wrong(format!("{found}\n  fix: set CARGO_TARGET_DIR to a shorter path")))
}

impl Drop for RunFile {
    fn drop(&mut self) {
        // They may be gone already, and then all is well.
        let _ = std::fs::remove_file(&self.path);
        let _ = std::fs::remove_file(&self.gdb);
    }
}
