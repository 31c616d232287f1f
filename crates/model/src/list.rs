//! Named lists, used in queries as `field IN NAME`.

use crate::{ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

/// How the values of a list come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Imported by people.
    StaticList,
    /// Fed by queries, with an age limit.
    DynamicList,
}

/// A list without its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListInfo {
    /// Unique id.
    pub id: ObjectId,
    /// Upper-case name, unique.
    pub name: String,
    /// Static or dynamic.
    pub kind: ListKind,
    /// Number of values.
    pub len: u64,
    /// Last change.
    pub updated_at: Timestamp,
}

/// Checks a list name: 2 to 100 characters, letters, digits, `_` and `-`,
/// neither `_` nor `-` first or last (spec/logpoint-api.md §4).
pub fn valid_name(name: &str) -> bool {
    let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (2..=100).contains(&name.len())
        && name.bytes().all(ok)
        && !name.starts_with(['_', '-'])
        && !name.ends_with(['_', '-'])
}
