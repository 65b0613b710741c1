//! A server of HTTP whose answers are not meant well, one thread a caller.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{sleep, spawn};
use std::time::Duration;

/// Bytes that become of the compressed ones.
const BOMB: usize = 16 << 20;
/// Header of a gzip file (RFC 1952): no name, no time, no system.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Starts it, with this good document too; gives its port. It ends with the process.
pub(crate) fn serve(document: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its port").port();
    let mut bomb = GZIP.to_vec();
    bomb.extend(miniz_oxide::deflate::compress_to_vec(&vec![b' '; BOMB], 6));
    let files = Arc::new((document, bomb));
    spawn(move || {
        for caller in listener.incoming().map_while(Result::ok) {
            let files = Arc::clone(&files);
            // A caller that hangs up ends its answer.
            spawn(move || answer(caller, &files.0, &files.1));
        }
    });
    port
}

fn answer(mut caller: TcpStream, document: &[u8], bomb: &[u8]) -> std::io::Result<()> {
    let mut lines = BufReader::new(caller.try_clone()?).lines().map_while(Result::ok);
    let asked = lines.next().unwrap_or_default();
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n";
    let mut say = |words: &str| caller.write_all(words.as_bytes());
    match asked.split(' ').nth(1).unwrap_or_default() {
        "/document" => {
            say(&format!("{head}Content-Length: {}\r\n\r\n", document.len()))?;
            caller.write_all(document)
        }
        "/good" => say(&format!("{head}\r\nall is well")),
        "/drip" => {
            say(&format!("{head}\r\n"))?;
            loop {
                sleep(Duration::from_secs(1));
                say(".")?;
            }
        }
        "/huge" => {
            say(&format!("{head}Content-Length: {}\r\n\r\n", 10_u64 << 30))?;
            loop {
                say(&"x".repeat(1 << 16))?;
            }
        }
        "/endless" => {
            say(&format!("{head}\r\n"))?;
            loop {
                say(&"x".repeat(1 << 16))?;
            }
        }
        "/headers" => {
            say(head)?;
            loop {
                say("X-Flood: 0123456789\r\n")?;
            }
        }
        "/round" => say("HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n"),
        "/bomb" => {
            say(&format!("{head}Content-Encoding: gzip\r\n\r\n"))?;
            caller.write_all(bomb)
        }
        "/chunks" => {
            say(&format!("{head}Transfer-Encoding: chunked\r\n\r\n"))?;
            say("ffffffffffffffff\r\n")?;
            say(&"x".repeat(1 << 16))
        }
        _ => say("SSH-2.0-none of your business\r\n\r\n"),
    }
}
