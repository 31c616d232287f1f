//! Labels as LogQL writes them: `{app="web", path="C:\\logs"}`.

use cresset_model::{FieldName, Value};

/// Most labels of a stream; Loki itself takes 15.
const MAX_LABELS: usize = 1_000;
/// How much of a text is kept that does not read, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// The labels of a stream. A text that does not read is kept as the one label `labels`, so that
/// no line is lost for it.
pub(super) fn read(text: &str) -> Vec<(FieldName, Value)> {
    parse(text).unwrap_or_else(|| {
        let kept = &text[..text.floor_char_boundary(MAX_TEXT)];
        vec![("labels".into(), kept.into())]
    })
}

fn parse(text: &str) -> Option<Vec<(FieldName, Value)>> {
    let mut rest = text.trim().strip_prefix('{')?.trim_start();
    let mut labels = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return after.trim().is_empty().then_some(labels);
        }
        if labels.len() == MAX_LABELS {
            return None;
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_end();
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':');
        if name.is_empty() || !name.bytes().all(good) {
            return None;
        }
        let (value, after) = value(after.trim_start())?;
        labels.push((FieldName::from(name), Value::from(value.as_str())));
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// A value in the quotes of Go, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        let (value, rest) = raw.split_once('`')?;
        return Some((value.to_owned(), rest));
    }
    let inside = text.strip_prefix('"')?;
    let mut bytes = Vec::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((String::from_utf8(bytes).ok()?, &inside[at + 1..])),
            '\\' => {
                let (_, escape) = chars.next()?;
                let mut digits = |count: usize| {
                    let text: String = chars.by_ref().take(count).map(|(_, c)| c).collect();
                    let whole = text.len() == count;
                    u32::from_str_radix(&text, 16).ok().filter(|_| whole)
                };
                let byte = match escape {
                    'n' => b'\n',
                    't' => b'\t',
                    'r' => b'\r',
                    'a' => 7,
                    'b' => 8,
                    'f' => 12,
                    'v' => 11,
                    '\\' | '"' | '\'' => escape as u8,
                    'x' => digits(2)? as u8,
                    'u' | 'U' => {
                        let code = digits(if escape == 'u' { 4 } else { 8 })?;
                        let c = char::from_u32(code)?;
                        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        continue;
                    }
                    _ => return None,
                };
                bytes.push(byte);
            }
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_logql() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let found = read(text);
            let found: Vec<_> = found
                .iter()
                .map(|(name, value)| (name.as_str(), value.text()))
                .collect();
            let found: Vec<_> = found.iter().map(|(n, v)| (*n, v.as_ref())).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("{}", &[]);
        check(
            r#"{level="info",app="t"}"#,
            &[("level", "info"), ("app", "t")],
        );
        check(r#" { a = "b" , c="d", } "#, &[("a", "b"), ("c", "d")]);
        check(
            r#"{a="q\"b\\c\n\x41\u00e9\U0001F600",b=`r\n`}"#,
            &[("a", "q\"b\\c\nA\u{e9}\u{1f600}"), ("b", "r\\n")],
        );
        check(r#"{a=",}={"}"#, &[("a", ",}={")]);
        let many = (0..=1_000).map(|n| format!("l{n}=\"\","));
        let many = format!("{{{}}}", many.collect::<String>());
        check(&many, &[("labels", &many)]);
        // What does not read stays.
        for text in [
            "",
            "{",
            "a",
            r#"{a="b""#,
            r#"{a="b"c}"#,
            r#"{a="b}"#,
            r#"{a="say "x""}"#,
            r#"{="b"}"#,
            r#"{a b="c"}"#,
            r#"{a="\q"}"#,
            r#"{a="\xff"}"#,
            r#"{a="\u12"}"#,
            r#"{a="b"} c"#,
        ] {
            check(text, &[("labels", text)]);
        }
    }
}
