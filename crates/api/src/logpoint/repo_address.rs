//! Repo addresses: `ip:port/name` for one repo, `ip:port` or `ip` for all of a node.

use crate::state::{ApiSettings, Context};
use cresset_model::user::{RepoAccess, User};
use std::collections::BTreeSet;

/// What a user may call a repo here, and which ones the user may search.
pub(crate) struct RepoDirectory {
    node: String,
    names: BTreeSet<String>,
    ip: String,
    access: RepoAccess,
}

/// A repo that cannot be searched.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RepoError {
    /// It is not here.
    #[error("the repo {0:?} does not exist; /Repo/get_all_searchable_logpoint lists those that do")]
    Unknown(String),
    /// It is not for this user.
    #[error("you have no permission to search the repo {0:?}; an administrator can grant it")]
    NotPermitted(String),
    /// Everything was asked for, and nothing is for this user.
    #[error("you have no permission to search any repo; an administrator can grant some")]
    NonePermitted,
}

impl RepoDirectory {
    pub(crate) fn new(
        settings: &ApiSettings,
        names: impl IntoIterator<Item = String>,
        user: &User,
    ) -> Self {
        let names: BTreeSet<String> = names.into_iter().collect();
        Self {
            node: node_address(settings),
            access: user.repo_access(names.iter().map(String::as_str)),
            names,
            ip: settings.repo_ip.clone(),
        }
    }

    /// The names of the repos that the user may search, whatever was asked for.
    pub(crate) fn permitted(&self) -> impl Iterator<Item = &str> {
        let names = self.names.iter().map(String::as_str);
        names.filter(|name| self.access.allows(name))
    }

    /// The names of the repos at `addresses`; empty means all. Blank addresses are skipped,
    /// because clients write "all" as `[""]`; all are those that the user may search.
    pub(crate) fn resolve<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<String>, RepoError> {
        let mut wanted = BTreeSet::new();
        let mut all = false;
        for address in addresses
            .into_iter()
            .map(str::trim)
            .filter(|a| !a.is_empty())
        {
            match self.place(address) {
                Place::Repo(name) if self.access.allows(name) => {
                    wanted.insert(name.to_owned());
                }
                Place::Repo(_) => return Err(RepoError::NotPermitted(address.to_owned())),
                Place::Node => all = true,
                Place::Unknown => return Err(RepoError::Unknown(address.to_owned())),
            }
        }
        if all || wanted.is_empty() {
            return self.all().ok_or(RepoError::NonePermitted);
        }
        Ok(wanted.into_iter().collect())
    }

    /// As [`Self::resolve`], for addresses that were acceptable when they were saved: what
    /// has gone, or is not permitted any more, is left out. `None` if nothing is left.
    pub(crate) fn remaining(&self, addresses: &[String]) -> Option<Vec<String>> {
        let mut wanted = BTreeSet::new();
        let mut named = false;
        for address in addresses.iter().map(|a| a.trim()).filter(|a| !a.is_empty()) {
            named = true;
            match self.place(address) {
                Place::Repo(name) if self.access.allows(name) => {
                    wanted.insert(name.to_owned());
                }
                Place::Node => return self.all(),
                Place::Repo(_) | Place::Unknown => {}
            }
        }
        if !named {
            return self.all();
        }
        (!wanted.is_empty()).then(|| wanted.into_iter().collect())
    }

    /// Everything that the user may search: an empty list if that is all there is, `None` if
    /// it is nothing.
    fn all(&self) -> Option<Vec<String>> {
        match &self.access {
            RepoAccess::All => Some(Vec::new()),
            RepoAccess::Only(names) if names.is_empty() => None,
            RepoAccess::Only(names) => Some(names.iter().cloned().collect()),
        }
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
    /// The repos that exist now, as `user` may see them.
    pub(crate) async fn repo_directory(&self, user: &User) -> crate::error::Result<RepoDirectory> {
        let repos = self.catalog.repos().await?;
        let names = repos.into_iter().map(|repo| repo.name);
        Ok(RepoDirectory::new(&self.settings, names, user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::user::{DateFormat, HourFormat};
    use cresset_model::{ObjectId, Timestamp};

    fn directory(role: &str, granted: Option<&[&str]>) -> RepoDirectory {
        let user = User {
            id: ObjectId::from_bytes([1; 12]),
            username: "ann".to_owned(),
            email: String::new(),
            roles: vec![role.to_owned()],
            disabled: false,
            timezone: "UTC".to_owned(),
            date_format: DateFormat::default(),
            hour_format: HourFormat::default(),
            repos: granted.map(|names| names.iter().map(|n| (*n).to_owned()).collect()),
            created_at: Timestamp(0),
        };
        let names = ["default", "_cresset", "web"].map(str::to_owned);
        RepoDirectory::new(&ApiSettings::default(), names, &user)
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_form_of_address() {
        let directory = directory("administrator", None);
        let check = |addresses: &[&str], expected: Result<&[&str], &str>| {
            let found = directory.resolve(addresses.iter().copied());
            let expected = expected
                .map(owned)
                .map_err(|unknown| RepoError::Unknown(unknown.to_owned()));
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

    #[test]
    fn all_is_what_the_user_may_search() {
        let check = |granted: Option<&[&str]>, addresses: &[&str], expected: Option<&[&str]>| {
            let directory = directory("manager", granted);
            let found = directory.resolve(addresses.iter().copied());
            let left = directory.remaining(&owned(addresses));
            assert_eq!(found.ok(), expected.map(owned), "{granted:?} {addresses:?}");
            if expected.is_some() {
                assert_eq!(left, expected.map(owned), "{granted:?} {addresses:?}");
            }
        };
        for all in [&[][..], &[""], &["127.0.0.1:5504"], &["127.0.0.1", "web"]] {
            check(None, all, Some(&["default", "web"]));
            check(Some(&["web", "gone"]), all, Some(&["web"]));
            check(Some(&[]), all, None);
        }
        check(None, &["127.0.0.1:5504/_cresset"], None);
        check(Some(&["_cresset"]), &["_cresset"], Some(&["_cresset"]));
        check(Some(&["web"]), &["web", "127.0.0.1:5504/default"], None);
    }

    #[test]
    fn what_remains_of_saved_addresses() {
        let check = |granted: Option<&[&str]>, addresses: &[&str], expected: Option<&[&str]>| {
            let left = directory("manager", granted).remaining(&owned(addresses));
            assert_eq!(left, expected.map(owned), "{granted:?} {addresses:?}");
        };
        check(Some(&["web"]), &["web", "default"], Some(&["web"]));
        check(Some(&["web"]), &["default"], None);
        check(
            Some(&["web"]),
            &["gone", "127.0.0.1:5504/web"],
            Some(&["web"]),
        );
        check(Some(&["web"]), &["gone"], None);
        check(Some(&[]), &[], None);
    }

    #[test]
    fn who_is_refused_learns_why() {
        let directory = directory("manager", Some(&["web"]));
        let refused = directory.resolve(["web", "127.0.0.1:5504/default"]);
        let expected = RepoError::NotPermitted("127.0.0.1:5504/default".to_owned());
        assert_eq!(refused, Err(expected));
    }
}
