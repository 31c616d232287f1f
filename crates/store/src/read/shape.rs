//! What the footer of a file says of its columns and row groups.

use super::lazy::{all_absent, by_number};
use super::vocabulary::Vocabularies;
use crate::columns::{self, COL_TS, LOG_TS, OVERFLOW, SEQ, TERMS};
use crate::encode::{DESCRIPTION, Description, GROUP_ROWS};
use arrow_schema::{DataType, Field, Schema};
use cresset_model::Timestamp;
use cresset_model::event::SAME_AS_MSG;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;
use parquet::file::statistics::Statistics;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

/// Our own columns, which come first.
const OWN: [&str; 3] = [SEQ, LOG_TS, COL_TS];

/// Which of our own columns are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// Places in the event log.
    pub seq: bool,
    /// Event times.
    pub log_ts: bool,
    /// Arrival times.
    pub col_ts: bool,
    /// The terms of `msg`, where the file has them.
    pub terms: bool,
}

impl Own {
    /// What belongs to an event.
    pub const ALL: Self = Self {
        seq: true,
        log_ts: true,
        col_ts: true,
        terms: false,
    };
    /// None of them.
    pub const NONE: Self = Self {
        seq: false,
        log_ts: false,
        col_ts: false,
        terms: false,
    };
}

/// What is known of a file's columns and row groups. Files do not change.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(super) footer: ArrowReaderMetadata,
    /// Where each field's column is.
    fields: HashMap<String, Place>,
    pub(super) overflow: Option<usize>,
    terms: Option<usize>,
    pub(super) vocabularies: Vocabularies,
    /// Bytes in memory, roughly.
    pub(super) size: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    root: usize,
    /// Whether values of several kinds share the column.
    mixed: bool,
}

/// Most rows of a row group: twice what is written. Damage that says more is not to take memory.
const MAX_ROWS: i64 = 2 * GROUP_ROWS as i64;

/// How much of a row group is in a range of time, by its statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Nothing of it.
    None,
    /// Perhaps some rows.
    Part,
    /// All rows.
    Whole,
}

impl Shape {
    pub(super) fn read(file: &impl ChunkReader) -> Result<Self, String> {
        let told = |e: parquet::errors::ParquetError| e.to_string();
        let plain = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(told)?;
        let metadata = Arc::clone(plain.metadata());
        let description = description(&metadata)?;
        let mut groups = metadata.row_groups().iter();
        if groups.any(|group| !(0..=MAX_ROWS).contains(&group.num_rows())) {
            return Err("a row group has more rows than are ever written".to_owned());
        }
        let roots = plain.schema().fields();
        for (place, name) in OWN.iter().enumerate() {
            if roots.get(place).map(|f| f.name().as_str()) != Some(*name) {
                return Err(format!("it has no column {name}"));
            }
        }
        let hinted: Vec<Arc<Field>> = roots
            .iter()
            .enumerate()
            .map(|(root, field)| hint(field, root, &metadata))
            .collect();
        let schema = Arc::new(Schema::new(hinted));
        let options = ArrowReaderOptions::new().with_schema(schema);
        let footer = ArrowReaderMetadata::try_new(Arc::clone(&metadata), options).map_err(told)?;
        let mut fields = HashMap::new();
        for (root, field) in roots.iter().enumerate().skip(OWN.len()) {
            let name = field.name();
            if name != OVERFLOW && name != TERMS {
                let mixed = description.mixed.contains(name);
                let field = columns::field_name(name).to_owned();
                fields.insert(field, Place { root, mixed });
            }
        }
        let place = |own: &str| roots.iter().position(|f| f.name() == own);
        // The names stand in the schema three times, and once here.
        let names: usize = fields.keys().map(|name| 4 * name.len() + 512).sum();
        let vocabularies = Vocabularies::of(&metadata)?;
        Ok(Self {
            size: metadata.memory_size() + names + vocabularies.size(),
            vocabularies,
            footer,
            fields,
            overflow: place(OVERFLOW),
            terms: place(TERMS),
        })
    }

    fn groups(&self) -> &[RowGroupMetaData] {
        self.footer.metadata().row_groups()
    }

    /// The number of row groups.
    pub(crate) fn len(&self) -> usize {
        self.groups().len()
    }

    /// The rows of a row group.
    pub(crate) fn rows(&self, group: usize) -> usize {
        self.groups()
            .get(group)
            .map_or(0, |g| g.num_rows() as usize)
    }

    /// How much of a row group is after the first moment and up to the second.
    pub(crate) fn overlap(&self, group: usize, range: (Timestamp, Timestamp)) -> Overlap {
        let Some(times) = self.statistics(group, 1) else {
            return Overlap::Part;
        };
        let within = |t: i64| t > range.0.0 && t <= range.1.0;
        match (within(*times.start()), within(*times.end())) {
            (true, true) => Overlap::Whole,
            _ if *times.end() <= range.0.0 || *times.start() > range.1.0 => Overlap::None,
            _ => Overlap::Part,
        }
    }

    /// The latest event time of a row group, as far as known.
    pub(crate) fn max_log_ts(&self, group: usize) -> Timestamp {
        self.statistics(group, 1)
            .map_or(Timestamp::MAX, |times| Timestamp(*times.end()))
    }

    /// The largest `seq` of a row group, as far as known.
    pub(crate) fn max_seq(&self, group: usize) -> u64 {
        self.statistics(group, 0)
            .map_or(u64::MAX, |seqs| *seqs.end() as u64)
    }

    /// Smallest and largest value of one of our own columns, which come first and are flat.
    fn statistics(&self, group: usize, leaf: usize) -> Option<RangeInclusive<i64>> {
        match self.groups().get(group)?.columns().get(leaf)?.statistics() {
            Some(Statistics::Int64(found)) => Some(*found.min_opt()?..=*found.max_opt()?),
            _ => None,
        }
    }

    /// Whether the terms of `msg` stand in a column of their own.
    pub(super) const fn has_terms(&self) -> bool {
        self.terms.is_some()
    }

    /// Whether no row of a group has a value of the field, in whichever column.
    pub(super) fn lacks(&self, group: usize, field: &str) -> bool {
        if [LOG_TS, COL_TS].contains(&field) {
            return false;
        }
        let one = BTreeSet::from([field.to_owned()]);
        if self.overflows(Some(&one)) || self.may_be_msg(&one) {
            return false;
        }
        let Some(place) = self.fields.get(field) else {
            return true;
        };
        self.chunk(group, place.root).is_some_and(all_absent)
    }

    /// Whether the field has a column that values of several kinds share.
    pub(super) fn is_mixed(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(|place| place.mixed)
    }

    /// Whether values of one of these fields may be in the overflow column; `None`: of any.
    pub(super) fn overflows(&self, fields: Option<&BTreeSet<String>>) -> bool {
        let may = |field: &String| self.fields.get(field).is_none_or(|place| place.mixed);
        self.overflow.is_some() && fields.is_none_or(|fields| fields.iter().any(may))
    }

    /// The fields to read for `fields`: these, and `msg` where one of them may be kept as that.
    pub(super) fn reach<'f>(&self, fields: &'f BTreeSet<String>) -> Cow<'f, BTreeSet<String>> {
        if !self.may_be_msg(fields) {
            return Cow::Borrowed(fields);
        }
        let mut more = fields.clone();
        more.extend(["msg", SAME_AS_MSG].map(str::to_owned));
        Cow::Owned(more)
    }

    /// Whether some row may have `msg` under the name of one of these fields too.
    fn may_be_msg(&self, fields: &BTreeSet<String>) -> bool {
        let Some(place) = self.fields.get(SAME_AS_MSG) else {
            return self.overflow.is_some();
        };
        self.chunks(place.root).any(|chunk| {
            let bounds = match chunk.statistics() {
                Some(Statistics::ByteArray(found)) => {
                    found.min_bytes_opt().zip(found.max_bytes_opt())
                }
                _ => None,
            };
            let within = |name: &str| {
                bounds.is_none_or(|(min, max)| min <= name.as_bytes() && name.as_bytes() <= max)
            };
            fields.iter().any(|field| within(field))
        })
    }

    /// Each field that has a column: where, and whether values of several kinds share it.
    pub(super) fn field_roots(&self) -> impl Iterator<Item = (&str, usize, bool)> {
        let fields = self.fields.iter();
        fields.map(|(field, place)| (field.as_str(), place.root, place.mixed))
    }

    /// The type of a column as it is read.
    pub(super) fn kind(&self, root: usize) -> DataType {
        let fields = self.footer.schema().fields();
        fields
            .get(root)
            .map_or(DataType::Null, |f| f.data_type().clone())
    }

    fn chunks(&self, root: usize) -> impl Iterator<Item = &ColumnChunkMetaData> {
        // Each of our columns has one leaf.
        self.groups()
            .iter()
            .filter_map(move |g| g.columns().get(root))
    }

    /// How many rows have a value in a column, roughly.
    pub(super) fn rows_with(&self, root: usize) -> u64 {
        let present = |chunk: &ColumnChunkMetaData| {
            let absent = chunk.statistics().and_then(Statistics::null_count_opt);
            chunk
                .num_values()
                .unsigned_abs()
                .saturating_sub(absent.unwrap_or(0))
        };
        self.chunks(root).map(present).sum()
    }

    /// Smallest and largest whole number of a column, if all of its groups tell.
    pub(super) fn bounds(&self, root: usize) -> Option<(i64, i64)> {
        let mut all: Option<(i64, i64)> = None;
        for chunk in self.chunks(root) {
            let Some(Statistics::Int64(found)) = chunk.statistics() else {
                return None;
            };
            if found.null_count_opt() == Some(chunk.num_values().unsigned_abs()) {
                continue;
            }
            let (min, max) = (*found.min_opt()?, *found.max_opt()?);
            all = Some(all.map_or((min, max), |(a, b)| (a.min(min), b.max(max))));
        }
        all
    }

    /// Bytes that so many rows of the column of a field take in memory, roughly.
    pub(super) fn column_bytes(&self, field: &str, rows: usize) -> u64 {
        let place = self.fields.get(field);
        place.map_or(0, |place| self.bytes_of(place.root, rows))
    }

    /// The same of the terms of `msg`.
    pub(super) fn terms_bytes(&self, rows: usize) -> u64 {
        self.terms.map_or(0, |root| self.bytes_of(root, rows))
    }

    fn bytes_of(&self, root: usize, rows: usize) -> u64 {
        let bytes: u64 = self
            .chunks(root)
            .map(|c| c.uncompressed_size().unsigned_abs())
            .sum();
        let all: u64 = self
            .groups()
            .iter()
            .map(|g| g.num_rows().unsigned_abs())
            .sum();
        // A number per row at least.
        (bytes * rows as u64 / all.max(1)).max(8 * rows as u64)
    }

    /// Whether some of these fields may have a value in the overflow column alone, or one of
    /// `exact` has one whose column holds no more than its text.
    pub(super) fn hides(&self, fields: &BTreeSet<String>, exact: &BTreeSet<String>) -> bool {
        let hidden = |field: &String| match self.fields.get(field) {
            Some(place) => place.mixed && exact.contains(field),
            None => true,
        };
        self.overflow.is_some() && fields.iter().any(hidden)
    }

    /// The places of the columns of `fields` (`None`: all), of some of our own, and of the
    /// overflow if it is wanted, in order. Those that no row of `group` has a value in are left
    /// out.
    pub(super) fn roots(
        &self,
        group: Option<usize>,
        fields: Option<&BTreeSet<String>>,
        own: Own,
        overflow: bool,
    ) -> Vec<usize> {
        let ours = [own.seq, own.log_ts, own.col_ts];
        let ours = (0..)
            .zip(ours)
            .filter_map(|(root, read)| read.then_some(root));
        // A list without items counts as absent and is there.
        let left_out =
            |c: &ColumnChunkMetaData| all_absent(c) && c.column_descr().max_rep_level() == 0;
        let there = |place: &Place| {
            let chunk = group.and_then(|group| self.chunk(group, place.root));
            (!chunk.is_some_and(left_out)).then_some(place.root)
        };
        let mut roots: Vec<usize> = match fields {
            Some(names) => {
                let places = names.iter().filter_map(|name| self.fields.get(name));
                ours.chain(places.filter_map(there)).collect()
            }
            None => ours.chain(self.fields.values().filter_map(there)).collect(),
        };
        roots.extend(self.terms.filter(|_| own.terms));
        roots.extend(self.overflow.filter(|_| overflow));
        roots.sort_unstable();
        roots
    }

    /// These columns.
    pub(super) fn projection(&self, roots: &[usize]) -> ProjectionMask {
        ProjectionMask::roots(self.footer.parquet_schema(), roots.iter().copied())
    }

    /// Whether a column is of those that come first in each file.
    pub(super) const fn is_own(root: usize) -> bool {
        root < OWN.len()
    }

    /// The name of a column.
    pub(super) fn name(&self, root: usize) -> &str {
        let fields = self.footer.schema().fields();
        fields.get(root).map_or("", |field| field.name())
    }

    /// What is said of a column of a row group.
    pub(super) fn chunk(&self, group: usize, root: usize) -> Option<&ColumnChunkMetaData> {
        self.groups().get(group)?.columns().get(root)
    }

    /// Where in the file the columns of a projection are, of these groups.
    pub(super) fn places(&self, groups: &[usize], projection: &ProjectionMask) -> Vec<Range<u64>> {
        let groups = groups.iter().filter_map(|group| self.groups().get(*group));
        let chunks = groups.flat_map(|group| group.columns().iter().enumerate());
        chunks
            .filter(|(leaf, _)| projection.leaf_included(*leaf))
            .map(|(_, chunk)| {
                let (start, len) = chunk.byte_range();
                start..start.saturating_add(len)
            })
            .collect()
    }

    /// Bytes that some columns take in memory per row of a group, roughly; `None` where all
    /// texts are numbers of a dictionary.
    pub(super) fn bytes_per_row(&self, group: usize, roots: &[usize]) -> Option<u64> {
        let (mut bytes, mut plain) = (0, false);
        // Each of our columns has one leaf.
        for chunk in roots.iter().filter_map(|root| self.chunk(group, *root)) {
            plain |= chunk.column_type() == parquet::basic::Type::BYTE_ARRAY && !by_number(chunk);
            bytes += chunk.uncompressed_size().unsigned_abs();
        }
        plain.then(|| bytes / self.rows(group).max(1) as u64)
    }
}

fn description(metadata: &ParquetMetaData) -> Result<Description, String> {
    let entries = metadata.file_metadata().key_value_metadata();
    let text = entries
        .and_then(|entries| entries.iter().find(|e| e.key == DESCRIPTION))
        .and_then(|entry| entry.value.as_deref())
        .ok_or("it was not written by Cresset")?;
    let found: Description = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if found.version == 1 {
        Ok(found)
    } else {
        Err(format!(
            "layout {} is newer than this Cresset",
            found.version
        ))
    }
}

/// The type to read a column as: texts that stand in the file as numbers of a dictionary
/// stay so, and a condition on them is asked once for each text of the dictionary.
fn hint(field: &Arc<Field>, root: usize, metadata: &ParquetMetaData) -> Arc<Field> {
    // Each of our columns has one leaf, lists as well, so that places of roots and leaves agree.
    let mut chunks = metadata
        .row_groups()
        .iter()
        .filter_map(|g| g.columns().get(root));
    let text = *field.data_type() == DataType::Utf8 && field.name() != OVERFLOW;
    if !text || !chunks.all(by_number) {
        return Arc::clone(field);
    }
    let numbers = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Arc::new(field.as_ref().clone().with_data_type(numbers))
}
