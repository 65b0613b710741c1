//! Real servers in the world: OpenSSL's, on the loopback, with certificates made for the test. They take real time, in which
//! the world's does not pass.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use ipc_proto_net_api::NetError;

use super::{Host, Stream};

/// The name in the certificate.
pub(crate) const NAME: &str = "skep.test";
/// How long a server may take to start or to answer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Days that the certificate is valid.
pub(crate) const DAYS: u64 = 30;
pub(crate) const DAY_S: u64 = 24 * 60 * 60;

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    let output = command.current_dir(folder).args(arguments.split(' ')).output().expect("OpenSSL runs");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A folder with two authorities, and a certificate for [`NAME`] by the first of them.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!("viewer-", env!("CARGO_CRATE_NAME")));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("leaf.ext"), format!("subjectAltName=DNS:{NAME}\n")).expect("a file");
        for key in ["ca", "other", "leaf"] {
            openssl(
                &folder,
                &format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {key}.key"),
            );
        }
        for ca in ["ca", "other"] {
            let own = format!("req -x509 -new -key {ca}.key -subj /CN={ca} -outform DER -out {ca}.der");
            openssl(&folder, &own);
        }
        openssl(&folder, "x509 -inform DER -in ca.der -out ca.pem");
        openssl(&folder, "req -new -key leaf.key -subj /CN=leaf -out leaf.csr");
        let sign = "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile leaf.ext";
        openssl(&folder, &format!("{sign} -days {DAYS} -out leaf.pem"));
        folder
    })
}

/// The certificate of an authority as an argument gives it.
pub(crate) fn root(ca: &str) -> String {
    let der = std::fs::read(folder().join(format!("{ca}.der"))).expect("the certificate");
    Base64::encode_string(&der)
}

/// `openssl s_server`: what is asked for are files with a whole answer in each.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
        for _ in 0..8 {
            let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
            let mut command = Command::new("openssl");
            command.current_dir(folder()).args(["s_server", "-quiet", "-HTTP"]);
            command.args(["-accept", &format!("127.0.0.1:{port}"), "-cert", "leaf.pem", "-key", "leaf.key"]);
            command.args(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut server = Self { child: command.spawn().expect("OpenSSL runs"), port };
            let start = Instant::now();
            while start.elapsed() < PATIENCE && server.child.try_wait().expect("it").is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return server;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("no server with {options:?}");
    }

    pub(crate) fn host(&self) -> Host {
        self.host_cut_at(usize::MAX)
    }

    pub(crate) fn host_cut_at(&self, cut_at: usize) -> Host {
        Host::Real { port: self.port, cut_at }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn connect(port: u16) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", port)).expect("the server is there");
    socket.set_nonblocking(true).expect("it does not wait");
    socket
}

fn error(kind: ErrorKind) -> NetError {
    match kind {
        ErrorKind::WouldBlock => NetError::WouldBlock,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => NetError::Reset,
        other => panic!("{other}"),
    }
}

pub(crate) fn send(socket: &mut TcpStream, data: &[u8]) -> Result<usize, NetError> {
    // A little at a time, so that a message takes several.
    socket.write(&data[..data.len().min(100)]).map_err(|fault| error(fault.kind()))
}

pub(crate) fn wait(is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < PATIENCE, "the server says nothing");
        thread::sleep(Duration::from_millis(1));
    }
}

impl Stream {
    fn cut_at(&self) -> usize {
        if let Host::Real { cut_at, .. } = self.host { cut_at } else { usize::MAX }
    }

    pub(super) fn is_readable(&self) -> bool {
        let Some(socket) = &self.socket else { return false };
        let nothing = socket.peek(&mut [0]).is_err_and(|fault| fault.kind() == ErrorKind::WouldBlock);
        self.received >= self.cut_at() || !nothing
    }

    pub(super) fn receive(&mut self, into: &mut [u8]) -> Result<usize, NetError> {
        let most = into.len().min(self.cut_at().saturating_sub(self.received));
        let socket = self.socket.as_mut().expect("a real server's");
        let taken = socket.read(&mut into[..most]).map_err(|fault| error(fault.kind()))?;
        self.received += taken;
        Ok(taken)
    }
}
