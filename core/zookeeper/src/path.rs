//! Where things are in ZooKeeper's tree.

use libfast_model::ServiceName;
use libfast_registry::Role;

/// The layout below a root.
#[derive(Debug, Clone)]
pub struct Layout {
    root: String,
}

impl Layout {
    /// Accepts the root with or without slashes at its ends.
    pub fn new(root: &str) -> Self {
        Self { root: format!("/{}", root.trim_matches('/')) }
    }

    /// The node whose children are the services.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The node whose children are the providers or consumers of a service.
    pub fn folder(&self, service: &str, role: Role) -> String {
        let root = self.root.trim_end_matches('/');
        format!("{root}/{service}/{}", role.folder())
    }

    /// The node of what an operator decided about a service.
    pub fn config(&self, service: &str) -> String {
        format!("{}/{service}/config", self.root.trim_end_matches('/'))
    }

    /// The node of a new entry. The name is never used twice, so that an entry cannot collide with one that a dead
    /// session left behind, and a provider's ends with the generation of its data.
    pub fn new_entry(&self, service: &ServiceName, role: Role) -> String {
        let folder = self.folder(service.as_str(), role);
        let id = uuid::Uuid::new_v4().simple();
        match role {
            Role::Provider => format!("{folder}/{id}.0"),
            Role::Consumer => format!("{folder}/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_legal_for_every_root() {
        for (root, folder) in [
            ("/fast", "/fast/echo/providers"),
            ("a/b/", "/a/b/echo/providers"),
            ("/", "/echo/providers"),
            ("", "/echo/providers"),
        ] {
            assert_eq!(Layout::new(root).folder("echo", Role::Provider), folder);
        }
    }

    #[test]
    fn a_provider_has_a_generation_and_a_consumer_none() {
        let (layout, service) = (Layout::new("/fast"), "echo".parse().unwrap());
        assert!(layout.new_entry(&service, Role::Provider).ends_with(".0"));
        assert!(!layout.new_entry(&service, Role::Consumer).contains('.'));
    }
}
