//! Repos: named places where events are kept for a number of days.

use serde::{Deserialize, Serialize};

/// The repo that receives what is routed nowhere else.
pub const DEFAULT_REPO: &str = "default";
/// The repo of Cresset's own operational log.
pub const OWN_REPO: &str = "_cresset";

/// A repo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    /// Lower-case name, unique.
    pub name: String,
    /// Days that events are kept, counted from event time; at least 1.
    pub retention_days: u32,
}

/// Checks a repo name: 1 to 64 characters of `a-z 0-9 _ -`, starting with a
/// letter, a digit or `_`.
///
/// The set is narrow because the name appears in addresses `ip:port/name`, in
/// folder names and in query strings.
pub fn valid_name(name: &str) -> bool {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(ok) && !name.starts_with('-')
}
