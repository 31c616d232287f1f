//! Which crate may depend on which: arrows point down only.

use anyhow::Context;
use std::path::Path;

/// Every allowed edge, and what each crate must not know.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("query", &["model"]),
    ("auth", &["model"]),
    ("catalog", &["model", "auth"]),
    ("eventlog", &["model"]),
    ("store", &["model", "catalog", "query"]),
    (
        "search",
        &["model", "query", "catalog", "eventlog", "store"],
    ),
    (
        "detect",
        &["model", "query", "catalog", "eventlog", "search"],
    ),
    ("notify", &["model", "catalog"]),
    ("ingest", &["model", "catalog", "eventlog"]),
    (
        "api",
        &[
            "model", "query", "auth", "catalog", "eventlog", "search", "ingest",
        ],
    ),
    ("fleet", &["model", "query", "auth", "catalog", "search"]),
    ("testkit", &["model"]),
    (
        "cresset",
        &[
            "model", "query", "auth", "catalog", "eventlog", "store", "search", "detect", "notify",
            "ingest", "api", "fleet",
        ],
    ),
];

/// Libraries that some crates must stay without: pure crates do no I/O, and only
/// `api` and the binary speak HTTP as a server.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("model", &["tokio", "sqlx", "reqwest", "axum", "hyper"]),
    ("query", &["tokio", "sqlx", "reqwest", "axum", "hyper"]),
    ("auth", &["tokio", "sqlx", "reqwest", "axum", "hyper"]),
    ("catalog", &["reqwest", "axum", "hyper", "parquet"]),
    ("eventlog", &["sqlx", "reqwest", "axum", "hyper", "parquet"]),
    ("store", &["sqlx", "reqwest", "axum", "hyper"]),
    ("search", &["sqlx", "reqwest", "axum", "hyper"]),
    ("detect", &["sqlx", "reqwest", "axum", "hyper", "lettre"]),
    ("notify", &["sqlx", "axum"]),
    ("ingest", &["sqlx", "reqwest", "axum", "hyper"]),
    ("api", &["sqlx", "reqwest", "parquet"]),
    ("fleet", &["sqlx", "axum", "hyper"]),
];

/// Reads the `[dependencies]` of every crate.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path().join("Cargo.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("crates/{name} has no Cargo.toml"))?;
        let manifest: toml::Table = toml::from_str(&text)?;
        let dependencies = manifest.get("dependencies").and_then(|d| d.as_table());
        let dependencies: Vec<&str> = dependencies
            .into_iter()
            .flatten()
            .map(|(k, _)| k.as_str())
            .collect();
        let Some((_, allowed)) = ALLOWED.iter().find(|(n, _)| *n == name) else {
            findings.push(format!(
                "crates/{name} is not in the list of edges in xtask/src/edges.rs"
            ));
            continue;
        };
        for dependency in &dependencies {
            if let Some(target) = dependency.strip_prefix("cresset-")
                && !allowed.contains(&target)
            {
                findings.push(format!(
                    "crates/{name} must not depend on crates/{target} (ARCHITECTURE.md, crates)"
                ));
            }
            let forbidden = FORBIDDEN
                .iter()
                .filter(|(n, _)| *n == name)
                .flat_map(|(_, f)| f.iter());
            if forbidden.into_iter().any(|f| f == dependency) {
                findings.push(format!(
                    "crates/{name} must not depend on {dependency} (ARCHITECTURE.md, crates)"
                ));
            }
        }
    }
    Ok(findings)
}
