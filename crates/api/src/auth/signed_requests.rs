//! Signed requests (LMv1) to the endpoints that take a token.
//!
//! A signature covers the body, which a handler reads after it knows the caller. So it is
//! proven around the handler, which finds the caller here.

use super::scheme::{Credential, credential};
use super::signed::{Arriving, prove_signed};
use super::{Peer, Proven};
use crate::body;
use crate::budget::Held;
use crate::endpoints::{ENDPOINTS, Endpoint, INGEST};
use crate::error::Result;
use crate::logicmonitor;
use crate::state::Api;
use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Whoever signed the request.
#[derive(Clone)]
pub(super) struct Signed(pub(super) Proven);

/// Middleware; only requests with a signature, to an endpoint that takes a token, are looked at.
pub(crate) async fn prove(State(api): State<Api>, request: Request, next: Next) -> Response {
    let Some((endpoint, value)) = signed_for(&request) else {
        return next.run(request).await;
    };
    match proven(&api, endpoint, &value, request).await {
        Ok((request, held)) => {
            let response = next.run(request).await;
            drop(held);
            response
        }
        Err(error) => error.into_response(),
    }
}

/// The endpoint that takes a token, and the header of the signature.
fn signed_for(request: &Request) -> Option<(&'static Endpoint, String)> {
    // Its handlers prove their callers themselves.
    if logicmonitor::resource(request.uri().path()).is_some() {
        return None;
    }
    let Ok(Credential::Signed(value)) = credential(request.headers()) else {
        return None;
    };
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    let method = request.method().as_str();
    let endpoint = ENDPOINTS.iter().find(|e| e.serves(method, route))?;
    let takes_tokens = endpoint.access.scope().is_some() && endpoint.path != INGEST;
    takes_tokens.then(|| (endpoint, value.to_owned()))
}

/// The request with its caller, and what its body takes up until the answer is there.
async fn proven(
    api: &Api,
    endpoint: &Endpoint,
    value: &str,
    request: Request,
) -> Result<(Request, Held)> {
    let (mut parts, body) = request.into_parts();
    let Ok(Peer(peer)) = Peer::from_request_parts(&mut parts, api).await;
    let settings = &api.settings;
    let limit = match endpoint.path {
        // Of files of lists no more is held for a stranger than of logs.
        "/UserDefinedList/import_api" => {
            settings.max_body_bytes.max(settings.max_ingest_body_bytes)
        }
        _ => settings.max_body_bytes,
    };
    let arriving = Arriving {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        peer,
        body,
        limit,
        budget: &api.ingest_budget,
    };
    let (proven, bytes, held) = prove_signed(api, value, arriving).await?;
    // The handler does not look at it.
    if parts.method.is_safe() || parts.method == Method::DELETE {
        body::demand_json(&bytes)?;
    }
    parts.extensions.insert(Signed(proven));
    Ok((Request::from_parts(parts, Body::from(bytes)), held))
}
