//! What a stream costs on its way from a server on this machine through card, network qube and channel to a client qube.
//!
//! QEMU's own network moves frames when the host lets it, so two runs are never the same, and idle time must pass as it does
//! outside. Counted are instructions and exits of the whole machine; what two documents of different length cost, less what
//! the shorter one does, is what the bytes cost. Two runs must be within a tenth of each other, and the smaller one is taken.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::{Figures, run};
use crate::builder::{build, read_system};
use crate::failure::{Failure, Outcome};
use crate::qemu::Clock;
use crate::report::Report;
use crate::workspace::Workspace;

const SYSTEM: &str = "bench-net";
/// Bytes of the two documents.
const LENGTHS: [usize; 2] = [4 << 20, 20 << 20];
/// What is taken of a run.
const FIGURES: [&str; 2] = ["retired", "exits"];
/// How much larger the figure of one run may be than that of the other.
const SPREAD_MAX: f64 = 1.1;
/// The card, its network, and the IOMMU without which no qube gets it.
const DEVICES: [&str; 6] = [
    "-device",
    "amd-iommu",
    "-netdev",
    "user,id=net,ipv6-net=fd53:6b65:7000::/64",
    "-device",
    "virtio-net-pci,netdev=net,romfile=,disable-legacy=on,iommu_platform=on",
];
/// Longest request that the server reads.
const REQUEST_MAX: usize = 1024;

/// Builds and runs, everything twice; the figures `net.retired` and `net.exits`, each for one byte.
///
/// # Errors
/// When a run does not end well, or two of the same differ by more than a tenth.
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
        for figure in FIGURES {
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
    for figure in FIGURES {
        let (Some(first), Some(second)) = (first.get(figure), second.get(figure)) else { continue };
        let (least, most) = (first.min(*second), first.max(*second));
        if most > least * SPREAD_MAX {
            let found =
                format!("two runs of `net` differ by more than a tenth: {figure} {first}, then {second}");
            return Err(Failure::failed(found));
        }
        raw.insert(format!("net.{figure}"), least);
    }
    Ok(raw)
}

/// A server that answers `GET /N` with N bytes, until this process ends; its port.
fn serve() -> std::io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever goes away early is measured as a document that did not come whole.
            let _ = answer(stream);
        }
    });
    Ok(port)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
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
    let length = text.split(['/', ' ']).nth(2).and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
    stream.write_all(&vec![0x5a; length])
}
