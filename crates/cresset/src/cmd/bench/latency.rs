//! From the arrival of the deciding event to the HTTP notification at a sink.

use super::child::BenchServer;
use super::p50_p99;
use crate::sinks::Sink;
use anyhow::{Context, bail};
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Events that bring each rule to the edge before the deciding one.
const BEFORE: usize = 2;

pub(super) async fn run(rules: usize) -> anyhow::Result<ExitCode> {
    let sink = Sink::http().await?;
    let server = BenchServer::start(&[("CRESSET_EGRESS_ALLOW", "127.0.0.0/8".to_owned())]).await?;
    println!("making {rules} live rules, each of which counts three events of its own…");
    for i in 0..rules {
        make_rule(&server, &sink, i).await?;
    }
    // The detector takes new rules in within a second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let bar = indicatif::ProgressBar::new(rules as u64);
    let mut sent = Vec::with_capacity(rules);
    for i in 0..rules {
        for _ in 0..BEFORE {
            send(&server, i).await?;
        }
        sent.push(Instant::now());
        send(&server, i).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let begin = Instant::now();
    while sink.received().len() < rules && begin.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut samples = Vec::with_capacity(rules);
    for got in sink.received() {
        let id = got
            .text
            .rsplit("bench-")
            .next()
            .and_then(|t| t.trim_end_matches(['"', '}', '\n']).parse::<usize>().ok());
        let id = id.with_context(|| format!("an unexpected notification: {}", got.text))?;
        samples.push(got.at.duration_since(sent[id]).as_secs_f64() * 1e3);
    }
    if samples.len() != rules {
        bail!("{} of {rules} notifications came", samples.len());
    }
    let (p50, p99) = p50_p99(&mut samples);
    println!(
        "deciding event sent to notification received, {rules} live rules: p50 {p50:.1} ms, p99 {p99:.1} ms, max {:.1} ms",
        samples[rules - 1]
    );
    Ok(if p99 < 250.0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn make_rule(server: &BenchServer, sink: &Sink, i: usize) -> anyhow::Result<()> {
    let rule = json!({
        "name": format!("bench-{i:05}"),
        "search_params": {
            "query": format!("bench_rule=bench-{i} | chart count() as cnt by bench_rule | search cnt>={}", BEFORE + 1),
            "timerange_minute": 10, "repos": [], "search_interval_minute": 1,
        },
        "incident_condition": {"condition_option": "greaterthan", "condition_value": 0, "risk": "high", "aggregate": "max"},
        "taxonomy": {"attack_tag_hashes": [], "logsources": [], "metadata": []},
        "incident_ownership": {"assignee": server.client.user, "visible_to_usergroups": []},
        "incident_display_data": {"apply_jinja_template": false, "simple_view": true},
    });
    let reply = server
        .client
        .post_json("/AlertRules/create_api", "alertrules:write", &rule)
        .await?;
    let http = json!({
        "ids": [reply["id"]], "type": "http", "http_url": format!("http://{}/", sink.addr),
        "http_request_type": "POST", "http_querystring": "", "notify_http": true, "protocol": "HTTP",
        "http_body": "{\"rule\": \"{{ rows[0].bench_rule }}\"}", "dispatch_option": "auto",
    });
    server
        .client
        .post_json(
            "/pluggables/Notification/HTTPNotification/create_api",
            "alertrules:write",
            &http,
        )
        .await?;
    Ok(())
}

async fn send(server: &BenchServer, i: usize) -> anyhow::Result<()> {
    let event = json!({"msg": "bench", "bench_rule": format!("bench-{i}")});
    server
        .client
        .post_json("/api/v1/ingest?repo=default", "logs:write", &event)
        .await
        .map(|_| ())
}
