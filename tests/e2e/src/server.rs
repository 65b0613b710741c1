//! Servers on this computer's loopback, for machines whose network QEMU makes: real programs, each at a port that it found free.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longest wait for a server that does not say when it listens.
const LISTENS: Duration = Duration::from_secs(10);
/// Longer than an answer takes, on a busy machine too.
const SILENT: Duration = Duration::from_secs(4);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(20);

/// A server; it ends with this.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub port: u16,
}

impl Server {
    /// Python's, with the files of a folder, at this address of the loopback.
    ///
    /// # Panics
    /// As [`Server::of`].
    #[must_use]
    pub fn files(folder: &Path, loopback: &str) -> Self {
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "0", "--bind", loopback, "--directory"]).arg(folder);
        Self::of(command, |line| line.split("port ").nth(1)?.split(' ').next()?.parse().ok())
    }

    /// What the command starts, which says in a line where it listens.
    ///
    /// # Panics
    /// When it does not run, or ends without that line.
    #[must_use]
    pub fn of(mut command: Command, port: impl Fn(&str) -> Option<u16>) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut lines =
            BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let port = lines.find_map(|line| port(&line));
        let port = port.unwrap_or_else(|| panic!("{command:?} does not say where it listens"));
        // It may have more to say, and must not wait until somebody hears it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    /// dnsmasq with this zone, as arguments: it knows nothing else, and asks nobody.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn names(folder: &Path, zone: &[&str]) -> Self {
        let port = free_port();
        let mut command = Self::quiet("dnsmasq");
        command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"]);
        command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/example/"]);
        command.arg(format!("--port={port}")).arg(format!("--pid-file={}/dnsmasq.pid", folder.display()));
        Self::listening(command.args(zone), port)
    }

    /// nginx with these servers, as the blocks of its configuration; the first listens at `PORT`, all have their files below
    /// `FOLDER`, and what they were asked is in `FOLDER/asked.log`.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn nginx(folder: &Path, servers: &str) -> Self {
        let port = free_port();
        let text = format!("{NGINX_HEAD}{servers}}}\n");
        let text = text.replace("FOLDER", &folder.display().to_string()).replace("PORT", &port.to_string());
        let file = folder.join("nginx.conf");
        std::fs::write(&file, text).expect("the configuration");
        let mut command = Self::quiet("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(&file);
        Self::listening(&mut command, port)
    }

    /// A program of `/usr/sbin` that says nothing and ends with us, however we end.
    fn quiet(program: &str) -> Command {
        let mut command = Command::new("setpriv");
        let path = std::env::var("PATH").unwrap_or_default();
        command.args(["--pdeathsig", "KILL", program]).env("PATH", format!("{path}:/usr/sbin"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn listening(command: &mut Command, port: u16) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut server = Self { child, port };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let end = server.child.try_wait().expect("its state");
            assert!(end.is_none() && start.elapsed() < LISTENS, "{command:?} does not listen: {end:?}");
            sleep(POLL);
        }
        server
    }
}

/// What all of its servers have in common: one process, and no file outside of its folder.
const NGINX_HEAD: &str = "
daemon off; master_process off; pid FOLDER/nginx.pid; error_log FOLDER/nginx.log;
events { worker_connections 64; }
http {
    log_format asked '$request_uri $server_protocol $status $sent_http_content_encoding $sent_http_transfer_encoding';
    access_log FOLDER/asked.log asked;
    client_body_temp_path FOLDER/nginx-body; proxy_temp_path FOLDER/nginx-proxy;
    fastcgi_temp_path FOLDER/nginx-fastcgi; uwsgi_temp_path FOLDER/nginx-uwsgi; scgi_temp_path FOLDER/nginx-scgi;
    types { text/html html; text/plain txt; }
";

/// What comes back when this is said to a port of the host, until the other side says no more.
///
/// # Errors
/// When nobody is there, or nothing comes for [`SILENT`].
pub fn said(port: u16, words: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(SILENT))?;
    stream.write_all(words)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// A port that nobody has, for TCP over either version of IP and for UDP.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let is_free = |port: &u16| {
        UdpSocket::bind(("127.0.0.1", *port)).is_ok() && TcpListener::bind(("::1", *port)).is_ok()
    };
    let any = || TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let ports = std::iter::repeat_with(any).take(100).map(|address| address.expect("a port").port());
    ports.into_iter().find(is_free).expect("a free port")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
