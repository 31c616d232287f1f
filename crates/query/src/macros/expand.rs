//! Puts macros into a query, and tells where they came.

use super::call::Call;
use super::place::{Place, Stands, places};
use super::{MAX_CALLS, MAX_DEPTH, Macros};
use crate::ast::{Head, Search};
use crate::diag::Diagnostic;
use crate::parse::{MAX_TEXT, parse};
use std::collections::BTreeSet;
use std::ops::Range;

/// A query with its macros put in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    /// Upper-case names of the macros in it, those in others included.
    pub(crate) macros: BTreeSet<String>,
    /// Names as they are called of macros that there are not.
    pub(super) unknown: BTreeSet<String>,
    /// In order.
    pieces: Vec<Piece>,
}

/// What was put in for one call.
#[derive(Debug, Clone)]
struct Piece {
    name: String,
    /// The call, in the query as it was written.
    call: Range<usize>,
    /// What stands for it now.
    at: Range<usize>,
}

impl Expanded {
    /// A finding about the text as one about the query as it was written.
    pub(crate) fn told(&self, mut finding: Diagnostic) -> Diagnostic {
        let begin = finding.span.start;
        if let Some(piece) = self.pieces.iter().find(|piece| piece.at.contains(&begin)) {
            finding.message = format!("in the macro `{}`: {}", piece.name, finding.message);
            finding.span = piece.call.clone();
            return finding;
        }
        finding.span = self.written(&finding.span);
        finding
    }

    /// Where a stretch of the text stands in the query as it was written; for what a macro
    /// holds, where it is called.
    pub(crate) fn written(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.moved(span.start, |piece| piece.call.start);
        let end = self.moved(span.end, |piece| piece.call.end);
        start..end.max(start)
    }

    fn moved(&self, place: usize, within: impl Fn(&Piece) -> usize) -> usize {
        let before = self.pieces.iter().rev().find(|p| p.at.start <= place);
        match before {
            None => place,
            Some(piece) if place < piece.at.end => within(piece),
            Some(piece) => piece.call.end + (place - piece.at.end),
        }
    }
}

/// The query with all macros put in that there are. A query with mistakes comes back as it is,
/// as does a call of a macro that is not known: who types the query tells of both.
pub(crate) fn expand(text: &str, macros: &Macros) -> Result<Expanded, Vec<Diagnostic>> {
    let mut work = Work {
        macros,
        calls: 0,
        bytes: 0,
        used: BTreeSet::new(),
        unknown: BTreeSet::new(),
        stack: Vec::new(),
    };
    let (text, pieces) = work.expand(text).map_err(|mistake| vec![mistake])?;
    Ok(Expanded {
        text,
        pieces,
        macros: work.used,
        unknown: work.unknown,
    })
}

struct Work<'a> {
    macros: &'a Macros,
    calls: usize,
    /// Bytes of all texts of macros so far.
    bytes: usize,
    used: BTreeSet<String>,
    unknown: BTreeSet<String>,
    /// Upper-case names of the macros that are being put in.
    stack: Vec<String>,
}

impl Work<'_> {
    fn expand(&mut self, text: &str) -> Result<(String, Vec<Piece>), Diagnostic> {
        let as_it_is = || Ok((text.to_owned(), Vec::new()));
        // Most queries have none, and are not read twice.
        if !text.contains('`') {
            return as_it_is();
        }
        let parsed = parse(text);
        if !parsed.is_ok() {
            return as_it_is();
        }
        let (mut out, mut pieces, mut from) = (String::new(), Vec::new(), 0);
        for place in places(&parsed.query) {
            let piece = self.piece(&place);
            let piece = piece.map_err(|why| Diagnostic::error(place.span.clone(), why))?;
            let Some((name, piece)) = piece else { continue };
            out.push_str(&text[from..place.span.start]);
            let start = out.len();
            out.push_str(&piece);
            if out.len() > MAX_TEXT {
                let why = format!("with its macros the query is longer than {MAX_TEXT} bytes");
                return Err(Diagnostic::error(place.span, why));
            }
            pieces.push(Piece {
                name,
                call: place.span.clone(),
                at: start..out.len(),
            });
            from = place.span.end;
        }
        out.push_str(&text[from..]);
        Ok((out, pieces))
    }

    /// The name of a macro, and what stands for its call; `None` if there is no such macro.
    fn piece(&mut self, place: &Place) -> Result<Option<(String, String)>, String> {
        let call = Call::read(&place.call)?;
        let macros = self.macros;
        let Some(called) = macros.get(call.name) else {
            self.unknown.insert(call.name.to_owned());
            return Ok(None);
        };
        let name = called.name.to_ascii_uppercase();
        if self.stack.contains(&name) {
            let way = self.stack.join("` calls `");
            return Err(format!(
                "the macro `{name}` calls itself: `{way}` calls `{name}`"
            ));
        }
        if self.stack.len() == MAX_DEPTH {
            return Err(format!("macros call each other more than {MAX_DEPTH} deep"));
        }
        let text = call.filled(called)?;
        self.calls += 1;
        self.bytes += text.len();
        if self.calls > MAX_CALLS || self.bytes > MAX_TEXT {
            return Err(format!(
                "a query calls macros at most {MAX_CALLS} times, for at most {MAX_TEXT} bytes"
            ));
        }
        self.used.insert(name.clone());
        self.stack.push(name.clone());
        let piece = self.fitting(&name, text.trim(), place.stands);
        self.stack.pop();
        Ok(Some((name, piece?)))
    }

    /// The text of the macro, expanded itself, as it may stand there.
    fn fitting(&mut self, name: &str, text: &str, stands: Stands) -> Result<String, String> {
        let inside = |mistake: Diagnostic| match mistake.message {
            // They name macros themselves.
            told if told.starts_with("the macro `") || told.starts_with("in the ") => told,
            told => format!("in the macro `{name}`: {told}"),
        };
        // The first pipe of commands may be left out where nothing else can be meant.
        if stands == Stands::Command && !text.starts_with('|') {
            let (piped, _) = self.expand(&format!("| {text}")).map_err(inside)?;
            let Err(mistake) = kind(&piped) else {
                return Ok(piped[1..].trim_start().to_owned());
            };
            return Err(match kind(text) {
                Ok(Kind::Condition) => {
                    format!("the macro `{name}` is a condition: write `search` before it")
                }
                _ => inside(mistake),
            });
        }
        let (text, _) = self.expand(text).map_err(inside)?;
        match (kind(&text).map_err(inside)?, stands) {
            (Kind::Condition, Stands::Command) => Err(format!(
                "the macro `{name}` is a condition: write `search` before it"
            )),
            (Kind::Condition, _) => Ok(format!("({text})")),
            (Kind::Commands, Stands::Command) => Ok(text[1..].trim_start().to_owned()),
            (Kind::Commands, Stands::Head { alone: true }) | (Kind::Query, Stands::Head { .. }) => {
                Ok(text)
            }
            (Kind::Commands, _) => Err(format!(
                "the macro `{name}` is made of commands: write it behind a pipe"
            )),
            (Kind::Query, _) => Err(format!(
                "the macro `{name}` is a whole query: it can only stand at the beginning of one, \
                 with nothing but commands behind it"
            )),
        }
    }
}

/// What the text of a macro is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Condition,
    Commands,
    Query,
}

fn kind(text: &str) -> Result<Kind, Diagnostic> {
    let parsed = parse(text);
    let query = parsed.query;
    if let Some(mistake) = parsed.diagnostics.into_iter().find(Diagnostic::is_error) {
        return Err(mistake);
    }
    Ok(match (&query.head, query.commands.is_empty()) {
        (Head::Search(Search::All), false) => Kind::Commands,
        (Head::Search(_), true) => Kind::Condition,
        _ => Kind::Query,
    })
}
