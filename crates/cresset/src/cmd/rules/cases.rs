//! `cresset rules test`: the unit tests beside rules, run as a backtest would run.

use super::events::{self, How, LONGEST, MAX_EVENTS};
use super::folder::{Contents, LISTS, Loaded};
use super::junit::{Case, Suite, Verdict, xml};
use super::macros::as_macros;
use super::place::Mistake;
use super::validate;
use anyhow::{Context, bail};
use cresset_catalog::port::RuleWithOwner;
use cresset_detect::CompiledRule;
use cresset_detect::backtest::Backtest;
use cresset_detect::decide::Fired;
use cresset_detect::schedule::Span;
use cresset_detect::slots::slot_end;
use cresset_fleet::document::{Expect, RuleDoc, TestCase};
use cresset_ingest::{IngestSettings, Normaliser, Origin, read_signatures};
use cresset_model::event::LoggedEvent;
use cresset_model::instance::Nodes;
use cresset_model::repo::DEFAULT_REPO;
use cresset_model::rule::AlertRule;
use cresset_model::user::{DateFormat, HourFormat, RepoAccess};
use cresset_model::{Duration, ObjectId, Timestamp};
use cresset_query::{ListLookup, Macros, wildcard_match};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// Where the time of a test begins: 2026-01-01 00:00 UTC.
const START: Timestamp = Timestamp::from_secs(1_767_225_600);

/// Runs all tests; prints them like a test runner.
pub(crate) fn run(
    path: &Path,
    junit: Option<&Path>,
    signatures: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let contents = Contents::read(path)?;
    if contents.rules.is_empty() && contents.broken.is_empty() && contents.mistakes.is_empty() {
        bail!(
            "{} holds no rules, so there is nothing to test",
            path.display()
        );
    }
    let mistakes = validate::of_rules(&contents);
    let untested = |loaded: &&Loaded| loaded.rule.tests.is_empty();
    let untested = contents.rules.iter().filter(untested).count();
    let skipped: usize = contents.broken.iter().map(|b| b.tests.len()).sum();
    let settings = IngestSettings {
        signatures: signatures.map_or_else(|| Ok(Vec::new()), read_signatures)?,
        ..IngestSettings::default()
    };
    let suites = suites(contents, &mistakes, &settings)?;
    if let Some(file) = junit {
        std::fs::write(file, xml(&suites))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let count = |wanted: fn(&Verdict) -> bool| {
        let cases = suites.iter().flat_map(|s| &s.cases);
        cases.filter(|c| wanted(&c.verdict)).count()
    };
    let passed = count(|v| matches!(v, Verdict::Passed));
    let failed = count(|v| matches!(v, Verdict::Failed(_)));
    let mut text = format!("\n{passed} passed, {failed} failed");
    if skipped > 0 {
        text.push_str(&format!(", {skipped} not run"));
    }
    text.push_str(&format!("; {untested} rule(s) without tests"));
    if !mistakes.is_empty() {
        text.push_str(&format!("; {} mistake(s) in the files", mistakes.len()));
    }
    println!("{text}");
    Ok(if failed + skipped == 0 && mistakes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What came of every file: its mistakes, then its tests, all of which are printed.
fn suites(
    contents: Contents,
    mistakes: &[Mistake],
    settings: &IngestSettings,
) -> anyhow::Result<Vec<Suite>> {
    let mut suites: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for mistake in mistakes {
        println!("{mistake}");
        let case = Case {
            name: mistake.message().to_owned(),
            took: std::time::Duration::ZERO,
            verdict: Verdict::Error(mistake.to_string()),
        };
        let cases = suites.entry(mistake.file().to_owned());
        cases.or_default().push(case);
    }
    for broken in &contents.broken {
        let cases = suites.entry(broken.file.clone()).or_default();
        cases.extend(broken.tests.iter().map(|name| not_run(&broken.file, name)));
    }
    let lists = contents.lists.into_iter();
    let runner = Runner {
        normaliser: Normaliser::new(settings)?,
        lists: lists.map(|(name, list)| (name, list.values)).collect(),
        macros: as_macros(&contents.macros),
    };
    for Loaded { file, rule, .. } in &contents.rules {
        if !rule.tests.is_empty() {
            let cases = suites.entry(file.clone()).or_default();
            cases.extend(rule.tests.iter().map(|test| runner.told(rule, test)));
        }
    }
    let suites = suites.into_iter();
    Ok(suites.map(|(name, cases)| Suite { name, cases }).collect())
}

/// A test of a rule that does not read.
fn not_run(file: &str, name: &str) -> Case {
    println!("test {file} :: {name} ... not run");
    Case {
        name: name.to_owned(),
        took: std::time::Duration::ZERO,
        verdict: Verdict::Error("not run: the file of its rule has mistakes".to_owned()),
    }
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
    /// The macros of the folder.
    macros: Macros,
}

impl Runner {
    /// Runs one test and prints what came of it.
    fn told(&self, document: &RuleDoc, test: &TestCase) -> Case {
        let started = Instant::now();
        let failure = self.case(document, test).err();
        let sign = if failure.is_some() { "FAILED" } else { "ok" };
        println!("test {} :: {} ... {sign}", document.name, test.name);
        for line in failure.iter().flat_map(|f| f.lines()) {
            println!("    {line}");
        }
        Case {
            name: test.name.clone(),
            took: started.elapsed(),
            verdict: failure.map_or(Verdict::Passed, Verdict::Failed),
        }
    }

    /// Runs one test; the error says what was expected and what came.
    fn case(&self, document: &RuleDoc, test: &TestCase) -> Result<(), String> {
        if let Some(mistake) = events::mistake(test) {
            return Err(mistake);
        }
        let rule = Arc::new(compile(document, &self.macros)?);
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
            .map_or(start + Duration::seconds(1), |e| e.event.log_ts());
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
                    event: event.into(),
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

fn compile(document: &RuleDoc, macros: &Macros) -> Result<CompiledRule, String> {
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
    CompiledRule::compile_among(&source, &Nodes::default(), macros).map_err(|e| e.to_string())
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
