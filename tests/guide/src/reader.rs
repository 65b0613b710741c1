//! One page, read by somebody who does everything it says.

use std::path::Path;

use tests_e2e::{Terminal, plain};

use crate::block::{Block, Kind, blocks};
use crate::picture::draw;
use crate::place::Place;

/// Set to draw the pictures anew.
const UPDATE: &str = "UPDATE";
/// Stands for any lines.
const ANYTHING: &str = "…";
const PROMPT: &str = "skep> ";
/// First words of lines that depend on what was built before.
const PROGRESS: [&str; 8] =
    ["Adding", "Blocking", "Checking", "Compiling", "Downloaded", "Finished", "Locking", "Updating"];

/// Reads `docs/guide/NAME` and does what it says, in a folder of its own in `place`.
///
/// # Errors
/// File and line of the block that does not hold, and what happened instead.
pub fn read_page(place: &mut Place, name: &str) -> Result<(), String> {
    let folder = place.home.join("docs/guide");
    let page = std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    let title = name.trim_end_matches(".md").to_owned();
    place.enter(&title);
    let mut said = String::new();
    let found = blocks(&page).map_err(|told| format!("{name}:{told}"))?;
    for block in &found {
        let start = std::time::Instant::now();
        let picture =
            execute(place, block, &mut said).map_err(|told| format!("{name}:{}: {told}", block.line))?;
        println!("{name}:{}: {:.1} s", block.line, start.elapsed().as_secs_f64());
        let (Some(picture), Some(shown)) = (&block.picture, picture) else { continue };
        let shown = steady(&place.anonymous(&title, &shown));
        let file = folder.join("pictures").join(format!("{picture}.svg"));
        compare(&file, &draw(&shown)).map_err(|told| format!("{name}:{}: {told}", block.line))?;
        if !page.contains(&format!("](pictures/{picture}.svg)")) {
            return Err(format!("{name}:{}: the page does not show pictures/{picture}.svg", block.line));
        }
    }
    Ok(())
}

/// Does what the block says; gives what there is to draw.
fn execute(place: &mut Place, block: &Block, said: &mut String) -> Result<Option<String>, String> {
    match &block.kind {
        Kind::Run | Kind::Fail | Kind::RunAtHome => {
            let before = place.here.clone();
            if block.kind == Kind::RunAtHome {
                place.here.clone_from(&place.home);
            }
            let (worked, shown) = place.run(&block.text);
            if block.kind == Kind::RunAtHome {
                place.here = before;
            }
            *said = plain(&shown);
            if worked == (block.kind == Kind::Fail) {
                let word = if worked { "it worked" } else { "it failed" };
                return Err(format!("{word}:\n{said}"));
            }
            let typed = block.text.lines().last().unwrap_or("");
            Ok(Some(format!("\x1b[2m$\x1b[0m {typed}\n{shown}")))
        }
        Kind::Output => has_lines(said, &block.text).map(|()| None),
        Kind::File(path) => {
            let path = place.here.join(path);
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            has_lines(&text, &block.text).map(|()| None)
        }
        Kind::Session => session(place, &block.text).map(Some),
    }
}

/// Types the lines after the prompts; what follows each in the block has to come in that order.
fn session(place: &mut Place, text: &str) -> Result<String, String> {
    // What there is to build is built before patience counts.
    let (worked, shown) = place.run("cargo skep image");
    if !worked {
        return Err(plain(&shown));
    }
    let mut command = place.command("cargo");
    command.args(["skep", "run"]);
    let mut terminal = Terminal::open(command);
    let boot = terminal.seen.len() - PROMPT.len();
    for command in text.split(PROMPT).filter(|command| !command.is_empty()) {
        let from = terminal.seen.len();
        let mut lines = command.lines();
        terminal.command(lines.next().unwrap_or(""));
        let is_missing = |line: &&str, seen: &str| !plain(seen.get(from..).unwrap_or("")).contains(*line);
        // A report comes unasked, perhaps after the prompt.
        let late: Vec<&str> =
            lines.filter(|line| *line != ANYTHING && is_missing(line, &terminal.seen)).collect();
        for line in &late {
            terminal.until(line);
        }
        if !late.is_empty() {
            terminal.until(PROMPT);
        }
    }
    let end = terminal.seen.len() - PROMPT.len();
    let (_, seen) = terminal.power_off();
    let shown = seen.get(boot..end).unwrap_or("").to_owned();
    let screen = plain(&shown);
    let mut rest = screen.as_str();
    for line in text.lines().filter(|line| *line != ANYTHING) {
        let at = rest
            .find(line.trim_end())
            .ok_or_else(|| format!("no `{line}` in time at the terminal:\n{screen}"))?;
        rest = rest.get(at + line.trim_end().len()..).unwrap_or("");
    }
    Ok(shown)
}

/// Whether the lines are in the text, one after the other, or with others between them where it says so.
fn has_lines(text: &str, lines: &str) -> Result<(), String> {
    let text: Vec<&str> = text.lines().map(str::trim).collect();
    let lines: Vec<&str> = lines.trim_end().lines().map(str::trim).collect();
    let mut from = 0;
    for part in lines.split(|line| *line == ANYTHING).filter(|part| !part.is_empty()) {
        let rest = text.get(from..).unwrap_or(&[]);
        let at = rest.windows(part.len()).position(|window| window == part);
        let at =
            at.ok_or_else(|| format!("these lines:\n{}\nare not in:\n{}", part.join("\n"), text.join("\n")))?;
        from += at + part.len();
    }
    Ok(())
}

/// The text without lines that say how long something took, or what had to be built.
fn steady(text: &str) -> String {
    let is_progress = |line: &str| {
        let line = plain(line);
        let seconds = line.trim_end().strip_suffix(" s)").and_then(|line| line.rsplit_once('('));
        let first = line.split_whitespace().next().unwrap_or("");
        seconds.is_some_and(|(_, number)| number.parse::<f64>().is_ok()) || PROGRESS.contains(&first)
    };
    let lines: Vec<String> = text.lines().filter(|line| !is_progress(line)).map(without_time).collect();
    lines.join("\n")
}

/// The line with `0.000` for each time since boot, such as `12.345`; what follows stays in its column.
fn without_time(line: &str) -> String {
    let zero = |word: &str| {
        let (seconds, thousandths) = word.split_once('.')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_time = is_number(seconds) && is_number(thousandths) && thousandths.len() == 3;
        is_time.then(|| format!("{:>width$}", "0.000", width = word.len()))
    };
    let words: Vec<String> =
        line.split(' ').map(|word| zero(word).unwrap_or_else(|| word.to_owned())).collect();
    words.join(" ")
}

/// Compares a picture with the one that is kept, or keeps it.
fn compare(file: &Path, drawn: &str) -> Result<(), String> {
    if std::env::var_os(UPDATE).is_some() {
        return std::fs::write(file, drawn).map_err(|error| format!("{}: {error}", file.display()));
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    if kept == drawn {
        return Ok(());
    }
    let other = kept.lines().zip(drawn.lines()).find(|(old, new)| old != new);
    let (old, new) = other.unwrap_or(("(its end)", "(its end)"));
    Err(format!(
        "{} is not what the terminal shows\n  found: {new}\n  expected: {old}\n  fix: run this test with {UPDATE}=1 and look at it",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_looked_for_in_their_order() {
        let text = "a\n  b\nc\nd\n";
        assert_eq!(has_lines(text, "b\nc\n"), Ok(()));
        assert_eq!(has_lines(text, "a\n…\nd\n"), Ok(()));
        assert!(has_lines(text, "a\nc\n").is_err());
        assert!(has_lines(text, "d\n…\na\n").is_err());
    }

    #[test]
    fn what_differs_between_two_runs_is_not_drawn() {
        let text = "\x1b[32m  ok\x1b[0m build (1.3 s)\n   Compiling a v0.1.0\nerror: b (see c)\n";
        assert_eq!(steady(text), "error: b (see c)");
        assert_eq!(steady("a  2.345 b\na 12.345 b 1.2"), "a  0.000 b\na  0.000 b 1.2");
    }
}
