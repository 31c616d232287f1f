//! A token as clients see it (spec/logicmonitor-api.md §3.2, §3.3).

use cresset_model::role::Right;
use cresset_model::token::{ApiToken, TokenKind};
use cresset_model::{SecretString, Timestamp};
use serde_json::{Value, json};

/// `status` of a disabled token.
pub(super) const DISABLED: i64 = 1;
/// `status` of an enabled token.
pub(super) const ENABLED: i64 = 2;

/// The token without its secret.
pub(super) fn of(token: &ApiToken, right: Right) -> Value {
    let status = if token.disabled { DISABLED } else { ENABLED };
    let kind = match token.kind {
        TokenKind::Lmv1 => Value::Null,
        TokenKind::Bearer => "bearer".into(),
    };
    json!({
        "id": token.id,
        "accessId": token.access_id,
        "accessKey": masked(token),
        "adminId": token.user_number,
        "adminName": token.user_name,
        "roles": token.roles,
        "status": status,
        "note": token.note,
        "createdOn": token.created_at.secs(),
        "createdBy": token.created_by,
        "lastUsedOn": seconds(token.last_used_at),
        "lastAuthIp": token.last_address,
        "userPermission": right.as_str(),
        "type": kind,
        "expiresOn": seconds(token.expires_at),
        "allowedIps": token.networks,
        "scopes": token.scopes,
        "rotatedTo": token.rotated_to,
    })
}

/// The token with its secret, which is shown this once.
pub(super) fn with_secret(token: &ApiToken, right: Right, secret: &SecretString) -> Value {
    let mut object = of(token, right);
    object["accessKey"] = secret.expose().into();
    object
}

/// Of a bearer token the beginning, by which its holder knows it again.
fn masked(token: &ApiToken) -> String {
    match token.kind {
        TokenKind::Lmv1 => String::new(),
        TokenKind::Bearer => format!("{}****", token.shown_key),
    }
}

/// Seconds since 1970; 0 stands for never.
fn seconds(moment: Option<Timestamp>) -> i64 {
    moment.map_or(0, Timestamp::secs)
}
