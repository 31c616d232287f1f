//! The HTTP interface over a real catalog, event log, store and searcher.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test]")]

mod auth;
mod authorisation;
mod bad_requests;
mod docs_page;
mod explain;
mod incident_life;
mod incident_shapes;
mod incidents;
mod ingest;
mod instances;
mod instances_registered;
mod lists;
mod logicmonitor;
mod logicmonitor_accounts;
mod macros;
mod model;
mod moved;
mod native;
mod notification_checks;
mod notifications;
mod openapi;
mod openapi_bodies;
mod payloads;
mod payloads_credential;
mod payloads_jwt;
mod payloads_shape;
mod permissions;
mod preferences;
mod role_scopes;
mod routes;
mod rules;
mod scopes;
mod search;
mod search_page;
mod search_shapes;
mod searches;
mod shippers;
mod signed;
mod site;
mod tokens;
mod truncated;
mod wrong_types;
