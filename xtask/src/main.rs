//! Repository checks that rustc and clippy cannot make: `cargo xtask tidy`.

mod edges;
mod files;
mod map;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy(),
        _ => {
            eprintln!("usage: cargo xtask tidy");
            ExitCode::from(2)
        }
    }
}

/// Runs every check and prints every finding.
fn tidy() -> ExitCode {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let findings: Vec<String> = [edges::check(&root), files::check(&root), map::check(&root)]
        .into_iter()
        .flat_map(|result| result.unwrap_or_else(|e| vec![format!("{e:#}")]))
        .collect();
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    if findings.is_empty() {
        println!("tidy: nothing to complain about");
        ExitCode::SUCCESS
    } else {
        eprintln!("tidy: {} finding(s)", findings.len());
        ExitCode::FAILURE
    }
}
