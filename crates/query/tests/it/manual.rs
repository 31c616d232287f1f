//! docs/language.md: each example runs over the events of the page, and gives what stands there.
//!
//! `UPDATE_DOCS=1 cargo test -p cresset-query --test it -- manual` writes the results anew.

use cresset_model::{Event, FieldName, Timestamp, Value};
use cresset_query::{Context, ListLookup, ResultRow, compile};
use std::path::Path;

/// The list of the page.
struct Lists;

impl ListLookup for Lists {
    fn contains(&self, list: &str, value: &str) -> bool {
        list == "ADMINS" && value.eq_ignore_ascii_case("amy")
    }
}

fn event(line: &str) -> Event {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
    let moment = |name: &str| -> Timestamp {
        let text = fields[name].as_str().unwrap();
        let moment: jiff::Timestamp = text.parse().unwrap();
        Timestamp(moment.as_microsecond())
    };
    let mut event = Event::new(moment("time"), moment("time"));
    for (name, value) in fields.iter().filter(|(name, _)| *name != "time") {
        let value = match value {
            serde_json::Value::Array(items) => {
                Value::List(items.iter().map(|i| i.as_str().unwrap().into()).collect())
            }
            serde_json::Value::Number(n) => Value::Int(n.as_i64().unwrap()),
            other => Value::str(other.as_str().unwrap()),
        };
        event.set(FieldName::from(name.as_str()), value);
    }
    event
}

fn shown(row: &ResultRow) -> String {
    let times = ["log_ts", "col_ts"];
    let all = row.fields.len() > times.len() && row.value("col_ts").is_some();
    let kept = row
        .fields
        .iter()
        .filter(|(n, _)| !all || !times.contains(&n.as_str()));
    let pairs: Vec<String> = kept.map(|(n, v)| format!("{n}={}", v.text())).collect();
    pairs.join("  ")
}

fn result(query: &str, events: &[Event]) -> String {
    let plan = match compile(query) {
        Ok(plan) => plan,
        Err(mistakes) => return format!("{}\n", mistakes[0].render(query)),
    };
    let context = Context {
        lists: &Lists,
        ..Context::bare()
    };
    let mut run = plan.executor(context);
    events.iter().for_each(|event| run.push(event));
    let rows = run.finish().rows;
    let lines: String = rows.iter().map(|row| shown(row) + "\n").collect();
    if lines.is_empty() {
        "(nothing)\n".to_owned()
    } else {
        lines
    }
}

/// The text with what each query gives behind it.
fn run(page: &str) -> (String, usize) {
    let (mut out, mut examples) = (String::new(), 0);
    let mut events = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("```") {
        let (kind, after) = after.split_once('\n').unwrap();
        let (body, after) = after.split_once("```").unwrap();
        out.push_str(before);
        match kind {
            "json" => events = body.lines().map(event).collect(),
            "query" => {
                examples += 1;
                let query = body.trim_end();
                out.push_str(&format!(
                    "```query\n{body}```\n```result\n{}```",
                    result(query, &events)
                ));
                // What stood there before is replaced.
                let old = after
                    .strip_prefix("\n```result\n")
                    .and_then(|r| r.split_once("```"));
                rest = old.map_or(after, |(_, behind)| behind);
                continue;
            }
            _ => {}
        }
        out.push_str(&format!("```{kind}\n{body}```"));
        rest = after;
    }
    out.push_str(rest);
    (out, examples)
}

#[test]
fn the_examples_give_what_the_manual_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/language.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (wanted, examples) = run(&page);
    assert!(examples >= 30, "only {examples} examples were found");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    assert_eq!(
        page, wanted,
        "run: UPDATE_DOCS=1 cargo test -p cresset-query --test it -- manual"
    );
}
