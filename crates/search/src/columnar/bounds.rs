//! Which rows may meet a filter, without the texts of `msg`.

use super::{Rows, Texts, by_number, each, none, numbered, present, texts};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_buffer::BooleanBuffer;
use cresset_query::terms::Demand;
use cresset_query::{Context, Expr};
use cresset_store::{ColumnBatch, Result};

/// What is known of rows without the texts of `msg`.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// They meet the filter.
    pub(crate) surely: BooleanBuffer,
    /// They may meet it; those that surely do among them.
    pub(crate) perhaps: BooleanBuffer,
}

impl Bounds {
    fn known(rows: BooleanBuffer) -> Self {
        Self {
            surely: rows.clone(),
            perhaps: rows,
        }
    }

    /// The rows that only their texts decide.
    pub(crate) fn doubtful(&self) -> BooleanBuffer {
        &self.perhaps & &!&self.surely
    }
}

/// Whether the terms of `msg` say something about a filter.
pub(crate) fn terms_help(filter: &Expr) -> bool {
    match filter {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().any(terms_help),
        Expr::Not(inner) => terms_help(inner),
        leaf => Demand::of(leaf, "msg").is_some(),
    }
}

/// What the terms and the columns other than `msg` say about the rows in `among`. Meaningless
/// once the run was given up.
pub(crate) fn bounds(
    filter: &Expr,
    batch: &ColumnBatch,
    among: &BooleanBuffer,
    ctx: &Context<'_>,
) -> Result<Bounds> {
    let found = Rows { batch, ctx }.bounds(filter, among);
    batch.all_read()?;
    Ok(match batch.overflowing().map(|odd| &odd & among) {
        None => found,
        Some(odd) => Bounds {
            surely: &found.surely & &!&odd,
            perhaps: &found.perhaps | &odd,
        },
    })
}

impl Rows<'_> {
    fn bounds(&self, condition: &Expr, among: &BooleanBuffer) -> Bounds {
        match condition {
            Expr::And(parts) => {
                let mut all = Bounds::known(among.clone());
                for part in parts {
                    if all.perhaps.count_set_bits() == 0 {
                        break;
                    }
                    let found = self.bounds(part, &all.perhaps);
                    all.surely = &all.surely & &found.surely;
                    all.perhaps = found.perhaps;
                }
                all
            }
            Expr::Or(parts) => {
                let mut any = Bounds::known(none(among));
                for part in parts {
                    let left = among & &!&any.surely;
                    if left.count_set_bits() == 0 {
                        break;
                    }
                    let found = self.bounds(part, &left);
                    any.surely = &any.surely | &found.surely;
                    any.perhaps = &any.perhaps | &found.perhaps;
                }
                any
            }
            Expr::Not(inner) => {
                let found = self.bounds(inner, among);
                Bounds {
                    surely: among & &!&found.perhaps,
                    perhaps: among & &!&found.surely,
                }
            }
            leaf if reads_msg(leaf) => self.by_terms(leaf, among),
            other => Bounds::known(self.meeting(other, among)),
        }
    }

    fn by_terms(&self, leaf: &Expr, among: &BooleanBuffer) -> Bounds {
        let demand = Demand::of(leaf, "msg");
        let distinct = self.batch.distinct_terms();
        let judged = distinct.filter(|lines| lines.len() <= among.count_set_bits());
        let known = demand.as_ref().zip(judged).and_then(|(demand, lines)| {
            let lines = lines.as_string_opt::<i32>()?;
            let met = |n: usize| demand.met(lines.value(n));
            Some((0..lines.len()).map(met).collect::<Vec<bool>>())
        });
        let Some(demand) = demand else {
            let there = self.batch.terms().map(|column| present(column, among));
            return Bounds {
                surely: none(among),
                perhaps: there.unwrap_or_else(|| none(among)),
            };
        };
        let met = match known {
            Some(known) => by_number(&known, among, || self.batch.rows_with_terms(&known)),
            None => self.meeting_demand(&demand, among),
        };
        if demand.decides() {
            return Bounds::known(met);
        }
        Bounds {
            surely: none(among),
            perhaps: met,
        }
    }
}

impl Rows<'_> {
    /// The rows of `among` whose lines of terms meet it.
    fn meeting_demand(&self, demand: &Demand, among: &BooleanBuffer) -> BooleanBuffer {
        let Some(column) = self.batch.terms() else {
            return none(among);
        };
        let there = present(column, among);
        match texts(column) {
            Some(Texts::Numbered { numbers, texts }) => {
                numbered(numbers, texts, &there, |line| demand.met(line))
            }
            Some(Texts::Plain(texts)) => each(&there, |row| demand.met(texts.value(row))),
            None => there,
        }
    }
}

fn reads_msg(leaf: &Expr) -> bool {
    match leaf {
        Expr::Words(_) => true,
        Expr::Test(operand, _) => operand.field() == "msg",
        _ => false,
    }
}
