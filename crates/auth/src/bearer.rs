//! Bearer tokens of the LogicMonitor API (spec/logicmonitor-api.md §1.4).
//!
//! `lmb_`, then random letters and digits, then six characters of checksum. The beginning stays
//! readable in lists, because clients find their own token by it; what follows does not, and the
//! catalog keeps only a hash of the whole. The checksum tells a token that was cut off or
//! mistyped, and any other text that leaked into a configuration, from a real one without a
//! look-up. It is no secret and proves nothing else.

use crate::keys::{LETTERS_AND_DIGITS, pick};
use cresset_model::{Entropy, SecretString};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// How every token begins; nothing else that a client sends as a bearer does.
pub const PREFIX: &str = "lmb_";

/// How many characters, of the beginning with [`PREFIX`], lists may show.
pub const SHOWN_CHARS: usize = 20;

/// Length of a token in characters.
pub const TOKEN_CHARS: usize = PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS;

/// Those that lists do not show have 250 bits.
const RANDOM_CHARS: usize = 58;

/// 62⁶ is more than 2³².
const CHECKSUM_CHARS: usize = 6;

/// Why a text is no bearer token. None of the texts repeats any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// It begins otherwise.
    #[error("the bearer token does not begin with {PREFIX}")]
    Prefix,
    /// Cut off, or something was added.
    #[error("the bearer token does not have {TOKEN_CHARS} characters; was all of it copied?")]
    Length,
    /// A character that no token has.
    #[error("the bearer token has a character that is neither an English letter nor a digit")]
    Character,
    /// A character is another than it was.
    #[error("the bearer token's checksum does not fit; was it typed by hand?")]
    Checksum,
}

impl BearerError {
    /// A constant word for metrics and the audit log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Length => "length",
            Self::Character => "character",
            Self::Checksum => "checksum",
        }
    }
}

/// A well-formed token, which need not exist. Prints as `***`.
#[derive(Debug, Clone)]
pub struct BearerToken(SecretString);

impl BearerToken {
    /// A new token.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let random = Zeroizing::new(pick(entropy, LETTERS_AND_DIGITS, RANDOM_CHARS));
        // As long as it will get, so that growing leaves no copy behind.
        let mut text = String::with_capacity(TOKEN_CHARS);
        text.push_str(PREFIX);
        text.push_str(&random);
        let checksum = checksum(&text);
        text.extend(checksum.map(char::from));
        Self(SecretString::new(text))
    }

    /// Reads what a client sent behind `Bearer `.
    pub fn parse(text: &str) -> Result<Self, BearerError> {
        let rest = text.strip_prefix(PREFIX).ok_or(BearerError::Prefix)?;
        if text.len() != TOKEN_CHARS {
            return Err(BearerError::Length);
        }
        if !rest.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(BearerError::Character);
        }
        let (signed, claimed) = text.split_at(TOKEN_CHARS - CHECKSUM_CHARS);
        if claimed.as_bytes() != checksum(signed) {
            return Err(BearerError::Checksum);
        }
        Ok(Self(SecretString::new(text)))
    }

    /// The whole token, to be told once.
    pub const fn secret(&self) -> &SecretString {
        &self.0
    }

    /// The beginning, of [`SHOWN_CHARS`] characters, that lists may show.
    pub fn shown(&self) -> &str {
        let text = self.0.expose();
        text.get(..SHOWN_CHARS).unwrap_or(text)
    }

    /// What is stored of it. A fast hash is enough: nobody guesses 58 random characters.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose().as_bytes()).into()
    }
}

/// CRC-32 in base 62, highest digit first.
fn checksum(text: &str) -> [u8; CHECKSUM_CHARS] {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut digits = [0; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = LETTERS_AND_DIGITS[rest % LETTERS_AND_DIGITS.len()];
        rest /= LETTERS_AND_DIGITS.len();
    }
    digits
}

#[cfg(test)]
mod tests;
