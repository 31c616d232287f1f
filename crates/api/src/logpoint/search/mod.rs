//! Search (spec/logpoint-api.md §5).

pub(crate) mod allowed_data;
pub(crate) mod explained;
pub(crate) mod get_search_logs;
mod life;
pub(crate) mod poll;
pub(crate) mod rows;
pub(crate) mod start;
mod time_range;

use cresset_query::Diagnostic;
pub(crate) use life::LiveSearches;

/// The mistakes of a query as one text: where each is, what it is, and what to write instead.
pub(crate) fn problems(query: &str, diagnostics: &[Diagnostic]) -> String {
    const MOST: usize = 5;
    let errors = diagnostics.iter().filter(|d| d.is_error()).take(MOST);
    let shown: Vec<String> = errors.map(|d| problem(query, d)).collect();
    shown.join("; ")
}

/// [`problems`], and the line of the first with carets under it.
pub(crate) fn problems_in_place(query: &str, diagnostics: &[Diagnostic]) -> String {
    let text = problems(query, diagnostics);
    let first = diagnostics.iter().find(|d| d.is_error());
    let drawn = first.map(|first| first.render(query)).unwrap_or_default();
    // Above the line is what the text says already, below the carets is the advice.
    let line: Vec<&str> = drawn.lines().skip(2).take(2).collect();
    [&[text.as_str()][..], &line].concat().join("\n")
}

/// One finding about a query.
fn problem(query: &str, diagnostic: &Diagnostic) -> String {
    let (line, column) = diagnostic.line_col(query);
    let help = diagnostic.help.as_ref().map(|help| format!(" ({help})"));
    let message = &diagnostic.message;
    format!(
        "line {line}, column {column}: {message}{}",
        help.unwrap_or_default()
    )
}

/// A moment as clients write it: seconds since 1970, as a number or the text of one.
pub(crate) fn time_range_end(value: &serde_json::Value) -> Option<cresset_model::Timestamp> {
    time_range::epoch(value)
}
