//! Rows as Logpoint's clients expect them (spec/logpoint-api.md §5.3).

use cresset_model::event::parse_number;
use cresset_query::{Plan, QueryKind};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Fields that stay numbers in a simple row; all other numbers are text there.
const NUMBERS: [&str; 3] = ["log_ts", "col_ts", "_offset"];

/// Field names that are numbers by meaning, however they are written.
const NUMERIC_NAMES: [&str; 5] = ["log_ts", "col_ts", "sig_id", "_offset", "_identifier"];

/// Names with an underscore that have a type all the same; the others are about the row.
const TYPED_COMPANIONS: [&str; 4] = ["_offset", "_identifier", "_tz", "_fromV550"];

/// The word for a kind of query.
pub(crate) const fn kind_word(kind: QueryKind) -> &'static str {
    match kind {
        QueryKind::Simple => "simple",
        QueryKind::Chart => "chart",
        QueryKind::Timechart => "timechart",
    }
}

/// What the rows of a query hold.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// Aggregates in their order.
    pub(crate) aggregates: Vec<String>,
    /// Fields of the groups in their order.
    pub(crate) grouping: Vec<String>,
}

/// The columns that any run of the plan has: those of one over nothing.
pub(crate) fn columns(plan: &Plan) -> Columns {
    let result = plan.executor(cresset_query::Context::bare()).finish();
    Columns {
        aggregates: result.columns,
        grouping: result.grouping,
    }
}

/// How the rows of a simple query are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowForm {
    /// As Logpoint does: texts, with companions that tell their types.
    Flat,
    /// As the events are: numbers, lists and all. Our own, for other instances of Cresset.
    Typed,
}

impl RowForm {
    /// What a request's `typed_rows` asks for.
    pub(super) fn asked(value: Option<&Value>) -> Self {
        if value == Some(&Value::Bool(true)) {
            Self::Typed
        } else {
            Self::Flat
        }
    }

    /// An event in this form; `at` is its place in the result.
    pub(super) fn row(self, row: Map<String, Value>, at: usize, server_name: &str) -> Value {
        match self {
            Self::Flat => simple(row, at, server_name),
            Self::Typed => Value::Object(row),
        }
    }
}

/// An event as a flat object of texts, with the companions that name their types.
/// `at` is the row's place in the result.
pub(crate) fn simple(row: Map<String, Value>, at: usize, server_name: &str) -> Value {
    let whole_event = ["log_ts", "col_ts", "msg"]
        .iter()
        .all(|name| row.contains_key(*name));
    let mut row = row;
    let labels = labels(&row);
    if whole_event {
        for (name, value) in [
            ("logpoint_name", json!(server_name)),
            ("collected_at", json!(server_name)),
            ("_offset", json!(at)),
            ("_identifier", json!("0")),
            ("_tz", json!("UTC")),
            ("_fromV550", json!("t")),
            ("_enrich_policy", json!("None")),
        ] {
            row.entry(name).or_insert(value);
        }
    }
    // Before numbers become text, and after the companions have come.
    let types = Types::of(&row, "");
    let mut out: Map<String, Value> = row
        .into_iter()
        .map(|(name, value)| flat(name, value))
        .collect();
    types.add_to(&mut out);
    out.insert("_labels".to_owned(), labels);
    Value::Object(out)
}

/// A group: its columns as they are, `_group` with its values, and the companions.
pub(crate) fn chart(row: Map<String, Value>, grouping: &[String]) -> Value {
    let value = |name: &String| row.get(name).map_or_else(|| json!(""), |v| json!(text(v)));
    let group: Vec<Value> = grouping.iter().map(value).collect();
    let types = Types::of(&row, " ");
    let mut out = row;
    types.add_to(&mut out);
    out.insert("_group".to_owned(), group.into());
    Value::Object(out)
}

fn labels(row: &Map<String, Value>) -> Value {
    match row.get("label") {
        Some(labels @ Value::Array(_)) => labels.clone(),
        Some(label) => json!([text(label)]),
        None => json!([]),
    }
}

fn flat(name: String, value: Value) -> (String, Value) {
    let kept = NUMBERS.contains(&name.as_str()) && value.is_number();
    let value = if kept {
        value
    } else {
        Value::String(text(&value))
    };
    (name, value)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// `_type_str`, `_type_num` and `_type_ip`: field names by type, separated by blanks.
struct Types {
    strings: String,
    numbers: String,
    addresses: String,
}

impl Types {
    /// Chart rows have a blank before the first name too, hence `lead`.
    fn of(row: &Map<String, Value>, lead: &str) -> Self {
        let chart = !lead.is_empty();
        let mut types = Self {
            strings: String::new(),
            numbers: String::new(),
            addresses: String::new(),
        };
        let typed = |name: &str| !name.starts_with('_') || TYPED_COMPANIONS.contains(&name);
        for (name, value) in row.iter().filter(|(name, _)| typed(name)) {
            let add = |list: &mut String| {
                if !list.is_empty() || chart {
                    list.push(' ');
                }
                list.push_str(name);
            };
            let number = value.is_number()
                || NUMERIC_NAMES.contains(&name.as_str())
                    && value.as_str().is_some_and(|t| parse_number(t).is_some());
            if number {
                add(&mut types.numbers);
            }
            // In charts the list of strings names every column.
            if !number || chart {
                add(&mut types.strings);
            }
            if value.as_str().is_some_and(|t| t.parse::<IpAddr>().is_ok()) {
                add(&mut types.addresses);
            }
        }
        types
    }

    fn add_to(self, row: &mut Map<String, Value>) {
        row.insert("_type_str".to_owned(), self.strings.into());
        row.insert("_type_num".to_owned(), self.numbers.into());
        row.insert("_type_ip".to_owned(), self.addresses.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_whole_event() {
        let row = map(
            json!({"log_ts": 10, "col_ts": 11, "msg": "x", "source_address": "10.0.0.1",
            "port": 22, "label": ["Login", "Fail"], "sig_id": "10501", "ok": true}),
        );
        let out = simple(row, 7, "Cresset");
        assert_eq!(out["log_ts"], 10);
        assert_eq!(out["port"], "22");
        assert_eq!(out["ok"], "true");
        assert_eq!(out["label"], "Login, Fail");
        assert_eq!(out["_labels"], json!(["Login", "Fail"]));
        assert_eq!(out["_offset"], 7);
        assert_eq!(out["logpoint_name"], "Cresset");
        let words = |name: &str| {
            let mut words: Vec<&str> = out[name].as_str().unwrap().split(' ').collect();
            words.sort_unstable();
            words.join(" ")
        };
        assert_eq!(
            words("_type_num"),
            "_identifier _offset col_ts log_ts port sig_id"
        );
        assert_eq!(
            words("_type_str"),
            "_fromV550 _tz collected_at label logpoint_name msg ok source_address"
        );
        assert_eq!(words("_type_ip"), "source_address");
    }

    #[test]
    fn a_projected_row_gets_no_invented_fields() {
        let out = simple(map(json!({"user": "a"})), 0, "Cresset");
        let expected = json!({"user": "a", "_labels": [], "_type_str": "user", "_type_num": "",
            "_type_ip": ""});
        assert_eq!(out, expected);
    }

    #[test]
    fn a_group_as_the_vendor_shows_it() {
        let out = chart(
            map(json!({"col_type": "office365", "count()": 299})),
            &["col_type".into()],
        );
        let expected = json!({"_type_str": " col_type count()", "count()": 299,
            "_type_num": " count()", "_type_ip": "", "_group": ["office365"],
            "col_type": "office365"});
        assert_eq!(out, expected);
    }
}
