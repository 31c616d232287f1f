//! LMv1 signatures on requests.
//!
//! Two steps, because the signature covers the body: [`signer`] finds out before the body
//! is read whether somebody known claims to have signed, so that a stranger cannot make
//! the server hold a large body; [`Signer::verify`] proves it afterwards.

use super::{Caller, Kind};
use crate::budget::Holder;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_auth::lmv1::{self, Lmv1Error, SignedRequest};
use cresset_model::user::{Scope, User};
use cresset_model::{SecretString, Timestamp};
use std::net::IpAddr;

/// The one text for every cause.
const FAILED: &str = "Authentication failed";

/// Somebody who claims to have signed a request.
pub(crate) struct Signer {
    header: String,
    user: User,
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
    let found = match api.catalog.api_token(header.access_id).await? {
        Some((token, key)) if !token.disabled => api
            .catalog
            .user_by_id(token.user_id)
            .await?
            .map(|user| (user, key)),
        _ => None,
    };
    let Some((user, key)) = found.filter(|(user, _)| !user.disabled) else {
        // The same work as for a known id, so that ids cannot be told by time.
        let request = SignedRequest {
            method: "GET",
            path: "/",
            body: b"",
        };
        let _ = header.verify(
            &SecretString::new("no such token"),
            &request,
            Timestamp::MIN,
        );
        api.auth_failed(
            Kind::Signature,
            header.access_id,
            peer,
            "unknown_token",
            true,
        )
        .await?;
        return Err(refuse());
    };
    Ok(Signer {
        header: value.to_owned(),
        user,
        key,
        peer,
    })
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

    /// The caller, if the signature fits the request.
    pub(crate) async fn verify(
        self,
        api: &Context,
        request: &SignedRequest<'_>,
        scope: Scope,
    ) -> Result<Caller> {
        let outcome = lmv1::parse(&self.header).and_then(|header| {
            header
                .verify(&self.key, request, api.now())
                .map(|()| header)
        });
        let header = match outcome {
            Ok(header) => header,
            Err(error) => {
                let guess = error == Lmv1Error::Signature;
                api.auth_failed(
                    Kind::Signature,
                    self.access_id(),
                    self.peer,
                    error.reason(),
                    guess,
                )
                .await?;
                return Err(Error::Unauthenticated(FAILED.to_owned()));
            }
        };
        api.failures.succeeded(header.access_id, self.peer);
        api.permit(&self.user, None, scope, self.peer).await?;
        Ok(Caller {
            user: self.user,
            peer: self.peer,
        })
    }
}
