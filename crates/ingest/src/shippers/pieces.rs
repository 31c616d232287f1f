//! Pieces of JSON that are read one by one, so that a broken one costs no other.

use crate::ndjson::items;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The elements of an array as they are written; nothing has none, nor has what is no array.
pub(super) fn elements(array: Option<&RawValue>) -> impl Iterator<Item = Result<&str, String>> {
    elements_of(array.map_or("", RawValue::get))
}

/// The same of a text.
pub(super) fn elements_of(array: &str) -> impl Iterator<Item = Result<&str, String>> {
    // Anything but an array would be read as lines.
    let array = if array.starts_with('[') { array } else { "" };
    items(array.as_bytes()).map(|item| str::from_utf8(item.text?).map_err(|e| e.to_string()))
}

/// The text of a value: of a string what it says, of others how they are written.
pub(super) fn plain(value: &RawValue) -> Cow<'_, str> {
    unquoted(value.get())
}

/// The same of a text; a string with half of a surrogate pair stays as it is written.
pub(super) fn unquoted(json: &str) -> Cow<'_, str> {
    let inside = json.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    match inside {
        None => Cow::Borrowed(json),
        Some(inside) if !inside.contains('\\') => Cow::Borrowed(inside),
        Some(_) => serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned),
    }
}
