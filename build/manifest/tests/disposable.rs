//! Disposables in a manifest: what they become, what their opener's rules leave of theirs, and what is said of a wrong one.

mod common;

use build_manifest::{Restart, System, unruled_channels};
use common::{Folder, SYSTEM};
use ipc_proto_types::QubeIndex;

/// A right system whose `parrot2` is `entry`, with channels to the keeper's vault for it, and `policy`.
fn system(entry: &str, policy: &str) -> String {
    let parrot =
        "{ path = \"parrot\", name = \"parrot2\", label = \"grey\", memory = \"2MiB\", args = \"loud=no\" }";
    assert!(SYSTEM.contains(parrot));
    let text = SYSTEM.replacen(parrot, entry, 1);
    let text = text.replacen("qubes = [", &format!("policy = '''\n{policy}'''\nqubes = ["), 1);
    text + "\n[[channel]]\nclient = \"viewer\"\nserver = \"keeper\"\nservice = \"vault\"\n"
}

const ENTRY: &str = "{ path = \"parrot\", name = \"viewer\", calls_also = [\"vault\"], disposable = true";

fn load(test: &str, entry: &str, policy: &str) -> System {
    let text = system(entry, policy);
    Folder::new(test).load(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The decisions of the channel with this client.
fn words(system: &System, client: &str) -> Vec<u16> {
    let (index, _) = system.find(client).expect("a client");
    let last = system.channels.iter().rfind(|channel| channel.client == index).expect("a channel");
    last.decisions.iter().map(|decision| decision.word).collect()
}

#[test]
fn an_entry_may_be_a_disposable() {
    let system = load("one", &format!("{ENTRY} }}"), "vault.* @dispvm keeper allow\n");
    let (_, viewer) = system.find("viewer").unwrap();
    assert_eq!((viewer.restart, viewer.opened_for, viewer.family), (Restart::OnDemand, None, None));
    assert_eq!(words(&system, "viewer"), [1, 1, 1]);
    assert_eq!(words(&system, "console"), [0], "@dispvm is no other qube");
}

#[test]
fn an_entry_may_be_several_disposables_and_its_name_means_all() {
    let entry = format!("{ENTRY}, instances = 3, for = \"console\" }}");
    let system = load("several", &entry, "vault.* viewer keeper allow\nvault.show console keeper allow\n");
    let names: Vec<&str> = system.qubes.iter().map(|qube| qube.name.as_str()).collect();
    assert_eq!(names, ["console", "keeper", "parrot", "viewer-1", "viewer-2", "viewer-3"]);
    assert_eq!(system.channels.len(), 6);
    for name in ["viewer-1", "viewer-2", "viewer-3"] {
        assert_eq!(system.find(name).unwrap().1.opened_for, QubeIndex::new(0));
        assert_eq!(words(&system, name), [0, 0, 1], "{name}");
    }
    let one = load("one-of-several", &entry, "vault.* viewer-2 keeper allow\nvault.* console keeper allow\n");
    assert_eq!((words(&one, "viewer-1"), words(&one, "viewer-2")), (vec![0; 3], vec![1; 3]));
}

#[test]
fn a_disposable_may_do_what_its_own_rules_and_its_openers_allow() {
    let entry = format!("{ENTRY}, for = \"console\" }}");
    let cases: &[(&str, [u16; 3])] = &[
        ("vault.* viewer keeper allow\nvault.* console keeper allow", [1, 1, 1]),
        ("vault.* viewer keeper allow", [0, 0, 0]),
        ("vault.* console keeper allow", [0, 0, 0]),
        ("vault.* viewer keeper allow\nvault.* console keeper deny", [0, 0, 0]),
        ("vault.* viewer keeper deny\nvault.* console keeper allow", [0, 0, 0]),
        ("vault.* viewer keeper allow\nvault.* console keeper ask", [2, 2, 2]),
        ("vault.* viewer keeper ask\nvault.* console keeper allow", [2, 2, 2]),
        ("vault.open viewer keeper allow\nvault.* console keeper allow", [0, 1, 0]),
        ("vault.* viewer keeper allow\nvault.show console keeper allow { reveal: false }", [0, 0, 3]),
        ("vault.* viewer keeper deny\nvault.show console keeper allow { reveal: false }", [0, 0, 0]),
        // Where its opener would be sent to somebody else, it may say nothing to this one.
        ("vault.* viewer keeper allow\nvault.* console parrot allow", [0, 0, 0]),
    ];
    for (policy, expected) in cases {
        assert_eq!(words(&load("narrow", &entry, &format!("{policy}\n")), "viewer"), expected, "{policy}");
    }
}

#[test]
fn a_channel_that_the_openers_rules_do_not_mention_counts_as_forgotten() {
    let entry = format!("{ENTRY}, for = \"parrot\" }}");
    let system = load(
        "forgotten",
        &entry,
        "*.* console @anyvm allow\n*.* console @supervisor allow\necho.* keeper parrot allow\nvault.* viewer keeper allow\n",
    );
    let told = unruled_channels(&system).to_string();
    assert!(
        told.contains("no rule mentions `vault` from `viewer` and from `parrot`, for which it is opened,"),
        "{told}"
    );
}

/// An entry, the part of it that is complained of, and the exact complaint.
fn check(entry: &str, part: &str, expected: &str) {
    let policy = "vault.* @dispvm keeper allow\n";
    let column = 5 + entry.rfind(part).expect("a part of the entry");
    let expected = format!("system.toml:10:{column}: {expected}");
    assert_eq!(Folder::new("wrong").problems(&system(entry, policy)), expected, "{entry}");
}

#[test]
fn a_wrong_disposable_is_told_so() {
    check(
        "{ path = \"parrot\", name = \"viewer\", for = \"console\" }",
        "\"console\"",
        "`for` of a qube that is no disposable\n  expected: `disposable = true` beside it\n  \
         fix: add `disposable = true`, or take `for` out",
    );
    check(
        "{ path = \"parrot\", name = \"viewer\", disposable = false, instances = 2 }",
        "2",
        "`instances` of a qube that is no disposable\n  expected: `disposable = true` beside it\n  \
         fix: add `disposable = true`, or take `instances` out",
    );
    check(
        "{ path = \"parrot\", name = \"viewer\", disposable = \"yes\" }",
        "\"yes\"",
        "`disposable` is a text\n  expected: true or false, without quotes",
    );
    check(
        &format!("{ENTRY}, restart = \"always\" }}"),
        "\"always\"",
        "`restart` of a disposable\n  expected: none beside `disposable = true`: it starts when it is \
         asked for, and never by itself\n  fix: take it out",
    );
    check(
        &format!("{ENTRY}, for = \"consol\" }}"),
        "\"consol\"",
        "no qube `consol` in this system\n  expected: one of console, keeper, parrot\n  \
         fix: write `console`",
    );
    check(
        &format!("{ENTRY}, for = \"viewer\" }}"),
        "\"viewer\"",
        "`viewer` opened for `viewer`, a disposable\n  expected: one of console, keeper, parrot",
    );
    check(
        &format!("{ENTRY}, instances = 25 }}"),
        "25",
        "`instances = 25`\n  expected: a whole number from 1 to 24",
    );
    check(
        "{ path = \"parrot\", name = \"a-long-long-name\", disposable = true, instances = 2 }",
        "2",
        "`a-long-long-name-1`, the name of an instance\n  expected: at most 16 letters\n  \
         fix: give the entry a `name` of at most 14 letters",
    );
    check(
        "{ path = \"console\", name = \"viewer\", disposable = true }",
        "{",
        "a disposable that owns the device \"terminal\"\n  \
         expected: no `devices`: a device remembers what its last user did",
    );
    check(
        "{ path = \"parrot\", name = \"keeper\", disposable = true, instances = 1 }",
        "{",
        "a second qube named `keeper-1`\n  expected: names of their own\n  \
         fix: give this one another: { path = \"...\", name = \"keeper-12\" }",
    );
}

#[test]
fn a_redirect_to_several_qubes_is_refused() {
    let entry = "{ path = \"parrot\", name = \"viewer\", calls_also = [\"vault\"], disposable = true, instances = 2 }";
    let text = system(entry, "vault.* viewer keeper allow\necho.* keeper parrot allow target=viewer\n");
    assert_eq!(
        Folder::new("redirect").problems(&text),
        "system.toml:5:35: a redirect to `viewer`, which is several qubes\n  expected: one of them: a channel has one server"
    );
}
