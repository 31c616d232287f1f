//! Where in a stream of HTTP/1 requests the request targets are.
//!
//! This must agree with the HTTP library about where a request ends, or a body could be taken
//! for a request. It reads the same things more strictly: whatever it does not know, or what
//! can be read in two ways, ends its work on the connection, and all later bytes go through
//! untouched. What the library refuses ends the connection there, so it does not matter what
//! is made of the bytes behind.

use cresset_api::target::{CUT, LONGEST};
use memchr::memchr;

/// Longest method whose target is looked at, in bytes.
const MAX_METHOD: usize = 16;

/// The place in the stream. Its size does not depend on what arrives.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
    method: [u8; MAX_METHOD],
    method_length: usize,
    /// Bytes of the target that were passed on so far.
    target: usize,
    body: Body,
}

/// What the head has told about the body so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Body {
    #[default]
    None,
    Sized(u64),
    Chunked,
    /// After the head come bytes that are perhaps no HTTP/1.
    Unknown,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before a request, where empty lines may be.
    #[default]
    Start,
    /// After the CR of an empty line before a request.
    StartLf,
    Method,
    Target,
    /// In what is too much of a target, up to its end, which the time for a head limits.
    Cut {
        marked: bool,
    },
    /// At the beginning of a line of the head.
    Line,
    /// In the name of a line, of which so many bytes are those of this name.
    Name(Known, usize),
    /// In the digits of `Content-Length`.
    Length {
        digits: Option<u64>,
        ended: bool,
    },
    /// In `Transfer-Encoding`, of which so many bytes are those of `chunked`.
    Encoding {
        matched: usize,
        ended: bool,
    },
    /// In a line, or the rest of one, that says nothing about the body.
    Skip,
    /// After the CR of the empty line that ends a head.
    HeadLf,
    /// So many bytes of a body are left.
    Sized(u64),
    /// In the size of a chunk.
    ChunkSize(Option<u64>),
    /// Behind the size of a chunk, before CR.
    ChunkExtension(u64),
    ChunkSizeLf(u64),
    /// So many bytes of a chunk are left.
    Chunk(u64),
    ChunkCr,
    ChunkLf,
    /// At the beginning of a trailer line, or of the empty line behind.
    Trailer,
    TrailerLine,
    TrailerLf,
    ChunksLf,
    /// Nothing is looked at any more.
    Untouched,
}

/// Headers that tell about the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    ContentLength,
    TransferEncoding,
    Upgrade,
}

impl Known {
    const fn beginning_with(byte: u8) -> Option<Self> {
        match byte {
            b'c' | b'C' => Some(Self::ContentLength),
            b't' | b'T' => Some(Self::TransferEncoding),
            b'u' | b'U' => Some(Self::Upgrade),
            _ => None,
        }
    }

    const fn name(self) -> &'static [u8] {
        match self {
            Self::ContentLength => b"content-length",
            Self::TransferEncoding => b"transfer-encoding",
            Self::Upgrade => b"upgrade",
        }
    }
}

/// The bytes that stay as they are. A space or line end, which ends the target, is none of them.
const STAYS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = !matches!(byte, b'"' | b'<' | b'>');
        byte += 1;
    }
    table
};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

impl Framing {
    /// Reads `bytes`, up to the first that must be encoded or is too much: its place is returned
    /// and it is counted as read.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match self.state {
                State::Untouched => return None,
                State::Target => {
                    let run = rest.iter().position(|b| !STAYS[usize::from(*b)]);
                    let passed = run.unwrap_or(rest.len());
                    if passed > LONGEST - self.target {
                        let kept = LONGEST - self.target;
                        self.state = State::Cut { marked: false };
                        return Some(at + kept);
                    }
                    self.target += passed;
                    match rest.get(passed)? {
                        b' ' => self.target_ended(State::Skip),
                        b'\r' | b'\n' => self.target_ended(State::Untouched),
                        _ => {
                            self.target += "%00".len();
                            if self.target > LONGEST {
                                self.state = State::Cut { marked: false };
                            }
                            return Some(at + passed);
                        }
                    }
                    passed + 1
                }
                State::Cut { .. } => {
                    match rest[0] {
                        b' ' => self.target_ended(State::Skip),
                        b'\r' | b'\n' => self.target_ended(State::Untouched),
                        _ => return Some(at),
                    }
                    1
                }
                State::Skip => match memchr(b'\n', rest) {
                    Some(end) => {
                        self.state = State::Line;
                        end + 1
                    }
                    None => return None,
                },
                State::Sized(left) => {
                    let taken = taken(left, rest);
                    self.state = match left - taken {
                        0 => State::Start,
                        left => State::Sized(left),
                    };
                    taken as usize
                }
                State::Chunk(left) => {
                    let taken = taken(left, rest);
                    self.state = match left - taken {
                        0 => State::ChunkCr,
                        left => State::Chunk(left),
                    };
                    taken as usize
                }
                State::Start if rest.starts_with(b"GET ") => {
                    self.state = State::Target;
                    b"GET ".len()
                }
                State::Start if rest.starts_with(b"POST ") => {
                    self.state = State::Target;
                    b"POST ".len()
                }
                state => {
                    let known = match state {
                        State::Line => self.line(rest),
                        _ => None,
                    };
                    known.unwrap_or_else(|| {
                        self.state = self.step(state, rest[0]);
                        1
                    })
                }
            };
        }
        None
    }

    fn target_ended(&mut self, state: State) {
        (self.state, self.target) = (state, 0);
    }

    /// The bytes with what must be encoded encoded, and without what is too much. The first one
    /// is such a byte: [`Self::scan`] has found it.
    pub(super) fn rewrite(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 32);
        let (mut rest, mut found) = (bytes, Some(0));
        while let Some(at) = found {
            let byte = rest[at];
            out.extend_from_slice(&rest[..at]);
            if let State::Cut { marked } = &mut self.state {
                if !std::mem::replace(marked, true) {
                    out.extend_from_slice(CUT.as_bytes());
                }
            } else {
                let digits = [byte >> 4, byte & 15].map(|n| HEX[usize::from(n)]);
                out.extend_from_slice(&[b'%', digits[0], digits[1]]);
            }
            rest = &rest[at + 1..];
            found = self.scan(rest);
        }
        out.extend_from_slice(rest);
        out
    }

    fn step(&mut self, state: State, byte: u8) -> State {
        match (state, byte) {
            (State::Start, b'\r') => State::StartLf,
            (State::Start | State::StartLf, b'\n') => State::Start,
            (State::Start, _) => {
                self.method_length = 0;
                self.method(byte)
            }
            (State::Method, b' ') => match &self.method[..self.method_length] {
                // The beginning of HTTP/2, and of a tunnel.
                b"PRI" | b"CONNECT" => State::Untouched,
                _ => State::Target,
            },
            (State::Method, _) => self.method(byte),
            (State::Line, b'\r') => State::HeadLf,
            (State::Line | State::HeadLf, b'\n') => self.head_ended(),
            (State::Line, b' ' | b'\t') => State::Untouched,
            (State::Line, _) => match Known::beginning_with(byte) {
                Some(known) => State::Name(known, 1),
                None => State::Skip,
            },
            (State::Name(known, matched), _) => self.name(known, matched, byte),
            (State::Length { digits, ended }, _) => self.length(digits, ended, byte),
            (State::Encoding { matched, ended }, _) => self.encoding(matched, ended, byte),
            _ => chunks(state, byte),
        }
    }

    /// Reads a line of a head that says nothing about the body, or the name of one that does:
    /// how much was read, if it is all there. [`Self::step`] does the same byte by byte.
    fn line(&mut self, rest: &[u8]) -> Option<usize> {
        let first = *rest.first()?;
        if matches!(first, b'\r' | b'\n' | b' ' | b'\t') {
            return None;
        }
        if let Some(known) = Known::beginning_with(first) {
            let length = known.name().len();
            let (name, behind) = rest.split_at_checked(length)?;
            if name.eq_ignore_ascii_case(known.name()) {
                self.state = self.name(known, length, *behind.first()?);
                return Some(length + 1);
            }
        }
        memchr(b'\n', rest).map(|end| end + 1)
    }

    fn method(&mut self, byte: u8) -> State {
        let place = self.method.get_mut(self.method_length);
        match place {
            Some(place) if byte.is_ascii_alphabetic() || byte == b'-' => {
                *place = byte;
                self.method_length += 1;
                State::Method
            }
            _ => State::Untouched,
        }
    }

    fn name(&mut self, known: Known, matched: usize, byte: u8) -> State {
        match (known.name().get(matched), byte) {
            (Some(wanted), _) if byte.eq_ignore_ascii_case(wanted) => {
                State::Name(known, matched + 1)
            }
            (Some(_), b'\n') => State::Line,
            (Some(_), _) => State::Skip,
            (None, b':') => match known {
                Known::ContentLength => State::Length {
                    digits: None,
                    ended: false,
                },
                Known::TransferEncoding => State::Encoding {
                    matched: 0,
                    ended: false,
                },
                Known::Upgrade => {
                    self.body = Body::Unknown;
                    State::Skip
                }
            },
            // As it may be read by somebody: `Content-Length : 5`.
            (None, b' ' | b'\t' | b'\r' | b'\n') => State::Untouched,
            (None, _) => State::Skip,
        }
    }

    fn length(&mut self, digits: Option<u64>, ended: bool, byte: u8) -> State {
        match byte {
            b' ' | b'\t' => State::Length {
                digits,
                ended: digits.is_some(),
            },
            b'\r' => State::Length {
                digits,
                ended: true,
            },
            b'0'..=b'9' if !ended => {
                let sum = digits.unwrap_or(0).checked_mul(10);
                let sum = sum.and_then(|n| n.checked_add(u64::from(byte - b'0')));
                sum.map_or(State::Untouched, |sum| State::Length {
                    digits: Some(sum),
                    ended,
                })
            }
            b'\n' => self.told(digits.map(Body::Sized)),
            _ => State::Untouched,
        }
    }

    fn encoding(&mut self, matched: usize, ended: bool, byte: u8) -> State {
        const CHUNKED: &[u8] = b"chunked";
        match (byte, CHUNKED.get(matched)) {
            (b' ' | b'\t', _) => State::Encoding {
                matched,
                ended: matched > 0,
            },
            (b'\r', _) => State::Encoding {
                matched,
                ended: true,
            },
            (b'\n', None) => self.told(Some(Body::Chunked)),
            (_, Some(wanted)) if !ended && byte.eq_ignore_ascii_case(wanted) => State::Encoding {
                matched: matched + 1,
                ended,
            },
            _ => State::Untouched,
        }
    }

    /// A header line told about the body. Two that do are one too many.
    fn told(&mut self, body: Option<Body>) -> State {
        match (self.body, body) {
            (Body::None, Some(body)) => {
                self.body = body;
                State::Line
            }
            (Body::Unknown, Some(_)) => State::Line,
            _ => State::Untouched,
        }
    }

    fn head_ended(&mut self) -> State {
        match std::mem::take(&mut self.body) {
            Body::None | Body::Sized(0) => State::Start,
            Body::Sized(length) => State::Sized(length),
            Body::Chunked => State::ChunkSize(None),
            Body::Unknown => State::Untouched,
        }
    }
}

/// How many of `rest` are among the next `left` bytes.
fn taken(left: u64, rest: &[u8]) -> u64 {
    left.min(rest.len() as u64)
}

fn chunks(state: State, byte: u8) -> State {
    match (state, byte) {
        (State::ChunkSize(size), _) => match (char::from(byte).to_digit(16), size) {
            (Some(digit), _) => {
                let size = size.unwrap_or(0).checked_mul(16);
                let size = size.and_then(|size| size.checked_add(digit.into()));
                size.map_or(State::Untouched, |size| State::ChunkSize(Some(size)))
            }
            (None, Some(size)) => match byte {
                b'\r' => State::ChunkSizeLf(size),
                b';' | b' ' | b'\t' => State::ChunkExtension(size),
                _ => State::Untouched,
            },
            (None, None) => State::Untouched,
        },
        (State::ChunkExtension(size), b'\r') => State::ChunkSizeLf(size),
        (State::ChunkExtension(_), b'\n') => State::Untouched,
        (State::ChunkExtension(size), _) => State::ChunkExtension(size),
        (State::ChunkSizeLf(0), b'\n') => State::Trailer,
        (State::ChunkSizeLf(size), b'\n') => State::Chunk(size),
        (State::ChunkCr, b'\r') => State::ChunkLf,
        (State::ChunkLf, b'\n') => State::ChunkSize(None),
        (State::Trailer, b'\r') => State::ChunksLf,
        (State::Trailer, _) => State::TrailerLine,
        (State::TrailerLine, b'\r') => State::TrailerLf,
        (State::TrailerLine, _) => State::TrailerLine,
        (State::TrailerLf, b'\n') => State::Trailer,
        (State::ChunksLf, b'\n') => State::Start,
        _ => State::Untouched,
    }
}
