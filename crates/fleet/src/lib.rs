//! Other instances, of Cresset or of anything that speaks Logpoint's API: a client of
//! their public endpoints, and the roll-out of alert rules to them.
//!
//! - [`document`]: an alert rule as people keep it in a file, and its way to the wire and back.
//! - [`member`]: one instance with its credentials; retries and what may be retried.
//! - [`health`]: how an instance is, and which repos it has.
//! - [`members`]: the instances that are registered, and how they are watched.
//! - [`search`]: one search over several instances.
//! - [`rules_api`]: the endpoints for rules, notifications and lists.
//! - [`plan`]: what would have to change on an instance. Pure.
//! - [`rollout`]: reads what an instance has and carries a plan out.

mod abreast;
pub mod document;
pub mod health;
pub mod member;
pub mod members;
mod multipart;
pub mod plan;
pub mod rollout;
pub mod rules_api;
pub mod search;
mod silence;

pub use member::{Error, Member};
pub use members::Members;
pub use search::FleetSearcher;
