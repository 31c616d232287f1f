//! The claims of a token: read strictly, judged after the signature.

use super::{ISSUER, JwtError, object};
use cresset_model::user::Scope;
use cresset_model::{Duration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest accepted user name in a token, in bytes.
const MAX_SUBJECT_BYTES: usize = 256;

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Always [`ISSUER`].
    pub iss: String,
    /// Time of issue.
    pub iat: Timestamp,
    /// Time of expiry.
    pub exp: Timestamp,
    /// The user name.
    pub sub: String,
    /// The known scopes; unknown ones were dropped.
    pub scope: BTreeSet<Scope>,
}

/// What a token to be signed says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignClaims {
    /// The user name.
    pub sub: String,
    /// Scopes, separated by spaces, as they go into the token.
    pub scope: String,
    /// Time of issue; the fraction of the second is dropped.
    pub iat: Timestamp,
    /// Time of expiry; the fraction of the second is dropped.
    pub exp: Timestamp,
}

impl SignClaims {
    pub(super) fn to_json(&self) -> Value {
        serde_json::json!({
            "iss": ISSUER,
            "sub": self.sub,
            "scope": self.scope,
            "iat": self.iat.secs(),
            "exp": self.exp.secs(),
        })
    }
}

/// Claims as they stand in the token. A name that occurs twice is an error of the reader.
#[derive(Deserialize)]
struct Wire {
    iss: Option<Value>,
    iat: Option<Value>,
    exp: Option<Value>,
    nbf: Option<Value>,
    sub: Option<Value>,
    aud: Option<Value>,
    scope: Option<Value>,
}

/// Who claims to have signed, and what else stands there. A mistake in that is kept until the
/// signature has proved that the key's holder may learn of it.
#[derive(Debug)]
pub(super) struct RawClaims {
    pub(super) sub: String,
    others: Result<Others, JwtError>,
}

#[derive(Debug)]
struct Others {
    iss: String,
    scope: String,
    iat: Timestamp,
    exp: Timestamp,
    nbf: Option<Timestamp>,
    has_audience: bool,
}

impl RawClaims {
    pub(super) fn read(json: &[u8]) -> Result<Self, JwtError> {
        let mut wire: Wire = object(json).ok_or(JwtError::Claims)?;
        let sub = text(wire.sub.take(), "sub")?;
        let plain = !sub.is_empty() && sub.len() <= MAX_SUBJECT_BYTES;
        if !plain || sub.chars().any(char::is_control) {
            return Err(JwtError::Claim("sub"));
        }
        let others = Others::read(wire);
        Ok(Self { sub, others })
    }

    pub(super) fn judge(
        self,
        now: Timestamp,
        max_lifetime: Option<Duration>,
        leeway: Duration,
    ) -> Result<Claims, JwtError> {
        self.others?.judge(self.sub, now, max_lifetime, leeway)
    }
}

impl Others {
    fn read(wire: Wire) -> Result<Self, JwtError> {
        Ok(Self {
            iss: text(wire.iss, "iss")?,
            scope: text(wire.scope, "scope")?,
            iat: moment(wire.iat, "iat")?,
            exp: moment(wire.exp, "exp")?,
            nbf: wire
                .nbf
                .map(|value| moment(Some(value), "nbf"))
                .transpose()?,
            has_audience: wire.aud.is_some(),
        })
    }

    fn judge(
        self,
        sub: String,
        now: Timestamp,
        max_lifetime: Option<Duration>,
        leeway: Duration,
    ) -> Result<Claims, JwtError> {
        if self.iss != ISSUER {
            return Err(JwtError::Issuer);
        }
        if self.has_audience {
            return Err(JwtError::Audience);
        }
        if self.exp <= now - leeway {
            return Err(JwtError::Expired);
        }
        let begins = self.nbf.map_or(self.iat, |nbf| nbf.max(self.iat));
        if begins > now + leeway {
            return Err(JwtError::NotYetValid);
        }
        let lifetime = self.exp.since(self.iat);
        if lifetime <= Duration::ZERO {
            return Err(JwtError::NoLifetime);
        }
        if max_lifetime.is_some_and(|max| lifetime > max) {
            return Err(JwtError::Lifetime);
        }
        let scope = self
            .scope
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        Ok(Claims {
            iss: self.iss,
            iat: self.iat,
            exp: self.exp,
            sub,
            scope,
        })
    }
}

/// What a claim must be.
pub(super) fn form(name: &str) -> &'static str {
    match name {
        "iat" | "exp" | "nbf" => "a whole number of seconds since 1970",
        "scope" => "a string of scopes separated by spaces",
        _ => "a string",
    }
}

fn text(value: Option<Value>, name: &'static str) -> Result<String, JwtError> {
    match value {
        Some(Value::String(text)) => Ok(text),
        _ => Err(JwtError::Claim(name)),
    }
}

/// Whole seconds since the epoch; `1.7e9` is a whole number too.
fn moment(value: Option<Value>, name: &'static str) -> Result<Timestamp, JwtError> {
    // Beyond the year 9999 nothing is a time any more, and sums would saturate.
    const LIMIT: f64 = 253_402_300_800.0;
    let Some(Value::Number(number)) = value else {
        return Err(JwtError::Claim(name));
    };
    let seconds = number
        .as_f64()
        .filter(|n| n.fract() == 0.0 && (0.0..LIMIT).contains(n));
    seconds
        .map(|n| Timestamp::from_secs(n as i64))
        .ok_or(JwtError::Claim(name))
}
