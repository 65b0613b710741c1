//! Right manifests become systems; each wrong one is told so with the place, the expectation and the fix.

mod common;

use build_manifest::{Device, Restart};
use common::{Folder, SYSTEM, with_policy};
use ipc_proto_types::{Label, QubeIndex};

#[test]
fn a_right_manifest_becomes_a_system() {
    let system = Folder::new("right").load(SYSTEM).unwrap();
    assert_eq!(system.name, *"small");
    let names: Vec<&str> = system.qubes.iter().map(|qube| qube.name.as_str()).collect();
    assert_eq!(names, ["console", "keeper", "parrot", "parrot2"]);
    assert_eq!(system.packages(), ["qube-console", "qube-keeper", "qube-parrot"]);

    let [console, keeper, parrot, second] = &system.qubes[..] else { panic!("four qubes") };
    assert_eq!((console.label, console.memory, console.port_count), (Label::Work, 2 << 20, 2));
    assert_eq!(console.devices, [Device::Terminal]);
    assert_eq!((keeper.restart, keeper.port_count), (Restart::Always, 2));
    assert_eq!((parrot.restart, parrot.binary.as_str()), (Restart::Never, "parrot"));
    assert_eq!((second.label, second.memory, second.args.as_str()), (Label::Grey, 2 << 20, "loud=no"));
    assert_eq!(parrot.args, "loud=yes colour=green");
}

#[test]
fn ports_are_numbered_in_the_order_of_the_channels() {
    let system = Folder::new("ports").load(SYSTEM).unwrap();
    let ends: Vec<_> = system
        .channels
        .iter()
        .map(|channel| {
            (
                channel.client.get(),
                channel.client_port.get(),
                channel.server.map(QubeIndex::get),
                channel.depth,
            )
        })
        .collect();
    assert_eq!(ends, [(0, 0, Some(1), 8), (1, 1, Some(2), 16), (0, 1, None, 8)]);
    let services: Vec<&str> = system.services.iter().map(|service| service.name).collect();
    assert_eq!(services, ["vault", "echo", "ctl"]);
}

#[test]
fn without_policy_nothing_is_allowed() {
    let system = Folder::new("no-policy").load(SYSTEM).unwrap();
    let decisions: Vec<u16> =
        system.channels.iter().flat_map(|channel| &channel.decisions).map(|decision| decision.word).collect();
    assert_eq!(decisions, [0; 5]);
}

/// One change to the system file, and the exact complaint.
fn check_system(test: &str, from: &str, to: &str, expected: &str) {
    assert!(SYSTEM.contains(from), "no {from:?}");
    assert_eq!(Folder::new(test).problems(&SYSTEM.replacen(from, to, 1)), expected);
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_one() {
    check_system(
        "unknown-key",
        "memory = \"96MiB\"",
        "memory = \"96MiB\"\nmemry = 1",
        "system.toml:3:1: unknown key `memry` in a system\n  \
         expected: one of channel, memory, name, policy, qubes\n  \
         fix: write `memory`",
    );
    check_system(
        "unknown-channel-key",
        "depth = 16",
        "dept = 16",
        "system.toml:19:1: unknown key `dept` in a channel\n  \
         expected: one of client, depth, server, service\n  \
         fix: write `depth`",
    );
}

#[test]
fn an_undeclared_channel_names_the_list_and_the_file() {
    let folder = Folder::new("undeclared");
    folder.change("console/qube.toml", "calls = [\"vault\", \"echo\", \"ctl\"]", "calls = [\"ctl\"]");
    let problems = folder.problems(SYSTEM);
    assert!(
        problems.starts_with(
            "system.toml:11:10: an undeclared channel: `console` does not list `vault` in `calls`\n  \
             expected: both ends to declare what they speak; `console` lists [ctl]\n  \
             fix: write `calls = [\"ctl\", \"vault\"]` in "
        ),
        "{problems}"
    );
    folder.change("console/qube.toml", "[\"ctl\"]", "[\"vault\", \"echo\", \"ctl\"]");
    folder.change("keeper/qube.toml", "serves = [\"vault\"]", "serves = []");
    let problems = folder.problems(SYSTEM);
    let expected = "system.toml:12:10: an undeclared channel: `keeper` does not list `vault` in `serves`\n";
    assert!(problems.starts_with(expected), "{problems}");
}

#[test]
fn memory_over_budget_says_who_wants_how_much() {
    check_system(
        "budget",
        "96MiB",
        "64MiB",
        "system.toml:2:10: memory over budget: the qubes want 69MiB (keeper 64MiB, parrot2 2MiB, console 2MiB, \
         parrot 1MiB)\n  \
         expected: at most 64MiB\n  \
         fix: write `memory = \"69MiB\"`, or make a qube smaller",
    );
}

#[test]
fn a_second_qube_of_one_name_is_refused() {
    check_system(
        "double",
        "{ path = \"parrot\", name = \"parrot2\",",
        "{ path = \"parrot\",",
        "system.toml:7:5: a second qube named `parrot`\n  \
         expected: names of their own\n  \
         fix: give this one another: { path = \"...\", name = \"parrot2\" }",
    );
}

#[test]
fn channels_to_nowhere_are_refused() {
    check_system(
        "no-such-qube",
        "client = \"keeper\"",
        "client = \"keper\"",
        "system.toml:16:10: no qube `keper` in this system\n  \
         expected: one of console, keeper, parrot, parrot2, @supervisor\n  \
         fix: write `keeper`",
    );
    check_system(
        "no-such-service",
        "service = \"vault\"",
        "service = \"valt\"",
        "system.toml:13:11: no service `valt`\n  expected: one of vault, echo, ctl\n  fix: write `vault`",
    );
    check_system(
        "supervisors-service",
        "server = \"@supervisor\"",
        "server = \"parrot\"",
        "system.toml:23:10: `ctl` served by `parrot`\n  expected: server = \"@supervisor\"",
    );
    check_system(
        "not-supervisors",
        "server = \"parrot\"",
        "server = \"@supervisor\"",
        "system.toml:17:10: `echo` served by `@supervisor`\n  expected: a qube that serves it",
    );
}

#[test]
fn the_same_channel_twice_is_refused() {
    let twice =
        format!("{SYSTEM}\n[[channel]]\nclient = \"console\"\nserver = \"keeper\"\nservice = \"vault\"\n");
    let expected = "system.toml:26:1: a second channel for `vault` between the same two\n  \
                    expected: one; the first is in line 10";
    assert_eq!(Folder::new("twice").problems(&twice), expected);
}

#[test]
fn a_value_of_the_wrong_kind_says_what_was_expected() {
    let size = "a size: a whole number and KiB or MiB, like \"64KiB\" or \"2MiB\"";
    let cases = [
        ("\"96MiB\"", "96", "system.toml:2:10: `memory` is a whole number\n  expected: a text in quotes".to_owned()),
        ("96MiB", "96MB", format!("system.toml:2:10: `96MB`\n  expected: {size}")),
        (
            "depth = 16",
            "depth = 65",
            "system.toml:19:9: `depth = 65`\n  expected: a whole number from 1 to 64".to_owned(),
        ),
        (
            "\"grey\"",
            "\"gray\"",
            "system.toml:7:50: `gray`\n  expected: a label: one of untrusted, personal, work, vault, green, \
             orange, purple, grey"
                .to_owned(),
        ),
        (
            "loud=no",
            "loud",
            "system.toml:7:82: `loud`\n  expected: `key=value` words separated by single spaces, at most 2048 bytes"
                .to_owned(),
        ),
    ];
    for (from, to, expected) in cases {
        check_system("wrong-kind", from, to, &expected);
    }
}

#[test]
fn a_missing_key_is_named() {
    check_system(
        "missing-key",
        "server = \"keeper\"\n",
        "",
        "system.toml:10:1: a channel without `server`\n  \
         expected: the key `server`\n  \
         fix: add `server = \"echo\"`",
    );
}

#[test]
fn problems_in_a_qube_file_name_that_file() {
    let folder = Folder::new("qube-file");
    folder.change("keeper/qube.toml", "serves = [\"vault\"]", "serves = [\"vualt\"]\nlable = \"work\"");
    let expected = "keeper/qube.toml:6:1: unknown key `lable` in a qube\n  \
                    expected: one of args, binary, calls, devices, dma, label, memory, name, package, restart, serves, services, \
                    stack, tags\n  \
                    fix: write `label`";
    assert_eq!(folder.problems(SYSTEM), expected);
    folder.change("keeper/qube.toml", "lable = \"work\"\n", "");
    let expected = "keeper/qube.toml:5:11: no service `vualt`\n  \
                    expected: one of vault, echo, ctl\n  \
                    fix: write `vault`";
    assert_eq!(folder.problems(SYSTEM), expected);
    let missing = folder.problems(&SYSTEM.replacen("\"keeper\",", "\"attic\",", 1));
    assert!(missing.starts_with("attic/qube.toml: cannot be read: "), "{missing}");
}

#[test]
fn broken_toml_says_where() {
    let problems = Folder::new("broken").problems("name = \"x\"\nmemory = 12MiB\n");
    assert!(problems.starts_with("system.toml:2:"), "{problems}");
    assert!(problems.contains("expected: valid TOML"), "{problems}");
}

#[test]
fn a_system_with_too_many_qubes_or_ports_is_refused() {
    let mut text = String::from("name = \"many\"\nmemory = \"900MiB\"\nqubes = [\n");
    for number in 0..25 {
        text += &format!("  {{ path = \"parrot\", name = \"p{number}\" }},\n");
    }
    let problems = Folder::new("many").problems(&(text + "]\n"));
    assert_eq!(problems, "system.toml:28:3: 25 qubes\n  expected: 1 to 24 qubes");
}

#[test]
fn two_owners_of_a_device_are_refused() {
    for device in ["terminal", "inspect"] {
        let folder = Folder::new("owners");
        folder.change("console/qube.toml", "terminal", device);
        folder.change("keeper/qube.toml", "label", &format!("devices = [\"{device}\"]\nlabel"));
        let expected = format!(
            "system.toml:5:5: `console` and `keeper` both own the device \"{device}\"\n  expected: one owner a device"
        );
        assert_eq!(folder.problems(SYSTEM), expected);
    }
}

#[test]
fn each_serial_port_may_have_an_owner_and_no_qube_has_two() {
    let folder = Folder::new("ports");
    folder.change("keeper/qube.toml", "label", "devices = [\"inspect\"]\nlabel");
    let system = folder.load(SYSTEM).unwrap();
    assert_eq!(system.qubes[0].devices, [Device::Terminal]);
    assert_eq!(system.qubes[1].devices, [Device::Inspect]);

    folder.change("keeper/qube.toml", "\"inspect\"", "\"inspect\", \"terminal\"");
    let problems = folder.problems(SYSTEM);
    let expected = "keeper/qube.toml:2:23: \"terminal\" beside \"inspect\"\n  expected: one device a qube";
    assert!(problems.contains(expected), "{problems}");
}

#[test]
fn a_device_that_does_not_exist_is_told_which_do() {
    let folder = Folder::new("device");
    folder.change("console/qube.toml", "terminal", "screen");
    let expected = "console/qube.toml:6:12: `screen`\n  expected: a device: \"terminal\" (the first serial port), \
                    \"inspect\" (the second), \"disk\", \"nic\", a PCI function by class as \"pci-class:0108\" or by address as \
                    \"pci:00:04.0\"";
    assert_eq!(folder.problems(SYSTEM), expected);
    for wrong in
        ["pci", "pci:00:04", "pci:0:04.0", "pci:00:20.0", "pci:00:04.8", "pci-class:108", "pci-class:0108:1"]
    {
        folder.change("console/qube.toml", "screen", wrong);
        assert!(folder.problems(SYSTEM).contains("expected: a device"), "{wrong}");
        folder.change("console/qube.toml", wrong, "screen");
    }
    for (word, device) in [
        ("disk", Device::Disk),
        ("nic", Device::Nic),
        ("pci-class:0108", Device::PciClass(0x108)),
        ("pci:01:1f.7", Device::Pci(0x1ff)),
    ] {
        folder.change("console/qube.toml", "screen", word);
        assert_eq!(folder.load(SYSTEM).unwrap().qubes[0].devices, [device]);
        folder.change("console/qube.toml", word, "screen");
    }
}

#[test]
fn who_can_reach_is_answered_with_rules_and_detours() {
    use build_manifest::{Access, who_can_reach};
    let policy = "vault.status console keeper allow\n\
                  vault.show console keeper allow { reveal: false }\n\
                  vault.open @anyvm @anyvm ask\n\
                  echo.* keeper parrot allow\n";
    let system = Folder::new("reach").load(&with_policy(policy)).unwrap();
    let reach = who_can_reach(&system, "keeper").unwrap();
    let [console] = &reach.direct[..] else { panic!("{reach:?}") };
    assert_eq!(console.from, *"console");
    let found: Vec<_> =
        console.methods.iter().map(|it| (it.method.as_str(), it.access, it.rule.map(|at| at.line))).collect();
    assert_eq!(
        found,
        [
            ("vault.status", Access::Allowed, Some(4)),
            ("vault.open", Access::Asked, Some(6)),
            ("vault.show", Access::Conditional, Some(5)),
        ]
    );
    assert!(reach.indirect.is_empty());

    let reach = who_can_reach(&system, "parrot").unwrap();
    assert_eq!(reach.direct.iter().map(|path| path.from.to_string()).collect::<Vec<_>>(), ["keeper"]);
    let ways: Vec<Vec<&str>> =
        reach.indirect.iter().map(|way| way.iter().map(|name| name.as_str()).collect()).collect();
    assert_eq!(ways, [["console", "keeper"]]);
    assert!(who_can_reach(&system, "parrot2").unwrap().direct.is_empty());
    assert!(who_can_reach(&system, "nobody").is_none());
}

/// A qube a tool adds: it calls `ctl`, and its rules come first.
#[test]
fn an_addition_passes_the_checks_and_its_rules_come_first() {
    let folder = Folder::new("addition");
    let policy = "ctl.kill @anyvm @supervisor deny\n";
    folder.write("system.toml", &common::with_policy(policy));
    folder.write(
        "looker/qube.toml",
        "name = \"looker\"\nlabel = \"grey\"\nmemory = \"1MiB\"\npackage = \"looker\"\ncalls = [\"ctl\"]\ndevices = [\"inspect\"]\n",
    );
    let addition = |rules: &str| build_manifest::Addition {
        folder: folder.path("looker"),
        calls: vec![("@supervisor".into(), "ctl".into())],
        policy: rules.into(),
    };
    let load = |rules| {
        build_manifest::load_with(&folder.path("system.toml"), &common::catalogue(), Some(&addition(rules)))
    };
    let system = load("ctl.* looker @supervisor allow\n").unwrap();
    let (index, looker) = system.find("looker").unwrap();
    assert_eq!(looker.devices, [build_manifest::Device::Inspect]);
    let channel = system.channels.last().unwrap();
    assert_eq!((channel.client, channel.server, channel.decisions[0].word), (index, None, 1));
    let plain = folder.load(&common::with_policy(policy)).unwrap();
    assert!(plain.find("looker").is_none(), "without the addition the system is as it was");
    assert_eq!(system.memory, plain.memory + (1 << 20));
    let wrong = load("ctl.* loker @supervisor allow\n").unwrap_err().to_string();
    assert!(wrong.contains("no qube") && wrong.contains("loker"), "{wrong}");
}

#[test]
fn a_system_may_have_a_qube_call_more_than_its_own_file_says() {
    let also = SYSTEM.replacen("\"keeper\"", r#"{ path = "keeper", calls_also = ["vault", "echo"] }"#, 1);
    let system = Folder::new("calls-also").load(&also).unwrap();
    assert_eq!(system.qubes[1].calls, ["echo", "vault"], "what it calls anyway is not listed twice");
    let console = SYSTEM.replacen("\"console\"", r#"{ path = "console", calls_also = ["valt"] }"#, 1);
    let expected =
        "system.toml:4:39: no service `valt`\n  expected: one of vault, echo, ctl\n  fix: write `vault`";
    assert_eq!(Folder::new("calls-also-unknown").problems(&console), expected);
}
