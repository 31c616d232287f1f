//! What is wrong with a query, where, and what to write instead.

use std::fmt::Write;
use std::ops::Range;

/// Characters of a line shown on each side of a mistake.
const WINDOW: usize = 60;
/// Most carets drawn under a span.
const MAX_CARETS: usize = 80;

/// How grave a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The query cannot run.
    Error,
    /// The query runs, but probably does not say what was meant.
    Warning,
}

/// One finding about a query text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Byte offsets into the query text.
    pub span: Range<usize>,
    /// What is wrong and what was expected, one sentence.
    pub message: String,
    /// What to write instead, if there is a good guess.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            span,
            message: message.into(),
            help: None,
        }
    }

    /// A warning at `span`.
    pub fn warning(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            span,
            message: message.into(),
            help: None,
        }
    }

    /// The same finding with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// True if the query cannot run because of this.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Line and column of the span's start, both from 1; columns count characters.
    pub fn line_col(&self, text: &str) -> (usize, usize) {
        let start = floor_boundary(text, self.span.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// The line of the mistake, a line of carets under it, the message and the help.
    ///
    /// Long lines are cut to the surroundings of the mistake; control characters
    /// are shown as blanks, so that a query cannot write to a terminal.
    pub fn render(&self, text: &str) -> String {
        let start = floor_boundary(text, self.span.start);
        let end = floor_boundary(text, self.span.end.max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let from = back_chars(&text[line_start..start], WINDOW) + line_start;
        let marked = text[start..end.min(line_end)]
            .chars()
            .count()
            .clamp(1, MAX_CARETS);
        let to = start + forward_chars(&text[start..line_end], MAX_CARETS + WINDOW);
        let (line, column) = self.line_col(text);
        let gutter = " ".repeat(line.to_string().len());
        let lead = if from > line_start { "…" } else { "" };
        let tail = if to < line_end { "…" } else { "" };
        let shown: String = text[from..to].chars().map(printable).collect();
        let pad = " ".repeat(text[from..start].chars().count() + lead.chars().count());
        let carets = "^".repeat(marked);
        let kind = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut out = format!(
            "{kind}: {message}\n{gutter}--> line {line}, column {column}\n{line} | {lead}{shown}{tail}\n{gutter} | {pad}{carets}",
            message = self.message
        );
        if let Some(help) = &self.help {
            let _ = write!(out, "\n{gutter} = help: {help}");
        }
        out
    }
}

/// Most errors, and most warnings, kept for one text.
pub(crate) const MAX_FINDINGS: usize = 50;

/// Findings about one text. Errors and warnings are limited apart, so that no number
/// of warnings can hide the error that keeps a query from running.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    all: Vec<Diagnostic>,
}

impl Findings {
    /// Whether further findings like this are dropped, so that they need not be made.
    pub(crate) fn is_full(&self, severity: Severity) -> bool {
        let alike = self.all.iter().filter(|d| d.severity == severity);
        alike.count() >= MAX_FINDINGS
    }

    pub(crate) fn push(&mut self, finding: Diagnostic) {
        if !self.is_full(finding.severity) {
            self.all.push(finding);
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.all.len()
    }

    /// Forgets all but the first `len` findings.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.all.truncate(len);
    }

    /// In order of discovery.
    pub(crate) fn into_vec(self) -> Vec<Diagnostic> {
        self.all
    }

    /// Errors first, each kind in order of place.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.all.sort_by_key(|d| (!d.is_error(), d.span.start));
        self.all.truncate(MAX_FINDINGS);
        self.all
    }
}

impl From<Vec<Diagnostic>> for Findings {
    fn from(all: Vec<Diagnostic>) -> Self {
        Self { all }
    }
}

fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// The nearest character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The offset at which the last `n` characters of `text` begin.
fn back_chars(text: &str, n: usize) -> usize {
    text.char_indices()
        .rev()
        .take(n)
        .last()
        .map_or(text.len(), |(i, _)| i)
}

/// The offset after the first `n` characters of `text`.
fn forward_chars(text: &str, n: usize) -> usize {
    text.char_indices().nth(n).map_or(text.len(), |(i, _)| i)
}

/// The candidate nearest to `word` by edit distance, if one is near enough to
/// be a likely meaning.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = match word.chars().count() {
        0 | 1 => return None,
        2..=4 => 1,
        5..=8 => 2,
        9..=40 => 3,
        _ => return None,
    };
    candidates
        .into_iter()
        .map(|c| (strsim::osa_distance(&word, &c.to_lowercase()), c))
        .filter(|(d, _)| (1..=allowed).contains(d))
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}
