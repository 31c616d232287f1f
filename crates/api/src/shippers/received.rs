//! Requests whose callers may send logs, with their bodies.

use super::token::token;
use crate::auth::Peer;
use crate::body::{self, Params};
use crate::budget::Held;
use crate::error::{Error, Result};
use crate::native::ingest::authorized::authorized_body;
use crate::native::ingest::refused;
use crate::state::{Api, Context};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use bytes::Bytes;
use cresset_ingest::decompress::Encoding;
use cresset_ingest::shippers::{Format, Receipt, Shipment};
use cresset_model::repo::{DEFAULT_REPO, OWN_REPO};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A request of somebody who may send logs.
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) params: BTreeMap<String, String>,
    pub(super) body: Bytes,
    peer: IpAddr,
    held: Held,
}

impl FromRequest<Api> for Received {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let Ok(Peer(peer)) = Peer::from_request_parts(&mut parts, api).await;
        let Params(params) = Params::from_request_parts(&mut parts, api).await?;
        let (_, body, held) = authorized_body(api, &parts, peer, body, token).await?;
        // A signature does not separate path and body, and no handler looks at this one.
        if parts.method.is_safe() {
            body::demand_json(&body)?;
        }
        Ok(Self {
            headers: parts.headers,
            params,
            body,
            peer,
            held,
        })
    }
}

impl Received {
    /// A header's text, empty if there is none that reads.
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default()
    }

    /// How the body is encoded, as `Content-Encoding` says.
    pub(super) fn encoding(&self) -> Result<Encoding> {
        let encoding = Encoding::parse(Some(self.header(CONTENT_ENCODING.as_str())));
        encoding.map_err(|e| refused(e.into()))
    }

    /// Stores the body: in the repo of the query string if there is one, else in that of
    /// `tenant` if it exists, else in `default`. An entry that names a repo goes there.
    pub(super) async fn store(
        self,
        api: &Context,
        format: Format,
        encoding: Encoding,
        tenant: Option<String>,
    ) -> Result<Receipt> {
        let asked = self.params.get("repo");
        // Whoever may send logs must not be able to forge the server's own.
        if asked.is_some_and(|repo| repo == OWN_REPO) {
            let message =
                format!("the repo {OWN_REPO} holds the server's own log; send to another");
            return Err(Error::Forbidden(message));
        }
        let shipment = Shipment {
            repo: asked.map_or(DEFAULT_REPO, String::as_str).to_owned(),
            tenant: tenant.filter(|_| asked.is_none()),
            format,
            encoding,
            body: self.body,
            peer: self.peer,
        };
        let stored = api.ingestor.ingest_shipment(shipment, self.held).await;
        stored.map_err(refused)
    }
}
