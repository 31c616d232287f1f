//! Repo addresses: `ip:port/name` for one repo, `ip:port` or `ip` for all of a node.
//!
//! The node is this server, or an instance that is registered here. What an address means is
//! decided by [`Nodes::meaning`], as for the detector. But of what is written anew, a node
//! that is neither this server's nor an instance's is taken for a slip.

#[cfg(test)]
mod tests;

use crate::state::{ApiSettings, Context};
use cresset_model::instance::{Instance, Meaning, Nodes, RemoteRepo, is_remote, split_address};
use cresset_model::user::{RepoAccess, User};
use cresset_search::HERE;
use std::collections::BTreeSet;

/// What a user may call a repo here, and which ones the user may search.
pub(crate) struct RepoDirectory {
    node: String,
    names: BTreeSet<String>,
    ip: String,
    access: RepoAccess,
    instances: Vec<Instance>,
    nodes: Nodes,
    user: User,
}

/// A repo that cannot be searched.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RepoError {
    /// It is not here.
    #[error("the repo {0:?} does not exist; /Repo/get_all_searchable_logpoint lists those that do")]
    Unknown(String),
    /// It may be at an instance whose repos are not known.
    #[error(
        "whether there is a repo {address:?} is not known, because the instance {instance:?} has \
         never answered; an administrator may name it all the same"
    )]
    NeverSeen {
        /// The instance's name.
        instance: String,
        /// What was asked for.
        address: String,
    },
    /// It is not for this user.
    #[error("you have no permission to search the repo {0:?}; an administrator can grant it")]
    NotPermitted(String),
    /// It is at an instance that was removed.
    #[error("{0:?} is at an instance that was removed; register it again or name another repo")]
    Removed(String),
    /// Everything was asked for, and nothing is for this user.
    #[error("you have no permission to search any repo; an administrator can grant some")]
    NonePermitted,
}

impl RepoDirectory {
    pub(crate) fn new(
        settings: &ApiSettings,
        names: impl IntoIterator<Item = String>,
        instances: Vec<Instance>,
        removed: BTreeSet<String>,
        user: &User,
    ) -> Self {
        let names: BTreeSet<String> = names.into_iter().collect();
        Self {
            node: node_address(settings),
            access: user.repo_access(names.iter().map(String::as_str)),
            names,
            ip: settings.repo_ip.clone(),
            nodes: Nodes::new(&instances, removed),
            instances,
            user: user.clone(),
        }
    }

    /// The names of the repos here that the user may search, whatever was asked for.
    pub(crate) fn permitted(&self) -> impl Iterator<Item = &str> {
        let names = self.names.iter().map(String::as_str);
        names.filter(|name| self.access.allows(name))
    }

    /// The registered instances.
    pub(crate) fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The known repos of `instance` that the user may search.
    pub(crate) fn permitted_at<'a>(
        &'a self,
        instance: &'a Instance,
    ) -> impl Iterator<Item = &'a RemoteRepo> {
        let repos = instance.health.repos.iter();
        repos.filter(|repo| self.user.may_search(&instance.address(&repo.name)))
    }

    /// The repos at `addresses` as a search names them; empty means all that are here. Blank
    /// addresses are skipped, because clients write "all" as `[""]`; all are those that the
    /// user may search. Other instances are searched only if they are named.
    pub(crate) fn resolve<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<String>, RepoError> {
        self.resolve_beside(addresses, &[])
    }

    /// As [`Self::resolve`], where those of `saved` may bear an address that this server had
    /// when they were written.
    pub(crate) fn resolve_beside<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a str>,
        saved: &[String],
    ) -> Result<Vec<String>, RepoError> {
        let mut wanted = BTreeSet::new();
        let mut named = false;
        for address in written(addresses) {
            named = true;
            if !self.is_known(address) && !saved.iter().any(|saved| saved.trim() == address) {
                return Err(RepoError::Unknown(address.to_owned()));
            }
            wanted.extend(self.searched(address)?);
        }
        if !named {
            wanted.extend(self.here()?);
        }
        Ok(without_repetition(wanted))
    }

    /// As [`Self::resolve`], for addresses that were acceptable when they were saved: what
    /// has gone, or is not permitted any more, is left out. `None` if nothing is left.
    pub(crate) fn remaining(&self, addresses: &[String]) -> Option<Vec<String>> {
        let mut wanted = BTreeSet::new();
        let mut named = false;
        for address in written(addresses.iter().map(String::as_str)) {
            named = true;
            wanted.extend(self.searched(address).into_iter().flatten());
        }
        if !named {
            wanted.extend(self.here().into_iter().flatten());
        }
        (!wanted.is_empty()).then(|| without_repetition(wanted))
    }

    /// Everything here that the user may search, never nothing.
    fn here(&self) -> Result<Vec<String>, RepoError> {
        match &self.access {
            RepoAccess::All => Ok(vec![HERE.to_owned()]),
            RepoAccess::Only(names) if names.is_empty() => Err(RepoError::NonePermitted),
            RepoAccess::Only(names) => Ok(names.iter().cloned().collect()),
        }
    }

    /// What the user may search at an address, never nothing.
    fn searched(&self, address: &str) -> Result<Vec<String>, RepoError> {
        match self.place(address) {
            Place::Repo(name) if self.access.allows(&name) => Ok(vec![name]),
            Place::Repo(_) => Err(RepoError::NotPermitted(address.to_owned())),
            Place::Node => self.here(),
            Place::Elsewhere(instance, None) => self.all_of(instance),
            Place::Elsewhere(instance, Some(name)) => self.one_of(instance, name),
            Place::Removed => Err(RepoError::Removed(address.to_owned())),
            Place::Unknown => Err(RepoError::Unknown(address.to_owned())),
        }
    }

    fn all_of(&self, instance: &Instance) -> Result<Vec<String>, RepoError> {
        let (node, known) = (instance.node.clone(), &instance.health.repos);
        if known.is_empty() {
            // What it has is found out when it is searched.
            return if self.user.sees_all_repos() {
                Ok(vec![node])
            } else {
                Err(never_seen(instance, node))
            };
        }
        let permitted = self.permitted_at(instance);
        let repos: Vec<String> = permitted.map(|repo| instance.address(&repo.name)).collect();
        if repos.is_empty() {
            return Err(RepoError::NotPermitted(node));
        }
        Ok(repos)
    }

    fn one_of(&self, instance: &Instance, name: &str) -> Result<Vec<String>, RepoError> {
        let address = instance.address(name);
        if !self.user.may_search(&address) {
            return Err(RepoError::NotPermitted(address));
        }
        let known = instance.health.repos.iter().any(|repo| repo.name == name);
        // Who was granted it by name knows what an instance has that has never answered.
        if known || instance.health.seen_at.is_none() {
            Ok(vec![address])
        } else {
            Err(RepoError::Unknown(address))
        }
    }

    /// Whether the address is a bare name, or its node this server's or another instance's.
    fn is_known(&self, address: &str) -> bool {
        let bare = !address.contains([':', '.', '/']);
        let meaning = self.nodes.meaning(address);
        let here = matches!(meaning, Meaning::Here | Meaning::Repo(_));
        bare || !here || self.is_here(split_address(address).0)
    }

    fn is_here(&self, node: &str) -> bool {
        node.eq_ignore_ascii_case(&self.node) || node.eq_ignore_ascii_case(&self.ip)
    }

    fn place<'a>(&'a self, address: &'a str) -> Place<'a> {
        let none = Nodes::default();
        // This server's own node is no other instance's, even if one is registered under it.
        let here = self.is_here(split_address(address).0);
        let nodes = if here { &none } else { &self.nodes };
        match nodes.meaning(address) {
            Meaning::Here => Place::Node,
            Meaning::Repo(name) if self.names.contains(&name) => Place::Repo(name),
            Meaning::Repo(_) => Place::Unknown,
            Meaning::Removed => Place::Removed,
            Meaning::Elsewhere { node, repo } => {
                let mut instances = self.instances.iter();
                let found = instances.find(|i| i.node.eq_ignore_ascii_case(&node));
                found.map_or(Place::Unknown, |found| Place::Elsewhere(found, repo))
            }
        }
    }
}

/// What an address means.
enum Place<'a> {
    Repo(String),
    Node,
    /// An instance, and one of its repos unless all are meant.
    Elsewhere(&'a Instance, Option<&'a str>),
    Removed,
    Unknown,
}

fn written<'a>(addresses: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let trimmed = addresses.into_iter().map(str::trim);
    trimmed.filter(|address| !address.is_empty())
}

fn never_seen(instance: &Instance, address: String) -> RepoError {
    let instance = instance.name.clone();
    RepoError::NeverSeen { instance, address }
}

/// Leaves out what [`HERE`] holds, and [`HERE`] itself where nothing stands beside it.
fn without_repetition(mut wanted: BTreeSet<String>) -> Vec<String> {
    if wanted.contains(HERE) {
        wanted.retain(|repo| repo == HERE || is_remote(repo));
        if wanted.len() == 1 {
            return Vec::new();
        }
    }
    wanted.into_iter().collect()
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
    /// Why `user` cannot save a rule that names these repos; `saved` are those that it has.
    pub(crate) async fn unsearchable(
        &self,
        user: &User,
        repos: &[String],
        saved: &[String],
    ) -> crate::error::Result<Option<RepoError>> {
        let addresses = || repos.iter().map(String::as_str);
        // Everything here, whatever that is: nothing to be looked up.
        if user.repo_access([]) == RepoAccess::All && written(addresses()).next().is_none() {
            return Ok(None);
        }
        let directory = self.repo_directory(user).await?;
        Ok(directory.resolve_beside(addresses(), saved).err())
    }

    /// The repos that exist now, as `user` may see them.
    pub(crate) async fn repo_directory(&self, user: &User) -> crate::error::Result<RepoDirectory> {
        let repos = self.catalog.repos().await?;
        let names = repos.into_iter().map(|repo| repo.name);
        let instances = self.catalog.instances().await?;
        let removed = self.catalog.removed_nodes().await?;
        Ok(RepoDirectory::new(
            &self.settings,
            names,
            instances,
            removed,
            user,
        ))
    }
}
