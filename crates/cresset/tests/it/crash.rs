//! kill -9 at any moment: nothing acknowledged is lost, nothing is found twice, and
//! there is never an incident without its notification or the reverse.

use crate::world::{ALL, World, now};
use anyhow::{Context, Result, ensure};
use cresset_testkit::{HttpSink, http};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often the server is killed.
const KILLS: usize = 50;
/// Events in one request.
const BATCH: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_and_double_nothing() -> Result<()> {
    let sink = HttpSink::start()?;
    // Frequent flushes and short segments put the kills into every kind of moment.
    let mut world = World::with(|s| {
        s.env("CRESSET_STORAGE_FLUSH_AGE", "150ms")
            .env("CRESSET_STORAGE_SEGMENT", "64KiB")
            .env("CRESSET_EGRESS_ALLOW", "127.0.0.0/8")
            .env("CRESSET_SERVER_LOG_LEVEL", "warn")
    })
    .await?;
    for i in 0..KILLS {
        let rule = world
            .rule(&format!("crash-{i:03}"), &format!("marker=crash-{i:03}"))
            .await?;
        world.notify_http(&rule, &sink.url("/"), "{}").await?;
    }
    let begin = now();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..KILLS {
        let senders: Vec<_> = (0..3)
            .map(|sender| {
                tokio::spawn(send_until_refused(
                    world.server.url("/api/v1/ingest"),
                    world.token(ALL),
                    round,
                    sender,
                    Arc::clone(&acknowledged),
                ))
            })
            .collect();
        // Steps that share no divisor with the flush interval visit all its phases.
        tokio::time::sleep(Duration::from_millis(30 + (round as u64 * 37) % 290)).await;
        world.server.kill9()?;
        for sender in senders {
            sender.await?;
        }
        world
            .server
            .run()
            .await
            .with_context(|| format!("restart after kill {round}: {}", world.server.output()))?;
    }
    let acknowledged = acknowledged.lock().await.clone();
    ensure!(
        acknowledged.len() > KILLS * BATCH,
        "too few events for a proof: {}",
        acknowledged.len()
    );
    check_events(&world, begin, &acknowledged).await?;
    check_incidents(&world, &sink, &acknowledged).await?;
    println!("{} acknowledged events, {KILLS} kills", acknowledged.len());
    Ok(())
}

/// Sends batches until the server is gone; keeps the ids of those that were acknowledged.
async fn send_until_refused(
    url: String,
    token: String,
    round: usize,
    sender: usize,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
) {
    for batch in 0.. {
        let ids: Vec<String> = (0..BATCH)
            .map(|i| format!("{round}-{sender}-{batch}-{i}"))
            .collect();
        let body: String = ids.iter().map(|id| format!("{}\n", json!({"msg": "crash test", "event_key": id, "marker": format!("crash-{round:03}")}))).collect();
        let Ok(client) = http::client() else { return };
        match http::send(client.post(&url).body(body), Some(&token)).await {
            Ok(answer) if answer.status == 200 => acknowledged.lock().await.extend(ids),
            _ => return,
        }
    }
}

async fn check_events(world: &World, begin: i64, acknowledged: &BTreeSet<String>) -> Result<()> {
    let reply = world
        .search(
            "event_key=* | chart count() as n by event_key",
            [begin - 3600, now() + 60],
        )
        .await?;
    let rows = reply["rows"]
        .as_array()
        .with_context(|| format!("{reply}"))?;
    let found: BTreeMap<&str, i64> = rows
        .iter()
        .filter_map(|r| Some((r["event_key"].as_str()?, r["n"].as_i64()?)))
        .collect();
    let twice: Vec<_> = found.iter().filter(|(_, n)| **n != 1).collect();
    ensure!(twice.is_empty(), "found more than once: {twice:?}");
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| !found.contains_key(id.as_str()))
        .collect();
    ensure!(
        lost.is_empty(),
        "{} of {} acknowledged events are lost, e.g. {:?}",
        lost.len(),
        acknowledged.len(),
        lost.first()
    );
    Ok(())
}

async fn check_incidents(
    world: &World,
    sink: &HttpSink,
    acknowledged: &BTreeSet<String>,
) -> Result<()> {
    let rounds: BTreeSet<&str> = acknowledged
        .iter()
        .filter_map(|id| id.split('-').next())
        .collect();
    let incidents = world.wait_for_incidents(rounds.len()).await?;
    for round in &rounds {
        let name = format!("crash-{:03}", round.parse::<usize>()?);
        ensure!(
            incidents.iter().any(|i| i["name"] == name.as_str()),
            "no incident of {name}"
        );
    }
    let slots: BTreeSet<_> = incidents
        .iter()
        .map(|i| {
            (
                i["alert_obj_id"].to_string(),
                i["time_range"][1].as_i64().unwrap_or(0).div_euclid(60),
            )
        })
        .collect();
    ensure!(
        slots.len() == incidents.len(),
        "a rule made two incidents in one slot"
    );
    let answer = http::get(
        &world.server.url("/api/v1/deliveries?limit=1000"),
        Some(&world.token(ALL)),
    )
    .await?
    .ok()?
    .json()?;
    let deliveries = answer["deliveries"]
        .as_array()
        .with_context(|| format!("{answer}"))?;
    let of = |list: &[Value], key: &str| {
        list.iter()
            .map(|v| v[key].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let (mut told, mut made) = (of(deliveries, "incident_id"), of(&incidents, "id"));
    told.sort();
    made.sort();
    ensure!(
        told == made,
        "incidents and notifications differ: {} and {}",
        made.len(),
        told.len()
    );
    // Each is delivered at least once, under its own id. One that was on its way at the
    // last kill waits for its lease to end.
    let wanted: BTreeSet<String> = of(deliveries, "id").into_iter().collect();
    for _ in 0..1_000 {
        let got: BTreeSet<String> = sink
            .requests()
            .iter()
            .filter_map(|r| r.header("webhook-id").map(str::to_owned))
            .collect();
        if wanted.is_subset(&got) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("not every notification arrived")
}
