//! LMv1 signatures on requests.
//!
//! Two steps, because the signature covers the body: before the body is read it is found out
//! whether somebody known claims to have signed, so that a stranger cannot make the server
//! hold a large body; afterwards it is proven.

use super::api_token::{FAILED, scopes_of, unusable};
use super::{Caller, Kind, NOBODYS_KEY, Proven};
use crate::body;
use crate::budget::{Budget, Held, Holder};
use crate::error::{Error, Result};
use crate::state::Context;
use axum::body::Body;
use bytes::Bytes;
use cresset_auth::lmv1::{self, Lmv1Error, SignedHeader, SignedRequest};
use cresset_catalog::port::SigningToken;
use cresset_model::Timestamp;
use hyper::body::Body as _;
use std::net::IpAddr;
use std::sync::Arc;

/// A request whose body is on its way.
pub(crate) struct Arriving<'a> {
    /// The method in upper case.
    pub(crate) method: &'a str,
    /// The path that is signed.
    pub(crate) path: &'a str,
    /// Where it comes from.
    pub(crate) peer: IpAddr,
    /// The body.
    pub(crate) body: Body,
    /// Most bytes of it.
    pub(crate) limit: usize,
    /// Where there is room for it.
    pub(crate) budget: &'a Arc<Budget>,
}

/// The caller who signed with the header value `value`, and the body with the room that it
/// takes up.
pub(crate) async fn prove_signed(
    api: &Context,
    value: &str,
    arriving: Arriving<'_>,
) -> Result<(Proven, Bytes, Held)> {
    let Arriving {
        method, path, peer, ..
    } = arriving;
    // Before anybody's name is looked up, so that the answer does not tell who is known.
    body::refuse_announced(&arriving.body, arriving.limit)?;
    let signer = signer(api, value, peer).await?;
    // What has no body takes up no room.
    let holders = if arriving.body.is_end_stream() {
        Vec::new()
    } else {
        signer.holders()
    };
    let mut held = arriving.budget.hold(holders);
    let read = body::read(api, arriving.body, arriving.limit, Some(&mut held));
    let body = match read.await {
        Ok(body) => body,
        Err(error) => {
            signer.abandoned(api).await?;
            return Err(error);
        }
    };
    let request = SignedRequest {
        method,
        path,
        body: &body,
    };
    let proven = signer.prove(api, &request).await?;
    held.proven();
    Ok((proven, body, held))
}

/// Somebody who claims to have signed a request.
struct Signer<'a> {
    header: SignedHeader<'a>,
    found: SigningToken,
    peer: IpAddr,
}

/// Looks up who claims to have signed with the header value `value`.
async fn signer<'a>(api: &Context, value: &'a str, peer: IpAddr) -> Result<Signer<'a>> {
    let refuse = || Error::Unauthenticated(FAILED.to_owned());
    let Ok(header) = lmv1::parse(value) else {
        let reason = Lmv1Error::Malformed.reason();
        api.auth_failed(Kind::Signature, "", peer, reason, false)
            .await?;
        return Err(refuse());
    };
    let found = api.catalog.signing_token(header.access_id).await?;
    let reason = match &found {
        None => Some("unknown_token"),
        Some(found) => unusable(&found.user, &found.token, peer, api.now()),
    };
    match (found, reason) {
        (Some(found), None) => Ok(Signer {
            header,
            found,
            peer,
        }),
        (_, reason) => {
            // The same work as for a known id, so that ids cannot be told by time.
            let request = SignedRequest {
                method: "GET",
                path: "/",
                body: b"",
            };
            let _ = header.verify(&NOBODYS_KEY, &request, Timestamp::MIN);
            let (id, reason) = (header.access_id, reason.unwrap_or("unknown_token"));
            api.auth_failed(Kind::Signature, id, peer, reason, true)
                .await?;
            Err(refuse())
        }
    }
}

impl Signer<'_> {
    /// Whom an unproven body is charged to: its sender's address, and the one whose id it
    /// bears. An id is no secret.
    fn holders(&self) -> Vec<Holder> {
        vec![
            Holder::Unproven,
            Holder::peer(self.peer),
            Holder::AccessId(self.header.access_id.to_owned()),
        ]
    }

    /// Records that a body did not arrive whole, so that nobody was proven.
    async fn abandoned(&self, api: &Context) -> Result<()> {
        let (id, reason) = (self.header.access_id, "body_incomplete");
        api.auth_failed(Kind::Signature, id, self.peer, reason, false)
            .await
    }

    /// The caller, if the signature fits the request.
    async fn prove(self, api: &Context, request: &SignedRequest<'_>) -> Result<Proven> {
        let (now, header) = (api.now(), &self.header);
        let fits = header.verify(&self.found.key, request, now);
        if let Err(error) = fits.and_then(|()| api.replays.admit(header, now)) {
            let (id, guess) = (header.access_id, error == Lmv1Error::Signature);
            api.auth_failed(Kind::Signature, id, self.peer, error.reason(), guess)
                .await?;
            return Err(match error {
                Lmv1Error::ClockSkew => Error::ClockSkew { server_time: now },
                _ => Error::Unauthenticated(FAILED.to_owned()),
            });
        }
        api.failures.succeeded(header.access_id, self.peer);
        let peer = self.peer;
        let SigningToken {
            user, token, seen, ..
        } = self.found;
        let written = api.token_used(&token, peer).await;
        Ok(Proven {
            caller: Caller { user, peer },
            scopes: scopes_of(&token),
            token: Some(token),
            // Neither its own write nor a body that took long may be later than what is read.
            seen: (request.body.is_empty() && !written).then_some(seen),
        })
    }
}
