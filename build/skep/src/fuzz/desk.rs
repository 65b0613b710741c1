//! What this tool asks of the oracles: it may not depend on tests, so it builds their desk and runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::report::Report;
use crate::workspace::{Workspace, cargo};

const PACKAGE: &str = "tests-oracles";

/// The desk.
#[derive(Debug)]
pub(super) struct Desk {
    program: PathBuf,
}

/// A target that there is.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) about: String,
}

impl Desk {
    pub(super) fn build(workspace: &Workspace, report: Report) -> Outcome<Desk> {
        let mut command = cargo(&workspace.root);
        command.args(["build", "--quiet", "--release", "--package", PACKAGE]);
        report.step("build the oracles", || {
            let output = command.output().map_err(|error| Failure::of("cargo", &error))?;
            let said = String::from_utf8_lossy(&output.stderr);
            if output.status.success() { Ok(()) } else { Err(Failure::failed(said.trim_end())) }
        })?;
        Ok(Desk { program: workspace.target.join("release").join(PACKAGE) })
    }

    pub(super) fn targets(&self) -> Outcome<Vec<Known>> {
        let text = self.ask(&["list".as_ref()])?;
        let known = text.lines().filter_map(|line| line.split_once(' '));
        Ok(known.map(|(name, about)| Known { name: name.to_owned(), about: about.to_owned() }).collect())
    }

    /// Lays out the committed corpus and the dictionary of a target.
    pub(super) fn prepare(&self, target: &str, folder: &Path, dictionary: &Path) -> Outcome<()> {
        let _ = std::fs::remove_dir_all(folder);
        self.ask(&["prepare".as_ref(), target.as_ref(), folder, dictionary]).map(|_| ())
    }

    /// An input in words.
    pub(super) fn show(&self, target: &str, input: &Path) -> Outcome<String> {
        self.ask(&["show".as_ref(), target.as_ref(), input])
    }

    /// Makes the inputs in a folder the committed corpus.
    pub(super) fn keep(&self, target: &str, folder: &Path) -> Outcome<String> {
        self.ask(&["keep".as_ref(), target.as_ref(), folder])
    }

    fn ask(&self, words: &[&Path]) -> Outcome<String> {
        let output = Command::new(&self.program).args(words).output();
        let output = output.map_err(|error| Failure::of(self.program.display(), &error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Failure::failed(String::from_utf8_lossy(&output.stderr).trim_end()))
    }
}
