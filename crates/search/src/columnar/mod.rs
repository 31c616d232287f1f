//! Conditions on columns: which rows meet the filter of a plan.
//!
//! Whatever can be told once for many rows is: a text of a dictionary is asked about once,
//! however many rows have it. The answers are those of [`Expr::matches`] row by row, which
//! a property test holds against each other.

mod bounds;
mod count;

pub(crate) use bounds::{bounds, terms_help};
pub(crate) use count::count;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;
use cresset_model::{Timestamp, Value};
use cresset_query::{Check, Context, Expr, Operand, Probe, Words};
use cresset_store::{Column, ColumnBatch, Result, whole_number};

/// The rows of a batch that meet a condition, of those in `among`. Meaningless once the run
/// was given up.
pub(crate) fn select(
    filter: &Expr,
    batch: &ColumnBatch,
    among: &BooleanBuffer,
    ctx: &Context<'_>,
) -> Result<BooleanBuffer> {
    let found = Rows { batch, ctx }.meeting(filter, among);
    batch.all_read()?;
    let Some(odd) = batch.overflowing().map(|odd| &odd & among) else {
        return Ok(found);
    };
    let mut meets = Vec::new();
    for (_, event) in batch.events(&odd)? {
        meets.push(filter.matches(&event, ctx));
    }
    let mut bits = arrow_buffer::BooleanBufferBuilder::new(found.len());
    bits.append_buffer(&found);
    for (row, meets) in odd.set_indices().zip(meets) {
        bits.set_bit(row, meets);
    }
    Ok(bits.finish())
}

/// Rows that conditions are asked about.
struct Rows<'a> {
    batch: &'a ColumnBatch,
    ctx: &'a Context<'a>,
}

impl Rows<'_> {
    /// The rows of `among` that meet the condition.
    fn meeting(&self, condition: &Expr, among: &BooleanBuffer) -> BooleanBuffer {
        match condition {
            Expr::Const(true) => among.clone(),
            Expr::Const(false) => none(among),
            Expr::And(parts) => {
                let mut left = among.clone();
                for part in parts {
                    if left.count_set_bits() == 0 {
                        break;
                    }
                    left = self.meeting(part, &left);
                }
                left
            }
            Expr::Or(parts) => {
                let (mut found, mut left) = (none(among), among.clone());
                for part in parts {
                    if left.count_set_bits() == 0 {
                        break;
                    }
                    let more = self.meeting(part, &left);
                    left = &left & &!&more;
                    found = &found | &more;
                }
                found
            }
            Expr::Not(inner) => among & &!&self.meeting(inner, among),
            Expr::Test(operand, check) => self.passing(operand, check, among),
            Expr::Words(words) => self.saying(words, among),
        }
    }

    fn passing(&self, operand: &Operand, check: &Check, among: &BooleanBuffer) -> BooleanBuffer {
        let probe = Probe::new(operand, check, self.ctx);
        let seconds = |micros: i64| Timestamp(micros).secs();
        let at = |times: &[i64]| {
            let holds = probe.whole_numbers();
            each(among, |row| match &holds {
                Some(holds) => holds(seconds(times[row])),
                None => probe.value(&Value::Int(seconds(times[row]))),
            })
        };
        match operand.field().as_str() {
            "log_ts" => at(self.batch.log_ts()),
            "col_ts" => at(self.batch.col_ts()),
            field => self.field_passing(field, &probe, among),
        }
    }

    fn field_passing(
        &self,
        field: &str,
        probe: &Probe<'_>,
        among: &BooleanBuffer,
    ) -> BooleanBuffer {
        // Where none of the different values passes, those of the rows are not even read.
        let distinct = self.batch.distinct(field);
        let judged = distinct.filter(|d| d.len() <= among.count_set_bits());
        let known = judged.and_then(|distinct| judge(distinct, probe));
        if let Some(known) = known {
            return by_number(&known, among, || self.batch.rows_with(field, &known));
        }
        match self.batch.column(field) {
            Some(column) => column_passing(column, probe, among),
            None => none(among),
        }
    }

    fn saying(&self, words: &Words, among: &BooleanBuffer) -> BooleanBuffer {
        let Some(column) = self.batch.column("msg") else {
            return none(among);
        };
        let among = present(column, among);
        match texts(column) {
            Some(Texts::Plain(texts)) => each(&among, |row| words.matches_text(texts.value(row))),
            Some(Texts::Numbered { numbers, texts }) => {
                numbered(numbers, texts, &among, |text| words.matches_text(text))
            }
            None => each(&among, |row| {
                value(column, row).is_some_and(|value| words.matches_text(&value.text()))
            }),
        }
    }
}

fn none(like: &BooleanBuffer) -> BooleanBuffer {
    BooleanBuffer::new_unset(like.len())
}

/// The rows of `among` for which it holds; it is asked about no others.
fn each(among: &BooleanBuffer, holds: impl Fn(usize) -> bool) -> BooleanBuffer {
    if among.count_set_bits() == among.len() {
        return BooleanBuffer::collect_bool(among.len(), holds);
    }
    BooleanBuffer::collect_bool(among.len(), |row| among.value(row) && holds(row))
}

/// The rows of `among` that have a value.
fn present(column: Column<'_>, among: &BooleanBuffer) -> BooleanBuffer {
    match column.values.nulls() {
        Some(nulls) => among & nulls.inner(),
        None => among.clone(),
    }
}

/// A column of texts.
enum Texts<'b> {
    Plain(&'b StringArray),
    /// Each row has the number of a text.
    Numbered {
        numbers: &'b [i32],
        texts: &'b StringArray,
    },
}

fn texts(column: Column<'_>) -> Option<Texts<'_>> {
    match column.values.data_type() {
        DataType::Utf8 => Some(Texts::Plain(column.values.as_string_opt::<i32>()?)),
        DataType::Dictionary(..) => {
            let numbered = column.values.as_dictionary_opt::<Int32Type>()?;
            Some(Texts::Numbered {
                numbers: numbered.keys().values(),
                texts: numbered.values().as_string_opt::<i32>()?,
            })
        }
        _ => None,
    }
}

/// The rows of `among`, which all have a value, whose texts `holds` is true for.
fn numbered(
    numbers: &[i32],
    texts: &StringArray,
    among: &BooleanBuffer,
    holds: impl Fn(&str) -> bool,
) -> BooleanBuffer {
    let wanted = among.count_set_bits();
    if texts.len() <= wanted {
        let known: Vec<bool> = (0..texts.len()).map(|n| holds(texts.value(n))).collect();
        if known.iter().all(|holds| !holds) {
            return none(among);
        }
        return each(among, |row| known[numbers[row] as usize]);
    }
    let mut known: Vec<Option<bool>> = vec![None; texts.len()];
    let mut bits = arrow_buffer::BooleanBufferBuilder::new(among.len());
    bits.append_n(among.len(), false);
    for row in among.set_indices() {
        let number = numbers[row] as usize;
        let holds = *known[number].get_or_insert_with(|| holds(texts.value(number)));
        bits.set_bit(row, holds);
    }
    bits.finish()
}

/// Whether each value of a dictionary passes.
fn judge(values: &ArrayRef, probe: &Probe<'_>) -> Option<Vec<bool>> {
    if let Some(texts) = values.as_string_opt::<i32>() {
        return Some(
            (0..texts.len())
                .map(|n| probe.text(texts.value(n)))
                .collect(),
        );
    }
    let numbers = values.as_primitive_opt::<Int64Type>()?.values().iter();
    Some(match probe.whole_numbers() {
        Some(holds) => numbers.map(|n| holds(*n)).collect(),
        None => numbers.map(|n| probe.value(&Value::Int(*n))).collect(),
    })
}

/// The rows of `among` that have a value whose number is `known` to pass; `rows` are all such.
/// Nothing is read if no value passes.
fn by_number(
    known: &[bool],
    among: &BooleanBuffer,
    rows: impl FnOnce() -> Option<BooleanBuffer>,
) -> BooleanBuffer {
    if !known.contains(&true) {
        return none(among);
    }
    rows().map_or_else(|| none(among), |rows| among & &rows)
}

/// A column of whole numbers.
enum WholeNumbers<'b> {
    Plain(&'b [i64]),
    /// Each row has the number of a value.
    Numbered {
        numbers: &'b [i32],
        values: &'b [i64],
    },
}

impl WholeNumbers<'_> {
    fn at(&self, row: usize) -> i64 {
        match self {
            Self::Plain(values) => values[row],
            Self::Numbered { numbers, values } => values[numbers[row] as usize],
        }
    }
}

fn whole_numbers(column: Column<'_>) -> Option<WholeNumbers<'_>> {
    if let Some(numbers) = column.values.as_primitive_opt::<Int64Type>() {
        return Some(WholeNumbers::Plain(numbers.values()));
    }
    let numbered = column.values.as_dictionary_opt::<Int32Type>()?;
    Some(WholeNumbers::Numbered {
        numbers: numbered.keys().values(),
        values: numbered.values().as_primitive_opt::<Int64Type>()?.values(),
    })
}

fn column_passing(column: Column<'_>, probe: &Probe<'_>, among: &BooleanBuffer) -> BooleanBuffer {
    let among = &present(column, among);
    match texts(column) {
        Some(Texts::Plain(texts)) => return each(among, |row| probe.text(texts.value(row))),
        Some(Texts::Numbered { numbers, texts }) => {
            return numbered(numbers, texts, among, |text| probe.text(text));
        }
        None => {}
    }
    if let Some(numbers) = whole_numbers(column) {
        return match probe.whole_numbers() {
            Some(holds) => each(among, |row| holds(numbers.at(row))),
            None => each(among, |row| probe.value(&Value::Int(numbers.at(row)))),
        };
    }
    if let Some(truths) = column.values.as_boolean_opt() {
        let known = [false, true].map(|truth| probe.value(&Value::Bool(truth)));
        return each(among, |row| known[usize::from(truths.value(row))]);
    }
    if let Some(lists) = column.values.as_list_opt::<i32>()
        && let Some(items) = lists.values().as_string_opt::<i32>()
        && probe.takes_one_of_several()
    {
        let ends = lists.offsets();
        return each(among, |row| {
            let items_of_row = ends[row]..ends[row + 1];
            items_of_row
                .into_iter()
                .any(|item| probe.text(items.value(item as usize)))
        });
    }
    each(among, |row| {
        value(column, row).is_some_and(|value| probe.value(&value))
    })
}

/// The value of a row that has one; `None` for a column that is not one of ours.
fn value(column: Column<'_>, row: usize) -> Option<Value> {
    match column.values.data_type() {
        DataType::Int64 => Some(Value::Int(whole_numbers(column)?.at(row))),
        DataType::Dictionary(_, values) if **values == DataType::Int64 => {
            Some(Value::Int(whole_numbers(column)?.at(row)))
        }
        DataType::Float64 => {
            let n = column.values.as_primitive_opt::<Float64Type>()?.value(row);
            let whole = whole_number(n).filter(|_| column.mixed);
            Some(whole.map_or(Value::Float(n), Value::Int))
        }
        DataType::Boolean => Some(Value::Bool(column.values.as_boolean_opt()?.value(row))),
        DataType::List(_) => {
            let items = column.values.as_list_opt::<i32>()?.value(row);
            let items = items.as_string_opt::<i32>()?;
            if column.mixed && items.len() == 1 {
                return Some(Value::str(items.value(0)));
            }
            let texts = (0..items.len()).map(|item| items.value(item).into());
            Some(Value::List(texts.collect()))
        }
        _ => match texts(column)? {
            Texts::Plain(texts) => Some(Value::str(texts.value(row))),
            Texts::Numbered { numbers, texts } => {
                Some(Value::str(texts.value(*numbers.get(row)? as usize)))
            }
        },
    }
}

#[cfg(test)]
mod tests;
