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

const fn spec(name: &'static str, operands: &'static str, summary: &'static str, more: &'static str) -> Spec {
    Spec { name, operands, summary, more }
}

/// Every command, in the order `help` shows them.
pub(crate) static SPECS: [Spec; 23] = [
    spec(
        "qubes",
        "",
        "list the qubes",
        "Name, label, state, generation, memory, exits, messages in and out, and messages refused. A qube that was \
         ended says how.",
    ),
    spec(
        "vault init",
        "",
        "give the vault a passphrase",
        "Asks twice and never shows what is typed. The entries live in the vault's own memory: they end with the vault.",
    ),
    spec(
        "vault add",
        "NAME [--user USER] [--generate LENGTH] [--totp]",
        "add an entry",
        "Without --generate it asks for the password.\n\
         --generate LENGTH   have the vault draw one; it holds lower and upper case, digits and symbols, at least one \
         of each\n\
         --no-lower, --no-upper, --no-digits, --no-symbols   leave a class out\n\
         --totp              ask for the base32 secret of one-time codes\n\
         --algorithm sha1|sha256|sha512, --digits 6..8, --period SECONDS   as the site says; else sha1, 6, 30",
    ),
    spec("vault ls", "", "list the entries", "Names and users, never a password."),
    spec(
        "vault show",
        "NAME [--reveal]",
        "show an entry",
        "The password is shown only with --reveal. What is on the screen stays in the terminal's scrollback.",
    ),
    spec(
        "vault copy-once",
        "NAME",
        "copy a password to the terminal's clipboard",
        "By OSC 52, which your terminal may have to be told to allow. It is cleared after 30 seconds, or when the vault \
         is locked.",
    ),
    spec("vault totp", "NAME", "show the one-time code", "And how many seconds it still holds."),
    spec("vault rm", "NAME", "remove an entry for good", "Asks first."),
    spec("vault lock", "", "seal the vault", "The key is wiped; the passphrase opens it again."),
    spec(
        "vault unlock",
        "",
        "open the vault",
        "After a wrong passphrase the next one has to wait: 1 second, then 2, then 4, up to 5 minutes.",
    ),
    spec("vault passwd", "", "change the passphrase", "Asks for the old one and twice for the new one."),
    spec("vault status", "", "say whether the vault is open", ""),
    spec(
        "say",
        "QUBE TEXT",
        "send a text to a qube and show its answer",
        "A typed call to the echo service of that qube. Put a text with blanks in quotes.",
    ),
    spec(
        "call",
        "[QUBE:]SERVICE[.METHOD] [--reveal] [ARGUMENT...]",
        "call any service",
        "call SERVICE lists its methods. QUBE says which, when several serve it.\n\
         Arguments in order, or name=value: a text as it is, 12, 0x1f, true, hex:00ff, none, Locked, [1, 2],\n\
         { name: Ada, age: 36 }, Exit(1). Secrets are asked for, and hidden in the reply but with --reveal; one inside of\n\
         an argument is written ?. Example: call echo.say \"hello there\"",
    ),
    spec(
        "kill",
        "QUBE",
        "end a qube",
        "If its manifest says so it starts again, with a new generation and an empty memory. Whoever talks to it is told.",
    ),
    spec(
        "policy",
        "who-can-reach QUBE",
        "say who can reach a qube",
        "Read from the running tables: every qube with a chain of allowed calls to it, and what the first call may be.",
    ),
    spec(
        "audit",
        "[COUNT] [--all]",
        "show the last calls",
        "From, to, service, method, verdict and size; never what was said. 20 unless told, 64 at most.\n\
         The questions that commands like this one ask the supervisor are left out, but with --all.",
    ),
    spec("log", "", "show the supervisor's log", ""),
    spec(
        "services",
        "",
        "list the services",
        "Name, version, how many methods it has, and schema id. 'call SERVICE' lists the methods.",
    ),
    spec("clock", "", "show date and time (UTC)", "Also called date."),
    spec("help", "[COMMAND]", "show this, or more on one command", ""),
    spec("clear", "", "clear the screen", ""),
    spec("poweroff", "", "end all qubes and switch off", "What the vault holds is gone then."),
];

/// The words of `vault` that are commands without it.
const SHORT: [&str; 9] = ["add", "ls", "show", "copy-once", "totp", "rm", "lock", "unlock", "passwd"];

/// The command of this name: `qubes`, `vault ls`, a short form like `ls`, or `date`.
pub(crate) fn find(name: &str) -> Option<&'static Spec> {
    let name = if name == "date" { "clock" } else { name };
    SPECS.iter().find(|spec| spec.name == name || (SHORT.contains(&name) && after_vault(spec) == Some(name)))
}

/// The words that may come first.
pub(crate) fn first_words() -> impl Iterator<Item = &'static str> {
    let whole = SPECS.iter().filter(|spec| after_vault(spec).is_none()).map(|spec| spec.name);
    whole.chain(["vault", "date"]).chain(SHORT)
}

/// The words that may follow `vault`.
pub(crate) fn vault_words() -> impl Iterator<Item = &'static str> {
    SPECS.iter().filter_map(after_vault)
}

fn after_vault(spec: &'static Spec) -> Option<&'static str> {
    spec.name.strip_prefix("vault ")
}

/// What completes the line before the cursor, if only one command does.
pub(crate) fn complete(before: &str) -> Option<&'static str> {
    match before.strip_prefix("vault ") {
        Some(word) => only_rest(word, vault_words()),
        None => match before.strip_prefix("help ") {
            Some(word) => only_rest(word, first_words()),
            None => only_rest(before, first_words()),
        },
    }
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
        for spec in &SPECS {
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
        assert!(SHORT.iter().all(|short| vault_words().any(|word| word == *short)));
    }

    #[test]
    fn a_unique_beginning_is_completed() {
        assert_eq!(complete("po"), None);
        assert_eq!(complete("pow"), Some("eroff"));
        assert_eq!(complete("vault co"), Some("py-once"));
        assert_eq!(complete("help aud"), Some("it"));
        assert_eq!(complete("vault xyz"), None);
        assert_eq!(complete("say echo"), None);
        assert_eq!(complete(""), None);
    }

    #[test]
    fn names_and_usages_fit_the_table_of_help() {
        assert!(SPECS.iter().all(|spec| spec.name.len() <= 15 && spec.summary.len() <= 50));
    }
}
