//! Generated secrets and names, and the comparison of secrets.
//!
//! Everything is letters and digits, so that no shell, configuration file or
//! URL needs quoting (spec/logicmonitor-api.md §1.1).

use cresset_model::{Entropy, SecretString};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub(crate) const LETTERS_AND_DIGITS: &[u8; 62] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The secret half of an LMv1 token: 40 letters and digits.
pub fn generate_access_key(entropy: &dyn Entropy) -> SecretString {
    SecretString::new(pick(entropy, LETTERS_AND_DIGITS, 40))
}

/// The public half of an LMv1 token: 20 letters and digits.
pub fn generate_access_id(entropy: &dyn Entropy) -> String {
    pick(entropy, LETTERS_AND_DIGITS, 20)
}

/// A user's API access key: 32 lowercase hex characters.
pub fn generate_api_access_key(entropy: &dyn Entropy) -> SecretString {
    SecretString::new(pick(entropy, HEX, 32))
}

/// A first password: 24 letters and digits, about 142 bits.
pub fn generate_password(entropy: &dyn Entropy) -> SecretString {
    SecretString::new(pick(entropy, LETTERS_AND_DIGITS, 24))
}

/// Whether `claimed` is `secret`, in time that does not depend on where they differ.
/// An empty secret equals nothing.
pub fn same_secret(secret: &SecretString, claimed: &SecretString) -> bool {
    let (secret, claimed) = (secret.expose().as_bytes(), claimed.expose().as_bytes());
    !secret.is_empty() && bool::from(secret.ct_eq(claimed))
}

/// `len` characters of `alphabet`, each equally likely: bytes that would
/// favour the alphabet's beginning are thrown away.
pub(crate) fn pick(entropy: &dyn Entropy, alphabet: &[u8], len: usize) -> String {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(len);
    let mut bytes = Zeroizing::new([0u8; 64]);
    while text.len() < len {
        entropy.fill(bytes.as_mut_slice());
        let usable = bytes.iter().map(|b| usize::from(*b)).filter(|b| *b < fair);
        text.extend(
            usable
                .map(|b| char::from(alphabet[b % alphabet.len()]))
                .take(len - text.len()),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Counts upwards, so that every byte occurs equally often.
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buf: &mut [u8]) {
            for b in buf {
                *b = self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    #[test]
    fn lengths_and_alphabets() {
        let entropy = Counting(AtomicU8::new(0));
        let check = |text: &str, len: usize, hex: bool| {
            assert_eq!(text.len(), len, "{text}");
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
            assert!(!hex || text.bytes().all(|b| HEX.contains(&b)), "{text}");
        };
        check(generate_access_key(&entropy).expose(), 40, false);
        check(&generate_access_id(&entropy), 20, false);
        check(generate_api_access_key(&entropy).expose(), 32, true);
        check(generate_password(&entropy).expose(), 24, false);
    }

    #[test]
    fn every_character_is_equally_likely() {
        let text = pick(&Counting(AtomicU8::new(0)), LETTERS_AND_DIGITS, 62 * 4);
        for wanted in LETTERS_AND_DIGITS {
            assert_eq!(text.bytes().filter(|b| b == wanted).count(), 4);
        }
    }

    #[test]
    fn secrets_compare_whole() {
        let secret = SecretString::new("abc");
        for (claimed, same) in [("abc", true), ("abd", false), ("ab", false), ("", false)] {
            assert_eq!(
                same_secret(&secret, &SecretString::new(claimed)),
                same,
                "{claimed}"
            );
        }
        assert!(!same_secret(&SecretString::new(""), &SecretString::new("")));
    }
}
