//! Repo addresses: `ip:port/name` for one repo, `ip:port` or `ip` for all of a node.

use crate::state::{ApiSettings, Context};
use std::collections::BTreeSet;

/// What a client may call a repo here.
pub(crate) struct RepoDirectory {
    node: String,
    names: BTreeSet<String>,
    ip: String,
}

/// A repo that does not exist here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the repo {0:?} does not exist; /Repo/get_all_searchable_logpoint lists those that do")]
pub(crate) struct UnknownRepo(pub(crate) String);

impl RepoDirectory {
    pub(crate) fn new(settings: &ApiSettings, names: impl IntoIterator<Item = String>) -> Self {
        Self {
            node: node_address(settings),
            names: names.into_iter().collect(),
            ip: settings.repo_ip.clone(),
        }
    }

    /// The names of the repos at `addresses`; empty means all. Blank addresses are skipped,
    /// because clients write "all" as `[""]`.
    pub(crate) fn resolve<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<String>, UnknownRepo> {
        let mut wanted = BTreeSet::new();
        let mut all = false;
        for address in addresses
            .into_iter()
            .map(str::trim)
            .filter(|a| !a.is_empty())
        {
            match self.place(address) {
                Place::Repo(name) => {
                    wanted.insert(name.to_owned());
                }
                Place::Node => all = true,
                Place::Unknown => return Err(UnknownRepo(address.to_owned())),
            }
        }
        Ok(if all {
            Vec::new()
        } else {
            wanted.into_iter().collect()
        })
    }

    fn place<'a>(&self, address: &'a str) -> Place<'a> {
        let here = |node: &str| node == self.node || node == self.ip;
        match address.split_once('/') {
            Some((node, name)) if here(node) && self.names.contains(name) => Place::Repo(name),
            Some(_) => Place::Unknown,
            // A bare name wins over the node's name: it is the narrower reading.
            None if self.names.contains(address) => Place::Repo(address),
            None if here(address) => Place::Node,
            None => Place::Unknown,
        }
    }
}

/// What an address means.
enum Place<'a> {
    Repo(&'a str),
    Node,
    Unknown,
}

/// `ip:port` of this node.
pub(crate) fn node_address(settings: &ApiSettings) -> String {
    format!("{}:{}", settings.repo_ip, settings.repo_port)
}

/// `ip:port/name` of a repo here.
pub(crate) fn address(settings: &ApiSettings, repo: &str) -> String {
    format!("{}/{repo}", node_address(settings))
}

impl Context {
    /// The repos that exist now.
    pub(crate) async fn repo_directory(&self) -> crate::error::Result<RepoDirectory> {
        let repos = self.catalog.repos().await?;
        Ok(RepoDirectory::new(
            &self.settings,
            repos.into_iter().map(|repo| repo.name),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_address() {
        let names = ["default", "_cresset", "web"].map(str::to_owned);
        let directory = RepoDirectory::new(&ApiSettings::default(), names);
        let check = |addresses: &[&str], expected: Result<&[&str], &str>| {
            let found = directory.resolve(addresses.iter().copied());
            let expected = expected
                .map(|names| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
                .map_err(|unknown| UnknownRepo(unknown.to_owned()));
            assert_eq!(found, expected, "{addresses:?}");
        };
        check(&[], Ok(&[]));
        check(&[""], Ok(&[]));
        check(&["127.0.0.1:5504"], Ok(&[]));
        check(&["127.0.0.1"], Ok(&[]));
        check(&["Cresset"], Err("Cresset"));
        check(&["web", "127.0.0.1:5504"], Ok(&[]));
        check(&["127.0.0.1:5504/default"], Ok(&["default"]));
        check(
            &[" web ", "127.0.0.1:5504/default", "default"],
            Ok(&["default", "web"]),
        );
        check(&["127.0.0.1:5504/nope"], Err("127.0.0.1:5504/nope"));
        check(&["10.0.0.2:5504/default"], Err("10.0.0.2:5504/default"));
        check(&["10.0.0.2:5504"], Err("10.0.0.2:5504"));
        check(&["default", "nope"], Err("nope"));
        check(&["127.0.0.1:5504/"], Err("127.0.0.1:5504/"));
    }
}
