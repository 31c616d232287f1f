//! `cresset rules validate`: every file, every query, every mistake.

use super::folder::{Contents, Loaded};
use super::place::Mistake;
use cresset_fleet::document::Minutes;
use std::path::Path;
use std::process::ExitCode;

const LONGEST: Minutes = Minutes(30 * 1440);
const LONGEST_DELAY: Minutes = Minutes(1440);
const SHORTEST_NAME: usize = 5;

pub(crate) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let contents = Contents::read(path)?;
    let mut mistakes = contents.mistakes;
    mistakes.extend(contents.rules.iter().flat_map(check));
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

/// What a server would refuse.
pub(crate) fn check(loaded: &Loaded) -> Vec<Mistake> {
    let Loaded {
        file, text, rule, ..
    } = loaded;
    let mut found = Vec::new();
    let mut say = |key: &str, message: &str| {
        found.push(Mistake::at_key(file, text, key, message));
    };
    if rule.name.trim().chars().count() < SHORTEST_NAME {
        say("name", "a name has at least 5 characters");
    }
    if rule.over.is_zero() || rule.over > LONGEST {
        say("over", "the time range is 1m to 30d");
    }
    if rule.every.is_zero() {
        say("every", "the span between evaluations is at least 1m");
    } else if !rule.over.0.is_multiple_of(rule.every.0) {
        say(
            "every",
            "the span between evaluations must divide the time range",
        );
    }
    if rule.delay > LONGEST_DELAY {
        say("delay", "the delay is at most 1d");
    }
    if rule.limit == 0 {
        say("limit", "the limit is at least 1");
    }
    if let Some(throttle) = &rule.throttle
        && (throttle.field.trim().is_empty() || throttle.span.is_zero())
    {
        say(
            "throttle",
            "throttling needs a field and a span of at least 1m",
        );
    }
    if let Err(diagnostics) = cresset_query::compile(&rule.query) {
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
