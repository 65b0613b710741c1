//! Policy text: what a rule decides, and what is said about a wrong one.

mod common;

use common::{Folder, with_policy};

/// The decision words of channel `console -> keeper` for status, open and show.
fn words(test: &str, policy: &str) -> Vec<u16> {
    let system = Folder::new(test).load(&with_policy(policy)).unwrap_or_else(|problems| panic!("{problems}"));
    system.channels[0].decisions.iter().map(|decision| decision.word).collect()
}

#[test]
fn the_first_rule_that_matches_wins_and_no_match_denies() {
    let cases: &[(&str, [u16; 3])] = &[
        ("", [0, 0, 0]),
        ("vault.* console keeper allow", [1, 1, 1]),
        ("vault.open console keeper deny\nvault.* console keeper allow", [1, 0, 1]),
        ("vault.* console keeper allow\nvault.open console keeper deny", [1, 1, 1]),
        ("vault.* @label:work @label:vault ask", [2, 2, 2]),
        ("vault.* @tag:front @anyvm allow", [1, 1, 1]),
        ("vault.* @label:grey keeper allow", [0, 0, 0]),
        ("*.* @anyvm @supervisor allow", [0, 0, 0]),
        ("*.* @anyvm @anyvm allow # everything", [1, 1, 1]),
        ("echo.* console keeper allow", [0, 0, 0]),
    ];
    for (policy, expected) in cases {
        assert_eq!(words("first-wins", &format!("{policy}\n")), expected, "{policy}");
    }
}

#[test]
fn a_condition_becomes_a_chain() {
    assert_eq!(words("chain", "vault.show console keeper allow { reveal: false }\n"), [0, 0, 3]);
    let both = "vault.show console keeper allow { name: \"a*\" }\nvault.* console keeper ask\n";
    assert_eq!(words("chain-then-ask", both), [2, 2, 3]);
}

#[test]
fn a_redirect_changes_who_serves() {
    let folder = Folder::new("redirect");
    let policy = "echo.* keeper parrot allow target=parrot2\n";
    let system = folder.load(&with_policy(policy)).unwrap();
    let (parrot2, _) = system.find("parrot2").unwrap();
    assert_eq!(system.channels[1].server, Some(parrot2));
    assert_eq!(system.channels[1].decisions[0].word, 1);
    assert_eq!(system.qubes.iter().map(|qube| qube.port_count).collect::<Vec<_>>(), [2, 2, 0, 1]);
}

/// One policy line, and the complaint about it. The policy begins in line 4 of the file.
fn check(line: &str, expected: &str) {
    assert_eq!(Folder::new("wrong-rule").problems(&with_policy(&format!("{line}\n"))), expected, "{line}");
}

#[test]
fn a_rule_that_names_something_unknown_is_refused() {
    check(
        "valt.* console keeper allow",
        "system.toml:4:1: no service `valt`\n  expected: one of vault, echo, ctl\n  fix: write `vault`",
    );
    check(
        "vault.shw console keeper allow",
        "system.toml:4:7: `vault` has no method `shw`\n  expected: one of status, open, show, or *\n  \
         fix: write `vault.show`",
    );
    check(
        "vault.* consol keeper allow",
        "system.toml:4:9: no qube `consol` in this system\n  expected: one of console, keeper, parrot, parrot2\n  \
         fix: write `console`",
    );
    check(
        "vault.* @tag:frnt keeper allow",
        "system.toml:4:9: no qube tagged `frnt` in this system\n  expected: one of front\n  fix: write `front`",
    );
    check(
        "vault.* @label:vork keeper allow",
        "system.toml:4:9: no label `vork`\n  expected: one of untrusted, personal, work, vault, green, orange, \
         purple, grey\n  fix: write `@label:work`",
    );
    check(
        "vault.show console keeper allow { nam: \"x\" }",
        "system.toml:4:35: `vault.show` has no field `nam`\n  expected: one of name, reveal, times\n  \
         fix: write `name`",
    );
}

#[test]
fn a_rule_that_could_never_hold_is_refused() {
    check(
        "vault.show console keeper allow { times: 256 }",
        "system.toml:4:42: a number `times` can never be\n  expected: 0 to 255",
    );
    check(
        "vault.show console keeper allow { reveal: \"yes\" }",
        "system.toml:4:43: a value `reveal` is never equal to\n  expected: true or false",
    );
    check(
        "vault.show console keeper allow { name: \"123456789012345678901234567890123\" }",
        "system.toml:4:41: a text of 33 bytes\n  expected: at most 32 bytes",
    );
    check(
        "vault.open console keeper allow { passphrase: \"x\" }",
        "system.toml:4:47: a condition on `passphrase`\n  expected: a field that is not secret: no rule may look at one",
    );
    check(
        "vault.* @supervisor keeper allow",
        "system.toml:4:9: `@supervisor` as the source\n  expected: a qube: the supervisor only serves",
    );
}

#[test]
fn a_line_that_is_no_rule_is_refused() {
    check(
        "vault.* console keeper",
        "system.toml:4:1: a rule with too few words\n  expected: service.method  source  target  verdict",
    );
    check(
        "vault console keeper allow",
        "system.toml:4:1: `vault`\n  expected: service.method, or service.*\n  \
         fix: write `vault.*` for all its methods",
    );
    check(
        "vault.* console keeper alow",
        "system.toml:4:24: `alow`\n  expected: a verdict: allow, deny or ask\n  fix: write `allow`",
    );
    check(
        "vault.* console keeper allow please",
        "system.toml:4:30: `please`\n  expected: the end of the rule, `target=QUBE`, or `{ field: value }`",
    );
    check(
        "vault.show console keeper allow { name = \"x\" }",
        "system.toml:4:40: `= \"x\" }`\n  expected: a field, a value, or one of { } : , |",
    );
    check(
        "vault.show console keeper allow { name: \"x }",
        "system.toml:4:41: `\"x }`\n  expected: a closing quote",
    );
    check(
        "vault.show console keeper allow { name: \"*x*\" }",
        "system.toml:4:41: `\"*x*\" }`\n  expected: at most one `*` in a text (`\\*` is a plain one)",
    );
    check(
        "vault.show console keeper allow { times: 9..3 }",
        "system.toml:4:45: `3 }`\n  expected: a number that is not below the first",
    );
    check(
        "vault.* @dispwm keeper allow",
        "system.toml:4:9: `@dispwm`\n  expected: @anyvm, @dispvm, @supervisor, @label:WORD, @tag:WORD, or a qube's name\n  \
         fix: write `@dispvm`",
    );
}

#[test]
fn a_redirect_of_half_a_channel_is_refused() {
    let whole = "`service.*` without conditions: a channel has one server";
    check(
        "echo.say keeper parrot allow target=parrot2",
        &format!("system.toml:4:37: a redirect of a part of a channel\n  expected: {whole}"),
    );
    check(
        "echo.* keeper parrot allow target=console",
        "system.toml:4:35: a redirect to `console`, which does not serve `echo`\n  \
         expected: a qube with `echo` in its `serves`",
    );
    check(
        "echo.* keeper parrot deny target=parrot2",
        "system.toml:4:27: `target=parrot2` after a rule that does not allow\n  expected: `allow target=QUBE`",
    );
    check(
        "echo.say keeper parrot allow\necho.* keeper parrot allow target=parrot2",
        "system.toml:5:1: a redirect below a rule that lets a part of the same channel through\n  \
         expected: only `deny` above a redirect: a channel has one server",
    );
}

#[test]
fn too_many_conditions_on_one_method_are_refused() {
    let texts: Vec<String> = (0..65).map(|number| format!("\"n{number}\"")).collect();
    check(
        &format!("vault.show console keeper allow {{ name: {} }}", texts.join("|")),
        "system.toml:4:1: too many conditions on `show`\n  \
         expected: at most 1024 bytes and 64 values in all rules for one method",
    );
}

#[test]
fn places_survive_escapes_in_the_policy_text() {
    let text = with_policy("")
        .replace("policy = '''\n'''", "policy = \"\"\"\nvault.*\\tconsole keeper alow\n\"\"\"");
    let problems = Folder::new("escapes").problems(&text);
    assert!(problems.starts_with("system.toml:3:"), "{problems}");
}
