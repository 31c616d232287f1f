//! Several servers, of which one knows the others.

use crate::lists::import;
use crate::world::{ALL, World, binary, now, rule_body};
use anyhow::{Context as _, Result, ensure};
use cresset_testkit::{ServerProcess, http};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const EVERYWHERE: usize = 3;

async fn world() -> Result<World> {
    World::with(|s| s.env("CRESSET_ALERTING_GRACE", "1s")).await
}

/// Tells `one` of `other`.
fn introduce(one: &World, name: &str, other: &World) -> Result<()> {
    introduce_at(one, name, &other.server, &other.server.url(""), &[])
}

fn introduce_at(
    one: &World,
    name: &str,
    other: &ServerProcess,
    url: &str,
    args: &[&str],
) -> Result<()> {
    let credentials = other.credentials()?;
    let secret = other.data_dir().join("key-for-the-fleet");
    std::fs::write(&secret, &credentials.api_access_key)?;
    let run = std::process::Command::new(binary())
        .args(["instance", "add", name, "--url", url])
        .args(args)
        .args(["--user", &credentials.username, "--secret-file"])
        .arg(&secret)
        .arg("--data-dir")
        .arg(one.server.data_dir())
        .output()?;
    ensure!(
        run.status.success(),
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    Ok(())
}

/// The address of a server's default repo at those who know the server.
fn default_of(world: &World) -> String {
    format!("127.0.0.1:{}/default", world.server.port())
}

struct Fleet {
    head: World,
    others: Vec<World>,
}

impl Fleet {
    async fn new() -> Result<Self> {
        let head = world().await?;
        let mut others = Vec::new();
        for name in ["berlin", "paris"] {
            let other = world().await?;
            introduce(&head, name, &other)?;
            others.push(other);
        }
        Ok(Self { head, others })
    }

    fn places(&self) -> [&World; EVERYWHERE] {
        [&self.head, &self.others[0], &self.others[1]]
    }

    fn repos(&self) -> Value {
        json!([
            "default",
            default_of(&self.others[0]),
            default_of(&self.others[1])
        ])
    }

    /// The newest evaluations of a rule, newest first.
    async fn evaluations(&self, rule: &str) -> Result<Vec<Value>> {
        let url = self
            .head
            .server
            .url(&format!("/api/v1/rules/{rule}/evaluations"));
        let reply = http::get(&url, Some(&self.head.token(ALL))).await?.ok()?;
        let reply = reply.json()?;
        let list = reply["evaluations"].as_array().or(reply.as_array());
        Ok(list.with_context(|| format!("{reply}"))?.clone())
    }

    /// Waits until an evaluation of the rule is as `wanted` says.
    async fn wait_for(&self, rule: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        for _ in 0..1_500 {
            if let Some(found) = self.evaluations(rule).await?.into_iter().find(&wanted) {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!(
            "not within 150 s: {:?}\n{}",
            self.evaluations(rule).await?,
            self.head.server.output()
        )
    }
}

/// A row without what differs between servers, all values as text, since other instances
/// send texts for numbers.
fn comparable(row: &Value) -> BTreeMap<String, String> {
    const OF_THE_SERVER: [&str; 3] = ["logpoint_name", "collected_at", "col_ts"];
    let empty = Map::new();
    let row = row.as_object().unwrap_or(&empty);
    let told = |name: &str| name.starts_with('_') || OF_THE_SERVER.contains(&name);
    row.iter()
        .filter(|(name, _)| !told(name))
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect()
}

async fn rows_in(
    world: &World,
    query: &str,
    repos: &Value,
) -> Result<Vec<BTreeMap<String, String>>> {
    let reply = world
        .search_in(query, [now() - 3_600, now() + 60], repos)
        .await?;
    ensure!(reply["complete"] == true, "{query}: {reply}");
    let rows = reply["rows"]
        .as_array()
        .with_context(|| format!("{query}: {reply}"))?;
    Ok(rows.iter().map(comparable).collect())
}

#[tokio::test]
async fn one_search_over_three_servers_is_one_search_over_all_their_events() -> Result<()> {
    let (fleet, all) = (Fleet::new().await?, world().await?);
    let start = now() - 1_800;
    let event = |n: i64| {
        json!({"log_ts": start + n * 17, "msg": format!("knock {n} | at the gate"),
            "user": format!("u{}", n % 7), "n": n, "host": format!("h{}", n % 4), "action": "knock",
            "tags": ["a", format!("t{}", n % 3)], "label": ["Knock", if n % 2 == 0 { "Even" } else { "Odd" }]})
    };
    let events: Vec<Value> = (0..90).map(event).collect();
    for (at, place) in fleet.places().into_iter().enumerate() {
        let theirs: Vec<Value> = events
            .iter()
            .skip(at)
            .step_by(EVERYWHERE)
            .cloned()
            .collect();
        place.ingest(&theirs).await?;
    }
    all.ingest(&events).await?;
    // The lists are those of the server that is asked.
    for asked in [&fleet.head, &all] {
        import(asked, "watched", "u1\nu3\n").await?;
    }
    for query in [
        "user=u3",
        "action=knock label=Even n>40",
        "msg=\"*gate\" | chart count()",
        "| chart count() by user",
        "label=Odd | chart count() as c, distinct_count(host) as h by user | search c>=7",
        "action=knock | chart avg(n) as a, max(n) as most, min(n) as least, sum(n) as s by host",
        "action=knock | search host=h1 | timechart count() every 5 minutes",
        "user=u* | latest by user | fields user, n | order by user",
        "user=u* | fields user, n | order by n desc | limit 11",
        "n>80 | rename user as who | fields who, host",
        "user IN WATCHED | chart count() by user",
        "-user IN WATCHED label=Odd | chart count()",
        "action=knock | chart count() as c by user | search user IN WATCHED",
        "action=knock | fields n, tags | search tags=t1",
        "label=Odd | chart distinct_list(tags) as t by host",
        "action=knock | chart count() by tags",
        "n<9 | chart count() by log_ts",
    ] {
        let everywhere = rows_in(&fleet.head, query, &fleet.repos()).await?;
        let here = rows_in(&all, query, &json!([])).await?;
        assert!(!here.is_empty(), "{query}");
        let sorted = |mut rows: Vec<BTreeMap<String, String>>| {
            rows.sort();
            rows
        };
        assert_eq!(sorted(everywhere), sorted(here), "{query}");
    }
    let alone = rows_in(&fleet.head, "action=knock | chart count()", &json!([])).await?;
    assert_eq!(
        alone[0]["count()"], "30",
        "nothing named: only what is here"
    );
    let elsewhere = json!([default_of(&fleet.others[0])]);
    let there = rows_in(&fleet.head, "action=knock | chart count()", &elsewhere).await?;
    assert_eq!(there[0]["count()"], "30", "and nothing that is here");
    Ok(())
}

#[tokio::test]
async fn a_search_names_the_server_that_is_away() -> Result<()> {
    let mut fleet = Fleet::new().await?;
    let event = json!({"msg": "x", "action": "knock"});
    for place in fleet.places() {
        place.ingest(std::slice::from_ref(&event)).await?;
    }
    fleet.others[1].server.kill9()?;
    let range = [now() - 3_600, now() + 60];
    let query = "action=knock | chart count() as c";
    let reply = fleet.head.search_in(query, range, &fleet.repos()).await?;
    assert_eq!(reply["rows"][0]["c"], 2, "{reply}");
    assert_eq!(reply["complete"], false, "{reply}");
    let told = reply["warnings"][0].as_str().context("no warning")?;
    assert!(
        told.starts_with("not searched: paris (127.0.0.1:"),
        "{told}"
    );
    let there = default_of(&fleet.others[1]);
    let run = std::process::Command::new(binary())
        .args(["search", query, "--repo", "default", "--repo", &there])
        .arg("--data-dir")
        .arg(fleet.head.server.data_dir())
        .output()?;
    let (rows, told) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    assert_eq!(run.status.code(), Some(1), "{rows}{told}");
    assert!(
        rows.trim().ends_with('1') && told.contains("not searched: paris"),
        "{rows}{told}"
    );
    let only_there = json!([there]);
    let reply = fleet.head.search_in(query, range, &only_there).await?;
    assert_eq!(reply["success"], false, "{reply}");
    assert!(
        reply["message"]
            .as_str()
            .is_some_and(|m| m.contains("paris")),
        "{reply}"
    );
    Ok(())
}

/// The sum over the three is nine, then ten, of which the head and Berlin hold seven.
#[tokio::test]
async fn a_rule_counts_over_three_servers_and_misses_nothing_while_one_is_away() -> Result<()> {
    let mut fleet = Fleet::new().await?;
    let rule = async |name: &str, least: u32| -> Result<String> {
        let query = format!("action=knock | chart count() as c | search c>={least}");
        let mut body = rule_body(name, &query);
        body["search_params"]["repos"] = fleet.repos();
        let reply = fleet.head.call("/AlertRules/create_api", &body).await?;
        Ok(reply["id"]
            .as_str()
            .with_context(|| format!("{reply}"))?
            .to_owned())
    };
    let (nine, ten) = (rule("Nine knocks", 9).await?, rule("Ten knocks", 10).await?);
    let event = json!({"msg": "x", "action": "knock"});
    for place in fleet.places() {
        place.ingest(&vec![event.clone(); 3]).await?;
    }
    let after = |slot: &Value| {
        let slot = slot.clone();
        move |e: &Value| e["slot_end"].as_str() > slot.as_str()
    };
    let fired = fleet.wait_for(&nine, |e| e["verdict"] == "fired").await?;
    assert_eq!(fired["error"], Value::Null, "{fired}");
    let same = |e: &Value| e["slot_end"] == fired["slot_end"];
    let quiet = fleet.wait_for(&ten, same).await?;
    assert_eq!(quiet["verdict"], "quiet", "nine are not ten: {quiet}");

    fleet.others[1].server.kill9()?;
    fleet.head.ingest(std::slice::from_ref(&event)).await?;
    let later = after(&fired["slot_end"]);
    let failed = fleet
        .wait_for(&ten, |e| later(e) && e["verdict"] == "failed")
        .await?;
    let told = failed["error"].as_str().unwrap_or_default();
    assert!(told.contains("not searched: paris (127.0.0.1:"), "{failed}");
    let named = |incidents: &[Value], name: &str| {
        incidents
            .iter()
            .filter(|i| i["name"] == name)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert!(named(&fleet.head.incidents().await?, "Ten knocks").is_empty());

    fleet.others[1].server.run().await?;
    let filled = |e: &Value| e["slot_end"] == failed["slot_end"] && e["verdict"] == "fired";
    fleet.wait_for(&ten, filled).await?;
    let incidents = named(&fleet.head.incidents().await?, "Ten knocks");
    let data = json!({
        "username": fleet.head.credentials.username,
        "secret_key": fleet.head.credentials.api_access_key,
        "requestData": {"incident_obj_id": incidents[0]["id"]},
    });
    let request = http::client()?
        .get(fleet.head.server.url("/get_data_from_incident"))
        .json(&data);
    let rows = http::send(request, None).await?.ok()?.json()?;
    assert_eq!(rows["rows"][0]["c"], 10, "{rows}");
    Ok(())
}

/// One answer holds 50,000 rows; what does not fit is asked for stretch by stretch.
#[tokio::test]
async fn more_events_than_one_answer_holds() -> Result<()> {
    const EVENTS: i64 = 60_000;
    let (head, other) = (world().await?, world().await?);
    introduce(&head, "berlin", &other)?;
    let start = now() - 3_000;
    let mut at = 0;
    while at < EVENTS {
        let line = |n: i64| {
            // Very many in one second, the rest spread out.
            let second = if n % 2 == 0 { 7 } else { n / 100 };
            let event = json!({"log_ts": start + second, "action": "knock", "n": n});
            format!("{event}\n")
        };
        let body: String = (at..at + 20_000).map(line).collect();
        other.ingest_raw("default", body, &[]).await?.ok()?;
        at += 20_000;
    }
    let query = "action=knock | chart sum(n) as s, max(n) as m, count() as c";
    let range = [start - 1, now() + 60];
    let reply = head
        .search_in(query, range, &json!([default_of(&other)]))
        .await?;
    assert_eq!(reply["complete"], true, "{reply}");
    let row = &reply["rows"][0];
    let sum = EVENTS * (EVENTS - 1) / 2;
    assert_eq!(row["c"], EVENTS, "{row}");
    assert_eq!(row["s"].as_f64(), Some(sum as f64), "{row}");
    assert_eq!(row["m"].as_f64(), Some((EVENTS - 1) as f64), "{row}");
    Ok(())
}

/// As `openssl req -x509` makes it: it may sign others, and is what the server shows.
#[tokio::test]
async fn a_server_with_a_self_signed_certificate() -> Result<()> {
    let key = rcgen::KeyPair::generate()?;
    let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key)?;
    let dir = tempfile::tempdir()?;
    let (cert_file, key_file) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert_file, certificate.pem())?;
    std::fs::write(&key_file, key.serialize_pem())?;
    let (cert, key) = (
        cert_file.display().to_string(),
        key_file.display().to_string(),
    );
    let head = world().await?;
    let mut other = ServerProcess::new(binary(), dir.path().join("data"))?
        .arg("--tls-cert")
        .arg(&cert)
        .arg("--tls-key")
        .arg(&key);
    other.spawn()?;
    while std::net::TcpStream::connect(("127.0.0.1", other.port())).is_err()
        || other.credentials().is_err()
    {
        ensure!(other.pid().is_some(), "{}", other.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let url = format!("https://127.0.0.1:{}", other.port());
    let refused = introduce_at(&head, "berlin", &other, &url, &[]).unwrap_err();
    assert!(refused.to_string().contains("--ca-file"), "{refused}");
    introduce_at(&head, "berlin", &other, &url, &["--ca-file", &cert])?;
    let reply = head
        .search_in(
            "| chart count()",
            [now() - 3_600, now() + 60],
            &json!([format!("127.0.0.1:{}/default", other.port())]),
        )
        .await?;
    assert_eq!(reply["complete"], true, "{reply}");
    Ok(())
}
