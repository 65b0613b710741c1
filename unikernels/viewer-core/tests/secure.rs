//! Documents over `https`, from OpenSSL's server: pages that come whole, and hosts that are not who they should be.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

mod world;

use std::cell::RefCell;
use std::rc::Rc;

use ipc_proto_open_api::{BadCertificate, Phase, Progress, Reason};
use unikernels_sdk::Csprng;
use unikernels_viewer_core::{RootFault, Trust};
use world::openssl::{DAY_S, DAYS, NAME, Server, folder, now_s, root};
use world::{Act, Host, Scene, World, answer, failure};

/// Bytes of a long page: many records.
const LONG: usize = 300_000;

/// A trust in one authority alone.
fn trust(ca: &str) -> Trust {
    let mut trust = Trust::nobody(Csprng::new([2; 32]));
    trust.add(&root(ca)).expect("a certificate");
    trust
}

/// What `https://NAME/path` answers, whole.
fn serve(path: &str, answer: &[u8]) {
    std::fs::write(folder().join(path), answer).expect("a file");
}

/// A world where these names are this host, at the port of `https`.
fn world(names: &[&str], host: &Host) -> Rc<RefCell<World>> {
    let world = World::new();
    for name in names {
        world.borrow_mut().hosts.insert(format!("{name}:443"), host.clone());
    }
    world
}

fn bytes(progress: &Progress) -> u32 {
    match &progress.phase {
        Phase::Done(document) => document.bytes,
        _ => panic!("{}", failure(progress)),
    }
}

/// The host is refused for this, and learns not even what was to be asked.
fn refused(scene: &mut Scene, url: &str, fault: BadCertificate) {
    let progress = scene.load(url);
    let Phase::Failed(failed) = &progress.phase else { panic!("{progress:?}") };
    assert_eq!(failed.reason, Reason::Certificate(fault), "{}", failed.detail);
    assert!(!scene.world.borrow().has_streams(), "the connection is given back");
}

#[test]
fn a_page_comes_over_every_version() {
    serve("page", &answer("text/plain", b"over TLS"));
    for version in ["-tls1_3", "-tls1_2"] {
        let server = Server::start(&[version]);
        let world = world(&[NAME], &server.host());
        let mut scene = Scene::with(&world, trust("ca"));
        assert_eq!(bytes(&scene.load(&format!("https://{NAME}/page"))), 8, "{version}");
        assert_eq!(scene.page(), "over TLS\n");
        assert!(!world.borrow().has_streams(), "the connection is given back");
        assert!(world.borrow().calls < 200, "it waits and does not ask again and again");
    }
}

#[test]
fn a_long_page_comes_whole_with_and_without_its_length() {
    let body = b"a line of it\n".repeat(LONG / 13);
    serve("long", &answer("text/plain", &body));
    serve("long-to-the-end", &[&b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"[..], &body].concat());
    let server = Server::start(&[]);
    for path in ["long", "long-to-the-end"] {
        let mut scene = Scene::with(&world(&[NAME], &server.host()), trust("ca"));
        let progress = scene.load(&format!("https://{NAME}/{path}"));
        assert_eq!(bytes(&progress) as usize, body.len(), "{path}");
        assert!(scene.changes > 2, "there is news of it on the way");
    }
}

#[test]
fn a_connection_that_is_cut_is_no_whole_page() {
    let body = b"a line of it\n".repeat(LONG / 13);
    serve("cut", &[&b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"[..], &body].concat());
    let server = Server::start(&[]);
    for cut_at in [0, 1, 100, 600, 5_000, 100_000] {
        let mut scene = Scene::with(&world(&[NAME], &server.host_cut_at(cut_at)), trust("ca"));
        let progress = scene.load(&format!("https://{NAME}/cut"));
        let expected = "Broken: the connection ended before the answer did";
        assert_eq!(failure(&progress), expected, "cut after {cut_at}");
    }
}

#[test]
fn a_host_that_is_not_who_it_should_be_is_refused_and_told_apart() {
    let server = Server::start(&[]);
    let url = format!("https://{NAME}/page");
    let names = [NAME, "other.test"];
    let scene = |trust| Scene::with(&world(&names, &server.host()), trust);
    refused(&mut scene(trust("other")), &url, BadCertificate::UnknownIssuer);
    refused(&mut scene(Trust::web(Csprng::new([3; 32]))), &url, BadCertificate::UnknownIssuer);
    refused(&mut scene(trust("ca")), "https://other.test/page", BadCertificate::WrongName);
    let mut late = scene(trust("ca"));
    late.unix_s = now_s() + (DAYS + 1) * DAY_S;
    refused(&mut late, &url, BadCertificate::Expired);
    for before in [now_s() - 2 * DAY_S, 0] {
        let mut early = scene(trust("ca"));
        early.unix_s = before;
        refused(&mut early, &url, BadCertificate::NotYetValid);
    }
}

#[test]
fn an_address_with_another_host_in_its_certificate_is_refused() {
    let server = Server::start(&[]);
    let world = world(&["127.0.0.1", "::1"], &server.host());
    for url in ["https://127.0.0.1/page", "https://[::1]/page"] {
        refused(&mut Scene::with(&world, trust("ca")), url, BadCertificate::WrongName);
    }
}

#[test]
fn what_is_no_tls_or_too_old_is_refused() {
    let plain = Host::Answers(vec![Act::Say(answer("text/plain", b"no TLS"))]);
    let mut scene = Scene::with(&world(&[NAME], &plain), trust("ca"));
    // It waits for an end of a request that never comes in plain text.
    let progress = scene.load(&format!("https://{NAME}/page"));
    assert_eq!(failure(&progress), "TimedOut: the host was silent for 20 seconds");
    let server = Server::start(&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    let progress =
        Scene::with(&world(&[NAME], &server.host()), trust("ca")).load(&format!("https://{NAME}/page"));
    assert_eq!(failure(&progress), "NotSecure: the server has neither TLS 1.3 nor TLS 1.2");
}

#[test]
fn redirects_lead_into_https_and_not_out_of_it() {
    let to = |to: &str| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    serve("page-behind", &answer("text/plain", b"behind"));
    serve("out", to("http://plain.test/").as_bytes());
    let server = Server::start(&[]);
    let world = world(&[NAME], &server.host());
    let into = vec![Act::Say(to(&format!("https://{NAME}/page-behind")).into_bytes())];
    world.borrow_mut().hosts.insert("plain.test:80".into(), Host::Answers(into));
    let mut scene = Scene::with(&world, trust("ca"));
    let progress = scene.load("http://plain.test/");
    assert_eq!(bytes(&progress), 6);
    let elsewhere: Vec<&str> = progress.elsewhere.iter().map(|origin| origin.as_str()).collect();
    assert_eq!(elsewhere, [format!("https://{NAME}")]);
    let progress = Scene::with(&world, trust("ca")).load(&format!("https://{NAME}/out"));
    assert_eq!(failure(&progress), "Redirect: a redirect from https to http");
    assert_eq!(world.borrow().requests.len(), 1, "nobody is asked in plain text");
}

#[test]
fn roots_that_are_none_are_refused_and_told_apart() {
    let mut trust = Trust::nobody(Csprng::new([2; 32]));
    let good = root("ca");
    assert!(good.len() < 1000, "two of them fit in the arguments of a qube: {} bytes", good.len());
    for bad in ["-----BEGIN CERTIFICATE-----", "a", "AA", &good[..good.len() - 1], &good.replace('M', "*")] {
        assert_eq!(trust.add(bad), Err(RootFault::Base64), "{bad}");
    }
    for bad in ["", "AAAA", &good[..good.len() / 8 * 4]] {
        assert_eq!(trust.add(bad), Err(RootFault::Certificate), "{bad}");
    }
    assert_eq!(trust.add(&good), Ok(()));
}
