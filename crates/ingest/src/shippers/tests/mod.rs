//! The decoders by themselves: what they read, and that nothing makes them panic.

mod elastic_bodies;
mod hostile;
mod loki_bodies;
mod otlp_bodies;
mod splunk_bodies;

use super::{Action, Defaults, Entry, Fault, Text, Time, elastic, loki, otlp, splunk};
use crate::IngestSettings;
use crate::ndjson::Limits;
use std::ops::ControlFlow;

/// What a decoder said, in a form that is easy to write down: per item the repo, the time, the
/// text and the fields, or why it is refused; then why the rest cannot be read.
#[derive(Debug, Default, PartialEq)]
struct Said {
    items: Vec<String>,
    broken: Option<String>,
}

fn shown(item: Result<Entry<'_>, Fault>) -> String {
    let entry = match item {
        Ok(entry) => entry,
        Err(Fault { kind, .. }) => return format!("refused: {kind:?}"),
    };
    // The normaliser refuses an object that is none.
    if let Text::Object(text) = &entry.text
        && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_err()
    {
        return "refused: Unreadable".to_owned();
    }
    let text = match &entry.text {
        Text::Object(text) | Text::Line(text) => String::from_utf8_lossy(text).into_owned(),
    };
    let time = match &entry.time {
        None => String::new(),
        Some(Time::At(at)) => format!("{} ", at.0),
        Some(Time::Seen(at)) => format!("seen {} ", at.0),
        Some(Time::Written(text)) => format!("{text:?} "),
    };
    let fields = entry.fields.iter();
    let fields: String = fields
        .map(|(name, value)| format!(" {name}={}", value.text()))
        .collect();
    let repo = entry
        .repo
        .map_or(String::new(), |repo| format!("[{repo}] "));
    format!("{repo}{time}{text}{fields}")
}

fn limits() -> Limits {
    Limits::from(&IngestSettings::default())
}

/// Runs a decoder, which is given up on after `most` items.
fn run(
    most: usize,
    decoder: impl FnOnce(
        &mut dyn FnMut(Result<Entry<'_>, Fault>) -> ControlFlow<()>,
    ) -> Result<(), String>,
) -> Said {
    let mut said = Said::default();
    let read = decoder(&mut |item| {
        said.items.push(shown(item));
        if said.items.len() < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    said.broken = read.err();
    said
}

fn bulk(text: &[u8], index: Option<&str>) -> Said {
    run(usize::MAX, |each| {
        elastic::decode(text, index, &mut |action, item| match (action, item) {
            (Action::Delete, Ok(_)) => each(Ok(Entry::of(Text::Line(b"deleted"[..].into())))),
            (_, item) => each(item),
        })
    })
}

fn hec(text: &[u8]) -> Said {
    let defaults = Defaults {
        host: Some("gate".to_owned()),
        ..Defaults::default()
    };
    run(usize::MAX, |each| {
        splunk::events(text, &defaults, &limits(), each)
    })
}

fn loki_json(text: &[u8]) -> Said {
    run(usize::MAX, |each| loki::json(text, &limits(), each))
}

fn loki_protobuf(text: &[u8]) -> Said {
    run(usize::MAX, |each| loki::protobuf(text, &limits(), each))
}

fn otlp_json(text: &[u8]) -> Said {
    run(usize::MAX, |each| otlp::json(text, each))
}

fn otlp_protobuf(text: &[u8]) -> Said {
    run(usize::MAX, |each| otlp::protobuf(text, each))
}

/// Says that a body was read whole, and as these items.
fn reads(said: Said, expect: &[&str], body: &str) {
    assert_eq!(
        (said.items, said.broken),
        (expect.iter().map(ToString::to_string).collect(), None),
        "{body}"
    );
}

/// A field of bytes in protobuf, of fewer than 128.
fn bytes(number: u8, inside: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, inside.len() as u8][..], inside].concat()
}
