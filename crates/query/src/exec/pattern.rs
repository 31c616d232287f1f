//! Streams of a pattern: what each finds, and then what they are together.

use super::additions::Gathered;
use super::link::linked;
use super::result::Limits;
use super::rows::{Kept, Table};
use super::run::{Arrival, Run};
use crate::eval::{Context, Expr, ResultRow, keys_of};
use crate::plan::{Pattern, Repeat, Stream};
use cresset_model::{FieldName, Timestamp, Value};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// A run of a pattern.
#[derive(Debug)]
pub(super) struct PatternRun<'a> {
    streams: Vec<(&'a Stream, Run<'a>)>,
}

impl<'a> PatternRun<'a> {
    /// `needed` are the fields of the pattern's rows that anybody looks at, if not all.
    pub(super) fn new(
        pattern: &'a Pattern,
        needed: Option<&BTreeSet<String>>,
        limits: Limits,
    ) -> Self {
        // All streams together keep as many rows as a query without streams.
        let limits = Limits {
            max_rows: limits.max_rows / pattern.streams.len().max(1),
            ..limits
        };
        let run = |stream: &'a Stream| {
            let own = needed.map(|needed| stream.own(needed));
            let run = match &stream.repeat {
                Some(_) => {
                    let kept = stream.events_need(own);
                    Run::collecting(&stream.stages, limits).keeping(kept)
                }
                None => Run::new(&stream.stages, limits).keeping(stream.rows_need(own)),
            };
            (stream, run)
        };
        Self {
            streams: pattern.streams.iter().map(run).collect(),
        }
    }

    pub(super) fn push(
        &mut self,
        arrival: Arrival<'_>,
        ctx: &Context<'_>,
        gathered: &mut Gathered<'a>,
    ) {
        for (stream, run) in &mut self.streams {
            if stream.table.is_none() && stream.filter.matches(arrival.event, ctx) {
                run.push(arrival, ctx, gathered);
            }
        }
    }

    /// The rows of the pattern, newest first.
    pub(super) fn finish(
        self,
        limits: Limits,
        ctx: &Context<'_>,
        gathered: &mut Gathered<'a>,
    ) -> Table {
        let mut rows = Vec::new();
        let mut truncated = false;
        for (stream, run) in self.streams {
            let (mut table, rest) = match &stream.table {
                Some(name) => (rows_of(name, &stream.filter, limits, ctx), &*stream.stages),
                None => run.finish(),
            };
            in_order(&mut table.rows);
            if let Some(repeat) = &stream.repeat {
                table.rows = found(table.rows, repeat);
            }
            table = table.apply_all(rest, limits, ctx, gathered);
            truncated |= table.truncated;
            let mut own = table.rows;
            in_order(&mut own);
            if let Some(alias) = &stream.alias {
                name_all(&mut own, alias);
            }
            let Some(link) = &stream.link else {
                rows = own;
                continue;
            };
            let cut;
            (rows, cut) = linked(rows, own, link, limits, ctx);
            truncated |= cut;
            if ctx.lists.given_up() {
                break;
            }
        }
        rows.iter_mut().for_each(add_times);
        rows.reverse();
        Table {
            total: rows.len() as u64,
            rows,
            truncated,
            aggregated: None,
        }
    }
}

/// The rows of a table that meet a condition; none if there is no such table.
fn rows_of(name: &str, filter: &Expr, limits: Limits, ctx: &Context<'_>) -> Table {
    let found = ctx.lists.table(name);
    let rows = found.iter().flat_map(|table| table.rows());
    let fitting = rows.filter(|row| filter.matches(*row, ctx));
    let kept = |row: &ResultRow| Kept {
        at: Timestamp::MIN,
        event: 0,
        row: row.clone(),
    };
    let mut rows: Vec<Kept> = fitting
        .take(limits.max_rows.saturating_add(1))
        .map(kept)
        .collect();
    let truncated = rows.len() > limits.max_rows;
    rows.truncate(limits.max_rows);
    Table {
        total: rows.len() as u64,
        rows,
        truncated,
        aggregated: None,
    }
}

/// Oldest first; what happened at the same time, in order of arrival.
fn in_order(rows: &mut [Kept]) {
    rows.sort_by_key(|kept| (kept.at, kept.event));
}

/// Of rows in order of time those with which so many had come.
fn found(rows: Vec<Kept>, repeat: &Repeat) -> Vec<Kept> {
    let mut windows: HashMap<String, VecDeque<Timestamp>> = HashMap::new();
    let mut found = Vec::new();
    for kept in rows {
        let mut complete = false;
        for key in keys_of(&kept.row, &repeat.same) {
            let window = windows.entry(key).or_default();
            if let Some(within) = repeat.within {
                while window
                    .front()
                    .is_some_and(|first| kept.at.since(*first) > within)
                {
                    window.pop_front();
                }
            }
            window.push_back(kept.at);
            if window.len() >= repeat.least {
                window.clear();
                complete = true;
            }
        }
        if complete {
            found.push(kept);
        }
    }
    found
}

/// Puts the stream's name before the names of all fields.
fn name_all(rows: &mut [Kept], alias: &str) {
    let mut names: HashMap<FieldName, FieldName> = HashMap::new();
    for (name, _) in rows.iter_mut().flat_map(|kept| &mut kept.row.fields) {
        if let Some(known) = names.get(name) {
            *name = known.clone();
        } else {
            let long = FieldName::from(format!("{alias}.{name}"));
            names.insert(std::mem::replace(name, long.clone()), long);
        }
    }
}

/// Rows begin with the times of their latest event.
fn add_times(kept: &mut Kept) {
    if kept.at == Timestamp::MIN {
        return;
    }
    let fields = &mut kept.row.fields;
    let arrival = |(name, value): &(FieldName, Value)| match value {
        Value::Int(at) if name == "col_ts" || name.ends_with(".col_ts") => Some(*at),
        _ => None,
    };
    let arrived = fields.iter().filter_map(arrival).max();
    fields.retain(|(name, _)| name != "log_ts" && name != "col_ts");
    let times = [("log_ts", Some(kept.at.secs())), ("col_ts", arrived)];
    let times = times
        .into_iter()
        .filter_map(|(name, at)| Some((FieldName::const_new(name), Value::Int(at?))));
    fields.splice(0..0, times.collect::<Vec<_>>());
}
