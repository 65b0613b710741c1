//! The engine: libFuzzer, by whichever toolchain is there, and how targets are built for it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::report::Report;
use crate::workspace::{Workspace, cargo};

/// Which toolchain is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Nightly where there is one, else the pinned stable one.
    Best,
    /// The pinned stable one.
    Stable,
    /// Nightly.
    Nightly,
}

/// A way to build and run the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engine {
    nightly: bool,
}

/// With a target named, build scripts and macros are not instrumented.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// What cargo-fuzz passes too: edges, comparisons, and every check of the language.
const FLAGS: [&str; 10] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "-Ccodegen-units=1",
    "-Cforce-frame-pointers",
];
const SANITIZER: &str = "-Zsanitizer=address";

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.nightly {
            "libFuzzer with AddressSanitizer, built with nightly"
        } else {
            "libFuzzer without a sanitizer, built with the pinned stable toolchain (AddressSanitizer wants nightly)"
        })
    }
}

impl Engine {
    /// The engine that is wanted.
    ///
    /// # Errors
    /// Nightly is wanted and not there.
    pub fn find(wanted: Wanted) -> Outcome<Engine> {
        let nightly = wanted != Wanted::Stable && has_nightly();
        if wanted == Wanted::Nightly && !nightly {
            let fix = "rustup toolchain install nightly, or leave `--engine` out";
            return Err(Failure::missing(format!("no nightly toolchain\n  fix: {fix}")));
        }
        Ok(Engine { nightly })
    }

    /// Whether a sanitizer watches.
    #[must_use]
    pub fn has_sanitizer(self) -> bool {
        self.nightly
    }

    /// Where this engine builds the project's targets.
    #[must_use]
    pub fn folder(self, workspace: &Workspace) -> PathBuf {
        workspace.output().join("fuzz").join(self.word())
    }

    /// Builds these targets of `tests/fuzz`; gives the folder of their binaries.
    ///
    /// # Errors
    /// What the compiler says.
    pub fn build(self, workspace: &Workspace, targets: &[String], report: Report) -> Outcome<PathBuf> {
        let package = workspace.root.join("tests/fuzz");
        self.build_package(&package, &self.folder(workspace), targets, report)
    }

    /// Builds binaries of any such package.
    ///
    /// # Errors
    /// What the compiler says.
    pub fn build_package(
        self,
        package: &Path,
        to: &Path,
        targets: &[String],
        report: Report,
    ) -> Outcome<PathBuf> {
        let mut command = self.cargo(package);
        command.args(["build", "--quiet", "--release", "--target", TARGET]);
        command.args(targets.iter().flat_map(|target| ["--bin", target.as_str()]));
        command.env("CARGO_TARGET_DIR", to);
        let mut flags = FLAGS.join("\x1f");
        if self.nightly {
            flags = flags + "\x1f" + SANITIZER;
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags);
        report.step(&format!("build {} fuzz targets", targets.len()), || {
            let output = command.output().map_err(|error| Failure::of("cargo", &error))?;
            let said = String::from_utf8_lossy(&output.stderr);
            if output.status.success() { Ok(()) } else { Err(Failure::failed(said.trim_end())) }
        })?;
        Ok(to.join(TARGET).join("release"))
    }

    /// Cargo of this engine's toolchain. The pinned one runs this very program, so it is the one without a word.
    fn cargo(self, folder: &Path) -> Command {
        if !self.nightly {
            return cargo(folder);
        }
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo"]).current_dir(folder);
        for name in ["RUSTUP_TOOLCHAIN", "RUSTC", "RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"]
        {
            command.env_remove(name);
        }
        command
    }

    /// Its name as a folder.
    pub(super) fn word(self) -> &'static str {
        if self.nightly { "nightly" } else { "stable" }
    }
}

fn has_nightly() -> bool {
    let output = Command::new("rustup").args(["toolchain", "list"]).output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).lines().any(|it| it.starts_with("nightly"))
    })
}
