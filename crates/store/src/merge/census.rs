//! Which columns the file that is made will have.

use crate::Result;
use crate::columns::{Kind, Kinds, MAX_COLUMN_NAME};
use crate::read::StoredFile;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A column of the file that is made.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) field: String,
    pub(super) kind: Kind,
    /// Values of several kinds share it.
    pub(super) mixed: bool,
}

/// The fields of all inputs.
#[derive(Debug)]
pub(super) struct Census {
    pub(super) columns: Vec<Settled>,
    places: HashMap<String, usize>,
    /// Fields whose values are looked at one by one: those of several kinds, and those that
    /// get no column.
    pub(super) odd: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Field {
    kinds: Kinds,
    /// Some of its values do not stand in a column of one kind.
    odd: bool,
    rows: u64,
}

impl Census {
    pub(super) fn of(inputs: &[StoredFile], max_columns: usize) -> Result<Self> {
        let mut fields: BTreeMap<String, Field> = BTreeMap::new();
        for input in inputs {
            for column in input.field_columns() {
                let field = fields.entry(column.field.to_owned()).or_default();
                field.rows += column.rows;
                field.odd |= column.mixed;
                column.kinds_into(&mut field.kinds);
            }
            input.overflowing(&mut |name, value| {
                let field = fields.entry(name.to_owned()).or_default();
                field.rows += 1;
                field.odd = true;
                field.kinds.add(value);
            })?;
        }
        let mut ranked: Vec<(String, Field)> = fields.into_iter().collect();
        ranked.sort_by_key(|(name, field)| (name.len() > MAX_COLUMN_NAME, Reverse(field.rows)));
        let (mut columns, mut odd) = (Vec::new(), BTreeSet::new());
        for (name, field) in ranked {
            if columns.len() == max_columns || name.len() > MAX_COLUMN_NAME {
                odd.insert(name);
                continue;
            }
            let (kind, several) = field.kinds.settle();
            let mixed = several || field.odd;
            if mixed {
                odd.insert(name.clone());
            }
            columns.push(Settled {
                field: name,
                kind,
                mixed,
            });
        }
        let places = (0..)
            .zip(&columns)
            .map(|(at, c)| (c.field.clone(), at))
            .collect();
        Ok(Self {
            columns,
            places,
            odd,
        })
    }

    /// Whether there is an overflow column.
    pub(super) fn has_overflow(&self) -> bool {
        !self.odd.is_empty()
    }

    /// The place of the column of a field among the columns of fields.
    pub(super) fn place(&self, field: &str) -> Option<usize> {
        self.places.get(field).copied()
    }
}
