//! What `open` of a page of 20 KiB costs: from the Enter key to the last line of its text.
//!
//! A server on this machine behind QEMU's own network, the system `open` as it is, and keys typed at its terminal. Counted are the
//! instructions of the whole machine: supervisor, console, network qube and the disposable, whose start is part of it. While
//! all of them wait the processor is halted and retires none, so waiting for the network costs nothing, and looking whether it is
//! over does. The count is read when the line is typed and the machine has come to rest, when the first screenful has arrived here,
//! upon which `a` is typed, and when the last line has; what the machine does until that is noticed is counted too.
//!
//! QEMU moves frames and characters when the host lets it, so two runs differ: they must be within a quarter of each other, and
//! the smaller one is taken.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::net::{DEVICES, serve_page};
use super::{Figures, PATIENCE, PLUGIN, wait};
use crate::builder::{Built, build};
use crate::failure::{Failure, Outcome};
use crate::qemu::{Boot, Clock, Machine, PROGRAM, Serial, memory_of};
use crate::report::Report;
use crate::workspace::Workspace;

const SYSTEM: &str = "open";
/// Bytes of the page.
const PAGE_LEN: usize = 20 * 1024;
/// How its last paragraph begins; nothing else has these words.
const LAST_LINE: &str = "This is the end of the page.";
/// How long the terminal may show nothing new while something is waited for.
const SILENCE: Duration = Duration::from_secs(60);
/// What the terminal shows when the screen is full of the page; `a` has the rest shown.
const CHOICE: &str = "-- more:";
/// What the terminal shows when it wants a line.
const PROMPT: &str = "skep> ";
/// How long nothing may run in a machine at rest, and how many instructions count as nothing: somebody's timer may run out.
const REST: Duration = Duration::from_millis(500);
const REST_INSTRUCTIONS: u64 = 100_000;
/// How much larger a figure of one run may be than that of the other.
const SPREAD_MAX: f64 = 1.25;

/// Builds and runs, twice: `open.instructions` from the Enter key to the last line, `open.screen` to the first screenful, and
/// `open.boot`, all from the machine's first instruction to the last line.
///
/// # Errors
/// When a run does not end well, or two differ by more than a quarter.
pub(super) fn measure(workspace: &Workspace, report: Report) -> Outcome<Figures> {
    let page = workspace.output().join("bench-open.html");
    std::fs::write(&page, page_text()).map_err(|error| Failure::of(page.display(), &error))?;
    let port = serve_page(page_text()).map_err(|error| Failure::of("a server on the loopback", &error))?;
    let built = build(workspace, SYSTEM, None, report)?;
    let first = report.step("measure open", || once(workspace, &built, port))?;
    let second = report.step("measure open again", || once(workspace, &built, port))?;
    super::net::alike("open", &first, &second, SPREAD_MAX)
}

/// One boot with one `open` in it.
fn once(workspace: &Workspace, built: &Built, port: u16) -> Outcome<Figures> {
    let file = |extension: &str| workspace.output().join(format!("bench-open.{extension}"));
    let (log, counts, socket) = (file("log"), file("counts"), file("sock"));
    // QEMU of the last run left it.
    let _ = std::fs::remove_file(&socket);
    let plugin = workspace.target.join("release").join(PLUGIN.1);
    let plugin = format!("file={},counter={}", plugin.display(), socket.display());
    let arguments = ["-plugin", &plugin, "-d", "plugin", "-D"].into_iter().map(Into::into);
    let machine = Machine {
        boot: Boot::Kernel { kernel: built.kernel.clone(), image: built.image.clone() },
        memory_mib: memory_of(built, None)?,
        serial: Serial::Stdio,
        log: log.clone(),
        clock: Clock::Real,
        extra: arguments.chain([counts.into_os_string()]).chain(DEVICES.map(Into::into)).collect(),
    };
    let mut command = machine.command();
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
    let mut child = child.map_err(|error| Failure::of(PROGRAM, &error))?;
    // Lives until QEMU is gone: a terminal that nobody reads any more would hold it up.
    let mut talk = Talk::with(&mut child, socket);
    let figures = match &mut talk {
        Some(talk) => talk.open(port),
        None => Err(Failure::failed("QEMU has no terminal".to_owned())),
    };
    if figures.is_err() {
        // It would wait for keys for ever.
        let _ = child.kill();
    }
    let end = wait(child, &log)?;
    let figures = figures?;
    end.explain(&log)?;
    Ok(figures)
}

/// The terminal of a machine, and its counter.
struct Talk {
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
    counter: PathBuf,
}

impl Talk {
    /// `None` when QEMU was started without one.
    fn with(child: &mut Child, counter: PathBuf) -> Option<Self> {
        let (keys, mut out) = child.stdin.take().zip(child.stdout.take())?;
        let (send, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                if send.send(bytes.get(..count).unwrap_or_default().to_vec()).is_err() {
                    return;
                }
            }
        });
        Some(Self { keys, screen, seen: String::new(), counter })
    }

    /// Opens the page, and switches the machine off.
    fn open(&mut self, port: u16) -> Outcome<Figures> {
        self.until(PROMPT)?;
        self.rest()?;
        self.keys(&format!("open http://10.0.2.2:{port}/page"))?;
        self.until("/page")?;
        let before = self.rest()?;
        self.keys("\r")?;
        self.until(CHOICE)?;
        let first = self.retired()?;
        self.keys("a")?;
        self.until(LAST_LINE)?;
        let last = self.retired()?;
        self.until(PROMPT)?;
        self.keys("poweroff\r")?;
        let named = |name: &str, count: u64| (format!("open.{name}"), count as f64);
        Ok(Figures::from([
            named("screen", first.saturating_sub(before)),
            named("instructions", last.saturating_sub(before)),
            named("boot", last),
        ]))
    }

    fn keys(&mut self, keys: &str) -> Outcome<()> {
        self.keys.write_all(keys.as_bytes()).map_err(|error| Failure::of(PROGRAM, &error))
    }

    /// Waits until a text is on the screen; what came before it is forgotten.
    fn until(&mut self, text: &str) -> Outcome<()> {
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return Ok(());
            }
            let Ok(bytes) = self.screen.recv_timeout(SILENCE) else {
                return Err(Failure::failed(format!("no `{text}` on the screen after:\n{}", self.seen)));
            };
            self.seen += &String::from_utf8_lossy(&bytes);
        }
    }

    /// Waits until the machine does nothing; the count then.
    fn rest(&self) -> Outcome<u64> {
        let start = Instant::now();
        let mut before = self.retired()?;
        while start.elapsed() < PATIENCE {
            std::thread::sleep(REST);
            let now = self.retired()?;
            if now.saturating_sub(before) < REST_INSTRUCTIONS {
                return Ok(now);
            }
            before = now;
        }
        Err(Failure::failed("the machine does not come to rest".to_owned()))
    }

    /// Instructions retired by now.
    fn retired(&self) -> Outcome<u64> {
        read_count(&self.counter).map_err(|error| Failure::of(self.counter.display(), &error))
    }
}

fn read_count(socket: &Path) -> std::io::Result<u64> {
    let mut line = String::new();
    BufReader::new(UnixStream::connect(socket)?).read_line(&mut line)?;
    line.trim().parse().map_err(|_| std::io::Error::other("the counter is no number"))
}

/// A page as articles are: headings, paragraphs with links and emphasis, lists.
fn page_text() -> Vec<u8> {
    const WORDS: [&str; 12] =
        ["a", "qube", "opens", "every", "letter", "of", "strangers", "with", "care", "and", "forgets", "it"];
    let end = format!("<p>{LAST_LINE}</p></body></html>\n");
    let mut page = "<!doctype html>\n<html><head><title>A page</title></head><body>\n".to_owned();
    for part in 1_usize.. {
        let sentence: Vec<&str> =
            (0..40).filter_map(|word| WORDS.get((part * 5 + word * 7) % WORDS.len()).copied()).collect();
        let sentence = sentence.join(" ");
        let more = format!(
            "<h2>Part {part}</h2>\n<p>{sentence}, <em>said {part}</em> of <a href=\"/part/{part}.html\">it</a>.</p>\n<ul><li>one &amp; two</li><li>three</li></ul>\n"
        );
        if page.len() + more.len() + end.len() > PAGE_LEN {
            break;
        }
        page += &more;
    }
    // A comment brings it to its length.
    let rest = PAGE_LEN.saturating_sub(page.len() + end.len() + "<!---->".len());
    page += &format!("<!--{}-->{end}", "x".repeat(rest));
    page.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_its_length_and_says_its_last_line_once_and_last() {
        let page = String::from_utf8(page_text()).unwrap();
        assert_eq!(page.len(), PAGE_LEN);
        assert_eq!(page.matches(LAST_LINE).count(), 1);
        assert!(page.ends_with(&format!("<p>{LAST_LINE}</p></body></html>\n")));
    }
}
