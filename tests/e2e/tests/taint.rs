//! Every secret of every schema, planted in a running system, and then looked for in all that a system shows of itself: audit,
//! log, inspector, terminal, and the report of a qube that panics over one.

mod taint {
    pub(crate) mod places;
    pub(crate) mod schema;
}

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use base64ct::{Base64, Encoding};
use taint::places::{BY_COMMAND, REPLIES, REQUESTS, WAIT};
use taint::schema::secrets;
use tests_conformance::SERVICES;
use tests_e2e::canary::{self, Canaries};
use tests_e2e::{Terminal, plain, root, skep};

/// A vault in memory, a converter, and a qube that panics over what it is asked to verify.
const SYSTEM: &str = r#"name = "taint"
memory = "288MiB"
qubes = [
    { path = "../../unikernels/console", memory = "8MiB" },
    "../../vault-app/qube",
    "../../tests/fragile-qube",
    { path = "../../unikernels/converter", disposable = true },
]
policy = '''
vault.*        console  vault        allow
vault-files.*  console  @anyvm       allow
convert.*      console  converter    allow
ctl.tap        @anyvm   @supervisor  deny
ctl.tapped     @anyvm   @supervisor  deny
ctl.*          console  @supervisor  allow
log.*          console  @supervisor  allow
'''
[[channel]]
client = "console"
server = "vault"
service = "vault"
[[channel]]
client = "console"
server = "vault"
service = "vault-files"
[[channel]]
client = "console"
server = "fragile"
service = "vault-files"
[[channel]]
client = "console"
server = "converter"
service = "convert"
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
fn every_secret_of_every_schema_is_planted() {
    let declared: BTreeSet<String> = SERVICES.iter().flat_map(secrets).collect();
    let planted = REQUESTS.iter().flat_map(|request| request.secrets.iter());
    let planted: BTreeSet<String> = planted
        .chain(REPLIES.iter().map(|(path, _)| path))
        .chain(BY_COMMAND)
        .map(|path| (*path).to_owned())
        .collect();
    let missing: Vec<&String> = declared.difference(&planted).collect();
    assert!(missing.is_empty(), "these secrets of a schema are not planted: {missing:#?}");
    let gone: Vec<&String> = planted.difference(&declared).collect();
    assert!(gone.is_empty(), "these are planted and no schema has them as secrets: {gone:#?}");
    assert!(declared.len() >= 20, "the walk over the schemas finds {declared:#?}");
}

/// What a secret at this path is planted as: the same each time it is asked for.
fn value(path: &str) -> String {
    if path.ends_with("secret_base32") { canary::base32(path) } else { canary::text(path, 24) }
}

/// The inspector, looking on.
struct Look {
    child: Child,
    /// Reads all the time: an inspector that nobody reads waits, and misses what is said meanwhile.
    reader: JoinHandle<String>,
}

impl Look {
    /// Attaches; the first line has come when this returns.
    fn start() -> Self {
        let mut child = skep(&["inspect", "--json"]).stdout(Stdio::piped()).spawn().expect("cargo runs");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut said = String::new();
        out.read_line(&mut said).expect("a line of text");
        let reader = std::thread::spawn(move || {
            out.read_to_string(&mut said).expect("it is text");
            said
        });
        Self { child, reader }
    }

    /// Leaves as Ctrl-C does; gives all that was shown.
    fn leave(mut self) -> String {
        let _ = std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let said = self.reader.join().expect("what was shown is text");
        assert!(self.child.wait().expect("it ends").success(), "{said}");
        said
    }
}

/// Everything the vault and its commands can be told, told. Gives the audit, which forgets early lines, after each.
fn plant(t: &mut Terminal, canaries: &mut Canaries) -> String {
    let mut audit = String::new();
    for request in REQUESTS {
        if request.command == WAIT {
            t.until_vault_may_be_tried();
            continue;
        }
        let values: Vec<String> = request.asked().map(value).collect();
        for (path, value) in request.asked().zip(&values) {
            canaries.add(path, value.as_bytes());
        }
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let said = t.secret_command(request.command, &values);
        assert!(said.contains(request.expected), "{}: {said}", request.command);
        audit += &t.command("audit");
    }
    let password = canaries.plant("password by a command");
    assert!(t.secret_command("add by-command --user me", &[&password, &password]).contains("Added"));
    let notes = canaries.plant("notes by a command");
    t.keys("edit by-command --notes\r");
    t.until("ends them.");
    t.keys(&format!("{notes}\r.\r"));
    assert!(t.until("skep> ").contains("Changed"));
    let field = canaries.plant("field by a command");
    assert!(t.secret_command("edit by-command --field pin --protected", &[&field]).contains("Changed"));
    let content = Base64::encode_string(canaries.plant("attachment by a command").as_bytes());
    assert!(t.paste_command("vault attach by-command file", &[], &[&content]).contains("Attached"));
    // Pixels come back from the converter; what is made of them goes into the vault and is not shown.
    let pixels: String =
        (0..8).map(|number| canaries.plant(&format!("pixels by a command {number}"))).collect();
    let picture = image::RgbImage::from_raw(8, 8, pixels.into_bytes()).expect("three bytes a pixel");
    let mut bitmap = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bitmap, image::ImageFormat::Bmp).expect("it is written to memory");
    let lines: Vec<String> = bitmap.into_inner().chunks(57).map(Base64::encode_string).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(t.paste_command("vault attach by-command photo.bmp", &[], &lines).contains("Attached"));
    let said = t.command("vault convert by-command photo.bmp");
    assert!(said.contains("Attached 'photo.safe.png'"), "{said}");
    // What comes back is hidden, too: a file that was fetched after the last upload, among others.
    assert!(t.command("call vault:vault-files.fetch by-command file").contains("ok"));
    for (path, command) in REPLIES {
        let said = plain(&t.command(command));
        assert!(said.contains("hidden>"), "{path}: {command}: {said}");
    }
    audit
}

/// The panic of a qube over its last message: what is reported of it.
fn panic_over(t: &mut Terminal, secret: &str) -> String {
    t.keys("call fragile:vault-files.verify\r");
    t.until("passphrase: ");
    t.keys(&format!("{secret}\r"));
    t.until("╭─ ");
    let report = t.until("╰─ ");
    t.until("skep> ");
    report
}

#[test]
fn no_planted_secret_shows_in_audit_log_inspector_terminal_or_panic_report() {
    let folder = root().join("target/e2e");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let manifest = folder.join("taint.toml");
    std::fs::write(&manifest, SYSTEM).expect("a manifest for the test");
    let (manifest, log) = (manifest.to_string_lossy(), folder.join("taint.log"));
    let image = folder.join("first.img");
    let built = skep(&["image", &manifest, "-o", &image.to_string_lossy()]).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut t =
        Terminal::open(skep(&["run", &manifest, "--inspect", "--no-color", "--log", &log.to_string_lossy()]));

    let mut canaries = Canaries::new();
    let look = Look::start();
    let audit = plant(&mut t, &mut canaries);
    let last_words = canaries.plant("passphrase a qube panics over");
    let report = plain(&panic_over(&mut t, &last_words));
    assert!(report.contains("vault-files.verify") && report.contains("***"), "{report}");
    for part in ["vault.init", "vault.unlock", "vault.edit", "vault-files.export"] {
        assert!(audit.contains(part), "{part} is not in the audit:\n{audit}");
    }
    for command in ["audit --all", "log", "qubes", "call ctl.audit 18446744073709551615", "history"] {
        let _ = t.command(command);
    }
    let inspected = look.leave();
    let seen = ["edit", "upload", "pixels"].map(|method| format!("\"method\":\"{method}\""));
    for part in seen.iter().map(String::as_str).chain(["hidden_bytes"]) {
        assert!(inspected.contains(part), "the inspector did not see {part}:\n{inspected}");
    }
    let hidden = t.seen.clone();

    // The code's value is not known before it is asked for; it holds for four minutes.
    let codes = plain(&t.command("call vault.totp --reveal tainted"));
    let code: String =
        codes.chars().skip_while(|c| *c != '"').skip(1).take_while(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 8, "{codes}");
    let shown = plain(&t.command("call vault.show --reveal by-command true"));
    assert!(!canaries.found(shown.as_bytes()).is_empty(), "what is revealed is found: {shown}");
    let _ = t.command("lock");
    let (ended, _) = t.power_off();
    assert_eq!(ended, 0);

    let log = std::fs::read_to_string(&log).expect("the supervisor's log");
    assert!(log.contains("fragile"), "the log tells of the panic:\n{log}");
    let joined = plain(&hidden);
    let texts = [
        ("terminal", &hidden),
        ("terminal, lines of several rows joined", &joined),
        ("inspector", &inspected),
        ("log", &log),
    ];
    for (what, text) in texts {
        canaries.assert_none(text.as_bytes(), what);
        assert!(!text.contains(&code), "the one-time code shows in the {what}");
    }
}
