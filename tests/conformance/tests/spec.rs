//! The specification says what the code does: pages are up to date, and a schema changes only with its version.

use std::fmt::Write;

use ipc_proto_wire::{Service, canonical};
use tests_conformance::files::{self, UPDATE};
use tests_conformance::{DOCS, SERVICES, page};

#[test]
fn every_service_has_an_up_to_date_page() {
    for (service, docs) in SERVICES.iter().zip(DOCS) {
        assert_eq!(service.methods.len(), docs.methods.len());
        files::expect(&format!("services/{}.md", service.name), &page::page(service, &docs));
    }
}

/// Compares a lock file with the services: gives the lines to add, or says what to do about a changed schema.
fn locked(lock: &str, services: &[Service]) -> Result<String, String> {
    let mut missing = String::new();
    for Service { name, version, id, .. } in services {
        let mut entries = lock.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let (wanted, id) = (version.to_string(), id.to_string());
        match entries.find(|entry| matches!(entry[..], [n, v, _] if n == *name && v == wanted)) {
            Some(entry) if entry[2] == id => {}
            Some(entry) => {
                return Err(format!(
                    "the schema of service `{name}` changed ({} -> {id}) but its version is still {version}: \
                     write #[service(name = \"{name}\", version = {})] in ipc-proto/{name}-api, then run {UPDATE}",
                    entry[2],
                    version + 1
                ));
            }
            None => writeln!(missing, "{name} {version} {id}").map_err(|error| error.to_string())?,
        }
    }
    Ok(missing)
}

#[test]
fn a_schema_changes_only_with_its_version() {
    let lock = files::read("schemas.lock");
    let missing = locked(&lock, &SERVICES).unwrap_or_else(|fix| panic!("{fix}"));
    if files::updating() {
        files::write("schemas.lock", &(lock + &missing));
    } else {
        assert!(missing.is_empty(), "not in ipc-proto/spec/schemas.lock, run {UPDATE}:\n{missing}");
    }
}

#[test]
fn a_changed_schema_under_an_old_version_is_refused_with_the_fix_named() {
    let lock = "# comment\necho 1 00000000000000000000000000000000\n";
    let fix = locked(lock, &[ipc_proto_echo_api::SERVICE]).unwrap_err();
    assert!(
        fix.contains("`echo`") && fix.contains("version = 2") && fix.contains("ipc-proto/echo-api"),
        "{fix}"
    );
    let newer = Service { version: 2, ..ipc_proto_echo_api::SERVICE };
    assert_eq!(locked(lock, &[newer]), Ok(format!("echo 2 {}\n", newer.id)));
}

#[test]
fn the_canonical_text_says_everything_but_the_version() {
    let text = canonical("vault", ipc_proto_vault_api::SERVICE.methods);
    for part in [
        "service vault\n",
        "call unlock(keys: struct Keys { passphrase: secret<text<256>>, key_file: option<secret<bytes<1024>>> }) -> ",
        "WrongPassphrase { retry_after_ms: u32 }",
        "Given(secret<text<1024>>)",
        "list<struct Summary { title: text<256>, group: text<256>, user: text<256>, totp: bool, expired: bool, ",
        "call lock() -> ()\n",
    ] {
        assert!(text.as_str().contains(part), "{part}\nis not in\n{}", text.as_str());
    }
    assert_eq!(text.id(), ipc_proto_vault_api::SERVICE.id);
    assert!(
        canonical("sink", ipc_proto_echo_api::SERVICE.methods)
            .as_str()
            .contains("\noneway sink(data: bytes<64>)\n")
    );
}

#[test]
fn names_and_versions_of_services_are_their_own() {
    for (at, service) in SERVICES.iter().enumerate() {
        for other in SERVICES.iter().skip(at + 1) {
            assert_ne!(service.name, other.name);
            assert_ne!(service.id, other.id);
        }
    }
}
