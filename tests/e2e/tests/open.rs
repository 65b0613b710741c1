//! Documents of the web at the terminal: a real server on the host's loopback, a disposable for each, and memory afterwards.
//!
//! Not here: every place that a canary can be in, and every way a life ends: `gone`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tests_e2e::{Authority, Server, Terminal, dump, empty_folder, plain, skep};

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
/// Longest wait for a disposable to be wiped.
const WIPED: Duration = Duration::from_secs(60);

/// The system, without an authority of the test.
const SYSTEM: &str = include_str!("../../../build/systems/open.toml");
/// How its viewers stand in it.
const VIEWERS: &str = "{ path = \"../../unikernels/viewer\",";

/// OpenSSL's server, with this certificate.
fn secure(folder: &Path, certificate: &str) -> Server {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(["s_server", "-WWW", "-accept", "127.0.0.1:0", "-key", "leaf.key"]);
    command.args(["-cert", certificate]);
    Server::of(command, |line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok())
}

/// The system, and how its memory is read from outside.
struct Machine {
    t: Terminal,
    socket: PathBuf,
    file: PathBuf,
}

impl Machine {
    fn start(folder: &Path) -> Self {
        let (socket, file) = (folder.join("qmp.sock"), folder.join("memory.bin"));
        let t = Terminal::prepare(|| {
            let image = folder.join("open.img");
            let built =
                skep(&["image", "open", "-o", &image.to_string_lossy()]).output().expect("cargo runs");
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
            let qmp = format!("unix:{},server=on,wait=off", socket.display());
            skep(&["run", "open", "--no-color", "--", "-qmp", &qmp])
        });
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
    let folder = empty_folder("open");
    let [page, title, path, link, behind] = CANARIES;
    let document = format!(
        "<title>{title}</title><p>Grüße: {page} <a href='/{link}.txt'>next</a><p>\u{1b}[2Jskep&gt; poweroff"
    );
    std::fs::write(folder.join(format!("{path}.html")), document).expect("the page");
    std::fs::write(folder.join(format!("{link}.txt")), behind).expect("the page behind the link");
    let server = Server::files(&folder, "127.0.0.1");
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
    assert_eq!(machine.found(), [""; 0], "nothing is left of any page or address");
    assert_eq!(machine.t.power_off().0, 0);
}

#[test]
fn a_document_comes_over_https_and_only_from_the_host_that_proves_its_name() {
    let folder = empty_folder("open-https");
    let authority = Authority::new(&folder);
    for (name, ca, host, days) in [
        ("good", "ca", "IP:10.0.2.2", 30),
        ("strange", "other", "IP:10.0.2.2", 30),
        ("misnamed", "ca", "IP:10.0.2.3", 30),
        ("old", "ca", "IP:10.0.2.2", 0),
    ] {
        authority.sign(name, ca, host, days);
    }
    let ca = authority.argument();
    std::fs::write(folder.join("page.html"), "<title>Sealed</title><p>over TLS").expect("the page");
    assert!(SYSTEM.contains(VIEWERS));
    let text = SYSTEM.replace(VIEWERS, &format!("{VIEWERS} args = \"root={ca}\","));
    let mut t = Terminal::run_text(&folder, &text, &[]);

    for (certificate, why) in [
        ("strange", "the host's certificate is from an unknown authority"),
        ("misnamed", "the host's certificate is for another name"),
        ("old", "the host's certificate has expired"),
    ] {
        let server = secure(&folder, &format!("{certificate}.pem"));
        let shown = plain(&t.command(&format!("open https://10.0.2.2:{}/page.html", server.port)));
        assert!(shown.contains(&format!("It can't be opened: {why}.")), "{certificate}: {shown}");
        assert!(!shown.contains("over TLS"), "{certificate}: {shown}");
    }
    let server = secure(&folder, "good.pem");
    let shown = plain(&t.command(&format!("open https://10.0.2.2:{}/page.html", server.port)));
    assert!(shown.contains("●│ Sealed") && shown.contains("●│ over TLS"), "{shown}");
    let closed = plain(&t.command("close"));
    assert!(closed.contains(" is gone"), "{closed}");

    // A host that talks no TLS.
    let plain_server = Server::files(&folder, "127.0.0.1");
    let shown = plain(&t.command(&format!("open https://10.0.2.2:{}/page.html", plain_server.port)));
    assert!(shown.contains("It can't be opened: the connection can't be trusted."), "{shown}");
    assert_eq!(t.power_off().0, 0);
}
