//! The examples beside signatures, and what is wrong with files of the operator's.

use super::compile::{compile, parse, wrong};
use super::file::{Example, SignatureFile};
use super::{PairNames, SignatureText};
use crate::{IngestSettings, Normaliser, Origin, SetupError};
use cresset_model::{Event, Timestamp, Value};
use std::net::{IpAddr, Ipv4Addr};

/// The present of the examples: 2024-06-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_717_200_000_000_000);
/// The sender of the examples.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 250));

/// Everything that is wrong with the signature files in `settings`: what does not read or
/// compile, and examples that come out otherwise. The place of each is in it as
/// `file:line:column`.
pub fn signature_problems(settings: &IngestSettings) -> Vec<SetupError> {
    let files = &settings.signatures;
    if files.is_empty() {
        return Vec::new();
    }
    // File by file, so that each tells its first mistake.
    let alone = |file: &SignatureText| {
        let one = [(file.name.as_str().into(), file.text.as_str())];
        PairNames::built_in()
            .and_then(|pairs| compile(&one, pairs))
            .err()
    };
    let broken: Vec<SetupError> = files.iter().filter_map(alone).collect();
    if !broken.is_empty() {
        return broken;
    }
    let normaliser = match Normaliser::new(settings) {
        Ok(normaliser) => normaliser,
        Err(error) => return vec![error],
    };
    let mut problems = Vec::new();
    for file in files {
        match parse(&file.name, &file.text) {
            Ok(parsed) => problems.extend(failures(&normaliser, &parsed, &file.name, &file.text)),
            Err(error) => problems.push(error),
        }
    }
    problems
}

/// What the examples of a file came out as, where that is not what they say.
pub(super) fn failures(
    normaliser: &Normaliser,
    file: &SignatureFile,
    name: &str,
    text: &str,
) -> Vec<SetupError> {
    let mut failures = Vec::new();
    for (example, sig_id) in file.examples() {
        let line = example.line.as_ref();
        let origin = Origin {
            repo: "default",
            peer: Some(PEER),
            col_type: "syslog",
            received: NOW,
        };
        let event = normaliser.line(line.as_bytes(), &origin);
        let at = example.line.span().start;
        let told = differences(example, sig_id, &event).into_iter();
        failures.extend(told.map(|what| wrong(name, text, at, format!("test: {what}"))));
    }
    failures
}

fn differences(example: &Example, sig_id: &str, event: &Event) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, found: Option<&Value>, expect: &Value| {
        if found != Some(expect) {
            let found =
                found.map_or_else(|| "is absent".to_owned(), |v| format!("is {}", shown(v)));
            wrong.push(format!("{what} {found}, expected {}", shown(expect)));
        }
    };
    same("sig_id", event.get("sig_id"), &Value::str(sig_id));
    for (name, value) in &example.fields {
        match super::compile::scalar(value) {
            Ok(expect) => same(name, event.get(name), &expect),
            Err(told) => same(name, None, &Value::from(told)),
        }
    }
    if let Some(labels) = &example.labels {
        let sorted = |labels: &mut Vec<compact_str::CompactString>| labels.sort();
        let mut expect: Vec<_> = labels.iter().map(Into::into).collect();
        sorted(&mut expect);
        let found = match event.get("label").cloned() {
            Some(Value::List(mut found)) => {
                sorted(&mut found);
                Some(Value::List(found))
            }
            other => other,
        };
        let empty = found.is_none() && expect.is_empty();
        if !empty {
            same("label", found.as_ref(), &Value::List(expect));
        }
    }
    if let Some(log_ts) = &example.log_ts {
        let read: Option<jiff::Timestamp> = log_ts.parse().ok();
        let expect = read.map_or_else(
            || log_ts.clone(),
            |t| Timestamp(t.as_microsecond()).to_rfc3339(),
        );
        let found = Value::from(event.log_ts.to_rfc3339());
        same("log_ts", Some(&found), &Value::from(expect));
    }
    for name in &example.absent {
        if let Some(found) = event.get(name) {
            wrong.push(format!("{name} is {}, expected none", shown(found)));
        }
    }
    wrong
}

fn shown(value: &Value) -> String {
    match value {
        Value::Str(text) => format!("{text:?}"),
        Value::List(items) => format!("{items:?}"),
        other => other.text().into_owned(),
    }
}
