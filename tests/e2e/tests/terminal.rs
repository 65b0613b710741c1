//! A person's session at the terminal, as the README shows it, and what happens when they type nonsense.

use tests_e2e::{Terminal, plain, root};

const PASSPHRASE: &str = "correct horse battery staple";

/// What must never show: typed secrets, wherever the screen or a log could have them.
fn assert_absent(secret: &str, texts: &[&str]) {
    for text in texts {
        assert!(!text.contains(secret), "a secret shows in:\n{text}");
    }
}

fn log() -> String {
    std::fs::read_to_string(root().join("target/skep/supervisor.log")).unwrap_or_default()
}

#[test]
fn a_session_does_what_the_readme_says() {
    let mut t = Terminal::run("desktop");

    let qubes = plain(&t.command("qubes"));
    for name in ["console", "storage", "vault", "vault-work", "vault-personal", "echo", "clock", "hello"] {
        assert!(qubes.contains(name), "{name} is missing in:\n{qubes}");
    }
    for column in ["NAME", "LABEL", "STATE", "GEN", "MEMORY", "EXITS", "IN", "OUT"] {
        assert!(qubes.contains(column), "{column} is missing in:\n{qubes}");
    }

    // Its memory is made while nobody types, after that of three vaults.
    let mut tries = 0..100;
    let pause = || std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(
        tries.any(|_| !t.command("say echo there").contains("not running") || (pause(), false).1),
        "{}",
        t.seen
    );
    let said = t.command("say echo \"grüße\"");
    assert!(said.contains("echo: grüße"), "{said}");

    let opened = t.secret_command("vault init", &[PASSPHRASE, PASSPHRASE]);
    assert!(opened.contains("The vault is open"), "{opened}");

    let added = t.command("vault add github --user me --generate 24");
    assert!(added.contains("24 characters") && added.contains("bits"), "{added}");
    assert!(t.command("vault ls").contains("github"));
    let shown = t.command("show github");
    assert!(shown.contains("me") && shown.contains("hidden"), "{shown}");
    let revealed = plain(&t.command("show github --reveal"));
    let password = revealed.lines().find_map(|line| line.strip_prefix("password")).map(str::trim);
    let password = password.expect("a line with the password").to_owned();
    assert_eq!(password.chars().count(), 24, "{revealed}");

    let copied = t.command("copy-once github");
    assert!(copied.contains("\x1b]52;c;"), "the clipboard sequence is missing in {copied:?}");
    assert_absent(&password, &[&copied]);

    assert!(t.command("lock").contains("locked"));
    assert!(t.command("ls").contains("locked"));
    let wrong = t.secret_command("unlock", &["not the passphrase"]);
    assert!(wrong.contains("Wrong passphrase") && wrong.contains("second"), "{wrong}");
    let unlocked = unlock(&mut t, PASSPHRASE);
    assert!(unlocked.contains("open: 1 entry"), "{unlocked}");

    let reach = plain(&t.command("policy who-can-reach vault"));
    assert!(reach.contains("console") && reach.contains("vault.*"), "{reach}");
    assert!(reach.contains("No other qube can reach vault"), "{reach}");

    let killed = t.command("kill vault");
    assert!(killed.contains("generation 2"), "{killed}");
    let told = t.command("vault ls");
    assert!(told.contains("restarted (generation 2)"), "{told}");
    assert!(t.command("vault status").contains("locked"));
    assert!(t.secret_command("unlock", &[PASSPHRASE]).contains("1 entry"));

    let audit = plain(&t.command("audit"));
    assert!(audit.contains("vault.list") || audit.contains("vault.status"), "{audit}");
    assert!(audit.contains("console") && audit.contains("allowed"), "{audit}");
    assert!(t.command("help").contains("poweroff"));

    let (code, seen) = t.power_off();
    assert_eq!(code, 0);
    assert_absent(PASSPHRASE, &[&seen, &log(), &audit]);
    assert_absent(&password, &[&log(), &audit]);
}

/// Unlocks, waiting out the delay after a wrong passphrase.
fn unlock(t: &mut Terminal, passphrase: &str) -> String {
    for _ in 0..5 {
        std::thread::sleep(std::time::Duration::from_secs(1));
        let answer = t.secret_command("unlock", &[passphrase]);
        if !answer.contains("Wrong") && !answer.contains("Too soon") {
            return answer;
        }
    }
    panic!("the vault stays locked:\n{}", t.seen)
}

#[test]
fn one_time_codes_entries_and_passphrases_change_as_asked() {
    let mut t = Terminal::run("desktop");
    let _ = t.secret_command("vault init", &["one", "one"]);
    // RFC 6238, appendix B: the ASCII secret 12345678901234567890.
    let added = t.secret_command(
        "vault add bank --user me --generate 12 --no-symbols --totp",
        &["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"],
    );
    assert!(added.contains("12 characters"), "{added}");
    let code = plain(&t.command("totp bank"));
    let digits =
        code.split_whitespace().find(|word| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit()));
    assert!(digits.is_some(), "no code in:\n{code}");
    assert!(t.command("vault add bank --user me --generate 12").contains("already"));

    let changed = t.secret_command("passwd", &["one", "two", "two"]);
    assert!(!changed.contains("Wrong"), "{changed}");
    let _ = t.command("lock");
    assert!(t.secret_command("unlock", &["two"]).contains("open"));

    assert!(t.command("rm bank").contains("is in the bin"));
    t.keys("vault purge bank\r");
    t.until("[y/N]");
    t.keys("y\r");
    t.until("skep> ");
    assert!(t.command("ls").contains("no entries") || !t.command("ls").contains("bank"));
    assert_eq!(t.power_off().0, 0);
}

#[test]
fn nonsense_at_the_terminal_gets_a_sentence_and_loses_nothing() {
    let mut t = Terminal::run("minimal");
    assert!(t.command("qubess").contains("Did you mean 'qubes'"));
    assert!(t.command("say").contains("say"));
    assert!(t.command("say nobody hello").contains("nobody"));
    assert!(t.command("kill nobody").contains("nobody"));
    assert!(t.command("policy who-can-reach nobody").contains("nobody"));
    assert!(t.command("say echo \"not closed").contains('"'));

    // Control bytes: a bell, a tab, an escape. Then Ctrl-C starts a new line, and the next command works.
    t.keys("say echo \x07\t\x1bZ");
    t.keys("\x03");
    t.keys("say echo after-control\r");
    t.until("echo: after-control");
    t.until("skep> ");

    // A line far too long is refused with a sentence, and the next one works.
    t.keys(&"x".repeat(5000));
    t.keys("\r");
    t.until("is the most");
    t.until("skep> ");
    t.keys("say echo after-long\r");
    t.until("echo: after-long");
    t.until("skep> ");

    // Editing: what was deleted is not sent.
    t.keys("say echo wrong\x17right\r");
    t.until("echo: right");
    t.until("skep> ");
    assert_eq!(t.power_off().0, 0);
}

#[test]
fn leaving_with_ctrl_a_x_leaves_no_emulator_behind() {
    let mut t = Terminal::run("minimal");
    t.keys("\x01x");
    let _ = t.ended();
    let left = std::process::Command::new("pgrep").args(["-f", "qemu-system-x86_64.*skep/minimal"]).output();
    let left =
        left.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    assert_eq!(left, "", "an emulator runs on");
}

/// A console, an echo, and an echo that panics when it is told to.
const FRAGILE: &str = r#"name = "fragile"
memory = "8MiB"
qubes = ["../../unikernels/console", "../../unikernels/echo", "../../tests/fragile-qube"]
policy = '''
echo.bytes   console  fragile      deny
echo.*       console  @anyvm       allow
ctl.*        console  @supervisor  allow
log.*        console  @supervisor  allow
'''
[[channel]]
client = "console"
server = "echo"
service = "echo"
[[channel]]
client = "console"
server = "fragile"
service = "echo"
[[channel]]
client = "console"
server = "@supervisor"
service = "ctl"
[[channel]]
client = "console"
server = "@supervisor"
service = "log"
"#;

#[test]
fn services_are_called_by_their_description_and_a_panic_is_reported() {
    let manifest = root().join("target/e2e/fragile.toml");
    std::fs::create_dir_all(root().join("target/e2e")).expect("a folder for the test");
    std::fs::write(&manifest, FRAGILE).expect("a manifest for the test");
    let mut t = Terminal::run(&manifest.to_string_lossy());

    let methods = plain(&t.command("call echo"));
    assert!(methods.contains("say(text: text<1024>) -> text<1024>"), "{methods}");
    let said = plain(&t.command("call echo:echo.say \"hello there\""));
    assert!(said.contains("\"hello there\""), "{said}");
    assert!(t.command("call echo:echo.bytes hex:00ff").contains("hex:00ff"));
    assert!(t.command("call fragile:echo.bytes hi").contains("The policy denies this call to fragile."));
    assert!(t.command("call echo.say hi").contains("Several qubes serve 'echo'"));
    assert!(t.command("call ctl.system").contains("name: \"fragile\""));
    assert!(t.command("services").contains("echo                   1       4"));

    t.keys("call fragile:echo.say panic\r");
    t.until("╭─ ");
    let report = plain(&t.until("╰─ "));
    assert!(report.contains("fragile ended (generation 1): it panicked"), "{report}");
    assert!(report.contains("src/main.rs:") && report.contains("it was told to panic"), "{report}");
    assert!(
        report.contains("from console") && report.contains("echo.say") && report.contains("allowed"),
        "{report}"
    );
    assert!(t.until("\n").contains("It starts again as generation 2."));
    t.until("skep> ");

    // The next life answers; what the first one was told is over.
    let mut answers = (0..20).map(|_| t.command("call fragile:echo.say back"));
    let again = answers.find(|again| !again.contains("restarted") && !again.contains("not running"));
    let again = again.expect("a qube that starts again answers again");
    assert!(again.contains("\"back\""), "{again}");
    assert_eq!(t.power_off().0, 0);
}
