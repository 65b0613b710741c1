//! What a stream costs on its way from a server on this machine through card, network qube and channel to a client qube.
//!
//! QEMU's own network moves frames when the host lets it, so two runs are never the same, and idle time must pass as it does
//! outside. Counted are instructions and exits of the whole machine; what two documents of different length cost, less what
//! the shorter one does, is what the bytes cost. Of five runs the median is taken, and its neighbours must be alike.
//!
//! While a qube runs, an instruction takes 16 ns. With the host's clock the busier host made the slower machine, in which more of
//! the timers of a millisecond ran out for the same bytes: exits then differed by half and more, instructions by a tenth.
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
const LENGTHS: [usize; 2] = [4 << 20, 36 << 20];
/// Runs of both.
const RUNS: usize = 5;
/// What is taken of a run, and how many times the value next below the median that next above it may be. One run in twenty-four was
/// an exception by a third on a host with four to six times the work it has processors for; one of five may be one, two may not.
const FIGURES: [(&str, f64); 2] = [("retired", 1.1), ("exits", 1.25)];
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

/// Builds and runs, the network five times and the loopback twice; the figures `net.retired`, `net.exits` and `loopback.retired`, each for one byte.
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
            let figures = run(workspace, system, "net", &args, (Clock::Paced, &DEVICES))?;
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
    let numbered = |run| report.step(&format!("measure net, {run} of {RUNS}"), once);
    let runs = (1..=RUNS).map(numbered).collect::<Outcome<Vec<_>>>()?;
    let mut raw = Figures::new();
    for (figure, spread_max) in FIGURES {
        let values = runs.iter().filter_map(|run| run.get(figure).copied()).collect();
        raw.insert(format!("net.{figure}"), median(figure, values, spread_max)?);
    }
    report.step("build the loopback", || build_packages(workspace, &[LOOPBACK.0]))?;
    let first = report.step("measure the loopback", || loopback(workspace))?;
    let second = report.step("measure the loopback again", || loopback(workspace))?;
    figures::same("loopback", &first, &second)?;
    raw.extend(first);
    Ok(raw)
}

/// The median of a figure of several runs.
///
/// # Errors
/// When its neighbour above is more than `spread_max` times that below, or there are not enough runs to have both.
fn median(figure: &str, mut values: Vec<f64>, spread_max: f64) -> Outcome<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle.saturating_sub(1)..) {
        Some([below, median, above, ..]) if *above <= below * spread_max => Ok(*median),
        _ => Err(Failure::failed(format!("runs of `net` differ too much: {figure} {values:?}"))),
    }
}

/// The smaller value of each figure of two runs, for what boots a machine once.
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
    fn neighbours_of_the_median_may_differ_by_a_quarter_and_one_exception_is_none() {
        let median = |values: &[f64]| median("exits", values.to_vec(), 1.25);
        assert_eq!(median(&[125.0, 900.0, 100.0, 120.0, 90.0]).ok(), Some(120.0));
        assert_eq!(median(&[125.0, 1.0, 100.0, 120.0, 130.0]).ok(), Some(120.0));
        let twice = median(&[126.0, 900.0, 100.0, 120.0, 90.0]);
        assert!(twice.is_err_and(|error| error.message.contains("exits [90.0, 100.0, 120.0, 126.0, 900.0]")));
        for few in [&[][..], &[100.0], &[100.0, 100.0]] {
            assert!(median(few).is_err(), "{few:?}");
        }
    }

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
