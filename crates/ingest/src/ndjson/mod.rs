//! NDJSON bodies, or one JSON array: cutting them into items and flattening items.

mod array;
mod flatten;
mod names;
#[cfg(test)]
mod tests;

pub use flatten::{Flat, Limits, flatten};
pub(crate) use flatten::{flatten_marked, has_too_many_values};
pub(crate) use names::{Marks, keep_last_of_equal};

use array::ArrayItems;

/// One item of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Place among the items, from 0.
    pub index: u64,
    /// Line of the body where the item starts, from 1.
    pub line: u64,
    /// The item's text, or why it cannot be told apart from the next.
    pub text: Result<&'a [u8], &'static str>,
}

/// The items of a body: the elements of an array if the body starts with `[`,
/// otherwise its lines that are not blank.
pub fn items(body: &[u8]) -> impl Iterator<Item = Item<'_>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let first = body.iter().position(|b| !b.is_ascii_whitespace());
    let is_array = first.is_some_and(|at| body[at] == b'[');
    let (array, lines) = if is_array {
        (Some(ArrayItems::new(body)), None)
    } else {
        (
            None,
            Some(Lines {
                rest: body,
                line: 0,
            }),
        )
    };
    let found = array
        .into_iter()
        .flatten()
        .chain(lines.into_iter().flatten());
    found
        .zip(0..)
        .map(|((line, text), index)| Item { index, line, text })
}

/// The lines of a body that are not blank, without blanks at their ends.
pub fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    (Lines {
        rest: body,
        line: 0,
    })
    .filter_map(|(_, text)| text.ok())
}

/// Where an item starts, and its text.
type Place<'a> = (u64, Result<&'a [u8], &'static str>);

struct Lines<'a> {
    rest: &'a [u8],
    line: u64,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Place<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (text, rest) = match memchr::memchr(b'\n', self.rest) {
                Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            self.line += 1;
            let text = text.trim_ascii();
            if !text.is_empty() {
                return Some((self.line, Ok(text)));
            }
        }
        None
    }
}
