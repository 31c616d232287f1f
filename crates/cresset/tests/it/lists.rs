//! Lists that people import and lists that rules feed.

use crate::world::{ALL, World, now, rule_body};
use anyhow::{Context as _, Result};
use cresset_testkit::http;
use serde_json::{Value, json};
use std::time::Duration;

fn login(user: &str, host: &str) -> Value {
    json!({"msg": "login", "user": user, "host": host})
}

async fn put(world: &World, name: &str, body: &Value) -> Result<Value> {
    let url = world.server.url(&format!("/api/v1/lists/{name}"));
    http::send(http::client()?.put(url).json(body), Some(&world.token(ALL)))
        .await?
        .ok()?
        .json()
}

/// The values of a list.
async fn values(world: &World, name: &str) -> Result<Value> {
    let url = world.server.url(&format!("/api/v1/lists/{name}"));
    let list = http::get(&url, Some(&world.token(ALL))).await?.ok()?;
    Ok(list.json()?["page"].clone())
}

pub(crate) async fn import(world: &World, name: &str, csv: &str) -> Result<Value> {
    let disposition = "Content-Disposition: form-data; name=";
    let body = format!(
        "--B\r\n{disposition}\"package_import_name\"\r\n\r\n{name}\r\n--B\r\n\
         {disposition}\"package_import\"; filename=\"{name}.csv\"\r\nContent-Type: text/csv\r\n\r\n\
         {csv}\r\n--B--\r\n"
    );
    let url = world.server.url("/UserDefinedList/import_api");
    let media = "multipart/form-data; boundary=B";
    http::post(&url, Some(&world.token(ALL)), media, body)
        .await?
        .ok()?
        .json()
}

/// One rule fills the list at the end of its slot; the other, which runs live, was there
/// before and fires at the next event.
#[tokio::test]
async fn a_rule_fires_on_what_another_put_into_a_list() -> Result<()> {
    let world = World::with(|s| s.env("CRESSET_ALERTING_GRACE", "1s")).await?;
    let settings = json!({"kind": "dynamic", "age_limit_minute": 60});
    put(&world, "suspects", &settings).await?;
    let looks = world
        .rule("Suspect at the vault", "host=vault user IN SUSPECTS")
        .await?;
    let mut feeds = rule_body(
        "Guests become suspects",
        "host=guest | process toList(SUSPECTS, user)",
    );
    // It feeds the list and never makes an incident.
    feeds["incident_condition"]["condition_value"] = json!(1_000);
    world.call("/AlertRules/create_api", &feeds).await?;
    world
        .ingest(&[login("mallory", "guest"), login("mallory", "vault")])
        .await?;
    let mut waited = 0;
    while values(&world, "SUSPECTS").await? != json!(["mallory"]) {
        waited += 1;
        anyhow::ensure!(waited < 750, "not fed:\n{}", world.server.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Into a minute in which nothing has come yet.
    world
        .ingest(&[login("alice", "vault"), login("Mallory", "vault")])
        .await?;
    let incidents = world.wait_for_incidents(1).await?;
    assert_eq!(incidents[0]["alert_obj_id"], looks.as_str());
    let reply = world
        .search(
            "user IN SUSPECTS | chart count() as cnt",
            [now() - 3_600, now() + 60],
        )
        .await?;
    assert_eq!(reply["rows"][0]["cnt"], 3, "{reply}");
    Ok(())
}

#[tokio::test]
async fn an_imported_list_counts_at_once_in_a_running_rule() -> Result<()> {
    let world = World::new().await?;
    world
        .rule("Bad address", "source_address IN BAD_ADDRESSES")
        .await?;
    let event = json!({"msg": "x", "source_address": "203.0.113.9"});
    world.ingest(std::slice::from_ref(&event)).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(world.incidents().await?.is_empty(), "there is no list yet");
    let reply = import(
        &world,
        "bad_addresses",
        "ip\n203.0.113.9\n198.51.100.0\n203.0.113.9\n",
    )
    .await?;
    assert_eq!(reply["success"], true, "{reply}");
    world.ingest(&[event]).await?;
    assert_eq!(world.wait_for_incidents(1).await?[0]["name"], "Bad address");
    let lists = http::get(
        &world.server.url("/UserDefinedList/lists_api"),
        Some(&world.token(ALL)),
    )
    .await?
    .ok()?
    .json()?;
    let row = lists["rows"].get(0).context("no list")?;
    assert_eq!(
        (&row["name"], &lists["total"]),
        (&json!("BAD_ADDRESSES"), &json!(1))
    );
    Ok(())
}
