//! The second percent-decoding.

use std::borrow::Cow;

/// Decodes once more what a query string's decoding left, if any `%HH` remains in it:
/// clients are told to encode the values of a filter twice.
///
/// `+` stays, and so does a `%` that no two hexadecimal digits follow. What would not be
/// UTF-8 is returned as it came.
pub fn decode(text: &str) -> Cow<'_, str> {
    let mut decoded: Option<Vec<u8>> = None;
    let mut rest = text.as_bytes();
    let mut done = 0;
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        let before = &rest[..at];
        let value = match rest.get(at + 1..at + 3) {
            Some([high, low]) => hex(*high).zip(hex(*low)).map(|(h, l)| h << 4 | l),
            _ => None,
        };
        match value {
            Some(byte) => {
                let decoded = decoded.get_or_insert_with(|| text.as_bytes()[..done].to_vec());
                decoded.extend_from_slice(before);
                decoded.push(byte);
                done += at + 3;
                rest = &rest[at + 3..];
            }
            None => {
                if let Some(decoded) = &mut decoded {
                    decoded.extend_from_slice(&rest[..=at]);
                }
                done += at + 1;
                rest = &rest[at + 1..];
            }
        }
    }
    let Some(mut decoded) = decoded else {
        return Cow::Borrowed(text);
    };
    decoded.extend_from_slice(rest);
    match String::from_utf8(decoded) {
        Ok(decoded) => Cow::Owned(decoded),
        Err(_) => Cow::Borrowed(text),
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
