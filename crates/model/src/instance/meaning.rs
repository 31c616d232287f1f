//! What the address of a repo means, here and at other instances.

use super::{Instance, split_address};
use std::collections::BTreeSet;

/// Which nodes belong to other instances.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nodes {
    /// Of those that are registered, in lower case.
    pub registered: BTreeSet<String>,
    /// Of those that were removed, in lower case.
    pub removed: BTreeSet<String>,
}

/// What an entry of `repos` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// All that is here.
    Here,
    /// What would be a repo here, in lower case; perhaps there is none of that name.
    Repo(String),
    /// Something at a registered instance.
    Elsewhere {
        /// Its node, in lower case.
        node: String,
        /// One of its repos, unless all are meant.
        repo: Option<&'a str>,
    },
    /// Something at an instance that was removed.
    Removed,
}

impl Nodes {
    /// Those of the registered `instances`, and those that were removed.
    pub fn new(instances: &[Instance], removed: BTreeSet<String>) -> Self {
        let registered = instances.iter().map(|i| i.node.to_ascii_lowercase());
        Self {
            registered: registered.collect(),
            removed,
        }
    }

    /// What `address` means: `host:port/name`, `host:port` for all of a node, or a bare name.
    ///
    /// Every node that is not another instance's means this server, under whichever address
    /// it was known when the entry was written.
    pub fn meaning<'a>(&self, address: &'a str) -> Meaning<'a> {
        let address = address.trim();
        let (node, repo) = split_address(address);
        let node = node.to_ascii_lowercase();
        if self.registered.contains(&node) {
            return Meaning::Elsewhere { node, repo };
        }
        if self.removed.contains(&node) {
            return Meaning::Removed;
        }
        match repo {
            Some(name) => Meaning::Repo(name.to_ascii_lowercase()),
            // A bare address stands for all repos.
            None if node.is_empty() || address.contains([':', '.', '/']) => Meaning::Here,
            None => Meaning::Repo(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_means_one_thing() {
        let set = |nodes: &[&str]| nodes.iter().map(ToString::to_string).collect();
        let nodes = Nodes {
            registered: set(&["b:7077", "[::7]:7077"]),
            removed: set(&["c:7077"]),
        };
        let check = |address: &str, expected: Meaning<'_>| {
            assert_eq!(nodes.meaning(address), expected, "{address:?}");
        };
        let repo = |name: &str| Meaning::Repo(name.to_owned());
        let elsewhere = |node: &str, repo| Meaning::Elsewhere {
            node: node.to_owned(),
            repo,
        };
        check("Web", repo("web"));
        check(" 127.0.0.1:5504/Default ", repo("default"));
        check("10.0.0.9:5504/_cresset", repo("_cresset"));
        check("[::1]:5504/web", repo("web"));
        for here in ["127.0.0.1:5504", "127.0.0.1:5504/", "10.0.0.1", "x/", ""] {
            check(here, Meaning::Here);
        }
        check("B:7077/Web", elsewhere("b:7077", Some("Web")));
        check("b:7077/", elsewhere("b:7077", None));
        check("[::7]:7077", elsewhere("[::7]:7077", None));
        check("b:7078/web", repo("web"));
        check("C:7077/web", Meaning::Removed);
        check("c:7077", Meaning::Removed);
    }
}
