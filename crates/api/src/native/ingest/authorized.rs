//! Who sends logs, and what.

use crate::auth::{Arriving, Caller, Credential, credential, prove_signed};
use crate::body;
use crate::budget::Held;
use crate::error::Result;
use crate::state::Context;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use bytes::Bytes;
use cresset_model::user::Scope;
use std::borrow::Cow;
use std::net::IpAddr;

/// Where a protocol has the token of a request that is not signed.
pub(crate) type TokenOf = fn(&HeaderMap) -> Result<Cow<'_, str>>;

/// Proves the caller and reads the body, in the order that costs a stranger most
/// and the server least.
pub(crate) async fn authorized_body(
    api: &Context,
    parts: &Parts,
    peer: IpAddr,
    body: Body,
    token: TokenOf,
) -> Result<(Caller, Bytes, Held)> {
    let scope = Scope::LogsWrite;
    let limit = api.settings.max_ingest_body_bytes;
    // Before anybody's name is looked up, so that the answer does not tell who is known.
    body::refuse_announced(&body, limit)?;
    if let Ok(Credential::Signed(value)) = credential(&parts.headers) {
        let arriving = Arriving {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            peer,
            body,
            limit,
            budget: &api.ingest_budget,
        };
        let (proven, body, held) = prove_signed(api, value, arriving).await?;
        return Ok((api.permit(proven, scope).await?, body, held));
    }
    let proven = api.prove_bearer(&token(&parts.headers)?, peer).await?;
    let caller = api.permit(proven, scope).await?;
    let mut held = api.ingest_budget.hold(Vec::new());
    let body = body::read(api, body, limit, Some(&mut held)).await?;
    Ok((caller, body, held))
}
