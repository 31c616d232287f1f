//! The signatures of `norm`: text in which `<name:type>` stands for what is to be extracted.
//!
//! White space stands for any white space; everything else outside of angle brackets stands for
//! itself, letter case included. `<:type>` is skipped. The types, which decide what may stand in
//! the place:
//!
//! | type | what |
//! |---|---|
//! | `all` | anything, as little as possible; at the end of the signature as much as possible |
//! | `string` | anything without white space, as little as possible |
//! | `word` | letters, digits and `_` |
//! | `int` | digits, perhaps behind a sign |
//! | `float` | a number with or without a fraction |
//! | `ip` | an address of either family |
//! | `quoted` | what stands between two double quotes |
//! | `'re'` | a regular expression in single or double quotes |

use super::extract::PatternError;

/// The regular expression of a signature, whose groups are called `g0`, `g1` and so on, and the
/// fields that they become.
pub(super) fn to_regex(signature: &str) -> Result<(String, Vec<String>), PatternError> {
    let mut regex = String::with_capacity(signature.len() * 2);
    let mut names = Vec::new();
    let mut rest = signature.trim();
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() {
            regex.push_str(r"\s+");
            rest = rest.trim_start();
        } else if c == '<'
            && let Some((place, after)) = place(&rest[1..])
        {
            let (name, kind) = place.split_once(':').unwrap_or((place, "string"));
            let (name, kind) = (name.trim(), kind.trim());
            let inner = inner(kind, after.trim().is_empty())?;
            let (before, inner, behind) = inner;
            regex.push_str(before);
            if name.is_empty() {
                regex.push_str(&format!("(?:{inner})"));
            } else {
                regex.push_str(&format!("(?P<g{}>{inner})", names.len()));
                names.push(name.to_owned());
            }
            regex.push_str(behind);
            rest = after;
        } else {
            regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok((regex, names))
}

/// What stands between angle brackets, and what follows; quotes hide a bracket.
fn place(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '>') => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

/// What stands before the group, in it, and behind it.
fn inner(kind: &str, last: bool) -> Result<(&'static str, String, &'static str), PatternError> {
    let plain = |inner: &str| Ok(("", inner.to_owned(), ""));
    for quote in ['\'', '"'] {
        if let Some(regex) = kind.strip_prefix(quote).and_then(|k| k.strip_suffix(quote)) {
            return plain(regex);
        }
    }
    match kind.to_ascii_lowercase().as_str() {
        "all" if last => plain("(?s:.+)"),
        "all" => plain("(?s:.+?)"),
        "string" if last => plain(r"\S+"),
        "string" => plain(r"\S+?"),
        "word" => plain(r"\w+"),
        "int" => plain("[-+]?[0-9]+"),
        "float" => plain(r"[-+]?[0-9]+(?:\.[0-9]+)?"),
        "ip" => plain(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"),
        "quoted" => Ok(("\"", "[^\"]*".to_owned(), "\"")),
        other => Err(PatternError::Signature(format!(
            "`norm` knows no type `{other}`; the types are all, string, word, int, float, ip, \
             quoted and a regular expression in quotes"
        ))),
    }
}
