//! Events of Splunk's HTTP Event Collector.
//!
//! A body is JSON objects one after another, with or without white space between them:
//!
//! ```text
//! {"time":1738231200.123,"host":"h","source":"s","sourcetype":"t","index":"i","event":…,"fields":{…}}
//! ```
//!
//! `event` is text or any other JSON; `time` a number or a text of seconds. An array of such
//! objects is taken too. What the query string says (`?host=…`) holds for every event that does
//! not say otherwise itself. Facts: help.splunk.com, "Format events for HTTP Event Collector".

use super::pieces::{elements_of, plain, unquoted};
use super::{Each, Entry, Fault, FaultKind, Text, Time};
use crate::ndjson::{self, Limits, flatten};
use cresset_model::{FieldName, Value};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// What the query string says of every event that does not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defaults {
    /// The host.
    pub host: Option<String>,
    /// The file or stream.
    pub source: Option<String>,
    /// What kind of log it is.
    pub sourcetype: Option<String>,
    /// The index.
    pub index: Option<String>,
    /// The time, in one of the ways in which logs write it.
    pub time: Option<String>,
}

impl Defaults {
    /// Names and texts, in the order of an event's fields.
    fn texts(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("host", self.host.as_deref()),
            ("source", self.source.as_deref()),
            ("sourcetype", self.sourcetype.as_deref()),
            ("index", self.index.as_deref()),
        ]
    }

    fn entry<'a>(&'a self, text: Text<'a>) -> Entry<'a> {
        let fields = self.texts().into_iter();
        Entry {
            repo: self.index.as_deref().map(Cow::Borrowed),
            time: self.time.as_deref().map(|time| Time::Written(time.into())),
            fields: fields
                .filter_map(|(name, text)| Some((name.into(), text?.into())))
                .collect(),
            ..Entry::of(text)
        }
    }
}

/// Hands every line to `each`.
pub(super) fn raw(text: &[u8], defaults: &Defaults, each: Each<'_>) {
    for line in ndjson::lines(text) {
        let entry = defaults.entry(Text::Line(Cow::Borrowed(line)));
        if each(Ok(entry)).is_break() {
            return;
        }
    }
}

/// Hands every event to `each`. The error says why the rest cannot be told apart.
pub(super) fn events(
    text: &[u8],
    defaults: &Defaults,
    limits: &Limits,
    each: Each<'_>,
) -> Result<(), String> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start_matches('\u{feff}');
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let value = value.map_err(|e| e.to_string())?.get();
        let next = if value.starts_with('[') {
            of_array(value, defaults, limits, each)
        } else {
            each(event(value, defaults, limits))
        };
        if next.is_break() {
            break;
        }
    }
    Ok(())
}

fn of_array(array: &str, defaults: &Defaults, limits: &Limits, each: Each<'_>) -> ControlFlow<()> {
    for text in elements_of(array) {
        let text = text.map_err(Fault::unreadable);
        each(text.and_then(|text| event(text, defaults, limits)))?;
    }
    ControlFlow::Continue(())
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default, borrow, deserialize_with = "even_null")]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    host: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    sourcetype: Option<&'a RawValue>,
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    fields: Option<&'a RawValue>,
}

/// `null` is something else than nothing here.
fn even_null<'a, D: Deserializer<'a>>(d: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(d).map(Some)
}

fn event<'a>(text: &'a str, defaults: &'a Defaults, limits: &Limits) -> Result<Entry<'a>, Fault> {
    let read: Event<'a> =
        serde_json::from_str(text).map_err(|e| Fault::unreadable(e.to_string()))?;
    let text = text_of(read.event)?;
    let mut fields: Vec<(FieldName, Value)> = Vec::new();
    let own = [read.host, read.source, read.sourcetype, read.index];
    for (own, (name, default)) in own.into_iter().zip(defaults.texts()) {
        let own = own.map(plain);
        if let Some(text) = own.as_deref().or(default) {
            fields.push((name.into(), text.into()));
        }
    }
    if let Some(more) = read.fields {
        let more = flatten(more.get(), limits);
        let more = more.map_err(|e| Fault::unreadable(format!("fields: {e}")))?;
        fields.extend(more.fields);
    }
    let index = read.index.map(plain);
    let time = read.time.map(plain);
    let default = defaults.entry(text);
    Ok(Entry {
        repo: index.or(default.repo),
        time: time.map(Time::Written).or(default.time),
        fields,
        ..Entry::of(default.text)
    })
}

fn text_of(event: Option<&RawValue>) -> Result<Text<'_>, Fault> {
    let fault = |kind, reason: &str| Fault {
        kind,
        reason: reason.to_owned(),
    };
    let Some(event) = event.map(RawValue::get) else {
        return Err(fault(FaultKind::Missing, "Event field is required"));
    };
    match event.as_bytes().first() {
        Some(b'{') => Ok(Text::Object(Cow::Borrowed(event.as_bytes()))),
        Some(b'"') => match unquoted(event) {
            text if text.is_empty() => Err(fault(FaultKind::Blank, "Event field cannot be blank")),
            Cow::Borrowed(text) => Ok(Text::Line(Cow::Borrowed(text.as_bytes()))),
            Cow::Owned(text) => Ok(Text::Line(Cow::Owned(text.into_bytes()))),
        },
        _ if event == "null" => Err(fault(FaultKind::Blank, "Event field cannot be blank")),
        _ => Ok(Text::Line(Cow::Borrowed(event.as_bytes()))),
    }
}
