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

/// The regression events of the Sigma rules come as `evtx_dump` prints them. Flat, nested as
/// Winlogbeat has it, and as XML they say the same.
#[test]
fn nested_events_of_the_regression_tests() {
    let Some(folder) = corpus("regression/rules") else {
        return;
    };
    let normaliser = normaliser();
    let (mut folders, mut count) = (vec![folder], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "json") {
                let text = std::fs::read_to_string(path).unwrap();
                // Some files hold several.
                let events = serde_json::Deserializer::from_str(&text).into_iter();
                for event in events {
                    count += 1;
                    check_regression_event(&normaliser, &event.unwrap());
                }
            }
        }
    }
    println!("{count} events");
    assert!(count > 0);
}

fn check_regression_event(normaliser: &Normaliser, json: &serde_json::Value) {
    let text = json.to_string();
    let system = &json["Event"]["System"];
    let data = json["Event"]["EventData"].as_object().unwrap();
    let winlogbeat = serde_json::json!({"winlog": {
        "event_id": number_of(system), "channel": system["Channel"],
        "computer_name": system["Computer"], "event_data": data,
        "provider_name": system["Provider"]["#attributes"]["Name"],
    }});
    let evtx = normaliser.json(text.as_bytes(), &origin()).unwrap();
    let beat = normaliser
        .json(winlogbeat.to_string().as_bytes(), &origin())
        .unwrap();
    let xml = normaliser.line(xml(system, data).as_bytes(), &origin());
    for event in [&evtx, &beat, &xml] {
        assert_eq!(event.get("event_id"), evtx.get("event_id"), "{text}");
        assert!(
            event.get("event_id").is_some_and(Value::is_number),
            "{text}"
        );
        assert_eq!(event.get("_parse_error"), None, "{text}");
        for (name, value) in data {
            let expect = match value {
                serde_json::Value::Null => continue,
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let found = event.get(name).map(|v| v.text().into_owned());
            assert_eq!(found, Some(expect), "{name} of {text}");
        }
        for (name, value) in [
            ("Channel", &system["Channel"]),
            ("Computer", &system["Computer"]),
            ("Provider_Name", &system["Provider"]["#attributes"]["Name"]),
        ] {
            let found = event.get(name).map(|v| v.text().into_owned());
            assert_eq!(found.as_deref(), value.as_str(), "{name} of {text}");
        }
    }
}

/// The number of the event as text, with or without qualifiers beside it.
fn number_of(system: &serde_json::Value) -> String {
    let id = &system["EventID"];
    id.get("#text").unwrap_or(id).to_string()
}

/// The event as Windows itself writes it.
fn xml(system: &serde_json::Value, data: &serde_json::Map<String, serde_json::Value>) -> String {
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => escaped(text),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    let data: String = data
        .iter()
        .map(|(name, value)| format!("<Data Name='{name}'>{}</Data>", text(value)))
        .collect();
    format!(
        "<Event xmlns='n'><System><Provider Name='{}'/><EventID>{}</EventID><Channel>{}</Channel><Computer>{}</Computer></System><EventData>{data}</EventData></Event>",
        text(&system["Provider"]["#attributes"]["Name"]),
        number_of(system),
        text(&system["Channel"]),
        text(&system["Computer"]),
    )
}
