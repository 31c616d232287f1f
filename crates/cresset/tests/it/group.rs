//! `cresset group`, and what the server says of groups at once.

use crate::cli::{cresset, stdout};
use crate::world::World;
use anyhow::Result;
use cresset_testkit::http;
use serde_json::{Value, json};

#[tokio::test]
async fn groups_are_managed_while_the_server_runs() -> Result<()> {
    let world = World::new().await?;
    let dir = world.server.data_dir();
    let run = |args: &[&str]| cresset(dir, args);
    stdout(&run(&["user", "create", "mara"])?)?;
    let made = stdout(&run(&["group", "create", "Night shift", "--json"])?)?;
    let made: Value = serde_json::from_str(&made)?;
    stdout(&run(&["group", "create", "Day shift"])?)?;
    stdout(&run(&["group", "add", "Night shift", "mara", "admin"])?)?;

    let body = json!({"username": "admin", "secret_key": world.credentials.api_access_key});
    let url = world.server.url("/get_users");
    let groups_of_mara = async || -> Result<Value> {
        let reply = http::post_json(&url, None, &body).await?;
        let reply = reply.json()?;
        let users = reply["users"].as_array().cloned().unwrap_or_default();
        let mara = users.into_iter().find(|user| user["name"] == "mara");
        Ok(mara.unwrap_or_default()["usergroups"].clone())
    };
    let night = json!([{"id": made["id"], "name": "Night shift"}]);
    assert_eq!(groups_of_mara().await?, night);

    stdout(&run(&["group", "remove", "Night shift", "admin"])?)?;
    let listed = stdout(&run(&["group", "list", "--json"])?)?;
    let listed: Value = serde_json::from_str(&listed)?;
    assert_eq!(listed[0]["name"], "Day shift");
    assert_eq!(listed[1]["members"], json!(["mara"]));
    assert!(stdout(&run(&["group", "list"])?)?.contains("Night shift"));

    for refused in [
        vec!["group", "create", "Night shift"],
        vec!["group", "create", ""],
        vec!["group", "add", "Night shift", "nobody"],
        vec!["group", "add", "Nobody's", "mara"],
        vec!["group", "add", "Night shift"],
        vec!["group", "delete", "Nobody's"],
    ] {
        assert!(!run(&refused)?.status.success(), "{refused:?}");
    }
    stdout(&run(&["group", "delete", "Night shift"])?)?;
    assert_eq!(groups_of_mara().await?, json!([]));
    Ok(())
}
