//! Who sends a request, and whether they may.

mod api_token;
mod basic;
mod credential;
mod failures;
mod guesses;
mod last_use;
mod permit;
mod replays;
mod scheme;
mod signed;
mod signed_requests;
mod token;

use crate::error::{self, Error};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use cresset_auth::signing_key::SigningKey;
use cresset_model::SecretString;
use cresset_model::user::{Scope, User};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};

pub(crate) use api_token::Proven;
#[cfg(test)]
pub(crate) use api_token::a_token;
pub(crate) use credential::CredentialRequest;
pub(crate) use failures::{Failures, Kind};
pub(crate) use guesses::Guesses;
pub(crate) use last_use::LastUses;
pub(crate) use replays::Replays;
pub(crate) use scheme::{Credential, credential};
pub(crate) use signed::{Arriving, prove_signed};
pub(crate) use signed_requests::prove;
pub(crate) use token::Authorized;
pub(crate) use token::bearer;

/// What is checked in place of the key of somebody unknown, as long as a user's. Nothing that
/// fits it is believed.
static NOBODYS_KEY: LazyLock<Arc<SigningKey>> =
    LazyLock::new(|| Arc::new(SigningKey::new(SecretString::new("0".repeat(32)))));

/// Somebody who proved who they are.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user.
    pub user: Arc<User>,
    /// Where the request came from.
    pub peer: IpAddr,
}

impl Caller {
    /// True for administrators, who see what belongs to others.
    pub fn is_administrator(&self) -> bool {
        self.user.roles.iter().any(|role| role == "administrator")
    }

    /// Lets only administrators pass; `act` follows the words "Only administrators".
    pub(crate) fn demand_administrator(&self, act: &str) -> error::Result<()> {
        if self.is_administrator() {
            return Ok(());
        }
        Err(Error::Forbidden(format!("Only administrators {act}")))
    }
}

/// A scope as a type, so that a handler's signature says what it asks for.
pub trait Needs: Send + Sync + 'static {
    /// The scope.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($name:ident),*) => {$(
        #[doc = concat!("Asks for [`Scope::", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

needs!(
    SearchRead,
    SearchWrite,
    LogsourceRead,
    LogsWrite,
    LogsDelete,
    AlertrulesRead,
    AlertrulesWrite
);

/// The address of the other end; unspecified if the server does not know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(
            info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip()),
        ))
    }
}
