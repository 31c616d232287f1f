//! What searches may use: time, rows, places; and what clients are told beyond.

use crate::world::{World, now};
use anyhow::{Context as _, Result, ensure};
use cresset_testkit::http::{self, Answer};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn body(query: &str) -> Value {
    json!({"query": query, "time_range": [now() - 3_600, now() + 60], "timeout": 600})
}

/// One client for all, whose connections stay open.
struct Searches {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Searches {
    fn of(world: &World) -> Result<Self> {
        Ok(Self {
            client: http::client()?,
            url: world.server.url("/api/v1/searches"),
            token: world.token("search:read"),
        })
    }

    async fn start(&self, query: &str) -> Result<Answer> {
        let request = self.client.post(&self.url).json(&body(query));
        http::send(request, Some(&self.token)).await
    }

    async fn poll(&self, id: &str) -> Result<Answer> {
        let request = self.client.get(format!("{}/{id}", self.url));
        http::send(request, Some(&self.token)).await
    }

    async fn end(&self, id: &str) -> Result<()> {
        let request = self.client.delete(format!("{}/{id}", self.url));
        http::send(request, Some(&self.token)).await?.ok()?;
        Ok(())
    }
}

fn id(answer: &Answer) -> Result<String> {
    let id = answer.json()?["search_id"].as_str().map(str::to_owned);
    id.context("no id")
}

/// Takes hours over the event of [`slow_event`]: nothing rules it out early.
fn slow_query() -> String {
    let term = |n: usize| format!("msg=*{}?b{n}*", "a".repeat(64));
    (0..300).map(term).collect::<Vec<_>>().join(" or ")
}

fn slow_event() -> Value {
    json!({"msg": "a".repeat(500_000)})
}

/// 500 at once, of one user, none of which ends: each waits in line or is told when to come
/// again, and the server does its other work meanwhile. Then 500 that do end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_searches_at_once_neither_break_nor_stall_the_server() -> Result<()> {
    const LINE: usize = 60;
    let world = World::with(|s| {
        s.env("CRESSET_SEARCH_QUEUE_PER_USER", LINE.to_string())
            .env("CRESSET_SEARCH_TIMEOUT", "10m")
    })
    .await?;
    world.ingest(&[slow_event()]).await?;
    let numbers: Vec<Value> = (0..200).map(|n| json!({"n": n, "msg": "x"})).collect();
    world.ingest(&numbers).await?;
    let searches = Searches::of(&world)?;
    let slow = slow_query();
    let all = (0..500).map(|_| searches.start(&slow));
    let mut begun = Vec::new();
    for answer in futures::future::try_join_all(all).await? {
        if answer.status == 201 {
            begun.push(id(&answer)?);
            continue;
        }
        let (told, when) = (answer.text(), answer.header("retry-after"));
        ensure!(
            answer.status == 429 && when.is_some() && told.contains("search.queue_per_user"),
            "{}, {when:?}: {told}",
            answer.status
        );
    }
    ensure!(begun.len() == LINE, "{} began", begun.len());
    for _ in 0..10 {
        let asked = Instant::now();
        let alive = searches.client.get(world.server.url("/health/live"));
        http::send(alive, None).await?.ok()?;
        world.ingest(&[json!({"msg": "meanwhile"})]).await?;
        let took = asked.elapsed();
        ensure!(took < Duration::from_secs(20), "{took:?}");
    }
    for id in &begun {
        searches.end(id).await?;
    }
    let one = async |_: usize| -> Result<()> {
        let id = id(&searches.start("n<100 | chart count() as c").await?.ok()?)?;
        let answer = loop {
            let answer = searches.poll(&id).await?.ok()?.json()?;
            if answer["done"] == true {
                break answer;
            }
        };
        ensure!(answer["rows"] == json!([{"c": 100}]), "{answer}");
        searches.end(&id).await
    };
    let ended = futures::stream::iter(0..500).map(one);
    ended.buffer_unordered(LINE).try_collect::<()>().await?;
    let came = world.rows("msg=meanwhile").await?.len();
    ensure!(came == 10, "{came} of what came meanwhile");
    Ok(())
}

#[tokio::test]
async fn limits_name_their_settings() -> Result<()> {
    let world = World::with(|s| {
        s.env("CRESSET_SEARCH_TIMEOUT", "1s")
            .env("CRESSET_SEARCH_MAX_MEMORY", "64KiB")
            .env("CRESSET_SEARCH_QUEUE", "2")
    })
    .await?;
    let events: Vec<Value> = (0..100)
        .map(|n| json!({"n": n, "msg": "x".repeat(2_000)}))
        .collect();
    world.ingest(&events).await?;
    world.ingest(&[slow_event()]).await?;
    let searches = Searches::of(&world)?;
    let failed = async |query: &str, word: &str| -> Result<()> {
        let id = id(&searches.start(query).await?.ok()?)?;
        let answer = loop {
            let answer = searches.poll(&id).await?;
            if answer.status != 200 {
                break answer;
            }
            ensure!(answer.json()?["done"] == false, "{}", answer.text());
        };
        ensure!(answer.status == 409, "{}", answer.text());
        ensure!(answer.text().contains(word), "{query}: {}", answer.text());
        Ok(())
    };
    failed("n=* | order by msg", "search.max_memory").await?;
    let slow = slow_query();
    failed(&slow, "search.timeout").await?;
    // Ended sessions give way, running ones do not.
    for expect in [201, 201, 503] {
        let answer = searches.start(&slow).await?;
        ensure!(answer.status == expect, "{expect}: {}", answer.text());
        if expect == 503 {
            ensure!(answer.header("retry-after").is_some());
            ensure!(answer.text().contains("search.queue "), "{}", answer.text());
        }
    }
    Ok(())
}
