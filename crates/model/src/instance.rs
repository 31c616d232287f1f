//! Other instances, of Cresset or of anything that speaks Logpoint's API, that this one
//! may search.
//!
//! A repo of an instance has the address `host:port/repo`, with the host and port of the
//! instance's URL. What the instance itself calls the repo does not matter: several
//! instances may call themselves `127.0.0.1:5504`.

mod base_url;
mod in_use;
mod meaning;

pub use base_url::{BaseUrl, UrlError};
pub use in_use::InUse;
pub use meaning::{Meaning, Nodes};

use crate::{ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

/// Longest name of an instance, in bytes.
pub const MAX_NAME: usize = 64;

/// An instance that this one knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Unique id.
    pub id: ObjectId,
    /// Unique name, for people.
    pub name: String,
    /// Base URL without a slash at its end.
    pub url: String,
    /// `host:port` of the URL: what stands before the slash in its repos' addresses. Unique.
    pub node: String,
    /// The user to search as there.
    pub user: String,
    /// How its certificate is judged.
    pub trust: Trust,
    /// True if it was registered at the command line of this machine, whose word is enough
    /// to connect to a private address.
    pub by_operator: bool,
    /// Time of registration.
    pub created_at: Timestamp,
    /// What the last check found.
    pub health: InstanceHealth,
}

/// Which certificates are accepted from an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Those that the system's authorities vouch for.
    #[default]
    System,
    /// Those that these authorities vouch for, in PEM.
    Authorities(String),
    /// Any.
    Anything,
}

/// What is known of an instance from asking it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InstanceHealth {
    /// When it was asked last.
    pub checked_at: Option<Timestamp>,
    /// When it answered last.
    pub seen_at: Option<Timestamp>,
    /// Why the last check failed; `None` if it did not.
    pub error: Option<String>,
    /// What it is.
    pub product: Product,
    /// Its repos when it answered last.
    pub repos: Vec<RemoteRepo>,
}

impl InstanceHealth {
    /// Whether it answered when it was asked last.
    pub const fn is_up(&self) -> bool {
        self.checked_at.is_some() && self.error.is_none()
    }
}

/// What an instance is, which decides how finely it keeps time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// Nobody has asked, or it is something else.
    #[default]
    Other,
    /// Cresset.
    Cresset,
}

impl Product {
    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Cresset => "cresset",
        }
    }
}

/// A repo of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteRepo {
    /// Its name.
    pub name: String,
    /// Its address in the instance's own words, to be used there.
    pub address: String,
}

impl Instance {
    /// The address under which a repo of this instance is known here.
    pub fn address(&self, repo: &str) -> String {
        format!("{}/{repo}", self.node)
    }

    /// The host of [`Self::node`].
    pub fn host(&self) -> &str {
        self.node
            .rsplit_once(':')
            .map_or(&self.node, |(host, _)| host)
    }
}

/// Whether an entry of `repos` means another instance rather than a repo here: the names of
/// repos here hold neither `:` nor `/` nor `.`.
///
/// ```
/// use cresset_model::instance::is_remote;
/// assert!(is_remote("10.0.0.7:7077/web") && is_remote("10.0.0.7:7077"));
/// assert!(!is_remote("web"));
/// ```
pub fn is_remote(repo: &str) -> bool {
    repo.contains([':', '/'])
}

/// Splits an address into its node and, unless all of the node's repos are meant, the repo.
pub fn split_address(address: &str) -> (&str, Option<&str>) {
    match address.rsplit_once('/') {
        Some((node, "")) => (node, None),
        Some((node, repo)) => (node, Some(repo)),
        None => (address, None),
    }
}

/// Checks the name of an instance: 1 to [`MAX_NAME`] characters of `A-Z a-z 0-9 . _ -`,
/// beginning with a letter or digit.
pub fn valid_name(name: &str) -> bool {
    let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(ok)
        && name.as_bytes()[0].is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_node_and_perhaps_a_repo() {
        let check = |address: &str, node: &str, repo: Option<&str>| {
            assert_eq!(split_address(address), (node, repo), "{address}");
        };
        check("10.0.0.7:7077/web", "10.0.0.7:7077", Some("web"));
        check("10.0.0.7:7077", "10.0.0.7:7077", None);
        check("10.0.0.7:7077/", "10.0.0.7:7077", None);
        check("[::1]:7077/web", "[::1]:7077", Some("web"));
    }

    #[test]
    fn names_are_plain() {
        for good in ["b", "berlin-1", "a.b_c", &"x".repeat(64)] {
            assert!(valid_name(good), "{good}");
        }
        for bad in ["", "-b", ".b", "a b", "ä", "a/b", "a:1", &"x".repeat(65)] {
            assert!(!valid_name(bad), "{bad}");
        }
    }
}
