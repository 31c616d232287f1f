//! What a query reads: rows of named values, and the surroundings of a run.

use super::lookup::{ListLookup, NoLists};
use cresset_model::{Duration, Event, FieldName, Timestamp, Value};
use std::borrow::Cow;

/// The surroundings of a run: what a query may depend on besides the rows.
#[derive(Clone)]
pub struct Context<'a> {
    /// Named lists, tables, and places of addresses.
    pub lists: &'a dyn ListLookup,
    /// The time zone of time functions and of day-wide buckets.
    pub timezone: jiff::tz::TimeZone,
    /// How much time is looked at. A `timechart` without `every` chooses its spans by it.
    pub range: Duration,
    /// The end of the time that is looked at, which is what `process current_time` gives:
    /// the same events then give the same rows whenever the query runs.
    pub until: Timestamp,
}

impl Context<'static> {
    /// No lists, UTC, and no time to speak of: the epoch.
    pub const fn bare() -> Self {
        Self {
            lists: &NoLists,
            timezone: jiff::tz::TimeZone::UTC,
            range: Duration::ZERO,
            until: Timestamp(0),
        }
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("timezone", &self.timezone)
            .finish_non_exhaustive()
    }
}

/// A source of named values: an event, or a row of a result.
pub trait Row {
    /// The value of `field`, or `None` if the row has no such field.
    fn get(&self, field: &str) -> Option<Cow<'_, Value>>;
}

impl Row for Event {
    fn get(&self, field: &str) -> Option<Cow<'_, Value>> {
        self.lookup(field)
    }
}

/// One row of a result, its fields in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResultRow {
    /// Names and values; a name occurs once. Rows of simple queries begin with
    /// `log_ts` and `col_ts`, whole seconds since the epoch.
    pub fields: Vec<(FieldName, Value)>,
}

impl ResultRow {
    /// The whole event as a row.
    pub fn from_event(event: &Event) -> Self {
        let mut fields = Vec::with_capacity(event.fields.len() + 2);
        fields.push((
            FieldName::const_new("log_ts"),
            Value::Int(event.log_ts.secs()),
        ));
        fields.push((
            FieldName::const_new("col_ts"),
            Value::Int(event.col_ts.secs()),
        ));
        let shown = event
            .shown()
            .filter(|(n, _)| *n != "log_ts" && *n != "col_ts");
        fields.extend(shown.map(|(n, v)| (n.clone(), v.clone())));
        Self { fields }
    }

    /// The stored value of `name`.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// Sets `name`, replacing an earlier value.
    pub fn set(&mut self, name: FieldName, value: Value) {
        match self.fields.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name, value)),
        }
    }

    /// The row as a JSON object.
    pub fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
        self.fields
            .iter()
            .map(|(n, v)| (n.to_string(), json(v)))
            .collect()
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Str(s) => serde_json::Value::from(s.as_str()),
        Value::Int(n) => serde_json::Value::from(*n),
        Value::Float(n) => serde_json::Value::from(*n),
        Value::Bool(b) => serde_json::Value::from(*b),
        Value::List(items) => items
            .iter()
            .map(compact_str::CompactString::as_str)
            .collect(),
    }
}

impl Row for ResultRow {
    fn get(&self, field: &str) -> Option<Cow<'_, Value>> {
        self.value(field).map(Cow::Borrowed)
    }
}
