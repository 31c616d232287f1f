//! Tables: lists of objects that people store and that queries fill.

use crate::world::{ALL, World, now};
use anyhow::Result;
use cresset_testkit::http;
use serde_json::{Value, json};

async fn put(world: &World, name: &str, body: &Value) -> Result<Value> {
    let url = world.server.url(&format!("/api/v1/lists/{name}"));
    http::send(http::client()?.put(url).json(body), Some(&world.token(ALL)))
        .await?
        .ok()?
        .json()
}

#[tokio::test]
async fn tables_are_stored_filled_and_looked_into() -> Result<()> {
    let world = World::new().await?;
    let assets = json!([
        {"host": "web1", "net": "10.0.0.0/8", "owner": "amy"},
        {"host": "web2", "net": "203.0.113.0/24", "owner": "eve"},
    ]);
    assert_eq!(put(&world, "assets", &assets).await?["values"], 2);
    let seen = json!({"kind": "dynamic", "age_limit_minute": 60});
    put(&world, "SEEN", &seen).await?;
    world
        .ingest(&[
            json!({"msg": "x", "host": "WEB1", "source_address": "203.0.113.9"}),
            json!({"msg": "x", "host": "pc3", "source_address": "192.0.2.1"}),
        ])
        .await?;

    let rows = world
        .rows("host=* | process lookup(ASSETS, host, owner) | search owner=* | fields host, owner")
        .await?;
    assert_eq!((rows.len(), &rows[0]["owner"]), (1, &json!("amy")));
    let rows = world
        .rows("| process ip_lookup(ASSETS, net, source_address) | chart count() as cnt by owner")
        .await?;
    assert_eq!((rows.len(), &rows[0]["owner"]), (1, &json!("eve")));
    world
        .rows("host=* | process toTable(SEEN, host, source_address)")
        .await?;
    let rows = world
        .rows(
            "[table SEEN] as seen join [table ASSETS] as asset on seen.host=asset.host \
             | fields seen.source_address, asset.owner",
        )
        .await?;
    let wanted = (json!("203.0.113.9"), json!("amy"));
    let row = &rows[0];
    assert_eq!(
        (&row["seen.source_address"], &row["asset.owner"]),
        (&wanted.0, &wanted.1),
        "{rows:?}"
    );
    assert_eq!(rows.len(), 1);
    Ok(())
}

/// A search that would find nothing for want of a file says so.
#[tokio::test]
async fn places_of_addresses_take_a_database() -> Result<()> {
    let world = World::new().await?;
    world
        .ingest(&[json!({"msg": "x", "source_address": "203.0.113.9"})])
        .await?;
    let range = [now() - 3_600, now() + 60];
    let reply = world
        .search("* | process geoip(source_address) as country", range)
        .await?;
    assert_eq!(reply["success"], false, "{reply}");
    assert!(reply.to_string().contains("geoip.places"), "{reply}");
    Ok(())
}
