//! Macros: named pieces of queries, written `` `NAME` `` or `` `NAME(argument)` ``.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// Most parameters of a macro.
pub const MAX_PARAMETERS: usize = 20;
/// Longest text of a macro in bytes.
pub const MAX_TEXT: usize = 64 << 10;
/// Longest description in bytes.
pub const MAX_DESCRIPTION: usize = 4_096;
/// Most macros of a server: all are kept in memory.
pub const MAX_MACROS: u64 = 1_000;

/// A piece of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Macro {
    /// Upper-case name, unique; its form is that of a [list](crate::list::valid_name)'s.
    pub name: String,
    /// Names that the text holds between dollar signs, and that a call gives texts for, in order.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// What stands for the name: a condition, commands behind pipes, or a whole query.
    pub text: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Last change.
    pub updated_at: Timestamp,
}

/// Checks the name of a parameter: 1 to 64 letters, digits and `_`, with a letter first.
pub fn valid_parameter(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
