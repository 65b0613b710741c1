//! What a new qube is to be, checked: nothing that passes here makes a qube that does not build.

use std::collections::BTreeSet;

use build_manifest::{format_size, nearest, parse_size};
use ipc_proto_types::{Label, QubeName};

use crate::liquid::upper_camel_case;
use crate::wrong::Wrong;

/// The services the template knows how to call.
pub const CALLABLE: [&str; 5] = ["clock", "console", "echo", "log", "vault"];
/// What a qube may have without a change of its system's memory.
const MEMORY_MIN: u64 = 1 << 20;
const MEMORY_MAX: u64 = 32 << 20;

/// Names that would be a word of Rust, or a package the qube depends on.
const WORDS: [&str; 47] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "static",
    "std",
    "struct",
    "test",
    "tests-e2e",
    "tests-kit",
    "trait",
    "true",
    "try",
    "type",
];
const MORE_WORDS: [&str; 14] = [
    "self",
    "super",
    "typeof",
    "unikernels-rt",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "build",
    "deps",
    "proc-macro",
];
/// Traits that would hide something the template's code names.
const TRAITS: [&str; 24] = [
    "Call",
    "CallError",
    "Caller",
    "Client",
    "Default",
    "Drop",
    "Err",
    "Fn",
    "None",
    "Ok",
    "Option",
    "Peers",
    "Port",
    "Qube",
    "Result",
    "Self",
    "Server",
    "Service",
    "Some",
    "Stopped",
    "TestQube",
    "TestSystem",
    "Text",
    "Time",
];

/// A qube that can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Name of the qube.
    pub name: String,
    /// How far it is trusted.
    pub label: Label,
    /// The service it serves.
    pub serves: String,
    /// Services it calls, in the order of [`CALLABLE`].
    pub calls: Vec<&'static str>,
    /// Its memory as the manifest writes it.
    pub memory: String,
}

/// Names that are in use: of qubes and of services.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// Qubes of Skep.
    pub qubes: BTreeSet<String>,
    /// Services of Skep, the supervisor's among them.
    pub services: BTreeSet<String>,
}

/// Checks the name of a qube.
///
/// # Errors
/// A malformed name, or one in use.
pub(crate) fn name(text: &str, taken: &Taken) -> Result<String, Wrong> {
    let name = spelled("NAME", text)?;
    let fix = format!("my-{text}");
    let fix = format!("choose another, such as `{}`", fix.get(..16).unwrap_or(&fix));
    if taken.qubes.contains(&name) {
        return Err(Wrong::new("NAME", format!("`{name}` is a qube of Skep"), "a name not in use").fix(fix));
    }
    if taken.services.contains(&name) {
        return Err(
            Wrong::new("NAME", format!("`{name}` is a service of Skep"), "a name not in use").fix(fix)
        );
    }
    Ok(name)
}

/// Checks the name of the service to serve.
///
/// # Errors
/// A malformed name, or one in use.
pub(crate) fn serves(text: &str, taken: &Taken) -> Result<String, Wrong> {
    let serves = spelled("--serves", text)?;
    if taken.services.contains(&serves) {
        let found = format!("service `{serves}` is Skep's own");
        return Err(Wrong::new("--serves", found, "a service of yours").fix("choose another name"));
    }
    let trait_name = upper_camel_case(&serves);
    if TRAITS.contains(&trait_name.as_str()) {
        let found =
            format!("`{serves}`: its trait would be `{trait_name}`, which the code needs for something else");
        return Err(Wrong::new("--serves", found, "another name").fix(format!("such as `my-{serves}`")));
    }
    Ok(serves)
}

fn spelled(place: &str, text: &str) -> Result<String, Wrong> {
    let expected = "1 to 16 of a-z, 0-9 and -, beginning with a letter, each - between two others";
    let dashed = text.ends_with('-') || text.contains("--");
    if QubeName::new(text).is_err() || dashed {
        let wrong = Wrong::new(place, format!("`{text}`"), expected);
        let guess = spelling_near(text);
        return Err(if guess.is_empty() { wrong } else { wrong.fix(format!("write `{guess}`")) });
    }
    if WORDS.contains(&text) || MORE_WORDS.contains(&text) || text.starts_with("ipc-proto-") {
        return Err(Wrong::new(place, format!("`{text}`: a crate cannot be named so"), "another name"));
    }
    Ok(text.to_owned())
}

/// The nearest well-formed name; empty when there is none.
fn spelling_near(text: &str) -> String {
    let letters = text.to_ascii_lowercase();
    let parts = letters.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let joined = parts.collect::<Vec<_>>().join("-");
    let from_letter = joined.trim_start_matches(|letter: char| !letter.is_ascii_lowercase());
    from_letter.get(..16).unwrap_or(from_letter).trim_end_matches('-').to_owned()
}

/// Checks a label.
///
/// # Errors
/// A word that is no label.
pub(crate) fn label(text: &str) -> Result<Label, Wrong> {
    Label::from_word(text).ok_or_else(|| {
        let words = Label::ALL.map(Label::word);
        one_of("--label", text, &words, "a label")
    })
}

/// Checks a list of services to call, separated by commas; none is fine.
///
/// # Errors
/// A service the template cannot call.
pub(crate) fn calls(text: &str) -> Result<Vec<&'static str>, Wrong> {
    let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    match words.iter().find(|word| !CALLABLE.contains(word)) {
        Some(&"ctl") => {
            let found = "`ctl`, with which a qube could end every other";
            Err(Wrong::new("--calls", found, "of clock, console, echo, log, vault")
                .fix("leave it to the console"))
        }
        Some(unknown) => Err(one_of("--calls", unknown, &CALLABLE, "services, separated by commas,")),
        None => Ok(CALLABLE.into_iter().filter(|service| words.contains(service)).collect()),
    }
}

fn one_of(place: &str, found: &str, known: &[&str], what: &str) -> Wrong {
    let wrong = Wrong::new(place, format!("`{found}`"), format!("{what} of {}", known.join(", ")));
    match nearest(found, known.iter().copied()) {
        Some(near) => wrong.fix(format!("write `{near}`")),
        None => wrong,
    }
}

/// Checks a size of memory.
///
/// # Errors
/// No size, or one that does not fit the template's system.
pub(crate) fn memory(text: &str) -> Result<String, Wrong> {
    let expected = "whole MiB from 1MiB to 32MiB";
    match parse_size(text) {
        Some(bytes) if bytes % MEMORY_MIN == 0 && (MEMORY_MIN..=MEMORY_MAX).contains(&bytes) => {
            Ok(format_size(bytes))
        }
        Some(bytes) if bytes > MEMORY_MAX => {
            let fix = "begin with 32MiB; for more, raise `memory` in qube.toml and in the system file";
            Err(Wrong::new("--memory", format!("`{text}`"), expected).fix(fix))
        }
        _ => Err(Wrong::new("--memory", format!("`{text}`"), expected).fix("write `2MiB`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken() -> Taken {
        let set = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Taken { qubes: set(&["hello", "console"]), services: set(&["ctl", "echo"]) }
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, Wrong>, part: &str) {
        let told = result.expect_err(part).to_string();
        assert!(told.contains(part), "{told}");
    }

    #[test]
    fn names_that_build_pass() {
        for text in ["a", "guestbook", "my-book", "a1-b2", "abcdefghijklmnop"] {
            assert_eq!(name(text, &taken()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn names_that_do_not_are_refused_with_a_fix() {
        for (text, part) in [
            ("", "NAME: ``"),
            ("My Book", "fix: write `my-book`"),
            ("1a", "fix: write `a`"),
            ("a-", "fix: write `a`"),
            ("a--b", "fix: write `a-b`"),
            ("abcdefghijklmnopq", "fix: write `abcdefghijklmnop`"),
            ("match", "cannot be named so"),
            ("core", "cannot be named so"),
            ("hello", "`hello` is a qube of Skep"),
            ("ctl", "`ctl` is a service of Skep"),
        ] {
            refused(name(text, &taken()), part);
        }
        refused(serves("echo", &taken()), "service `echo` is Skep's own");
        refused(serves("text", &taken()), "`Text`, which the code needs");
    }

    #[test]
    fn other_answers_are_checked_too() {
        assert_eq!(calls("log, clock,"), Ok(vec!["clock", "log"]));
        assert_eq!(calls(""), Ok(vec![]));
        refused(calls("clocks"), "fix: write `clock`");
        refused(calls("ctl"), "leave it to the console");
        assert_eq!(label("green"), Ok(Label::Green));
        refused(label("gren"), "fix: write `green`");
        assert_eq!(memory("2MiB").as_deref(), Ok("2MiB"));
        refused(memory("2"), "fix: write `2MiB`");
        refused(memory("64MiB"), "raise `memory`");
    }

    #[test]
    fn no_callable_service_is_part_of_another_so_templates_may_search() {
        for one in CALLABLE {
            assert_eq!(CALLABLE.iter().filter(|other| other.contains(one)).count(), 1);
        }
    }
}
