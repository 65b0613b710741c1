//! The committed corpus holds up, and every service has a target and enough inputs.

use std::collections::BTreeSet;
use std::path::Path;

use tests_oracles::{SERVICES, TARGETS, corpus, dictionary, seeds};

/// Fewest inputs of a service.
const INPUTS_MIN: usize = 50;

#[test]
fn every_committed_input_passes_its_oracle() {
    for target in TARGETS {
        let inputs = corpus::read(target.name).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            inputs.len() >= INPUTS_MIN,
            "{}: {} inputs, at least {INPUTS_MIN}",
            target.name,
            inputs.len()
        );
        for input in inputs {
            assert!(input.len() <= corpus::INPUT_MAX, "{}: an input of {} bytes", target.name, input.len());
            (target.run)(&input);
        }
    }
}

#[test]
fn seeds_made_from_the_schemas_pass_their_oracles() {
    for target in TARGETS {
        for input in seeds::seeds(&target) {
            (target.run)(&input);
        }
    }
}

#[test]
fn every_service_of_the_catalogue_has_a_target() {
    for service in build_manifest::Catalogue::builtin().services() {
        let name = format!("message_{}", service.name.replace('-', "_"));
        let target = TARGETS.iter().find(|target| target.name == name);
        let target = target.unwrap_or_else(|| panic!("add `{name}` to tests/oracles/src/targets.rs"));
        assert_eq!(target.service.map(|service| service.id), Some(service.id));
        assert!(SERVICES.iter().any(|known| known.id == service.id), "{name} in SERVICES");
    }
}

#[test]
fn every_target_has_its_file_and_its_binary_and_no_file_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("the manifest of tests/fuzz");
    let entries = std::fs::read_dir(folder.join("fuzz_targets")).expect("the targets of tests/fuzz");
    let files: BTreeSet<String> =
        entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned())).collect();
    let wanted: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(files, wanted, "files in tests/fuzz/fuzz_targets");
    for target in TARGETS {
        let (name, path) =
            (format!("name = \"{}\"", target.name), format!("fuzz_targets/{}.rs", target.name));
        assert!(manifest.contains(&name) && manifest.contains(&path), "{name} in tests/fuzz/Cargo.toml");
    }
}

#[test]
fn a_dictionary_knows_bounds_tags_and_the_schema_id() {
    let target = tests_oracles::find("message_vault").expect("there is such a target");
    let text = dictionary::dictionary(&target);
    // The bound of a passphrase and the number above it, as varints.
    assert!(text.contains("\"\\x80\\x02\"\n") && text.contains("\"\\x81\\x02\"\n"), "{text}");
    let id = ipc_proto_vault_api::SERVICE
        .id
        .0
        .iter()
        .fold(String::new(), |id, byte| id + &format!("\\x{byte:02x}"));
    assert!(text.contains(&id));
    assert!(text.lines().all(|line| line.starts_with("\"\\x") && line.ends_with('"')));
}

#[test]
fn an_input_is_shown_with_its_service_method_and_body() {
    let target = tests_oracles::find("message_echo").expect("there is such a target");
    let shown = (target.show)(b"\0\0\x02hi");
    for part in [
        "service   echo",
        "method    0 (say)",
        "the client as a call",
        "accepts",
        "say(text: text<1024>)",
        "68 69",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
}
