//! What a system said of itself, read from its log.

use std::collections::BTreeMap;

use tests_harness::Ended;

/// Ticks of a slice where a tick is a nanosecond.
const SLICE: u64 = 1_000_000;

/// What the canary learned of a qube.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qube {
    /// What it was doing at the end.
    pub state: String,
    /// Which life it was in.
    pub generation: u32,
    /// Messages and requests of it that were refused.
    pub refused: u64,
    /// How its last life ended: `none`, or a word and perhaps a number.
    pub end: String,
}

/// A finding of the audit about a qube.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audit {
    /// The rule that was broken (`ipc-proto/ctl-api`, `why.rs`).
    pub why: u8,
    /// How often the canary saw it; the audit may have forgotten more.
    pub count: u32,
}

/// Everything a boot tells.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whether the supervisor powered the machine off.
    powered_off: bool,
    /// Status and last lines, for messages.
    tail: String,
    /// Who logged what: name and text.
    lines: Vec<(String, String)>,
    /// Lines that nobody of the system begins.
    strays: Vec<String>,
    qubes: BTreeMap<String, Qube>,
    audit: BTreeMap<String, Vec<Audit>>,
}

impl Facts {
    /// From the log of a machine and the names of its qubes.
    #[must_use]
    pub fn read(ended: &Ended, names: Vec<String>) -> Self {
        let mut facts = Self {
            powered_off: ended.powered_off(),
            tail: ended.tail(),
            lines: Vec::new(),
            strays: Vec::new(),
            qubes: BTreeMap::new(),
            audit: BTreeMap::new(),
        };
        for line in &ended.log {
            match origin(line).filter(|(name, _)| *name == "skep" || names.iter().any(|known| known == name))
            {
                Some((name, text)) => facts.add(name, text),
                None => facts.strays.push(line.clone()),
            }
        }
        facts
    }

    fn add(&mut self, name: &str, text: &str) {
        if name == "canary" {
            let words: Vec<&str> = text.split(' ').collect();
            match words.as_slice() {
                ["canary:", "qube", qube, rest @ ..] => {
                    self.qubes.extend(read_qube(rest).map(|read| ((*qube).to_owned(), read)));
                }
                ["canary:", "audit", qube, rest @ ..] => {
                    self.audit.entry((*qube).to_owned()).or_default().extend(read_audit(rest));
                }
                _ => {}
            }
        }
        self.lines.push((name.to_owned(), text.to_owned()));
    }

    /// What a qube, or `skep` itself, logged.
    pub fn lines_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + Clone {
        self.lines.iter().filter(move |(by, _)| by == name).map(|(_, text)| text.as_str())
    }

    /// What the canary learned of a qube.
    #[must_use]
    pub fn qube(&self, name: &str) -> Option<&Qube> {
        self.qubes.get(name)
    }

    /// What the audit says of a qube.
    #[must_use]
    pub fn audit(&self, name: &str) -> &[Audit] {
        self.audit.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether everybody but the attackers is as if nothing had happened.
    ///
    /// # Errors
    /// Says what is not.
    pub fn is_quiet(&self, attackers: usize) -> Result<(), String> {
        let fault = |what: &str| Err(format!("{what}\n{}", self.tail));
        if !self.powered_off {
            return fault("the supervisor did not power the machine off");
        }
        if let Some(line) = self.strays.first() {
            return fault(&format!("a line of nobody: {line:?}"));
        }
        let canary = self.lines_of("canary").filter(|line| line.starts_with("canary: "));
        if let Some(line) = canary.clone().find(|line| line.contains("broken") || line.contains("lost")) {
            return fault(line);
        }
        if !canary.clone().any(|line| line.starts_with("canary: ok rounds=")) {
            return fault("the canary did not say that all is well");
        }
        for name in ["canary", "echo"] {
            let Some(qube) = self.qube(name) else { return fault("a qube is missing in the canary's list") };
            if (qube.generation, qube.end.as_str()) != (1, "none") {
                return fault(&format!("{name} was not left alone: {qube:?}"));
            }
        }
        self.is_timely(attackers as u64 + 1)
    }

    /// Whether the canary had its share of the time, with `contenders` at most and itself among them.
    fn is_timely(&self, contenders: u64) -> Result<(), String> {
        // With everybody running, each has a slice in turn; half as long again is generous.
        let most = 150 * contenders;
        // A call waits for two turns, its own server's and its own.
        let longest = 2 * SLICE * (contenders + 1);
        let share = |key| self.lines_of("canary").find_map(|line| number(line.split(' '), key));
        match (share("mean_percent="), share("slowest_call=")) {
            (Some(percent), Some(call)) if percent <= most && call <= longest => Ok(()),
            other => Err(format!(
                "the canary had to wait: {other:?} percent and ticks for a call, at most {most} and {longest}"
            )),
        }
    }

    /// Everything about one attacker, for a message.
    #[must_use]
    pub fn about(&self, name: &str) -> String {
        let told =
            |(by, text): &&(String, String)| by == name || text.split([' ', ':']).any(|word| word == name);
        let lines = self.lines.iter().filter(told).map(|(by, text)| format!("  [{by}] {text}\n"));
        lines.collect::<String>()
    }
}

/// Who logged a line, and what: `[   0.001023 perf] text`.
fn origin(line: &str) -> Option<(&str, &str)> {
    let (head, text) = line.strip_prefix('[')?.split_once(']')?;
    let (_, name) = head.rsplit_once(' ')?;
    // The life of a qube may follow its name in a panic report.
    let name = if name.bytes().all(|byte| byte.is_ascii_digit()) { head.rsplit(' ').nth(1)? } else { name };
    Some((name, text.strip_prefix(' ').unwrap_or(text)))
}

fn read_qube(words: &[&str]) -> Option<Qube> {
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    Some(Qube {
        state: value("state=")?.to_owned(),
        generation: value("generation=")?.parse().ok()?,
        refused: value("refused=")?.parse().ok()?,
        end: value("end=")?.to_owned(),
    })
}

fn read_audit(words: &[&str]) -> Option<Audit> {
    let why = words.iter().find_map(|word| word.strip_prefix("why=0x"))?;
    let count = words.iter().find_map(|word| word.strip_prefix("count="))?;
    Some(Audit { why: u8::from_str_radix(why, 16).ok()?, count: count.parse().ok()? })
}

fn number<'a>(mut words: impl Iterator<Item = &'a str>, key: &str) -> Option<u64> {
    words.find_map(|word| word.strip_prefix(key)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(log: &str) -> Facts {
        let log = log.lines().map(str::to_owned).collect();
        let ended = Ended { status: Some(33), log, complaint: String::new() };
        Facts::read(&ended, ["canary", "echo", "hlt"].map(str::to_owned).to_vec())
    }

    const QUIET: &str = "[   0.000880 skep] hlt generation 1 starts\n\
        [   0.020880 hlt] attack hlt begins\n\
        [   0.030000 canary] canary: qube canary state=Running generation=1 refused=0 exits=9 end=none\n\
        [   0.030000 canary] canary: qube echo state=Waiting generation=1 refused=0 exits=9 end=none\n\
        [   0.030000 canary] canary: qube hlt state=Ended generation=1 refused=0 exits=9 end=instruction:0x78\n\
        [   0.030000 canary] canary: audit hlt why=0x88 verdict=Refused count=1\n\
        [   0.030000 canary] canary: share alone=5 mean_percent=100 worst_percent=120 slowest_call=9000\n\
        [   0.030000 canary] canary: ok rounds=20";

    #[test]
    fn a_log_is_read() {
        let facts = facts(QUIET);
        assert_eq!(facts.is_quiet(1), Ok(()));
        assert_eq!(facts.lines_of("hlt").collect::<Vec<_>>(), ["attack hlt begins"]);
        assert_eq!(facts.qube("hlt").map(|qube| qube.end.as_str()), Some("instruction:0x78"));
        assert_eq!(facts.audit("hlt"), [Audit { why: 0x88, count: 1 }]);
        assert!(facts.audit("echo").is_empty());
    }

    #[test]
    fn whatever_the_canary_noticed_is_a_fault() {
        let check = |from: &str, to: &str, fault: &str| {
            let found = facts(&QUIET.replace(from, to)).is_quiet(1).unwrap_err();
            assert!(found.contains(fault), "{found}");
        };
        check("canary: ok", "canary: broken: Memory", "broken: Memory");
        check("canary: ok", "canary: what", "did not say");
        check("echo state=Waiting generation=1", "echo state=Waiting generation=2", "not left alone");
        check("mean_percent=100", "mean_percent=301", "had to wait");
        check("slowest_call=9000", "slowest_call=6000001", "had to wait");
        check("[   0.000880 skep]", "[vault]", "a line of nobody");
        check("canary: qube echo", "canary: qube hello", "missing");
    }

    #[test]
    fn a_machine_that_stopped_by_itself_is_a_fault() {
        let ended = Ended { status: Some(67), log: Vec::new(), complaint: String::new() };
        assert!(Facts::read(&ended, Vec::new()).is_quiet(0).is_err());
    }
}
