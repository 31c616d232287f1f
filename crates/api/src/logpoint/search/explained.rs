//! How a search is done, and what it looked at.

use cresset_query::{LookedAt, Plan};
use serde_json::{Value, json};

/// The explanation of a plan, with what a run of it looked at, if there was one.
pub(crate) fn explained(plan: &Plan, looked_at: Option<&LookedAt>) -> Value {
    // Texts and numbers always have a form in JSON.
    let mut reply = serde_json::to_value(plan.explanation()).unwrap_or_else(|_| json!({}));
    reply["looked_at"] = json!(looked_at);
    reply
}
