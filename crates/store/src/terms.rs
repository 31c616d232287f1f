//! What searches ask instead of the texts, which take most of a file's space: see
//! [`cresset_query::terms`].
//!
//! - The column `_terms` has the line of terms of each `msg`.
//! - Each row group has a vocabulary, the line of all terms of all of its texts: a search passes
//!   over the group if what it looks for is not in there. Vocabularies stand behind the last
//!   row group, compressed by zstd; the footer's key [`PLACES`] tells where. Readers that do
//!   not know them see a Parquet file like any other.

mod known;

use cresset_model::Value;
use cresset_query::terms::{each_term, line, may_have_terms};
use foldhash::HashMap;
use known::{Numbers, Pieces};
use std::collections::BTreeSet;

/// Key of the places of vocabularies in the footer.
pub(crate) const PLACES: &str = "cresset.vocabularies";

/// Most different terms that are remembered, and most lines, so that hostile texts take no more
/// memory than others. A row group with more terms has no vocabulary.
const MAX_KNOWN: usize = 1 << 17;
/// Most bytes of them: a term is as long as its word, a line as its text.
const MAX_KNOWN_BYTES: usize = 32 << 20;
/// Most bytes of what is kept between files, also while none come.
const SMALL_BYTES: usize = 16 << 20;
/// zstd's level for vocabularies.
const LEVEL: i32 = 3;
/// Longest vocabulary that is read, in bytes.
const MAX_VOCABULARY: usize = 64 << 20;

/// Where the vocabulary of a row group is in the file, and its length when it is expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Place {
    pub(crate) at: u64,
    pub(crate) bytes: u64,
    pub(crate) expanded: usize,
}

#[derive(Debug)]
struct Term {
    /// Its first bytes, which order most terms without a look at the others.
    head: u64,
    text: Box<str>,
    /// The last row group that has it.
    group: u64,
}

impl Term {
    fn new(term: &[u8], group: u64) -> Self {
        let mut head = [0; size_of::<u64>()];
        for (head, byte) in head.iter_mut().zip(term) {
            *head = *byte;
        }
        Self {
            head: u64::from_be_bytes(head),
            text: String::from_utf8_lossy(term).into(),
            group,
        }
    }

    fn rank(&self) -> (u64, &str) {
        (self.head, &self.text)
    }
}

/// Finds the terms of a file's texts, and remembers what it found: most are of few kinds.
#[derive(Debug, Default)]
pub(crate) struct Index {
    numbers: Numbers,
    terms: Vec<Term>,
    terms_bytes: usize,
    /// Numbers of lines by those of their terms, each once and in order, and as they were found:
    /// texts made of one pattern have theirs in the same places.
    sets: HashMap<Box<[u32]>, u32>,
    known: HashMap<Box<[u32]>, u32>,
    lines: Vec<Box<str>>,
    /// Bytes of the lines and of what finds them.
    lines_bytes: usize,
    forgotten: u64,
    pieces: Pieces,
    /// Numbers of the terms of the text at hand, as often as they stand there.
    found: Vec<u32>,
    /// The row group at hand.
    group: u64,
    /// Whether some of them were forgotten.
    too_many: bool,
}

impl Index {
    const fn is_full(&self) -> bool {
        self.terms.len() > MAX_KNOWN || self.terms_bytes > MAX_KNOWN_BYTES
    }

    /// Forgets until it takes so little memory that it may be kept for later files: first the
    /// lines, which are most of it and soon made of terms.
    pub(crate) fn shrink(&mut self) {
        if self.bytes() > SMALL_BYTES {
            self.forget_lines();
        }
        if self.bytes() > SMALL_BYTES {
            self.forget();
        }
    }

    const fn bytes(&self) -> usize {
        self.terms_bytes + self.lines_bytes + self.pieces.bytes
    }

    fn forget_lines(&mut self) {
        self.known = HashMap::default();
        self.sets = HashMap::default();
        self.lines = Vec::new();
        self.lines_bytes = 0;
        self.forgotten += 1;
    }

    fn forget(&mut self) {
        *self = Self {
            forgotten: self.forgotten + 1,
            ..Self::default()
        };
    }

    /// Finds the terms of a text of the row group at hand.
    fn read(&mut self, text: &str) {
        if self.is_full() {
            self.forget();
            self.too_many = true;
        }
        self.found.clear();
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
            self.read_piece(&text[begin..end]);
            begin = end + 1;
        }
    }

    /// A term does not go beyond the end of a line, and lines such as the one of the program stand
    /// in many messages: they are read once.
    fn read_piece(&mut self, piece: &str) {
        if piece.len() < Pieces::SHORTEST {
            return self.read_terms(piece);
        }
        let hash = self.pieces.hash(piece);
        if let Some(known) = self.pieces.get(hash, piece) {
            self.found.extend_from_slice(&known.numbers);
            if std::mem::replace(&mut known.group, self.group) != self.group {
                for number in &known.numbers {
                    if let Some(term) = self.terms.get_mut(*number as usize) {
                        term.group = self.group;
                    }
                }
            }
            return;
        }
        let before = self.found.len();
        self.read_terms(piece);
        let numbers = self.found.get(before..).unwrap_or_default();
        self.pieces.note(hash, piece, numbers, self.group);
    }

    fn read_terms(&mut self, piece: &str) {
        each_term(piece, |term| {
            let number = self.numbers.of(term, self.terms.len() as u32);
            match self.terms.get_mut(number as usize) {
                Some(known) => known.group = self.group,
                None => {
                    self.terms_bytes += term.len();
                    self.terms.push(Term::new(term, self.group));
                }
            }
            self.found.push(number);
        });
    }

    /// The number of the line of a text, which holds until lines are [forgotten](Self::forgotten).
    pub(crate) fn line_of(&mut self, text: &str) -> u32 {
        self.read(text);
        if self.lines.len().max(self.known.len()) > MAX_KNOWN || self.lines_bytes > MAX_KNOWN_BYTES
        {
            self.forget_lines();
        }
        if let Some(known) = self.known.get(self.found.as_slice()) {
            return *known;
        }
        let as_found: Box<[u32]> = self.found.as_slice().into();
        self.found.sort_unstable();
        self.found.dedup();
        let known = self.sets.get(self.found.as_slice()).copied();
        let number = known.unwrap_or_else(|| {
            let terms = self.found.iter();
            let terms = terms.filter_map(|number| self.terms.get(*number as usize));
            let mut terms: Vec<_> = terms.map(Term::rank).collect();
            terms.sort_unstable();
            let number = self.lines.len() as u32;
            let line = line(terms.into_iter().map(|(_, term)| term));
            self.lines_bytes += line.len() + size_of_val(self.found.as_slice());
            self.lines.push(line.into());
            self.sets.insert(self.found.as_slice().into(), number);
            number
        });
        self.lines_bytes += size_of_val(&*as_found);
        self.known.insert(as_found, number);
        number
    }

    /// The line that has a number.
    pub(crate) fn line(&self, number: u32) -> &str {
        self.lines.get(number as usize).map_or("", |line| line)
    }

    /// How often lines were forgotten, after which numbers are given anew.
    pub(crate) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Takes note of a text of the row group at hand.
    pub(crate) fn note_text(&mut self, text: &str) {
        if may_have_terms(text) {
            self.read(text);
        }
    }

    /// Takes note of texts of the row group at hand.
    pub(crate) fn note<'v>(&mut self, values: impl Iterator<Item = &'v Value>) {
        let mut last: Option<&str> = None;
        for value in values {
            match value {
                Value::Str(text) if last == Some(text) => {}
                Value::Str(text) => {
                    last = Some(text);
                    self.note_text(text);
                }
                // Digits have no terms.
                Value::Int(_) => {}
                Value::Float(n) if n.is_finite() => {}
                Value::List(items) => items.iter().for_each(|item| self.note_text(item)),
                other => self.note_text(&other.text()),
            }
        }
    }

    /// The vocabulary of the row group at hand, with which it ends; `None` if it is too large.
    pub(crate) fn end_group(&mut self) -> Option<String> {
        let here = self.terms.iter().filter(|term| term.group == self.group);
        let mut terms: Vec<_> = here.map(Term::rank).collect();
        terms.sort_unstable();
        let vocabulary = (!self.too_many).then(|| line(terms.into_iter().map(|(_, term)| term)));
        if 2 * self.terms.len() > MAX_KNOWN || 2 * self.terms_bytes > MAX_KNOWN_BYTES {
            // Now, when the next group does not suffer from it.
            self.forget();
        }
        self.group += 1;
        self.too_many = false;
        vocabulary
    }
}

/// The terms of several vocabularies; `None` if they are too many for one.
pub(crate) fn union<'v>(vocabularies: impl Iterator<Item = &'v str>) -> Option<String> {
    let terms: BTreeSet<&str> = vocabularies
        .flat_map(|v| v.split_ascii_whitespace())
        .collect();
    let bytes: usize = terms.iter().map(|term| term.len()).sum();
    (terms.len() <= MAX_KNOWN && bytes <= MAX_KNOWN_BYTES).then(|| line(terms))
}

/// Hands the vocabularies of all row groups to `write`, which tells where it puts them, and gives
/// the value of the key [`PLACES`].
pub(crate) fn write_all<E>(
    vocabularies: &[Option<String>],
    write: &mut dyn FnMut(&[u8]) -> Result<u64, E>,
    failed: impl Fn(std::io::Error) -> E,
) -> Result<String, E> {
    let mut places = Vec::new();
    for vocabulary in vocabularies {
        places.push(match vocabulary {
            None => None,
            Some(text) => {
                let packed = zstd::bulk::compress(text.as_bytes(), LEVEL).map_err(&failed)?;
                Some(Place {
                    at: write(&packed)?,
                    bytes: packed.len() as u64,
                    expanded: text.len(),
                })
            }
        });
    }
    serde_json::to_string(&places).map_err(|error| failed(error.into()))
}

/// A vocabulary as it was written.
pub(crate) fn expand(packed: &[u8], place: Place) -> Result<String, String> {
    let expanded = zstd::bulk::decompress(packed, place.expanded.min(MAX_VOCABULARY));
    let expanded = expanded.map_err(|e| format!("a vocabulary does not read: {e}"))?;
    String::from_utf8(expanded).map_err(|_| "a vocabulary is not text".to_owned())
}

#[cfg(test)]
mod tests;
