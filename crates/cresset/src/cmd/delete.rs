//! `cresset delete`: deletes the events that meet a filter, on a server.

use super::told::plain;
use crate::cli::Remote;
use crate::client::{Client, read_reply};
use crate::system::SystemClock;
use anyhow::{Context, bail};
use clap::Args;
use cresset_model::{Clock, Duration, Timestamp};
use serde_json::{Value, json};
use std::process::ExitCode;

/// What the endpoint asks for.
const SCOPE: &str = "logs:delete";
/// The first and the last moment that have a name.
const ALL_TIME: [&str; 2] = ["0001-01-01T00:00:00Z", "9999-12-30T22:00:00Z"];

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The filter; '*' for every event.
    query: String,
    /// Repo; may be repeated.
    #[arg(long = "repo", required = true)]
    repos: Vec<String>,
    /// Event time from this moment, such as 2026-01-31T00:00:00Z…
    #[arg(long, value_name = "TIME", requires = "to", value_parser = moment)]
    from: Option<Timestamp>,
    /// …up to and including this one.
    #[arg(long, value_name = "TIME", requires = "from", value_parser = moment)]
    to: Option<Timestamp>,
    /// How far back, such as 10m, 1h, 7d.
    #[arg(long, value_name = "SPAN", conflicts_with = "from", value_parser = span)]
    last: Option<Duration>,
    /// Events of any time.
    #[arg(
        long,
        conflicts_with_all = ["from", "last"],
        required_unless_present_any = ["from", "last"]
    )]
    all_time: bool,
    /// Why, for the audit log.
    #[arg(long)]
    reason: String,
    /// Delete; without it the events are only counted.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) async fn run(args: &DeleteArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.remote).await?;
    let [from, to] = args.range();
    let body = json!({"query": args.query, "repos": args.repos, "from": from, "to": to,
        "reason": args.reason, "dry_run": !args.yes});
    let begun = client.post_json("/api/v1/deletions", SCOPE, &body).await?;
    let id = begun["id"].as_str().context("the server gave no id")?;
    let done = follow(&client, id).await?;
    if done["state"] == "failed" {
        bail!(
            "the deletion failed: {}; it can be repeated",
            plain(done["error"].as_str().unwrap_or_default())
        );
    }
    let number = |key: &str| done[key].as_u64().unwrap_or_default();
    let (events, files) = (number("events"), number("files_with_events"));
    if args.yes {
        println!("{events} events deleted from {files} event files");
    } else {
        println!(
            "{events} events in {files} event files would be deleted; --yes deletes them for good"
        );
    }
    let left = left(&done);
    for left in &left {
        eprintln!("note: {}", plain(left));
    }
    Ok(ExitCode::from(u8::from(!left.is_empty())))
}

impl DeleteArgs {
    fn range(&self) -> [String; 2] {
        match (self.from.zip(self.to), self.last) {
            (Some((from, to)), _) => [from, to].map(Timestamp::to_rfc3339),
            (None, Some(span)) => {
                let now = SystemClock.now();
                [now - span, now].map(Timestamp::to_rfc3339)
            }
            (None, None) => ALL_TIME.map(str::to_owned),
        }
    }
}

/// Waits for the end and shows how far it is.
async fn follow(client: &Client, id: &str) -> anyhow::Result<Value> {
    let bar = indicatif::ProgressBar::new(0);
    if let Ok(style) =
        indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} event files, {msg} events")
    {
        bar.set_style(style);
    }
    loop {
        let request = client.request(
            reqwest::Method::GET,
            &format!("/api/v1/deletions/{id}"),
            SCOPE,
        );
        let reply = request.send().await.with_context(|| {
            format!(
                "cannot reach {}; the deletion may go on there, and can be repeated",
                client.url
            )
        })?;
        let reply = read_reply(reply).await?;
        if reply["state"] != "running" {
            bar.finish_and_clear();
            return Ok(reply);
        }
        bar.set_length(reply["files"].as_u64().unwrap_or_default());
        bar.set_position(reply["files_done"].as_u64().unwrap_or_default());
        bar.set_message(reply["events"].to_string());
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// What may be left of the events.
fn left(done: &Value) -> Vec<String> {
    let number = |key: &str| done[key].as_u64().unwrap_or_default();
    let mut left = Vec::new();
    if number("files_waiting") > 0 {
        left.push(format!(
            "{} old event files are still read by searches; they are removed when these end",
            number("files_waiting")
        ));
    }
    if done["log_waiting"] == true {
        let text = "alert rules have not read all of the event log yet; its files are removed after the next flush that finds them done";
        left.push(text.to_owned());
    }
    if number("in_quarantine") > 0 {
        left.push(format!(
            "{} event files in quarantine may hold such events; see `cresset store list`",
            number("in_quarantine")
        ));
    }
    let unread = done["unread"].as_array().into_iter().flatten();
    left.extend(
        unread
            .filter_map(Value::as_str)
            .map(|text| format!("not read: {text}")),
    );
    left
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = text.parse::<jiff::Timestamp>();
    let moment = moment.map_err(|_| "a moment such as 2026-01-31T00:00:00Z is expected");
    Ok(Timestamp(moment?.as_microsecond()))
}

fn span(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text)
        .filter(|d| d.0 > 0)
        .ok_or_else(|| "a span such as 30s, 10m, 1h or 7d is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_left_is_named() {
        assert!(left(&json!({"files_waiting": 0, "log_waiting": false, "unread": []})).is_empty());
        let all = json!({"files_waiting": 2, "log_waiting": true, "in_quarantine": 1,
            "unread": ["a file"]});
        let told = left(&all);
        assert_eq!(told.len(), 4);
        assert_eq!(told[3], "not read: a file");
    }

    #[test]
    fn all_of_time_can_be_named() {
        for text in ALL_TIME {
            assert!(moment(text).is_ok(), "{text}");
        }
        assert!(moment("yesterday").is_err());
    }
}
