//! Who may do what, and how often.

use super::super::kinds::{Kind, Setting};
use super::s;
use cresset_auth::quota::MAX_LIMIT;

pub(super) const SETTINGS: &[Setting] = &[
    s(
        "auth.max_token_lifetime",
        Kind::Duration,
        "\"24h\"",
        "longest life of a self-signed token",
    ),
    s(
        "auth.clock_leeway",
        Kind::Duration,
        "\"60s\"",
        "how far a client's clock may be off",
    ),
    s(
        "auth.basic",
        Kind::Bool,
        "false",
        "let users name themselves by user name and password (Basic) in version 1 of LogicMonitor's API",
    ),
    s(
        "auth.replay",
        Kind::Choice(&["off", "reject"]),
        "\"off\"",
        "reject a signed request (LMv1) that comes a second time",
    ),
    s(
        "sealing.key_command",
        Kind::Text,
        "\"\"",
        "command that prints the keys which seal stored secrets; empty means DIR/sealing.key",
    ),
    s(
        "logicmonitor.v1_auth_failure",
        Kind::Choice(&["200/1401", "200/403", "401/1401"]),
        "\"200/1401\"",
        "how version 1 tells a failed authentication: HTTP status / status in the body",
    ),
    s(
        "logicmonitor.strict_put",
        Kind::Bool,
        "false",
        "PUT of an API token keeps status and note where they are absent, instead of 2 and empty",
    ),
    s(
        "tokens.per_user",
        Kind::Int(1, 1000),
        "100",
        "most API tokens of a user",
    ),
    s(
        "tokens.idle_days",
        Kind::Int(0, 36500),
        "0",
        "days without use after which API tokens are disabled; 0 is never",
    ),
    s(
        "tokens.mail_owner",
        Kind::Bool,
        "true",
        "mail the owner of API tokens what happens to them, if smtp.host is set",
    ),
    s(
        "quota.get",
        Kind::Int(1, MAX_LIMIT as u64),
        "500",
        "GET requests per minute to each endpoint of /santaba/rest",
    ),
    s(
        "quota.post",
        Kind::Int(1, MAX_LIMIT as u64),
        "200",
        "POST requests per minute to each endpoint of /santaba/rest",
    ),
    s(
        "quota.put",
        Kind::Int(1, MAX_LIMIT as u64),
        "200",
        "PUT requests per minute to each endpoint of /santaba/rest",
    ),
    s(
        "quota.patch",
        Kind::Int(1, MAX_LIMIT as u64),
        "250",
        "PATCH requests per minute to each endpoint of /santaba/rest",
    ),
    s(
        "quota.delete",
        Kind::Int(1, MAX_LIMIT as u64),
        "300",
        "DELETE requests per minute to each endpoint of /santaba/rest",
    ),
];
