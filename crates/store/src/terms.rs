//! What searches ask instead of the texts, which take most of a file's space: see
//! [`cresset_query::terms`].
//!
//! - The column `_terms` has the line of terms of each `msg`.
//! - Each row group has a vocabulary, the line of all terms of all of its texts: a search passes
//!   over the group if what it looks for is not in there. Vocabularies stand behind the last
//!   row group, compressed by zstd; the footer's key [`PLACES`] tells where. Readers that do
//!   not know them see a Parquet file like any other.

use cresset_model::Value;
use cresset_query::terms::{each_term, line};
use foldhash::HashMap;
use std::collections::BTreeSet;
use std::hash::BuildHasher;

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

/// Finds the terms of a file's texts, and remembers what it found: most are of few kinds.
#[derive(Debug, Default)]
pub(crate) struct Index {
    numbers: HashMap<Box<[u8]>, u32>,
    terms: Vec<Box<str>>,
    terms_bytes: usize,
    /// Numbers of lines by those of their terms, in order and as they were found: texts made of one
    /// pattern have theirs in the same places.
    sets: HashMap<Box<[u32]>, u32>,
    known: HashMap<Box<[u32]>, u32>,
    lines: Vec<Box<str>>,
    /// Bytes of the lines and of what finds them.
    lines_bytes: usize,
    forgotten: u64,
    pieces: Pieces,
    /// Numbers of the terms of the text at hand, each once.
    found: Vec<u32>,
    /// The last text that has a term, by its number. Texts are counted from 1.
    last_in: Vec<u64>,
    turn: u64,
    /// The last text before the row group at hand.
    group_after: u64,
    /// Whether some of them were forgotten.
    too_many: bool,
}

impl Index {
    const fn is_full(&self) -> bool {
        self.terms.len() > MAX_KNOWN || self.terms_bytes > MAX_KNOWN_BYTES
    }

    /// Whether it takes so little memory that it may be kept for later files.
    pub(crate) const fn is_small(&self) -> bool {
        self.terms_bytes + self.lines_bytes + self.pieces.bytes <= SMALL_BYTES
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
        self.turn += 1;
        let (last_in, turn) = (&mut self.last_in, self.turn);
        self.found.retain(|number| {
            let last = last_in.get_mut(*number as usize);
            last.is_some_and(|last| std::mem::replace(last, turn) != turn)
        });
    }

    /// A term does not go beyond the end of a line, and lines such as the one of the program stand
    /// in many messages: they are read once.
    fn read_piece(&mut self, piece: &str) {
        if piece.len() < Pieces::SHORTEST {
            return self.read_terms(piece);
        }
        if let Some(numbers) = self.pieces.known.get(piece) {
            return self.found.extend_from_slice(numbers);
        }
        let before = self.found.len();
        self.read_terms(piece);
        let numbers = self.found.get(before..).unwrap_or_default();
        self.pieces.note(piece, numbers);
    }

    fn read_terms(&mut self, piece: &str) {
        each_term(piece, |term| {
            let number = self.numbers.get(term).copied().unwrap_or_else(|| {
                let number = self.terms.len() as u32;
                self.terms_bytes += term.len();
                self.numbers.insert(term.into(), number);
                self.terms.push(String::from_utf8_lossy(term).into());
                self.last_in.push(0);
                number
            });
            self.found.push(number);
        });
    }

    /// The number of the line of a text, which holds until lines are [forgotten](Self::forgotten).
    pub(crate) fn line_of(&mut self, text: &str) -> u32 {
        self.read(text);
        if self.lines.len().max(self.known.len()) > MAX_KNOWN || self.lines_bytes > MAX_KNOWN_BYTES
        {
            self.known.clear();
            self.sets.clear();
            self.lines.clear();
            self.lines_bytes = 0;
            self.forgotten += 1;
        }
        if let Some(known) = self.known.get(self.found.as_slice()) {
            return *known;
        }
        let as_found: Box<[u32]> = self.found.as_slice().into();
        self.found.sort_unstable();
        let known = self.sets.get(self.found.as_slice()).copied();
        let number = known.unwrap_or_else(|| {
            let terms = self.found.iter();
            let terms = terms.filter_map(|number| self.terms.get(*number as usize));
            let mut terms: Vec<&str> = terms.map(|term| &**term).collect();
            terms.sort_unstable();
            let number = self.lines.len() as u32;
            let line = line(terms);
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
        self.read(text);
    }

    /// Takes note of texts of the row group at hand.
    pub(crate) fn note<'v>(&mut self, values: impl Iterator<Item = &'v Value>) {
        let mut last: Option<&str> = None;
        for value in values {
            match value {
                Value::Str(text) if last == Some(text) => {}
                Value::Str(text) => {
                    last = Some(text);
                    self.read(text);
                }
                // Digits have no terms.
                Value::Int(_) => {}
                Value::Float(n) if n.is_finite() => {}
                Value::List(items) => items.iter().for_each(|item| self.read(item)),
                other => self.read(&other.text()),
            }
        }
    }

    /// The vocabulary of the row group at hand, with which it ends; `None` if it is too large.
    pub(crate) fn end_group(&mut self) -> Option<String> {
        let here = self.terms.iter().zip(&self.last_in);
        let here = here.filter(|(_, last)| **last > self.group_after);
        let mut terms: Vec<&str> = here.map(|(term, _)| &**term).collect();
        terms.sort_unstable();
        let vocabulary = (!self.too_many).then(|| line(terms));
        if 2 * self.terms.len() > MAX_KNOWN || 2 * self.terms_bytes > MAX_KNOWN_BYTES {
            // Now, when the next group does not suffer from it.
            self.forget();
        }
        self.group_after = self.turn;
        self.too_many = false;
        vocabulary
    }
}

/// Lines of messages whose terms are known.
#[derive(Debug, Default)]
struct Pieces {
    known: HashMap<Box<str>, Box<[u32]>>,
    bytes: usize,
    /// Hashes of the lines that were read of late, by their last bits: what was read once only is
    /// not kept, and most lines that hold a time or an identifier are not read again.
    once: Vec<u64>,
}

impl Pieces {
    /// Shorter lines are read in no time.
    const SHORTEST: usize = 12;
    const ONCE: usize = 1 << 14;
    /// Most bytes of the lines that are kept.
    const MAX_BYTES: usize = 8 << 20;

    fn note(&mut self, piece: &str, numbers: &[u32]) {
        let hash = self.known.hasher().hash_one(piece);
        if self.once.is_empty() {
            self.once = vec![0; Self::ONCE];
        }
        let Some(once) = self.once.get_mut(hash as usize % Self::ONCE) else {
            return;
        };
        if std::mem::replace(once, hash) != hash {
            return;
        }
        self.bytes += piece.len() + size_of_val(numbers);
        if self.bytes > Self::MAX_BYTES {
            self.known.clear();
            self.bytes = 0;
            return;
        }
        self.known.insert(piece.into(), numbers.into());
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
mod tests {
    use super::*;

    fn noted(index: &mut Index, texts: impl Iterator<Item = String>) -> Option<String> {
        let values: Vec<Value> = texts.map(Value::from).collect();
        index.note(values.iter());
        index.end_group()
    }

    /// The number in letters that are no digits of identifiers.
    fn word(n: usize) -> String {
        format!("{n:o}")
            .bytes()
            .map(|b| char::from(b - b'0' + b'g'))
            .collect()
    }

    #[test]
    fn what_is_too_much_has_no_vocabulary_and_the_next_group_has_one() {
        let mut index = Index::default();
        let long = |n: usize| "x".repeat(MAX_KNOWN_BYTES / 4) + &word(n);
        for _ in 0..2 {
            assert_eq!(noted(&mut index, (0..8).map(long)), None);
            let few = noted(
                &mut index,
                ["alice 17".to_owned(), "bob".to_owned()].into_iter(),
            );
            assert_eq!(few.as_deref(), Some(" alice bob "));
            let many = noted(&mut index, (100..MAX_KNOWN + 200).map(word));
            assert_eq!(many, None);
        }
    }

    #[test]
    fn lines_that_were_forgotten_are_made_again() {
        let mut index = Index::default();
        let text = |n: usize| "y".repeat(MAX_KNOWN_BYTES / 8) + " " + &word(n + 100);
        for _ in 0..2 {
            for n in 0..20 {
                let expect = format!(" {} ", {
                    let mut terms: Vec<String> = text(n).split(' ').map(str::to_owned).collect();
                    terms.sort();
                    terms.join(" ")
                });
                let line = index.line_of(&text(n));
                assert!(index.line(line) == expect, "{n}");
            }
        }
        assert!(index.lines_bytes <= MAX_KNOWN_BYTES + (MAX_KNOWN_BYTES >> 2));
        assert!(index.end_group().is_some(), "lines are no terms");
    }

    #[test]
    fn lines_of_messages_that_come_again_are_read_once_and_right() {
        let mut index = Index::default();
        let text = |n: usize| {
            format!(
                "Program started:\r\nImage: C:\\{}\n{}",
                word(n),
                word(n * 7)
            )
        };
        let long = "-".repeat(4_000);
        for n in 0..3_000 {
            let text = text(n % 2_000) + "\nPath: " + &long + &word(n);
            let mut terms = BTreeSet::new();
            each_term(&text, |term| {
                terms.insert(String::from_utf8_lossy(term).into_owned());
            });
            let expect = line(terms.iter().map(String::as_str));
            for _ in 0..3 {
                let line = index.line_of(&text);
                assert_eq!(index.line(line), expect, "{n}");
            }
        }
        assert!(index.pieces.bytes <= Pieces::MAX_BYTES);
        assert!(!index.pieces.known.is_empty());
        let known = index.pieces.known.len();
        assert!(known < 4_000, "{known}: nothing was ever forgotten");
    }

    #[test]
    fn vocabularies_join_as_far_as_they_may() {
        let joined = union([" alice bob ", " bob carol "].into_iter());
        assert_eq!(joined.as_deref(), Some(" alice bob carol "));
        let many = line(
            (100..MAX_KNOWN + 200)
                .map(word)
                .collect::<BTreeSet<_>>()
                .iter()
                .map(String::as_str),
        );
        assert_eq!(union(std::iter::once(many.as_str())), None);
    }
}
