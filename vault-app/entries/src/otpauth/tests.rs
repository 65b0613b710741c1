//! Tests of `otpauth` URIs.

use proptest::prelude::*;

use super::*;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn check(text: &str, expected: Result<(&str, &str, Settings), OtpauthError>) {
    let got = parse(text);
    if let Ok(totp) = &got {
        assert_eq!(totp.secret.expose(), b"12345678901234567890", "{text}");
    }
    let got = got.as_ref().map(|totp| (totp.issuer.as_str(), totp.account.as_str(), totp.settings));
    assert_eq!(got, expected.as_ref().map(|expected| *expected), "{text}");
}

fn decimal(hash: Hash, digits: u8, period_s: u16) -> Settings {
    Settings::new(hash, digits, period_s).unwrap()
}

#[test]
fn what_sites_write_is_read() {
    let usual = decimal(Hash::Sha1, 6, 30);
    check(
        &format!(
            "otpauth://totp/ACME%20Co:john@example.com?secret={SECRET}&issuer=ACME%20Co&algorithm=SHA1&digits=6&period=30"
        ),
        Ok(("ACME Co", "john@example.com", usual)),
    );
    check(&format!("otpauth://totp/alice?secret={SECRET}"), Ok(("", "alice", usual)));
    check(&format!("otpauth://totp/Big%3A%20alice?secret={SECRET}&image=x"), Ok(("Big", "alice", usual)));
    check(&format!("otpauth://totp/a:b?issuer=c&secret={SECRET}"), Ok(("c", "b", usual)));
    check(&format!("OTPAUTH://TOTP?secret={}#x", SECRET.to_lowercase()), Ok(("", "", usual)));
    check(
        &format!("otpauth://totp/?secret={SECRET}&algorithm=sha256&digits=8&period=60"),
        Ok(("", "", decimal(Hash::Sha256, 8, 60))),
    );
    check(
        &format!("otpauth://totp/?secret={SECRET}&algorithm=SHA512&digits=7"),
        Ok(("", "", decimal(Hash::Sha512, 7, 30))),
    );
    check(
        &format!("otpauth://totp/Steam:x?secret={SECRET}&issuer=Steam&encoder=steam&digits=5"),
        Ok(("Steam", "x", Settings::STEAM)),
    );
    check(&format!("steam://{SECRET}"), Ok(("", "", Settings::STEAM)));
    check("  gezd gnbv gy3t qojq gezd gnbv gy3t qojq ", Ok(("", "", usual)));
}

#[test]
fn what_would_give_a_wrong_code_is_refused() {
    let with = |rest: &str| format!("otpauth://totp/x?secret={SECRET}&{rest}");
    check("", Err(OtpauthError::NoSecret));
    check("otpauth://totp/x", Err(OtpauthError::NoSecret));
    check("otpauth://totp/x?secret=", Err(OtpauthError::NoSecret));
    check("otpauth://totp/x?secret=A", Err(OtpauthError::NoSecret));
    check("otpauth://totp/x?secret=!!!!", Err(OtpauthError::Secret));
    check("hunter2!", Err(OtpauthError::Secret));
    check(&format!("otpauth://hotp/x?secret={SECRET}&counter=1"), Err(OtpauthError::Counter));
    check(&format!("otpauth://yotp/x?secret={SECRET}"), Err(OtpauthError::Scheme));
    check(&format!("https://totp/x?secret={SECRET}"), Err(OtpauthError::Scheme));
    check(&with("secret=AA"), Err(OtpauthError::Twice));
    check(&with("algorithm=MD5"), Err(OtpauthError::Algorithm));
    check(&with("digits=5"), Err(OtpauthError::Digits));
    check(&with("digits=9"), Err(OtpauthError::Digits));
    check(&with("digits=six"), Err(OtpauthError::Digits));
    check(&with("digits=300"), Err(OtpauthError::Digits));
    check(&with("period=0"), Err(OtpauthError::Period));
    check(&with("period=3601"), Err(OtpauthError::Period));
    check(&with("period=-30"), Err(OtpauthError::Period));
    check(&with("encoder=base64"), Err(OtpauthError::Encoder));
    check(&with("issuer=%ff"), Err(OtpauthError::Escape));
    check(&"A".repeat(208), Err(OtpauthError::TooLong));
    check(&"A".repeat(caps::OTPAUTH_MAX + 1), Err(OtpauthError::TooLong));
    check(&with(&format!("issuer={}", "x".repeat(257))), Err(OtpauthError::TooLong));
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(
        secret in proptest::collection::vec(any::<u8>(), 1..=caps::TOTP_SECRET_MAX),
        issuer in ".{0,40}",
        account in "([^ ].{0,40})?",
        hash in prop_oneof![Just(Hash::Sha1), Just(Hash::Sha256), Just(Hash::Sha512)],
        digits in 6_u8..=8,
        period_s in 1_u16..=3_600,
        steam in any::<bool>(),
    ) {
        let settings = if steam { Settings::STEAM } else { decimal(hash, digits, period_s) };
        let (issuer, account) = (Plain::new(issuer), Plain::new(account));
        let totp = Totp { secret: SecretBytes::new(&secret), settings, issuer, account };
        prop_assert_eq!(parse(print(&totp).expose()), Ok(totp));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}", query in "[a-z=&%0-9A-F:/]{0,80}") {
        let _ = parse(&text);
        if let Ok(totp) = parse(&format!("otpauth://totp/{query}?{query}")) {
            prop_assert_eq!(parse(print(&totp).expose()), Ok(totp));
        }
    }
}
