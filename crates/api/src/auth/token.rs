//! Self-signed tokens on requests.

use super::signed_requests::Signed;
use super::{Caller, Kind, NOBODYS_KEY, Needs, Peer, Proven};
use crate::error::{Error, Result};
use crate::state::{Api, Context};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use cresset_auth::bearer::PREFIX;
use cresset_auth::jwt::{self, Claims, JwtError, Unverified};
use cresset_model::user::{Scope, Scopes, User};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

/// What a client reads for every token whose signer is not proven to be the user.
const INVALID: &str = "Invalid token";

/// A caller with a credential that has the scope `S`, and a role that permits it.
pub(crate) struct Authorized<S> {
    pub(crate) caller: Caller,
    /// What the credential is narrowed to; `None` for all that its owner may do.
    scopes: Option<Scopes>,
    scope: PhantomData<S>,
}

impl<S> Authorized<S> {
    /// Whether the credential has `scope` besides `S`; the caller's role is not looked at.
    pub(crate) fn credential_has(&self, scope: Scope) -> bool {
        self.scopes.is_none_or(|scopes| scopes.contains(scope))
    }
}

impl<S> std::ops::Deref for Authorized<S> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<S: Needs> FromRequestParts<Api> for Authorized<S> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self> {
        let Ok(Peer(peer)) = Peer::from_request_parts(parts, api).await;
        let proven = match parts.extensions.remove::<Signed>() {
            Some(Signed(proven)) => proven,
            None => api.prove_bearer(bearer(&parts.headers)?, peer).await?,
        };
        let scopes = proven.scopes;
        let caller = api.permit(proven, S::SCOPE).await?;
        Ok(Self {
            caller,
            scopes,
            scope: PhantomData,
        })
    }
}

/// The token of the one `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str> {
    let refuse = |text: &str| Err(Error::Unauthenticated(text.to_owned()));
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    let Some(first) = first else {
        return refuse("The header 'Authorization: Bearer <token>' is missing");
    };
    let value = first.to_str().unwrap_or_default();
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && second.is_none() => {
            Ok(token.trim())
        }
        _ => refuse(INVALID),
    }
}

impl Context {
    /// The caller behind a self-signed token, or a bearer token of LogicMonitor's kind.
    pub(crate) async fn prove_bearer(&self, token: &str, peer: IpAddr) -> Result<Proven> {
        if token.starts_with(PREFIX) {
            return self.prove_bearer_token(token, peer).await;
        }
        let unverified = match jwt::decode(token) {
            Ok(unverified) => unverified,
            Err(error) => {
                self.auth_failed(Kind::Token, "", peer, error.reason(), false)
                    .await?;
                return Err(Error::Unauthenticated(INVALID.to_owned()));
            }
        };
        let name = unverified.subject().to_owned();
        let (user, claims) = match self.verify(unverified, &name).await? {
            Ok(verified) => verified,
            Err(refusal) => {
                let guess = refusal.text == INVALID;
                self.auth_failed(Kind::Token, &name, peer, refusal.reason, guess)
                    .await?;
                return Err(Error::Unauthenticated(refusal.text));
            }
        };
        self.failures.succeeded(&name, peer);
        Ok(Proven {
            caller: Caller { user, peer },
            token: None,
            scopes: Some(claims.scope),
            seen: None,
        })
    }

    /// Checks the token against the user's key. The outer error is the server's failure.
    async fn verify(
        &self,
        unverified: Unverified<'_>,
        name: &str,
    ) -> Result<std::result::Result<(Arc<User>, Claims), Refusal>> {
        let (user, key) = match self.catalog.user_and_key(name).await? {
            Some((user, key)) => (Some(user), key),
            // An unknown user costs one HMAC too, so that names cannot be told by time.
            None => (None, Arc::clone(&NOBODYS_KEY)),
        };
        let settings = &self.settings;
        let (lifetime, leeway) = (settings.token_max_lifetime, settings.token_leeway);
        let outcome = unverified.verify(&key, self.now(), lifetime, leeway);
        Ok(match (outcome, user) {
            (Ok(claims), Some(user)) if !user.disabled => Ok((user, claims)),
            (Ok(_), Some(_)) => Err(Refusal::new("user_disabled", INVALID)),
            (_, None) => Err(Refusal::new("unknown_user", INVALID)),
            (Err(JwtError::Signature), _) => Err(Refusal::new("signature", INVALID)),
            (Err(JwtError::Expired), _) => Err(Refusal::new("expired", "Token has expired")),
            // Only the holder of the key reads these.
            (Err(error), _) => Err(Refusal::new(error.reason(), &error.to_string())),
        })
    }
}

/// Why a token was refused: for the record, and for the client.
struct Refusal {
    reason: &'static str,
    text: String,
}

impl Refusal {
    fn new(reason: &'static str, text: &str) -> Self {
        Self {
            reason,
            text: text.to_owned(),
        }
    }
}
