//! Cutting a JSON array into its elements without parsing them, so that one
//! element that does not read leaves the others alone.

use super::Place;

pub(super) struct ArrayItems<'a> {
    body: &'a [u8],
    at: usize,
    line: u64,
    /// Newlines before this place are counted in `line`.
    counted: usize,
    done: bool,
}

impl<'a> ArrayItems<'a> {
    /// The elements of a body whose first character is `[`.
    pub(super) fn new(body: &'a [u8]) -> Self {
        let at = memchr::memchr(b'[', body).map_or(body.len(), |at| at + 1);
        Self {
            body,
            at,
            line: 1,
            counted: 0,
            done: false,
        }
    }

    fn line_at(&mut self, at: usize) -> u64 {
        self.line += memchr::memchr_iter(b'\n', &self.body[self.counted..at]).count() as u64;
        self.counted = at;
        self.line
    }

    fn skip_blanks(&mut self) {
        while self.body.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// Ends the iteration; says so if anything follows the array.
    fn finish(&mut self) -> Option<Place<'a>> {
        self.done = true;
        self.at += 1;
        self.skip_blanks();
        (self.at < self.body.len()).then(|| {
            (
                self.line_at(self.at),
                Err("there is text after the end of the array"),
            )
        })
    }

    /// The end of the element that starts here: the place of its `,` or `]`.
    fn element_end(&self) -> Option<usize> {
        let mut depth = 0usize;
        let mut at = self.at;
        while let Some(b) = self.body.get(at) {
            match b {
                b'"' => at = string_end(self.body, at + 1)?,
                b'{' | b'[' => depth += 1,
                b']' | b',' if depth == 0 => return Some(at),
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
        None
    }
}

/// The place of the quote that ends a string whose text begins at `at`.
pub(super) fn string_end(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', body.get(at..)?)?;
        if body[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

impl<'a> Iterator for ArrayItems<'a> {
    type Item = Place<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        self.skip_blanks();
        let start = self.at;
        let line = self.line_at(start.min(self.body.len()));
        if self.body.get(start) == Some(&b']') {
            return self.finish();
        }
        let Some(end) = self.element_end() else {
            self.done = true;
            return Some((
                line,
                Err("the array is not closed; this element or a later one is cut"),
            ));
        };
        let text = self.body[start..end].trim_ascii();
        // The `]` is left for the next call.
        self.at = if self.body[end] == b',' { end + 1 } else { end };
        Some((line, Ok(text)))
    }
}
