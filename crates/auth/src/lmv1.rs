//! LMv1 request signatures (spec/logicmonitor-api.md §1).
//!
//! `Authorization: LMv1 <accessId>:<signature>:<epochMillis>`, where the signature is
//! the base64 of the lowercase hex of HMAC-SHA-256 over method, epoch, body and path.
//! Clients differ in whether they sign the path as sent or percent-decoded, so both
//! are tried, decoded first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cresset_model::{Duration, SecretString, Timestamp};
use ring::hmac;
use std::borrow::Cow;
use subtle::ConstantTimeEq as _;

/// How far a request's epoch may be from the server's time, either side.
pub const WINDOW: Duration = Duration::minutes(30);

/// Longest accepted header, in bytes; a real one has about 130.
pub const MAX_HEADER_BYTES: usize = 1024;

/// Why a signed request was refused. Clients are told one text for all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lmv1Error {
    /// Not of the form `LMv1 id:signature:epoch`.
    #[error("the header is not of the form LMv1 accessId:signature:epoch")]
    Malformed,
    /// The signature does not fit.
    #[error("the signature does not fit")]
    Signature,
    /// The signature fits, but its time is too far from the server's.
    #[error("the request's time is more than 30 minutes from the server's")]
    ClockSkew,
}

impl Lmv1Error {
    /// A constant word for metrics and the audit log.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Signature => "signature",
            Self::ClockSkew => "clock_skew",
        }
    }
}

/// A parsed header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeader<'a> {
    /// The public half of the token.
    pub access_id: &'a str,
    digest: [u8; 32],
    epoch: &'a str,
}

/// The signed parts of a request.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The method in upper case.
    pub method: &'a str,
    /// The path as it stands in the request line, without the query string.
    pub path: &'a str,
    /// The body's bytes.
    pub body: &'a [u8],
}

/// Reads the value of an `Authorization` header.
pub fn parse(value: &str) -> Result<SignedHeader<'_>, Lmv1Error> {
    let fields = value
        .strip_prefix("LMv1 ")
        .filter(|_| value.len() <= MAX_HEADER_BYTES);
    let mut fields = fields.ok_or(Lmv1Error::Malformed)?.split(':');
    let (Some(access_id), Some(signature), Some(epoch), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Lmv1Error::Malformed);
    };
    let plain = !access_id.is_empty() && access_id.bytes().all(|b| b.is_ascii_graphic());
    let decimal = (1..=18).contains(&epoch.len()) && epoch.bytes().all(|b| b.is_ascii_digit());
    match digest(signature) {
        Some(digest) if plain && decimal => Ok(SignedHeader {
            access_id,
            digest,
            epoch,
        }),
        _ => Err(Lmv1Error::Malformed),
    }
}

/// The 32 bytes behind base64 of 64 lowercase hex characters.
fn digest(signature: &str) -> Option<[u8; 32]> {
    let hex = STANDARD
        .decode(signature)
        .ok()
        .filter(|hex| hex.len() == 64)?;
    let nibble = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

impl SignedHeader<'_> {
    /// The moment that the client says it signed at.
    pub fn signed_at(&self) -> Timestamp {
        Timestamp::from_millis(self.epoch.parse().unwrap_or(i64::MAX))
    }

    /// Checks the signature in constant time, then the time.
    pub fn verify(
        &self,
        key: &SecretString,
        request: &SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<(), Lmv1Error> {
        let decoded = percent_decode(request.path);
        let fits = |path: &[u8]| {
            let tag = tag(key, request.method, self.epoch, request.body, path);
            bool::from(tag.as_ref().ct_eq(&self.digest))
        };
        let accepted =
            fits(&decoded) || matches!(decoded, Cow::Owned(_)) && fits(request.path.as_bytes());
        if key.expose().is_empty() || !accepted {
            return Err(Lmv1Error::Signature);
        }
        let apart = now.since(self.signed_at()).0.saturating_abs();
        if apart > WINDOW.0 {
            Err(Lmv1Error::ClockSkew)
        } else {
            Ok(())
        }
    }
}

/// The value of the `Authorization` header for a request signed at `now`.
pub fn sign(
    access_id: &str,
    key: &SecretString,
    request: &SignedRequest<'_>,
    now: Timestamp,
) -> String {
    let epoch = now.0.div_euclid(1000).to_string();
    let tag = tag(
        key,
        request.method,
        &epoch,
        request.body,
        request.path.as_bytes(),
    );
    let digits = |b: &u8| [b >> 4, b & 15].map(|n| char::from_digit(n.into(), 16).unwrap_or('0'));
    let hex: String = tag.as_ref().iter().flat_map(digits).collect();
    format!("LMv1 {access_id}:{}:{epoch}", STANDARD.encode(hex))
}

fn tag(key: &SecretString, method: &str, epoch: &str, body: &[u8], path: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in [method.as_bytes(), epoch.as_bytes(), body, path] {
        context.update(part);
    }
    context.sign()
}

/// Decodes `%41` to `A`; what is not two hex digits after a `%` stays as it is.
fn percent_decode(path: &str) -> Cow<'_, [u8]> {
    let raw = path.as_bytes();
    if !raw.contains(&b'%') {
        return Cow::Borrowed(raw);
    }
    let digit = |at: usize| raw.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut decoded = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        match (raw[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests;
