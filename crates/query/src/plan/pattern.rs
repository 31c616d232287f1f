//! Pattern finding: streams of events, and how they are tied together.
//!
//! - The rows of a stream with a number, `[N search having same f within T]`, are the N-th
//!   events of its finds: as soon as N events with equal `f` lie within T of each other, the
//!   last of them is a row, and the count begins anew.
//! - `A followed by B` pairs each row of A with the first row of B at the same time or later
//!   that meets `on` and comes within the time allowed. `A not followed by B` has the rows
//!   of A that have none.
//! - `join` has every pair that meets `on` and lies within the time allowed, in either
//!   order; `left join` and `right join` keep rows of one side that have no partner.
//! - A row's time is that of its latest event. Rows of a table have none: they can only be joined.

use super::compile::Typed;
use super::lower::Lowering;
use super::scope::Scope;
use super::stage::Stage;
use crate::ast::{self, CmpOp, LinkKind, Search, TimeSpan};
use crate::eval::Expr;
use cresset_model::list::valid_name;
use cresset_model::{Duration, FieldName};
use std::collections::BTreeSet;
use std::ops::Range;

/// Most streams of a pattern: each keeps its rows in memory.
const MAX_STREAMS: usize = 10;
/// Most events that one find of a stream may take.
const MAX_COUNT: u64 = 1_000_000;

/// Streams in the order in which they are tied.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub streams: Vec<Stream>,
}

/// One stream.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub filter: Expr,
    /// Upper-case name of the table whose rows are meant; `None` means events.
    pub table: Option<String>,
    /// Done once events have been counted.
    pub stages: Vec<Stage>,
    pub repeat: Option<Repeat>,
    /// What stands before the names of its fields, with a dot between.
    pub alias: Option<String>,
    /// How it is tied to what stands before; `None` for the first.
    pub link: Option<Link>,
}

/// So many events.
#[derive(Debug, Clone)]
pub(crate) struct Repeat {
    pub least: usize,
    pub same: Vec<FieldName>,
    pub within: Option<Duration>,
}

/// How two sides are tied.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub kind: LinkKind,
    pub negated: bool,
    pub within: Option<Duration>,
    /// Fields that are equal: of what stands before, and of the stream.
    pub keys: Vec<(FieldName, FieldName)>,
    /// What else holds.
    pub on: Option<Tie>,
}

/// A condition on the row that both sides make.
#[derive(Debug, Clone)]
pub(crate) enum Tie {
    Expr(Expr),
    Fields(FieldName, CmpOp, FieldName),
    All(Vec<Tie>),
    Any(Vec<Tie>),
    Not(Box<Tie>),
}

impl Tie {
    fn fields_into(&self, fields: &mut BTreeSet<String>) {
        match self {
            Self::Expr(expr) => expr.fields_into(fields),
            Self::Fields(left, _, right) => {
                fields.insert(left.to_string());
                fields.insert(right.to_string());
            }
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|p| p.fields_into(fields)),
            Self::Not(inner) => inner.fields_into(fields),
        }
    }

    fn lists_into(&self, lists: &mut BTreeSet<String>) {
        match self {
            Self::Expr(expr) => expr.lists_into(lists),
            Self::Fields(..) => {}
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|p| p.lists_into(lists)),
            Self::Not(inner) => inner.lists_into(lists),
        }
    }
}

impl Pattern {
    /// What some stream looks for.
    pub(crate) fn filter(&self) -> Expr {
        let events = self.streams.iter().filter(|s| s.table.is_none());
        let mut filters: Vec<Expr> = events.map(|s| s.filter.clone()).collect();
        match filters.len() {
            0 => Expr::Const(false),
            1 => filters.remove(0),
            _ => Expr::Or(filters),
        }
    }

    /// The fields of the pattern's rows that are needed if `after` are needed of the result.
    pub(crate) fn rows_need(&self, after: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
        let mut fields = after?;
        for link in self.streams.iter().filter_map(|s| s.link.as_ref()) {
            for (left, right) in &link.keys {
                fields.insert(left.to_string());
                fields.insert(right.to_string());
            }
            if let Some(on) = &link.on {
                on.fields_into(&mut fields);
            }
        }
        Some(fields)
    }

    /// The fields of events that are needed if `rows` are needed of the pattern's rows.
    pub(crate) fn events_need(&self, rows: Option<&BTreeSet<String>>) -> Option<BTreeSet<String>> {
        let mut fields = BTreeSet::new();
        for stream in self.streams.iter().filter(|s| s.table.is_none()) {
            fields.extend(stream.events_need(rows.map(|rows| stream.own(rows)))?);
        }
        Some(fields)
    }

    pub(crate) fn lists_into(&self, lists: &mut BTreeSet<String>) {
        for stream in &self.streams {
            stream.filter.lists_into(lists);
            lists.extend(stream.table.clone());
            if let Some(on) = stream.link.as_ref().and_then(|link| link.on.as_ref()) {
                on.lists_into(lists);
            }
        }
    }
}

impl Stream {
    /// Those of the pattern's fields that are this stream's, as it calls them.
    pub(crate) fn own(&self, rows: &BTreeSet<String>) -> BTreeSet<String> {
        let Some(alias) = &self.alias else {
            return rows.clone();
        };
        let own = |name: &String| {
            name.strip_prefix(alias)?
                .strip_prefix('.')
                .map(str::to_owned)
        };
        let mut own: BTreeSet<String> = rows.iter().filter_map(own).collect();
        // Every row of a pattern has the times of its latest event.
        own.extend(["log_ts".to_owned(), "col_ts".to_owned()]);
        own
    }

    /// The fields of rows that are kept until the first step over several rows, if these are
    /// needed of the stream's rows.
    pub(crate) fn rows_need(&self, own: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
        let at = self.stages.iter().position(Stage::is_blocking);
        let stages = self
            .stages
            .iter()
            .skip(at.unwrap_or(self.stages.len()))
            .rev();
        stages.fold(own, |after, stage| stage.fields_before(after))
    }

    /// The fields of events that are needed if these are needed of the stream's rows.
    pub(crate) fn events_need(&self, own: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
        let stages = self.stages.iter().rev();
        let mut fields = stages.fold(own, |after, stage| stage.fields_before(after))?;
        self.filter.fields_into(&mut fields);
        for field in self.repeat.iter().flat_map(|repeat| &repeat.same) {
            fields.insert(field.to_string());
        }
        Some(fields)
    }
}

impl Lowering {
    pub(super) fn pattern(&mut self, parts: &[ast::Part]) -> Pattern {
        if let Some(part) = parts.get(MAX_STREAMS) {
            let message = format!("a pattern has at most {MAX_STREAMS} streams");
            self.error(part.stream.span.clone(), message);
        }
        let mut streams: Vec<Stream> = Vec::new();
        let mut known: Vec<(String, Scope)> = Vec::new();
        for part in parts.iter().take(MAX_STREAMS) {
            self.scope = Scope::default();
            let mut stream = self.stream(part);
            let own = std::mem::take(&mut self.scope);
            if let Some(alias) = &part.alias {
                if known.iter().any(|(name, _)| *name == alias.text) {
                    let message = format!("two streams are called `{}`", alias.text);
                    self.error(alias.span.clone(), message);
                }
                known.push((alias.text.clone(), own));
            }
            let all_named = streams.iter().all(|s| s.alias.is_some()) && part.alias.is_some();
            if all_named {
                self.scope = Scope::streams(known.clone());
            }
            stream.link = self.link(part, &known);
            let before = streams.last();
            if before.is_some_and(|s: &Stream| s.table.is_some()) || stream.table.is_some() {
                self.check_tie(part);
            }
            streams.push(stream);
        }
        Pattern { streams }
    }

    fn stream(&mut self, part: &ast::Part) -> Stream {
        let ast::Part { stream, .. } = part;
        if let Some(table) = &stream.table {
            self.check_table(table, part);
        }
        let filter = self.condition(&stream.search);
        let repeat = self.repeat(part);
        let mut typed = Typed::of_filter(filter);
        // Commands come after the count, so a search among them is none of what is counted.
        typed.filtering = repeat.is_none();
        self.commands(&stream.commands, &mut typed);
        Stream {
            filter: typed.filter,
            table: stream
                .table
                .as_ref()
                .map(|table| table.text.to_ascii_uppercase()),
            stages: typed.stages,
            repeat,
            alias: part.alias.as_ref().map(|alias| alias.text.clone()),
            link: None,
        }
    }

    fn check_table(&mut self, table: &ast::Name, part: &ast::Part) {
        if !valid_name(&table.text) {
            let message = format!("`{}` cannot name a table", table.text);
            self.error(table.span.clone(), message);
        }
        let ast::Part { stream, link, .. } = part;
        let within = stream.within.or(part.within.filter(|_| link.is_none()));
        if within.is_some() || !stream.having_same.is_empty() {
            let message = "rows of a table have no times that could be counted or compared";
            let help = "leave out `having same` and `within`";
            self.error_help(stream.span.clone(), message, help);
        }
    }

    /// What a table is tied with has no time to be before or after.
    fn check_tie(&mut self, part: &ast::Part) {
        let follows = |link: ast::Link| link.kind == LinkKind::FollowedBy;
        if part.link.is_some_and(follows) || part.link.is_some() && part.within.is_some() {
            let message = "rows of a table have no times, so nothing comes before or after them";
            let help = "use `join`, `left join` or `right join`, without `within`";
            self.error_help(part.stream.span.clone(), message, help);
        }
    }

    fn repeat(&mut self, part: &ast::Part) -> Option<Repeat> {
        let ast::Part { stream, .. } = part;
        let least = stream.count.unwrap_or(1);
        if least == 0 || least > MAX_COUNT {
            let message = format!("the number of events is from 1 to {MAX_COUNT}");
            self.error(stream.span.clone(), message);
        }
        // Of a single stream it does not matter on which side of the bracket it stands.
        let window = stream
            .within
            .or(part.within.filter(|_| part.link.is_none()));
        let within = self.span_of(window, &stream.span);
        let same: Vec<FieldName> = stream.having_same.iter().map(|f| self.field(f)).collect();
        if least == 1 && same.is_empty() {
            return None;
        }
        Some(Repeat {
            least: usize::try_from(least).unwrap_or(usize::MAX),
            same,
            within,
        })
    }

    fn span_of(&mut self, span: Option<TimeSpan>, at: &Range<usize>) -> Option<Duration> {
        let seconds = span?.seconds().filter(|s| *s <= i64::MAX / 1_000_000);
        if seconds.is_none() {
            self.error(at.clone(), "this span of time is too long");
        }
        seconds.map(Duration::seconds)
    }

    fn link(&mut self, part: &ast::Part, known: &[(String, Scope)]) -> Option<Link> {
        let Some(link) = part.link else {
            if part.on.is_some() {
                self.error(
                    part.stream.span.clone(),
                    "`on` ties a stream to one before it, and this is the first",
                );
            }
            return None;
        };
        let within = self.span_of(part.within, &part.stream.span);
        let mut keys = Vec::new();
        let mut rest = Vec::new();
        let own = part.alias.as_ref().map(|alias| alias.text.as_str());
        let ties = part.on.as_ref().map(|on| self.tie(on, known));
        let ties = match ties {
            Some(Tie::All(ties)) => ties,
            other => other.into_iter().collect(),
        };
        for tie in ties {
            match tie {
                Tie::Fields(left, CmpOp::Eq, right) => {
                    let of_own = |name: &FieldName| alias_of(name, known) == own;
                    match (of_own(&left), of_own(&right)) {
                        (false, true) => keys.push((left, right)),
                        (true, false) => keys.push((right, left)),
                        _ => rest.push(Tie::Fields(left, CmpOp::Eq, right)),
                    }
                }
                other => rest.push(other),
            }
        }
        Some(Link {
            kind: link.kind,
            negated: link.negated,
            within,
            keys,
            on: (!rest.is_empty()).then_some(Tie::All(rest)),
        })
    }

    fn tie(&mut self, search: &Search, known: &[(String, Scope)]) -> Tie {
        let mut all = |parts: &[Search]| parts.iter().map(|p| self.tie(p, known)).collect();
        match search {
            Search::And(parts) => Tie::All(all(parts)),
            Search::Or(parts) => Tie::Any(all(parts)),
            Search::Not(inner) => Tie::Not(Box::new(self.tie(inner, known))),
            Search::Compare {
                operand: ast::Operand::Field(left),
                op,
                value,
                ..
            } if !value.quoted && alias_of(&value.text, known).is_some() => {
                let right = ast::Name {
                    text: value.text.clone(),
                    span: value.span.clone(),
                };
                if alias_of(&left.text, known).is_none() {
                    let message = format!("`{}` names no stream", left.text);
                    let help = format!("write `stream.{}=…`, with the name of a stream", left.text);
                    self.error_help(left.span.clone(), message, help);
                }
                Tie::Fields(self.field(left), *op, self.field(&right))
            }
            other => Tie::Expr(self.condition(other)),
        }
    }
}

/// The stream that a name with a dot begins with.
fn alias_of<'k>(name: &str, known: &'k [(String, Scope)]) -> Option<&'k str> {
    let named = |alias: &&str| {
        let rest = name.strip_prefix(*alias);
        rest.is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
    };
    known.iter().map(|(alias, _)| alias.as_str()).find(named)
}
