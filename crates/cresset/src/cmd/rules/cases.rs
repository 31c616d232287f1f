//! `cresset rules test`: the unit tests beside rules, run as a backtest would run.

use super::folder::{Contents, LISTS};
use super::junit::{Case, Suite, xml};
use super::validate;
use anyhow::Context;
use cresset_catalog::port::RuleWithOwner;
use cresset_detect::CompiledRule;
use cresset_detect::backtest::Backtest;
use cresset_detect::decide::Fired;
use cresset_detect::schedule::Span;
use cresset_detect::slots::slot_end;
use cresset_fleet::document::{Expect, RuleDoc, TestCase};
use cresset_ingest::{IngestSettings, Normaliser, Origin};
use cresset_model::event::LoggedEvent;
use cresset_model::repo::DEFAULT_REPO;
use cresset_model::rule::AlertRule;
use cresset_model::user::{DateFormat, HourFormat, RepoAccess};
use cresset_model::{Duration, ObjectId, Timestamp};
use cresset_query::{ListLookup, wildcard_match};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// Where the time of a test begins: 2026-01-01 00:00 UTC.
const START: Timestamp = Timestamp::from_secs(1_767_225_600);
/// Most events of one test.
const MAX_EVENTS: usize = 100_000;
/// Longest time that a test spans.
const LONGEST: Duration = Duration::days(60);

/// Runs all tests; prints them like a test runner.
pub(crate) fn run(path: &Path, junit: Option<&Path>) -> anyhow::Result<ExitCode> {
    let contents = Contents::read(path)?;
    let mut mistakes = contents.mistakes.clone();
    mistakes.extend(contents.rules.iter().flat_map(validate::check));
    let runner = Runner {
        normaliser: Normaliser::new(&IngestSettings::default())?,
        lists: contents
            .lists
            .iter()
            .map(|(name, file)| (name.clone(), values(&file.bytes)))
            .collect(),
    };
    let mut suites = Vec::new();
    for mistake in &mistakes {
        println!("{mistake}");
    }
    for loaded in contents.rules.iter().filter(|l| !l.rule.tests.is_empty()) {
        let cases = loaded.rule.tests.iter().map(|test| {
            let started = Instant::now();
            let failure = runner.case(&loaded.rule, test).err();
            let sign = if failure.is_some() { "FAILED" } else { "ok" };
            println!("test {} :: {} ... {sign}", loaded.rule.name, test.name);
            for line in failure.iter().flat_map(|f| f.lines()) {
                println!("    {line}");
            }
            Case {
                name: test.name.clone(),
                took: started.elapsed(),
                failure,
            }
        });
        let cases = cases.collect();
        let name = loaded.file.clone();
        suites.push(Suite { name, cases });
    }
    if let Some(file) = junit {
        std::fs::write(file, xml(&suites))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let all = || suites.iter().flat_map(|s| &s.cases);
    let failed = all().filter(|c| c.failure.is_some()).count();
    let untested = contents.rules.len() - suites.len();
    println!(
        "\n{} passed, {failed} failed; {untested} rule(s) without tests",
        all().count() - failed
    );
    Ok(if failed == 0 && mistakes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The values of a list's file: the first column.
fn values(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let first = |line: &str| {
        let cell = line.split(',').next().unwrap_or_default();
        cell.trim().trim_matches('"').to_owned()
    };
    let lines = text.trim_start_matches('\u{FEFF}').lines().map(first);
    lines.filter(|value| !value.is_empty()).collect()
}

struct Lists(BTreeMap<String, Vec<String>>);

impl ListLookup for Lists {
    fn contains(&self, list: &str, value: &str) -> bool {
        let found = self.0.get(&list.to_uppercase());
        found.is_some_and(|values| values.iter().any(|entry| wildcard_match(entry, value)))
    }
}

struct Runner {
    normaliser: Normaliser,
    /// The lists of the folder.
    lists: BTreeMap<String, Vec<String>>,
}

impl Runner {
    /// Runs one test; the error says what was expected and what came.
    fn case(&self, document: &RuleDoc, test: &TestCase) -> Result<(), String> {
        let rule = Arc::new(compile(document)?);
        let mut lists = self.lists.clone();
        let own = test.lists.iter();
        lists.extend(own.map(|(name, values)| (name.to_uppercase(), values.clone())));
        let lists = Lists(lists);
        if let Some(unknown) = rule
            .plan()
            .lists()
            .iter()
            .find(|l| !lists.0.contains_key(&l.to_uppercase()))
        {
            return Err(format!(
                "the query uses the list {unknown}: give its values under lists: in the test, or \
                 a file in {LISTS}/"
            ));
        }
        let start = slot_end(START, rule.interval());
        let mut events = self.events(&rule, test, start)?;
        events.sort_by_key(|e| (rule.counts_at(&e.event), e.seq));
        let last = events
            .last()
            .map_or(start + Duration::seconds(1), |e| e.event.log_ts);
        let slots = Span {
            from: start,
            to: slot_end(last, rule.interval()),
        };
        let mut run = Backtest::new(Arc::clone(&rule), slots);
        let mut matching = 0;
        for event in &events {
            if rule.covers(&event.repo) && rule.matches(&event.event, &lists) {
                matching += 1;
                run.push(event, &lists);
            }
        }
        let firings = run.finish(&lists);
        judge(&test.expect, &firings).map_err(|e| {
            format!(
                "{e}\n{matching} of {} event(s) match the filter",
                events.len()
            )
        })
    }

    fn events(
        &self,
        rule: &CompiledRule,
        test: &TestCase,
        start: Timestamp,
    ) -> Result<Vec<LoggedEvent>, String> {
        let home = rule.repos().first().map_or(DEFAULT_REPO, String::as_str);
        let mut events = Vec::new();
        let mut next = Duration::ZERO;
        for (number, item) in test.events.iter().enumerate() {
            let told = |reason: String| format!("event {}: {reason}", number + 1);
            let (how, fields) = How::read(item, next).map_err(told)?;
            let repo: Arc<str> = how.repo.as_deref().unwrap_or(home).into();
            for repeat in 0..how.repeat {
                if events.len() == MAX_EVENTS {
                    return Err(format!("more than {MAX_EVENTS} events"));
                }
                let offset = Duration(how.at.0 + how.every.0 * repeat);
                if offset > LONGEST {
                    return Err(told("more than 60 days after the start".to_owned()));
                }
                // The start itself still belongs to the interval before.
                let time = start + Duration::seconds(1) + offset;
                let event = self.event(&how, &fields, &repo, time).map_err(told)?;
                events.push(LoggedEvent {
                    seq: events.len() as u64 + 1,
                    repo: Arc::clone(&repo),
                    event: Arc::new(event),
                });
                next = offset + Duration::seconds(1);
            }
        }
        Ok(events)
    }

    fn event(
        &self,
        how: &How,
        fields: &Map<String, Value>,
        repo: &str,
        time: Timestamp,
    ) -> Result<cresset_model::Event, String> {
        let origin = Origin {
            repo,
            peer: None,
            col_type: "http",
            received: time,
        };
        let mut event = match &how.raw {
            Some(line) => self.normaliser.line(line.as_bytes(), &origin),
            None => {
                let item = Value::Object(fields.clone()).to_string();
                self.normaliser.json(item.as_bytes(), &origin)?
            }
        };
        event.log_ts = time;
        event.col_ts = time;
        Ok(event)
    }
}

/// When, how often and where an event comes.
struct How {
    at: Duration,
    every: Duration,
    repeat: i64,
    repo: Option<String>,
    raw: Option<String>,
}

impl How {
    /// Takes what begins with `_` out of an event.
    fn read(
        item: &Map<String, Value>,
        next: Duration,
    ) -> Result<(Self, Map<String, Value>), String> {
        let mut fields = item.clone();
        let mut how = Self {
            at: next,
            every: Duration::seconds(1),
            repeat: 1,
            repo: None,
            raw: None,
        };
        if let Some(at) = fields.remove("_at") {
            how.at = span(&at)?;
        }
        if let Some(every) = fields.remove("_every") {
            how.every = span(&every)?;
        }
        if let Some(repeat) = fields.remove("_repeat") {
            let number = repeat
                .as_i64()
                .filter(|n| (1..=MAX_EVENTS as i64).contains(n));
            how.repeat = number.ok_or("_repeat must be a whole number from 1")?;
        }
        let mut text = |name: &str| match fields.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name} must be text")),
        };
        how.repo = text("_repo")?;
        how.raw = text("_raw")?;
        if how.raw.is_some() && !fields.is_empty() {
            return Err("_raw stands for the whole event; it has no other fields".to_owned());
        }
        Ok((how, fields))
    }
}

/// Seconds, or a span such as `30s` or `5m`.
fn span(value: &Value) -> Result<Duration, String> {
    let found = match value {
        Value::Number(n) => n
            .as_i64()
            .filter(|n| (0..=5_184_000).contains(n))
            .map(Duration::seconds),
        Value::String(text) => {
            crate::config::parse_duration(text).filter(|d| d.0 >= 0 && *d <= LONGEST)
        }
        _ => None,
    };
    found.ok_or_else(|| format!("{value} is no span; write seconds or 30s, 5m, 1h"))
}

fn compile(document: &RuleDoc) -> Result<CompiledRule, String> {
    let id = ObjectId::from_bytes([0; 12]);
    let rule = AlertRule {
        id,
        owner: id,
        active: true,
        version: 1,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        activated_at: Timestamp(0),
        spec: document.to_wire("test"),
    };
    let source = RuleWithOwner {
        rule,
        owner_name: "test".to_owned(),
        timezone: "UTC".to_owned(),
        date_format: DateFormat::default(),
        hour_format: HourFormat::default(),
        repos: RepoAccess::All,
    };
    CompiledRule::compile(&source).map_err(|e| e.to_string())
}

/// Compares what came with what was expected.
fn judge(expect: &Expect, firings: &[Fired]) -> Result<(), String> {
    let Some(first) = firings.first() else {
        let wanted = expect.fires || expect.incidents.is_some_and(|n| n > 0);
        let missed = || "expected the rule to fire; it did not".to_owned();
        return if wanted { Err(missed()) } else { Ok(()) };
    };
    if !expect.fires {
        let row = first.rows.first().map(|row| Value::Object(row.clone()));
        let row = row.map_or_else(String::new, |row| format!("; first row: {row}"));
        let count = first.rows_count;
        return Err(format!(
            "expected no incident; it fired with {count} row(s){row}"
        ));
    }
    if let Some(wanted) = expect.incidents.filter(|n| *n != firings.len()) {
        return Err(format!(
            "expected {wanted} incident(s); got {}",
            firings.len()
        ));
    }
    if let Some(wanted) = expect.rows.filter(|n| *n != first.rows_count) {
        return Err(format!(
            "expected {wanted} row(s); got {}",
            first.rows_count
        ));
    }
    let risk = first.risk.as_str();
    if let Some(wanted) = expect.risk.as_ref().filter(|r| r.as_str() != risk) {
        return Err(format!("expected risk {wanted}; got {risk}"));
    }
    let empty = Map::new();
    let row = first.rows.first().unwrap_or(&empty);
    for (name, wanted) in &expect.first {
        let got = row.get(name).unwrap_or(&Value::Null);
        if plain(got) != plain(wanted) {
            return Err(format!(
                "expected {name} to be {wanted} in the first row; got {got}"
            ));
        }
    }
    Ok(())
}

/// A value as text: a number and its text are the same to a query.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
