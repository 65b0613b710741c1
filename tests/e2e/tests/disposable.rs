//! Disposables at the terminal: started, used, closed, and nothing of a life left: not in the next one, and not anywhere in the
//! machine's memory.

use std::path::PathBuf;

use tests_e2e::{Terminal, dump, plain, root, skep};

/// A console, and two disposables of the qube that keeps backwards what it is told.
const MANIFEST: &str = r#"name = "disposables"
memory = "8MiB"
qubes = [
    "../../unikernels/console",
    { path = "../../tests/fragile-qube", name = "viewer", disposable = true, instances = 2, for = "console" },
]
policy = '''
echo.*       console  @dispvm      allow
ctl.tap      @anyvm   @supervisor  deny
ctl.tapped   @anyvm   @supervisor  deny
ctl.*        console  @supervisor  allow
log.*        console  @supervisor  allow
'''
[[channel]]
client = "console"
server = "viewer"
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

/// Lines told to each life; the qube keeps no more.
const CANARIES: usize = 60;
/// How every canary ends, so what it is kept backwards begins with.
const MARK: &str = "-5d1e0b9f";
/// How often it is asked whether a disposable waits again, before that is given up.
const LOOKS_MAX: usize = 50;

struct Machine {
    t: Terminal,
    socket: PathBuf,
    file: PathBuf,
}

impl Machine {
    fn start() -> Self {
        let folder = root().join("target/e2e");
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let manifest = folder.join("disposables.toml");
        let (socket, file) = (folder.join("disposables.sock"), folder.join("disposables.bin"));
        let t = Terminal::prepare(|| {
            std::fs::write(&manifest, MANIFEST).expect("a manifest for the test");
            let (manifest, image) = (manifest.to_string_lossy(), folder.join("disposables.img"));
            let built =
                skep(&["image", &manifest, "-o", &image.to_string_lossy()]).output().expect("cargo runs");
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
            let _ = std::fs::remove_file(&socket);
            let qmp = format!("unix:{},server=on,wait=off", socket.display());
            skep(&["run", &manifest, "--no-color", "--", "-qmp", &qmp])
        });
        Self { t, socket, file }
    }

    fn does(&mut self, command: &str, expected: &str) -> String {
        let shown = plain(&self.t.command(command));
        assert!(shown.contains(expected), "{command}: {shown}");
        shown
    }

    /// What `qubes` says of one: state and generation.
    fn state(&mut self, name: &str) -> (String, u32) {
        let shown = plain(&self.t.command("qubes"));
        let line =
            shown.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {shown}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, state, generation, ..] = words[..] else { panic!("{line}") };
        (state.to_owned(), generation.parse().expect("a generation"))
    }

    fn until_prepared(&mut self, name: &str, generation: u32) {
        let waits = (0..LOOKS_MAX).any(|_| self.state(name) == ("prepared".to_owned(), generation));
        assert!(waits, "{name} never waits again:\n{}", self.t.seen);
    }

    /// Tells a disposable canaries; gives what it keeps of them.
    fn plant(&mut self, name: &str, life: u32) -> Vec<String> {
        let planted = (0..CANARIES).map(|number| {
            let canary = format!("canary-{name}-{life}-{number:03}{MARK}");
            self.does(&format!("say {name} {canary}"), &canary);
            canary.chars().rev().collect::<String>()
        });
        let planted = planted.collect();
        self.does(&format!("say {name} recall"), &format!("{CANARIES} lines"));
        planted
    }

    /// How many of these are in the machine's memory.
    fn found(&self, planted: &[String]) -> usize {
        let memory = dump(&self.socket, &self.file);
        let begins: String = MARK.chars().rev().collect();
        let places: Vec<usize> = memchr::memmem::find_iter(&memory, &begins).collect();
        let is_at =
            |at: &usize, it: &str| memory.get(*at..).is_some_and(|rest| rest.starts_with(it.as_bytes()));
        planted.iter().filter(|it| places.iter().any(|at| is_at(at, it))).count()
    }
}

#[test]
fn nothing_is_left_of_a_disposable_after_close_kill_and_crash() {
    let mut m = Machine::start();
    assert_eq!(m.state("viewer-1"), ("prepared".to_owned(), 0));
    assert!(
        plain(&m.t.command("qubes"))
            .contains("a disposable opened for console that waits for 'start viewer-1'")
    );
    m.does("say viewer-1 hello", "viewer-1 is not running.");
    m.does("start console", "console is no disposable");

    // The other one lives all the time, and what it was told stays.
    m.does("start viewer-2", "viewer-2 is started as generation 1");
    let kept = m.plant("viewer-2", 1);
    for (life, ends) in (1..).zip(["close", "kill", "crash"]) {
        m.does("start viewer-1", &format!("viewer-1 is started as generation {life}"));
        m.does("start viewer-1", "viewer-1 is running already.");
        if life > 1 {
            // What the last life was told is over: the new one has to be acknowledged, and remembers nothing.
            m.does("say viewer-1 recall", &format!("viewer-1 restarted (generation {life})"));
            m.does("say viewer-1 recall", "0 lines");
        }
        let planted = m.plant("viewer-1", life);
        assert_eq!(m.found(&planted), CANARIES, "the search does not find what is there");
        match ends {
            "crash" => {
                m.t.keys("say viewer-1 panic\r");
                m.t.until("╰─ ");
                assert!(m.t.until("\n").contains("It is gone; 'start viewer-1' begins anew."));
                m.t.until("skep> ");
            }
            ends => drop(m.does(&format!("{ends} viewer-1"), "viewer-1 is gone.")),
        }
        m.until_prepared("viewer-1", life);
        assert_eq!(m.found(&planted), 0, "after {ends}");
        m.does("say viewer-1 hello", "viewer-1 is not running.");
    }
    assert_eq!(m.found(&kept), CANARIES);
    assert_eq!(m.state("viewer-1"), ("prepared".to_owned(), 3));
    assert_eq!(m.t.power_off().0, 0);
}
