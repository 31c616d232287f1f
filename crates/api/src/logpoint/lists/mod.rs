//! Logpoint's user-defined lists (spec/logpoint-api.md §4).

pub mod file;
pub(crate) mod import;
pub(crate) mod lists_api;
