//! Pictures, words and differences of systems, and the kept answers for the systems we ship.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use build_explain::{diff, dot, svg, words};
use build_manifest::{Catalogue, System, load, load_text};

/// What rewrites the kept answers.
const UPDATE: &str = "UPDATE=1 cargo test -p build-explain";

fn systems() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systems")
}

/// A shipped system after a change of its text: `from` must be in it.
fn changed(name: &str, changes: &[(&str, &str)]) -> System {
    let path = systems().join(format!("{name}.toml"));
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no {from:?}");
        text = text.replacen(from, to, 1);
    }
    load_text(&path, &text, &Catalogue::builtin()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A system with this many qubes (a console and echoes) and channels, each with a verdict of another kind.
fn crowd(echoes: usize) -> System {
    let mut qubes = vec!["\"../../unikernels/console\"".to_owned()];
    let mut channels = String::new();
    for number in 0..echoes {
        qubes.push(format!("{{ path = \"../../unikernels/echo\", name = \"echo-number-{number:03}\" }}"));
        channels += &format!(
            "[[channel]]\nclient = \"console\"\nserver = \"echo-number-{number:03}\"\nservice = \"echo\"\n"
        );
    }
    let policy = "echo.say @anyvm echo-number-000 allow { text: \"<&\\\"*\" }\necho.* @anyvm echo-number-001 ask\n\
                  echo.* @anyvm echo-number-002 deny\necho.* @anyvm @anyvm allow\n";
    let text = format!(
        "name = \"crowd\"\nmemory = \"96MiB\"\nqubes = [{}]\npolicy = '''\n{policy}'''\n{channels}",
        qubes.join(", ")
    );
    load_text(&systems().join("crowd.toml"), &text, &Catalogue::builtin())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// Every shipped system is kept in words; a change of who may do what shows in review as a change of these files.
#[test]
fn the_kept_answers_of_shipped_systems_are_up_to_date() {
    let mut count = 0;
    for entry in std::fs::read_dir(systems()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        count += 1;
        let system = load(&path, &Catalogue::builtin()).unwrap_or_else(|problems| panic!("{problems}"));
        let kept = systems().join("reach").join(format!("{}.txt", system.name));
        let text = words(&system);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
            std::fs::write(&kept, &text).unwrap();
        }
        let old = std::fs::read_to_string(&kept).unwrap_or_default();
        assert!(
            old == text,
            "build/systems/reach/{}.txt is kept as\n{old}\nbut the system now says\n{text}\nIf that is meant: {UPDATE}",
            system.name
        );
    }
    assert!(count >= 3, "the shipped systems are there");
}

#[test]
fn a_change_that_opens_a_path_to_a_vault_changes_the_kept_answer() {
    let kept = std::fs::read_to_string(systems().join("reach/desktop.txt")).unwrap();
    let reached = changed(
        "desktop",
        &[("echo.*            console          echo", "echo.*            @anyvm           echo")],
    );
    assert_eq!(words(&reached), kept, "a rule without a channel opens nothing");
    let labelled = changed(
        "desktop",
        &[("\"../../unikernels/echo\"", "{ path = \"../../unikernels/echo\", label = \"vault\" }")],
    );
    let text = words(&labelled);
    assert_ne!(text, kept);
    let closed = changed("desktop", &[("console.print     @anyvm           console      allow\n", "")]);
    assert!(
        kept.contains("hello -> console -> vault") && !words(&closed).contains("hello -> console -> vault")
    );
    assert!(text.contains("who can reach echo in desktop:\n  ★ console (green)  echo.*  allowed"), "{text}");
}

/// Start tags, end tags and texts of well-formed XML, as far as we write it; panics on anything else.
fn elements(xml: &str) -> Vec<String> {
    let (mut open, mut all, mut rest) = (Vec::new(), Vec::new(), xml);
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>'), "a bare > in {text:?}");
        for (at, _) in text.match_indices('&') {
            let known = ["&amp;", "&lt;", "&gt;", "&quot;"];
            assert!(known.iter().any(|entity| text[at..].starts_with(entity)), "a bare & in {text:?}");
        }
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<') && tag.matches('"').count() % 2 == 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "tags nest");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap().to_owned());
        }
        all.push(tag.to_owned());
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest:?}");
    all
}

/// The number of an attribute of a tag.
fn number(tag: &str, name: &str) -> usize {
    let value = tag.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no number {name} in {tag}"))
}

/// Every rectangle but the ground must lie apart from every other and inside the picture.
fn assert_apart(svg: &str) {
    let tags = elements(svg);
    let (width, height) = (number(&tags[0], "width"), number(&tags[0], "height"));
    let corners = |tag: &String| {
        let (x, y) = (number(tag, "x"), number(tag, "y"));
        (x, y, x + number(tag, "width"), y + number(tag, "height"))
    };
    let all: Vec<_> = tags.iter().filter(|tag| tag.starts_with("rect x")).map(corners).collect();
    assert!(!all.is_empty());
    for (place, one) in all.iter().enumerate() {
        assert!(one.2 <= width && one.3 <= height, "{one:?} is outside");
        for other in &all[place + 1..] {
            let apart = one.2 <= other.0 || other.2 <= one.0 || one.3 <= other.1 || other.3 <= one.1;
            assert!(apart, "{one:?} and {other:?} overlap");
        }
    }
}

#[test]
fn the_picture_is_well_formed_and_nothing_overlaps() {
    assert_apart(&svg(&changed("desktop", &[])));
    let crowd = svg(&crowd(14));
    assert_apart(&crowd);
    assert!(crowd.contains("&lt;&amp;"), "texts are escaped");
}

#[test]
fn a_picture_tells_verdicts_and_labels_without_colour() {
    let crowd = crowd(14);
    let picture = svg(&crowd);
    for part in
        ["★ green", "■ personal", "asks the user", "echo: every method — denied", "depends on the message"]
    {
        assert!(picture.contains(part), "{part} is missing");
    }
    let graph = dot(&crowd);
    for part in ["style=solid", "style=dashed", "style=dotted", "arrowhead=tee", "★ console\\ngreen"] {
        assert!(graph.contains(part), "{part} is missing in {graph}");
    }
    assert_eq!(
        graph.matches('{').count() - graph.matches(" { ").count(),
        graph.matches('}').count() - graph.matches(" } ").count()
    );
}

#[test]
fn a_condition_is_told_in_words() {
    let told = words(&crowd(14));
    assert!(told.contains("allow if text is \"<&\\\"*\"; else allow"), "{told}");
}

/// Compares the difference of the desktop and a changed desktop with what is expected.
fn check(changes: &[(&str, &str)], expected: &str) {
    assert_eq!(
        diff(&changed("desktop", &[]), &changed("desktop", changes)).to_string(),
        expected,
        "{changes:?}"
    );
}

#[test]
fn a_difference_is_told_in_words_and_a_way_to_a_vault_is_marked() {
    check(&[], "nothing changed about who may do what\n");
    check(
        &[("echo.*            console          echo         allow", "echo.* console echo ask")],
        "  console's calls of echo.* of echo: was allowed, is asks the user\n",
    );
    check(
        &[("clock.*           console          clock        allow\n", "")],
        "  console may no longer call clock.now of clock\n",
    );
    check(
        &[("\"../../unikernels/clock\"", "{ path = \"../../unikernels/clock\", label = \"untrusted\" }")],
        "  clock changes its label from ▲ work to ● untrusted\n",
    );
    check(
        &[("\"../../unikernels/echo\"", "{ path = \"../../unikernels/echo\", label = \"vault\" }")],
        "! echo changes its label from ■ personal to ◆ vault\n      this opens a way to echo\n",
    );
}

#[test]
fn a_host_that_only_the_network_qube_looks_at_is_told_of() {
    let (bank, any) = ("{ host: \"*.bank.example\" | \"bank.example\", port: 443 }", "{ port: 443 }");
    check(
        &[(bank, any)],
        "  new rule of netvm: net.connect personal-bills @anyvm allow { port: 443 }\n  no longer a rule of netvm: \
         net.connect personal-bills @anyvm allow { host: \"*.bank.example\" | \"bank.example\", port: 443 }\n",
    );
    let line = "net.connect       work-research    netvm        allow { port: 80 | 443 }\n";
    let first = "vault.*           console          @tag:vaults  allow\n";
    check(
        &[(line, ""), (first, &format!("{first}{line}"))],
        "  rules of netvm are tried in another order, from: net.connect work-research @anyvm allow { port: 80 | 443 }\n",
    );
}

#[test]
fn a_way_through_others_is_marked_and_a_narrower_rule_is_not() {
    let closed = changed("desktop", &[("console.print     @anyvm           console      allow\n", "")]);
    let open = changed("desktop", &[]);
    let opened = diff(&closed, &open);
    assert_eq!(
        opened.to_string(),
        "! hello may now call console.print of console\n      this opens a way to vault, vault-personal, vault-work, work-write\n"
    );
    assert!(opened.opens_a_way());
    assert!(!diff(&open, &closed).opens_a_way(), "closing opens nothing");
    let asks = changed(
        "desktop",
        &[("vault.*           console          @tag:vaults  allow", "vault.* console @tag:vaults ask")],
    );
    assert!(!diff(&open, &asks).opens_a_way(), "asking is narrower");
    assert!(diff(&asks, &open).opens_a_way(), "no longer asking is wider");
}
