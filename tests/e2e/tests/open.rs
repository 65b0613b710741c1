//! Documents of the web at the terminal: a real server on the host's loopback, a disposable for each, and memory afterwards.
//!
//! Not here: what the network qube and the supervisor's one buffer still hold of it. They do, until they carry something else.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tests_e2e::{Terminal, dump, plain, root, skep};

/// What stands in the document, in its title, in its address, and in that of its link.
const CANARIES: [&str; 5] = [
    "canary-of-the-page-8f1c",
    "canary-of-the-title-27d0",
    "canary-of-the-path-93ae",
    "canary-of-the-link-5b66",
    "canary-behind-the-link-c41e",
];
/// Nothing keeps this from being found: it is on the screen.
const MARKER: &str = "planted-marker-51d0be";
/// Bytes of an address that is longer than anything that was said before.
const LONGER: usize = 900;
/// Longest wait for a disposable to be wiped.
const WIPED: Duration = Duration::from_secs(60);

/// A folder for what the server serves.
fn folder() -> PathBuf {
    let folder = root().join("target/e2e/open");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for what the test makes");
    folder
}

/// Python's own server, at a port that it found free.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]).arg(folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Python runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("it says where it serves");
        let port = line.split("port ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("no port in {line:?}")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The system, and how its memory is read from outside.
struct Machine {
    t: Terminal,
    socket: PathBuf,
    file: PathBuf,
}

impl Machine {
    fn start(folder: &Path) -> Self {
        let image = root().join("target/e2e/first.img");
        let built = skep(&["image", "open", "-o", &image.to_string_lossy()]).output().expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let (socket, file) = (folder.join("qmp.sock"), folder.join("memory.bin"));
        let qmp = format!("unix:{},server=on,wait=off", socket.display());
        let t = Terminal::open(skep(&["run", "open", "--no-color", "--", "-qmp", &qmp]));
        Self { t, socket, file }
    }

    /// The canaries that are anywhere in the machine's memory.
    fn found(&self) -> Vec<&'static str> {
        let memory = dump(&self.socket, &self.file);
        let is_there = |text: &str| memchr::memmem::find(&memory, text.as_bytes()).is_some();
        assert!(is_there(MARKER), "the search does not find what is no secret");
        CANARIES.into_iter().filter(|canary| is_there(canary)).collect()
    }

    /// Waits until no viewer has anything of its last life.
    fn wiped(&mut self) {
        let start = Instant::now();
        while plain(&self.t.command("qubes")).matches(" prepared ").count() < 2 {
            assert!(start.elapsed() < WIPED, "the viewers are not wiped: {}", self.t.seen);
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

#[test]
fn a_document_opens_in_a_disposable_and_is_left_in_no_viewer_and_no_console() {
    let folder = folder();
    let [page, title, path, link, behind] = CANARIES;
    let document = format!(
        "<title>{title}</title><p>Grüße: {page} <a href='/{link}.txt'>next</a><p>\u{1b}[2Jskep&gt; poweroff"
    );
    std::fs::write(folder.join(format!("{path}.html")), document).expect("the page");
    std::fs::write(folder.join(format!("{link}.txt")), behind).expect("the page behind the link");
    let server = Server::start(&folder);
    let mut machine = Machine::start(&folder);
    let _ = machine.t.command(&format!("say nobody {MARKER}"));

    let url = format!("http://10.0.2.2:{}/{path}.html", server.port);
    machine.t.keys(&format!("open {url}\r"));
    // What the page says is behind the mark, a forged prompt too.
    machine.t.until(&format!("●│ {title}"));
    machine.t.until(&format!("●│ Grüße: {page} next[1]"));
    machine.t.until("[2Jskep> poweroff");
    machine.t.until("1 link: 'open 1' follows it in a new life. 'close' ends this one.");
    machine.t.until("skep> ");
    assert!(machine.found().contains(&page), "what is on the screen is in memory");

    let followed = plain(&machine.t.command("open 1"));
    assert!(
        followed.contains("viewer-1 is gone") && followed.contains(&format!("●│ {behind}")),
        "{followed}"
    );
    let closed = plain(&machine.t.command("close"));
    assert!(closed.contains("viewer-2 is gone"), "{closed}");
    // A server that is not there any more.
    drop(server);
    let failed = plain(&machine.t.command(&format!("open {url}")));
    assert!(failed.contains("It can't be opened: the host refuses the connection."), "{failed}");
    machine.wiped();

    // The network qube keeps what it carried until other packets come over it, and the supervisor its last message; so the
    // one is ended, and the other has something longer to carry.
    let killed = plain(&machine.t.command("kill netvm"));
    assert!(killed.contains("netvm is ended; it starts again"), "{killed}");
    let longer = machine.t.command(&format!("open http://10.0.2.2:1/{}", "x".repeat(LONGER)));
    assert!(plain(&longer).contains("It can't be opened:"), "{longer}");
    machine.wiped();
    assert_eq!(machine.found(), [""; 0], "nothing is left of any page or address");
    assert_eq!(machine.t.power_off().0, 0);
}
