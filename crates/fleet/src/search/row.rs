//! Rows of another instance's search as events.

use cresset_model::event::{LoggedEvent, Value as Field};
use cresset_model::{Event, Timestamp};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The field that names the server which has an event.
const SERVER: &str = "logpoint_name";

/// The event that a row shows. Cresset sends fields as they are, but of times the whole
/// seconds; others send texts for numbers, join lists except the labels, and add fields
/// about the row itself.
/// A whole event says where it was found.
pub(super) fn event(
    row: Map<String, Value>,
    repo: &Arc<str>,
    at: Timestamp,
    found_at: Option<&str>,
) -> LoggedEvent {
    let time = |name: &str| row.get(name).and_then(epoch);
    let log_ts = time("log_ts").unwrap_or(at);
    let mut event = Event::new(log_ts, time("col_ts").unwrap_or(log_ts));
    let typed = !row.contains_key("_type_str");
    if let Some(Value::Array(labels)) = row.get("_labels").filter(|_| !typed) {
        for label in labels.iter().filter_map(Value::as_str) {
            event.add_label(label);
        }
    }
    let dressed = !event.fields.is_empty();
    for (name, value) in row {
        let told = !typed && name.starts_with('_') || dressed && name == "label";
        if told || name == "log_ts" || name == "col_ts" {
            continue;
        }
        if let Some(value) = field(value) {
            event.set(&name, value);
        }
    }
    if let Some(name) = found_at.filter(|_| event.get(SERVER).is_none()) {
        event.set(SERVER, name);
    }
    LoggedEvent {
        seq: 0,
        repo: Arc::clone(repo),
        event: event.into(),
    }
}

/// What a row of counts shows: a group's fields, and how many events are in it.
pub(super) fn group(
    mut row: Map<String, Value>,
    count: &str,
    at: Timestamp,
) -> Option<(Event, u64)> {
    let count = match row.remove(count)? {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_u64()?,
    };
    let mut event = Event::new(at, at);
    for (name, value) in row
        .into_iter()
        .filter(|(name, _)| !name.starts_with("_type_"))
    {
        if name != "_group"
            && let Some(value) = field(value)
        {
            event.set(&name, value);
        }
    }
    Some((event, count))
}

/// Seconds since 1970, as a number or as the text of one.
fn epoch(value: &Value) -> Option<Timestamp> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => cresset_model::event::parse_number(text.trim())?,
        _ => return None,
    };
    (seconds.abs() < 1e11).then(|| Timestamp((seconds * 1e6).round() as i64))
}

fn field(value: Value) -> Option<Field> {
    Some(match value {
        Value::String(text) => Field::str(text),
        Value::Bool(flag) => Field::Bool(flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Field::Int(whole),
            (None, Some(number)) => Field::Float(number),
            (None, None) => return None,
        },
        Value::Array(items) => {
            let text = |item: Value| match item {
                Value::String(text) => text.into(),
                other => other.to_string().into(),
            };
            Field::List(items.into_iter().map(text).collect())
        }
        Value::Object(_) => Field::str(value.to_string()),
        Value::Null => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_group_and_its_count() {
        let check = |row: Value, expected: Option<(&[(&str, Field)], u64)>| {
            let Value::Object(row) = row else { panic!() };
            let found = group(row, "c", Timestamp(5));
            let expected = expected.map(|(fields, count)| {
                let mut event = Event::new(Timestamp(5), Timestamp(5));
                for (name, value) in fields {
                    event.set(name, value.clone());
                }
                (event, count)
            });
            assert_eq!(found, expected);
        };
        let bob: &[(&str, Field)] = &[("user", Field::str("bob"))];
        check(
            json!({"c": 3, "user": "bob", "_group": ["bob"]}),
            Some((bob, 3)),
        );
        check(
            json!({"c": "3", "user": "bob", "_type_str": " c"}),
            Some((bob, 3)),
        );
        let labels: &[(&str, Field)] = &[("label", Field::List(vec!["A".into(), "B".into()]))];
        check(json!({"c": 1, "label": ["A", "B"]}), Some((labels, 1)));
        check(json!({"user": "bob"}), None);
        check(json!({"c": -1}), None);
    }

    #[test]
    fn a_row_becomes_the_event_it_was() {
        let row = json!({"log_ts": 1_795_000_000, "col_ts": "1795000002", "user": "bob",
            "port": "22", "label": "Login, Fail", "_labels": ["Login", "Fail"], "_offset": 3,
            "_type_str": "user", "empty": null, "n": 1.5, "logpoint_name": "B"});
        let Value::Object(row) = row else { panic!() };
        let repo: Arc<str> = "h:1/web".into();
        let found = event(row, &repo, Timestamp(0), Some("C"));
        let mut expected = Event::new(
            Timestamp::from_secs(1_795_000_000),
            Timestamp::from_secs(1_795_000_002),
        );
        expected.add_label("Login");
        expected.add_label("Fail");
        for (name, value) in [("user", "bob"), ("port", "22"), ("logpoint_name", "B")] {
            expected.set(name, Field::str(value));
        }
        expected.set("n", Field::Float(1.5));
        let sorted = |event: &Event| {
            let mut fields = event.fields.clone();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            fields
        };
        assert_eq!(sorted(&found.event), sorted(&expected));
        assert_eq!(found.event.log_ts, expected.log_ts);
        assert_eq!(found.event.col_ts, expected.col_ts);
        assert_eq!(&*found.repo, "h:1/web");
    }

    #[test]
    fn a_row_with_types_keeps_them() {
        let row = json!({"log_ts": 1_795_000_000, "port": 22, "tags": ["a", "b"],
            "label": ["Login", "Fail"], "_x": "y"});
        let Value::Object(row) = row else { panic!() };
        let found = event(row, &"h:1".into(), Timestamp(0), Some("C")).event;
        assert_eq!(found.log_ts, Timestamp::from_secs(1_795_000_000));
        let list = |items: [&str; 2]| Field::List(items.map(Into::into).to_vec());
        assert_eq!(found.get("port"), Some(&Field::Int(22)));
        assert_eq!(found.get("tags"), Some(&list(["a", "b"])));
        assert_eq!(found.get("label"), Some(&list(["Login", "Fail"])));
        assert_eq!(found.get("_x"), Some(&Field::str("y")));
        assert_eq!(found.get(SERVER), Some(&Field::str("C")));
    }
}
