//! OpenSSL as the other side: its certificates, its server, and a socket that joins it with a [`Tls`].

#![allow(dead_code, clippy::unwrap_used, reason = "helpers of tests; each test file uses a part")]

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use unikernels_sdk::Csprng;
use unikernels_tls::{Read, Roots, Tls, TlsError};

/// The name in all certificates.
pub(crate) const NAME: &str = "skep.test";
/// How long a server may take to start or to answer, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Days that certificates are valid.
pub(crate) const DAYS: u64 = 30;
pub(crate) const DAY_S: u64 = 24 * 60 * 60;

/// A kind of key and signature, of a server and of the authority that signed it.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    key: &'static [&'static str],
    sign: &'static [&'static str],
}

pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "p256", key: &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], sign: &["-sha256"] },
    Kind { name: "p384", key: &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], sign: &["-sha384"] },
    Kind { name: "rsa", key: &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], sign: &["-sha256"] },
    Kind {
        name: "pss",
        key: &["RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
        sign: &["-sha512", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"],
    },
    Kind { name: "ed25519", key: &["ED25519"], sign: &[] },
];

/// The folder with all certificates, made once.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!("tls-", env!("CARGO_CRATE_NAME")));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let names = format!("subjectAltName=DNS:{NAME},IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
        std::fs::write(folder.join("leaf.ext"), names).unwrap();
        std::fs::write(
            folder.join("client.ext"),
            format!("subjectAltName=DNS:{NAME}\nextendedKeyUsage=clientAuth\n"),
        )
        .unwrap();
        for kind in KINDS {
            make(&folder, kind);
        }
        folder
    })
}

fn make(folder: &Path, kind: &Kind) {
    let name = kind.name;
    for file in ["root", "leaf"] {
        let key = format!("{name}-{file}.key");
        openssl(folder, &[&["genpkey", "-out", &key, "-algorithm"], kind.key].concat());
    }
    let (root, leaf) = (format!("{name}-root"), format!("{name}-leaf"));
    let days = DAYS.to_string();
    let (root_key, root_pem, leaf_key) =
        (format!("{root}.key"), format!("{root}.pem"), format!("{leaf}.key"));
    let subject = format!("/CN=Test root {name}");
    let own =
        ["req", "-x509", "-new", "-key", &root_key, "-out", &root_pem, "-days", &days, "-subj", &subject];
    openssl(folder, &[&own, kind.sign].concat());
    let request = format!("{leaf}.csr");
    openssl(folder, &["req", "-new", "-key", &leaf_key, "-out", &request, "-subj", "/CN=a server"]);
    for (extensions, file) in
        [("leaf.ext", format!("{leaf}.pem")), ("client.ext", format!("{name}-client.pem"))]
    {
        let sign = [
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &root_pem,
            "-CAkey",
            &root_key,
            "-CAcreateserial",
            "-days",
            &days,
            "-extfile",
            extensions,
            "-out",
            &file,
        ];
        openssl(folder, &[&sign, kind.sign].concat());
    }
    openssl(folder, &["x509", "-in", &root_pem, "-outform", "DER", "-out", &format!("{root}.der")]);
}

pub(crate) fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The root of a kind.
pub(crate) fn roots(kind: &str) -> Roots {
    let mut roots = Roots::none();
    roots.add(&std::fs::read(folder().join(format!("{kind}-root.der"))).unwrap()).unwrap();
    roots
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A generator that is another one for each number.
pub(crate) fn random(number: u8) -> Csprng {
    Csprng::new([number; 32])
}

/// `openssl s_server`: it sends what it gets on its standard input, and puts out what it receives.
pub(crate) struct Server {
    child: Child,
    /// Its input, which stays open as long as it runs: it ends with it.
    _input: Option<thread::JoinHandle<ChildStdin>>,
    pub(crate) socket: TcpStream,
}

impl Server {
    /// Starts it with the certificate of this name, and connects.
    pub(crate) fn start(certificate: &str, key: &str, arguments: &[&str]) -> Self {
        for _ in 0..8 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut child = Command::new("openssl")
                .current_dir(folder())
                .args(["s_server", "-quiet", "-naccept", "1", "-accept", &format!("127.0.0.1:{port}")])
                .args(["-cert", &format!("{certificate}.pem"), "-key", &format!("{key}.key")])
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let start = Instant::now();
            while start.elapsed() < PATIENCE && child.try_wait().unwrap().is_none() {
                if let Ok(socket) = TcpStream::connect(("127.0.0.1", port)) {
                    socket.set_read_timeout(Some(PATIENCE)).unwrap();
                    return Self { child, _input: None, socket };
                }
                thread::sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("no server with {arguments:?}");
    }

    /// Gives it these bytes to send.
    pub(crate) fn say(&mut self, bytes: Vec<u8>) {
        let mut input = self.child.stdin.take().unwrap();
        self._input = Some(thread::spawn(move || {
            // A server that is gone does not read on; what it sent shows that.
            let _ = input.write_all(&bytes);
            input
        }));
    }

    /// Collects what it receives.
    pub(crate) fn hear(&mut self, len: usize) -> thread::JoinHandle<Vec<u8>> {
        let mut output = self.child.stdout.take().unwrap();
        thread::spawn(move || {
            let mut heard = vec![0; len];
            output.read_exact(&mut heard).unwrap();
            heard
        })
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends what there is to be sent.
pub(crate) fn send(tls: &mut Tls, socket: &mut TcpStream) {
    while !tls.to_send().is_empty() {
        let Ok(len) = socket.write(tls.to_send()) else { return };
        if tls.sent(len).is_err() {
            return;
        }
    }
}

/// Waits for something and gives it to the connection; keeps a copy in `record`.
pub(crate) fn receive(tls: &mut Tls, socket: &mut TcpStream, record: &mut Vec<u8>) -> Result<(), TlsError> {
    let mut bytes = [0; 4096];
    let len = match socket.read(&mut bytes) {
        Ok(len) => len,
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
        Err(error) => panic!("{error}"),
    };
    if len == 0 {
        tls.closed();
        return Ok(());
    }
    record.extend_from_slice(&bytes[..len]);
    let taken = tls.received(&bytes[..len])?;
    assert_eq!(taken, len, "4 KiB find room when all is read after each");
    Ok(())
}

/// Everything the server did.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    /// What it sent, as it was on the wire.
    pub(crate) wire: Vec<u8>,
    /// What it said.
    pub(crate) heard: Vec<u8>,
}

/// Talks with a server: writes `say` once that may be, closes when the server closed or said `until` bytes.
pub(crate) fn talk(
    tls: &mut Tls,
    socket: &mut TcpStream,
    say: &[u8],
    until: usize,
) -> (Talk, Result<(), TlsError>) {
    let mut talk = Talk::default();
    let result = go_on(tls, socket, say, until, &mut talk);
    send(tls, socket);
    (talk, result)
}

fn go_on(
    tls: &mut Tls,
    socket: &mut TcpStream,
    say: &[u8],
    until: usize,
    talk: &mut Talk,
) -> Result<(), TlsError> {
    let mut said = 0;
    let mut plain = [0; 1000];
    loop {
        send(tls, socket);
        loop {
            match tls.read(&mut plain)? {
                Read::Data(len) => talk.heard.extend_from_slice(&plain[..len]),
                Read::Closed => return tls.close(),
                Read::Pending => break,
            }
        }
        if said < say.len() {
            said += tls.write(&say[said..])?;
        }
        if !tls.to_send().is_empty() {
            continue;
        }
        if talk.heard.len() >= until && said == say.len() && tls.is_open() {
            return tls.close();
        }
        receive(tls, socket, &mut talk.wire)?;
    }
}
