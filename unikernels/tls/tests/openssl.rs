//! Handshakes and data both ways with OpenSSL's server.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{KINDS, NAME, Server, folder, now_s, openssl, random, receive, roots, send, talk};
use unikernels_tls::{CertificateFault, Read, Tls, TlsError, Version};

/// Bytes each way: many full records, and some that are not.
const LEN: usize = 200_001;

fn bytes(seed: u8) -> Vec<u8> {
    (0..=250).map(|byte: u8| byte ^ seed).cycle().take(LEN).collect()
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

#[test]
fn every_suite_of_tls_1_2_with_every_kind_of_certificate() {
    for kind in KINDS {
        let signature = if matches!(kind.name, "rsa" | "pss") { "RSA" } else { "ECDSA" };
        for cipher in ["CHACHA20-POLY1305", "AES128-GCM-SHA256", "AES256-GCM-SHA384"] {
            check(kind.name, &["-tls1_2", "-cipher", &format!("ECDHE-{signature}-{cipher}")], Version::Tls12);
        }
    }
}

#[test]
fn a_server_with_p256_only_is_asked_again() {
    check("p256", &["-tls1_3", "-groups", "P-256"], Version::Tls13);
    check("rsa", &["-tls1_2", "-groups", "P-256"], Version::Tls12);
}

#[test]
fn a_server_with_both_versions_gets_the_newer_one() {
    check("p256", &[], Version::Tls13);
}

#[test]
fn every_signature_that_a_server_may_choose() {
    let schemes = ["rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"];
    for scheme in schemes {
        check("rsa", &["-tls1_3", "-sigalgs", scheme], Version::Tls13);
    }
    for scheme in ["RSA+SHA256", "RSA+SHA384", "RSA+SHA512"] {
        check("rsa", &["-tls1_2", "-sigalgs", scheme], Version::Tls12);
    }
    // In TLS 1.2 a scheme says the hash and not the curve.
    for (kind, scheme) in [("p256", "ECDSA+SHA384"), ("p384", "ECDSA+SHA256")] {
        check(kind, &["-tls1_2", "-sigalgs", scheme], Version::Tls12);
    }
}

#[test]
fn a_server_is_found_by_its_address() {
    let mut server = Server::start("p256-leaf", "p256-leaf", &[]);
    server.say(b"here".to_vec());
    let mut tls = Tls::new("127.0.0.1", &roots("p256"), now_s(), &mut random(1)).unwrap();
    let mut socket = server.socket.try_clone().unwrap();
    let (talk, result) = talk(&mut tls, &mut socket, b"", 4);
    assert_eq!((talk.heard.as_slice(), result), (b"here".as_slice(), Ok(())));
}

#[test]
fn a_server_that_closes_is_told_from_one_that_was_cut_off() {
    for version in ["-tls1_3", "-tls1_2"] {
        for is_cut in [false, true] {
            // It turns lines round, and closes at the word of a line.
            let mut server = Server::start("p256-leaf", "p256-leaf", &[version, "-rev"]);
            let mut tls = Tls::new(NAME, &roots("p256"), now_s(), &mut random(1)).unwrap();
            let mut socket = server.socket.try_clone().unwrap();
            let mut line = *b"lla\n";
            let (mut said, mut heard) = (0, 0);
            while heard < line.len() {
                said += tls.write(&line[said..]).unwrap();
                send(&mut tls, &mut socket);
                receive(&mut tls, &mut socket, &mut Vec::new()).unwrap();
                while let Read::Data(len) = tls.read(&mut line[heard..]).unwrap() {
                    heard += len;
                }
            }
            assert_eq!(&line, b"all\n");
            if is_cut {
                server.kill();
            }
            let (talk, result) = talk(&mut tls, &mut socket, b"CLOSE\n", usize::MAX);
            let expected = if is_cut { Err(TlsError::Truncated) } else { Ok(()) };
            assert_eq!((result, talk.heard.is_empty()), (expected, true), "{version}");
        }
    }
}

#[test]
fn a_chain_over_another_authority_is_followed_when_it_is_all_there() {
    std::fs::write(folder().join("ca.ext"), "basicConstraints=critical,CA:TRUE\n").unwrap();
    for (name, issuer, key, extensions) in
        [("between", "rsa-root", "p384-leaf", "ca.ext"), ("below", "between", "p256-leaf", "leaf.ext")]
    {
        let issuer_key = if issuer == "between" { "p384-leaf.key" } else { "rsa-root.key" };
        let [issuer, certificate, request, key] =
            [(issuer, "pem"), (name, "pem"), (name, "csr"), (key, "key")]
                .map(|(name, kind)| format!("{name}.{kind}"));
        let subject = format!("/CN={name}");
        openssl(folder(), &["req", "-new", "-key", &key, "-subj", &subject, "-out", &request]);
        let sign = ["x509", "-req", "-in", &request, "-CA", &issuer, "-CAkey", issuer_key, "-CAcreateserial"];
        openssl(folder(), &[&sign[..], &["-extfile", extensions, "-out", &certificate]].concat());
    }
    for is_whole in [true, false] {
        let options: &[&str] = if is_whole { &["-cert_chain", "between.pem"] } else { &[] };
        let mut server = Server::start("below", "p256-leaf", options);
        server.say(b"here".to_vec());
        let mut tls = Tls::new(NAME, &roots("rsa"), now_s(), &mut random(1)).unwrap();
        let mut socket = server.socket.try_clone().unwrap();
        let (_, result) = talk(&mut tls, &mut socket, b"", 4);
        let unknown = TlsError::Certificate(CertificateFault::UnknownIssuer);
        assert_eq!(result, if is_whole { Ok(()) } else { Err(unknown) });
    }
}
