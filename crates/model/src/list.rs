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
    /// Last change of its values or of its age limit; for a dynamic list not of the
    /// age of values that it had already.
    pub updated_at: Timestamp,
    /// Minutes after which a dynamic list forgets a value that was not seen again;
    /// `None` for a static list.
    #[serde(default)]
    pub age_limit_minute: Option<u32>,
}

/// Longest age limit of a dynamic list in minutes: ten years.
pub const MAX_AGE_LIMIT_MINUTE: u32 = 10 * 366 * 24 * 60;

/// Checks a list name: 2 to 100 characters, letters, digits, `_` and `-`,
/// neither `_` nor `-` first or last (spec/logpoint-api.md §4).
pub fn valid_name(name: &str) -> bool {
    let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (2..=100).contains(&name.len())
        && name.bytes().all(ok)
        && !name.starts_with(['_', '-'])
        && !name.ends_with(['_', '-'])
}
