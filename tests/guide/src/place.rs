//! The folder of a reader: empty, outside of Skep's tree, with the tool installed. It is gone when its owner is dropped.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use rexpect::process::WaitStatus;
use rexpect::session::{Options, spawn_with_options};

/// Longest wait for a command, in milliseconds: one that builds everything takes minutes.
const PATIENCE_MS: u64 = 1_200_000;
/// What a reader's terminal is wide.
const WIDTH: &str = "stty cols 110 rows 40;";

/// The folder of a reader.
#[derive(Debug)]
pub struct Place {
    /// The folder.
    pub root: PathBuf,
    /// The tree of Skep that is used.
    pub home: PathBuf,
    /// Where the next command runs.
    pub here: PathBuf,
}

impl Place {
    /// An empty folder for this tree of Skep.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(home: &Path) -> Place {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        let root = std::env::temp_dir().join(format!("skep-guide-{}-{now}", std::process::id()));
        std::fs::create_dir_all(&root).expect("a folder");
        Place { here: root.clone(), root, home: home.to_owned() }
    }

    /// Lets every project of this place build in one folder: they share most packages.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn share_target(&self, target: &Path) {
        let folder = self.root.join(".cargo");
        std::fs::create_dir_all(&folder).expect("a folder");
        let text = format!("[build]\ntarget-dir = {:?}\n", target.to_string_lossy());
        std::fs::write(folder.join("config.toml"), text).expect("a file");
    }

    /// Goes to a folder of this name, which is made.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn enter(&mut self, name: &str) {
        self.here = self.root.join(name);
        std::fs::create_dir_all(&self.here).expect("a folder");
    }

    /// A program with this place's tools, in its current folder.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let mut path = OsString::from(self.root.join("installed/bin"));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(&self.here).env("PATH", path).env("TERM", "xterm-256color");
        command.env("CARGO_INSTALL_ROOT", self.root.join("installed"));
        // What `cargo test` tells its tests is not what a reader has.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let is_cargos =
                name.starts_with("CARGO_") && !["CARGO_HOME", "CARGO_INSTALL_ROOT"].contains(&&*name);
            if is_cargos || name == "CARGO" || name == "NO_COLOR" || name == "RUSTUP_TOOLCHAIN" {
                command.env_remove(&*name);
            }
        }
        command
    }

    /// Runs a script of bash at a terminal; gives whether it worked and what it said, escapes included. Where it went is
    /// where the next one begins.
    ///
    /// # Panics
    /// When bash does not run.
    pub fn run(&mut self, script: &str) -> (bool, String) {
        let there = self.root.join(".here");
        let mut bash = self.command("bash");
        bash.args(["-c", &format!("{WIDTH} trap 'pwd > {}' EXIT; set -e\n{script}", there.display())]);
        let options = Options::new().timeout_ms(Some(PATIENCE_MS));
        let mut terminal = spawn_with_options(bash, options).expect("a pseudo-terminal");
        let said = terminal.exp_eof().expect("the script ends");
        let bytes: Vec<u8> = said.chars().map(|one| u8::try_from(one).unwrap_or(b'?')).collect();
        let went = std::fs::read_to_string(&there).expect("the script says where it ended");
        self.here = PathBuf::from(went.trim_end());
        let worked = matches!(terminal.process().wait(), Ok(WaitStatus::Exited(_, 0)));
        (worked, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The text with names of folders that are the same on every machine.
    #[must_use]
    pub fn anonymous(&self, page: &str, text: &str) -> String {
        let page = self.root.join(page);
        text.replace(&*page.to_string_lossy(), "~").replace(&*self.home.to_string_lossy(), "~/skep")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left of it is in the folder for what may be lost.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}
