//! Letter case. Texts are equal when their folded forms are.
//!
//! Folding maps each character to one character (the simple case folding of
//! Unicode, except for the dotted capital I, which stays itself), so that `?`
//! means one character before and after folding.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The folded form of one character.
pub(crate) fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    // The dotless i has the capital I, but is not an i.
    if c == 'ı' {
        return c;
    }
    single(single(c, char::to_uppercase), char::to_lowercase)
}

/// The mapping of `c` if it is one character, otherwise `c`.
fn single<I: Iterator<Item = char>>(c: char, map: impl Fn(char) -> I) -> char {
    let mut mapped = map(c);
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The folded form of `text`, borrowed if it is its own folded form.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(fold_char).collect())
}

/// Whether `text` equals `folded`, which is folded, letter case ignored.
pub(crate) fn eq_folded(text: &str, folded: &str) -> bool {
    if text.is_ascii() {
        return text.eq_ignore_ascii_case(folded);
    }
    text.chars().map(fold_char).eq(folded.chars())
}

/// The order of `text` and `folded`, which is folded, letter case ignored.
pub(crate) fn cmp_folded(text: &str, folded: &str) -> Ordering {
    text.chars().map(fold_char).cmp(folded.chars())
}
