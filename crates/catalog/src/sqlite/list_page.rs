//! Pages of lists that a caller filters and sorts.
//!
//! A page needs the total, too, which takes a look at every row that passes the filter, by two
//! threads if the list is long. Few rows are found once and put in order; of many, those of the
//! page are found along an index in the order that is asked for.

use super::filter::{Source, asks_texts_alone, condition, order};
use super::id_set::{self, ID_SET};
use super::points::Points;
use crate::Result;
use cresset_model::filter::{Column, Filter, ListQuery, Page, find};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use std::thread::ScopedJoinHandle;

/// Up to how many rows are few.
const FEW: usize = 2000;

/// A list as the database holds it.
#[derive(Debug)]
pub(super) struct List {
    /// Its columns.
    pub(super) columns: &'static [Column],
    /// Where their values are, in the same order.
    pub(super) fields: &'static [Field],
    /// The table with its name in the expressions, say `roles r`.
    pub(super) from: &'static str,
    /// The expression that tells rows apart, say `r.id`.
    pub(super) id: &'static str,
    /// What the indexes of the fields have between the field and the id.
    pub(super) between: Option<&'static str>,
    /// All texts of a row in one.
    pub(super) texts: Option<Texts>,
}

/// Where all texts of a row stand.
#[derive(Debug)]
pub(super) struct Texts {
    /// The expression, as [`condition`] wants it.
    pub(super) all: &'static str,
    /// The index that has it, and whatever lists of texts are found by, in the order of ids.
    pub(super) index: &'static str,
}

/// Where the values of a column are.
#[derive(Debug)]
pub(super) struct Field {
    /// For filters. A plus before a column keeps SQLite from looking up one by one in the
    /// table what an index says of many rows.
    filter: Source,
    /// For sorting.
    order: &'static str,
    /// Which index to walk along when sorting; empty for none.
    index: &'static str,
}

impl Field {
    /// An expression.
    pub(super) const fn plain(expression: &'static str) -> Self {
        Self::indexed(expression, expression, "")
    }

    /// A column that an index is in the order of.
    pub(super) const fn indexed(
        order: &'static str,
        filter: &'static str,
        index: &'static str,
    ) -> Self {
        Self {
            filter: Source::One(filter),
            order,
            index,
        }
    }

    /// Texts of other rows, by which nothing is sorted.
    pub(super) const fn elements(filter: Source) -> Self {
        Self {
            filter,
            order: "NULL",
            index: "",
        }
    }
}

/// What of a list is in question at all.
pub(super) struct Part {
    /// Conditions with parameters counted from 1, joined by AND; empty for none.
    pub(super) text: &'static str,
    /// Values of the parameters.
    pub(super) bound: Vec<Value>,
    /// Whether these are few rows among many.
    pub(super) small: bool,
}

/// A page that is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    list: &'static List,
    text: String,
    bound: Vec<Value>,
    order: String,
    /// The index that has the rows in this order; empty if there is none.
    index: &'static str,
    /// The index to find rows by; empty if SQLite may choose.
    through: &'static str,
    /// Whether to look first whether there are only few rows.
    narrow: bool,
    offset: u64,
    size: u32,
}

impl List {
    /// Writes the question down. [`crate::Error::Refused`] tells what is wrong with it.
    pub(super) fn ask(&'static self, part: Part, query: &ListQuery) -> Result<Asked> {
        let filters = self.pairs(|field| field.filter);
        let orders = self.pairs(|field| Source::One(field.order));
        let Part {
            text,
            mut bound,
            small,
        } = part;
        let mut conditions: Vec<String> = Vec::new();
        if !text.is_empty() {
            conditions.push(text.to_owned());
        }
        let of_texts = |filter: &Filter| !small && asks_texts_alone(filter);
        let texts = self.texts.as_ref();
        let texts = texts.filter(|_| query.filter.as_ref().is_some_and(of_texts));
        if query.filter.is_some() {
            let all = texts.map(|texts| texts.all);
            let filter = condition(query.filter.as_ref(), &filters, all, bound.len() + 1)?;
            conditions.push(filter.text);
            bound.extend(filter.bound);
        }
        // Backwards along an index, what is equal comes backwards, too.
        let backwards = query.sort.last().is_some_and(|last| last.descending);
        let direction = if backwards { " DESC" } else { "" };
        let between = self.between.filter(|_| !query.sort.is_empty());
        let last = between.into_iter().chain([self.id]);
        let last: Vec<String> = last.map(|term| format!("{term}{direction}")).collect();
        Ok(Asked {
            list: self,
            text: if conditions.is_empty() {
                String::new()
            } else {
                format!("WHERE {}", conditions.join(" AND "))
            },
            bound,
            order: order(&query.sort, &orders, &last.join(", "))?,
            index: self.index_of(query),
            through: texts.map_or("", |texts| texts.index),
            narrow: small || query.filter.is_some(),
            offset: query.offset,
            size: query.size,
        })
    }

    fn pairs(&self, source: impl Fn(&Field) -> Source) -> Vec<(Column, Source)> {
        let columns = self.columns.iter().copied();
        columns.zip(self.fields.iter().map(source)).collect()
    }

    /// The index of what the list is sorted by first: the id, if nobody says.
    fn index_of(&self, query: &ListQuery) -> &'static str {
        let place = match query.sort.first() {
            Some(first) => {
                let named = find(self.columns, &first.column);
                named.and_then(|c| self.columns.iter().position(|other| other.name == c.name))
            }
            None => Some(0),
        };
        let field = place.and_then(|place| self.fields.get(place));
        field.map_or("", |field| field.index)
    }
}

/// A stretch of ids, both ends included; `None` for all.
#[derive(Debug, Clone, Copy)]
struct Stretch(Option<(i64, i64)>);

impl Stretch {
    const WHOLE: Self = Self(None);

    /// Two that have all ids, of which `last` is the last. What another connection sees beyond
    /// came later.
    fn halves(last: i64) -> (Self, Self) {
        let middle = last / 2;
        let (lower, upper) = ((i64::MIN, middle), (middle + 1, last));
        (Self(Some(lower)), Self(Some(upper)))
    }
}

impl Asked {
    /// Reads the page; `one` reads a row by its id.
    pub(super) fn page<T>(
        &self,
        view: &Connection,
        one: impl Fn(&Connection, i64) -> Result<T>,
    ) -> Result<Page<T>> {
        let found = if self.narrow {
            Some(self.found(view, Stretch::WHOLE)?)
        } else {
            None
        };
        self.page_of(view, found, one)
    }

    /// The same for a long list: two threads look for the rows, the other one by a connection
    /// of `points`. What is changed in that moment, one may see and the other one not yet.
    pub(super) fn long_page<T>(
        &self,
        view: &Connection,
        points: &Points,
        one: impl Fn(&Connection, i64) -> Result<T>,
    ) -> Result<Page<T>> {
        let List { from, id, .. } = self.list;
        if !self.narrow {
            return self.page(view, one);
        }
        let last = read(view, &format!("SELECT max({id}) FROM {from}"), &[])?;
        let (lower, upper) = Stretch::halves(last.first().copied().unwrap_or(0));
        let found = std::thread::scope(|scope| {
            let beside = || points.view_here(|view| self.found(view, upper));
            let beside = std::thread::Builder::new().spawn_scoped(scope, beside);
            let mut found = self.found(view, lower)?;
            found.extend(match beside.map(ScopedJoinHandle::join) {
                Ok(Ok(others)) => others?,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // The system has no thread left.
                Err(_) => self.found(view, upper)?,
            });
            Ok::<_, crate::Error>(found)
        })?;
        self.page_of(view, Some(found), one)
    }

    fn page_of<T>(
        &self,
        view: &Connection,
        found: Option<Vec<i64>>,
        one: impl Fn(&Connection, i64) -> Result<T>,
    ) -> Result<Page<T>> {
        let (total, ids) = match found {
            Some(found) => (found.len() as u64, self.ids_among(view, found)?),
            None => {
                let List { from, .. } = self.list;
                let count = format!("SELECT count(*) FROM {from} {}", self.text);
                let total = read(view, &count, &self.bound)?;
                let total = total.first().map_or(0, |n| n.unsigned_abs());
                (total, self.ids(view, total)?)
            }
        };
        let items = ids.into_iter().map(|id| one(view, id));
        Ok(Page {
            total,
            items: items.collect::<Result<_>>()?,
        })
    }

    /// The ids of all rows in question that lie in a stretch.
    fn found(&self, view: &Connection, stretch: Stretch) -> Result<Vec<i64>> {
        let List { from, id, .. } = self.list;
        let (text, through) = (&self.text, self.through);
        let mut statement = format!("SELECT {ID_SET}({id}) FROM {from} {through} {text}");
        let mut bound = self.bound.clone();
        if let Stretch(Some((first, last))) = stretch {
            let word = if self.text.is_empty() { "WHERE" } else { "AND" };
            let n = bound.len();
            statement += &format!(" {word} {id} BETWEEN ?{} AND ?{}", n + 1, n + 2);
            bound.extend([Value::Integer(first), Value::Integer(last)]);
        }
        let mut prepared = view.prepare_cached(&statement)?;
        let set = |row: &Row<'_>| Ok(id_set::ids(row.get_ref(0)?.as_blob()?));
        Ok(prepared.query_row(params_from_iter(bound), set)?)
    }

    /// The ids of the page, of all that were found.
    fn ids_among(&self, view: &Connection, mut found: Vec<i64>) -> Result<Vec<i64>> {
        if self.order == self.list.id {
            found.sort_unstable();
            let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
            let page = found.into_iter().skip(offset);
            return Ok(page.take(self.size as usize).collect());
        }
        if found.len() <= FEW {
            return self.few(view, &found);
        }
        self.ids(view, found.len() as u64)
    }

    /// The ids of the page along an index, of `total` rows.
    fn ids(&self, view: &Connection, total: u64) -> Result<Vec<i64>> {
        if self.offset >= total {
            return Ok(Vec::new());
        }
        let List { from, id, .. } = self.list;
        let (text, order, index, cut) = (&self.text, &self.order, self.index, self.cut());
        let page = format!("SELECT {id} FROM {from} {index} {text} ORDER BY {order} {cut}");
        read(view, &page, &self.bound)
    }

    /// The page of those ids.
    fn few(&self, view: &Connection, found: &[i64]) -> Result<Vec<i64>> {
        let List { from, id, .. } = self.list;
        let (order, cut) = (&self.order, self.cut());
        // A cross join is made in this order.
        let page = format!(
            "SELECT {id} FROM json_each(?1) few CROSS JOIN {from} ON {id} = few.value
             ORDER BY {order} {cut}"
        );
        let found = super::columns::to_json("ids", found)?;
        read(view, &page, &[Value::Text(found)])
    }

    fn cut(&self) -> String {
        let offset = i64::try_from(self.offset).unwrap_or(i64::MAX);
        format!("LIMIT {} OFFSET {offset}", self.size)
    }
}

fn read(view: &Connection, statement: &str, bound: &[Value]) -> Result<Vec<i64>> {
    let number = |row: &Row<'_>| row.get(0);
    let mut prepared = view.prepare_cached(statement)?;
    let rows = prepared.query_map(params_from_iter(bound), number)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
