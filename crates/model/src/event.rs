//! Events: what a log line becomes.

use crate::Timestamp;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::IpAddr;

/// The name of a field, case-sensitive.
pub type FieldName = CompactString;

/// A stored field that names another one, whose text is that of `msg`: the text is kept once.
///
/// Senders cannot set it, and users do not see it: [`Event::get`] and [`Event::shown`] give
/// both fields.
pub const SAME_AS_MSG: &str = "_same_as_msg";

/// What a field holds. IP addresses are kept as text and recognised when compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Text.
    Str(CompactString),
    /// A whole number.
    Int(i64),
    /// Any other number; never NaN.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Several texts; a predicate holds if it holds for any of them.
    List(Vec<CompactString>),
}

impl Value {
    /// A text value.
    pub fn str(text: impl AsRef<str>) -> Self {
        Self::Str(CompactString::from(text.as_ref()))
    }

    /// The value as text: numbers as Rust prints them, lists joined by `, `.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Str(s) => Cow::Borrowed(s),
            Self::Int(n) => Cow::Owned(n.to_string()),
            Self::Float(n) => Cow::Owned(n.to_string()),
            Self::Bool(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
            Self::List(items) => Cow::Owned(items.join(", ")),
        }
    }

    /// The value as a number; numeric text counts, other text does not.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(n) => Some(*n as f64),
            Self::Float(n) => Some(*n),
            Self::Str(s) => parse_number(s),
            Self::Bool(_) | Self::List(_) => None,
        }
    }

    /// True for a number, not for numeric text.
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_))
    }

    /// What it adds to [`Event::size`].
    fn size(&self) -> usize {
        match self {
            Self::Str(s) => s.len(),
            Self::List(items) => items.iter().map(|item| Self::size_of_item(item)).sum(),
            Self::Int(_) | Self::Float(_) | Self::Bool(_) => 0,
        }
    }

    /// What an item of a list adds to that.
    pub(crate) fn size_of_item(item: &str) -> usize {
        item.len() + 24
    }

    /// The value as an IP address, if it is the text of one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Str(s) => s.parse().ok(),
            _ => None,
        }
    }
}

/// Parses decimal text such as `42`, `-1.5` or `6e3`; finite numbers only.
///
/// `inf`, `nan` and hexadecimal are not numbers, because a log's word `inf`
/// must never compare as infinity.
pub fn parse_number(text: &str) -> Option<f64> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return None;
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite())
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Self::str(s)
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Self::Str(s.into())
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

/// One normalised log line.
///
/// `log_ts` and `col_ts` are not in `fields`; everything else is, including
/// `msg` (the raw text) and `label` (a [`Value::List`]). A field name occurs once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Event time: what the log says, or arrival time if it says nothing usable.
    pub log_ts: Timestamp,
    /// Arrival time at this server.
    pub col_ts: Timestamp,
    /// The fields in order of appearance, as they are stored: see [`SAME_AS_MSG`].
    pub fields: Vec<(FieldName, Value)>,
}

impl Event {
    /// An event without fields.
    pub const fn new(log_ts: Timestamp, col_ts: Timestamp) -> Self {
        Self {
            log_ts,
            col_ts,
            fields: Vec::new(),
        }
    }

    /// The value of `name`; `log_ts` and `col_ts` are not among the fields.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.stored(name).or_else(|| {
            let twin = self.same_as_msg()?;
            (twin == name).then(|| self.stored("msg"))?
        })
    }

    fn stored(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The field whose text is kept as `msg`, if there is one.
    pub fn same_as_msg(&self) -> Option<&FieldName> {
        match self.stored(SAME_AS_MSG) {
            Some(Value::Str(name)) => Some(name),
            _ => None,
        }
    }

    /// Keeps the text at `place` once, as `msg`, which must not be there yet.
    pub fn keep_as_msg(&mut self, place: usize) {
        if let Some((name, _)) = self.fields.get_mut(place) {
            let twin = std::mem::replace(name, FieldName::const_new("msg"));
            self.fields
                .push((FieldName::const_new(SAME_AS_MSG), Value::Str(twin)));
        }
    }

    /// All fields with their names, as users see them.
    pub fn shown(&self) -> impl Iterator<Item = (&FieldName, &Value)> {
        let twin = self.same_as_msg();
        let fields = self.fields.iter().filter(|(n, _)| n != SAME_AS_MSG);
        fields.flat_map(move |(name, value)| {
            let twin = twin.filter(|_| name == "msg").map(|twin| (twin, value));
            std::iter::once((name, value)).chain(twin)
        })
    }

    /// The value of `name` as a query sees it: [`Event::get`], and for `log_ts`
    /// and `col_ts` whole seconds since the epoch.
    pub fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        match name {
            "log_ts" => Some(Cow::Owned(Value::Int(self.log_ts.secs()))),
            "col_ts" => Some(Cow::Owned(Value::Int(self.col_ts.secs()))),
            _ => self.get(name).map(Cow::Borrowed),
        }
    }

    /// Sets `name`, replacing an earlier value.
    pub fn set(&mut self, name: impl AsRef<str>, value: impl Into<Value>) {
        let (name, value) = (name.as_ref(), value.into());
        self.part_from_msg(name);
        match self.fields.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((FieldName::from(name), value)),
        }
    }

    /// Gives the field that is the same as `msg` a text of its own, if one of them is about
    /// to be set.
    fn part_from_msg(&mut self, name: &str) {
        let Some(twin) = self.same_as_msg() else {
            return;
        };
        if name != "msg" && twin != name {
            return;
        }
        let (twin, text) = (twin.clone(), self.stored("msg").cloned());
        self.fields.retain(|(n, _)| n != SAME_AS_MSG);
        self.fields.extend(text.map(|text| (twin, text)));
    }

    /// Adds `label` to the set of labels.
    pub fn add_label(&mut self, label: &str) {
        match self.fields.iter_mut().find(|(n, _)| n == "label") {
            Some((_, Value::List(items))) => {
                if !items.iter().any(|l| l.eq_ignore_ascii_case(label)) {
                    items.push(label.into());
                }
            }
            Some((_, other)) => {
                let first = CompactString::from(other.text());
                *other = Value::List(vec![first, label.into()]);
            }
            None => self
                .fields
                .push(("label".into(), Value::List(vec![label.into()]))),
        }
    }

    /// The raw text of the log line, empty if it had none.
    pub fn msg(&self) -> Cow<'_, str> {
        self.get("msg").map_or(Cow::Borrowed(""), Value::text)
    }

    /// Rough size in memory, in bytes; the unit of every buffer limit.
    pub fn size(&self) -> usize {
        Self::size_of(self.fields.iter().map(|(n, v)| (n.as_str(), v.size())))
    }

    /// [`Event::size`] of an event with fields of such names and sizes.
    pub(crate) fn size_of<'n>(fields: impl Iterator<Item = (&'n str, usize)>) -> usize {
        64 + fields.map(|(n, size)| 56 + n.len() + size).sum::<usize>()
    }
}

/// An event at its place in the event log.
///
/// `seq` numbers all events of the server in order of arrival, from 1, without
/// gaps; consumers keep their place as the `seq` they have finished.
#[derive(Debug, Clone)]
pub struct LoggedEvent {
    /// Place in the event log.
    pub seq: u64,
    /// The repo the event was routed to.
    pub repo: std::sync::Arc<str>,
    /// The event itself.
    pub event: crate::SharedEvent,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twins() -> Event {
        let mut event = Event::new(Timestamp(0), Timestamp(0));
        event.set("a", 1_i64);
        event.set("Message", "text");
        event.set("b", 2_i64);
        event.keep_as_msg(1);
        event
    }

    fn shown(event: &Event) -> Vec<String> {
        let text = |(name, value): (&FieldName, &Value)| format!("{name}={}", value.text());
        event.shown().map(text).collect()
    }

    #[test]
    fn a_text_under_two_names_is_kept_once() {
        let event = twins();
        assert_eq!(shown(&event), ["a=1", "msg=text", "Message=text", "b=2"]);
        assert_eq!(event.get("Message"), Some(&Value::str("text")));
        assert_eq!(event.msg(), "text");
        assert_eq!(event.get("message"), None);
    }

    #[test]
    fn either_name_can_be_set_alone() {
        let mut event = twins();
        event.set("Message", "other");
        assert_eq!(shown(&event), ["a=1", "msg=text", "b=2", "Message=other"]);
        let mut event = twins();
        event.set("msg", "other");
        assert_eq!(shown(&event), ["a=1", "msg=other", "b=2", "Message=text"]);
        let mut event = twins();
        event.set("b", 3_i64);
        assert_eq!(shown(&event), ["a=1", "msg=text", "Message=text", "b=3"]);
    }
}
