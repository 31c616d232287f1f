//! All mistakes of a rule's file: what does not read is taken out until the rest reads.

use super::{Problem, RuleDoc, yaml};
use std::collections::BTreeSet;

/// Most mistakes that are looked for in one file.
const MOST: usize = 50;
/// Fields that a rule must have, with values that stand in for missing ones.
const REQUIRED: [(&str, &str); 4] = [
    ("name", "no name"),
    ("query", "'*'"),
    ("over", "1m"),
    ("risk", "low"),
];

/// What of a broken file does read.
#[derive(Debug, Clone, PartialEq)]
pub struct Mended {
    /// The rule, with defaults in place of what does not read.
    pub rule: RuleDoc,
    /// Names of fields, on every level, that did not read or are missing.
    pub unread: BTreeSet<String>,
}

pub(super) fn mend(text: &str) -> (Vec<Problem>, Option<Mended>) {
    let mut problems = Vec::new();
    let mut unread = BTreeSet::new();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..MOST {
        let now = lines.join("\n");
        let mut problem = match RuleDoc::from_yaml(&now) {
            Ok(rule) => return (problems, Some(Mended { rule, unread })),
            Err(problem) => problem,
        };
        // What is no YAML cannot be taken apart.
        let readable = yaml::read::<serde_json::Value>(&now).is_ok();
        let missing = missing(&problem.message).map(str::to_owned);
        let known = missing.as_ref().is_some_and(|name| unread.contains(name));
        let required = REQUIRED
            .iter()
            .find(|(name, _)| missing.as_deref() == Some(name) && !has(&lines, name));
        let at = problem.line.checked_sub(1).filter(|at| *at < lines.len());
        if required.is_some() && problem.line > 0 {
            (problem.line, problem.column) = (1, 1);
        }
        // A field that was taken out is not missing.
        if !known {
            problems.push(problem);
        }
        let (Some(at), true) = (at, readable) else {
            return (problems, None);
        };
        let mended = match (required, &missing) {
            (Some((name, value)), _) => {
                lines.push(format!("{name}: {value}"));
                unread.insert((*name).to_owned())
            }
            (None, Some(name)) => {
                unread.insert(name.clone());
                take_out_around(&mut lines, at, &mut unread)
            }
            (None, None) => take_out(&mut lines, at, &mut unread),
        };
        if !mended {
            return (problems, None);
        }
    }
    (problems, None)
}

/// The field that a message says is missing.
fn missing(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("missing field")?;
    let name = rest.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
    (!name.is_empty()).then_some(name)
}

/// Takes out what lacks a field; false if there is nothing.
fn take_out_around(lines: &mut [String], at: usize, unread: &mut BTreeSet<String>) -> bool {
    let inner = lines.get(at).map_or(0, |line| indent(line));
    let above = lines
        .iter()
        .take(at)
        .rposition(|line| !line.trim().is_empty() && indent(line) < inner);
    take_out(lines, above.unwrap_or(at), unread)
}

/// Whether the rule itself has the field.
fn has(lines: &[String], name: &str) -> bool {
    lines
        .iter()
        .any(|line| indent(line) == 0 && key(line) == name)
}

/// Takes out the field in a line with all that belongs to it; false if there is nothing.
fn take_out(lines: &mut [String], at: usize, unread: &mut BTreeSet<String>) -> bool {
    let Some(line) = lines.get(at).filter(|line| !line.trim().is_empty()) else {
        return false;
    };
    let (outer, key) = (indent(line), key(line));
    let required = REQUIRED.iter().find(|(name, _)| outer == 0 && *name == key);
    unread.insert(key.clone());
    let stand_in = required.map_or_else(String::new, |(name, value)| format!("{name}: {value}"));
    let end = lines
        .iter()
        .skip(at + 1)
        .position(|line| !line.trim().is_empty() && indent(line) <= outer);
    let end = end.map_or(lines.len(), |n| at + 1 + n);
    for line in &mut lines[at..end] {
        line.clear();
    }
    lines[at] = stand_in;
    // What held nothing else would now hold nothing at all.
    let above = lines[..at].iter().rposition(|line| !line.trim().is_empty());
    let below = lines[end..].iter().find(|line| !line.trim().is_empty());
    let Some(above) = above.filter(|above| outer > 0 && indent(&lines[*above]) < outer) else {
        return true;
    };
    let alone = below.is_none_or(|line| indent(line) <= indent(&lines[above]));
    if alone && lines[above].trim_end().ends_with(':') {
        return take_out(lines, above, unread);
    }
    true
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The key of a line, without quotes.
fn key(line: &str) -> String {
    let key = line.trim_start().trim_start_matches("- ");
    let key = key.split_once(':').map_or(key, |(key, _)| key);
    key.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (Vec<usize>, Option<Mended>) {
        let (problems, mended) = mend(text);
        (problems.iter().map(|p| p.line).collect(), mended)
    }

    #[test]
    fn every_mistake_is_told() {
        let check = |text: &str, expected: &[usize]| {
            let (mut found, mended) = lines(text);
            found.sort_unstable();
            assert_eq!(found, expected, "{text}\n{:?}", mend(text).0);
            assert!(mended.is_some(), "{text}");
        };
        check(
            "name: Some rule\nquery: a=b\nover: ten\nrisk: awful\ncolour: red\nmitre: [T9999]\nevery: x\n",
            &[3, 4, 5, 6, 7],
        );
        check(
            "name: Some rule\nquery: a=b\nover: 1h\nrisk: low\nnotifications:\n  email:\n    to: [a@b]\n    \
             colour: red\n  http:\n    url: h\n    method: GET\n    shape: round\n",
            &[8, 12],
        );
        check(
            "name: Some rule\nquery: a=b\nover: 1h\nrisk: low\nthrottle:\n  field: a\n  for: x\nlimit: y\n",
            &[7, 8],
        );
        check("name: Some rule\ncondition: many\n", &[1, 1, 1, 2]);
        check(
            "name: Some rule\nquery: a=b\nover: 1h\nevery: x\nnotifications:\n  http:\n    method: GET\n    auth:\n      type: no\n",
            &[1, 4, 7, 9],
        );
    }

    #[test]
    fn what_reads_is_there() {
        let (_, mended) = lines("name: Some rule\nquery: x=y\nover: ten\nrisk: low\nlimit: 7\n");
        let Mended { rule, unread } = mended.unwrap();
        assert_eq!((rule.query.as_str(), rule.limit), ("x=y", 7));
        assert_eq!(unread, BTreeSet::from(["over".to_owned()]));
    }

    #[test]
    fn what_is_no_yaml_is_one_mistake() {
        for text in ["name: a\n  query: [", "- a\n- b\n", "", "a: [1\nb: 2\n"] {
            let (found, mended) = lines(text);
            assert!(mended.is_none() || text.is_empty(), "{text:?}");
            assert!(!found.is_empty(), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends(text in "([a-z]{1,5}: ?[a-z\\[\\]{}]{0,3}\n|  [a-z]{1,4}:\n|name: x\n|over: .{0,3}\n){0,12}") {
            let (problems, _) = mend(&text);
            proptest::prop_assert_eq!(problems.is_empty(), RuleDoc::from_yaml(&text).is_ok());
        }
    }
}
