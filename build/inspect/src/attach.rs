//! Which systems run with an inspector: a file for each, made by who runs it, found by who looks.
//!
//! A file whose process is gone is stale: whoever sees one removes it, with its socket.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::trouble::Trouble;

/// Longest path of a socket (`sun_path` of `unix(7)`, without its final zero).
const SOCKET_PATH_MAX: usize = 107;

/// A running system with an inspector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFile {
    /// Its name.
    pub system: String,
    /// The socket of the inspector's serial port.
    pub socket: PathBuf,
    /// The process that runs it.
    pub pid: u32,
}

impl RunFile {
    fn read(path: &Path) -> Option<Self> {
        let value: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        Some(Self {
            system: value["system"].as_str()?.to_owned(),
            socket: value["socket"].as_str()?.into(),
            pid: u32::try_from(value["pid"].as_u64()?).ok()?,
        })
    }

    fn is_stale(&self) -> bool {
        !Path::new("/proc").join(self.pid.to_string()).exists()
    }

    /// Connects to it.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn connect(&self) -> Result<UnixStream, Trouble> {
        UnixStream::connect(&self.socket).map_err(|error| Trouble::of(self.socket.display(), &error))
    }
}

/// A run file that goes when this goes, with its socket.
#[derive(Debug)]
pub struct Registration {
    file: PathBuf,
    /// Where QEMU shall listen.
    pub socket: PathBuf,
}

impl Drop for Registration {
    fn drop(&mut self) {
        for path in [&self.file, &self.socket] {
            let _ = fs::remove_file(path);
        }
    }
}

/// Says that this process runs a system with an inspector.
///
/// # Errors
/// The folder cannot be written, or its path is too long for a socket.
pub fn register(folder: &Path, system: &str) -> Result<Registration, Trouble> {
    fs::create_dir_all(folder).map_err(|error| Trouble::of(folder.display(), &error))?;
    sweep(folder);
    let pid = std::process::id();
    let (file, socket) = (folder.join(format!("{pid}.json")), folder.join(format!("{pid}.sock")));
    if socket.as_os_str().len() > SOCKET_PATH_MAX {
        return Err(Trouble::Failed(format!(
            "{}: too long for a socket\n  expected: at most {SOCKET_PATH_MAX} bytes\n  fix: set CARGO_TARGET_DIR to a shorter path",
            socket.display()
        )));
    }
    let registration = Registration { file, socket };
    let text = json!({ "system": system, "socket": registration.socket, "pid": pid }).to_string();
    fs::write(&registration.file, text).map_err(|error| Trouble::of(registration.file.display(), &error))?;
    Ok(registration)
}

/// Removes what processes left that are gone, and gives what runs.
pub fn sweep(folder: &Path) -> Vec<RunFile> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "json"));
    let mut running = Vec::new();
    for path in files {
        match RunFile::read(&path) {
            Some(run) if !run.is_stale() => running.push(run),
            _ => {
                let _ = fs::remove_file(&path);
                let _ = fs::remove_file(path.with_extension("sock"));
            }
        }
    }
    running.sort_by(|one, other| (&one.system, one.pid).cmp(&(&other.system, other.pid)));
    running
}

/// The running system of this name, or the only one.
///
/// # Errors
/// There is none, or more than one.
pub fn find(folder: &Path, system: Option<&str>) -> Result<RunFile, Trouble> {
    let mut running = sweep(folder);
    let all: Vec<String> =
        running.iter().map(|run| format!("{} (process {})", run.system, run.pid)).collect();
    running.retain(|run| system.is_none_or(|system| run.system == system));
    let (found, expected, fix) = match (running.pop(), running.len()) {
        (Some(run), 0) => return Ok(run),
        (None, _) if all.is_empty() => (
            "no system with an inspector is running".to_owned(),
            "one started with --inspect".to_owned(),
            format!("`cargo skep run {} --inspect` in another terminal", system.unwrap_or("desktop")),
        ),
        (None, _) => (
            format!("no running system `{}`", system.unwrap_or("")),
            format!("one of {}", all.join(", ")),
            "name that one".to_owned(),
        ),
        (Some(_), _) => (
            format!("more than one system is running: {}", all.join(", ")),
            "one to look into".to_owned(),
            "name it; of the same name, end all but one".to_owned(),
        ),
    };
    Err(Trouble::NoSystem(format!("{found}\n  expected: {expected}\n  fix: {fix}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_system_is_found_and_a_stale_file_is_removed() {
        let folder = std::env::temp_dir().join(format!("skep-attach-{}", std::process::id()));
        let none = find(&folder, None).unwrap_err().to_string();
        assert!(none.contains("fix: `cargo skep run desktop --inspect`"), "{none}");
        let registration = register(&folder, "desktop").unwrap();
        let run = find(&folder, None).unwrap();
        assert_eq!((run.system.as_str(), &run.socket), ("desktop", &registration.socket));
        assert_eq!(find(&folder, Some("desktop")), Ok(run));
        assert!(find(&folder, Some("minimal")).unwrap_err().to_string().contains("one of desktop (process"));
        // No process has this number: the largest there can be is 4,194,304.
        fs::write(folder.join("9.json"), "{\"system\":\"old\",\"socket\":\"9.sock\",\"pid\":4000000000}")
            .unwrap();
        fs::write(folder.join("9.sock"), "").unwrap();
        fs::write(folder.join("8.json"), "nonsense").unwrap();
        assert_eq!(sweep(&folder).len(), 1);
        assert!(!folder.join("9.json").exists() && !folder.join("9.sock").exists());
        drop(registration);
        assert!(fs::read_dir(&folder).unwrap().next().is_none(), "nothing is left behind");
        fs::remove_dir(&folder).unwrap();
    }
}
