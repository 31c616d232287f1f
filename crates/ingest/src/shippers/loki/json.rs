//! `{"streams":[{"stream":{"label":"value"},"values":[["nanoseconds","line",{"name":"value"}]]}]}`

use super::super::pieces::{elements, elements_of, unquoted};
use super::super::{Each, Entry, Fault, Text, Time};
use super::{nanos, program};
use crate::ndjson::{Limits, flatten};
use cresset_model::{FieldName, Value};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::ControlFlow;

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    streams: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Stream<'a> {
    #[serde(borrow)]
    stream: Option<&'a RawValue>,
    #[serde(borrow)]
    values: Option<&'a RawValue>,
}

/// Hands every line to `each`. The error says why the body is no push.
pub(in super::super) fn json(text: &[u8], limits: &Limits, each: Each<'_>) -> Result<(), String> {
    let text = String::from_utf8_lossy(text);
    let push: Push<'_> = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    for stream in elements(push.streams) {
        let next = match stream
            .map_err(Fault::unreadable)
            .and_then(|text| labelled(text, limits))
        {
            Ok((labels, values)) => lines(&labels, values, limits, each),
            Err(fault) => each(Err(fault)),
        };
        if next.is_break() {
            break;
        }
    }
    Ok(())
}

type Labels = Vec<(FieldName, Value)>;

fn labelled<'a>(text: &'a str, limits: &Limits) -> Result<(Labels, Option<&'a RawValue>), Fault> {
    let read: Stream<'a> =
        serde_json::from_str(text).map_err(|e| Fault::unreadable(e.to_string()))?;
    let labels = match read.stream {
        Some(labels) => named(labels.get(), limits)?,
        None => Vec::new(),
    };
    Ok((labels, read.values))
}

fn named(object: &str, limits: &Limits) -> Result<Labels, Fault> {
    let flat = flatten(object, limits);
    let flat = flat.map_err(|e| Fault::unreadable(format!("labels: {e}")))?;
    Ok(flat.fields)
}

fn lines(
    labels: &Labels,
    values: Option<&RawValue>,
    limits: &Limits,
    each: Each<'_>,
) -> ControlFlow<()> {
    for value in elements(values) {
        let value = value.map_err(Fault::unreadable);
        each(value.and_then(|value| entry(value, labels, limits)))?;
    }
    ControlFlow::Continue(())
}

fn entry<'a>(value: &'a str, labels: &'a Labels, limits: &Limits) -> Result<Entry<'a>, Fault> {
    let wrong = || Fault::unreadable("a value must be an array of a time and a line");
    let mut parts = elements_of(value).map_while(Result::ok);
    let (Some(time), Some(line)) = (parts.next(), parts.next()) else {
        return Err(wrong());
    };
    let time = unquoted(time);
    let time = match time.trim().parse() {
        Ok(n) => Time::At(nanos(n)),
        Err(_) => Time::Written(time),
    };
    let line = match unquoted(line) {
        Cow::Borrowed(line) => Cow::Borrowed(line.as_bytes()),
        Cow::Owned(line) => Cow::Owned(line.into_bytes()),
    };
    let mut fields = match parts.next() {
        Some(metadata) if metadata.starts_with('{') => named(metadata, limits)?,
        _ => Vec::new(),
    };
    fields.extend_from_slice(labels);
    Ok(Entry {
        time: Some(time),
        program: program(labels).map(Cow::Borrowed),
        fields,
        ..Entry::of(Text::Line(line))
    })
}
