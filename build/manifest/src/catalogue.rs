//! The services a manifest can name.

use ipc_proto_wire::Service;

/// All known services, by name.
#[derive(Debug, Clone)]
pub struct Catalogue {
    services: Vec<&'static Service>,
}

/// Services the supervisor itself serves.
const OF_SUPERVISOR: [&str; 2] = ["ctl", "log"];

impl Catalogue {
    /// Every service of this project.
    #[must_use]
    pub fn builtin() -> Catalogue {
        Catalogue::of(vec![
            &ipc_proto_block_api::SERVICE,
            &ipc_proto_clock_api::SERVICE,
            &ipc_proto_console_api::SERVICE,
            &ipc_proto_convert_api::SERVICE,
            &ipc_proto_ctl_api::SERVICE,
            &ipc_proto_echo_api::SERVICE,
            &ipc_proto_links_api::SERVICE,
            &ipc_proto_log_api::SERVICE,
            &ipc_proto_net_api::SERVICE,
            &ipc_proto_open_api::SERVICE,
            &ipc_proto_sign_api::SERVICE,
            &ipc_proto_vault_api::SERVICE,
            &ipc_proto_vault_api::files::SERVICE,
            &ipc_proto_vault_api::keys::SERVICE,
            &ipc_proto_volumes_api::SERVICE,
        ])
    }

    /// A catalogue of these services, for tests and tools.
    #[must_use]
    pub fn of(services: Vec<&'static Service>) -> Catalogue {
        Catalogue { services }
    }

    /// This catalogue with more services.
    ///
    /// # Errors
    /// The name that two services have.
    pub fn with(mut self, more: &[&'static Service]) -> Result<Catalogue, &'static str> {
        for service in more {
            if self.find(service.name).is_some() {
                return Err(service.name);
            }
            self.services.push(service);
        }
        Ok(self)
    }

    /// The service of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static Service> {
        self.services.iter().copied().find(|service| service.name == name)
    }

    /// The names, in order of declaration.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.services.iter().map(|service| service.name)
    }

    /// All of them.
    pub fn services(&self) -> impl Iterator<Item = &'static Service> {
        self.services.iter().copied()
    }

    /// Whether the supervisor serves it, and nobody else may.
    #[must_use]
    pub fn is_supervisors(name: &str) -> bool {
        OF_SUPERVISOR.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_services_have_names_and_schemas_of_their_own() {
        let catalogue = Catalogue::builtin();
        for service in &catalogue.services {
            let same = |other: &&&'static Service| other.name == service.name || other.id == service.id;
            assert_eq!(catalogue.services.iter().filter(same).count(), 1, "{}", service.name);
        }
        assert!(OF_SUPERVISOR.iter().all(|name| catalogue.find(name).is_some()));
    }
}
