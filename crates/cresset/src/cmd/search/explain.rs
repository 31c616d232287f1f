//! `cresset search --explain`: how a query is read and searched, and what is passed over.

use super::SearchArgs;
use crate::client::Client;
use crate::cmd::told::plain;
use crate::system::SystemClock;
use anyhow::anyhow;
use cresset_model::Clock;
use cresset_query::{Explanation, LookedAt};
use serde_json::{Value, json};
use std::io::Write;

/// Asks the server, which knows what there is to search; where there is none, the query alone
/// is explained.
pub(crate) async fn run(args: &SearchArgs) -> anyhow::Result<()> {
    let asked = match Client::new(&args.remote).await {
        Ok(client) => ask(&client, args).await,
        Err(no_server) => return alone(args, &no_server),
    };
    let mut explained = match asked {
        Err(error) if is_unreachable(&error) => return alone(args, &error),
        asked => asked?,
    };
    if args.json {
        return print(&format!("{explained}\n"));
    }
    let (seconds, why_not) = (
        explained["elapsed_seconds"].as_f64().unwrap_or_default(),
        explained["not_searched"].take(),
    );
    let looked_at: Option<LookedAt> = serde_json::from_value(explained["looked_at"].take())?;
    let explanation: Explanation = serde_json::from_value(explained)?;
    let Some(looked_at) = looked_at else {
        let why_not = why_not.as_str().unwrap_or("the server does not say why");
        eprintln!("note: nothing was searched: {}", plain(why_not));
        return print(&explanation.to_string());
    };
    print(&format!(
        "{explanation}What it looked at, in {seconds:.2} s:\n{looked_at}"
    ))
}

async fn ask(client: &Client, args: &SearchArgs) -> anyhow::Result<Value> {
    let (from, to) = args.range(SystemClock.now());
    let asked = json!({
        "query": args.query,
        "time_range": [from, to],
        "repos": args.repos,
        "limit": args.limit,
    });
    let path = "/api/v1/explain";
    client.post_json(path, "search:read", &asked).await
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| {
        let cause = cause.downcast_ref::<reqwest::Error>();
        cause.is_some_and(reqwest::Error::is_connect)
    })
}

fn alone(args: &SearchArgs, no_server: &anyhow::Error) -> anyhow::Result<()> {
    let query = &args.query;
    let plan = cresset_query::compile(query).map_err(|mistakes| {
        let shown: Vec<String> = mistakes.iter().map(|m| m.render(query)).collect();
        anyhow!("{}", shown.join("\n"))
    })?;
    eprintln!(
        "note: nothing was searched, so it is not known what would be passed over: {}",
        plain(&format!("{no_server:#}"))
    );
    let explanation = plan.explanation();
    if args.json {
        let mut explained = serde_json::to_value(explanation)?;
        explained["looked_at"] = Value::Null;
        return print(&format!("{}\n", json!(explained)));
    }
    print(&explanation.to_string())
}

/// Prints lines that no terminal obeys. A closed pipe is not a failure.
fn print(text: &str) -> anyhow::Result<()> {
    let lines: String = text.lines().map(|line| plain(line) + "\n").collect();
    match std::io::stdout().lock().write_all(lines.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}
