//! Columns of one row group, put together from the inputs.

use crate::columns::{self, Kind};
use crate::read::{Own, RangeBatch, StoredFile};
use crate::{Error, Result};
use arrow_array::builder::{ArrayBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray, new_null_array};
use arrow_schema::DataType;
use cresset_model::Event;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Some columns of the rows that the inputs give to a row group.
pub(super) struct Sources<'a> {
    batches: Vec<RangeBatch<'a>>,
    /// For each row of the group, the batch and the row in it.
    picks: Vec<(usize, usize)>,
}

impl<'a> Sources<'a> {
    pub(super) fn read(
        inputs: &'a [StoredFile],
        stretches: &[Range<usize>],
        rows: &[u32],
        own: Own,
        fields: &BTreeSet<String>,
    ) -> Result<Self> {
        let mut batches = Vec::new();
        // For each input, the batches with its rows, in order.
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (input, stretch) in inputs.iter().zip(stretches) {
            let first = batches.len();
            batches.extend(input.range(stretch.clone(), own, fields)?);
            ranges.push(first..batches.len());
        }
        let mut at: Vec<(usize, usize)> = ranges.iter().map(|range| (range.start, 0)).collect();
        let mut picks = Vec::with_capacity(rows.len());
        for input in rows {
            let Some((batch, row)) = at.get_mut(*input as usize) else {
                continue;
            };
            while batches.get(*batch).is_some_and(|b| b.rows() == *row) {
                (*batch, *row) = (*batch + 1, 0);
            }
            picks.push((*batch, *row));
            *row += 1;
        }
        let sources = Self { batches, picks };
        sources.check()?;
        Ok(sources)
    }

    /// A damaged file may give fewer rows than it says.
    fn check(&self) -> Result<()> {
        let whole = |(batch, row): &(usize, usize)| {
            self.batches.get(*batch).is_some_and(|b| *row < b.rows())
        };
        if self.picks.iter().all(whole) {
            return Ok(());
        }
        Err(self.damaged("it has fewer rows than it says"))
    }

    fn damaged(&self, reason: &str) -> Error {
        Error::Damaged {
            path: self
                .batches
                .first()
                .map_or_else(PathBuf::new, |b| b.path().to_owned()),
            reason: reason.to_owned(),
        }
    }

    /// One of our own columns.
    pub(super) fn own(&self, name: &str) -> Result<ArrayRef> {
        let arrays: Option<Vec<&ArrayRef>> = self.batches.iter().map(|b| b.column(name)).collect();
        let arrays = arrays.ok_or_else(|| self.damaged("one of its own columns is missing"))?;
        self.interleaved(arrays)
    }

    /// The terms of `msg` of these rows.
    pub(super) fn terms_of(
        inputs: &'a [StoredFile],
        stretches: &[Range<usize>],
        rows: &[u32],
    ) -> Result<ArrayRef> {
        let own = Own {
            terms: true,
            ..Own::NONE
        };
        let sources = Self::read(inputs, stretches, rows, own, &BTreeSet::new())?;
        let batches = sources.batches.iter();
        let found: Vec<Option<&ArrayRef>> = batches.map(|b| b.column(columns::TERMS)).collect();
        sources.texts(&found)
    }

    /// The column of a field of one kind.
    pub(super) fn column(&self, field: &str, kind: Kind) -> Result<ArrayRef> {
        let name = columns::column_name(field);
        let found: Vec<Option<&ArrayRef>> = self
            .batches
            .iter()
            .map(|batch| batch.column(&name))
            .collect();
        let kind = match kind {
            Kind::Text => return self.texts(&found),
            Kind::Int => DataType::Int64,
            Kind::Float => DataType::Float64,
            Kind::Bool => DataType::Boolean,
            Kind::List => DataType::new_list(DataType::Utf8, true),
        };
        // As the files name the items of lists.
        let kind = found
            .iter()
            .flatten()
            .next()
            .map_or(kind, |a| a.data_type().clone());
        let absent: Vec<ArrayRef> = self
            .batches
            .iter()
            .map(|batch| new_null_array(&kind, batch.rows()))
            .collect();
        self.interleaved(
            found
                .iter()
                .zip(&absent)
                .map(|(f, none)| f.unwrap_or(none))
                .collect(),
        )
    }

    fn interleaved(&self, arrays: Vec<&ArrayRef>) -> Result<ArrayRef> {
        let arrays: Vec<&dyn Array> = arrays.into_iter().map(AsRef::as_ref).collect();
        arrow_select::interleave::interleave(&arrays, &self.picks)
            .map_err(|error| self.damaged(&error.to_string()))
    }

    fn texts(&self, found: &[Option<&ArrayRef>]) -> Result<ArrayRef> {
        let texts: Option<Vec<Texts<'_>>> = found.iter().map(|array| Texts::of(*array)).collect();
        let texts = texts.ok_or_else(|| self.damaged("a column of texts has another type"))?;
        if texts
            .iter()
            .any(|texts| matches!(texts, Texts::Numbered { .. }))
        {
            return self.numbered(&texts);
        }
        let mut all = StringBuilder::with_capacity(self.picks.len(), 0);
        for (batch, row) in &self.picks {
            all.append_option(texts.get(*batch).and_then(|texts| texts.at(*row)));
        }
        Ok(Arc::new(all.finish()))
    }

    /// Texts that are numbered in some of the batches, which stay so: a long one that many rows
    /// have is held once.
    fn numbered(&self, texts: &[Texts<'_>]) -> Result<ArrayRef> {
        let mut known: HashMap<(usize, i32), i32> = HashMap::new();
        let (mut all, mut keys) = (StringBuilder::new(), Vec::with_capacity(self.picks.len()));
        for (batch, row) in &self.picks {
            let mut add = |text: &str| {
                all.append_value(text);
                all.len() as i32 - 1
            };
            keys.push(match texts.get(*batch) {
                Some(Texts::Numbered { numbers, texts }) => {
                    let number = numbers.is_valid(*row).then(|| numbers.keys().value(*row));
                    number.map(|number| {
                        let text = || add(texts.value(number as usize));
                        *known.entry((*batch, number)).or_insert_with(text)
                    })
                }
                Some(plain) => plain.at(*row).map(add),
                None => None,
            });
        }
        let keys = Int32Array::from(keys);
        let numbered = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(all.finish()));
        let numbered = numbered.map_err(|error| self.damaged(&error.to_string()))?;
        Ok(Arc::new(numbered))
    }

    /// The rows as events of these fields.
    pub(super) fn events(&self, fields: &BTreeSet<String>) -> Result<Vec<Event>> {
        let mut events: Vec<Vec<Option<Event>>> = Vec::new();
        for batch in &self.batches {
            let read = batch.events(fields)?;
            events.push(read.into_iter().map(|(_, event)| Some(event)).collect());
        }
        let mut take =
            |(batch, row): &(usize, usize)| events.get_mut(*batch)?.get_mut(*row)?.take();
        let taken: Option<Vec<Event>> = self.picks.iter().map(&mut take).collect();
        taken.ok_or_else(|| self.damaged("it has fewer rows than it says"))
    }
}

/// A column of texts of one batch.
enum Texts<'b> {
    None,
    Plain(&'b StringArray),
    Numbered {
        numbers: &'b arrow_array::DictionaryArray<Int32Type>,
        texts: &'b StringArray,
    },
}

impl<'b> Texts<'b> {
    fn of(array: Option<&'b ArrayRef>) -> Option<Self> {
        let Some(array) = array else {
            return Some(Self::None);
        };
        if let Some(numbers) = array.as_dictionary_opt::<Int32Type>() {
            let texts = numbers.values().as_string_opt::<i32>()?;
            return Some(Self::Numbered { numbers, texts });
        }
        array.as_string_opt::<i32>().map(Self::Plain)
    }

    fn at(&self, row: usize) -> Option<&'b str> {
        match self {
            Self::None => None,
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Numbered { numbers, texts } => Some(texts.value(numbers.key(row)?)),
        }
    }
}
