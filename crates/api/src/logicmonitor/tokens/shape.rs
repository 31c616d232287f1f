//! A token as clients see it (spec/logicmonitor-api.md §3.2, §3.3).

use cresset_model::role::Right;
use cresset_model::token::{ApiToken, TokenKind};
use cresset_model::{SecretString, Timestamp};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// `status` of a disabled token.
pub(super) const DISABLED: i64 = 1;
/// `status` of an enabled token.
pub(super) const ENABLED: i64 = 2;

/// A token with its keys, in their order. It may hold a secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shape<'a> {
    access_id: &'a str,
    access_key: Cow<'a, str>,
    admin_id: i64,
    admin_name: &'a str,
    allowed_ips: &'a [String],
    created_by: &'a str,
    created_on: i64,
    expires_on: i64,
    id: i64,
    last_auth_ip: &'a str,
    last_used_on: i64,
    note: &'a str,
    roles: &'a [String],
    rotated_to: Option<i64>,
    scopes: Option<&'a [String]>,
    status: i64,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    user_permission: Right,
}

impl Shape<'_> {
    /// As part of another object.
    pub(super) fn to_value(&self) -> Value {
        // It cannot fail, because all keys are texts.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The token without its secret.
pub(super) fn of(token: &ApiToken, right: Right) -> Shape<'_> {
    Shape {
        access_id: &token.access_id,
        access_key: masked(token),
        admin_id: token.user_number,
        admin_name: &token.user_name,
        allowed_ips: &token.networks,
        created_by: &token.created_by,
        created_on: token.created_at.secs(),
        expires_on: seconds(token.expires_at),
        id: token.id,
        last_auth_ip: &token.last_address,
        last_used_on: seconds(token.last_used_at),
        note: &token.note,
        roles: &token.roles,
        rotated_to: token.rotated_to,
        scopes: token.scopes.as_deref(),
        status: if token.disabled { DISABLED } else { ENABLED },
        kind: match token.kind {
            TokenKind::Lmv1 => None,
            TokenKind::Bearer => Some("bearer"),
        },
        user_permission: right,
    }
}

/// The token with its secret, which is shown this once.
pub(super) fn with_secret<'a>(
    token: &'a ApiToken,
    right: Right,
    secret: &'a SecretString,
) -> Shape<'a> {
    Shape {
        access_key: secret.expose().into(),
        ..of(token, right)
    }
}

/// Of a bearer token the beginning, by which its holder knows it again.
fn masked(token: &ApiToken) -> Cow<'_, str> {
    match token.kind {
        TokenKind::Lmv1 => "".into(),
        TokenKind::Bearer => format!("{}****", token.shown_key).into(),
    }
}

/// Seconds since 1970; 0 stands for never.
fn seconds(moment: Option<Timestamp>) -> i64 {
    moment.map_or(0, Timestamp::secs)
}
