//! `cresset user set` and `cresset user repos`, and what the server says at once.

use crate::cli::{cresset, stdout};
use crate::world::World;
use anyhow::{Result, ensure};
use cresset_testkit::http;
use serde_json::{Value, json};

#[tokio::test]
async fn preferences_and_repos_are_set_while_the_server_runs() -> Result<()> {
    let world = World::new().await?;
    let dir = world.server.data_dir();
    let run = |args: &[&str]| cresset(dir, args);
    let parsed =
        |args: &[&str]| -> Result<Value> { Ok(serde_json::from_str(&stdout(&run(args)?)?)?) };
    parsed(&["user", "create", "mara", "--role", "manager", "--json"])?;
    let set = parsed(&[
        "user",
        "set",
        "mara",
        "--timezone",
        "Europe/Berlin",
        "--date-format",
        "%d.%m.%Y",
        "--json",
    ])?;
    let expected = json!({"user": "mara", "timezone": "Europe/Berlin", "date_format": "%d.%m.%Y",
        "hour_format": "24 Hour"});
    assert_eq!(set, expected);
    let set = parsed(&["user", "set", "mara", "--hour-format", "12", "--json"])?;
    assert_eq!(set["timezone"], "Europe/Berlin", "what is not named stays");
    assert_eq!(set["hour_format"], "12 Hour");

    let repos = |json: &Value| json["repos"].clone();
    assert_eq!(
        repos(&parsed(&["user", "repos", "mara", "--json"])?),
        json!(["default"])
    );
    let token = stdout(&run(&[
        "token",
        "--user",
        "mara",
        "--scope",
        "logsource:read",
    ])?)?;
    let url = world.server.url("/Repo/get_all_searchable_logpoint");
    let seen = async || -> Result<Value> {
        let reply = http::post_json(&url, Some(&token), &json!({}))
            .await?
            .json()?;
        Ok(reply["rows"][0]["repos"].clone())
    };
    for (args, expected) in [
        (
            vec!["--allow", "_cresset,default"],
            json!(["_cresset", "default"]),
        ),
        (vec!["--allow", ""], json!([])),
        (vec!["--allow", "_cresset"], json!(["_cresset"])),
        (vec!["--all"], json!(["default"])),
    ] {
        let args = [&["user", "repos", "mara", "--json"][..], &args].concat();
        assert_eq!(repos(&parsed(&args)?), expected, "{args:?}");
        let listed = seen().await?;
        let names: Vec<&Value> = listed
            .as_array()
            .into_iter()
            .flatten()
            .map(|r| &r["repo"])
            .collect();
        assert_eq!(json!(names), expected, "{args:?}");
    }

    for (refused, part) in [
        (vec!["set", "mara"], "--timezone"),
        (
            vec!["set", "mara", "--timezone", "Mars/Olympus"],
            "Mars/Olympus",
        ),
        (vec!["set", "mara", "--date-format", "%H"], "%Y/%m/%d"),
        (vec!["set", "mara", "--hour-format", "13"], "13"),
        (vec!["set", "nobody", "--hour-format", "24"], "nobody"),
        (vec!["repos", "mara", "--allow", "nope"], "nope"),
        (
            vec!["repos", "mara", "--allow", "default", "--all"],
            "--all",
        ),
    ] {
        let output = run(&[&["user"][..], &refused].concat())?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            !output.status.success() && said.contains(part),
            "{refused:?}: {said}"
        );
    }
    assert_eq!(
        seen().await?.as_array().map(Vec::len),
        Some(1),
        "nothing changed"
    );
    Ok(())
}
