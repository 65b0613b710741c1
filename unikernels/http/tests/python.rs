//! A server that is not ours: Python's `http.server`, on loopback. Without Python the test fails; it is
//! needed elsewhere too.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use unikernels_http::{Closing, Fetch, Kind, Limits, Response, Step, Url};

/// Answers in every framing we know, over `http.server`.
const SERVER: &str = r#"
import http.server, gzip, zlib
PAGE = b'<p>page</p>' * 500
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *args): pass
    def do_GET(self):
        if self.path == '/moved':
            self.send_response(302); self.send_header('Location', 'chunked')
            self.send_header('Content-Length', '0'); self.end_headers(); return
        self.send_response(200)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        if self.path == '/chunked':
            self.send_header('Transfer-Encoding', 'chunked'); self.end_headers()
            for at in range(0, len(PAGE), 1000):
                piece = PAGE[at:at + 1000]
                self.wfile.write(b'%x\r\n%s\r\n' % (len(piece), piece))
            self.wfile.write(b'0\r\n\r\n')
        elif self.path == '/close':
            self.end_headers(); self.wfile.write(PAGE); self.close_connection = True
        else:
            coding, pack = {'/gzip': ('gzip', gzip.compress), '/deflate': ('deflate', zlib.compress)}.get(
                self.path, ('identity', bytes))
            body = pack(PAGE)
            self.send_header('Content-Encoding', coding)
            self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Server(Child, u16);

impl Server {
    fn start() -> Self {
        let mut child = Command::new("python3").args(["-c", SERVER]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, line.trim().parse().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn fetch(address: &str) -> Response {
    let mut fetch = Fetch::new(Url::parse(address).unwrap(), Limits::default());
    let mut stream = None;
    loop {
        match fetch.step().unwrap() {
            Step::Connect(url) => {
                stream = Some(TcpStream::connect((url.host().to_string(), url.port())).unwrap());
                fetch.connected().unwrap();
            }
            Step::Send(bytes) => {
                let sent = stream.as_mut().unwrap().write(bytes).unwrap();
                fetch.sent(sent).unwrap();
            }
            Step::Receive => {
                let mut room = [0; 700];
                match stream.as_mut().unwrap().read(&mut room).unwrap() {
                    0 => fetch.closed(Closing::Orderly).unwrap(),
                    len => fetch.received(&room[..len]).unwrap(),
                }
            }
            Step::Redirect(redirect) => {
                assert!(!redirect.leaves_origin);
                fetch.follow().unwrap();
            }
            Step::Done => return fetch.into_response().unwrap(),
        }
    }
}

#[test]
fn pages_of_another_server_arrive_whole() {
    let server = Server::start();
    for path in ["plain", "gzip", "deflate", "chunked", "close", "moved"] {
        let response = fetch(&format!("http://127.0.0.1:{}/{path}", server.1));
        assert_eq!((response.status, response.media.kind), (200, Kind::Html), "{path}");
        assert_eq!(response.body, b"<p>page</p>".repeat(500), "{path}");
        assert_eq!(response.redirects, usize::from(path == "moved"));
    }
}
