//! Cutting a TCP stream into messages.

/// Digits of an octet count; more are text.
const MAX_DIGITS: usize = 8;

/// A state machine over the bytes of one connection. Its memory is bounded by
/// the longest line, whatever arrives.
///
/// A message that starts with a count, a blank and `<` is octet-counted; after a
/// connection has sent one such message, the `<` is not asked for any more. Every
/// other message ends with a line feed.
#[derive(Debug)]
pub(super) struct Framer {
    max_line: usize,
    /// Beginning of a message whose end has not arrived.
    partial: Vec<u8>,
    state: State,
    counted_before: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Too few bytes to tell the framing; they are in `partial`.
    Start,
    /// In a line; `cut` if it is too long already.
    Line { cut: bool },
    /// In an octet-counted message of which that many bytes are missing.
    Octets { left: usize, cut: bool },
}

enum Framing {
    Unknown,
    Line,
    /// Length of the count with its blank, and the count.
    Octets(usize, usize),
}

impl Framer {
    pub(super) const fn new(max_line: usize) -> Self {
        Self {
            max_line,
            partial: Vec::new(),
            state: State::Start,
            counted_before: false,
        }
    }

    /// Takes the next bytes, calling `emit` with every complete message and
    /// whether it was cut.
    pub(super) fn push(&mut self, mut input: &[u8], emit: &mut dyn FnMut(&[u8], bool)) {
        while !input.is_empty() {
            input = match self.state {
                State::Start => self.start(input),
                State::Line { cut } => self.line(input, cut, emit),
                State::Octets { left, cut } => self.octets(input, left, cut, emit),
            };
        }
    }

    /// The connection is not read any more: what is left is a message without its
    /// end. If the sender has `closed` it, a line is whole without a line feed;
    /// otherwise nobody knows what would have come.
    pub(super) fn finish(&mut self, closed: bool, emit: &mut dyn FnMut(&[u8], bool)) {
        let cut = match self.state {
            State::Start => !closed,
            State::Line { cut } => cut || !closed,
            State::Octets { .. } => true,
        };
        if !self.partial.is_empty() {
            emit(&self.partial, cut);
        }
        self.partial = Vec::new();
        self.state = State::Start;
    }

    /// Collects bytes until the framing is clear.
    fn start<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        if self.partial.is_empty() {
            // Line ends between messages belong to none.
            let blank = |b: &u8| matches!(b, b'\n' | b'\r' | b'\0');
            let first = input.iter().position(|b| !blank(b)).unwrap_or(input.len());
            if first > 0 {
                return &input[first..];
            }
        }
        let seen = self.partial.len();
        let take = input.len().min(MAX_DIGITS + 3);
        self.partial.extend_from_slice(&input[..take]);
        match framing(&self.partial, self.counted_before) {
            Framing::Unknown => &input[take..],
            Framing::Line => {
                self.partial.truncate(seen);
                self.state = State::Line { cut: false };
                // Bytes seen before this call hold no line feed, or they would have told.
                input
            }
            Framing::Octets(header, count) => {
                self.counted_before = true;
                self.partial.clear();
                self.state = State::Octets {
                    left: count,
                    cut: false,
                };
                // All of the count but for what came before this call is in `input`.
                &input[header.saturating_sub(seen)..]
            }
        }
    }

    fn line<'i>(
        &mut self,
        input: &'i [u8],
        mut cut: bool,
        emit: &mut dyn FnMut(&[u8], bool),
    ) -> &'i [u8] {
        let end = memchr::memchr(b'\n', input);
        let text = &input[..end.unwrap_or(input.len())];
        if end.is_some() && self.partial.is_empty() && text.len() <= self.max_line {
            emit(text, cut);
        } else {
            cut |= self.keep(text);
            if end.is_none() {
                self.state = State::Line { cut };
                return &[];
            }
            emit(&self.partial, cut);
        }
        self.next_message();
        &input[text.len() + 1..]
    }

    fn octets<'i>(
        &mut self,
        input: &'i [u8],
        left: usize,
        mut cut: bool,
        emit: &mut dyn FnMut(&[u8], bool),
    ) -> &'i [u8] {
        let (text, rest) = input.split_at(left.min(input.len()));
        let complete = text.len() == left;
        if complete && self.partial.is_empty() && text.len() <= self.max_line {
            emit(text, cut);
        } else {
            cut |= self.keep(text);
            if !complete {
                self.state = State::Octets {
                    left: left - text.len(),
                    cut,
                };
                return rest;
            }
            emit(&self.partial, cut);
        }
        self.next_message();
        rest
    }

    /// Keeps what fits; true if something did not.
    fn keep(&mut self, text: &[u8]) -> bool {
        let room = self.max_line.saturating_sub(self.partial.len());
        self.partial
            .extend_from_slice(&text[..text.len().min(room)]);
        text.len() > room
    }

    fn next_message(&mut self) {
        self.partial.clear();
        self.partial.shrink_to(4_096);
        self.state = State::Start;
    }
}

fn framing(seen: &[u8], counted_before: bool) -> Framing {
    let digits = seen
        .iter()
        .take(MAX_DIGITS + 1)
        .take_while(|b| b.is_ascii_digit())
        .count();
    if digits == 0 || digits > MAX_DIGITS || seen[0] == b'0' {
        return Framing::Line;
    }
    let count = || {
        seen[..digits]
            .iter()
            .fold(0, |n, b| n * 10 + usize::from(b - b'0'))
    };
    match (seen.get(digits), seen.get(digits + 1)) {
        (None, _) => Framing::Unknown,
        (Some(b' '), _) if counted_before => Framing::Octets(digits + 1, count()),
        (Some(b' '), None) => Framing::Unknown,
        (Some(b' '), Some(b'<')) => Framing::Octets(digits + 1, count()),
        _ => Framing::Line,
    }
}
