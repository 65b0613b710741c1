//! The network: a real server on the host's loopback, over both versions of IP, behind either card and either vendor's IOMMU.
//!
//! Every packet is written down by QEMU, outside the machine, and looked at afterwards: what is denied must not have left.

use std::net::UdpSocket;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use tests_e2e::{Server, Terminal, empty_folder, plain};

/// The system, without the server's port.
const SYSTEM: &str = include_str!("network/network.toml");
/// The one with many streams in little memory, likewise.
const FLOWS: &str = include_str!("network/flows.toml");
/// Bytes of the small document.
const SMALL: usize = 300_000;
/// Bytes of the one that nobody reads to its end; the file has holes only.
const ENDLESS: u64 = 1 << 34;
/// The longest that the network may be away after its qube was killed, in milliseconds of the machine's time.
const AWAY_MS: u64 = 1000;

/// A document, and its sum as the client counts it (FNV-1a).
fn document() -> (Vec<u8>, u64) {
    let mut state = 1_u64;
    let bytes: Vec<u8> = (0..SMALL)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_le_bytes()[7]
        })
        .collect();
    let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (bytes, sum)
}

/// The frames of a capture (the libpcap format, little-endian).
fn frames(file: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(file).expect("the capture");
    let mut rest = bytes.get(24..).expect("a header");
    let mut frames = Vec::new();
    while let Some((head, more)) = rest.split_at_checked(16) {
        let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let Some((frame, more)) = more.split_at_checked(length) else { break };
        frames.push(frame.to_vec());
        rest = more;
    }
    frames
}

/// Whether these bytes are anywhere in a frame: an address is, in a packet to it and in a question for it.
fn has(frame: &[u8], address: [u8; 4]) -> bool {
    frame.windows(4).any(|window| window == address)
}

fn run(card: &str, iommu: &str) {
    let folder = empty_folder(&format!("network-{card}-{iommu}"));
    let (bytes, sum) = document();
    std::fs::write(folder.join("small"), bytes).expect("a document");
    let endless = std::fs::File::create(folder.join("endless")).expect("a document");
    endless.set_len(ENDLESS).expect("a file with holes");
    let (server, sixth) = (Server::files(&folder, "127.0.0.1"), Server::files(&folder, "::1"));
    let text = SYSTEM.replace("PORT", &server.port.to_string()).replace("SIXTH", &sixth.port.to_string());
    let capture = folder.join("capture.pcap");
    let dump = format!("filter-dump,id=dump,netdev=net,file={}", capture.display());
    // Time counts instructions, so that a busy host does not make the machine late.
    let arguments = ["--nic", card, "--iommu", iommu, "--", "-object", &dump, "-icount", "shift=0"];
    let mut t = Terminal::run_text(&folder, &text, &arguments.map(str::to_owned));
    let log = t.log_until(&format!("bills] net: fetched {SMALL} bytes, sum {sum:016x}"));
    let name = if card == "virtio" { "virtio-net" } else { "82574L" };
    assert!(log.contains(&format!("netvm] {name} card")), "{log}");
    let log = t.log_until("bills] net: done");
    // The first is refused by the network qube, which knows addresses, the second before any message moves.
    assert!(log.contains(&format!("net: 10.0.2.77:{} Said(Denied)", server.port)), "{log}");
    assert!(log.contains("net: 10.0.2.2:9 Call(Denied)"), "{log}");
    let whole = format!("bills] net: fetched {SMALL} bytes, sum {sum:016x}");
    assert_eq!(log.matches(&whole).count(), 2, "over IPv4 and IPv6: {log}");
    let log = t.log_until("stranger] net: done");
    assert!(log.contains(&format!("net: 10.0.2.66:{} Call(Denied)", server.port)), "{log}");
    let status = plain(&t.command("call net.status"));
    assert!(status.contains("V4([10, 0, 2, 15]), prefix: 24"), "{status}");
    assert!(
        status.contains("routers: [V4([10, 0, 2, 2])") && status.contains("V6([253, 83, 107, 101, 112, 0,"),
        "{status}"
    );

    let _ = t.log_until("reader] net: streaming");
    let _ = t.command("kill netvm");
    let log = t.log_until("net: again after ");
    assert!(log.contains("net: broken: Call(PeerRestarted"), "{log}");
    let away = log.split("net: again after ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    assert!(away.is_some_and(|ms: u64| ms <= AWAY_MS), "{card} {iommu}: away for {away:?} ms\n{log}");
    assert_eq!(t.power_off().0, 0);

    let frames = frames(&capture);
    assert!(frames.iter().any(|frame| has(frame, [10, 0, 2, 15])), "the capture shows what was sent");
    for nobody in [[10, 0, 2, 77], [10, 0, 2, 66]] {
        assert!(!frames.iter().any(|frame| has(frame, nobody)), "{card}: a packet left for {nobody:?}");
    }
}

#[test]
fn a_client_reaches_its_server_and_nobody_else_over_virtio() {
    run("virtio", "amd");
}

#[test]
fn a_client_reaches_its_server_and_nobody_else_over_an_82574l() {
    run("e1000e", "amd");
}

#[test]
fn a_client_reaches_its_server_and_nobody_else_behind_vt_d() {
    run("virtio", "intel");
}

#[test]
fn sixty_four_streams_of_one_client_carry_data_within_4_mib() {
    let folder = empty_folder("network-flows");
    std::fs::write(folder.join("small"), vec![7; SMALL]).expect("a document");
    let server = Server::files(&folder, "127.0.0.1");
    let text = FLOWS.replace("PORT", &server.port.to_string());
    let mut t = Terminal::run_text(&folder, &text, &["--nic", "virtio", "--iommu", "amd"].map(str::to_owned));
    let log = t.log_until("reader] net: done");
    assert!(log.contains(&format!("reader] net: 64 flows, each of {SMALL} bytes at least")), "{log}");
    assert!(log.contains("netvm] virtio-net card") && !log.contains("netvm generation 2"), "{log}");
    assert_eq!(t.power_off().0, 0);
}

/// The hardware address that the last life of the network qube told of.
fn hardware(log: &str) -> String {
    let (_, told) = log.rsplit_once(" card, address [").expect("an address");
    told.split(']').next().unwrap_or_default().to_owned()
}

/// Calls again until there is an answer: `net` itself waits for nothing, and has no address at first.
fn answer(t: &mut Terminal, call: &str) -> String {
    for _ in 0..100 {
        let said = plain(&t.command(call));
        if !said.contains("WouldBlock") && !said.contains("NoNetwork") {
            return said;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("{call}: no answer in ten seconds");
}

#[test]
fn datagrams_and_echoes_come_back_and_the_address_is_another_at_each_boot() {
    let echo = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = echo.local_addr().expect("its port").port();
    std::thread::spawn(move || {
        let mut room = [0; 2048];
        while let Ok((length, from)) = echo.recv_from(&mut room) {
            let backwards: Vec<u8> = room[..length].iter().rev().copied().collect();
            let _ = echo.send_to(&backwards, from);
        }
    });
    let mut addresses = Vec::new();
    for card in ["virtio", "e1000e"] {
        let mut t = Terminal::run_with("net", &["--nic", card]);
        let pinged = answer(&mut t, "call net.ping 10.0.2.2");
        let ms =
            pinged.trim().strip_prefix("ok(").and_then(|rest| rest.strip_suffix(')')?.parse::<u32>().ok());
        assert!(ms.is_some(), "{card}: {pinged}");
        let said = plain(&t.command("call net.bind_udp 0"));
        // As it is told, it is given back: `ok((1))`.
        let socket =
            said.trim().strip_prefix("ok(").and_then(|rest| rest.strip_suffix(')')).expect("a socket");
        let sent = plain(&t.command(&format!("call net.send_to {socket} 10.0.2.2 {port} hex:00ff10")));
        assert!(sent.contains("ok("), "{sent}");
        let came = answer(&mut t, &format!("call net.receive_from {socket}"));
        assert!(came.contains("hex:10ff00") && came.contains(&port.to_string()), "{card}: {came}");
        let first = hardware(&t.log_until(" card, address ["));
        let _ = t.command("kill netvm");
        let second = hardware(&t.log_until("netvm generation 2"));
        assert_eq!(first, second, "the same in all lives of one boot");
        addresses.push(first);
        assert_eq!(t.power_off().0, 0);
    }
    assert_ne!(addresses[0], addresses[1], "another at each boot");
}

#[test]
fn without_a_card_the_network_qube_does_not_start_and_its_client_is_told() {
    let mut t = Terminal::run_with("net", &["--nic", "none"]);
    let log = t.log_until("netvm does not start");
    assert!(!log.contains("netvm generation 1 starts"), "{log}");
    let status = plain(&t.command("call net.status"));
    assert!(status.contains("not running"), "{status}");
    assert_eq!(t.power_off().0, 0);
}
