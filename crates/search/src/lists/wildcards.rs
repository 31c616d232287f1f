//! Many entries with wildcards, compared with one value at a time.
//!
//! What an entry needs of a value is found for all entries at once: by one look into
//! the sorted begins and ends, and by one pass over the value for a literal piece of
//! each other entry. Only entries whose piece is there are compared.

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, MatchError};
use cresset_query::{Pattern, Subject, Watch, fold};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// Most bytes of a piece. It also bounds how many pieces can end at one place.
const PIECE: usize = 32;
/// Shorter pieces are in too many values to tell much.
const SHORT: usize = 3;
/// Most bytes of all pieces of a list, some 50 bytes of memory each. Entries for whose
/// pieces there is no room are compared with every value.
const PIECES: usize = 1 << 20;
/// Bytes of a value between two looks at the [`Watch`].
const STRIDE: usize = 4_096;
/// What a pattern costs besides the text that it looks at, in the steps of a [`Watch`].
const PATTERN: usize = 16;

/// The entries of a list that hold wildcards.
#[derive(Debug)]
pub(super) struct Wildcards {
    /// Of `text*`.
    begins: Begins,
    /// Of `*text`, backwards.
    ends: Begins,
    pieces: Option<Pieces>,
    /// Entries of which nothing can be sought, such as `*` and `??`.
    others: Vec<Pattern>,
}

impl Wildcards {
    pub(super) fn new<'a>(entries: impl IntoIterator<Item = &'a str>) -> Self {
        Self::with_room(entries, PIECES)
    }

    /// With so many bytes of pieces.
    fn with_room<'a>(entries: impl IntoIterator<Item = &'a str>, room: usize) -> Self {
        let (mut begins, mut ends) = (Vec::new(), Vec::new());
        let (mut mixed, mut others) = (Vec::new(), Vec::new());
        for entry in entries {
            match Pattern::new(entry) {
                Pattern::Prefix(text) => begins.push(text.into_boxed_bytes()),
                Pattern::Suffix(text) => ends.push(text.bytes().rev().collect()),
                pattern => mixed.push((fold(entry), pattern)),
            }
        }
        let mut uses = HashMap::new();
        for piece in mixed.iter().flat_map(|(text, _)| pieces(text)) {
            *uses.entry(Box::from(piece)).or_default() += 1;
        }
        let mut collected = Collected::new(room);
        for (text, pattern) in mixed {
            others.extend(collected.take(best_piece(&text, &uses), pattern));
        }
        let (pieces, unsought) = collected.finish();
        others.extend(unsought);
        Self {
            begins: Begins::new(begins),
            ends: Begins::new(ends),
            pieces,
            others,
        }
    }

    /// Whether one of the entries matches; false if `watch` ended the comparison.
    pub(super) fn match_subject(&self, subject: &Subject<'_>, watch: &Watch<'_>) -> bool {
        let text = subject.folded().as_bytes();
        let found = self.begins.begin(text.iter())
            || self.ends.begin(text.iter().rev())
            || any(&self.others, subject, watch)
            || self
                .pieces
                .as_ref()
                .is_some_and(|p| p.match_subject(subject, watch));
        found && !watch.ended()
    }
}

/// Whether one of `patterns` matches. Also true if `watch` ended the comparison.
fn any(patterns: &[Pattern], subject: &Subject<'_>, watch: &Watch<'_>) -> bool {
    let mut patterns = patterns.iter();
    patterns.any(|p| watch.spend(PATTERN) || p.matches_subject(subject, watch))
}

/// Texts that a value may begin with, sorted, none of which begins with another.
#[derive(Debug)]
struct Begins(Vec<Box<[u8]>>);

impl Begins {
    fn new(mut texts: Vec<Box<[u8]>>) -> Self {
        texts.sort_unstable();
        // What begins with a text stands right after it.
        texts.dedup_by(|next, kept| next.starts_with(kept));
        texts.shrink_to_fit();
        Self(texts)
    }

    /// Whether `value` begins with one of the texts. That text is not after the value,
    /// and what stands between the two would begin with it.
    fn begin<'v>(&self, value: impl Iterator<Item = &'v u8> + Clone) -> bool {
        let after = self.0.partition_point(|text| text.iter().le(value.clone()));
        let last = after.checked_sub(1).and_then(|last| self.0.get(last));
        last.is_some_and(|text| text.iter().eq(value.take(text.len())))
    }
}

/// The literal pieces of a folded entry, as much of each as is sought.
fn pieces(folded: &str) -> impl Iterator<Item = &[u8]> {
    let pieces = folded.split(['*', '?']).map(str::as_bytes);
    pieces.map(|piece| &piece[..piece.len().min(PIECE)])
}

/// The piece that tells most: not too short, then in few entries, then long.
fn best_piece<'t>(folded: &'t str, uses: &HashMap<Box<[u8]>, usize>) -> &'t [u8] {
    let worth = |piece: &&[u8]| {
        let uses = uses.get(*piece).copied().unwrap_or_default();
        (piece.len().min(SHORT), Reverse(uses), piece.len())
    };
    pieces(folded).max_by_key(worth).unwrap_or_default()
}

/// Pieces and their patterns, while a list is read.
struct Collected {
    /// Numbers of the pieces.
    places: HashMap<Box<[u8]>, usize>,
    /// By number of the piece.
    patterns: Vec<Vec<Pattern>>,
    /// Bytes for further pieces.
    room: usize,
}

impl Collected {
    fn new(room: usize) -> Self {
        Self {
            places: HashMap::new(),
            patterns: Vec::new(),
            room,
        }
    }

    /// Gives the pattern back if there is no piece or no room.
    fn take(&mut self, piece: &[u8], pattern: Pattern) -> Option<Pattern> {
        let known = self.places.get(piece).copied();
        if let Some(patterns) = known.and_then(|place| self.patterns.get_mut(place)) {
            patterns.push(pattern);
            return None;
        }
        if piece.is_empty() || piece.len() > self.room {
            return Some(pattern);
        }
        self.room -= piece.len();
        self.places.insert(piece.into(), self.patterns.len());
        self.patterns.push(vec![pattern]);
        None
    }

    /// The pieces, if there are any, and patterns whose pieces cannot be sought.
    fn finish(self) -> (Option<Pieces>, Vec<Pattern>) {
        if self.patterns.is_empty() {
            return (None, Vec::new());
        }
        match automaton(self.places) {
            Ok((automaton, start)) => {
                let patterns = self.patterns;
                let pieces = Pieces {
                    automaton,
                    start,
                    patterns,
                };
                (Some(pieces), Vec::new())
            }
            Err(error) => {
                tracing::warn!(%error, "a list is compared entry by entry, which is slow");
                (None, self.patterns.into_iter().flatten().collect())
            }
        }
    }
}

/// What finds the pieces of these numbers, and where it starts.
fn automaton(places: HashMap<Box<[u8]>, usize>) -> Result<(NFA, StateID), Unfit> {
    let mut pieces: Vec<(Box<[u8]>, usize)> = places.into_iter().collect();
    pieces.sort_unstable_by_key(|(_, place)| *place);
    let pieces = pieces.into_iter().map(|(piece, _)| piece);
    let automaton = NFA::builder().prefilter(false).build(pieces)?;
    let start = automaton.start_state(Anchored::No)?;
    Ok((automaton, start))
}

/// A literal piece of each pattern, and how to find all of them at once.
#[derive(Debug)]
struct Pieces {
    automaton: NFA,
    start: StateID,
    /// By number of the piece.
    patterns: Vec<Vec<Pattern>>,
}

/// The pieces cannot be sought at once.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Start(#[from] MatchError),
}

impl Pieces {
    /// Whether one of the patterns matches. Also true if `watch` ended the comparison.
    fn match_subject(&self, subject: &Subject<'_>, watch: &Watch<'_>) -> bool {
        let mut state = self.start;
        // What was found once need not be compared again where it is found again.
        let (mut seen, mut compared) = (HashSet::new(), HashSet::new());
        for part in subject.folded().as_bytes().chunks(STRIDE) {
            if watch.spend(part.len()) {
                return true;
            }
            for &byte in part {
                state = self.automaton.next_state(Anchored::No, state, byte);
                if !self.automaton.is_match(state) || !seen.insert(state) {
                    continue;
                }
                let ending = 0..self.automaton.match_len(state);
                let mut found = ending.map(|n| self.automaton.match_pattern(state, n).as_usize());
                if found.any(|n| compared.insert(n) && any(&self.patterns[n], subject, watch)) {
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_without_room_for_their_pieces_match_all_the_same() {
        let entries: Vec<String> = (0..100).map(|n| format!("*{n:032}?x*")).collect();
        let entries = || entries.iter().map(String::as_str);
        for (room, without) in [(0, 100), (63, 99), (64, 98), (PIECES, 0)] {
            let wildcards = Wildcards::with_room(entries(), room);
            assert_eq!(wildcards.others.len(), without);
            for n in [0, 1, 2, 99] {
                let held =
                    |value: &str| wildcards.match_subject(&Subject::new(value), &Watch::never());
                assert!(held(&format!("-{n:032}-X")), "{n}");
                assert!(!held(&format!("-{n:032}X")), "{n}");
            }
        }
    }

    #[test]
    fn begins_that_others_begin_with_suffice() {
        let texts = ["ab", "abc", "b", "ab", "aa", "abd", "c", "bz"];
        let begins = Begins::new(texts.map(|t| t.as_bytes().into()).to_vec());
        assert_eq!(begins.0.len(), 4);
        let check = |value: &str, expect: bool| {
            assert_eq!(begins.begin(value.as_bytes().iter()), expect, "{value}");
        };
        check("abx", true);
        check("ab", true);
        check("abcd", true);
        check("aac", true);
        check("bzz", true);
        check("ac", false);
        check("a", false);
        check("", false);
        check("d", false);
    }
}
