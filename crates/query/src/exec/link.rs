//! How the rows of a stream are tied to the rows before it.

use super::result::Limits;
use super::rows::Kept;
use crate::ast::{CmpOp, LinkKind};
use crate::eval::{Context, ResultRow, Row, compare, keys_of};
use crate::plan::{Link, Tie};
use cresset_model::{Duration, FieldName};
use std::collections::{BTreeSet, HashMap};

/// How many pairs are compared before somebody is asked whether anybody waits.
const PAIRS: u64 = 4096;

/// Rows of both sides in order of time, tied, in order of time; and whether some were left out
/// because there were too many.
pub(super) fn linked(
    left: Vec<Kept>,
    right: Vec<Kept>,
    link: &Link,
    limits: Limits,
    ctx: &Context<'_>,
) -> (Vec<Kept>, bool) {
    let (left_keys, right_keys): (Vec<FieldName>, Vec<FieldName>) =
        link.keys.iter().cloned().unzip();
    let places = places_of(&right, &right_keys);
    let mut tied = Tied {
        link,
        left_keys,
        places: &places,
        left: &left,
        right: &right,
        room: limits.max_rows,
        rows: Vec::new(),
        compared: 0,
        truncated: false,
        ctx,
    };
    match (link.kind, link.negated) {
        (LinkKind::FollowedBy, false) => tied.followed(),
        (LinkKind::FollowedBy, true) => tied.not_followed(),
        (kind, _) => tied.joined(kind),
    }
    let Tied {
        mut rows,
        truncated,
        ..
    } = tied;
    rows.sort_by_key(|kept| kept.at);
    (rows, truncated)
}

/// Where rows with equal keys are, in order of time.
fn places_of(rows: &[Kept], keys: &[FieldName]) -> HashMap<String, Vec<usize>> {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, kept) in rows.iter().enumerate() {
        for key in keys_of(&kept.row, keys) {
            places.entry(key).or_default().push(place);
        }
    }
    places
}

struct Tied<'r> {
    link: &'r Link,
    left_keys: Vec<FieldName>,
    places: &'r HashMap<String, Vec<usize>>,
    left: &'r [Kept],
    right: &'r [Kept],
    room: usize,
    rows: Vec<Kept>,
    compared: u64,
    truncated: bool,
    ctx: &'r Context<'r>,
}

impl<'r> Tied<'r> {
    /// Places of right rows with the keys of a left one.
    fn partners(&self, left: &Kept) -> Vec<&'r [usize]> {
        let keys = keys_of(&left.row, &self.left_keys);
        let found = keys.iter().filter_map(|key| self.places.get(key));
        found.map(Vec::as_slice).collect()
    }

    /// The first right row that comes with or after the left one, and fits.
    fn follower(&mut self, left: &Kept) -> Option<(&'r Kept, ResultRow)> {
        let right = self.right;
        let mut first: Option<(&'r Kept, ResultRow)> = None;
        for places in self.partners(left) {
            let from = places.partition_point(|p| right.get(*p).is_some_and(|r| r.at < left.at));
            for candidate in places.iter().skip(from).filter_map(|p| right.get(*p)) {
                let late = self
                    .link
                    .within
                    .is_some_and(|within| candidate.at.since(left.at) > within);
                let later = first.as_ref().is_some_and(|(f, _)| f.at <= candidate.at);
                if late || later || self.given_up() {
                    break;
                }
                if is_same(left, candidate) {
                    continue;
                }
                if let Some(row) = self.pair(left, candidate) {
                    first = Some((candidate, row));
                    break;
                }
            }
        }
        first
    }

    fn followed(&mut self) {
        for left in self.left {
            if let Some((right, row)) = self.follower(left)
                && !self.keep(left, Some(right), row)
            {
                return;
            }
        }
    }

    fn not_followed(&mut self) {
        for left in self.left {
            if self.follower(left).is_none() && !self.keep(left, None, left.row.clone()) {
                return;
            }
        }
    }

    fn joined(&mut self, kind: LinkKind) {
        let mut met = BTreeSet::new();
        for left in self.left {
            let partners = self.partners(left);
            let mut alone = true;
            // Those that are found by several keys count once.
            let places: BTreeSet<usize> = partners.into_iter().flatten().copied().collect();
            for place in places {
                let Some(right) = self.right.get(place) else {
                    continue;
                };
                let apart = |within: Duration| {
                    left.at.since(right.at) > within || right.at.since(left.at) > within
                };
                if self.given_up() || self.link.within.is_some_and(apart) {
                    continue;
                }
                if let Some(row) = self.pair(left, right) {
                    alone = false;
                    met.insert(place);
                    if !self.keep(left, Some(right), row) {
                        return;
                    }
                }
            }
            if alone && kind == LinkKind::LeftJoin && !self.keep(left, None, left.row.clone()) {
                return;
            }
        }
        if kind == LinkKind::RightJoin {
            for (place, right) in self.right.iter().enumerate() {
                if !met.contains(&place) && !self.keep(right, None, right.row.clone()) {
                    return;
                }
            }
        }
    }

    /// The row that both make, if it meets the condition.
    fn pair(&self, left: &Kept, right: &Kept) -> Option<ResultRow> {
        let mut row = left.row.clone();
        for (name, value) in &right.row.fields {
            // Of streams without names the first one that has a field gives it.
            if row.value(name).is_none() {
                row.fields.push((name.clone(), value.clone()));
            }
        }
        let fits = self.link.on.as_ref();
        fits.is_none_or(|on| holds(on, &row, self.ctx))
            .then_some(row)
    }

    /// Keeps a row; false if there is no room for more.
    fn keep(&mut self, left: &Kept, right: Option<&Kept>, row: ResultRow) -> bool {
        if self.rows.len() >= self.room {
            self.truncated = true;
            return false;
        }
        let latest = right.filter(|right| right.at >= left.at).unwrap_or(left);
        self.rows.push(Kept {
            at: latest.at,
            event: latest.event,
            row,
        });
        true
    }

    /// Whether nobody waits any more; asked now and then.
    fn given_up(&mut self) -> bool {
        self.compared += 1;
        self.compared.is_multiple_of(PAIRS) && self.ctx.lists.given_up()
    }
}

/// Whether two rows are one event.
fn is_same(left: &Kept, right: &Kept) -> bool {
    left.event != 0 && left.event == right.event
}

fn holds(tie: &Tie, row: &ResultRow, ctx: &Context<'_>) -> bool {
    match tie {
        Tie::Expr(expr) => expr.matches(row, ctx),
        Tie::All(parts) => parts.iter().all(|part| holds(part, row, ctx)),
        Tie::Any(parts) => parts.iter().any(|part| holds(part, row, ctx)),
        Tie::Not(inner) => !holds(inner, row, ctx),
        Tie::Fields(left, op, right) => {
            let (Some(left), Some(right)) = (row.get(left), row.get(right)) else {
                // As with a literal: no test on what is not there holds but `!=`.
                return *op == CmpOp::Ne;
            };
            let order = || compare::order(&left, &right);
            match op {
                CmpOp::Eq => compare::same(&left, &right),
                CmpOp::Ne => !compare::same(&left, &right),
                CmpOp::Lt => order().is_some_and(std::cmp::Ordering::is_lt),
                CmpOp::Le => order().is_some_and(std::cmp::Ordering::is_le),
                CmpOp::Gt => order().is_some_and(std::cmp::Ordering::is_gt),
                CmpOp::Ge => order().is_some_and(std::cmp::Ordering::is_ge),
            }
        }
    }
}
