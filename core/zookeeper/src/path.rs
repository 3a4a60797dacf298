//! Where things are in ZooKeeper's tree.

use crate::layouts::Codec;
use libfast_registry::Role;

/// The child of a service that holds what an operator decided about its providers.
pub const CONFIG: &str = "config";

/// A layout below a root.
#[derive(Debug, Clone)]
pub struct Layout {
    codec: Codec,
    root: String,
}

impl Layout {
    /// Accepts the root with or without slashes at its ends.
    pub fn new(codec: Codec, root: &str) -> Self {
        Self { codec, root: format!("/{}", root.trim_matches('/')) }
    }

    /// Its words.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The node whose children are the services.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The node whose children are the providers or consumers of a service; none if the layout has no such list.
    pub fn folder(&self, service: &str, role: Role) -> Option<String> {
        let root = self.root.trim_end_matches('/');
        let list = self.codec.list(role)?;
        Some(format!("{root}/{service}/{list}").trim_end_matches('/').to_owned())
    }

    /// The node of what an operator decided about a service.
    pub fn config(&self, service: &str) -> String {
        format!("{}/{service}/{CONFIG}", self.root.trim_end_matches('/'))
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
            let layout = Layout::new(Codec::Fast, root);
            assert_eq!(layout.folder("echo", Role::Provider).as_deref(), Some(folder));
        }
    }

    #[test]
    fn other_fleets_have_other_lists() {
        let folder = |codec, role| Layout::new(codec, "/x").folder("echo", role);
        assert_eq!(folder(Codec::Serverset, Role::Provider).as_deref(), Some("/x/echo"));
        assert_eq!(folder(Codec::Curator, Role::Consumer), None);
        assert_eq!(folder(Codec::Thriftkeeper, Role::Consumer).as_deref(), Some("/x/echo/consumers"));
        assert_eq!(folder(Codec::Dubbo, Role::Provider).as_deref(), Some("/x/echo/providers"));
    }
}
