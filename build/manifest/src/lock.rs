//! The lock of schema ids: a schema that changed under an old version stops the build.
//!
//! A lock has a line `name version id` for every version there ever was. Skep's own is `ipc-proto/spec/schemas.lock`: a
//! service whose version is not in it is new, and `tests/conformance` asks for its line. A project outside of Skep has one
//! beside its system file, and the host tool adds the line.

use std::fmt;
use std::path::{Path, PathBuf};

use ipc_proto_wire::Service;

use crate::catalogue::Catalogue;

/// A service that changed without saying so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlocked {
    /// The lock.
    pub lock: PathBuf,
    /// Line of the lock, from 1.
    pub line: usize,
    /// Name of the service.
    pub service: &'static str,
    /// The version that both claim.
    pub version: u16,
}

impl fmt::Display for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lock, line, service, version } = self;
        write!(
            f,
            "{}:{line}: the schema of service `{service}` is not what version {version} was\n  \
             found: other methods, types, names or bounds than those that were locked\n  \
             fix: write `#[service(name = \"{service}\", version = {})]`, or take the change back; if nobody ever had \
             version {version}, delete this line of the lock instead",
            lock.display(),
            version + 1
        )
    }
}

impl Catalogue {
    /// Holds every service against the text of the lock in `path`.
    ///
    /// # Errors
    /// Names each service whose schema changed while its version did not.
    pub fn check_lock(&self, path: &Path, lock: &str) -> Result<(), Vec<Unlocked>> {
        let changed: Vec<Unlocked> =
            self.services().filter_map(|service| changed(service, path, lock)).collect();
        if changed.is_empty() { Ok(()) } else { Err(changed) }
    }

    /// The services whose version is not in a lock.
    pub fn not_in_lock(&self, lock: &str) -> impl Iterator<Item = &'static Service> {
        self.services().filter(move |service| find(service, lock).is_none())
    }
}

/// The line of a service's version, from 1, and the id that stands there.
fn find<'l>(service: &Service, lock: &'l str) -> Option<(usize, &'l str)> {
    let key = format!("{} {} ", service.name, service.version);
    (1..).zip(lock.lines()).find_map(|(line, text)| Some((line, text.strip_prefix(&key)?.trim())))
}

fn changed(service: &'static Service, path: &Path, lock: &str) -> Option<Unlocked> {
    let (line, id) = find(service, lock)?;
    let unlocked = Unlocked { lock: path.to_owned(), line, service: service.name, version: service.version };
    (id != service.id.to_string()).then_some(unlocked)
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
        let lock = lock(&ipc_proto_echo_api::SERVICE.id.to_string());
        assert_eq!(catalogue.check_lock(Path::new("schemas.lock"), &lock), Ok(()));
        assert_eq!(catalogue.check_lock(Path::new("schemas.lock"), ""), Ok(()));
        assert!(catalogue.not_in_lock(&lock).all(|service| !["clock", "echo"].contains(&service.name)));
        assert_eq!(catalogue.not_in_lock("").count(), catalogue.services().count());
    }

    #[test]
    fn a_schema_that_changed_under_its_version_is_named_with_line_and_fix() {
        let path = Path::new("some/schemas.lock");
        let lock = lock("00112233445566778899aabbccddeeff");
        let faults = Catalogue::builtin().check_lock(path, &lock).unwrap_err();
        assert_eq!(faults, [Unlocked { lock: path.to_owned(), line: 2, service: "echo", version: 1 }]);
        let told = faults[0].to_string();
        assert!(told.contains("schemas.lock:2") && told.contains("version = 2"), "{told}");
    }
}
