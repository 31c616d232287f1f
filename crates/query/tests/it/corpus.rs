//! Real queries: 3,134 Sigma rules as a converter wrote them in this language.

use cresset_model::{Event, Timestamp};
use cresset_query::{Context, compile, parse};
use flate2::read::GzDecoder;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Queries that the converter is known to have written wrongly: a quote inside
/// of a quoted regex, which the language cannot express.
const MOST_MALFORMED: usize = 20;

struct Query {
    title: String,
    text: String,
}

#[allow(clippy::expect_used)]
fn queries() -> Option<Vec<Query>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let path = root.join("shared/corpus/sigma/logpoint-queries.ndjson.gz");
    let file = std::fs::File::open(path).ok()?;
    let read = |line: std::io::Result<String>| {
        let value: serde_json::Value = serde_json::from_str(&line.ok()?).ok()?;
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        Some(Query {
            title: text("title")?,
            text: text("query")?,
        })
    };
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Some(
        lines
            .map(|line| read(line).expect("a rule per line"))
            .collect(),
    )
}

#[test]
fn all_queries_of_the_corpus_parse_or_are_known_to_be_malformed() {
    let Some(queries) = queries() else {
        println!("skipped: no corpus");
        return;
    };
    let (mut malformed, mut refused) = (Vec::new(), Vec::new());
    for query in &queries {
        let parsed = parse(&query.text);
        if let Some(first) = parsed.diagnostics.iter().find(|d| d.is_error()) {
            malformed.push((query, first.clone()));
            continue;
        }
        let explained = parsed.explain();
        assert_eq!(parse(&explained).explain(), explained, "{}", query.title);
        if let Err(errors) = compile(&query.text) {
            refused.push(format!("{}: {errors:?}", query.title));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    println!(
        "{} queries: {} malformed, {} run",
        queries.len(),
        malformed.len(),
        queries.len() - malformed.len()
    );
    for (query, first) in &malformed {
        println!("{}: {} at {:?}", query.title, first.message, first.span);
        let quote_in_regex = query.text.contains("process regex(");
        let both_quotes = query.text.contains('\'') && query.text.contains('"');
        assert!(quote_in_regex || both_quotes, "{}", query.text);
    }
    assert!(
        malformed.len() <= MOST_MALFORMED,
        "{} queries are malformed",
        malformed.len()
    );
}

/// The longest query is a list of 4,434 hashes in 211,771 characters.
#[test]
fn the_longest_query_runs() {
    let Some(queries) = queries() else {
        println!("skipped: no corpus");
        return;
    };
    let longest = queries.iter().max_by_key(|q| q.text.len()).unwrap();
    let started = std::time::Instant::now();
    let plan = compile(&longest.text).unwrap();
    let compiled = started.elapsed();
    let mut event = Event::new(Timestamp::from_secs(1), Timestamp::from_secs(1));
    let fields: Vec<String> = plan.filter_fields().into_iter().collect();
    for field in &fields {
        event.set(field, "0123456789abcdef0123456789abcdef");
    }
    let (started, mut hits) = (std::time::Instant::now(), 0);
    for _ in 0..1_000 {
        hits += u32::from(plan.filter().matches(&event, &Context::bare()));
    }
    let matched = started.elapsed() / 1_000;
    println!(
        "{} bytes: compiled in {compiled:?}, an event in {matched:?}",
        longest.text.len()
    );
    assert_eq!(hits, 0);
    assert!(
        compiled < std::time::Duration::from_secs(10),
        "{compiled:?}"
    );
}
