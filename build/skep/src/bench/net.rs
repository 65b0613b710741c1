//! What a stream costs on its way from a server on this machine through card, network qube and channel to a client qube.
//!
//! QEMU's own network moves frames when the host lets it, so two runs are never the same, and idle time must pass as it does
//! outside. Counted are instructions and exits of the whole machine; what two documents of different length cost, less what
//! the shorter one does, is what the bytes cost. Two runs must be alike, and the smaller one is taken.
//! Beside it stands what the stack's library takes for both ends of a stream in one process of this host, which callgrind counts.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::{Figures, figures, run, speed};
use crate::builder::{build, build_packages, read_system};
use crate::failure::{Failure, Outcome};
use crate::qemu::Clock;
use crate::report::Report;
use crate::workspace::Workspace;

const SYSTEM: &str = "bench-net";
/// Bytes of the two documents.
const LENGTHS: [usize; 2] = [4 << 20, 68 << 20];
/// What is taken of a run, and how much larger the figure of one run may be than that of the other. Exits are few, and when the host
/// does something else meanwhile, each millisecond of it has its timers.
const FIGURES: [(&str, f64); 2] = [("retired", 1.25), ("exits", 1.5)];
/// The card, its network, and the IOMMU without which no qube gets it.
pub(super) const DEVICES: [&str; 6] = [
    "-device",
    "amd-iommu",
    "-netdev",
    "user,id=net,ipv6-net=fd53:6b65:7000::/64",
    "-device",
    "virtio-net-pci,netdev=net,romfile=,disable-legacy=on,iommu_platform=on",
];
/// The package with the library's own stream, its program, the function that callgrind waits for, and by how many bytes its second
/// stream is longer than its first.
const LOOPBACK: (&str, &str, &str) = ("tests-speed", "tests-speed-loopback", "tests_speed_loopback::mark");
const LOOPBACK_MORE: f64 = (8 << 20) as f64;
/// Longest request that the server reads.
const REQUEST_MAX: usize = 1024;

/// Builds and runs, everything twice; the figures `net.retired`, `net.exits` and `loopback.retired`, each for one byte.
///
/// # Errors
/// When a run does not end well, or two of the same differ by more than they may.
pub(super) fn measure(workspace: &Workspace, report: Report) -> Outcome<Figures> {
    let port = serve().map_err(|error| Failure::of("a server on the loopback", &error))?;
    build(workspace, SYSTEM, None, report)?;
    let once = || {
        let mut costs = Figures::new();
        let mut found = Vec::new();
        for length in LENGTHS {
            let args = format!("take=10.0.2.2:{port}/{length}");
            let system = read_system(workspace, SYSTEM)?;
            let figures = run(workspace, system, "net", &args, (Clock::Real, &DEVICES))?;
            if figures.get("bytes").is_none_or(|bytes| (*bytes - length as f64).abs() > 0.5) {
                return Err(Failure::failed(format!("a document of {length} bytes did not come whole")));
            }
            found.push(figures);
        }
        for (figure, _) in FIGURES {
            let [Some(short), Some(long)] = [0, 1].map(|run| found.get(run)?.get(figure).copied()) else {
                return Err(Failure::failed(format!("a run of `net` has no figure `{figure}`")));
            };
            costs.insert(figure.into(), (long - short) / (LENGTHS[1] - LENGTHS[0]) as f64);
        }
        Ok(costs)
    };
    let first = report.step("measure net", once)?;
    let second = report.step("measure net again", once)?;
    let mut raw = Figures::new();
    for (figure, spread_max) in FIGURES {
        let only =
            |all: &Figures| all.get(figure).map(|value| (figure.to_owned(), *value)).into_iter().collect();
        let least = alike("net", &only(&first), &only(&second), spread_max)?;
        raw.extend(least.into_iter().map(|(figure, value)| (format!("net.{figure}"), value)));
    }
    report.step("build the loopback", || build_packages(workspace, &[LOOPBACK.0]))?;
    let first = report.step("measure the loopback", || loopback(workspace))?;
    let second = report.step("measure the loopback again", || loopback(workspace))?;
    figures::same("loopback", &first, &second)?;
    raw.extend(first);
    Ok(raw)
}

/// The smaller value of each figure of two runs.
///
/// # Errors
/// When the larger one is more than `spread_max` times the smaller one, or missing.
pub(super) fn alike(run: &str, first: &Figures, second: &Figures, spread_max: f64) -> Outcome<Figures> {
    let least = |(figure, first): (&String, &f64)| {
        let second = second.get(figure).copied().unwrap_or(f64::INFINITY);
        if first.max(second) > first.min(second) * spread_max {
            return Err(Failure::failed(format!(
                "two runs of `{run}` differ too much: {figure} {first}, then {second}"
            )));
        }
        Ok((figure.clone(), first.min(second)))
    };
    first.iter().map(least).collect()
}

/// The figure `loopback.retired`: instructions of a byte from one end to the other.
fn loopback(workspace: &Workspace) -> Outcome<Figures> {
    let (_, counts) = speed::count(workspace, LOOPBACK.1, LOOPBACK.2)?;
    // A mark before, after the short stream, after the long one.
    let (Some(short), Some(long)) = (counts.get(&2), counts.get(&3)) else {
        return Err(Failure::failed(format!("callgrind counted {} parts of `{}`", counts.len(), LOOPBACK.1)));
    };
    Ok(Figures::from([("loopback.retired".to_owned(), (long - short) / LOOPBACK_MORE)]))
}

/// A server that answers `GET /N` with N bytes, until this process ends; its port.
fn serve() -> std::io::Result<u16> {
    serve_with(|path| {
        let length = path.trim_start_matches('/').parse().unwrap_or(0);
        (vec![0x5a; length], "application/octet-stream")
    })
}

/// A server that answers everything with this page; its port.
pub(super) fn serve_page(page: Vec<u8>) -> std::io::Result<u16> {
    serve_with(move |_| (page.clone(), "text/html; charset=utf-8"))
}

/// A server that answers a path with bytes of a type, one client at a time, until this process ends; its port.
fn serve_with(answer: impl Fn(&str) -> (Vec<u8>, &'static str) + Send + 'static) -> std::io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever goes away early is measured as a document that did not come whole.
            let _ = serve_one(stream, &answer);
        }
    });
    Ok(port)
}

fn serve_one(mut stream: TcpStream, answer: impl Fn(&str) -> (Vec<u8>, &'static str)) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 256];
    while !request.ends_with(b"\r\n\r\n") && request.len() < REQUEST_MAX {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        request.extend(piece.iter().take(read));
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let (body, kind) = answer(text.split(' ').nth(1).unwrap_or_default());
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_may_differ_by_a_quarter_and_the_smaller_value_counts() {
        let of = |value: f64| Figures::from([("exits".to_owned(), value)]);
        let alike = |first: f64, second: f64| alike("net", &of(first), &of(second), 1.25);
        assert_eq!(alike(100.0, 125.0).ok(), Some(of(100.0)));
        assert_eq!(alike(120.0, 100.0).ok(), Some(of(100.0)));
        assert!(alike(100.0, 126.0).is_err_and(|error| error.message.contains("exits 100, then 126")));
        assert!(super::alike("net", &of(1.0), &Figures::new(), 1.25).is_err());
    }
}
