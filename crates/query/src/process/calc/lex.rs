//! The words and signs of an expression.

use super::CalcError;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Number(f64),
    Text(&'a str),
    Name(&'a str),
    Sign(&'static str),
    End,
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 24] = [
    "->", "||", "&&", "==", "!=", "<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "^",
    "!", "(", ")", "{", "}", ",", ";",
];

/// The tokens of `text` with the places at which they begin; the last is the end. Where names
/// are sought, these are known in spite of their hyphens.
pub(super) fn tokens<'a>(
    text: &'a str,
    hyphened: &[String],
) -> Result<Vec<(usize, Token<'a>)>, CalcError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    // Before the first `=` nothing is calculated, so a hyphen is none that subtracts.
    if let Some((name, _)) = text.split_once('=')
        && name.contains('-')
        && name.trim().chars().all(|c| in_name(c) || c == '-')
        && name.trim().starts_with(begins_name)
    {
        tokens.push((0, Token::Name(name.trim())));
        at = name.len();
    }
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let rest = &text[at..];
        let known = hyphened.iter().find_map(|name| {
            let behind = rest.strip_prefix(name.as_str())?;
            (!behind.starts_with(|c| in_name(c) || c == '-')).then_some(name.len())
        });
        if let Some(len) = known {
            tokens.push((at, Token::Name(&rest[..len])));
            at += len;
            continue;
        }
        let (token, len) = token(rest, c).map_err(|message| CalcError { at, message })?;
        tokens.push((at, token));
        at += len;
    }
    tokens.push((text.len(), Token::End));
    Ok(tokens)
}

fn token(rest: &str, first: char) -> Result<(Token<'_>, usize), String> {
    if matches!(first, '\'' | '"' | '`') {
        let end = rest[1..].find(first).ok_or("this quote is not closed")? + 1;
        let inner = &rest[1..end];
        let token = if first == '`' {
            Token::Name(inner)
        } else {
            Token::Text(inner)
        };
        return Ok((token, end + 1));
    }
    let bytes = rest.as_bytes();
    let digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if digit_at(0) || first == '.' && digit_at(1) {
        return number(rest);
    }
    if begins_name(first) {
        let len = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
        return Ok((Token::Name(&rest[..len]), len));
    }
    let sign = SIGNS.iter().find(|sign| rest.starts_with(*sign));
    match sign {
        Some(sign) => Ok((Token::Sign(sign), sign.len())),
        None => Err(format!("`{first}` means nothing here")),
    }
}

fn number(rest: &str) -> Result<(Token<'_>, usize), String> {
    let mut len = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let exponent = rest[len..].strip_prefix(['e', 'E']);
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if count > 0 {
            len = rest.len() - digits.len() + count;
        }
    }
    let text = &rest[..len];
    match text.parse::<f64>() {
        Ok(n) if n.is_finite() => Ok((Token::Number(n), len)),
        _ => Err(format!("`{text}` is not a number")),
    }
}

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.')
}
