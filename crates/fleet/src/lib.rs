//! Other instances, of Cresset or of anything that speaks Logpoint's API: a client of
//! their public endpoints, and the roll-out of alert rules to them.
//!
//! - [`document`]: an alert rule as people keep it in a file, and its way to the wire and back.
//! - [`member`]: one instance with its credentials; retries and what may be retried.
//! - [`rules_api`]: the endpoints for rules, notifications and lists.
//! - [`plan`]: what would have to change on an instance. Pure.
//! - [`rollout`]: reads what an instance has and carries a plan out.

pub mod document;
pub mod member;
mod multipart;
pub mod plan;
pub mod rollout;
pub mod rules_api;

pub use member::{Error, Member};
