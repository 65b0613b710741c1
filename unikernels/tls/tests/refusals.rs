//! Servers that are refused, each for its own reason.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use common::{DAY_S, DAYS, NAME, Server, folder, now_s, openssl, random, roots, talk};
use unikernels_tls::{CertificateFault as Fault, Roots, Tls, TlsError};

/// Whom we ask for, whom we believe, when.
struct Asked<'a> {
    name: &'a str,
    roots: Roots,
    now_s: u64,
}

fn asked(kind: &str) -> Asked<'static> {
    Asked { name: NAME, roots: roots(kind), now_s: now_s() }
}

/// A server with this certificate and key is refused, hears none of our data, and is told why.
fn check(asked: &Asked<'_>, certificate: &str, key: &str, options: &[&str], expected: TlsError) {
    let mut server = Server::start(certificate, key, options);
    server.say(b"do not read this".to_vec());
    let mut tls = Tls::new(asked.name, &asked.roots, asked.now_s, &mut random(3)).unwrap();
    let mut socket = server.socket.try_clone().unwrap();
    let (talk, result) = talk(&mut tls, &mut socket, b"secret", usize::MAX);
    assert_eq!(result, Err(expected), "{certificate} {options:?}");
    assert!(talk.heard.is_empty() && !tls.is_open());
    assert_eq!(tls.write(b"secret"), Err(expected), "a refused connection stays refused");
    assert_eq!(tls.received(&talk.wire), Err(expected));
    assert!(tls.to_send().is_empty(), "all was sent, the alert too");
}

/// The same for a fault of the certificate, in both versions of TLS.
fn refuse(asked: &Asked<'_>, certificate: &str, key: &str, fault: Fault) {
    for version in ["-tls1_3", "-tls1_2"] {
        check(asked, certificate, key, &[version], TlsError::Certificate(fault));
    }
}

#[test]
fn another_authority() {
    refuse(&asked("rsa"), "p256-leaf", "p256-leaf", Fault::UnknownIssuer);
    let nobody = Asked { roots: Roots::none(), ..asked("rsa") };
    refuse(&nobody, "p256-leaf", "p256-leaf", Fault::UnknownIssuer);
    let web = Asked { roots: Roots::web(), ..asked("rsa") };
    refuse(&web, "p256-leaf", "p256-leaf", Fault::UnknownIssuer);
}

#[test]
fn an_authority_of_the_same_name_with_another_key() {
    let file = |name: &str| folder().join(name);
    let twin =
        ["req", "-x509", "-new", "-key", "p384-root.key", "-subj", "/CN=Test root p256", "-days", "30"];
    openssl(folder(), &[&twin[..], &["-outform", "DER", "-out", "twin.der"]].concat());
    let mut roots = Roots::none();
    roots.add(&std::fs::read(file("twin.der")).unwrap()).unwrap();
    let twin = Asked { roots, ..asked("p256") };
    refuse(&twin, "p256-leaf", "p256-leaf", Fault::BadSignature);
}

#[test]
fn a_time_outside_of_its_dates() {
    let (before, after) = (now_s() - 2 * DAY_S, now_s() + (DAYS + 1) * DAY_S);
    for (now_s, fault) in [(before, Fault::NotYetValid), (after, Fault::Expired), (0, Fault::NotYetValid)] {
        refuse(&Asked { now_s, ..asked("p256") }, "p256-leaf", "p256-leaf", fault);
    }
}

#[test]
fn another_name() {
    for name in ["other.test", "www.skep.test", "test", "127.0.0.2", "::1"] {
        refuse(&Asked { name, ..asked("p256") }, "p256-leaf", "p256-leaf", Fault::WrongName);
    }
}

#[test]
fn a_certificate_that_signed_itself() {
    // An authority's, as most of these are, and one that is none.
    let none = Asked { roots: Roots::none(), ..asked("p256") };
    refuse(&none, "p256-root", "p256-root", Fault::NotAcceptable);
    let own = ["req", "-x509", "-new", "-key", "p256-leaf.key", "-subj", "/CN=me", "-out", "own.pem"];
    let names = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:skep.test"];
    openssl(folder(), &[&own[..], &names].concat());
    refuse(&asked("p256"), "own", "p256-leaf", Fault::UnknownIssuer);
}

#[test]
fn a_server_that_signs_for_itself_as_if_it_were_an_authority() {
    let request = ["req", "-new", "-key", "p384-leaf.key", "-subj", "/CN=x", "-out", "forged.csr"];
    openssl(folder(), &request);
    let sign = ["x509", "-req", "-in", "forged.csr", "-CA", "p256-leaf.pem", "-CAkey", "p256-leaf.key"];
    let more = ["-CAcreateserial", "-extfile", "leaf.ext", "-out", "forged.pem"];
    openssl(folder(), &[&sign[..], &more].concat());
    let chain = ["-cert_chain", "p256-leaf.pem"];
    let mut options = vec!["-tls1_3"];
    options.extend(chain);
    let fault = TlsError::Certificate(Fault::NotAcceptable);
    check(&asked("p256"), "forged", "p384-leaf", &options, fault);
}

#[test]
fn a_certificate_for_clients() {
    refuse(&asked("p256"), "p256-client", "p256-leaf", Fault::WrongPurpose);
}

#[test]
fn a_key_that_is_too_short() {
    openssl(
        folder(),
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "short.key"],
    );
    openssl(folder(), &["req", "-new", "-key", "short.key", "-subj", "/CN=x", "-out", "short.csr"]);
    let sign = ["x509", "-req", "-in", "short.csr", "-CA", "p256-root.pem", "-CAkey", "p256-root.key"];
    let more = ["-CAcreateserial", "-extfile", "leaf.ext", "-out", "short.pem"];
    openssl(folder(), &[&sign[..], &more].concat());
    let options = ["-cipher", "ALL:@SECLEVEL=0"];
    let fault = TlsError::Certificate(Fault::BadSignature);
    check(&asked("p256"), "short", "short", &options, fault);
}

#[test]
fn older_versions() {
    for version in ["-tls1_1", "-tls1"] {
        let options = [version, "-cipher", "ALL:@SECLEVEL=0"];
        check(&asked("rsa"), "rsa-leaf", "rsa-leaf", &options, TlsError::Version);
    }
}

#[test]
fn a_server_that_answers_with_an_older_version() {
    // An answer of TLS 1.1 to whatever was asked: RFC 4346, section 7.4.1.3.
    let mut hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x13, 0]);
    let mut tls = Tls::new(NAME, &roots("rsa"), now_s(), &mut random(3)).unwrap();
    assert_eq!(tls.received(&hello), Err(TlsError::Version));
}

/// A message of the handshake that says this length and never ends, in records with so many bytes of it each.
fn endless(len: [u8; 3], of_record: u8) -> (TlsError, usize) {
    let mut tls = Tls::new(NAME, &Roots::none(), now_s(), &mut random(3)).unwrap();
    let record = [&[22, 3, 3, 0, of_record][..], &vec![0; of_record.into()]].concat();
    let mut first = record.clone();
    first[5..9].copy_from_slice(&[2, len[0], len[1], len[2]]);
    let mut result = tls.received(&first);
    for sent in (first.len()..).step_by(record.len()) {
        if let Err(error) = result {
            return (error, sent);
        }
        result = tls.received(&record);
    }
    unreachable!("numbers do not end before the connection")
}

#[test]
fn a_message_without_end_is_given_up() {
    // As long as a length can be: at once. As long as a message may be: once it is there and makes no sense.
    assert_eq!(endless([255; 3], 100), (TlsError::TooLarge, 105));
    let (error, sent) = endless([0, 255, 255], 100);
    assert!(matches!(error, TlsError::Malformed | TlsError::Misbehaved) && sent < 70_000, "{error:?} {sent}");
    // The same in records that are too small for it: when there is no more room.
    let (error, sent) = endless([0, 255, 255], 4);
    assert!(error == TlsError::TooLarge && sent < 100_000, "{error:?} {sent}");
}

#[test]
fn nothing_in_common() {
    for cipher in ["ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256"] {
        let options = ["-tls1_2", "-cipher", cipher];
        // handshake_failure (RFC 8446 section 6.2).
        check(&asked("rsa"), "rsa-leaf", "rsa-leaf", &options, TlsError::Alert(40));
    }
    check(&asked("rsa"), "rsa-leaf", "rsa-leaf", &["-groups", "P-521"], TlsError::Alert(40));
}

#[test]
fn a_server_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        assert!(socket.read(&mut request).unwrap() > 0);
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let mut tls = Tls::new(NAME, &roots("rsa"), now_s(), &mut random(3)).unwrap();
    let (_, result) = talk(&mut tls, &mut socket, b"secret", usize::MAX);
    assert_eq!(result, Err(TlsError::Malformed));
    server.join().unwrap();
}

#[test]
fn a_host_that_is_no_name() {
    for host in
        ["", ".", "a b", "-a.test", "a..b", "skep.test:443", "h\u{f6}me.test", "1.2.3.4.5", &"a".repeat(300)]
    {
        let tls = Tls::new(host, &Roots::none(), 0, &mut random(1));
        assert_eq!(tls.map(|_| ()), Err(TlsError::Host), "{host}");
    }
}

#[test]
fn roots_that_are_no_certificates() {
    let mut roots = Roots::none();
    let der = std::fs::read(folder().join("rsa-root.der")).unwrap();
    for len in 0..der.len() {
        assert!(roots.add(&der[..len]).is_err(), "{len}");
    }
    assert_eq!(roots.count(), 0);
    roots.add(&der).unwrap();
    assert_eq!(roots.count(), 1);
    assert!(Roots::web().count() > 50);
}
