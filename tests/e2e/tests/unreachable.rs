//! Every way that a person, or a console that was taken in, could try between a vault and the network, and what it gets; and
//! that of all viewers one alone reaches the network at home.

#![forbid(unsafe_code)]

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use tests_e2e::{Terminal, plain};

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

#[test]
fn no_way_leads_from_a_vault_to_the_network() {
    let host = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
    host.set_nonblocking(true).expect("a listener that does not wait");
    let port = host.local_addr().expect("its port").port();
    let page = format!("http://10.0.2.2:{port}/");
    let mut t = Terminal::run("desktop");

    // What the running tables say.
    let reach = plain(&t.command("policy who-can-reach netvm"));
    assert!(reach.contains("No other qube can reach netvm."), "{reach}");
    assert!(!reach.contains("vault") && !reach.contains("work-write"), "{reach}");
    for vault in ["vault", "work-write"] {
        let reach = plain(&t.command(&format!("policy who-can-reach {vault}")));
        assert!(reach.contains(&format!("No other qube can reach {vault}.")), "{reach}");
        assert!(
            ["viewer", "netvm", "personal-", "work-research"].iter().all(|name| !reach.contains(name)),
            "{reach}"
        );
    }

    // The same by trying.
    let there = std::iter::repeat_with(|| {
        std::thread::sleep(PAUSE);
        plain(&t.command("call net.status"))
    });
    let mut tries = there.take(100);
    assert!(tries.any(|status| status.contains("10, 0, 2, 15")), "the machine has no network");
    for (command, refusal) in [
        // A vault and its clone are no viewers, and nobody starts them as one.
        (format!("open {page} in vault"), "vault has no channel to the network, and opens no documents."),
        (format!("open {page} in vault-work"), "vault-work has no channel to the network"),
        (
            format!("open {page} in work-write"),
            "work-write has no channel to the network, and opens no documents.",
        ),
        ("start vault".into(), "vault is no disposable"),
        ("start work-write".into(), "work-write is no disposable"),
        ("start vault-work".into(), "vault-work is no disposable"),
        // A vault serves no network and a viewer no vault, whatever the console calls.
        (format!("call vault:net.connect 10.0.2.2 {port}"), "no channel to a service 'net' of 'vault'."),
        (
            format!("call work-write:net.connect 10.0.2.2 {port}"),
            "no channel to a service 'net' of 'work-write'.",
        ),
        ("call work-research:vault.status".into(), "no channel to a service 'vault' of 'work-research'."),
        ("call viewer:vault.status".into(), "no channel to a service 'vault' of 'viewer'."),
        // The console has both, and the policy leaves it only a look at the network.
        (format!("call netvm:net.connect 10.0.2.2 {port}"), "The policy denies this call to netvm."),
        ("call netvm:net.resolve bank.example".into(), "The policy denies this call to netvm."),
        ("call netvm:net.bind_udp 53".into(), "The policy denies this call to netvm."),
        // Nor does what opens pages of the internet reach this computer.
        (format!("open {page}"), "It can't be opened: the network's rules deny it."),
        (format!("open {page} in work-research"), "It can't be opened: the network's rules deny it."),
    ] {
        let said = plain(&t.command(&command));
        assert!(said.contains(refusal), "{command}: {said}");
        assert_eq!(host.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock, "{command}");
    }

    // The control: the host is there for whom it is allowed.
    t.keys(&format!("open {page} in lan\r"));
    let until = Instant::now() + PATIENCE;
    let came = std::iter::repeat_with(|| {
        std::thread::sleep(PAUSE);
        host.accept()
    })
    .take_while(|_| Instant::now() < until);
    assert!(came.into_iter().any(|visit| visit.is_ok()), "a disposable that may go there reaches the host");
}
