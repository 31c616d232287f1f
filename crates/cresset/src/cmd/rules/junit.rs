//! Test results as JUnit XML.

use std::fmt::Write;
use std::time::Duration;

/// The tests of one rule.
pub(crate) struct Suite {
    /// The rule's file.
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

/// One test.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) took: Duration,
    pub(crate) verdict: Verdict,
}

/// What came of a test.
pub(crate) enum Verdict {
    Passed,
    /// Something else came than what was expected.
    Failed(String),
    /// It could not be run.
    Error(String),
}

/// The document.
pub(crate) fn xml(suites: &[Suite]) -> String {
    let all = || suites.iter().flat_map(|s| &s.cases);
    let failed = |case: &&Case| matches!(case.verdict, Verdict::Failed(_));
    let wrong = |case: &&Case| matches!(case.verdict, Verdict::Error(_));
    let seconds = |cases: &[Case]| cases.iter().map(|c| c.took).sum::<Duration>().as_secs_f64();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let total: f64 = suites.iter().map(|s| seconds(&s.cases)).sum();
    let (failures, errors) = (all().filter(failed).count(), all().filter(wrong).count());
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<testsuites name=\"cresset rules\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" \
         time=\"{total:.3}\">",
        all().count()
    );
    for suite in suites {
        let name = escape(&suite.name);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" \
             skipped=\"0\" time=\"{:.3}\">",
            suite.cases.len(),
            suite.cases.iter().filter(failed).count(),
            suite.cases.iter().filter(wrong).count(),
            seconds(&suite.cases)
        );
        for case in &suite.cases {
            let (title, time) = (escape(&case.name), case.took.as_secs_f64());
            let open =
                format!("    <testcase name=\"{title}\" classname=\"{name}\" time=\"{time:.3}\"");
            let (element, reason) = match &case.verdict {
                Verdict::Passed => {
                    let _ = writeln!(out, "{open}/>");
                    continue;
                }
                Verdict::Failed(reason) => ("failure", escape(reason)),
                Verdict::Error(reason) => ("error", escape(reason)),
            };
            let _ = writeln!(
                out,
                "{open}>\n      <{element} message=\"{reason}\">{reason}</{element}>\n    </testcase>"
            );
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text for an attribute or an element; characters that XML cannot hold become `?`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_reasons() {
        let case = |name: &str, verdict: Verdict| Case {
            name: name.to_owned(),
            took: Duration::from_millis(1_500),
            verdict,
        };
        let suite = Suite {
            name: "a&b.yaml".to_owned(),
            cases: vec![
                case("fires", Verdict::Passed),
                case(
                    "stays \"quiet\"",
                    Verdict::Failed("1 < 2\nno\u{1}".to_owned()),
                ),
                case("never", Verdict::Error("a>b".to_owned())),
            ],
        };
        let text = xml(&[suite]);
        for part in [
            "tests=\"3\" failures=\"1\" errors=\"1\" time=\"4.500\"",
            "tests=\"3\" failures=\"1\" errors=\"1\" skipped=\"0\"",
            "<error message=\"a&gt;b\">a&gt;b</error>",
            "<testsuite name=\"a&amp;b.yaml\"",
            "<testcase name=\"fires\" classname=\"a&amp;b.yaml\" time=\"1.500\"/>",
            "name=\"stays &quot;quiet&quot;\"",
            "<failure message=\"1 &lt; 2&#10;no?\">1 &lt; 2&#10;no?</failure>",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
