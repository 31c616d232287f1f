//! The self-signed JWT of spec/logpoint-api.md §1.1.
//!
//! A token chooses among three HMAC algorithms and nothing else: headers that bring
//! their own key or ask for extensions are refused before a key is looked at. Claims are
//! read strictly, because a claim that two readers understand differently is a way in.

mod claims;

use crate::signing_key::{SigningKey, begun};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeSliceError, Engine as _};
pub use claims::{Claims, SignClaims};
use cresset_model::{Duration, SecretString, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Sha256, Sha384, Sha512};
use std::fmt;

/// Longest accepted token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The only accepted issuer.
pub const ISSUER: &str = "self-signed";

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Not three base64url parts.
    #[error("the token is not three base64url parts")]
    Structure,
    /// The header is not a JSON object of the expected shape.
    #[error("the token's header does not read")]
    Header,
    /// The algorithm is not HS256, HS384 or HS512.
    #[error("the token's algorithm is not HS256, HS384 or HS512")]
    Algorithm,
    /// The header brings its own key or asks for extensions.
    #[error("the token's header carries {0:?}, which is never accepted")]
    HeaderParameter(&'static str),
    /// The claims are not a JSON object of the expected types.
    #[error("the token's claims do not read")]
    Claims,
    /// A required claim is missing or has the wrong type.
    #[error("the token's claim {0:?} is missing or is not {form}", form = claims::form(.0))]
    Claim(&'static str),
    /// The signature does not fit the key.
    #[error("the token's signature does not fit")]
    Signature,
    /// `iss` is not `self-signed`.
    #[error("the token's issuer is not \"self-signed\"")]
    Issuer,
    /// The token names an audience; tokens for this server name none.
    #[error("the token is meant for another audience")]
    Audience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It lives longer than allowed.
    #[error("the token's lifetime, from iat to exp, is longer than allowed")]
    Lifetime,
    /// It ends before it begins.
    #[error("the token's exp is not later than its iat")]
    NoLifetime,
}

impl JwtError {
    /// A constant word for metrics and the audit log.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Structure => "structure",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::HeaderParameter(_) => "header_parameter",
            Self::Claims | Self::Claim(_) => "claims",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Lifetime | Self::NoLifetime => "lifetime",
        }
    }
}

/// The algorithms a token may be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alg {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
}

impl Alg {
    /// The name in a token's header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// Whether `signature` is that of `text` under `key`, in constant time.
    fn fits(self, key: &SigningKey, text: &str, signature: &[u8]) -> bool {
        match self {
            Self::HS256 => fits(key.sha256(), text, signature),
            Self::HS384 => fits(key.sha384(), text, signature),
            Self::HS512 => fits(key.sha512(), text, signature),
        }
    }

    /// The signature of `text` under `key`, in base64.
    fn sign(self, key: &SecretString, text: &str) -> String {
        match self {
            Self::HS256 => signature::<Hmac<Sha256>>(key, text),
            Self::HS384 => signature::<Hmac<Sha384>>(key, text),
            Self::HS512 => signature::<Hmac<Sha512>>(key, text),
        }
    }
}

impl std::str::FromStr for Alg {
    type Err = JwtError;

    /// Exact names only: `hs256` is another algorithm as far as we are concerned.
    fn from_str(name: &str) -> Result<Self, JwtError> {
        match name {
            "HS256" => Ok(Self::HS256),
            "HS384" => Ok(Self::HS384),
            "HS512" => Ok(Self::HS512),
            _ => Err(JwtError::Algorithm),
        }
    }
}

fn fits<M: Mac + Clone>(begun: &M, text: &str, signature: &[u8]) -> bool {
    let mut mac = begun.clone();
    mac.update(text.as_bytes());
    mac.verify_slice(signature).is_ok()
}

fn signature<M: Mac + KeyInit>(key: &SecretString, text: &str) -> String {
    let mut mac = begun::<M>(key);
    mac.update(text.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// The header parameters that decide anything. Unknown ones (`kid` among them)
/// are ignored, since nothing here would act on them.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    jwk: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
}

impl Header {
    fn judge(&self) -> Result<Alg, JwtError> {
        let alg = self.alg.parse()?;
        let forbidden = [
            ("crit", &self.crit),
            ("jku", &self.jku),
            ("jwk", &self.jwk),
            ("x5u", &self.x5u),
            ("x5c", &self.x5c),
        ];
        if let Some((name, _)) = forbidden.iter().find(|(_, value)| value.is_some()) {
            return Err(JwtError::HeaderParameter(name));
        }
        match &self.typ {
            Some(typ) if !typ.eq_ignore_ascii_case("JWT") => Err(JwtError::Header),
            _ => Ok(alg),
        }
    }
}

/// A token whose structure and algorithm are acceptable and whose signature
/// has not been checked. Prints without the signature, which makes a way in of the rest.
pub struct Unverified<'t> {
    alg: Alg,
    signed: &'t str,
    signature: Signature,
    claims: claims::RawClaims,
}

/// A signature of at most the length that the longest algorithm makes.
struct Signature {
    bytes: [u8; Signature::MAX_BYTES],
    len: usize,
}

impl Signature {
    const MAX_BYTES: usize = 64;

    fn decode(text: &str) -> Result<Self, JwtError> {
        let mut bytes = [0; Self::MAX_BYTES];
        let len = match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(0) | Err(DecodeSliceError::DecodeError(_)) => return Err(JwtError::Structure),
            Ok(len) => len,
            Err(DecodeSliceError::OutputSliceTooSmall) => return Err(JwtError::Signature),
        };
        Ok(Self { bytes, len })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("alg", &self.alg)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

/// Reads a token without any key.
///
/// # Errors
///
/// What is wrong with its structure, its header or the claim of a user; also
/// [`JwtError::Signature`] where that is longer than any algorithm makes it.
pub fn decode(token: &str) -> Result<Unverified<'_>, JwtError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(JwtError::TooLong);
    }
    let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
    let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
        return Err(JwtError::Structure);
    };
    let (signed, signature) = (&token[..second], &token[second + 1..]);
    let (header, payload) = (&token[..first], &token[first + 1..second]);
    let alg = match usual(header) {
        Some(alg) => alg,
        None => object::<Header>(&part(header)?)
            .ok_or(JwtError::Header)?
            .judge()?,
    };
    // Almost all tokens' claims fit into this.
    let mut short = [0; 512];
    let claims = match URL_SAFE_NO_PAD.decode_slice(payload, &mut short) {
        Ok(len) => claims::RawClaims::read(&short[..len])?,
        Err(DecodeSliceError::DecodeError(_)) => return Err(JwtError::Structure),
        Err(DecodeSliceError::OutputSliceTooSmall) => claims::RawClaims::read(&part(payload)?)?,
    };
    Ok(Unverified {
        alg,
        signed,
        signature: Signature::decode(signature)?,
        claims,
    })
}

/// The algorithm of a header as almost all libraries write it, which needs no reading:
/// `{"alg":…,"typ":"JWT"}`, or the two the other way round.
fn usual(header: &str) -> Option<Alg> {
    match header {
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" | "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9" => {
            Some(Alg::HS256)
        }
        "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9" | "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzM4NCJ9" => {
            Some(Alg::HS384)
        }
        "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9" | "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9" => {
            Some(Alg::HS512)
        }
        _ => None,
    }
}

fn part(text: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JwtError::Structure)
}

/// Reads a JSON object; `None` for anything else. serde would also fill a struct from
/// a JSON array, which no honest client sends.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    if json.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        return None;
    }
    // Checked once, and not once for each name and value.
    serde_json::from_str(str::from_utf8(json).ok()?).ok()
}

impl Unverified<'_> {
    /// The user that the token claims to be from.
    pub fn subject(&self) -> &str {
        &self.claims.sub
    }

    /// The algorithm that the token chose.
    pub const fn alg(&self) -> Alg {
        self.alg
    }

    /// Checks the signature in constant time, then the claims.
    ///
    /// `leeway` is how far the clocks of signer and server may be apart. An empty key
    /// fits no token. Errors other than [`JwtError::Signature`] come only for a token
    /// that the key's holder signed.
    pub fn verify(
        self,
        key: &SigningKey,
        now: Timestamp,
        max_lifetime: Option<Duration>,
        leeway: Duration,
    ) -> Result<Claims, JwtError> {
        let signature = self.signature.as_bytes();
        if key.is_empty() || !self.alg.fits(key, self.signed, signature) {
            return Err(JwtError::Signature);
        }
        self.claims.judge(now, max_lifetime, leeway)
    }
}

/// Signs `claims` with `key`.
pub fn sign(claims: &SignClaims, key: &SecretString, alg: Alg) -> String {
    let header = serde_json::json!({ "alg": alg.as_str(), "typ": "JWT" });
    let payload = claims.to_json();
    let encode = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&payload));
    let signature = alg.sign(key, &signed);
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests;
