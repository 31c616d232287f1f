//! The text part of an e-mail, derived from its HTML part.

use std::fmt::Write as _;

/// Elements whose content is not for reading.
const SKIPPED: [&str; 4] = ["style", "script", "head", "title"];
/// Elements that end a line.
const LINES: [&str; 14] = [
    "br",
    "p",
    "div",
    "tr",
    "table",
    "li",
    "ul",
    "ol",
    "h1",
    "h2",
    "h3",
    "h4",
    "hr",
    "blockquote",
];
/// Elements that are set apart within a line.
const CELLS: [&str; 2] = ["td", "th"];

/// The readable text of `html`: tags become line breaks and spaces, links show their
/// address, entities their character. Never fails; odd markup comes out as text.
pub(crate) fn from_html(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    let mut link: Option<(String, usize)> = None;
    // What was not found once is not looked for again: the time stays in proportion to
    // the length, whatever a template writes.
    let mut tags_end = true;
    while let Some(open) = rest.find('<') {
        push_words(&mut text, &rest[..open]);
        rest = &rest[open..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let is_tag =
            rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        let end = if is_tag && tags_end {
            let end = rest.find('>');
            tags_end = end.is_some();
            end
        } else {
            None
        };
        let Some(end) = end else {
            push_words(&mut text, "<");
            rest = &rest[1..];
            continue;
        };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        let closing = tag.starts_with('/');
        let name = tag
            .trim_start_matches('/')
            .split([' ', '\t', '\n', '\r', '/'])
            .next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        if !closing && SKIPPED.contains(&name.as_str()) {
            rest = after_element(rest, &name);
        } else if LINES.contains(&name.as_str()) {
            end_line(&mut text);
        } else if CELLS.contains(&name.as_str()) && closing {
            text.push_str("  ");
        } else if name == "a" && !closing {
            link = href(tag).map(|href| (href, text.len()));
        } else if name == "a"
            && let Some((href, start)) = link.take()
        {
            let shown = text.get(start..).unwrap_or_default().trim();
            if !href.is_empty() && shown != href {
                let _ = write!(text, " <{href}>");
            }
        }
    }
    push_words(&mut text, rest);
    tidy(&text)
}

fn after_element<'t>(rest: &'t str, name: &str) -> &'t str {
    let mut from = 0;
    while let Some(step) = rest[from..].find("</") {
        let at = from + step;
        from = at + 2;
        let tag = rest.as_bytes()[from..].get(..name.len());
        if tag.is_some_and(|tag| tag.eq_ignore_ascii_case(name.as_bytes())) {
            return rest[at..].find('>').map_or("", |end| &rest[at + end + 1..]);
        }
    }
    ""
}

fn href(tag: &str) -> Option<String> {
    let at = tag.to_ascii_lowercase().find("href=")? + 5;
    let value = &tag[at..];
    let quote = value.chars().next()?;
    let address = if matches!(quote, '"' | '\'') {
        value[1..].split(quote).next()?
    } else {
        value.split_whitespace().next()?
    };
    let mut text = String::new();
    push_words(&mut text, address);
    Some(text.trim().to_owned())
}

fn end_line(text: &mut String) {
    if !text.ends_with('\n') && !text.is_empty() {
        text.push('\n');
    }
}

/// Adds running text: white space collapses, entities are decoded.
fn push_words(text: &mut String, words: &str) {
    let mut rest = words;
    while let Some(c) = rest.chars().next() {
        if c == '&'
            && let Some((decoded, after)) = entity(rest)
        {
            text.push(decoded);
            rest = after;
            continue;
        }
        if !c.is_whitespace() {
            text.push(c);
        } else if !text.ends_with([' ', '\n']) && !text.is_empty() {
            text.push(' ');
        }
        rest = &rest[c.len_utf8()..];
    }
}

fn entity(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(12).position(|b| b == b';')?;
    let name = &text[1..end];
    let decoded = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "mdash" => '\u{2014}',
        "ndash" => '\u{2013}',
        "hellip" => '\u{2026}',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control() || *c == '\n')?
        }
    };
    Some((decoded, &text[end + 1..]))
}

/// Trims lines, and keeps at most one empty line between others.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            tidied.push_str(line);
            tidied.push('\n');
        }
    }
    tidied.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::from_html;
    use proptest::prelude::*;

    #[test]
    fn readable_text() {
        let check = |html: &str, expect: &str| assert_eq!(from_html(html), expect, "{html}");
        check("plain", "plain");
        check("<p>one</p><p>two</p>", "one\ntwo");
        check("<style>p { color: red }</style><b>bold</b>", "bold");
        check("<HEAD><title>x</title></HEAD>body", "body");
        check(
            "<table><tr><th>User</th><th>N</th></tr><tr><td>eve</td><td>5</td></tr></table>",
            "User  N\neve  5",
        );
        check(
            "a &lt;b&gt; &amp;amp; &#x27;c&#39; &quot;&nbsp;d",
            "a <b> &amp; 'c' \" d",
        );
        check("1 < 2 &unknown; &;", "1 < 2 &unknown; &;");
        check(
            "<a href=\"https://x/?a=1&amp;b=2\">go</a>",
            "go <https://x/?a=1&b=2>",
        );
        check("<a href='https://x/'>https://x/</a>", "https://x/");
        check("a<br>b<br/>c<!-- <p> -->d", "a\nb\ncd");
        check("  much \n\n space  ", "much space");
        check("<style>never closed", "");
        check("<", "<");
        check("<a href=>x</a>", "x");
        check("<style>a</b></STYLE >x", "x");
    }

    #[test]
    fn the_time_grows_with_the_length_only() {
        let started = std::time::Instant::now();
        for part in [
            "<a ",
            "<",
            "<style></style>",
            "<!-",
            "</",
            "<script></scrip",
        ] {
            from_html(&part.repeat((4 << 20) / part.len()));
            from_html(&format!("{}>", part.repeat((4 << 20) / part.len())));
        }
        assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn never_fails(html in "(<[a-z/!&\"'= ]{0,8}>?|[a-z &;#<>]{0,6}|é|<a href=|</|<!--|-->){0,30}") {
            let text = from_html(&html);
            prop_assert!(text.len() <= html.len() * 3 + 16);
        }
    }
}
