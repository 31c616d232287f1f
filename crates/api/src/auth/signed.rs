//! LMv1 signatures on requests.
//!
//! Two steps, because the signature covers the body: [`signer`] finds out before the body
//! is read whether somebody known claims to have signed, so that a stranger cannot make
//! the server hold a large body; [`Signer::verify`] proves it afterwards.

use super::api_token::{FAILED, scopes_of, unusable};
use super::{Caller, Kind, Proven};
use crate::budget::Holder;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_auth::lmv1::{self, Lmv1Error, SignedRequest};
use cresset_model::token::ApiToken;
use cresset_model::user::{Scope, User};
use cresset_model::{SecretString, Timestamp};
use std::net::IpAddr;

/// Somebody who claims to have signed a request.
pub(crate) struct Signer {
    header: String,
    user: User,
    token: ApiToken,
    key: SecretString,
    peer: IpAddr,
}

/// Looks up who claims to have signed with the header value `value`.
pub(crate) async fn signer(api: &Context, value: &str, peer: IpAddr) -> Result<Signer> {
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
        Some((user, token, _)) => unusable(user, token, peer, api.now()),
    };
    match (found, reason) {
        (Some((user, token, key)), None) => Ok(Signer {
            header: value.to_owned(),
            user,
            token,
            key,
            peer,
        }),
        (_, reason) => {
            // The same work as for a known id, so that ids cannot be told by time.
            let request = SignedRequest {
                method: "GET",
                path: "/",
                body: b"",
            };
            let key = SecretString::new("no such token");
            let _ = header.verify(&key, &request, Timestamp::MIN);
            let (id, reason) = (header.access_id, reason.unwrap_or("unknown_token"));
            api.auth_failed(Kind::Signature, id, peer, reason, true)
                .await?;
            Err(refuse())
        }
    }
}

impl Signer {
    /// Whom an unproven body is charged to: its sender's address, and the one whose id it
    /// bears. An id is no secret.
    pub(crate) fn holders(&self) -> Vec<Holder> {
        vec![
            Holder::Unproven,
            Holder::peer(self.peer),
            Holder::AccessId(self.access_id().to_owned()),
        ]
    }

    /// Records that a body did not arrive whole, so that nobody was proven.
    pub(crate) async fn abandoned(&self, api: &Context) -> Result<()> {
        let (id, reason) = (self.access_id(), "body_incomplete");
        api.auth_failed(Kind::Signature, id, self.peer, reason, false)
            .await
    }

    fn access_id(&self) -> &str {
        lmv1::parse(&self.header).map_or("", |header| header.access_id)
    }

    /// The caller, if the signature fits the request and the user's role has `scope`.
    pub(crate) async fn verify(
        self,
        api: &Context,
        request: &SignedRequest<'_>,
        scope: Scope,
    ) -> Result<Caller> {
        let proven = self.prove(api, request).await?;
        api.permit(proven, scope).await
    }

    /// The caller, if the signature fits the request.
    pub(crate) async fn prove(self, api: &Context, request: &SignedRequest<'_>) -> Result<Proven> {
        let now = api.now();
        let outcome = lmv1::parse(&self.header).and_then(|header| {
            header.verify(&self.key, request, now)?;
            api.replays.admit(&header, now)
        });
        if let Err(error) = outcome {
            let (id, guess) = (self.access_id(), error == Lmv1Error::Signature);
            api.auth_failed(Kind::Signature, id, self.peer, error.reason(), guess)
                .await?;
            return Err(match error {
                Lmv1Error::ClockSkew => Error::ClockSkew { server_time: now },
                _ => Error::Unauthenticated(FAILED.to_owned()),
            });
        }
        api.failures.succeeded(self.access_id(), self.peer);
        api.token_used(&self.token, self.peer).await;
        let (user, peer) = (self.user, self.peer);
        Ok(Proven {
            caller: Caller { user, peer },
            scopes: scopes_of(&self.token),
            token: Some(self.token),
        })
    }
}
