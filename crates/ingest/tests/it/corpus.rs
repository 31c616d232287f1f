//! Real logs, where they are at hand.

use crate::memory::{NOW, utc};
use cresset_ingest::{IngestSettings, Normaliser, Origin};
use cresset_model::{Event, Value};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn corpus(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpus")
        .join(file);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {file} is not here");
    None
}

fn origin() -> Origin<'static> {
    let peer = Some("192.0.2.250".parse().unwrap());
    Origin {
        repo: "default",
        peer,
        col_type: "syslog",
        received: utc(NOW),
    }
}

fn normaliser() -> Normaliser {
    Normaliser::new(&IngestSettings::default()).unwrap()
}

/// The events of a log, none if it is not here.
fn events(file: &str) -> Vec<Event> {
    let Some(path) = corpus(file) else {
        return Vec::new();
    };
    let normaliser = normaliser();
    let text = std::fs::read(path).unwrap();
    let started = Instant::now();
    let lines: Vec<&[u8]> = text
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .collect();
    let events: Vec<Event> = lines
        .iter()
        .map(|l| normaliser.line(l, &origin()))
        .collect();
    let per_line = started.elapsed().as_secs_f64() * 1e6 / events.len() as f64;
    println!(
        "{file}: {} lines, {per_line:.1} us per line in this build",
        events.len()
    );
    events
}

fn has_label(event: &Event, label: &str) -> bool {
    matches!(event.get("label"), Some(Value::List(items)) if items.iter().any(|i| i == label))
}

/// Share of lines that a signature knows, in percent; prints the others.
fn known(file: &str, events: &[Event]) -> f64 {
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    let mut hits = 0;
    for event in events {
        if event.get("sig_id").is_some() {
            hits += 1;
        } else {
            let shape: String = event
                .msg()
                .chars()
                .skip(16)
                .map(|c| if c.is_ascii_digit() { '0' } else { c })
                .collect();
            *unknown.entry(shape).or_default() += 1;
        }
    }
    let share = 100.0 * f64::from(hits) / events.len() as f64;
    println!(
        "{file}: {share:.2} % of {} lines have a signature",
        events.len()
    );
    unknown
        .iter()
        .take(40)
        .for_each(|(shape, count)| println!("  {count:4} {shape}"));
    share
}

#[test]
fn open_ssh() {
    let file = "logs/OpenSSH_2k.log";
    let events = events(file);
    if events.is_empty() {
        return;
    }
    assert!(known(file, &events) >= 99.0);
    let both = |a, b| {
        events
            .iter()
            .filter(|e| has_label(e, a) && has_label(e, b))
            .count()
    };
    let lines = |text: &str| events.iter().filter(|e| e.msg().contains(text)).count();
    assert_eq!(both("Login", "Fail"), lines("Failed password"));
    assert_eq!(both("Login", "Successful"), lines("Accepted "));
    for event in &events {
        assert_eq!(event.get("device_name"), Some(&Value::str("LabSZ")));
        assert_eq!(event.get("process"), Some(&Value::str("sshd")));
        if has_label(event, "Login") {
            let address = event.get("source_address").and_then(Value::ip);
            assert!(address.is_some(), "{}", event.msg());
            assert!(event.get("source_port").is_some_and(Value::is_number));
        }
    }
}

#[test]
fn linux() {
    let file = "logs/Linux_2k.log";
    let events = events(file);
    if !events.is_empty() {
        assert!(known(file, &events) >= 95.0);
        assert!(events.iter().all(|e| e.log_ts != e.col_ts));
    }
}

#[test]
fn apache() {
    let file = "logs/Apache_2k.log";
    let events = events(file);
    if !events.is_empty() {
        assert!(known(file, &events) >= 99.0);
        let forbidden = events.iter().filter(|e| has_label(e, "Deny")).count();
        assert!(forbidden > 0);
        assert!(
            events
                .iter()
                .all(|e| e.log_ts < utc("2006-01-01T00:00:00Z"))
        );
    }
}

#[test]
fn attack_samples() {
    let Some(path) = corpus("events/attack-samples.ndjson.gz") else {
        return;
    };
    let mut body = Vec::new();
    let file = flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap());
    #[expect(clippy::disallowed_methods, reason = "our own sample, bounded by take")]
    file.take(64 << 20).read_to_end(&mut body).unwrap();
    let (normaliser, origin) = (
        normaliser(),
        Origin {
            col_type: "http",
            ..origin()
        },
    );
    let started = Instant::now();
    let events: Vec<Event> = cresset_ingest::ndjson::items(&body)
        .map(|item| normaliser.json(item.text.unwrap(), &origin).unwrap())
        .collect();
    let per_event = started.elapsed().as_secs_f64() * 1e6 / events.len() as f64;
    println!(
        "{} events, {per_event:.1} us per event in this build",
        events.len()
    );
    for event in &events {
        assert!(
            event.get("event_id").is_some_and(Value::is_number),
            "{}",
            event.msg()
        );
        assert!(event.get("norm_id").is_some());
        assert!(event.get("device_name").is_some());
        assert!(
            event.get("_ts_error").is_none(),
            "{:?}",
            event.get("_ts_error")
        );
        assert_ne!(event.log_ts, event.col_ts);
    }
}
