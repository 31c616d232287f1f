//! Sigma queries over real events: both engines of the search, and SQL, find the same.

use crate::conformance::installed;
use crate::world::{binary, corpus};
use anyhow::{Context, Result};
use std::process::Command;

/// `cresset bench corpus` with all queries is the whole of it; these take seconds.
const SAMPLE: &str = "200";
/// Queries of the sample that find something at least, else agreement says little.
const FINDING: u32 = 15;

#[test]
fn rows_columns_and_sql_find_the_same_for_sigma_queries() -> Result<()> {
    let (Some(events), Some(queries)) = (
        corpus("events/attack-samples.ndjson.gz"),
        corpus("sigma/logpoint-queries.ndjson.gz"),
    ) else {
        return Ok(());
    };
    let mut command = Command::new(binary());
    command.args(["bench", "corpus", "--sample", SAMPLE]);
    command.arg("--events").arg(events);
    command.arg("--queries").arg(queries);
    if let Some(python) = installed("python") {
        command
            .args(["--against", "duckdb", "--python"])
            .arg(python);
    }
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{told}");
    assert!(said.contains("\n0 disagreements\n"), "{said}{told}");
    let finding = said
        .lines()
        .find_map(|line| line.split_once(" queries find events"))
        .and_then(|(number, _)| number.parse::<u32>().ok())
        .context("it does not tell how many queries find something")?;
    assert!(finding >= FINDING, "{said}");
    Ok(())
}
