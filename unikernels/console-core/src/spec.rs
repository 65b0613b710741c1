//! The commands there are: their names, usage and help, in one table.
//!
//! Parsing, `help`, completion and suggestions all read it, so none of them can know a command the others don't.

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    /// What is typed: one word, or `vault` and one word.
    pub(crate) name: &'static str,
    /// What follows it.
    pub(crate) operands: &'static str,
    /// What it does, in a few words.
    pub(crate) summary: &'static str,
    /// What else there is to know, shown by `help COMMAND`.
    pub(crate) more: &'static str,
}

mod general;
mod vault;

const fn spec(name: &'static str, operands: &'static str, summary: &'static str, more: &'static str) -> Spec {
    Spec { name, operands, summary, more }
}

/// Every command.
pub(crate) fn all() -> impl Iterator<Item = &'static Spec> {
    general::SPECS.iter().chain(&vault::SPECS)
}

/// The commands that are not the vault's, in the order `help` shows them.
pub(crate) fn general() -> impl Iterator<Item = &'static Spec> {
    general::SPECS.iter()
}

/// The commands of the vault, in the order `help vault` shows them.
pub(crate) fn vault() -> impl Iterator<Item = &'static Spec> {
    vault::SPECS.iter()
}

/// The words of `vault` that are commands without it.
const SHORT: [&str; 12] =
    ["add", "edit", "ls", "find", "show", "copy-once", "totp", "rm", "restore", "lock", "unlock", "passwd"];

/// Whether a word of `vault` is a command without it.
pub(crate) fn is_short(word: &str) -> bool {
    SHORT.contains(&word)
}

/// The command of this name: `qubes`, `vault ls`, a short form like `ls`, or `date`.
pub(crate) fn find(name: &str) -> Option<&'static Spec> {
    let name = if name == "date" { "clock" } else { name };
    all().find(|spec| spec.name == name || (is_short(name) && after_vault(spec) == Some(name)))
}

/// The command of the vault with this word.
pub(crate) fn of_vault(word: &str) -> Option<&'static Spec> {
    vault().find(|spec| after_vault(spec) == Some(word))
}

/// The words that may come first.
pub(crate) fn first_words() -> impl Iterator<Item = &'static str> {
    general().map(|spec| spec.name).chain(["vault", "date"]).chain(SHORT)
}

/// The words that may follow `vault`.
pub(crate) fn vault_words() -> impl Iterator<Item = &'static str> {
    vault().filter_map(after_vault)
}

fn after_vault(spec: &'static Spec) -> Option<&'static str> {
    spec.name.strip_prefix("vault ")
}

/// What completes the line before the cursor, if only one command does.
pub(crate) fn complete(before: &str) -> Option<&'static str> {
    if let Some(word) = before.strip_prefix("vault ").or_else(|| before.strip_prefix("help vault ")) {
        return only_rest(word, vault_words());
    }
    only_rest(before.strip_prefix("help ").unwrap_or(before), first_words())
}

fn only_rest(word: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let mut rests = known.filter_map(|known| known.strip_prefix(word));
    let first = rests.next()?;
    rests.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name() {
        for spec in all() {
            assert_eq!(find(spec.name), Some(spec));
        }
        assert_eq!(find("ls").map(|spec| spec.name), Some("vault ls"));
        assert_eq!(find("date").map(|spec| spec.name), Some("clock"));
        assert_eq!(find("init"), None);
        assert_eq!(find("vault"), None);
        assert_eq!(find("reveal"), None);
    }

    #[test]
    fn no_word_means_two_commands() {
        let mut words: std::vec::Vec<_> = first_words().collect();
        words.sort_unstable();
        let all = words.len();
        words.dedup();
        assert_eq!(words.len(), all);
        assert!(SHORT.iter().all(|short| of_vault(short).is_some()));
    }

    #[test]
    fn a_unique_beginning_is_completed() {
        assert_eq!(complete("po"), None);
        assert_eq!(complete("pow"), Some("eroff"));
        assert_eq!(complete("vault co"), None);
        assert_eq!(complete("vault cop"), Some("y-once"));
        assert_eq!(complete("help aud"), Some("it"));
        assert_eq!(complete("vault xyz"), None);
        assert_eq!(complete("say echo"), None);
        assert_eq!(complete(""), None);
    }

    #[test]
    fn names_and_usages_fit_the_table_of_help() {
        assert!(all().all(|spec| spec.name.len() <= 15 && spec.summary.len() <= 50));
    }
}
