//! What is wrong with a manifest, where, and what to do about it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A place in a file, as editors count: from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The place; `None` when the file as a whole is meant.
    pub at: Option<Position>,
    /// What was found there.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What to write instead, where there is an obvious answer.
    pub fix: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(Position { line, column }) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}\n  expected: {}", self.found, self.expected)?;
        if let Some(fix) = &self.fix {
            write!(f, "\n  fix: {fix}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong; never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A value and the bytes of the file it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

impl<T> At<T> {
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { value: change(self.value), span: self.span }
    }
}

/// A file's path and text, and the problems found in it so far.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) problems: Vec<Problem>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: &str) -> Source {
        Source { path: tidy_path(path), text: text.to_owned(), problems: Vec::new() }
    }

    pub(crate) fn read(path: &Path) -> Result<Source, Problem> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Source::new(path, &text)),
            Err(error) => Err(Problem {
                file: tidy_path(path),
                at: None,
                found: format!("cannot be read: {error}"),
                expected: "a manifest in TOML".into(),
                fix: None,
            }),
        }
    }

    /// The place of a byte offset.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
        Position { line: before.matches('\n').count() + 1, column }
    }

    /// Notes a problem at a byte offset.
    pub(crate) fn problem(
        &mut self,
        offset: usize,
        found: impl Into<String>,
        expected: impl Into<String>,
        fix: Option<String>,
    ) {
        let problem = Problem {
            file: self.path.clone(),
            at: Some(self.position(offset)),
            found: found.into(),
            expected: expected.into(),
            fix,
        };
        self.problems.push(problem);
    }
}

/// The path without `.` and with `..` taken back, by its text alone.
pub(crate) fn tidy_path(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source::new(Path::new("x"), "ab\ncü = 1\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(4), Position { line: 2, column: 2 });
        assert_eq!(source.position(7), Position { line: 2, column: 4 });
        assert_eq!(source.position(99), Position { line: 3, column: 1 });
    }

    #[test]
    fn paths_lose_their_detours() {
        for (path, expected) in
            [("build/systems/../../unikernels/./echo", "unikernels/echo"), ("../a", "../a")]
        {
            assert_eq!(tidy_path(Path::new(path)), Path::new(expected));
        }
    }
}
