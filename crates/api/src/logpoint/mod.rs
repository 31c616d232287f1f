//! Logpoint's API (spec/logpoint-api.md).

pub mod alert_rules;
pub(crate) mod fields;
pub mod incidents;
pub mod lists;
pub mod notifications;
pub(crate) mod repo_address;
pub mod repos;
pub mod schemas;
pub mod search;
