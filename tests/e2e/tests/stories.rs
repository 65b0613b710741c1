//! What a day with several identities is like: links of one qube, pages of another, a bank, and a network that fails.
//!
//! The servers are Python's, on the host's loopback, each at a port of its own; which disposable may reach which port is in the
//! policy. Not here: what the network qube still holds of what it carried (`open.rs` says how that is got rid of).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tests_e2e::{Server, Terminal, blank_disk, dump, empty_folder, plain, root, skep};

/// The system, without the servers' ports.
const SYSTEM: &str = include_str!("stories/stories.toml");
/// End of the row with the choice.
const CHOICE: &str = ": [o]pen, [n]o? ";
/// Longer than keys are not taken for an answer after a question was put.
const GUARD: Duration = Duration::from_millis(2_500);
/// Longer than a question takes to come up.
const SOON: Duration = Duration::from_secs(4);
/// What stands in the page, in its title and in its link. Its address is known to the qube that hands it over.
const CANARIES: [&str; 3] =
    ["canary-of-the-page-61c8", "canary-of-the-title-0fe2", "canary-of-the-link-b37a"];
/// Nothing keeps this from being found: it is on the screen.
const MARKER: &str = "planted-marker-7a90c2";
/// Bytes of an address that is longer than anything that was said before.
const LONGER: usize = 900;
/// Longest wait for a disposable to be wiped.
const WIPED: Duration = Duration::from_secs(60);
/// A server whose pages are files, but for `/slow`, which begins and goes on much later.
const SERVER: &str = r#"
import http.server, sys, time
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/slow":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b"x" * 5000)
        self.wfile.flush()
        time.sleep(15)
        self.wfile.write(b"y" * 95000)
    def __init__(self, *rest):
        super().__init__(*rest, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// Where the desktop keeps its viewers away from home, and what is put before it: the server of the test is at home.
const HOME: &str = "net.*             @anyvm           netvm        deny  { address: ";
const SERVED: &str = "net.connect work-research netvm allow { address: \"10.0.2.2\", port: PORT }";
/// Longest wait for a network.
const NETWORK: Duration = Duration::from_secs(60);

/// The system, the servers, and how memory is read from outside.
struct Day {
    t: Terminal,
    page: Server,
    bank: Server,
    social: Server,
    socket: PathBuf,
    file: PathBuf,
}

impl Day {
    fn begin(name: &str) -> Self {
        let folder = empty_folder(name);
        let [page_title, bank_title, social_title] =
            ["page", "bank", "social"].map(|which| folder.join(which));
        let [page, title, link] = CANARIES;
        let document = format!("<title>{title}</title><p>{page} <a href='/{link}'>next</a>");
        let serve = |folder: &Path, document: &str| {
            std::fs::create_dir_all(folder).expect("a folder for what is served");
            std::fs::write(folder.join("a.html"), document).expect("a page");
            let mut command = Command::new("python3");
            command.args(["-u", "-c", SERVER]).arg(folder);
            Server::of(command, |line| line.trim().parse().ok())
        };
        let page = serve(&page_title, &document);
        let bank = serve(&bank_title, "<p>balance of the bank");
        let social = serve(&social_title, "<p>news of friends");
        let text = SYSTEM
            .replace("PAGE", &page.port.to_string())
            .replace("BANK", &bank.port.to_string())
            .replace("SOCIAL", &social.port.to_string())
            .replace("../..", &root().display().to_string());
        let manifest = folder.join("stories.toml");
        std::fs::write(&manifest, text).expect("the manifest");
        let (socket, file) = (folder.join("qmp.sock"), folder.join("memory.bin"));
        let t = Terminal::prepare(|| {
            let (manifest, image) = (manifest.to_string_lossy(), folder.join("stories.img"));
            let built =
                skep(&["image", &manifest, "-o", &image.to_string_lossy()]).output().expect("cargo runs");
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
            let qmp = format!("unix:{},server=on,wait=off", socket.display());
            skep(&["run", &manifest, "--no-color", "--", "-qmp", &qmp])
        });
        Self { t, page, bank, social, socket, file }
    }

    fn does(&mut self, command: &str, expected: &str) -> String {
        let shown = plain(&self.t.command(command));
        assert!(shown.contains(expected), "{command}: {shown}");
        shown
    }

    /// Has `open` go on until there is a network.
    fn until_there_is_a_network(&mut self) {
        let url = format!("open http://10.0.2.2:{}/a.html", self.page.port);
        let start = Instant::now();
        while plain(&self.t.command(&url)).contains("there is no network") {
            assert!(start.elapsed() < WIPED, "no network:\n{}", self.t.seen);
        }
        self.does("close", "viewer is gone");
    }

    /// The canaries that are anywhere in the machine's memory.
    fn found(&self) -> Vec<&'static str> {
        let memory = dump(&self.socket, &self.file);
        let is_there = |text: &str| memchr::memmem::find(&memory, text.as_bytes()).is_some();
        assert!(is_there(MARKER), "the search does not find what is no secret");
        CANARIES.into_iter().filter(|canary| is_there(canary)).collect()
    }

    /// Waits until no disposable has anything of its last life.
    fn wiped(&mut self) {
        let start = Instant::now();
        while plain(&self.t.command("qubes")).matches(" prepared ").count() < 4 {
            assert!(start.elapsed() < WIPED, "the viewers are not wiped: {}", self.t.seen);
            sleep(Duration::from_millis(300));
        }
    }
}

#[test]
fn a_link_of_work_opens_in_a_red_disposable_and_vanishes() {
    let mut day = Day::begin("story-link");
    let [page, title, _] = CANARIES;
    let _ = day.t.command(&format!("say nobody {MARKER}"));
    let url = format!("http://10.0.2.2:{}/a.html", day.page.port);
    day.does(&format!("say work {url}"), "work: asking");
    // One in half a minute, whatever becomes of it.
    day.does(&format!("say work {url}#again"), "work: asking");
    day.t.until("work asks to open:");
    day.t.until(&format!("▲│ {url}"));
    day.t.until("▲ work asks to open that in work-viewer: [o]pen, [n]o? ");
    sleep(GUARD);
    day.t.keys("o\r");
    day.t.until(&format!("●│ {title}"));
    day.t.until(&format!("●│ {page} next[1]"));
    day.t.until("'close' ends this one.");
    day.t.until("skep> ");
    assert!(day.found().contains(&page), "what is on the screen is in memory");

    // What `work` may not reach, what was opened for it may not either; and nobody else's link has a place.
    let elsewhere = format!("http://10.0.2.2:{}/a.html", day.bank.port);
    day.does(&format!("open {elsewhere} in work-viewer"), "the network's rules deny it");
    let audit = day.does("audit 64", "links.open");
    assert_eq!(audit.lines().filter(|line| line.contains("links")).count(), 2, "two calls: {audit}");
    day.does("say work heard", "work: taken, Busy, 0 more");
    assert_eq!(plain(&day.t.seen).matches("asks to open:").count(), 1, "{}", day.t.seen);

    day.does(&format!("open {url} in work-viewer"), title);
    day.does("close", "work-viewer is gone, and its memory with it.");
    day.wiped();
    // The network qube keeps what it carried until other packets come over it, and the supervisor its last message.
    day.does("kill netvm", "netvm is ended; it starts again");
    day.does(&format!("open http://10.0.2.2:1/{}", "x".repeat(LONGER)), "It can't be opened:");
    day.wiped();
    assert_eq!(day.found(), [""; 0], "nothing is left of the page");
    assert_eq!(day.t.power_off().0, 0);
}

#[test]
fn bills_reaches_its_bank_and_social_its_friends_and_draft_nothing() {
    let mut day = Day::begin("story-places");
    day.until_there_is_a_network();
    let [page, bank, social] = [&day.page, &day.bank, &day.social].map(|server| server.port);
    let url = |port: u16| format!("http://10.0.2.2:{port}/a.html");
    let denied = "It can't be opened: the network's rules deny it.";
    for (place, own, says, others) in [
        ("personal-bills", bank, "■│ balance of the bank", [page, social]),
        ("personal-social", social, "■│ news of friends", [page, bank]),
    ] {
        day.does(&format!("open {} in {place}", url(own)), says);
        for other in others {
            day.does(&format!("open {} in {place}", url(other)), denied);
        }
        day.does(&format!("open http://10.0.2.3:{own}/ in {place}"), denied);
    }
    day.wiped();

    // Who has no disposable has its link refused, and the person is told so once.
    let refused =
        "work-draft asked to open a link; that is refused, since no disposable is opened for work-draft.";
    for url in [url(page), url(page), format!("http://bank@10.0.2.2:{page}/")] {
        day.does(&format!("say work-draft {url}"), "work-draft: asking");
        sleep(SOON);
    }
    day.does("say work-draft heard", "work-draft: Refused, Refused, NotAnAddress, 0 more");
    assert_eq!(plain(&day.t.seen).matches(refused).count(), 1, "{}", day.t.seen);
    assert_eq!(plain(&day.t.seen).matches(CHOICE).count(), 0, "{}", day.t.seen);
    assert_eq!(day.t.power_off().0, 0);
}

#[test]
fn a_network_that_ends_in_the_middle_of_a_download_is_said_and_the_next_one_works() {
    let mut day = Day::begin("story-network");
    day.until_there_is_a_network();
    day.wiped();
    let port = day.page.port;
    day.does("say work 'end netvm'", "work: later");
    day.t.keys(&format!("open http://10.0.2.2:{port}/slow\r"));
    day.t.until("KiB received");
    let said = plain(&day.t.until("skep> "));
    let log = day.does("log", "netvm generation 2");
    println!("{log}");
    assert!(said.contains("It can't be opened: there is no network."), "{said}");
    assert!(said.contains("the network restarted"), "{said}");
    assert!(said.contains("viewer is gone, and its memory with it."), "{said}");
    day.wiped();
    day.does(&format!("open http://10.0.2.2:{port}/a.html"), CANARIES[0]);
    day.does("close", "viewer is gone");
    assert_eq!(day.t.power_off().0, 0);
}

/// On the desktop as it is shipped, but for one more rule of `work-research`: that for a server.
#[test]
fn what_is_written_in_work_write_is_kept_there_and_work_research_looks_things_up() {
    let folder = empty_folder("story-write");
    let host = std::net::TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
    host.set_nonblocking(true).expect("a listener that does not wait");
    let port = host.local_addr().expect("its port").port();
    let page = folder.join("page");
    std::fs::create_dir_all(&page).expect("a folder for what is served");
    std::fs::write(page.join("a.html"), "<p>what was looked up").expect("a page");
    let mut command = Command::new("python3");
    command.args(["-u", "-c", SERVER]).arg(&page);
    let server = Server::of(command, |line| line.trim().parse().ok());
    let desktop = std::fs::read_to_string(root().join("build/systems/desktop.toml")).expect("the desktop");
    assert_eq!(desktop.matches(HOME).count(), 1, "the desktop keeps viewers away from home by another line");
    let served = SERVED.replace("PORT", &server.port.to_string());
    let desktop = desktop.replace(HOME, &format!("{served}\n{HOME}"));
    let disk = ["--disk", &blank_disk("story-write"), "--disk-size", "256"].map(String::from);
    let mut t = Terminal::run_text(&folder, &desktop, &disk);

    let start = Instant::now();
    while t.command("work-write status").contains("not running") {
        assert!(start.elapsed() < NETWORK, "work-write does not start:\n{}", t.seen);
        sleep(Duration::from_millis(200));
    }
    while !plain(&t.command("call net.status")).contains("10, 0, 2, 15") {
        assert!(start.elapsed() < NETWORK, "no network:\n{}", t.seen);
        sleep(Duration::from_millis(200));
    }

    assert!(
        t.secret_command("work-write init", &["pass", "pass"]).contains("work-write is open"),
        "{}",
        t.seen
    );
    t.keys("work-write write plan\r");
    for line in ["Meet at noon.", "", "Bring the map.", "."] {
        t.until("| ");
        t.keys(&format!("{line}\r"));
    }
    assert!(t.until("skep> ").contains("'plan' has 29 bytes"), "{}", t.seen);
    let _ = t.command("work-write lock");
    assert!(t.command("work-write notes plan").contains("locked"), "{}", t.seen);

    for (command, refusal) in [
        (format!("open http://10.0.2.2:{port}/ in work-write"), "work-write has no channel to the network"),
        (
            format!("call work-write:net.connect 10.0.2.2 {port}"),
            "no channel to a service 'net' of 'work-write'.",
        ),
        (format!("open http://10.0.2.2:{port}/ in work-research"), "the network's rules deny it"),
        ("work-write key ls".into(), "no channel"),
    ] {
        let said = plain(&t.command(&command));
        assert!(said.contains(refusal), "{command}: {said}");
    }
    let nobody = host.accept().expect_err("nobody came");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
    let opened = plain(&t.command(&format!("open http://10.0.2.2:{}/a.html in work-research", server.port)));
    assert!(opened.contains("▲│ what was looked up"), "{opened}");
    assert!(t.command("close").contains("work-research is gone"), "{}", t.seen);

    assert!(t.command("kill work-write").contains("generation 2"), "{}", t.seen);
    let _ = t.command("work-write status");
    assert!(t.secret_command("work-write unlock", &["pass"]).contains("1 entry"), "{}", t.seen);
    let notes = plain(&t.command("work-write notes plan"));
    assert!(notes.contains("Meet at noon.") && notes.contains("Bring the map."), "{notes}");
    assert_eq!(t.power_off().0, 0);
}
