//! Typed plans.

#[cfg(test)]
mod bound_tests;
mod compile;
mod counting;
mod feed;
mod lookup;
mod lower;
mod pattern;
mod process;
mod scope;
mod stage;
mod statistics;
#[cfg(test)]
mod tests;

pub use counting::Counting;
pub(crate) use pattern::{Link, Pattern, Repeat, Stream, Tie};
pub(crate) use stage::{
    Aggregate, Argument, Chart, Fed, Key, Rank, RankFn, Renaming, SortKey, Stage, ToList,
};

use crate::ast::{CommandKind, Head, Part, Query, Search};
use crate::diag::{Diagnostic, Findings};
use crate::eval::{Context, Expr};
use crate::exec::Executor;
use crate::explain::Explanation;
use crate::live::{LiveShape, live_shape};
use crate::macros::{Expanded, Macros, expand};
use crate::parse::parse;
use crate::process::Step;
use lower::Lowering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// What a query gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryKind {
    /// Events.
    Simple,
    /// Groups with aggregates.
    Chart,
    /// Groups with aggregates per span of time.
    Timechart,
}

/// A query that can run. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Plan {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    written: String,
    expanded: Expanded,
    query: Query,
    typed: compile::Typed,
    warnings: Vec<Diagnostic>,
}

/// Parses and types a query.
///
/// The errors are all that were found, in order of place: mistakes of syntax
/// if there are any, otherwise names that cannot be there and constructs that
/// are not supported yet.
pub fn compile(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    compile_with(text, &Macros::default())
}

/// [`compile()`] of a query that may call these macros. What is wrong within one is told where it
/// is called.
pub fn compile_with(text: &str, macros: &Macros) -> Result<Plan, Vec<Diagnostic>> {
    let expanded = expand(text, macros)?;
    let told = |findings: Findings| {
        let sorted = findings.into_sorted().into_iter();
        sorted.map(|finding| expanded.told(finding)).collect()
    };
    let parsed = parse(&expanded.text);
    if !parsed.is_ok() {
        return Err(told(Findings::from(parsed.diagnostics)));
    }
    let mut lowering = Lowering {
        findings: Findings::from(parsed.diagnostics),
        ..Lowering::default()
    };
    let typed = lowering.query(&parsed.query);
    let diagnostics: Vec<Diagnostic> = told(lowering.findings);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(diagnostics);
    }
    let query = parsed.query;
    let inner = Inner {
        written: text.to_owned(),
        expanded,
        query,
        typed,
        warnings: diagnostics,
    };
    Ok(Plan {
        inner: Arc::new(inner),
    })
}

/// A query that finds all that some stream looks for, and perhaps more.
fn portable_streams(parts: &[Part]) -> String {
    // A table is looked at where the query runs.
    let events = parts.iter().filter(|part| part.stream.table.is_none());
    let searches = events.map(|part| {
        let mut kept = Vec::new();
        part.stream.search.keep_portable(&mut kept);
        all_of(kept)
    });
    let any: Vec<Search> = searches.collect();
    let head = if any.contains(&Search::All) {
        Search::All
    } else {
        Search::Or(any)
    };
    head_alone(head)
}

fn all_of(mut kept: Vec<Search>) -> Search {
    match kept.len() {
        0 => Search::All,
        1 => kept.remove(0),
        _ => Search::And(kept),
    }
}

fn head_alone(search: Search) -> String {
    crate::explain::query(&Query {
        head: Head::Search(search),
        commands: Vec::new(),
    })
}

impl Plan {
    /// The query as it was written, to which the places of [`Plan::warnings`] belong.
    pub fn written(&self) -> &str {
        &self.inner.written
    }

    /// The query with its macros put in: what runs, here or at another server.
    pub fn text(&self) -> &str {
        &self.inner.expanded.text
    }

    /// Upper-case names of the macros in it, those in others included.
    pub fn macros(&self) -> &BTreeSet<String> {
        &self.inner.expanded.macros
    }

    /// The syntax tree.
    pub fn query(&self) -> &Query {
        &self.inner.query
    }

    /// Findings that do not keep the query from running.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.inner.warnings
    }

    /// What the query gives.
    pub fn kind(&self) -> QueryKind {
        self.inner.typed.kind
    }

    /// The leading boolean search, with the `search` commands that follow it
    /// directly; always true if there is none.
    pub fn filter(&self) -> &Expr {
        &self.inner.typed.filter
    }

    pub(crate) fn pattern(&self) -> Option<&Pattern> {
        self.inner.typed.pattern.as_ref()
    }

    pub(crate) fn stages(&self) -> &[Stage] {
        &self.inner.typed.stages
    }

    pub(crate) fn columns(&self) -> (&[String], &[String]) {
        (&self.inner.typed.columns, &self.inner.typed.grouping)
    }

    /// The query, fully parenthesised, one way to write each construct. Parsing
    /// the explanation gives the same explanation.
    pub fn explain(&self) -> String {
        crate::explain::query(&self.inner.query)
    }

    /// How the plan runs, in words.
    pub fn explanation(&self) -> Explanation {
        Explanation::of(self)
    }

    /// Fields that the whole plan needs; `None` means all. Event time is always
    /// needed and only named if the plan reads it as a field.
    pub fn fields_read(&self) -> Option<BTreeSet<String>> {
        let mut fields = self.fields_needed()?;
        self.filter().fields_into(&mut fields);
        Some(fields)
    }

    /// The same without what only the filter reads: what events need that meet it.
    pub fn fields_needed(&self) -> Option<BTreeSet<String>> {
        match self.pattern() {
            None => self.rows_needed(),
            Some(pattern) => pattern.events_need(self.rows_needed().as_ref()),
        }
    }

    /// Fields that rows need before the first step; `None` means all.
    pub(crate) fn rows_needed(&self) -> Option<BTreeSet<String>> {
        let stages = self.stages().iter().rev();
        let needed = stages.fold(None, |after, s| s.fields_before(after));
        match self.pattern() {
            None => needed,
            Some(pattern) => pattern.rows_need(needed),
        }
    }

    /// Fields that the filter reads.
    pub fn filter_fields(&self) -> BTreeSet<String> {
        let mut fields = BTreeSet::new();
        self.filter().fields_into(&mut fields);
        fields
    }

    /// Fields whose values the filter may judge otherwise than their texts.
    pub fn fields_judged_by_kind(&self) -> BTreeSet<String> {
        let mut fields = BTreeSet::new();
        self.filter().judged_by_kind_into(&mut fields);
        fields
    }

    /// The part of the leading search that means the same at any server, as a query that finds
    /// all that the whole finds and perhaps more; `None` if that is the whole. It looks nothing
    /// up in lists and asks for no part of a time, which depends on the account's time zone.
    pub fn portable_filter(&self) -> Option<String> {
        let query = self.query();
        let head = match &query.head {
            Head::Search(search) => search,
            Head::Pattern(parts) => return Some(portable_streams(parts)),
        };
        let following = query
            .commands
            .iter()
            .map_while(|command| match &command.kind {
                CommandKind::Search(search) => Some(search),
                _ => None,
            });
        let searches: Vec<&Search> = std::iter::once(head).chain(following).collect();
        if !searches.iter().any(|search| search.is_local()) {
            return None;
        }
        let mut kept = Vec::new();
        for search in searches {
            search.keep_portable(&mut kept);
        }
        Some(head_alone(all_of(kept)))
    }

    /// Names of lists and tables used.
    pub fn lists(&self) -> BTreeSet<String> {
        let mut lists = BTreeSet::new();
        self.filter().lists_into(&mut lists);
        if let Some(pattern) = self.pattern() {
            pattern.lists_into(&mut lists);
        }
        for stage in self.all_stages() {
            match stage {
                Stage::Search(condition) => condition.lists_into(&mut lists),
                Stage::Chart(chart) => chart.lists_into(&mut lists),
                Stage::Compute(step) => step.lists_into(&mut lists),
                _ => {}
            }
        }
        lists
    }

    /// The lists that a run feeds (`process toList`): names in upper case, and where in the
    /// text as it was written each is named for the last time, in bytes.
    pub fn lists_fed(&self) -> BTreeMap<String, Range<usize>> {
        let expanded = &self.inner.expanded;
        let fed = |stage: &Stage| match stage {
            Stage::ToList(to_list) => Some((to_list.list.clone(), expanded.written(&to_list.at))),
            _ => None,
        };
        self.all_stages().filter_map(fed).collect()
    }

    /// True if the query asks where addresses are, which takes a database of them.
    pub fn asks_places(&self) -> bool {
        let asks = |stage: &Stage| matches!(stage, Stage::Compute(Step::Locate(_)));
        self.all_stages().any(asks)
    }

    /// The steps of streams and those that follow.
    fn all_stages(&self) -> impl Iterator<Item = &Stage> {
        let streams = self.pattern().into_iter().flat_map(|p| &p.streams);
        streams.flat_map(|s| &s.stages).chain(self.stages())
    }

    /// True if every event that meets the filter is one row of the result, in the order
    /// of events: then who runs the plan need not give it more events than it wants rows.
    pub fn rows_are_events(&self) -> bool {
        if self.pattern().is_some() {
            return false;
        }
        let one_to_one =
            |s: &Stage| matches!(s, Stage::Fields(_) | Stage::Rename(_) | Stage::Compute(_));
        self.stages().iter().all(one_to_one)
    }

    /// The fields by which the plan counts what meets its filter, if it does nothing else with
    /// it: whatever follows sees only how many events there are of each combination.
    pub fn counted_by(&self) -> Option<Vec<&str>> {
        let counting = self.counting()?;
        (!counting.has_spans()).then_some(counting.fields)
    }

    /// The same, for plans that may count by spans of time as well.
    pub fn counting(&self) -> Option<Counting<'_>> {
        let (None, Stage::Chart(chart)) = (self.pattern(), self.stages().first()?) else {
            return None;
        };
        Counting::of(chart)
    }

    /// Whether something is done with the rows after the first stage, which may ask for the time
    /// of a row that no field shows.
    pub fn goes_on(&self) -> bool {
        self.stages().len() > 1
    }

    /// True if a run keeps rows that are as large as events, however many aggregates come
    /// later; otherwise it keeps groups of a chart, which [`Limits`](crate::Limits) bounds
    /// in bytes.
    pub fn keeps_rows(&self) -> bool {
        let blocking = self.stages().iter().find(|s| s.is_blocking());
        self.pattern().is_some() || !matches!(blocking, Some(Stage::Chart(_)))
    }

    /// How to run the query live, or a sentence that says why it cannot.
    pub fn live(&self) -> Result<LiveShape, String> {
        if self.pattern().is_some() {
            return Err(
                "it looks for a pattern of several events, which is done on schedule".to_owned(),
            );
        }
        live_shape(self.stages())
    }

    /// Starts a run.
    pub fn executor<'a>(&'a self, ctx: Context<'a>) -> Executor<'a> {
        Executor::new(self, ctx)
    }
}
