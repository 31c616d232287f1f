//! Pages of lists that a caller filters and sorts.
//!
//! A page needs the total, too, which takes a look at every row that passes the filter. Few
//! rows are found once and put in order; of many, those of the page are found along an index
//! in the order that is asked for.

use super::filter::{Source, condition, order};
use crate::Result;
use cresset_model::filter::{Column, ListQuery, Page, find};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

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
        if query.filter.is_some() {
            let filter = condition(query.filter.as_ref(), &filters, bound.len() + 1)?;
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

impl Asked {
    /// Reads the page; `one` reads a row by its id.
    pub(super) fn page<T>(
        &self,
        view: &Connection,
        one: impl Fn(&Connection, i64) -> Result<T>,
    ) -> Result<Page<T>> {
        let (total, ids) = self.ids(view)?;
        let items = ids.into_iter().map(|id| one(view, id));
        Ok(Page {
            total,
            items: items.collect::<Result<_>>()?,
        })
    }

    /// How many rows there are, and the ids of the page's.
    fn ids(&self, view: &Connection) -> Result<(u64, Vec<i64>)> {
        let List { from, id, .. } = self.list;
        let (text, order) = (&self.text, &self.order);
        // Every row that passes is met once, even if there are too many to be put in order.
        let total = if self.narrow {
            let all = format!("SELECT {id} FROM {from} {text}");
            let (total, found) = read_few(view, &all, &self.bound)?;
            if found.len() as u64 == total {
                return Ok((total, self.few(view, &found)?));
            }
            total
        } else {
            let count = format!("SELECT count(*) FROM {from} {text}");
            let total = read(view, &count, &self.bound)?;
            total.first().map_or(0, |n| n.unsigned_abs())
        };
        if self.offset >= total {
            return Ok((total, Vec::new()));
        }
        let (index, cut) = (self.index, self.cut());
        let page = format!("SELECT {id} FROM {from} {index} {text} ORDER BY {order} {cut}");
        Ok((total, read(view, &page, &self.bound)?))
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

/// How many rows there are, and the first [`FEW`].
fn read_few(view: &Connection, statement: &str, bound: &[Value]) -> Result<(u64, Vec<i64>)> {
    let mut prepared = view.prepare_cached(statement)?;
    let mut rows = prepared.query(params_from_iter(bound))?;
    let (mut total, mut found) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        total += 1;
        if found.len() < FEW {
            found.push(row.get(0)?);
        }
    }
    Ok((total, found))
}
