//! Handshakes and data both ways with OpenSSL's server.

mod common;

use common::{KINDS, NAME, Server, now_s, random, roots, talk};
use unikernels_tls::{Tls, Version};

/// Bytes each way: many full records, and some that are not.
const LEN: usize = 200_001;

fn bytes(seed: u8) -> Vec<u8> {
    (0..LEN).map(|at| (at % 251) as u8 ^ seed).collect()
}

/// Connects with a server of this kind and these options; both sides say a lot.
fn check(kind: &str, options: &[&str], expected: Version) {
    let leaf = format!("{kind}-leaf");
    let mut server = Server::start(&leaf, &leaf, options);
    server.say(bytes(1));
    let output = server.hear(LEN);
    let mut tls = Tls::new(NAME, &roots(kind), now_s(), &mut random(1)).unwrap();
    assert_eq!((tls.is_open(), tls.version()), (false, None));
    let mut socket = server.socket.try_clone().unwrap();
    let (talk, result) = talk(&mut tls, &mut socket, &bytes(2), LEN);
    assert_eq!(result, Ok(()), "{kind} {options:?}");
    assert_eq!(tls.version(), Some(expected), "{kind} {options:?}");
    assert!(talk.heard == bytes(1), "{kind} {options:?}: what the server said");
    assert!(output.join().unwrap() == bytes(2), "{kind} {options:?}: what the server heard");
}

#[test]
fn every_suite_of_tls_1_3_with_every_kind_of_certificate() {
    let suites = ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"];
    for kind in KINDS {
        for suite in suites {
            check(kind.name, &["-tls1_3", "-ciphersuites", suite], Version::Tls13);
        }
    }
}
