//! The lexer: tokens on demand, in one of two modes.
//!
//! The language has no single token grammar: `=` ends a word where a condition
//! begins but belongs to a value after an operator (`url=*?id=1`), and `/*`
//! begins a comment between tokens but not inside `url=*/wp-admin/*`. So the
//! parser asks for a token in the mode that its place calls for.

use crate::ast::CmpOp;
#[cfg(test)]
use std::cell::Cell;
use std::cell::OnceCell;
use std::ops::Range;

/// A token of the word mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    Word(&'t str),
    Quoted(&'t str),
    Macro(&'t str),
    Cmp(CmpOp),
    Minus,
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    Pipe,
    End,
}

/// A token with its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexed<'t> {
    pub token: Token<'t>,
    pub start: usize,
    pub end: usize,
    /// False if a quote, back-tick or comment is missing its end.
    pub closed: bool,
}

impl Lexed<'_> {
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// A text that tokens are read from, at any place.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    pub text: &'t str,
    /// Where comments can end. A calculation may be read once more as a condition and
    /// the two see different comments, so that one far end would be sought many times.
    comment_ends: OnceCell<Vec<usize>>,
    /// Bytes looked at.
    #[cfg(test)]
    pub steps: Cell<usize>,
}

impl<'t> Source<'t> {
    pub(crate) const fn new(text: &'t str) -> Self {
        Self {
            text,
            comment_ends: OnceCell::new(),
            #[cfg(test)]
            steps: Cell::new(0),
        }
    }

    /// Notes work, so that tests can show that it is in proportion to the text.
    #[cfg(test)]
    pub(crate) fn count(&self, bytes: usize) {
        self.steps.set(self.steps.get() + bytes);
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests count here")]
    pub(crate) const fn count(&self, _bytes: usize) {}

    /// The place after the end of the comment whose text begins at `pos`.
    fn comment_end(&self, pos: usize) -> Option<usize> {
        let ends = self.comment_ends.get_or_init(|| {
            let ends = memchr::memmem::find_iter(self.text.as_bytes(), "*/");
            ends.collect()
        });
        self.count(1);
        let next = ends.partition_point(|end| *end < pos);
        ends.get(next).map(|end| end + 2)
    }

    /// White space is skipped from `pos`, and at most one comment; the flag says
    /// whether there was one. `None` if it is not closed.
    pub(crate) fn skip_blank(&self, pos: usize) -> Option<(usize, bool)> {
        let rest = &self.text[pos..];
        let trimmed = rest.trim_start();
        let blank = rest.len() - trimmed.len();
        self.count(blank + 1);
        if !trimmed.starts_with("/*") {
            return Some((pos + blank, false));
        }
        self.comment_end(pos + blank + 2).map(|end| (end, true))
    }

    /// White space and comments are skipped from `pos`; the flag is false if a
    /// comment is not closed.
    fn skip_blanks(&self, mut pos: usize) -> (usize, bool) {
        loop {
            match self.skip_blank(pos) {
                Some((end, false)) => return (end, true),
                Some((end, true)) => pos = end,
                None => {
                    let rest = &self.text[pos..];
                    return (pos + rest.len() - rest.trim_start().len(), false);
                }
            }
        }
    }

    /// The token at or after `pos` where words, operators and brackets may stand.
    pub(crate) fn word_mode(&self, pos: usize) -> Lexed<'t> {
        let (start, closed) = self.skip_blanks(pos);
        if !closed {
            return unclosed(self.text, start);
        }
        let token = word_mode_token(self.text, start);
        self.count(token.end - start);
        token
    }

    /// The value at or after `pos`: quoted text, or everything up to white space,
    /// a bracket, a comma or a pipe. An empty word means that there is no value.
    pub(crate) fn value_mode(&self, pos: usize) -> Lexed<'t> {
        let blank = self.text[pos..].starts_with(char::is_whitespace);
        let (start, closed) = if blank {
            self.skip_blanks(pos)
        } else {
            (pos, true)
        };
        if !closed {
            return unclosed(self.text, start);
        }
        let token = value_mode_token(self.text, start);
        self.count(token.end - start);
        token
    }
}

/// The begin of a comment that is not closed.
const fn unclosed(text: &str, start: usize) -> Lexed<'_> {
    Lexed {
        token: Token::End,
        start,
        end: text.len(),
        closed: false,
    }
}

fn word_mode_token(text: &str, start: usize) -> Lexed<'_> {
    let rest = &text[start..];
    let token = |token, len| Lexed {
        token,
        start,
        end: start + len,
        closed: true,
    };
    let Some(first) = rest.bytes().next() else {
        return token(Token::End, 0);
    };
    match first {
        b'(' => token(Token::Open, 1),
        b')' => token(Token::Close, 1),
        b'[' => token(Token::OpenList, 1),
        b']' => token(Token::CloseList, 1),
        b',' => token(Token::Comma, 1),
        b'|' => token(Token::Pipe, 1),
        b'-' => token(Token::Minus, 1),
        b'"' | b'\'' | b'`' => delimited(text, start, first),
        b'=' => token(Token::Cmp(CmpOp::Eq), 1),
        b'<' | b'>' | b'!' => match comparison(rest) {
            Some((op, len)) => token(Token::Cmp(op), len),
            None => word(text, start),
        },
        _ => word(text, start),
    }
}

fn comparison(rest: &str) -> Option<(CmpOp, usize)> {
    let second = rest.as_bytes().get(1);
    match (rest.as_bytes().first()?, second) {
        (b'<', Some(b'=')) => Some((CmpOp::Le, 2)),
        (b'>', Some(b'=')) => Some((CmpOp::Ge, 2)),
        (b'!', Some(b'=')) => Some((CmpOp::Ne, 2)),
        (b'<', _) => Some((CmpOp::Lt, 1)),
        (b'>', _) => Some((CmpOp::Gt, 1)),
        _ => None,
    }
}

/// Text between two equal delimiters; there is no escape character.
fn delimited(text: &str, start: usize, delimiter: u8) -> Lexed<'_> {
    let body = &text[start + 1..];
    let (inner, end, closed) = match memchr::memchr(delimiter, body.as_bytes()) {
        Some(i) => (&body[..i], start + i + 2, true),
        None => (body, text.len(), false),
    };
    let token = if delimiter == b'`' {
        Token::Macro(inner)
    } else {
        Token::Quoted(inner)
    };
    Lexed {
        token,
        start,
        end,
        closed,
    }
}

fn word(text: &str, start: usize) -> Lexed<'_> {
    let rest = &text[start..];
    let bytes = rest.as_bytes();
    let len = rest
        .char_indices()
        .find(|&(i, c)| match c {
            '=' | '<' | '>' => true,
            '!' => bytes.get(i + 1) == Some(&b'='),
            _ => ends_bare(c),
        })
        .map_or(rest.len(), |(i, _)| i);
    Lexed {
        token: Token::Word(&rest[..len]),
        start,
        end: start + len,
        closed: true,
    }
}

/// Whether `c` ends an unquoted value.
fn ends_bare(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | ',' | '|') || c.is_whitespace()
}

fn value_mode_token(text: &str, start: usize) -> Lexed<'_> {
    let rest = &text[start..];
    match rest.bytes().next() {
        Some(quote @ (b'"' | b'\'')) => delimited(text, start, quote),
        _ => {
            let len = rest.find(ends_bare).unwrap_or(rest.len());
            Lexed {
                token: Token::Word(&rest[..len]),
                start,
                end: start + len,
                closed: true,
            }
        }
    }
}

/// The offset of the first byte at or after `pos` that ends raw text: a pipe,
/// or one of `also`, outside quotes and round brackets.
pub(crate) fn raw_end(text: &str, pos: usize, also: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    for (i, b) in text.bytes().enumerate().skip(pos) {
        match (quote, b) {
            (Some(q), _) if q == b => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(b),
            (None, b) if depth == 0 && (b == b'|' || also.contains(&b)) => return i,
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len()
}

/// The offset at which the text of a `norm` or `rex` command ends: a pipe or the
/// end of the stream, outside of angle brackets, round brackets and quotes. When
/// these do not balance, the first pipe.
pub(crate) fn pattern_end(text: &str, pos: usize, in_stream: bool) -> usize {
    let stops = |b: u8| b == b'|' || (in_stream && b == b']');
    let (mut angle, mut round, mut class) = (0_usize, 0_usize, false);
    let mut quote = None;
    let mut escaped = false;
    let bytes = text.as_bytes();
    for (i, &b) in bytes.iter().enumerate().skip(pos) {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (quote, b) {
            (Some(q), _) if q == b => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(b),
            (None, b'\\') => escaped = true,
            (None, b'[') => class = true,
            (None, b']') if class => class = false,
            (None, _) if class => {}
            (None, b'<') => angle += 1,
            (None, b'>') => angle = angle.saturating_sub(1),
            (None, b'(') => round += 1,
            (None, b')') => round = round.saturating_sub(1),
            (None, b) if angle + round == 0 && stops(b) => return i,
            _ => {}
        }
    }
    if angle + round == 0 && quote.is_none() && !class {
        return text.len();
    }
    bytes[pos..]
        .iter()
        .position(|b| stops(*b))
        .map_or(text.len(), |i| pos + i)
}
