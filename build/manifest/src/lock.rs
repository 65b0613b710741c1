//! The lock of schema ids: a schema that changed under an old version stops the build.
//!
//! `ipc-proto/spec/schemas.lock` has a line `name version id` for every version there ever was. A service whose version is
//! not in it is new, and `tests/conformance` asks for its line.

use std::fmt;

use ipc_proto_wire::Service;

use crate::catalogue::Catalogue;

/// A service that changed without saying so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlocked {
    /// Line of the lock, from 1.
    pub line: usize,
    /// Name of the service.
    pub service: &'static str,
    /// The version that both claim.
    pub version: u16,
}

impl fmt::Display for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, service, version } = self;
        write!(
            f,
            "ipc-proto/spec/schemas.lock:{line}: the schema of service `{service}` is not what version {version} was\n  \
             found: other methods, types, names or bounds than those that were locked\n  \
             fix: write `#[service(name = \"{service}\", version = {})]`, or take the change back",
            version + 1
        )
    }
}

impl Catalogue {
    /// Holds every service against the lock.
    ///
    /// # Errors
    /// Names each service whose schema changed while its version did not.
    pub fn check_lock(&self, lock: &str) -> Result<(), Vec<Unlocked>> {
        let changed: Vec<Unlocked> = self.services().filter_map(|service| changed(service, lock)).collect();
        if changed.is_empty() { Ok(()) } else { Err(changed) }
    }
}

fn changed(service: &'static Service, lock: &str) -> Option<Unlocked> {
    let key = format!("{} {} ", service.name, service.version);
    let (line, id) =
        (1..).zip(lock.lines()).find_map(|(line, text)| Some((line, text.strip_prefix(&key)?)))?;
    let same = id.trim() == service.id.to_string();
    (!same).then_some(Unlocked { line, service: service.name, version: service.version })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(echo: &str) -> String {
        format!("clock 1 {}\necho 1 {echo}\n", ipc_proto_clock_api::SERVICE.id)
    }

    #[test]
    fn a_schema_that_is_what_it_was_passes_and_so_does_a_new_service() {
        let catalogue = Catalogue::builtin();
        assert_eq!(catalogue.check_lock(&lock(&ipc_proto_echo_api::SERVICE.id.to_string())), Ok(()));
        assert_eq!(catalogue.check_lock(""), Ok(()));
    }

    #[test]
    fn a_schema_that_changed_under_its_version_is_named_with_line_and_fix() {
        let faults = Catalogue::builtin().check_lock(&lock("00112233445566778899aabbccddeeff")).unwrap_err();
        assert_eq!(faults, [Unlocked { line: 2, service: "echo", version: 1 }]);
        let told = faults[0].to_string();
        assert!(told.contains("schemas.lock:2") && told.contains("version = 2"), "{told}");
    }
}
