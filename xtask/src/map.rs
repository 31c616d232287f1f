//! ARCHITECTURE.md must name what exists, and everything that exists.

use anyhow::Context;
use std::path::Path;

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    let mut findings = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for named in line.split('`').skip(1).step_by(2) {
            let is_path = ["crates/", "xtask/", "docs/", "benches/", ".ci/"]
                .iter()
                .any(|p| named.starts_with(p));
            if is_path && !root.join(named).exists() {
                findings.push(format!("ARCHITECTURE.md:{}: {named} does not exist", i + 1));
            }
        }
    }
    for entry in std::fs::read_dir(root.join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !text.contains(&format!("`crates/{name}`")) {
            findings.push(format!("ARCHITECTURE.md does not name `crates/{name}`"));
        }
    }
    Ok(findings)
}
