//! No way leads from the network to a vault: in every system that is shipped, whoever has a channel to the network can send
//! nothing to a vault, and what it sends to others ends at the trusted terminal, which passes nothing on but what a person types.
//!
//! Not here: what the terminal does with a message (`unikernels/console-core`).

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use build_manifest::{Catalogue, Device, Restart, System, load, load_text, who_can_reach};

fn systems() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systems")
}

/// The qubes at either end of a channel of this service.
fn at_channel_of<'s>(system: &'s System, service: &str) -> Vec<(&'s str, &'s str)> {
    let name = |index| system.qube(index).unwrap().name.as_str();
    let channels = system.channels.iter().filter(|channel| system.services[channel.service].name == service);
    channels.filter_map(|channel| Some((name(channel.client), name(channel.server?)))).collect()
}

/// The ways from the network to a vault, in words.
fn ways(system: &System) -> Vec<String> {
    let terminal = |name: &str| system.find(name).unwrap().1.devices.contains(&Device::Terminal);
    let is_disposable = |name: &str| system.find(name).unwrap().1.restart == Restart::OnDemand;
    let network = at_channel_of(system, "net");
    let is_networked = |name: &str| {
        !terminal(name) && network.iter().any(|(client, server)| [*client, *server].contains(&name))
    };
    let mut vaults: Vec<_> = at_channel_of(system, "vault").into_iter().map(|(_, server)| server).collect();
    vaults.dedup();
    let mut found = Vec::new();
    for vault in vaults {
        if is_networked(vault) {
            found.push(format!("{vault} has a network"));
        }
        let reach = who_can_reach(system, vault).unwrap();
        let direct = reach.direct.iter().map(|path| path.from.as_str());
        let direct = direct.filter(|from| is_networked(from) || is_disposable(from));
        found.extend(direct.map(|from| format!("{from} -> {vault}")));
        for way in &reach.indirect {
            let names: Vec<&str> = way.iter().map(|name| name.as_str()).collect();
            let from = names.first().copied().unwrap();
            let stops = names.iter().any(|name| terminal(name));
            // A disposable has nothing to say even to the terminal.
            if is_disposable(from) || is_networked(from) && !stops {
                found.push(format!("{} -> {vault}", names.join(" -> ")));
            }
        }
    }
    found
}

#[test]
fn no_qube_with_a_network_has_a_way_to_a_vault_in_any_shipped_system() {
    let mut with_both = Vec::new();
    for entry in std::fs::read_dir(systems()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let system = load(&path, &Catalogue::builtin()).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(ways(&system), [""; 0], "{}", system.name);
        if ["net", "vault"].iter().all(|service| !at_channel_of(&system, service).is_empty()) {
            with_both.push(system.name);
        }
    }
    assert!(
        with_both.iter().any(|name| name == "desktop"),
        "the desktop has a network and vaults: {with_both:?}"
    );
}

#[test]
fn work_write_is_looked_at_as_a_vault_and_work_research_as_networked() {
    let system = load(&systems().join("desktop.toml"), &Catalogue::builtin())
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert!(at_channel_of(&system, "vault").contains(&("console", "work-write")));
    assert!(at_channel_of(&system, "net").contains(&("work-research", "netvm")));
    let calls = |service| at_channel_of(&system, service).into_iter();
    let of_write = ["net", "open", "links", "console", "vault-keys", "sign"].map(calls).into_iter().flatten();
    assert_eq!(of_write.filter(|(from, to)| [*from, *to].contains(&"work-write")).count(), 0);
}

/// A system with a vault, a network and a viewer, with one more channel and its rule.
fn with(client: &str, server: &str, service: &str) -> Vec<String> {
    let text = format!(
        r#"name = "ways"
memory = "256MiB"
qubes = [
    "../../unikernels/console",
    "../../unikernels/echo",
    {{ path = "../../unikernels/echo", name = "between", calls_also = ["vault", "net"] }},
    {{ path = "../../vault-app/qube", calls_also = ["net"] }},
    "../../netvm/qube",
    {{ path = "../../unikernels/viewer", disposable = true, calls_also = ["vault", "echo", "console"] }},
]
policy = '''
* @anyvm @anyvm allow
'''
[[channel]]
client = "console"
server = "vault"
service = "vault"
[[channel]]
client = "viewer"
server = "netvm"
service = "net"
[[channel]]
client = "between"
server = "vault"
service = "vault"
[[channel]]
client = "{client}"
server = "{server}"
service = "{service}"
"#
    );
    let text = text.replace("* @anyvm @anyvm allow", &rules());
    let system = load_text(&systems().join("ways.toml"), &text, &Catalogue::builtin());
    ways(&system.unwrap_or_else(|problems| panic!("{problems}")))
}

/// Everything is allowed.
fn rules() -> String {
    ["vault", "net", "echo", "console"].map(|service| format!("{service}.* @anyvm @anyvm allow")).join("\n")
}

#[test]
fn a_way_that_somebody_opens_is_found() {
    assert_eq!(with("console", "echo", "echo"), [""; 0]);
    assert_eq!(with("viewer", "vault", "vault"), ["viewer -> vault"]);
    assert_eq!(with("viewer", "between", "echo"), ["viewer -> between -> vault"]);
    assert_eq!(with("viewer", "console", "console"), ["viewer -> console -> vault"]);
    assert_eq!(with("between", "netvm", "net"), ["between -> vault"]);
    assert_eq!(with("vault", "netvm", "net"), ["vault has a network"]);
}
