//! `cargo skep run --inspect` and `cargo skep inspect --json`: what a running system shows of itself, and what it never shows.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use tests_e2e::{Terminal, plain, root, skep};

const PASSPHRASE: &str = "canary-passphrase-7f3a";
const PASSWORD: &str = "canary-password-91bd";

/// The desktop with an inspector.
fn inspected() -> Terminal {
    Terminal::run_with("desktop", &["--inspect"])
}

/// `cargo skep inspect --json` under way.
struct Look {
    child: Child,
    out: BufReader<ChildStdout>,
    said: String,
}

impl Look {
    /// Attaches; the first line has come when this returns.
    fn start(arguments: &[&str]) -> Self {
        let mut command = skep(&[&["inspect", "--json"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("cargo runs");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut said = String::new();
        out.read_line(&mut said).expect("a line of text");
        Self { child, out, said }
    }

    /// Leaves as Ctrl-C does; gives all that was written.
    fn leave(self) -> String {
        let pid = self.child.id().to_string();
        let _ = std::process::Command::new("kill").args(["-INT", &pid]).status();
        self.end()
    }

    fn end(mut self) -> String {
        self.out.read_to_string(&mut self.said).expect("it is text");
        assert!(self.child.wait().expect("it ends").success(), "{}", self.said);
        self.said
    }
}

/// Makes a vault and uses it, with secrets typed.
fn use_the_vault(t: &mut Terminal) {
    let opened = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    assert!(opened.contains("The vault is open"), "{opened}");
    let added = t.secret_command("vault add github --user me", &[PASSWORD, PASSWORD]);
    assert!(!added.contains("Usage"), "{added}");
    assert!(t.command("show github").contains("hidden"));
}

#[test]
fn a_running_system_is_inspected_and_no_secret_is_seen() {
    let mut t = inspected();
    let watcher = Look::start(&["--no-messages"]);
    use_the_vault(&mut t);
    let said = watcher.leave();
    for part in
        ["\"name\":\"inspector\"", "\"type\":\"channel\"", "\"type\":\"message\"", "\"method\":\"show\""]
    {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    assert!(said.contains("\"copying\":false"), "with --no-messages nothing is copied:\n{said}");
    assert!(!said.contains(PASSPHRASE) && !said.contains(PASSWORD), "a secret shows in:\n{said}");

    let (code, _) = t.power_off();
    assert_eq!(code, 0);
    let left = std::fs::read_dir(root().join("target/skep/run")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "the run file and the socket are gone");
    let nothing = skep(&["inspect", "--json"]).output().expect("cargo runs");
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no system with an inspector is running"));
}

#[test]
fn a_system_without_the_flag_has_no_inspector() {
    let mut t = Terminal::run("minimal");
    let qubes = plain(&t.command("qubes"));
    assert!(qubes.contains("echo") && !qubes.contains("inspector"), "{qubes}");
    assert_eq!(std::fs::read_dir(root().join("target/skep/run")).map_or(0, Iterator::count), 0);
    assert_eq!(t.power_off().0, 0);
}

#[test]
fn messages_are_decoded_with_names_secrets_are_masked_and_copies_are_off_afterwards() {
    let mut t = inspected();
    let watcher = Look::start(&[]);
    use_the_vault(&mut t);
    let said = watcher.leave();
    for part in [
        "\"method\":\"init\"",
        "\"body\":{\"keys\":{\"key_file\":null,\"passphrase\":{\"hidden_bytes\":22}}}",
        "\"body\":{\"name\":\"github\",\"reveal\":false}",
        "\"from\":\"console\"",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    assert!(!said.contains(PASSPHRASE) && !said.contains(PASSWORD), "a secret shows in:\n{said}");
    let after = Look::start(&["--for", "1", "--no-messages"]).end();
    assert!(after.contains("\"copying\":false"), "copies are off when nobody looks:\n{after}");
    assert_eq!(t.power_off().0, 0);
}
