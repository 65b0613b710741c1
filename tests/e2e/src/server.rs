//! Servers on this computer's loopback, for machines whose network QEMU makes: real programs, each at a port that it found free.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server; it ends with this.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub port: u16,
}

impl Server {
    /// Python's, with the files of a folder, at this address of the loopback.
    ///
    /// # Panics
    /// As [`Server::of`].
    #[must_use]
    pub fn files(folder: &Path, loopback: &str) -> Self {
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "0", "--bind", loopback, "--directory"]).arg(folder);
        Self::of(command, |line| line.split("port ").nth(1)?.split(' ').next()?.parse().ok())
    }

    /// What the command starts, which says in a line where it listens.
    ///
    /// # Panics
    /// When it does not run, or ends without that line.
    #[must_use]
    pub fn of(mut command: Command, port: impl Fn(&str) -> Option<u16>) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut lines =
            BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let port = lines.find_map(|line| port(&line));
        let port = port.unwrap_or_else(|| panic!("{command:?} does not say where it listens"));
        // It may have more to say, and must not wait until somebody hears it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
