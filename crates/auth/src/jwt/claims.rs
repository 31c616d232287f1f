//! The claims of a token: read strictly, judged after the signature.

use super::{ISSUER, JwtError, object};
use cresset_model::user::Scopes;
use cresset_model::{Duration, Timestamp};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Longest accepted user name in a token, in bytes.
const MAX_SUBJECT_BYTES: usize = 256;

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Time of issue.
    pub iat: Timestamp,
    /// Time of expiry.
    pub exp: Timestamp,
    /// The user name.
    pub sub: String,
    /// The known scopes; unknown ones were dropped.
    pub scope: Scopes,
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
#[derive(serde::Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    iss: Claim<'a>,
    #[serde(borrow, default)]
    iat: Claim<'a>,
    #[serde(borrow, default)]
    exp: Claim<'a>,
    #[serde(borrow, default)]
    nbf: Claim<'a>,
    #[serde(borrow, default)]
    sub: Claim<'a>,
    aud: Option<IgnoredAny>,
    #[serde(borrow, default)]
    scope: Claim<'a>,
}

/// The value of a claim, as far as claims here have one.
#[derive(Default)]
enum Claim<'a> {
    /// It does not stand there, or is null.
    #[default]
    Missing,
    Text(Cow<'a, str>),
    Number(f64),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Claim<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(ClaimVisitor)
    }
}

struct ClaimVisitor;

impl<'de> Visitor<'de> for ClaimVisitor {
    type Value = Claim<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a claim")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Claim::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Claim::Text(text.to_owned().into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Claim::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Claim::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Claim::Number(number))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Claim::Missing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Claim::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Claim::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Claim::Other)
    }
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
    is_self_signed: bool,
    scope: Scopes,
    iat: Timestamp,
    exp: Timestamp,
    nbf: Option<Timestamp>,
    has_audience: bool,
}

impl RawClaims {
    pub(super) fn read(json: &[u8]) -> Result<Self, JwtError> {
        let mut wire: Wire<'_> = object(json).ok_or(JwtError::Claims)?;
        let sub = text(std::mem::take(&mut wire.sub), "sub")?.into_owned();
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
    fn read(wire: Wire<'_>) -> Result<Self, JwtError> {
        Ok(Self {
            is_self_signed: text(wire.iss, "iss")? == ISSUER,
            scope: scopes(&text(wire.scope, "scope")?),
            iat: moment(wire.iat, "iat")?,
            exp: moment(wire.exp, "exp")?,
            nbf: match wire.nbf {
                Claim::Missing => None,
                claim => Some(moment(claim, "nbf")?),
            },
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
        if !self.is_self_signed {
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
        Ok(Claims {
            iat: self.iat,
            exp: self.exp,
            sub,
            scope: self.scope,
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

/// The known scopes of a list with spaces between; the others are nothing to us.
fn scopes(words: &str) -> Scopes {
    words
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn text<'a>(claim: Claim<'a>, name: &'static str) -> Result<Cow<'a, str>, JwtError> {
    match claim {
        Claim::Text(text) => Ok(text),
        _ => Err(JwtError::Claim(name)),
    }
}

/// Whole seconds since the epoch; `1.7e9` is a whole number too.
fn moment(claim: Claim<'_>, name: &'static str) -> Result<Timestamp, JwtError> {
    // Beyond the year 9999 nothing is a time any more, and sums would saturate.
    const LIMIT: f64 = 253_402_300_800.0;
    match claim {
        Claim::Number(n) if n.fract() == 0.0 && (0.0..LIMIT).contains(&n) => {
            Ok(Timestamp::from_secs(n as i64))
        }
        _ => Err(JwtError::Claim(name)),
    }
}
