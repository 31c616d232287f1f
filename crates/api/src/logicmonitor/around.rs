//! What happens around every request of this API: the version is read, errors get their
//! envelope, and every answer says how much of the quota is left.

use super::envelope::refusal;
use super::quota::Spent;
use super::resource;
use super::version::Version;
use crate::error::Error;
use crate::state::Api;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// What a handler has to know of a request before it reads it.
#[derive(Clone)]
pub(super) struct Terms {
    /// Which version of the API it asks for.
    pub(super) version: Version,
    /// What it spends of the quota.
    pub(super) spent: Spent,
}

/// Middleware; requests of the other APIs pass untouched.
pub(crate) async fn around(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    if resource(request.uri().path()).is_none() {
        return next.run(request).await;
    }
    let route = request.extensions().get::<MatchedPath>().cloned();
    let spent = Spent::new(route, request.method());
    let in_v1 = api.settings.v1_auth_failure;
    let mut response = match Version::of(request.headers(), request.uri().query()) {
        // Who asks for a version expects statuses, so not the oldest.
        Err(error) => refusal(&error, Version::V3, in_v1),
        Ok(version) => {
            let spent = spent.clone();
            request.extensions_mut().insert(Terms { version, spent });
            let mut response = next.run(request).await;
            match response.extensions_mut().remove::<Arc<Error>>() {
                Some(error) => refusal(&error, version, in_v1),
                None => response,
            }
        }
    };
    spent.announce(&api, response.headers_mut());
    response
}
