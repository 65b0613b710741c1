//! What must be in the vault after a cut, from what its client has logged before: all that was acknowledged, and at most the
//! one change that was not.

use std::collections::BTreeMap;

/// An entry: password, notes' word, whether it is live or in the bin.
type Entry = [String; 3];
type Entries = BTreeMap<String, Entry>;

/// What is known.
#[derive(Default, Debug)]
pub(crate) struct Judge {
    /// Whether the vault is there; acknowledged.
    made: bool,
    entries: Entries,
    passphrase: u32,
    /// Tried, not acknowledged.
    open: Option<Vec<String>>,
    next: u32,
    /// Changes that were acknowledged.
    pub(crate) acknowledged: usize,
    /// Changes that were not, and whether they were there.
    pub(crate) kept: usize,
    pub(crate) dropped: usize,
    /// Times that all was found to be as it must be.
    pub(crate) compared: usize,
}

impl Judge {
    /// Arguments of the client for the next boot.
    pub(crate) fn arguments(&self) -> String {
        let other = self.new_passphrase().map_or(String::new(), |other| format!(" other={other}"));
        format!("passphrase={} next={}{other}", self.passphrase, self.next.max(1))
    }

    fn new_passphrase(&self) -> Option<u32> {
        let words = self.open.as_ref().filter(|words| words[0] == "passphrase")?;
        Some(words[1].parse().expect("a number"))
    }

    /// Reads the log of a boot.
    ///
    /// # Errors
    /// Something acknowledged is gone, something else is there, or the vault did not open.
    pub(crate) fn hear(&mut self, log: &[String]) -> Result<(), String> {
        let mut found = Entries::new();
        for line in log.iter().filter_map(|line| Some(line.split_once("cut: ")?.1)) {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let word = |at: usize| words.get(at).cloned().unwrap_or_default();
            match word(0).as_str() {
                "empty" => self.empty()?,
                "opened" => self.opened(word(1).parse().map_err(|_| line.to_owned())?)?,
                "have" => {
                    let entry = [word(2), word(3), word(4)];
                    if let Some(twice) = found.insert(word(1), entry) {
                        return Err(format!("{} is there twice, once with {twice:?}", word(1)));
                    }
                }
                "all" => self.compare(std::mem::take(&mut found), &word(1))?,
                "try" => {
                    self.next = word(1).parse::<u32>().map_err(|_| line.to_owned())? + 1;
                    self.open = Some(words[2..].to_vec());
                }
                "did" => self.acknowledge()?,
                _ => return Err(line.to_owned()),
            }
        }
        Ok(())
    }

    fn empty(&mut self) -> Result<(), String> {
        if self.made { Err("the vault is gone".into()) } else { Ok(()) }
    }

    fn opened(&mut self, passphrase: u32) -> Result<(), String> {
        if let Some(new) = self.new_passphrase() {
            let kept = passphrase == new;
            self.resolve(kept);
        }
        if passphrase != self.passphrase {
            return Err(format!("passphrase {passphrase} opened it in place of {}", self.passphrase));
        }
        self.made = true;
        Ok(())
    }

    fn resolve(&mut self, kept: bool) {
        if let Some(change) = self.open.take() {
            *(if kept { &mut self.kept } else { &mut self.dropped }) += 1;
            if kept {
                self.apply(&change);
            }
        }
    }

    fn compare(&mut self, found: Entries, count: &str) -> Result<(), String> {
        if found.len().to_string() != count {
            return Err(format!("{count} entries were told, {} heard", found.len()));
        }
        let kept = found != self.entries;
        let before = self.entries.clone();
        // Whichever it was; a first `init` changes no entry.
        self.resolve(kept || !self.made);
        if found != self.entries {
            let after = &self.entries;
            return Err(format!("found {found:#?}\nacknowledged {before:#?}\nor else {after:#?}"));
        }
        self.compared += 1;
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<(), String> {
        let change = self.open.take().ok_or("acknowledged what was not tried")?;
        self.apply(&change);
        self.acknowledged += 1;
        Ok(())
    }

    fn apply(&mut self, change: &[String]) {
        let word = |at: usize| change.get(at).cloned().unwrap_or_default();
        let entry = self.entries.get_mut(&word(1));
        match (word(0).as_str(), entry) {
            ("init", _) => self.made = true,
            ("passphrase", _) => self.passphrase = word(1).parse().expect("a number"),
            ("add", _) => {
                self.entries.insert(word(1), [word(2), "none".into(), "live".into()]);
            }
            ("purge", _) => {
                self.entries.remove(&word(1));
            }
            ("password", Some(entry)) => entry[0] = word(2),
            ("notes", Some(entry)) => entry[1] = word(2),
            // In the bin notes are not shown.
            ("remove", Some(entry)) => entry[1..].clone_from_slice(&["hidden".into(), "bin".into()]),
            _ => panic!("no such change: {change:?}"),
        }
    }
}

#[test]
fn a_lost_or_invented_change_is_noticed() {
    let lines = |text: &str| text.split('|').map(|line| format!("[cut] cut: {line}")).collect::<Vec<_>>();
    let first = "empty|try 0 init|did 0|all 0|try 1 add e1 p|did 1|try 2 password e1 q";
    let judged = |text: &str| {
        let mut judge = Judge::default();
        judge.hear(&lines(first)).expect("nothing wrong yet");
        judge.hear(&lines(text))
    };
    assert!(judged("opened 0|have e1 p none live|all 1").is_ok());
    assert!(judged("opened 0|have e1 q none live|all 1").is_ok());
    let wrong = [
        "empty",
        "opened 2",
        "opened 0|all 0",
        "opened 0|have e1 r none live|all 1",
        "opened 0|have e1 p none bin|all 1",
        "opened 0|have e1 p none live|have e2 p none live|all 2",
        "opened 0|have e1 p none live|have e1 p none live|all 1",
        "opened 0|have e1 p none live|all 2",
        "failed: no answer",
    ];
    for text in wrong {
        assert!(judged(text).is_err(), "{text}");
    }
}
