//! Macros of queries.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Macros.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MacrosReply {
    /// Those of the page, by name.
    pub macros: Vec<MacroRow>,
    /// How many there are.
    pub total: u64,
}

/// A named piece of a query.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MacroRow {
    /// Its name.
    #[schema(example = "FAILED_LOGINS")]
    pub name: String,
    /// The names between dollar signs that a call gives texts for, in order.
    #[schema(example = json!(["user"]))]
    pub parameters: Vec<String>,
    /// What stands for it.
    #[schema(example = "label=Login label=Fail user=$user$")]
    pub text: String,
    /// For people.
    pub description: String,
    /// Last change, RFC 3339.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Active rules that call it; only after a change.
    pub rules: Option<u64>,
}

/// A macro to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewMacro {
    /// A condition, commands behind pipes, or a whole query; at most 64 KiB.
    #[schema(example = "label=Login label=Fail user=$user$")]
    pub text: String,
    /// The names between dollar signs that a call gives texts for; none if not given.
    #[schema(max_items = 20, example = json!(["user"]))]
    pub parameters: Option<Vec<String>>,
    /// For people.
    pub description: Option<String>,
}
