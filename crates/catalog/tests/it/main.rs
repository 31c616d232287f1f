//! What a catalog promises, tested against `&dyn Catalog`, and what the SQLite
//! adapter promises besides.
//!
//! A module per port trait holds functions over `&dyn Catalog`; [`conformance!`]
//! makes each a test on a fresh catalog of every adapter.

// The lints' own exception reaches functions marked as tests, not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// Makes each function a test on every adapter.
macro_rules! conformance {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                let (_dir, catalog) = crate::support::sqlite().await;
                super::$name(&catalog).await;
            })*
        }
    };
}

mod accounts;
mod audit_chain;
mod deliveries;
mod dynamic_lists;
mod faults;
mod files;
mod groups;
mod incident_acts;
mod incidents;
mod instances;
mod lists;
mod macros;
mod many_tokens;
mod migration;
mod notifications;
mod repos;
mod roles;
mod rule_list;
mod rules;
mod sealing;
mod speed;
mod sqlite_file;
mod support;
mod token_care;
mod token_changes;
mod token_lists;
mod tokens;
mod users;
