//! `cresset rules validate`: every file, every query, every mistake.

use super::folder::{Contents, Loaded};
use super::macros::as_macros;
use super::place::Mistake;
use super::{events, notified};
use cresset_fleet::document::{Minutes, RuleDoc};
use cresset_query::Macros;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

const LONGEST: Minutes = Minutes(30 * 1440);
const LONGEST_DELAY: Minutes = Minutes(1440);
const SHORTEST_NAME: usize = 5;
const LONGEST_NAME: usize = 500;

pub(crate) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let contents = Contents::read(path)?;
    let mut mistakes = of_rules(&contents);
    mistakes.extend(contents.rules.iter().flat_map(of_tests));
    for mistake in &mistakes {
        println!("{mistake}");
    }
    println!(
        "{} rule(s), {} list(s), {} mistake(s)",
        contents.rules.len(),
        contents.lists.len(),
        mistakes.len()
    );
    Ok(if mistakes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is wrong with files, and what a server would refuse of the rules in them.
pub(crate) fn of_rules(contents: &Contents) -> Vec<Mistake> {
    let mut mistakes = contents.mistakes.clone();
    let none = BTreeSet::new();
    let macros = as_macros(&contents.macros);
    for loaded in &contents.rules {
        mistakes.extend(check(
            &loaded.file,
            &loaded.text,
            &loaded.rule,
            &none,
            &macros,
        ));
    }
    for broken in &contents.broken {
        if let Some((text, mended)) = &broken.mended {
            let mended = check(&broken.file, text, &mended.rule, &mended.unread, &macros);
            mistakes.extend(mended);
        }
    }
    mistakes
}

/// Tests that cannot be run.
fn of_tests(loaded: &Loaded) -> Vec<Mistake> {
    let inline = (loaded.file.as_str(), loaded.inline_tests);
    let others = loaded
        .test_files
        .iter()
        .map(|(file, n)| (file.as_str(), *n));
    let mut tests = loaded.rule.tests.iter();
    let mut found = Vec::new();
    for (file, count) in std::iter::once(inline).chain(others) {
        for test in tests.by_ref().take(count) {
            if let Some(mistake) = events::mistake(test) {
                let message = format!("test {:?}: {mistake}", test.name);
                found.push(Mistake::whole(file, message));
            }
        }
    }
    found
}

/// Mistakes of one rule.
pub(super) struct Findings<'a> {
    file: &'a str,
    text: &'a str,
    /// Fields of which nothing is known.
    unread: &'a BTreeSet<String>,
    found: Vec<Mistake>,
}

impl Findings<'_> {
    /// Notes a mistake of the field that the nested keys lead to.
    pub(super) fn say(&mut self, path: &[&str], message: impl Into<String>) {
        if !path.iter().any(|key| self.unread.contains(*key)) {
            let mistake = Mistake::at_path(self.file, self.text, path, message);
            self.found.push(mistake);
        }
    }
}

/// What a server would refuse, but for the fields in `unread`.
fn check(
    file: &str,
    text: &str,
    rule: &RuleDoc,
    unread: &BTreeSet<String>,
    macros: &Macros,
) -> Vec<Mistake> {
    let mut findings = Findings {
        file,
        text,
        unread,
        found: Vec::new(),
    };
    fields(rule, &mut findings);
    notified::check(rule, &mut findings);
    let mut found = findings.found;
    if unread.contains("query") {
        return found;
    }
    if rule.query.trim().is_empty() {
        found.push(Mistake::at_key(file, text, "query", "the query is empty"));
    } else if let Err(diagnostics) = cresset_query::compile_with(&rule.query, macros) {
        found.extend(diagnostics.iter().filter(|d| d.is_error()).map(|d| {
            let mut message = d.message.clone();
            if let Some(help) = &d.help {
                message.push_str(&format!("; {help}"));
            }
            Mistake::in_query(file, text, &rule.query, d.line_col(&rule.query), message)
        }));
    }
    found
}

fn fields(rule: &RuleDoc, findings: &mut Findings<'_>) {
    let name = rule.name.trim();
    if !(SHORTEST_NAME..=LONGEST_NAME).contains(&name.chars().count()) {
        findings.say(
            &["name"],
            format!("a name has {SHORTEST_NAME} to {LONGEST_NAME} characters"),
        );
    }
    if name.chars().any(char::is_control) {
        findings.say(&["name"], "a name is one line without control characters");
    }
    if rule.over.is_zero() || rule.over > LONGEST {
        findings.say(&["over"], "the time range is 1m to 30d");
    }
    if rule.every.is_zero() {
        findings.say(&["every"], "the span between evaluations is at least 1m");
    } else if !rule.over.0.is_multiple_of(rule.every.0) && !findings.unread.contains("over") {
        findings.say(
            &["every"],
            "the span between evaluations must divide the time range",
        );
    }
    if rule.delay > LONGEST_DELAY {
        findings.say(&["delay"], "the delay is at most 1d");
    }
    if rule.limit == 0 {
        findings.say(&["limit"], "the limit is at least 1");
    }
    if rule.condition.value > u32::MAX.into() {
        let message = format!("the number of rows is at most {}", u32::MAX);
        findings.say(&["condition"], message);
    }
    if rule.metadata.keys().any(|field| field.trim().is_empty()) {
        findings.say(&["metadata"], "a field of metadata has no name");
    }
    if let Some(throttle) = &rule.throttle
        && (throttle.field.trim().is_empty() || throttle.span.is_zero())
    {
        findings.say(
            &["throttle"],
            "throttling needs a field and a span of at least 1m",
        );
    }
}
