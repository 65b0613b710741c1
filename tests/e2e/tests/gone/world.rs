//! The machine whose memory is looked at, and the servers that fill it with canaries.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use tests_e2e::canary::Canaries;
use tests_e2e::{Terminal, blank_disk, dump, plain, root, skep};

/// The system, without an authority of the test.
const SYSTEM: &str = include_str!("../../../../build/systems/open.toml");
/// How its viewers stand in it.
const VIEWERS: &str = "{ path = \"../../unikernels/viewer\",";
/// The network qube in it, beside which one comes that drives a disk.
const NETWORK: &str = "\"../../netvm/qube\",";
/// The terminal in it.
const CONSOLE: &str = "{ path = \"../../unikernels/console\",";
/// The qube that drives it.
const STORAGE: &str = "\"../../unikernels/storage\",";
/// Memory of a viewer here: enough for a page, too little for a large one.
const MEMORY: &str = "5MiB";
/// Nothing keeps this from being found: it is on the screen.
const MARKER: &str = "planted-marker-51d0be";
/// Longest wait for whatever must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the log says of a qube that panicked.
const CRASHED: &str = "ended: it panicked";
/// End of a head of HTTP.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Waits until there is something.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What a server answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Lines of the head.
    pub(crate) headers: String,
    pub(crate) page: String,
    /// Bytes that are announced and do not come.
    pub(crate) missing: usize,
}

impl Answer {
    fn bytes(&self) -> Vec<u8> {
        let length = self.page.len() + self.missing;
        let kind = "Content-Type: text/html; charset=utf-8";
        let head = format!("HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {length}\r\n{}\r\n", self.headers);
        [head.as_bytes(), self.page.as_bytes()].concat()
    }
}

/// A server of HTTP in the clear, for one question.
pub(crate) struct Plain {
    pub(crate) port: u16,
}

impl Plain {
    pub(crate) fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        std::thread::spawn(move || {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let (mut asked, mut piece) = (Vec::new(), [0; 4096]);
            while memchr::memmem::find(&asked, HEAD_END).is_none() {
                match stream.read(&mut piece) {
                    Ok(length @ 1..) => asked.extend_from_slice(&piece[..length]),
                    _ => return,
                }
            }
            // Who crashes in the middle does not take all of it.
            let _ = stream.write_all(&answer.bytes());
        });
        Self { port }
    }
}

/// OpenSSL's server, which answers one question and writes down the secrets of its connections.
pub(crate) struct Secure {
    child: Child,
    pub(crate) port: u16,
    secrets: PathBuf,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Secure {
    pub(crate) fn start(folder: &Path, answer: Answer) -> Self {
        let secrets = folder.join("secrets.log");
        let _ = std::fs::remove_file(&secrets);
        // Told to be quiet, it does not say which port it found; otherwise it takes its input for commands.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.expect("a port").port();
        let mut command = Command::new("openssl");
        command.current_dir(folder).args(["s_server", "-quiet", "-key", "leaf.key", "-cert", "leaf.pem"]);
        command.args(["-keylogfile", "secrets.log", "-accept", &format!("127.0.0.1:{port}")]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("OpenSSL runs");
        let (mut out, mut into) =
            (child.stdout.take().expect("its output"), child.stdin.take().expect("its input"));
        let said = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&said);
        std::thread::spawn(move || {
            let (mut piece, mut answer) = ([0; 4096], Some(answer));
            while let Ok(length @ 1..) = out.read(&mut piece) {
                let mut said = hears.lock().expect("nobody fails while it holds this");
                said.extend_from_slice(&piece[..length]);
                if memchr::memmem::find(&said, HEAD_END).is_some()
                    && let Some(answer) = answer.take()
                {
                    let _ = into.write_all(&answer.bytes()).and_then(|()| into.flush());
                }
            }
        });
        until("the server", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { child, port, secrets, said }
    }

    /// What it was asked, once that is all here.
    pub(crate) fn said(&self) -> String {
        until("a question", || {
            let said = self.said.lock().expect("nobody fails while it holds this");
            memchr::memmem::find(&said, HEAD_END).map(|_| String::from_utf8_lossy(&said).into_owned())
        })
    }

    /// From now on the secrets of its connections are looked for.
    pub(crate) fn plant_secrets(&self, canaries: &mut Canaries) {
        let log = std::fs::read_to_string(&self.secrets).expect("the secrets");
        let lines = log.lines().filter(|line| !line.starts_with('#'));
        let mut planted = 0;
        for line in lines {
            let [label, _, secret] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let digits = secret.as_bytes().chunks(2);
            let bytes = digits.map(|two| u8::from_str_radix(&String::from_utf8_lossy(two), 16));
            let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().expect("hexadecimal digits");
            canaries.add(&format!("TLS {label}"), &bytes);
            planted += 1;
        }
        assert!(planted >= 4, "TLS 1.3 has a secret for each side and half: {log}");
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An authority, and a key `leaf` with a certificate of it for the host of the machine. Gives the authority as an argument of a
/// qube has it.
pub(crate) fn certificates(folder: &Path) -> String {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").current_dir(folder).args(arguments.split(' ')).output();
        let output = output.expect("OpenSSL runs");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for key in ["ca", "leaf"] {
        openssl(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {key}.key"));
    }
    openssl("req -x509 -new -key ca.key -subj /CN=ca -days 30 -out ca.pem");
    openssl("req -new -key leaf.key -subj /CN=leaf -out leaf.csr");
    std::fs::write(folder.join("leaf.ext"), "subjectAltName=IP:10.0.2.2\n").expect("its names");
    let sign = "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30";
    openssl(&format!("{sign} -extfile leaf.ext -out leaf.pem"));
    openssl("x509 -in ca.pem -outform DER -out ca.der");
    Base64::encode_string(&std::fs::read(folder.join("ca.der")).expect("the authority"))
}

/// The system, and how its memory is read from outside.
pub(crate) struct Machine {
    t: Terminal,
    socket: PathBuf,
    file: PathBuf,
    /// The one that it boots from, and the one that it writes to.
    disks: [PathBuf; 2],
}

impl Machine {
    pub(crate) fn start(folder: &Path, authority: &str) -> Self {
        assert!([VIEWERS, NETWORK, CONSOLE].iter().all(|part| SYSTEM.contains(part)));
        let more = format!("{VIEWERS} args = \"root={authority}\", memory = \"{MEMORY}\",");
        let text = SYSTEM.replace(VIEWERS, &more).replace(NETWORK, &format!("{NETWORK} {STORAGE}"));
        // Documents are shown whole.
        let text = text.replace(CONSOLE, &format!("{CONSOLE} args = \"rows=0\","));
        let text = text.replace("../..", &root().display().to_string());
        let manifest = folder.join("open.toml");
        std::fs::write(&manifest, text).expect("the manifest");
        let manifest = manifest.display().to_string();
        let (socket, file) = (folder.join("qmp.sock"), folder.join("memory.bin"));
        let (image, disk) = (folder.join("open.img"), blank_disk("gone"));
        let mut t = Terminal::prepare(|| {
            let built =
                skep(&["image", &manifest, "-o", &image.to_string_lossy()]).output().expect("cargo runs");
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
            let qmp = format!("unix:{},server=on,wait=off", socket.display());
            let disk = ["--disk", &disk, "--disk-size", "64"];
            let arguments = [&["run", &manifest, "--no-color"], &disk[..], &["--", "-qmp", &qmp]].concat();
            skep(&arguments)
        });
        let _ = t.command(&format!("say nobody {MARKER}"));
        Self { t, socket, file, disks: [image, disk.into()] }
    }

    /// Types a command and gives what it shows.
    pub(crate) fn does(&mut self, command: &str) -> String {
        plain(&self.t.command(command))
    }

    /// Opens a document that has these links.
    pub(crate) fn open(&mut self, url: &str, links: &str) {
        let shown = self.does(&format!("open {url}"));
        let end: String = shown.chars().rev().take(500).collect::<Vec<_>>().into_iter().rev().collect();
        assert!(shown.contains(links), "{end}");
    }

    /// Begins to open a document, and does not wait for it.
    pub(crate) fn begin(&mut self, url: &str) {
        self.t.keys(&format!("open {url}\r"));
    }

    /// Gives up what was begun.
    pub(crate) fn cancel(&mut self) {
        self.t.keys("\x03");
        self.t.until(" is gone");
        self.t.until("skep> ");
    }

    /// Opens a document at which the viewer crashes.
    pub(crate) fn crash(&mut self, url: &str) {
        let shown = self.does(&format!("open {url}"));
        let log = self.does("log");
        assert!(log.contains(CRASHED), "the viewer does not crash: {shown}\n{log}");
    }

    /// The name of the viewer that lives, and which life of `netvm` this is.
    fn lives(&mut self) -> (Option<String>, String) {
        let shown = self.does("qubes");
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let viewers = shown.lines().filter(|line| line.starts_with("viewer-"));
        let viewer = viewers.map(words).find(|words| words.get(3).is_some_and(|state| state != "prepared"));
        let netvm = shown.lines().find(|line| line.starts_with("netvm")).map(words).unwrap_or_default();
        let generation = netvm.get(4).expect("the network qube has a generation");
        (viewer.and_then(|words| words.first().cloned()), generation.clone())
    }

    /// Which life of the network qube this is.
    pub(crate) fn netvm(&mut self) -> String {
        self.lives().1
    }

    /// Ends the life that has a document open.
    pub(crate) fn ends(&mut self, command: &str) {
        let viewer = self.lives().0.expect("a viewer lives");
        let shown = self.does(&format!("{command} {viewer}"));
        assert!(shown.contains(" is gone"), "{shown}");
    }

    /// All memory of the machine.
    pub(crate) fn memory(&self) -> Vec<u8> {
        let memory = dump(&self.socket, &self.file);
        let is_there = memchr::memmem::find(&memory, MARKER.as_bytes()).is_some();
        assert!(is_there, "the search does not find what is no secret");
        memory
    }

    /// Waits until the next lives are prepared, and looks then.
    pub(crate) fn assert_none(&mut self, canaries: &Canaries, when: &str) {
        until("another life", || self.lives().0.is_none().then_some(()));
        canaries.assert_none(&self.memory(), when);
    }

    /// Nor are they in what the machine has logged.
    pub(crate) fn assert_logs_none(&mut self, canaries: &Canaries) {
        let log = self.does("log");
        assert!(log.contains("netvm"), "the log has nothing: {log}");
        canaries.assert_none(log.as_bytes(), "in the log");
    }

    /// Nor on any disk.
    pub(crate) fn power_off(self, canaries: &Canaries) {
        assert_eq!(self.t.power_off().0, 0);
        for disk in self.disks {
            let bytes = std::fs::read(&disk).expect("the disk");
            canaries.assert_none(&bytes, &format!("on {}", disk.display()));
        }
    }
}
