//! RFC 5424 structured data.
//!
//! `[exampleSDID@32473 iut="3"]` becomes the field `sd.exampleSDID.iut`: without
//! the enterprise number, and with `_` for what needs quotes in a query. A
//! parameter that occurs twice becomes a list.

use crate::found::Found;
use cresset_model::Value;

/// Most parameters taken from one message.
const MAX_PARAMS: usize = 200;

/// Splits what follows MSGID into structured data and body. `None` if it is no
/// structured data.
pub(super) fn split(rest: &str) -> Option<(&str, &str)> {
    if let Some(after) = rest.strip_prefix('-') {
        return (after.is_empty() || after.starts_with(' '))
            .then(|| ("", after.strip_prefix(' ').unwrap_or(after)));
    }
    let end = end(rest.as_bytes())?;
    let (data, body) = rest.split_at(end);
    Some((data, body.strip_prefix(' ').unwrap_or(body)))
}

/// The place after the last element.
fn end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while bytes.get(at) == Some(&b'[') {
        let mut quoted = false;
        loop {
            at += 1;
            match (bytes.get(at)?, quoted) {
                (b'"', _) => quoted = !quoted,
                (b'\\', true) => at += 1,
                (b']', false) => break,
                _ => {}
            }
        }
        at += 1;
    }
    (at > 0).then_some(at)
}

/// Adds the parameters of `data`, which [`split`] returned.
pub(super) fn put_fields(data: &str, found: &mut Found) {
    let mut rest = data;
    let mut id = "";
    for _ in 0..MAX_PARAMS {
        rest = rest.trim_start_matches([' ', ']']);
        if let Some(element) = rest.strip_prefix('[') {
            let end = element.find([' ', ']']).unwrap_or(element.len());
            id = element[..end].split('@').next().unwrap_or("");
            rest = &element[end..];
            continue;
        }
        let Some((name, after)) = rest.split_once("=\"") else {
            return;
        };
        let (value, after) = unescape(after);
        put(&field_name(id, name), value, found);
        rest = after;
    }
}

fn field_name(id: &str, name: &str) -> String {
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') {
            c
        } else {
            '_'
        }
    };
    let mut field = String::with_capacity(id.len() + name.len() + 4);
    field.push_str("sd.");
    field.extend(id.chars().map(clean));
    field.push('.');
    field.extend(name.chars().map(clean));
    field
}

/// The value up to its closing quote, and what follows.
fn unescape(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\' | ']'))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            c => value.push(c),
        }
    }
    (value, "")
}

fn put(name: &str, value: String, found: &mut Found) {
    match found.fields.iter_mut().find(|(n, _)| n == name) {
        None => found.put(name, Value::from(value)),
        Some((_, Value::List(items))) => items.push(value.into()),
        Some((_, old)) => *old = Value::List(vec![old.text().as_ref().into(), value.into()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(data: &str) -> Vec<(String, String)> {
        let mut found = Found::default();
        put_fields(data, &mut found);
        found
            .fields
            .iter()
            .map(|(n, v)| (n.to_string(), v.text().into_owned()))
            .collect()
    }

    #[test]
    fn splits() {
        let check =
            |rest: &str, expect: Option<(&str, &str)>| assert_eq!(split(rest), expect, "{rest}");
        check("- body", Some(("", "body")));
        check("-", Some(("", "")));
        check("-x", None);
        check("[a b=\"c\"] body", Some(("[a b=\"c\"]", "body")));
        check("[a][b] body", Some(("[a][b]", "body")));
        check("[a b=\"]\"] x", Some(("[a b=\"]\"]", "x")));
        check("[a b=\"\\\"]\"] x", Some(("[a b=\"\\\"]\"]", "x")));
        check("[a b=\"c\"", None);
        check("body", None);
        check("", None);
    }

    #[test]
    fn parameters() {
        let check = |data: &str, expect: &[(&str, &str)]| {
            let expect: Vec<_> = expect
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect();
            assert_eq!(fields(data), expect, "{data}");
        };
        check("", &[]);
        check("[a]", &[]);
        check(
            "[ex@32473 iut=\"3\" src=\"App\"]",
            &[("sd.ex.iut", "3"), ("sd.ex.src", "App")],
        );
        check(
            "[a-b x=\"1\"][c y:z=\"2\"]",
            &[("sd.a_b.x", "1"), ("sd.c.y_z", "2")],
        );
        check(
            "[o ip=\"192.0.2.1\" ip=\"192.0.2.2\"]",
            &[("sd.o.ip", "192.0.2.1, 192.0.2.2")],
        );
        check(r#"[a b="q\"s\\e\]\x"]"#, &[("sd.a.b", "q\"s\\e]\\x")]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(data in "[\\[\\]\"\\\\a=@ ä]{0,40}") {
            if let Some((data, _)) = split(&data) {
                fields(data);
            }
        }
    }
}
