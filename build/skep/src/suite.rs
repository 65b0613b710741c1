//! `skep test`: everything, in the order in which a failure is cheapest, with a summary at the end.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use crate::builder::{build, build_packages};
use crate::failure::{Failure, Outcome};
use crate::needs::Task;
use crate::report::Report;
use crate::workspace::{Kind, SUPERVISOR, Workspace, cargo};
use crate::{bench, doctor, fuzz, table};

/// How much to test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// What needs no QEMU.
    Quick,
    /// All that a change has to pass.
    Everything,
    /// That, and the tests that take many minutes, which are marked to be ignored.
    Long,
}

/// Tests counted in the output of `cargo test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    passed: u32,
    failed: u32,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

/// How tests of packages run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// With nothing beside them; their lines are shown as they come.
    Usual,
    /// While others run: one test at a time, lines shown at the end.
    Beside,
    /// Those that are marked to be ignored, one at a time: some measure time.
    Ignored,
}

impl Manner {
    /// What their program is told.
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Usual => &[],
            Self::Beside => &["--", "--test-threads=1"],
            Self::Ignored => &["--", "--ignored", "--test-threads=1"],
        }
    }
}

/// The package whose tests have the terminals, one at a time.
const TYPIST: &str = "tests-e2e";

/// These packages as cargo's arguments.
fn packages<'a>(names: &'a [&str]) -> impl Iterator<Item = &'a str> {
    names.iter().flat_map(|name| ["--package", *name])
}

/// One line of the summary.
struct Done {
    name: &'static str,
    counts: Counts,
    seconds: f64,
    failure: Option<Failure>,
}

/// A suite being run.
struct Suite<'a> {
    workspace: &'a Workspace,
    report: Report,
    done: Vec<Done>,
}

/// Runs all tests; prints a summary and the totals as the last line.
///
/// # Errors
/// When anything failed.
pub fn test(workspace: &Workspace, extent: Extent, report: Report) -> Outcome<()> {
    let tasks: &[Task] = if extent == Extent::Quick { &[Task::Build] } else { &Task::ALL };
    doctor::ensure(tasks, report)?;
    let mut suite = Suite { workspace, report, done: Vec::new() };
    suite.run("house rules", |suite| suite.tidy());
    suite.run("formatting", |suite| suite.quiet(&["fmt", "--all", "--check"], &[], &[]));
    let lints = ["--", "--deny", "warnings"];
    suite.run("lints of host packages", |suite| {
        let clippy = ["clippy", "--quiet", "--keep-going", "--all-targets"];
        suite.quiet(&clippy, &suite.names(Kind::Host), &lints)?;
        suite.quiet(&clippy, &suite.names(Kind::Qemu), &lints)
    });
    suite.run("lints of freestanding packages", |suite| {
        let clippy = ["clippy", "--quiet", "--keep-going", "--profile", "metal"];
        // The supervisor by itself, as it is built: no feature that a qube asks of a library is on.
        let all = suite.names(Kind::Metal);
        let (supervisor, qubes): (Vec<&str>, Vec<&str>) = all.iter().partition(|name| **name == SUPERVISOR);
        suite.quiet(&clippy, &supervisor, &lints)?;
        suite.quiet(&clippy, &qubes, &lints)
    });
    suite.run("host tests", |suite| suite.tests(&suite.names(Kind::Host), Manner::Usual));
    let built = suite.run("build of all freestanding packages and systems", |suite| suite.build());
    if extent >= Extent::Everything && built {
        suite.run("tests in QEMU", |suite| suite.booting_tests());
        suite.run("measurements", |suite| suite.bench());
        suite.run("fuzzing", |suite| suite.fuzz());
    }
    if extent >= Extent::Long && built {
        suite.run("long tests", |suite| {
            suite.tests(&[suite.names(Kind::Host), suite.names(Kind::Qemu)].concat(), Manner::Ignored)
        });
    }
    suite.summary()
}

impl Suite<'_> {
    /// Runs one part and keeps how it ended; whether it ended well.
    fn run(&mut self, name: &'static str, part: impl FnOnce(&Self) -> Outcome<Counts>) -> bool {
        println!("== {name}");
        let start = Instant::now();
        let result = part(self);
        let seconds = start.elapsed().as_secs_f64();
        let (counts, failure) = match result {
            Ok(counts) => (counts, None),
            Err(failure) => (Counts { passed: 0, failed: 1 }, Some(failure)),
        };
        if let Some(failure) = &failure {
            println!("{failure}");
        }
        let good = failure.is_none() && counts.failed == 0;
        self.done.push(Done { name, counts, seconds, failure });
        good
    }

    fn tidy(&self) -> Outcome<Counts> {
        match build_tidy::check(&self.workspace.root) {
            Ok(faults) if faults.is_empty() => Ok(Counts { passed: 1, failed: 0 }),
            Ok(faults) => {
                Err(Failure::failed(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
            }
            Err(error) => Err(Failure::of("reading the tree", &error)),
        }
    }

    /// A cargo command whose output matters only when it fails.
    fn quiet(&self, arguments: &[&str], names: &[&str], last: &[&str]) -> Outcome<Counts> {
        let mut command = cargo(&self.workspace.root);
        command.args(arguments).args(packages(names)).args(last);
        let output = command.output().map_err(|error| Failure::of("cargo", &error))?;
        if output.status.success() {
            return Ok(Counts { passed: 1, failed: 0 });
        }
        let said = [output.stdout, output.stderr].concat();
        Err(Failure::failed(String::from_utf8_lossy(&said).trim_end().to_owned()))
    }

    /// The packages of a kind.
    fn names(&self, kind: Kind) -> Vec<&str> {
        self.workspace.names(kind).collect()
    }

    /// Tests that boot QEMU, two machines at a time: those that type at a terminal have one processor, the others run beside
    /// them, one after the other, on the second.
    fn booting_tests(&self) -> Outcome<Counts> {
        let all = self.names(Kind::Qemu);
        let (typing, beside): (Vec<&str>, Vec<&str>) = all.iter().partition(|name| **name == TYPIST);
        self.report.step("build the tests", || {
            let mut command = cargo(&self.workspace.root);
            command.args(["test", "--quiet", "--no-run"]).args(packages(&all));
            let output = command.output().map_err(|error| Failure::of("cargo", &error))?;
            let said = String::from_utf8_lossy(&output.stderr);
            if output.status.success() { Ok(()) } else { Err(Failure::failed(said.trim_end())) }
        })?;
        let (typed, beside) = std::thread::scope(|scope| {
            let beside = scope.spawn(|| self.tests(&beside, Manner::Beside));
            let typed = self.tests(&typing, Manner::Usual);
            (typed, beside.join().unwrap_or_else(|_| Err(Failure::failed("a thread of this tool panicked"))))
        });
        Ok(typed? + beside?)
    }

    /// `cargo test` of packages: its lines are shown and counted.
    fn tests(&self, names: &[&str], manner: Manner) -> Outcome<Counts> {
        let mut command = cargo(&self.workspace.root);
        command.args(["test", "--no-fail-fast"]).args(packages(names)).args(manner.arguments());
        let mut child =
            command.stdout(Stdio::piped()).spawn().map_err(|error| Failure::of("cargo", &error))?;
        let (mut counts, mut kept) = (Counts::default(), String::new());
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                counts.add(&line);
                match manner {
                    Manner::Usual | Manner::Ignored => println!("{line}"),
                    Manner::Beside => kept = kept + &line + "\n",
                }
            }
        }
        print!("{kept}");
        let status = child.wait().map_err(|error| Failure::of("cargo", &error))?;
        match counts {
            _ if !status.success() && counts.failed == 0 => {
                Err(Failure::failed(format!("`cargo test` ended with {status}")))
            }
            Counts { passed: 0, failed: 0 } => Err(Failure::failed("no test ran")),
            counts => Ok(counts),
        }
    }

    fn build(&self) -> Outcome<Counts> {
        let packages: Vec<&str> = self.workspace.names(Kind::Metal).collect();
        self.report.step("build every freestanding package", || build_packages(self.workspace, &packages))?;
        let folder = self.workspace.root.join("build/systems");
        let entries = std::fs::read_dir(&folder).map_err(|error| Failure::of(folder.display(), &error))?;
        let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        // Beside the manifests lies the folder of who can reach whom in each.
        let mut names: Vec<String> =
            files.filter_map(|file| file.strip_suffix(".toml").map(str::to_owned)).collect();
        names.sort();
        for name in &names {
            build(self.workspace, name, None, self.report)?;
        }
        Ok(Counts { passed: u32::try_from(names.len()).unwrap_or(u32::MAX), failed: 0 })
    }

    fn fuzz(&self) -> Outcome<Counts> {
        Ok(Counts { passed: fuzz::brief(self.workspace, self.report)?, failed: 0 })
    }

    fn bench(&self) -> Outcome<Counts> {
        bench::bench(self.workspace, bench::Length::Usual, self.report)?;
        Ok(Counts { passed: 1, failed: 0 })
    }

    fn summary(self) -> Outcome<()> {
        println!("== summary");
        let mut rows = Vec::new();
        let mut total = Counts::default();
        for done in &self.done {
            let good = done.failure.is_none() && done.counts.failed == 0;
            let word = if good { "ok" } else { "FAILED" };
            let counts = format!("{} passed, {} failed", done.counts.passed, done.counts.failed);
            rows.push(vec![done.name.to_owned(), word.to_owned(), counts, format!("{:.0} s", done.seconds)]);
            total.passed += done.counts.passed;
            total.failed += done.counts.failed;
        }
        for line in table::lines(&rows, &[3]) {
            println!("{line}");
        }
        println!("{} passed, {} failed", total.passed, total.failed);
        if total.failed == 0 { Ok(()) } else { Err(Failure::failed("not everything passed; see above")) }
    }
}

impl Counts {
    /// Adds a line such as `test result: ok. 7 passed; 0 failed; ...`.
    fn add(&mut self, line: &str) {
        let Some((_, result)) = line.split_once("test result: ") else { return };
        let number = |word: &str| {
            let before = result.split(word).next()?;
            before.trim_end().rsplit(' ').next()?.parse::<u32>().ok()
        };
        self.passed += number("passed").unwrap_or(0);
        self.failed += number("failed").unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_cargo_test_are_added_up() {
        let mut counts = Counts::default();
        counts.add(
            "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.67s",
        );
        counts.add("test something ... ok");
        counts.add("test result: FAILED. 10 passed; 6 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(counts, Counts { passed: 17, failed: 6 });
    }
}
