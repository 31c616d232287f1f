//! A server whose words hold what a terminal obeys.

use crate::cli::cresset;
use crate::world::World;
use anyhow::Result;
use cresset_testkit::{HttpSink, Reply};
use serde_json::json;

#[tokio::test]
async fn what_a_server_says_reaches_the_terminal_as_text() -> Result<()> {
    let sink = HttpSink::start()?;
    let message = "\u{1b}]0;owned\u{7}\u{9b}2J";
    let body = json!({"success": false, "message": message}).to_string();
    sink.otherwise(Reply::status(400).body(body));
    let world = World::new().await?;
    let dir = tempfile::tempdir()?;
    let file = |name: &str, text: &str| -> Result<String> {
        let path = dir.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let key = file("server.key", "k")?;
    let rule = file(
        "rule.yaml",
        "name: Some rule\nquery: a=b\nover: 10m\nrisk: low\n",
    )?;
    let (url, to) = (sink.url(""), format!("a={}", sink.url("")));
    let there = ["--url", &url, "--user", "searcher", "--secret-file", &key];
    let add = [&["instance", "add", "east"][..], &there].concat();
    let unchecked = [&add[..], &["--no-check"]].concat();
    let plan = ["rules", "plan", &rule, "--to", &to, "--secret-file", &key];
    for (args, tells) in [
        (&add[..], true),
        (&unchecked, false),
        (&["instance", "check"], true),
        (&["instance", "list"], true),
        (&plan, true),
        (&[&["search", "*"][..], &there].concat(), true),
    ] {
        let output = cresset(world.server.data_dir(), args)?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(said.contains("owned"), tells, "{args:?}: {said}");
        let obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!said.contains(obeyed), "{args:?}: {said:?}");
    }
    Ok(())
}
