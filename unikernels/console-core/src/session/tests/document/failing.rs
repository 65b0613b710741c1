//! Documents that cannot be had: why is said, and who else may.

use super::*;

#[test]
fn what_cannot_be_had_is_said_and_its_viewer_is_gone() {
    check_in(
        with(|viewer| viewer.failed = Some((Reason::TimedOut, "the host was silent for 20 seconds"))),
        &["open http://host.test/a", "close"],
        &[
            "skep> open http://host.test/a",
            "It can't be opened: it took too long.",
            "●│ the host was silent for 20 seconds",
            GONE,
            "skep> close",
            "No document is open.",
        ],
    );
    check_in(
        with(|_| ()),
        &["open host.test"],
        &[
            "skep> open host.test",
            "That is no address to be opened: it has to begin with http:// or https://, and a host.",
            GONE,
        ],
    );
}

#[test]
fn a_host_that_has_not_proved_who_it_is_is_refused_in_words_that_say_why() {
    let cases = [
        (BadCertificate::Missing, "the host has no certificate, so nobody knows who it is"),
        (BadCertificate::Malformed, "the host's certificate is damaged"),
        (BadCertificate::Expired, "the host's certificate has expired"),
        (BadCertificate::NotYetValid, "the host's certificate is not yet valid, or the clock here is behind"),
        (BadCertificate::WrongName, "the host's certificate is for another name"),
        (BadCertificate::UnknownIssuer, "the host's certificate is from an unknown authority"),
        (BadCertificate::BadSignature, "the host's certificate or its proof has a wrong signature"),
        (BadCertificate::UnsupportedSignature, "the host's certificate is signed in a way not taken here"),
        (BadCertificate::WrongPurpose, "the host's certificate is not for servers"),
        (BadCertificate::Revoked, "the host's certificate was revoked"),
        (BadCertificate::NotAcceptable, "the host's certificate breaks a rule for certificates"),
    ];
    for (fault, words) in cases {
        check_in(
            with(move |viewer| viewer.failed = Some((Reason::Certificate(fault), ""))),
            &["open https://host.test/a", "close"],
            &[
                "skep> open https://host.test/a",
                &format!("It can't be opened: {words}."),
                GONE,
                "skep> close",
                "No document is open.",
            ],
        );
    }
}

#[test]
fn who_may_not_open_a_document_says_who_else_there_is() {
    let denied = |others: &'static [&'static str]| {
        move |world: &mut FakeWorld| {
            with(|viewer| viewer.failed = Some((Reason::Denied, "no rule allows it")))(world);
            others.iter().for_each(|name| world.add_viewer(name));
        }
    };
    let lines = [
        "skep> open http://host.test/a",
        "It can't be opened: the network's rules deny it.",
        "●│ no rule allows it",
    ];
    check_in(denied(&[]), &[&lines[0][6..]], &[&lines[..], &[GONE]].concat());
    let lan = "Others may: 'open URL in NAME' takes lan.";
    check_in(denied(&["lan"]), &[&lines[0][6..]], &[&lines[..], &[lan, GONE]].concat());
    let three = "Others may: 'open URL in NAME' takes bills, lan or work-research.";
    check_in(
        denied(&["bills", "lan-1", "lan-2", "work-research"]),
        &[&lines[0][6..]],
        &[&lines[..], &[three, GONE]].concat(),
    );
}
