//! Rows that are kept until the end, and the commands that run on them.

use super::additions::Gathered;
use super::chart::ChartState;
use super::order::sort_rows;
use super::result::Limits;
use super::view::{Renamed, renamed};
use crate::eval::{Context, ResultRow, Row};
use crate::plan::{Renaming, Stage};
use cresset_model::{FieldName, Timestamp};
use std::cmp::Reverse;
use std::collections::HashMap;

/// A row with the time of its event.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) at: Timestamp,
    /// Which event it is, counted from 1; 0 for what several gave.
    pub(super) event: u64,
    pub(super) row: ResultRow,
}

/// The newest rows, as many as fit.
#[derive(Debug)]
pub(super) struct Newest {
    rows: Vec<Kept>,
    /// Most rows kept.
    room: usize,
    /// The query's own `limit`.
    wanted: usize,
    total: u64,
    /// Rows older than this have been cut.
    cut_at: Option<Timestamp>,
}

impl Newest {
    pub(super) const fn new(max_rows: usize, wanted: usize) -> Self {
        let room = if wanted < max_rows { wanted } else { max_rows };
        Self {
            rows: Vec::new(),
            room,
            wanted,
            total: 0,
            cut_at: None,
        }
    }

    pub(super) fn push(&mut self, at: Timestamp, event: u64, row: impl FnOnce() -> ResultRow) {
        self.total += 1;
        if self.room == 0 || self.cut_at.is_some_and(|cut| at < cut) {
            return;
        }
        let row = row();
        self.rows.push(Kept { at, event, row });
        // Cutting only now and then keeps the cost per row constant.
        if self.rows.len() >= self.room.saturating_add(self.room / 4).saturating_add(64) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.rows.sort_by_key(|k| Reverse(k.at));
        if self.rows.len() > self.room {
            self.rows.truncate(self.room);
            self.cut_at = self.rows.last().map(|k| k.at);
        }
    }

    pub(super) fn finish(mut self) -> Table {
        self.cut();
        let total = self.total.min(self.wanted as u64);
        let truncated = total > self.rows.len() as u64;
        Table {
            rows: self.rows,
            total,
            truncated,
            aggregated: None,
        }
    }
}

/// The newest row of each group.
#[derive(Debug)]
pub(super) struct Latest<'a> {
    keys: &'a [FieldName],
    groups: HashMap<Vec<Option<String>>, Kept>,
    max_groups: usize,
    truncated: bool,
}

impl<'a> Latest<'a> {
    pub(super) fn new(keys: &'a [FieldName], max_groups: usize) -> Self {
        Self {
            keys,
            groups: HashMap::new(),
            max_groups,
            truncated: false,
        }
    }

    pub(super) fn push(
        &mut self,
        (at, event): (Timestamp, u64),
        row: &dyn Row,
        copy: impl FnOnce() -> ResultRow,
    ) {
        let key: Vec<Option<String>> = self
            .keys
            .iter()
            .map(|k| row.get(k).map(|v| v.text().into_owned()))
            .collect();
        // A row without a value for a key belongs to no group, as in `chart`.
        if key.iter().any(Option::is_none) {
            return;
        }
        if let Some(old) = self.groups.get_mut(&key) {
            if old.at < at {
                let row = copy();
                *old = Kept { at, event, row };
            }
        } else if self.groups.len() >= self.max_groups {
            self.truncated = true;
        } else {
            let row = copy();
            self.groups.insert(key, Kept { at, event, row });
        }
    }

    pub(super) fn finish(self) -> Table {
        let mut rows: Vec<(Vec<Option<String>>, Kept)> = self.groups.into_iter().collect();
        rows.sort_by(|(a_key, a), (b_key, b)| b.at.cmp(&a.at).then_with(|| a_key.cmp(b_key)));
        let rows: Vec<Kept> = rows.into_iter().map(|(_, kept)| kept).collect();
        Table {
            total: rows.len() as u64,
            rows,
            truncated: self.truncated,
            aggregated: None,
        }
    }
}

/// All rows at one point of the plan.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: Vec<Kept>,
    /// Rows that there would be without limits of memory.
    pub(super) total: u64,
    pub(super) truncated: bool,
    /// Rows that went into the groups of the first chart, if there was one.
    pub(super) aggregated: Option<u64>,
}

impl Table {
    pub(super) fn of_chart(chart: ChartState<'_>) -> Self {
        let (truncated, aggregated) = (chart.truncated, Some(chart.taken));
        let kept = |(at, row)| Kept { at, event: 0, row };
        let rows: Vec<Kept> = chart.finish().into_iter().map(kept).collect();
        Self {
            total: rows.len() as u64,
            rows,
            truncated,
            aggregated,
        }
    }

    pub(super) fn into_rows(self) -> Vec<ResultRow> {
        self.rows.into_iter().map(|k| k.row).collect()
    }

    /// Runs commands one after another, until nobody waits any more.
    pub(super) fn apply_all<'p>(
        mut self,
        stages: &'p [Stage],
        limits: Limits,
        ctx: &Context<'_>,
        gathered: &mut Gathered<'p>,
    ) -> Self {
        for stage in stages {
            if ctx.lists.given_up() {
                break;
            }
            self = self.apply(stage, limits, ctx, gathered);
        }
        self
    }

    fn apply<'p>(
        mut self,
        stage: &'p Stage,
        limits: Limits,
        ctx: &Context<'_>,
        gathered: &mut Gathered<'p>,
    ) -> Self {
        match stage {
            Stage::Search(condition) => {
                self.rows.retain(|k| condition.matches(&k.row, ctx));
                self.total = self.rows.len() as u64;
            }
            Stage::Rename(renamings) => {
                self.rows
                    .iter_mut()
                    .for_each(|k| rename(&mut k.row, renamings, ctx));
            }
            Stage::Fields(kept) => self.rows.iter_mut().for_each(|k| project(&mut k.row, kept)),
            Stage::ToList(to_list) => self
                .rows
                .iter()
                .for_each(|k| gathered.take(to_list, &k.row)),
            Stage::Compute(step) => {
                for kept in &mut self.rows {
                    for (name, value) in step.made(&kept.row, ctx) {
                        kept.row.set(name, value);
                    }
                }
            }
            Stage::Expand(field) => self = self.expand(field, limits),
            Stage::Rank(rank) => self.rank(rank),
            Stage::Order(keys) => self.rows = sort_rows(self.rows, keys, |k| &k.row),
            Stage::Limit(n) => {
                self.rows.truncate(*n);
                self.total = self.total.min(*n as u64);
            }
            Stage::Latest(keys) => {
                let mut latest = Latest::new(keys, limits.max_groups);
                for Kept { at, event, row } in self.rows {
                    let copy = row.clone();
                    latest.push((at, event), &row, || copy);
                }
                let table = latest.finish();
                return Self {
                    truncated: self.truncated || table.truncated,
                    aggregated: self.aggregated,
                    ..table
                };
            }
            Stage::Chart(chart) => {
                let mut state = ChartState::new(chart, limits);
                self.rows
                    .iter()
                    .for_each(|k| state.push(&k.row, k.at, ctx, 1));
                let table = Self::of_chart(state);
                return Self {
                    truncated: self.truncated || table.truncated,
                    aggregated: self.aggregated.or(table.aggregated),
                    ..table
                };
            }
        }
        self
    }
}

/// Renamed values take the places of their sources.
fn rename(row: &mut ResultRow, renamings: &[Renaming], ctx: &Context<'_>) {
    let Renamed { removed, mut set } = renamed(row, renamings, ctx);
    let mut fields = Vec::with_capacity(row.fields.len() + set.len());
    let targets: Vec<FieldName> = set.iter().map(|(target, ..)| target.clone()).collect();
    for (name, value) in row.fields.drain(..) {
        while let Some(at) = set
            .iter()
            .position(|(.., from)| from.as_ref() == Some(&name))
        {
            let (target, value, _) = set.remove(at);
            fields.push((target, value));
        }
        if !removed.contains(&name) && !targets.contains(&name) {
            fields.push((name, value));
        }
    }
    fields.extend(set.into_iter().map(|(target, value, _)| (target, value)));
    row.fields = fields;
}

fn project(row: &mut ResultRow, kept: &[FieldName]) {
    let mut fields = Vec::with_capacity(kept.len());
    for name in kept {
        if let Some(at) = row.fields.iter().position(|(n, _)| n == name) {
            fields.push(row.fields.swap_remove(at));
        }
    }
    row.fields = fields;
}
