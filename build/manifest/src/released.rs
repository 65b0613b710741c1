//! What was released: a schema that breaks what an earlier release spoke, under the same version, stops the build.
//!
//! `ipc-proto/spec/released/RELEASE/NAME.txt` has, for each service of that release: `version N`, its canonical text between
//! `text` and `end`, its table, and frames of its golden vectors. Written once, at the release
//! (`RELEASE=1 cargo test -p tests-conformance`), never changed afterwards. That the frames still pass, `tests/conformance`
//! proves.

use std::fmt;

use ipc_proto_wire::Service;

use crate::catalogue::Catalogue;

/// A service as it was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Its version.
    pub version: u16,
    /// Line of the file on which its text begins, from 1.
    pub first_line: usize,
    /// Its canonical text.
    pub text: String,
    /// Its table, in hex.
    pub table: String,
    /// Frames of it, in hex.
    pub frames: Vec<String>,
}

/// A schema that is not what was released under its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The file of the release.
    pub file: String,
    /// Its line that no longer holds, from 1.
    pub line: usize,
    /// Name of the service.
    pub service: &'static str,
    /// The version that both claim.
    pub version: u16,
    /// What the schema says there now; empty when it says nothing.
    pub found: String,
    /// What was released.
    pub expected: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, service, version, found, expected } = self;
        let found = if found.is_empty() { "nothing" } else { found };
        write!(
            f,
            "{file}:{line}: found `{found}` in version {version} of service `{service}`\n  \
             expected: `{expected}`, as it was released\n  \
             fix: write `#[service(name = \"{service}\", version = {})]`, or take the change back",
            version + 1
        )
    }
}

impl Released {
    /// Reads a file of a release; `None` when it is none.
    #[must_use]
    pub fn read(file: &str) -> Option<Released> {
        let lines: Vec<&str> = file.lines().collect();
        let after = |word: &str| lines.iter().find_map(|line| line.strip_prefix(word));
        let start = lines.iter().position(|line| *line == "text")? + 1;
        let end = start + lines.get(start..)?.iter().position(|line| *line == "end")?;
        Some(Released {
            version: after("version ")?.parse().ok()?,
            first_line: start + 1,
            text: lines.get(start..end)?.iter().fold(String::new(), |text, line| text + line + "\n"),
            table: after("table ")?.to_owned(),
            frames: lines.iter().filter_map(|line| line.strip_prefix("frame ")).map(str::to_owned).collect(),
        })
    }

    /// The file that says this.
    #[must_use]
    pub fn write(&self, name: &str, release: &str) -> String {
        let head = format!(
            "# Service `{name}` as release {release} spoke it. Never changed: see ../../wire-format.md.\n"
        );
        let frames = self.frames.iter().fold(String::new(), |frames, frame| frames + "frame " + frame + "\n");
        format!("{head}version {}\ntext\n{}end\ntable {}\n{frames}", self.version, self.text, self.table)
    }
}

impl Catalogue {
    /// Holds the services against one file of a release, for the service named after it.
    ///
    /// # Errors
    /// The first line that no longer holds.
    pub fn check_released(&self, file: &str, name: &str, content: &str) -> Result<(), Broken> {
        let (Some(service), Some(released)) = (self.find(name), Released::read(content)) else {
            return Ok(());
        };
        if service.version != released.version {
            return Ok(());
        }
        first_difference(service, &released).map_or(Ok(()), |(place, found, expected)| {
            let line = released.first_line + place;
            Err(Broken {
                file: file.to_owned(),
                line,
                service: service.name,
                version: service.version,
                found,
                expected,
            })
        })
    }
}

/// The first line in which the texts differ: its place, what it says now, what it said.
fn first_difference(service: &Service, released: &Released) -> Option<(usize, String, String)> {
    let text = service.canonical();
    let (now, then): (Vec<&str>, Vec<&str>) =
        (text.as_str().lines().collect(), released.text.lines().collect());
    let place = (0..now.len().max(then.len())).find(|place| now.get(*place) != then.get(*place))?;
    let line = |lines: &[&str]| lines.get(place).map_or(String::new(), |line| (*line).to_owned());
    Some((place, line(&now), line(&then)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo() -> Released {
        let service = ipc_proto_echo_api::SERVICE;
        let text = service.canonical().as_str().to_owned();
        Released {
            version: service.version,
            first_line: 4,
            text,
            table: "00".into(),
            frames: vec!["0102".into()],
        }
    }

    #[test]
    fn what_is_as_it_was_released_passes() {
        let file = echo().write("echo", "0.1.0");
        assert_eq!(Released::read(&file), Some(echo()));
        assert_eq!(Catalogue::builtin().check_released("echo.txt", "echo", &file), Ok(()));
    }

    #[test]
    fn a_released_bound_that_changed_is_named_with_line_and_fix() {
        let mut old = echo();
        old.text = old.text.replace("text<1024>", "text<512>");
        let broken = Catalogue::builtin().check_released("r/echo.txt", "echo", &old.write("echo", "0.1.0"));
        let told = broken.expect_err("a bound has changed").to_string();
        for part in [
            "r/echo.txt:5: found `call say(text: text<1024>)",
            "expected: `call say(text: text<512>)",
            "version = 2",
        ] {
            assert!(told.contains(part), "{part} in\n{told}");
        }
    }

    #[test]
    fn a_method_taken_away_or_put_at_the_end_is_a_change_too() {
        let more = Released { text: echo().text + "call gone() -> ()\n", ..echo() };
        let broken = Catalogue::builtin().check_released("e", "echo", &more.write("echo", "0.1.0"));
        assert!(broken.expect_err("a method is gone").to_string().contains("found `nothing`"));
    }

    #[test]
    fn a_new_version_may_say_what_it_likes() {
        let old = Released { version: 7, text: "service echo\n".into(), ..echo() };
        assert_eq!(Catalogue::builtin().check_released("e", "echo", &old.write("echo", "0.1.0")), Ok(()));
    }
}
