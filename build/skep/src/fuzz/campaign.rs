//! A campaign: targets run side by side, watched, each for its time; and what came of it.

use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::fuzz::progress::{Figures, read_line};
use crate::report::Report;

/// How often a running target says how far it is.
const PULSE: Duration = Duration::from_secs(10);
/// Last lines of the engine that are kept, to say why it ended.
const LINES_KEPT: usize = 80;
/// Longest input that is tried.
const INPUT_MAX: usize = 4096;

/// Targets to run, and how.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Folder of the targets' binaries.
    pub binaries: PathBuf,
    /// Where corpora, dictionaries and what was found go.
    pub output: PathBuf,
    /// How long each target runs.
    pub duration: Duration,
    /// How many at once.
    pub jobs: usize,
    /// How long an input may take, in seconds.
    pub input_seconds: u64,
    /// Most memory of a target, in MiB.
    pub memory_mib: u64,
    /// Where progress goes.
    pub report: Report,
}

/// One target's run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub target: String,
    /// How far it came.
    pub figures: Figures,
    /// How it ended.
    pub ended: Ended,
    /// How long it took.
    pub seconds: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// In its time, without a find.
    Clean,
    /// With an input that fails.
    Found {
        /// The file that holds it.
        input: PathBuf,
        /// What the oracle or the engine said, in one line.
        said: String,
    },
    /// Without an input: the engine itself did not work.
    Broken(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Clean => f.write_str("ok"),
            Ended::Found { said, .. } => write!(f, "FOUND: {said}"),
            Ended::Broken(said) => write!(f, "BROKEN: {said}"),
        }
    }
}

impl Campaign {
    /// Folder of the committed inputs of a target, laid out.
    #[must_use]
    pub fn committed(&self, target: &str) -> PathBuf {
        self.output.join("committed").join(target)
    }

    /// Folder of what runs have found and is not committed.
    #[must_use]
    pub fn found(&self, target: &str) -> PathBuf {
        self.output.join("found").join(target)
    }

    /// The dictionary of a target.
    #[must_use]
    pub fn dictionary(&self, target: &str) -> PathBuf {
        self.output.join(format!("{target}.dict"))
    }

    /// Runs all these targets, each once, [`Self::jobs`] at a time; gives their ends in this order.
    ///
    /// # Errors
    /// A folder that cannot be made, or a target that does not start.
    pub fn run(&self, targets: &[String]) -> Outcome<Vec<Run>> {
        let waiting: Mutex<VecDeque<usize>> = Mutex::new((0..targets.len()).collect());
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| {
                    loop {
                        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                        let Some(place) = next else { return };
                        let run = self.one(&targets[place]);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((place, run));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, run)| run).collect()
    }

    /// Runs one target for its time.
    ///
    /// # Errors
    /// A folder that cannot be made, or a target that does not start.
    pub fn one(&self, target: &str) -> Outcome<Run> {
        self.one_with(target, &[])
    }

    /// As [`Self::one`], with these variables in its environment.
    ///
    /// # Errors
    /// As there.
    pub fn one_with(&self, target: &str, environment: &[(&str, &str)]) -> Outcome<Run> {
        let (found, crashes) = (self.found(target), self.output.join("crashes"));
        for folder in [&found, &crashes] {
            std::fs::create_dir_all(folder).map_err(|error| Failure::of(folder.display(), &error))?;
        }
        let mut command = guarded(&self.binaries.join(target));
        command.arg(format!("-max_total_time={}", self.duration.as_secs()));
        command.arg(format!("-timeout={}", self.input_seconds));
        command.arg(format!("-rss_limit_mb={}", self.memory_mib));
        command.arg(format!("-max_len={INPUT_MAX}"));
        command.arg(format!("-artifact_prefix={}/{target}-", crashes.display()));
        if self.dictionary(target).is_file() {
            command.arg(format!("-dict={}", self.dictionary(target).display()));
        }
        command.args(["-reload=0", "-use_value_profile=0"]);
        command.arg(&found);
        if self.committed(target).is_dir() {
            command.arg(self.committed(target));
        }
        command.envs(environment.iter().copied());
        self.watch(target, command)
    }

    /// Follows a running target to its end.
    fn watch(&self, target: &str, mut command: Command) -> Outcome<Run> {
        let start = Instant::now();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| Failure::of(target, &error))?;
        let (mut figures, mut last) = (Figures::default(), VecDeque::new());
        let mut said = Instant::now();
        if let Some(output) = child.stderr.take() {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                if let Some(now) = read_line(&line, figures) {
                    figures = now;
                    if said.elapsed() >= PULSE {
                        said = Instant::now();
                        let Figures { runs, a_second, edges, new } = figures;
                        self.report.say(&format!(
                            "  {target}: {runs} runs, {a_second} a second, {edges} edges, {new} new"
                        ));
                    }
                } else {
                    last.push_back(line);
                    if last.len() > LINES_KEPT {
                        last.pop_front();
                    }
                }
            }
        }
        let status = child.wait().map_err(|error| Failure::of(target, &error))?;
        let seconds = start.elapsed().as_secs();
        figures.a_second = figures.runs / seconds.max(1);
        let lines: Vec<String> = last.into();
        Ok(Run { target: target.to_owned(), figures, ended: ended(status, &lines), seconds })
    }

    /// Leaves out of all inputs of a target those that add nothing; gives the folder of the rest.
    ///
    /// # Errors
    /// The engine does not work.
    pub fn minimise(&self, target: &str) -> Outcome<PathBuf> {
        let least = self.output.join("least").join(target);
        let _ = std::fs::remove_dir_all(&least);
        std::fs::create_dir_all(&least).map_err(|error| Failure::of(least.display(), &error))?;
        let mut command = guarded(&self.binaries.join(target));
        command.args(["-merge=1".as_ref(), least.as_os_str(), self.committed(target).as_os_str()]);
        let output = command.arg(self.found(target)).output().map_err(|error| Failure::of(target, &error))?;
        if output.status.success() {
            return Ok(least);
        }
        Err(Failure::failed(format!("{target}: the corpus could not be merged")))
    }
}

/// Runs one input; what the target says is shown.
pub(super) fn once(binary: &Path, input: &Path) -> Outcome<ExitStatus> {
    guarded(binary).arg(input).status().map_err(|error| Failure::of(binary.display(), &error))
}

/// A target that dies when this process does, however it dies.
fn guarded(binary: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(binary);
    // A leak is looked for at the end of the run; an input that allocates for ever meets the limit before.
    command.env("ASAN_OPTIONS", "detect_leaks=1:allocator_may_return_null=1").env("RUST_BACKTRACE", "0");
    command
}

/// How a run ended, from its status and its last lines.
fn ended(status: ExitStatus, lines: &[String]) -> Ended {
    if status.success() {
        return Ended::Clean;
    }
    let said = lines
        .iter()
        .position(|line| line.contains("panicked at"))
        .map(|place| {
            lines.iter().skip(place + 1).take(1).map(|line| line.trim()).collect::<Vec<_>>().join(" ")
        })
        .or_else(|| {
            Some(lines.iter().find(|line| line.contains("ERROR: "))?.split("ERROR: ").last()?.to_owned())
        })
        .unwrap_or_else(|| format!("it ended with {status}"));
    let written = |line: &String| Some(line.split("Test unit written to ").nth(1)?.trim().to_owned());
    match lines.iter().find_map(written) {
        Some(input) => Ended::Found { input: input.into(), said },
        None => Ended::Broken(lines.last().cloned().unwrap_or(said)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_find_is_told_by_what_the_oracle_said() {
        let text = "thread '<unnamed>' panicked at src/a.rs:1:2:\nvalidator and reference disagree\nnote: x\n\
                    ==1== ERROR: libFuzzer: deadly signal\nartifact_prefix='c/'; Test unit written to c/t-crash-00";
        let said = "validator and reference disagree".to_owned();
        let found = Ended::Found { input: "c/t-crash-00".into(), said };
        assert_eq!(ended(ExitStatus::from_raw(77 << 8), &lines(text)), found);
    }

    #[test]
    fn a_hang_is_told_by_the_engine_and_a_good_end_is_none() {
        let text = "==1== ERROR: libFuzzer: timeout after 10 seconds\nTest unit written to c/t-timeout-00";
        let said = "libFuzzer: timeout after 10 seconds".to_owned();
        assert_eq!(
            ended(ExitStatus::from_raw(70 << 8), &lines(text)),
            Ended::Found { input: "c/t-timeout-00".into(), said }
        );
        assert_eq!(ended(ExitStatus::from_raw(0), &[]), Ended::Clean);
        assert_eq!(
            ended(ExitStatus::from_raw(1 << 8), &lines("no such file")),
            Ended::Broken("no such file".into())
        );
    }
}
