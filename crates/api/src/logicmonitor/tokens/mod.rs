//! API tokens (spec/logicmonitor-api.md §3): one endpoint per file.
//!
//! Beside the keys that LogicMonitor's clients know, tokens have `expiresOn`, `allowedIps`,
//! `scopes` and `rotatedTo`. A client that leaves them out changes nothing about them.

pub(super) mod change;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod list_of_user;
pub(super) mod read;
pub(super) mod replace;
pub(super) mod revoke;
pub(super) mod rotate;
pub(super) mod this;
pub(super) mod with_user;

mod authority;
mod draft;
mod limits;
mod query;
mod shape;

use super::call::Call;
use crate::error::{Error, Result};
use cresset_model::token::TokenKind;

/// The kind that the parameter `type` asks for.
fn kind(call: &Call) -> Result<TokenKind> {
    call.param("type").map_or(Ok(TokenKind::Lmv1), kind_named)
}

/// The kind of that name.
fn kind_named(text: &str) -> Result<TokenKind> {
    match text.trim().to_ascii_lowercase().as_str() {
        "api token" | "apitoken" | "lmv1" => Ok(TokenKind::Lmv1),
        "bearer" => Ok(TokenKind::Bearer),
        _ => Err(Error::Malformed(
            "type must be lmv1, which is also called \"API Token\", or bearer".to_owned(),
        )),
    }
}

fn no_token(id: i64) -> Error {
    Error::NotFound(format!("there is no API token with the id {id}"))
}

fn no_user(number: i64) -> Error {
    Error::NotFound(format!("there is no user with the id {number}"))
}
