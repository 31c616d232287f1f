//! docs/language.md: each example runs over the events of the page, and gives what stands there.
//!
//! `UPDATE_DOCS=1 cargo test -p cresset-query --test it -- manual` writes the results anew.

use cresset_model::macros::Macro;
use cresset_model::{Event, FieldName, Timestamp, Value};
use cresset_query::{Context, ListLookup, LookupTable, Macros, Place, ResultRow, compile_with};
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// What the page says that there is besides events.
#[derive(Default)]
struct Stored {
    /// By upper-case name.
    tables: HashMap<String, Arc<LookupTable>>,
    macros: Macros,
}

impl ListLookup for Stored {
    fn contains(&self, list: &str, value: &str) -> bool {
        list == "ADMINS" && value.eq_ignore_ascii_case("amy")
    }

    fn table(&self, name: &str) -> Option<Arc<LookupTable>> {
        self.tables.get(name).cloned()
    }

    fn place(&self, address: IpAddr) -> Option<Place> {
        let known = address == IpAddr::from([203, 0, 113, 9]);
        known.then(|| Place {
            country: Some("Netherlands".to_owned()),
            country_code: Some("NL".to_owned()),
            city: Some("Utrecht".to_owned()),
            asn: Some(64_500),
            organization: Some("Example Hosting".to_owned()),
            ..Place::default()
        })
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

fn result(query: &str, events: &[Event], stored: &Stored) -> String {
    let plan = match compile_with(query, &stored.macros) {
        Ok(plan) => plan,
        Err(mistakes) => return format!("{}\n", mistakes[0].render(query)),
    };
    let context = Context {
        lists: stored,
        until: events
            .iter()
            .map(|e| e.log_ts)
            .max()
            .unwrap_or(Timestamp(0)),
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
    let mut stored = Stored::default();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("```") {
        let (kind, after) = after.split_once('\n').unwrap();
        let (body, after) = after.split_once("```").unwrap();
        out.push_str(before);
        match kind {
            "json" => events = body.lines().map(event).collect(),
            "query" | "explain" => {
                examples += 1;
                let query = body.trim_end();
                let given = match kind {
                    "explain" => {
                        let plan = compile_with(query, &stored.macros).unwrap();
                        plan.explanation().to_string()
                    }
                    _ => result(query, &events, &stored),
                };
                out.push_str(&format!("```{kind}\n{body}```\n```result\n{given}```"));
                // What stood there before is replaced.
                let old = after
                    .strip_prefix("\n```result\n")
                    .and_then(|r| r.split_once("```"));
                rest = old.map_or(after, |(_, behind)| behind);
                continue;
            }
            _ => {}
        }
        if let Some(name) = kind.strip_prefix("table ") {
            let table = LookupTable::new(body.lines()).unwrap();
            stored.tables.insert(name.to_owned(), Arc::new(table));
        }
        if let Some(call) = kind.strip_prefix("macro ") {
            let (name, parameters) = call.split_once('(').unwrap_or((call, ""));
            let parameters = parameters.trim_end_matches(')').split(", ");
            let one = Macro {
                name: name.to_owned(),
                parameters: parameters
                    .filter(|p| !p.is_empty())
                    .map(str::to_owned)
                    .collect(),
                text: body.trim_end().to_owned(),
                description: String::new(),
                updated_at: Timestamp(0),
            };
            stored.macros = stored.macros.with(one.clone());
            stored.macros.check(&one).unwrap();
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
