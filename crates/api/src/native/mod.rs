//! Our own endpoints. Errors are problem documents (RFC 9457).

pub(crate) mod attack_techniques;
pub(crate) mod deletions_begin;
pub(crate) mod deletions_read;
pub(crate) mod deliveries;
pub(crate) mod docs;
pub(crate) mod evaluations;
pub(crate) mod explain;
pub(crate) mod health;
pub(crate) mod incident_notify;
pub(crate) mod ingest;
pub(crate) mod instances_add;
pub(crate) mod instances_list;
pub(crate) mod instances_remove;
pub(crate) mod lists;
pub(crate) mod lists_all;
pub(crate) mod lists_delete;
pub(crate) mod lists_read;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod repos_create;
pub(crate) mod repos_list;
pub(crate) mod resend;
pub mod schemas;
pub(crate) mod search_page;
