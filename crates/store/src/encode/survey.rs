//! Which columns a file has, and which field of which batch each is of.

use super::source::{Place, Source};
use crate::columns::{Kind, Kinds, MAX_COLUMN_NAME, has_terms, whole};
use cresset_model::packed::{Cell, Rows, ValueRef};
use foldhash::HashMap;

/// Values of a column that are looked at to learn whether they repeat, at least.
const SAMPLE: usize = 64;
/// Bytes of the different values of a small column…
const SMALL: usize = 256;
/// …and rows that have one, where rows have values and not their numbers.
const FEW_ROWS: u32 = 32;
/// The place of a field that has no column of its own.
pub(super) const NOWHERE: u32 = u32::MAX;

/// The values of a field in one file.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    pub(crate) field: &'a str,
    pub(crate) kind: Kind,
    /// Values of several kinds share the column.
    pub(crate) mixed: bool,
    /// Hardly a value comes again, as far as some of them tell: then a dictionary would be made
    /// of all of them for nothing.
    pub(crate) diverse: bool,
    /// There is so little in it that compression would cost more than it gains: what prepares it
    /// is as much work as compressing some ten thousand bytes.
    pub(crate) small: bool,
    pub(super) expected: Expected,
}

/// What a column will hold at most: how many different values, and their bytes. Those of several
/// batches are counted in each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Expected {
    pub(super) different: usize,
    pub(super) bytes: usize,
}

impl Column<'_> {
    /// Whether it is that of `msg`, and its terms tell all that may be asked of them.
    pub(crate) fn has_terms(&self) -> bool {
        has_terms(self.field, self.kind, self.mixed)
    }
}

/// What the rows of one file become.
#[derive(Debug, Default)]
pub(crate) struct Survey<'a> {
    pub(crate) columns: Vec<Column<'a>>,
    /// Of each batch, the places of the columns of its fields.
    pub(super) fields: Vec<Vec<u32>>,
    /// Whether some values may have no column, or one that does not give them back.
    pub(crate) overflow: bool,
}

/// Sorts the fields of some rows into at most `budget` columns, the most frequent fields first.
/// With `numbered`, columns may have dictionaries.
pub(super) fn survey<'a>(
    source: &Source<'a>,
    places: &[Place],
    budget: usize,
    numbered: bool,
) -> Survey<'a> {
    let mut count = Count::of(source);
    for (row, place) in (1..).zip(places) {
        count.row(row, *place);
    }
    let keep = within_budget(&count.fields, budget);
    let mut survey = Survey::default();
    let mut column_of = vec![NOWHERE; count.fields.len()];
    for ((field, column), keep) in count.fields.iter().zip(&mut column_of).zip(keep) {
        let (kind, mixed) = field.kinds.settle();
        survey.overflow |= !keep || mixed && field.overflows(kind);
        if keep {
            *column = survey.columns.len() as u32;
            survey.columns.push(Column {
                field: field.name,
                kind,
                mixed,
                diverse: field.is_diverse(source),
                small: field.expected.bytes <= SMALL && (numbered || field.cells <= FEW_ROWS),
                expected: field.expected,
            });
        }
    }
    let place = |field: u32| column_of.get(field as usize).copied().unwrap_or(NOWHERE);
    let batch = |fields: Vec<u32>| fields.into_iter().map(place).collect();
    survey.fields = count.numbers.into_iter().map(batch).collect();
    survey
}

struct Field<'a> {
    name: &'a str,
    kinds: Kinds,
    /// Whether it has lists of one item, and fractions that are whole.
    single: bool,
    whole: bool,
    cells: u32,
    expected: Expected,
    /// The last row that has it, from 1.
    last: u32,
    /// Values of rows at equal distances, …
    sample: Vec<(u32, u32)>,
    /// … which is this number of cells, a power of two.
    step: u32,
}

impl<'a> Field<'a> {
    fn new(name: &'a str) -> Self {
        Self {
            name,
            kinds: Kinds::default(),
            single: false,
            whole: false,
            cells: 0,
            expected: Expected::default(),
            last: 0,
            sample: Vec::new(),
            step: 1,
        }
    }

    /// Whether a mixed column of that kind does not give all of its values back: see
    /// [`crate::columns::reads_back`].
    const fn overflows(&self, kind: Kind) -> bool {
        match kind {
            Kind::Float => self.whole,
            Kind::List => self.single || self.kinds.int || self.kinds.float || self.kinds.bool,
            Kind::Int | Kind::Bool | Kind::Text => true,
        }
    }

    fn take_sample(&mut self, batch: usize, value: u32) {
        self.sample.push((batch as u32, value));
        if self.sample.len() == 2 * SAMPLE {
            let mut odd = false;
            self.sample.retain(|_| {
                odd = !odd;
                odd
            });
            self.step *= 2;
        }
    }

    fn is_diverse(&self, source: &Source<'_>) -> bool {
        let text = |(batch, value): &(u32, u32)| {
            let values = source.batches.get(*batch as usize)?.values();
            Some(match *values.get(*value as usize)? {
                ValueRef::Str(text) => text.to_owned(),
                other => other.to_value().text().into_owned(),
            })
        };
        let mut sample: Vec<String> = self.sample.iter().filter_map(text).collect();
        let all = sample.len();
        sample.sort_unstable();
        sample.dedup();
        all >= SAMPLE && sample.len() + 1 >= all
    }
}

struct Count<'s, 'a> {
    batches: &'s [Rows<'a>],
    /// Fields in order of first appearance.
    fields: Vec<Field<'a>>,
    names: HashMap<&'a str, u32>,
    /// Of each batch, the places of its fields among them.
    numbers: Vec<Vec<u32>>,
    /// Of each batch, which values were seen.
    seen: Vec<Vec<bool>>,
}

impl<'s, 'a> Count<'s, 'a> {
    fn of(source: &'s Source<'a>) -> Self {
        Self {
            batches: &source.batches,
            fields: Vec::new(),
            names: HashMap::default(),
            numbers: vec![Vec::new(); source.batches.len()],
            seen: vec![Vec::new(); source.batches.len()],
        }
    }

    fn row(&mut self, row: u32, place: Place) {
        let Some(batch) = self.batches.get(place.batch) else {
            return;
        };
        // Only now, because a file may have rows of few of very many batches.
        if let (Some(numbers), Some(seen)) = (
            self.numbers.get_mut(place.batch),
            self.seen.get_mut(place.batch),
        ) {
            numbers.resize(batch.names().len(), NOWHERE);
            seen.resize(batch.values().len(), false);
        }
        for cell in batch.cells(place.row) {
            let number = self.number(batch, place.batch, *cell);
            let Some(field) = self.fields.get_mut(number as usize) else {
                continue;
            };
            // A name given twice reads as its first value, as in `Event::get`.
            if std::mem::replace(&mut field.last, row) == row {
                continue;
            }
            if field.cells & (field.step - 1) == 0 {
                field.take_sample(place.batch, cell.value);
            }
            field.cells += 1;
            let seen = self.seen.get_mut(place.batch);
            let seen = seen.and_then(|seen| seen.get_mut(cell.value as usize));
            if seen.is_some_and(|seen| !std::mem::replace(seen, true))
                && let Some(value) = batch.values().get(cell.value as usize)
            {
                field.kinds.add_packed(*value);
                match value {
                    ValueRef::List(items) => field.single |= items.iter().count() == 1,
                    ValueRef::Float(n) => field.whole |= whole(*n).is_some(),
                    _ => {}
                }
                field.expected.different += 1;
                field.expected.bytes += match value {
                    ValueRef::Str(text) => 4 + text.len(),
                    ValueRef::List(items) => items.iter().map(|item| 4 + item.len()).sum(),
                    ValueRef::Bool(_) => 1,
                    ValueRef::Int(_) | ValueRef::Float(_) => 8,
                };
            }
        }
    }

    /// The place of the field of a cell.
    fn number(&mut self, rows: &Rows<'a>, batch: usize, cell: Cell) -> u32 {
        let fields = self.numbers.get_mut(batch);
        let Some(number) = fields.and_then(|fields| fields.get_mut(cell.field as usize)) else {
            return NOWHERE;
        };
        if *number == NOWHERE
            && let Some(name) = rows.names().get(cell.field as usize)
        {
            let fields = &mut self.fields;
            *number = *self.names.entry(name).or_insert_with(|| {
                fields.push(Field::new(name));
                fields.len() as u32 - 1
            });
        }
        *number
    }
}

fn within_budget(fields: &[Field<'_>], budget: usize) -> Vec<bool> {
    let mut ranked: Vec<usize> = (0..fields.len())
        .filter(|i| fields[*i].name.len() <= MAX_COLUMN_NAME)
        .collect();
    ranked.sort_by_key(|i| std::cmp::Reverse(fields[*i].cells));
    let mut keep = vec![false; fields.len()];
    for i in ranked.into_iter().take(budget) {
        keep[i] = true;
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::source::all_packed;
    use cresset_model::event::LoggedEvent;
    use cresset_model::{Event, Timestamp, Value};

    fn check(rows: &[&[(&str, Value)]], budget: usize, columns: &[&str], overflow: bool) {
        let event = |fields: &&[(&str, Value)]| Event {
            fields: fields
                .iter()
                .map(|(n, v)| ((*n).into(), v.clone()))
                .collect(),
            ..Event::new(Timestamp(0), Timestamp(0))
        };
        let logged = |row: &&[(&str, Value)]| LoggedEvent {
            seq: 1,
            repo: "r".into(),
            event: event(row).into(),
        };
        let events = all_packed(&rows.iter().map(logged).collect::<Vec<_>>());
        let source = Source::of(events.iter());
        let found = survey(&source, &source.places(&events), budget, true);
        let names: Vec<&str> = found.columns.iter().map(|c| c.field).collect();
        assert_eq!((names.as_slice(), found.overflow), (columns, overflow));
    }

    #[test]
    fn the_budget_keeps_the_most_frequent_fields() {
        let one = || Value::Int(1);
        let rows: [&[_]; 3] = [
            &[("rare", one()), ("often", one())],
            &[("often", one()), ("also", one())],
            &[("also", one())],
        ];
        check(&rows, 2, &["often", "also"], true);
        check(&rows, 3, &["rare", "often", "also"], false);
    }

    #[test]
    fn values_that_do_not_come_back_from_a_column_overflow() {
        let overflow = |values: &[Value], expect: bool| {
            let rows: Vec<Vec<(&str, Value)>> =
                values.iter().map(|v| vec![("a", v.clone())]).collect();
            let rows: Vec<&[(&str, Value)]> = rows.iter().map(Vec::as_slice).collect();
            check(&rows, 5, &["a"], expect);
        };
        let list = |items: &[&str]| Value::List(items.iter().map(|i| (*i).into()).collect());
        overflow(&[Value::Int(1), Value::Float(0.5)], false);
        overflow(&[Value::Int(1), Value::Float(0.5), Value::Float(2.0)], true);
        overflow(&["x".into(), list(&["a", "b"]), list(&[])], false);
        overflow(&["x".into(), list(&["a"])], true);
        overflow(&[Value::Int(1), list(&["a", "b"])], true);
        overflow(&["x".into(), Value::Int(1)], true);
        overflow(&[Value::Float(2.0)], false);
        overflow(&[list(&["a"])], false);
    }

    #[test]
    fn very_long_names_have_no_column() {
        let name = "n".repeat(MAX_COLUMN_NAME + 1);
        check(&[&[(&name, Value::Int(1))]], 10, &[], true);
    }

    #[test]
    fn values_tell_whether_they_come_again() {
        let diverse = |rows: i64, value: fn(i64) -> i64| {
            let event = |n| {
                let mut event = Event::new(Timestamp(0), Timestamp(0));
                event.set("n", value(n));
                event
            };
            let logged = |n| LoggedEvent {
                seq: 1,
                repo: "r".into(),
                event: event(n).into(),
            };
            let events = all_packed(&(0..rows).map(logged).collect::<Vec<_>>());
            let source = Source::of(events.iter());
            survey(&source, &source.places(&events), 10, true).columns[0].diverse
        };
        assert!(diverse(64, |n| n) && diverse(10_000, |n| n));
        assert!(!diverse(63, |n| n));
        assert!(!diverse(64, |n| n % 50) && !diverse(10_000, |n| n % 50));
    }
}
