//! The table of all settings, in the order in which `cresset check` shows them.

mod access;
mod events;
mod server;

use super::kinds::{Kind, Setting};

/// The parts of the server that a node may run.
pub(crate) const ROLES: [&str; 5] = ["ingest", "detect", "search", "control", "notify"];

/// Every setting there is.
pub(crate) fn settings() -> impl Iterator<Item = &'static Setting> + Clone {
    server::SETTINGS
        .iter()
        .chain(events::SETTINGS)
        .chain(access::SETTINGS)
}

const fn s(key: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Setting {
    Setting {
        key,
        kind,
        default,
        help,
    }
}
