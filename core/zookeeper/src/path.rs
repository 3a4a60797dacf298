//! Where things are in ZooKeeper's tree.

use crate::place::Place;
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

    /// Where a new entry stands. Only those of providers change.
    pub fn new_place(&self, service: &ServiceName, role: Role) -> Place {
        Place::new(self.folder(service.as_str(), role), role == Role::Provider)
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
}
