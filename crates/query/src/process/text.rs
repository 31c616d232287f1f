//! Functions of texts.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::collections::HashMap;

/// Reads base64 with and without padding, since logs cut it off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The host of an address as browsers write them, of a mail address, or a host with a port.
/// Nothing of it is checked against a list of domains.
pub(super) fn domain(text: &str) -> Option<String> {
    let text = text.trim();
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        // More than one colon: an address of IPv6 by itself.
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next()?,
    };
    let host = host.trim_end_matches('.');
    (!host.is_empty() && !host.contains(char::is_whitespace)).then(|| host.to_lowercase())
}

/// Shannon's entropy of the characters, in bits per character.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts: HashMap<char, f64> = HashMap::new();
    let mut all = 0.0;
    for c in text.chars() {
        *counts.entry(c).or_default() += 1.0;
        all += 1.0;
    }
    // In one order, so that the last digit is always the same.
    let mut counts: Vec<f64> = counts.into_values().collect();
    counts.sort_by(f64::total_cmp);
    counts
        .iter()
        .map(|n| -(n / all) * (n / all).log2())
        .sum::<f64>()
        .abs()
}

/// How many characters of `text` are among `wanted`.
pub(super) fn count_char(text: &str, wanted: &str) -> usize {
    text.chars().filter(|c| wanted.contains(*c)).count()
}

/// `text` in base64.
pub(super) fn encode(text: &str) -> String {
    BASE64.encode(text)
}

/// The text behind base64. UTF-16, as PowerShell encodes commands, is recognised by its zeros.
pub(super) fn decode(text: &str) -> Option<String> {
    let bytes = BASE64.decode(text.trim()).ok()?;
    let wide = bytes.len() >= 2 && bytes.len() % 2 == 0 && bytes.chunks(2).all(|c| c[1] == 0);
    if wide {
        return String::from_utf8(bytes.into_iter().step_by(2).collect()).ok();
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `text` without characters that are not shown.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// The text whose bytes are written in another base, with or without blanks between them.
pub(super) fn from_digits(text: &str, base: &str) -> Option<String> {
    let (radix, width) = match base.to_ascii_lowercase().as_str() {
        "hex" | "16" => (16, 2),
        "oct" | "octal" | "8" => (8, 3),
        "dec" | "decimal" | "10" => (10, 3),
        "bin" | "binary" | "2" => (2, 8),
        _ => return None,
    };
    let text = text.trim().trim_start_matches("0x");
    let byte = |digits: &str| u8::from_str_radix(digits, radix).ok();
    let bytes: Option<Vec<u8>> = if text.contains(char::is_whitespace) {
        text.split_whitespace().map(byte).collect()
    } else if text.is_ascii() && text.len().is_multiple_of(width) {
        (0..text.len())
            .step_by(width)
            .map(|at| byte(&text[at..at + width]))
            .collect()
    } else {
        None
    };
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

/// A name as the logs of Windows' DNS server write it, `(3)www(7)example(3)com(0)`, with dots.
pub(super) fn dns_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut rest = text.trim();
    while let Some((label, after)) = rest.split_once('(') {
        let Some((digits, next)) = after.split_once(')') else {
            break;
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            break;
        }
        name.push_str(label);
        if !name.is_empty() {
            name.push('.');
        }
        rest = next;
    }
    name.push_str(rest);
    name.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(domain(text).as_deref(), expect, "{text}");
        };
        check(
            "https://User:pw@www.Example.com:8443/a?b#c",
            Some("www.example.com"),
        );
        check("example.com.", Some("example.com"));
        check("bob@example.org", Some("example.org"));
        check("http://[2001:db8::1]:80/", Some("2001:db8::1"));
        check("2001:db8::1", Some("2001:db8::1"));
        check("10.0.0.1:22", Some("10.0.0.1"));
        check("http:///x", None);
        check("two words", None);
        check("", None);
    }

    #[test]
    fn texts() {
        assert!((entropy("aabb") - 1.0).abs() < 1e-12 && entropy("aaaa").abs() < 1e-12);
        assert!(entropy("").abs() < 1e-12);
        assert_eq!(count_char("a.b.c-d", ".-"), 3);
        assert_eq!(decode("aGk=").as_deref(), Some("hi"));
        assert_eq!(decode("aGk").as_deref(), Some("hi"));
        assert_eq!(decode("aABpAA==").as_deref(), Some("hi"));
        assert_eq!(decode("!"), None);
        assert_eq!(decode(&encode("é")).as_deref(), Some("é"));
        assert_eq!(clean("a\u{0}b\nc"), "abc");
        assert_eq!(from_digits("6869", "hex").as_deref(), Some("hi"));
        assert_eq!(from_digits("0x68 69", "HEX").as_deref(), Some("hi"));
        assert_eq!(from_digits("104 105", "dec").as_deref(), Some("hi"));
        assert_eq!(
            from_digits("0110100001101001", "bin").as_deref(),
            Some("hi")
        );
        assert_eq!(from_digits("686", "hex"), None);
        assert_eq!(from_digits("é9", "hex"), None);
        assert_eq!(from_digits("68", "roman"), None);
        assert_eq!(dns_name("(3)www(7)example(3)com(0)"), "www.example.com");
        assert_eq!(dns_name("www.example.com"), "www.example.com");
        assert_eq!(dns_name("a(b)c"), "a(b)c");
    }
}
