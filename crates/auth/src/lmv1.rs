//! LMv1 request signatures (spec/logicmonitor-api.md §1).
//!
//! `Authorization: LMv1 <accessId>:<signature>:<epochMillis>`, where the signature is
//! the base64 of the lowercase hex of HMAC-SHA-256 over method, epoch, body and path.
//! Clients differ in whether they sign the path as sent or percent-decoded, so both
//! are tried, decoded first.
//!
//! The format writes the parts behind one another without anything between them. A signature
//! therefore fits as well where bytes move from the path's beginning to the body's end. Whoever
//! reads a signed body must refuse what stands behind the JSON value that it expects.

use crate::signing_key::{SigningKey, begun};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cresset_model::{Duration, SecretString, Timestamp};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::borrow::Cow;
use std::fmt;

/// How far a request's epoch may be from the server's time, either side.
pub const WINDOW: Duration = Duration::minutes(30);

/// Longest accepted header, in bytes; a real one has about 130.
pub const MAX_HEADER_BYTES: usize = 1024;

const DIGEST_BYTES: usize = 32;
const HEX_BYTES: usize = 2 * DIGEST_BYTES;
/// Base64 of that many hex digits, padding included.
const SIGNATURE_BYTES: usize = HEX_BYTES.div_ceil(3) * 4;

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
    /// The same signed request came before, or it is too old to be told from one
    /// ([`crate::replay`]).
    #[error("the request came before")]
    Replayed,
}

impl Lmv1Error {
    /// A constant word for metrics and the audit log.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Signature => "signature",
            Self::ClockSkew => "clock_skew",
            Self::Replayed => "replayed",
        }
    }
}

/// A parsed header. Prints without the signature, which for the next half hour is a way in.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedHeader<'a> {
    /// The public half of the token.
    pub access_id: &'a str,
    digest: [u8; DIGEST_BYTES],
    epoch: &'a str,
}

impl fmt::Debug for SignedHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedHeader")
            .field("access_id", &self.access_id)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
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

/// The bytes behind base64 of lowercase hex. Nothing is allocated, since every signed request
/// comes by here.
fn digest(signature: &str) -> Option<[u8; DIGEST_BYTES]> {
    if signature.len() != SIGNATURE_BYTES {
        return None;
    }
    // The decoder asks for room for three bytes in four characters, padding or not.
    let mut hex = [0; SIGNATURE_BYTES / 4 * 3];
    let length = STANDARD.decode_slice(signature, &mut hex).ok()?;
    let nibble = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let hex = hex[..length].chunks_exact(2);
    let mut bytes = [0; DIGEST_BYTES];
    if hex.len() != DIGEST_BYTES || !hex.remainder().is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(hex) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

impl SignedHeader<'_> {
    /// The moment that the client says it signed at.
    pub fn signed_at(&self) -> Timestamp {
        Timestamp::from_millis(self.epoch.parse().unwrap_or(i64::MAX))
    }

    /// What tells one signed request from another.
    pub(crate) const fn digest(&self) -> &[u8; DIGEST_BYTES] {
        &self.digest
    }

    /// Checks the signature in constant time, then the time: a moment exactly [`WINDOW`] away
    /// is still good.
    ///
    /// An empty key fits nothing, nor does a path that does not begin with a slash. An error
    /// other than [`Lmv1Error::Signature`] comes only for a request that the key's holder
    /// signed, so its sender may be told.
    pub fn verify(
        &self,
        key: &SigningKey,
        request: &SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<(), Lmv1Error> {
        if key.is_empty() || !request.path.starts_with('/') {
            return Err(Lmv1Error::Signature);
        }
        let fits = |path: &[u8]| {
            let hmac = key.sha256().clone();
            over(hmac, request.method, self.epoch, request.body, path)
                .verify_slice(&self.digest)
                .is_ok()
        };
        let decoded = percent_decode(request.path);
        let accepted =
            fits(&decoded) || matches!(decoded, Cow::Owned(_)) && fits(request.path.as_bytes());
        if !accepted {
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
    let epoch = now.0.div_euclid(1000);
    header(
        access_id,
        key,
        request.method,
        request.path,
        request.body,
        epoch,
    )
}

/// The value of the `Authorization` header for a request signed at `epoch_millis`, in
/// milliseconds since 1970.
///
/// Everything is signed as it is given: `method` in upper case, `path` from behind
/// `/santaba/rest` to before the `?`, `body` byte for byte as it will be sent.
pub fn header(
    access_id: &str,
    key: &SecretString,
    method: &str,
    path: &str,
    body: &[u8],
    epoch_millis: i64,
) -> String {
    let epoch = epoch_millis.to_string();
    let hmac = over(begun(key), method, &epoch, body, path.as_bytes());
    let tag = hmac.finalize().into_bytes();
    let digits = |b: &u8| [b >> 4, b & 15].map(|n| char::from_digit(n.into(), 16).unwrap_or('0'));
    let hex: String = tag.iter().flat_map(digits).collect();
    format!("LMv1 {access_id}:{}:{epoch}", STANDARD.encode(hex))
}

/// `hmac` after everything that is signed.
fn over(
    mut hmac: Hmac<Sha256>,
    method: &str,
    epoch: &str,
    body: &[u8],
    path: &[u8],
) -> Hmac<Sha256> {
    for part in [method.as_bytes(), epoch.as_bytes(), body, path] {
        hmac.update(part);
    }
    hmac
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
mod mutation_tests;
#[cfg(test)]
mod tests;
