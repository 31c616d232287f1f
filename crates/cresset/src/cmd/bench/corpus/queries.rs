//! The queries of a corpus.

use crate::cmd::ingest::expand;
use anyhow::Context;
use cresset_query::{Plan, compile};
use std::io::BufRead;
use std::path::Path;

/// The field that numbers the events.
pub(super) const ROW: &str = "corpus_row";

/// A query that compiles.
pub(super) struct Query {
    pub(super) title: String,
    /// As it stands in the corpus.
    pub(super) text: String,
    /// The same.
    pub(super) whole: Plan,
    /// Of the events found, only their numbers.
    pub(super) numbers: Plan,
}

/// The queries of a file, and of those that do not compile the titles and reasons.
pub(super) struct Queries {
    pub(super) good: Vec<Query>,
    pub(super) malformed: Vec<String>,
}

impl Queries {
    /// Reads a file of `{"title": …, "query": …}`, one a line; with `sample`, so many of them,
    /// evenly spread.
    pub(super) fn read(file: &Path, sample: Option<usize>) -> anyhow::Result<Self> {
        let input =
            std::fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        let lines = expand(file, input)?
            .lines()
            .collect::<Result<Vec<_>, _>>()?;
        let wanted = sample.unwrap_or(lines.len()).clamp(1, lines.len().max(1));
        let mut queries = Self {
            good: Vec::new(),
            malformed: Vec::new(),
        };
        for n in 0..wanted.min(lines.len()) {
            let line = n * lines.len() / wanted;
            let place = || format!("{}, line {}", file.display(), line + 1);
            queries.add(&lines[line]).with_context(place)?;
        }
        Ok(queries)
    }

    fn add(&mut self, line: &str) -> anyhow::Result<()> {
        let value: serde_json::Value = serde_json::from_str(line)?;
        let field = |name: &str| {
            let text = value.get(name).and_then(serde_json::Value::as_str);
            text.with_context(|| format!("there is no text `{name}`"))
        };
        let (title, text) = (field("title")?, field("query")?);
        let plans = compile(text).and_then(|whole| {
            let numbers = compile(&format!("{text}\n| fields {ROW}"))?;
            Ok((whole, numbers))
        });
        match plans {
            Ok((whole, numbers)) => self.good.push(Query {
                title: title.to_owned(),
                text: text.to_owned(),
                whole,
                numbers,
            }),
            Err(found) => {
                let reason = found.first().map_or("", |found| &found.message);
                self.malformed.push(format!("{title}: {reason}"));
            }
        }
        Ok(())
    }
}
