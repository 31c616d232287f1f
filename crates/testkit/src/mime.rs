//! Just enough of MIME to read what a mail library writes.

use crate::mail::Part;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Multiparts nested deeper than this are taken as text.
const MAX_DEPTH: usize = 8;

/// Headers and body.
pub(crate) fn split(raw: &str) -> (&str, &str) {
    raw.split_once("\r\n\r\n").unwrap_or((raw, ""))
}

/// The first value of a header, unfolded.
pub(crate) fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.split("\r\n").skip_while(|line| {
        line.split_once(':')
            .is_none_or(|(n, _)| !n.trim_end().eq_ignore_ascii_case(name))
    });
    let mut value = lines.next()?.split_once(':')?.1.trim().to_owned();
    for more in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        value.push(' ');
        value.push_str(more.trim());
    }
    Some(value)
}

/// The leaves of a mail, in order.
pub(crate) fn parts(raw: &str) -> Vec<Part> {
    let mut found = Vec::new();
    collect(raw, 0, &mut found);
    found
}

fn collect(raw: &str, depth: usize, found: &mut Vec<Part>) {
    let (head, body) = split(raw);
    let kind = header(head, "content-type").unwrap_or_else(|| "text/plain".to_owned());
    let content_type = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if let (true, Some(boundary)) = (
        content_type.starts_with("multipart/") && depth < MAX_DEPTH,
        parameter(&kind, "boundary"),
    ) {
        let mark = format!("\r\n--{boundary}");
        let whole = format!("\r\n{body}");
        for piece in whole
            .split(&mark)
            .skip(1)
            .take_while(|piece| !piece.starts_with("--"))
        {
            collect(piece.trim_start_matches("\r\n"), depth + 1, found);
        }
        return;
    }
    let encoding = header(head, "content-transfer-encoding").unwrap_or_default();
    let bytes = match encoding.to_ascii_lowercase().as_str() {
        "base64" => STANDARD
            .decode(body.split_ascii_whitespace().collect::<String>())
            .unwrap_or_else(|_| body.as_bytes().to_vec()),
        "quoted-printable" => quoted_printable(body),
        _ => body.as_bytes().to_vec(),
    };
    let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    found.push(Part { content_type, text });
}

/// A parameter of a header's value, with or without quotes.
fn parameter(value: &str, name: &str) -> Option<String> {
    let pairs = value.split(';').skip(1).filter_map(|p| p.split_once('='));
    let mut named = pairs.filter(|(n, _)| n.trim().eq_ignore_ascii_case(name));
    named
        .next()
        .map(|(_, v)| v.trim().trim_matches('"').to_owned())
}

fn quoted_printable(body: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'=' {
            out.push(byte);
        } else if let Some(after) = tail.strip_prefix(b"\r\n") {
            rest = after;
        } else if let Some((hex, after)) = tail.split_at_checked(2)
            && let Some(decoded) = std::str::from_utf8(hex)
                .ok()
                .and_then(|h| u8::from_str_radix(h, 16).ok())
        {
            out.push(decoded);
            rest = after;
        } else {
            out.push(byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_decodes_and_tolerates_what_is_not() {
        let check = |input: &str, expect: &str| {
            assert_eq!(
                String::from_utf8(quoted_printable(input)).unwrap(),
                expect,
                "{input}"
            );
        };
        check("plain", "plain");
        check("a=3Db", "a=b");
        check("soft=\r\nbreak", "softbreak");
        check("gr=C3=BC=C3=9Fe", "grüße");
        check("a=b c=", "a=b c=");
        check("=", "=");
    }

    #[test]
    fn a_nested_mail_comes_apart() {
        let raw = "Subject: a very\r\n long one\r\nContent-Type: multipart/mixed; boundary=\"o\"\r\n\r\n\
            --o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n\
            --i\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nc3NoZCBh\r\nbnN3ZXI=\r\n\
            --i\r\nContent-Type: TEXT/HTML\r\n\r\n<b>sshd</b>\r\n--i--\r\n\
            --o--\r\n";
        let part = |content_type: &str, text: &str| Part {
            content_type: content_type.to_owned(),
            text: text.to_owned(),
        };
        assert_eq!(
            parts(raw),
            [
                part("text/plain", "sshd answer"),
                part("text/html", "<b>sshd</b>")
            ]
        );
        assert_eq!(
            header(split(raw).0, "SUBJECT").as_deref(),
            Some("a very long one")
        );
        assert_eq!(header(split(raw).0, "to"), None);
        assert_eq!(
            parts("To: x\r\n\r\nhello\r\n"),
            [part("text/plain", "hello\n")]
        );
    }
}
