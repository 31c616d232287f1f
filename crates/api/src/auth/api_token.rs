//! What LMv1 keys and bearer tokens have in common: who may still use one, and from where.

use super::{Caller, Kind};
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_auth::bearer::BearerToken;
use cresset_auth::networks::Networks;
use cresset_catalog::port::Moment;
use cresset_model::Timestamp;
use cresset_model::token::{ApiToken, TokenKind};
use cresset_model::user::{Scopes, User};
use std::net::IpAddr;
use std::sync::Arc;

/// The one text for every cause.
pub(super) const FAILED: &str = "Authentication failed";

/// Somebody who proved who they are, and with what.
#[derive(Clone)]
pub(crate) struct Proven {
    /// Who it is.
    pub(crate) caller: Caller,
    /// The API token that was used; `None` for a self-signed token or a password.
    pub(crate) token: Option<Arc<ApiToken>>,
    /// What the credential is narrowed to; `None` for all that its owner may do.
    pub(crate) scopes: Option<Scopes>,
    /// When all that was so, if the catalog said.
    pub(crate) seen: Option<Moment>,
}

impl Proven {
    /// What kind of credential it was.
    pub(super) fn kind(&self) -> Kind {
        match self.token.as_ref().map(|token| token.kind) {
            Some(TokenKind::Lmv1) => Kind::Signature,
            Some(TokenKind::Bearer) => Kind::Bearer,
            None => Kind::Token,
        }
    }
}

/// Why a token is refused although it exists, as a constant word for metrics and the audit
/// log.
pub(super) fn unusable(
    user: &User,
    token: &ApiToken,
    peer: IpAddr,
    now: Timestamp,
) -> Option<&'static str> {
    if token.disabled {
        Some("token_disabled")
    } else if !token.is_usable(now) {
        Some("token_expired")
    } else if user.disabled {
        Some("user_disabled")
    } else if !permits(&token.networks, peer) {
        Some("network")
    } else {
        None
    }
}

/// Almost all tokens are usable from everywhere. A list that does not read permits nobody.
fn permits(networks: &[String], peer: IpAddr) -> bool {
    networks.is_empty() || Networks::parse(networks).is_ok_and(|networks| networks.permits(peer))
}

/// Scopes that this server does not know give nothing.
pub(super) fn scopes_of(token: &ApiToken) -> Option<Scopes> {
    let words = token.scopes.as_ref()?;
    Some(words.iter().filter_map(|word| word.parse().ok()).collect())
}

impl Context {
    /// The caller behind a bearer token of LogicMonitor's kind.
    pub(super) async fn prove_bearer_token(&self, text: &str, peer: IpAddr) -> Result<Proven> {
        let refuse = || Error::Unauthenticated(FAILED.to_owned());
        let token = match BearerToken::parse(text) {
            Ok(token) => token,
            Err(error) => {
                self.auth_failed(Kind::Bearer, "", peer, error.reason(), false)
                    .await?;
                return Err(refuse());
            }
        };
        let shown = token.shown();
        let Some((user, found)) = self.catalog.bearer_token(&token.sha256()).await? else {
            self.auth_failed(Kind::Bearer, shown, peer, "unknown_token", true)
                .await?;
            return Err(refuse());
        };
        if let Some(reason) = unusable(&user, &found, peer, self.now()) {
            self.auth_failed(Kind::Bearer, shown, peer, reason, false)
                .await?;
            return Err(refuse());
        }
        self.failures.succeeded(shown, peer);
        self.token_used(&found, peer).await;
        Ok(Proven {
            caller: Caller { user, peer },
            scopes: scopes_of(&found),
            token: Some(found),
            seen: None,
        })
    }

    /// Records that a request carries no credential that can be looked at, and says what the
    /// client reads.
    pub(crate) async fn no_credential(&self, peer: IpAddr, reason: &'static str) -> Error {
        let recorded = self
            .auth_failed(Kind::Header, "", peer, reason, false)
            .await;
        recorded.map_or_else(|e| e, |()| Error::Unauthenticated(FAILED.to_owned()))
    }
}

/// A token for tests: user ann's, without limits.
#[cfg(test)]
pub(crate) fn a_token() -> ApiToken {
    use cresset_model::ObjectId;
    ApiToken {
        id: 1,
        kind: TokenKind::Lmv1,
        access_id: "a".to_owned(),
        shown_key: String::new(),
        user_id: ObjectId::from_bytes([1; 12]),
        user_number: 1,
        user_name: "ann".to_owned(),
        roles: Vec::new(),
        note: String::new(),
        disabled: false,
        created_at: Timestamp(0),
        created_by: String::new(),
        last_used_at: None,
        last_address: String::new(),
        expires_at: None,
        scopes: None,
        networks: Vec::new(),
        rotated_to: None,
    }
}
