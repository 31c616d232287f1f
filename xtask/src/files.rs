//! What a source file must have and must not have.

use std::path::{Path, PathBuf};

/// Most lines of a source file.
const BUDGET: usize = 450;
/// Words for drawers in which everything ends up.
const VAGUE: [&str; 5] = ["utils", "util", "common", "manager", "helpers"];

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    for top in ["crates", "xtask"] {
        collect(&root.join(top), &mut files)?;
    }
    let mut findings = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path)?;
        let shown = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string();
        findings.extend(check_file(&shown, &text));
    }
    Ok(findings)
}

fn check_file(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > BUDGET {
        findings.push(format!(
            "{path}: {lines} lines, the budget is {BUDGET}; cut it where a reader would"
        ));
    }
    let stem = path
        .rsplit('/')
        .next()
        .unwrap_or(path)
        .trim_end_matches(".rs");
    if VAGUE.contains(&stem) {
        findings.push(format!("{path}: name it for what it holds"));
    }
    let in_tests = path.contains("/tests/") || stem == "tests" || path.contains("_tests");
    if !in_tests && !text.starts_with("//!") {
        findings.push(format!("{path}: begins without module documentation"));
    }
    for (i, line) in text.lines().enumerate() {
        let at = |what: &str| format!("{path}:{}: {what}", i + 1);
        if line.ends_with(' ') || line.ends_with('\t') {
            findings.push(at("blank at the end of the line"));
        }
        // Spelled in two parts, so that this file does not find itself.
        for word in [
            concat!("todo", "!("),
            concat!("unimplemented", "!("),
            concat!("#[", "ignore"),
            concat!("dbg", "!("),
        ] {
            if line.contains(word) {
                findings.push(at(&format!("{word} is unfinished work")));
            }
        }
    }
    findings
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
