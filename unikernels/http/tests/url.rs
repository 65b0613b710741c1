//! Addresses: what is one, what is refused, and where references lead.

use proptest::prelude::*;
use unikernels_http::{Host, Scheme, Url, UrlError};

fn shown(text: &str) -> Result<String, UrlError> {
    Url::parse(text).map(|url| url.to_string())
}

#[test]
fn addresses_have_one_form() {
    let good = [
        ("http://Host.Example", "http://host.example/"),
        ("  HTTPS://host.example:443/a b?c d#e \n", "https://host.example/a%20b?c%20d"),
        ("http://host.example:8080", "http://host.example:8080/"),
        ("http://host.example:/x", "http://host.example/x"),
        ("http://host.example./x", "http://host.example/x"),
        ("http://host.example?q=1", "http://host.example/?q=1"),
        ("http://127.0.0.1/", "http://127.0.0.1/"),
        ("http://[::1]:81/", "http://[::1]:81/"),
        ("http://[0:0::1]/", "http://[::1]/"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
        ("http://host.example/ü/%C3%bc", "http://host.example/%C3%BC/%C3%bc"),
        ("http://host.example/a/./b/../c/", "http://host.example/a/c/"),
        ("http://host.example/../../a/..", "http://host.example/"),
        ("http://host.example/a\\b", "http://host.example/a%5Cb"),
        ("http://host.example/a//b", "http://host.example/a//b"),
        ("http://host.example/?a=/../b", "http://host.example/?a=/../b"),
    ];
    for (text, expected) in good {
        assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
    }
    let url = Url::parse("https://host.example:8443/a?b").unwrap();
    assert_eq!((url.scheme(), url.port(), url.target()), (Scheme::Https, 8443, "/a?b"));
    assert_eq!(url.host(), &Host::Name("host.example".into()));
}

#[test]
fn what_two_readers_could_understand_differently_is_refused() {
    let bad = [
        ("", UrlError::Scheme),
        ("host.example", UrlError::Scheme),
        ("//host.example", UrlError::Scheme),
        ("ftp://host.example", UrlError::Scheme),
        ("javascript:alert(1)", UrlError::Scheme),
        ("http:host.example", UrlError::Scheme),
        ("http:/host.example", UrlError::Scheme),
        ("http:\\\\host.example", UrlError::Scheme),
        ("http://", UrlError::Host),
        ("http:///path", UrlError::Host),
        ("http://good.example@evil.example/", UrlError::Credentials),
        ("http://good.example:80@evil.example/", UrlError::Credentials),
        ("http://good.example\\@evil.example/", UrlError::Credentials),
        ("http://good.example\\.evil.example/", UrlError::Host),
        ("http://bücher.example/", UrlError::International),
        ("http://аpple.example/", UrlError::International),
        ("http://good.example。evil/", UrlError::International),
        ("http://%67ood.example/", UrlError::Host),
        ("http://a b/", UrlError::Host),
        ("http://a..b/", UrlError::Host),
        ("http://.a/", UrlError::Host),
        ("http://a../", UrlError::Host),
        ("http://-a.example/", UrlError::Host),
        ("http://2130706433/", UrlError::Host),
        ("http://127.1/", UrlError::Host),
        ("http://0x7f.1/", UrlError::Host),
        ("http://1.2.3.0x4/", UrlError::Host),
        ("http://0177.0.0.1/", UrlError::Host),
        ("http://1.2.3.4.5/", UrlError::Host),
        ("http://256.1.1.1/", UrlError::Host),
        ("http://[::1/", UrlError::Host),
        ("http://[fe80::1%25eth0]/", UrlError::Host),
        ("http://[127.0.0.1]/", UrlError::Host),
        ("http://a:0/", UrlError::Port),
        ("http://a:65536/", UrlError::Port),
        ("http://a:+80/", UrlError::Port),
        ("http://a:80:80/", UrlError::Host),
        ("http://a/\u{1b}[2J", UrlError::Character),
        ("http://a/b\r\nX: y", UrlError::Character),
        ("http://a\t.example/", UrlError::Character),
        ("http://a/\u{85}", UrlError::Character),
    ];
    for (text, expected) in bad {
        assert_eq!(shown(text), Err(expected), "{text:?}");
    }
    assert_eq!(shown(&format!("http://{}.example/", "a".repeat(64))), Err(UrlError::Host));
    assert_eq!(shown(&format!("http://{}e/", "a.".repeat(127))), Err(UrlError::Host));
    assert_eq!(shown(&format!("http://a/{}", "b".repeat(5000))), Err(UrlError::TooLong));
    assert_eq!(shown(&format!("http://a/{}", "ü".repeat(1000))), Err(UrlError::TooLong));
}

/// The examples of RFC 3986 section 5.4, without their fragments, which are not kept, and without `g:h`.
#[test]
fn references_lead_where_the_standard_says() {
    let base = Url::parse("http://a/b/c/d;p?q").unwrap();
    let cases = [
        ("g", "/b/c/g"),
        ("./g", "/b/c/g"),
        ("g/", "/b/c/g/"),
        ("/g", "/g"),
        ("?y", "/b/c/d;p?y"),
        ("g?y", "/b/c/g?y"),
        ("#s", "/b/c/d;p?q"),
        ("g#s", "/b/c/g"),
        ("g?y#s", "/b/c/g?y"),
        (";x", "/b/c/;x"),
        ("g;x", "/b/c/g;x"),
        ("", "/b/c/d;p?q"),
        (".", "/b/c/"),
        ("./", "/b/c/"),
        ("..", "/b/"),
        ("../", "/b/"),
        ("../g", "/b/g"),
        ("../..", "/"),
        ("../../g", "/g"),
        ("../../../../g", "/g"),
        ("/./g", "/g"),
        ("/../g", "/g"),
        ("g.", "/b/c/g."),
        ("..g", "/b/c/..g"),
        ("./../g", "/b/g"),
        ("./g/.", "/b/c/g/"),
        ("g/./h", "/b/c/g/h"),
        ("g/../h", "/b/c/h"),
        ("g;x=1/../y", "/b/c/y"),
        ("g?y/../x", "/b/c/g?y/../x"),
    ];
    for (reference, expected) in cases {
        assert_eq!(base.join(reference).unwrap().to_string(), format!("http://a{expected}"), "{reference}");
    }
    assert_eq!(base.join("//g/x").unwrap().to_string(), "http://g/x");
    assert_eq!(base.join("https://g").unwrap().to_string(), "https://g/");
    for reference in ["mailto:a@b", "javascript:x", "data:text/html,x", "http:g", "g:h"] {
        assert_eq!(base.join(reference), Err(UrlError::Scheme), "{reference}");
    }
}

proptest! {
    #[test]
    fn an_address_reads_back_as_itself(text in "https?://[a-z0-9.\\[\\]:@-]{1,20}[/?]?.{0,30}") {
        if let Ok(url) = Url::parse(&text) {
            let shown = url.to_string();
            prop_assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()), "{shown}");
            prop_assert_eq!(Url::parse(&shown), Ok(url));
        }
    }

    #[test]
    fn a_reference_never_gives_a_bad_address(reference in "(https?:)?[/?#.:a-z\\\\@ \u{1b}ü%]{0,24}") {
        let base = Url::parse("https://a.example/b/c?d").unwrap();
        if let Ok(url) = base.join(&reference) {
            prop_assert_eq!(Url::parse(&url.to_string()), Ok(url));
        }
    }
}
