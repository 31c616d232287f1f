//! The routes of LogicMonitor's API.

use super::calls::{FIRST_PASSWORD, SECOND_PASSWORD, THIRD_PASSWORD};
use super::stage::{BASE, Call, Stage};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

fn settings(method: &str, path: &str) -> Call {
    Call::new(method, &format!("{BASE}/setting{path}"))
}

const TOKENS: &str = "/admins/{adminId}/apitokens";
const TOKEN: &str = "/admins/{adminId}/apitokens/{tokenId}";

/// A bearer token to use, and one to fail with.
pub(super) async fn bearers(stage: &mut Stage) -> Result<()> {
    let call = settings("POST", TOKENS)
        .with("{adminId}", 1)
        .query("type=bearer");
    let call = call.json(json!({"note": "a bearer token"})).shows();
    let text = |value: &Value| value["accessKey"].as_str().unwrap_or_default().to_owned();
    let (one, two) = (stage.good(&call).await?, stage.good(&call).await?);
    (stage.bearer, stage.dead) = (text(&one), text(&two));
    let gone = settings("DELETE", TOKEN)
        .with("{adminId}", 1)
        .with("{tokenId}", &two["id"]);
    stage.run(gone).await.map(|_| ())
}

/// Roles, users, their tokens, and what else there is.
pub(super) async fn roles_and_users(stage: &mut Stage) -> Result<()> {
    let role = json!({"name": "canaries", "privileges": []});
    let role = stage.run(settings("POST", "/roles").json(role)).await?["id"].clone();
    stage.run(settings("GET", "/roles")).await?;
    stage
        .run(settings("GET", "/roles/{roleId}").with("{roleId}", &role))
        .await?;
    let put = json!({"name": "canaries", "description": "d", "privileges": []});
    stage
        .run(
            settings("PUT", "/roles/{roleId}")
                .with("{roleId}", &role)
                .json(put),
        )
        .await?;
    let patch = json!({"description": "e"});
    stage
        .run(
            settings("PATCH", "/roles/{roleId}")
                .with("{roleId}", &role)
                .json(patch),
        )
        .await?;

    let user = json!({"username": "carol", "email": "carol@example.com",
        "password": FIRST_PASSWORD, "roles": [{"name": "readonly"}],
        "apiTokens": [{"note": "one"}, {"note": "two", "type": "bearer"}]});
    let user = stage
        .run(settings("POST", "/admins").json(user).shows())
        .await?["id"]
        .clone();
    stage.run(settings("GET", "/admins")).await?;
    let one = |method: &str| settings(method, "/admins/{adminId}").with("{adminId}", &user);
    stage.run(one("GET")).await?;
    let patch = json!({"password": SECOND_PASSWORD, "note": "n"});
    stage
        .run(one("PATCH").query("changePassword=true").json(patch))
        .await?;
    let put = json!({"username": "carol", "email": "carol@example.com",
        "password": THIRD_PASSWORD, "roles": [{"name": "readonly"}]});
    stage
        .run(one("PUT").query("changePassword=true").json(put))
        .await?;
    tokens(stage, &user).await?;
    stage.run(settings("GET", "/companySetting")).await?;
    let lines = stage
        .run(settings("GET", "/accesslogs").query("size=1000"))
        .await?;
    let line = lines["items"][0]["id"]
        .as_str()
        .context("no line")?
        .to_owned();
    stage
        .run(settings("GET", "/accesslogs/{logId}").with("{logId}", line))
        .await
        .map(|_| ())
}

async fn tokens(stage: &mut Stage, user: &Value) -> Result<()> {
    for query in ["", "type=bearer"] {
        let list = |path: &str| settings("GET", path).with("{adminId}", user).query(query);
        let make = settings("POST", TOKENS)
            .with("{adminId}", user)
            .query(query);
        let made = stage.run(make.json(json!({"note": "n"})).shows()).await?["id"].clone();
        stage.run(list("/admins/apitokens")).await?;
        stage.run(list(TOKENS)).await?;
        let lone = settings("GET", "/admins/apitokens/{tokenId}");
        stage.run(lone.with("{tokenId}", &made)).await?;
        let one = |method: &str, more: &str| {
            let call = settings(method, &format!("{TOKEN}{more}"));
            call.with("{adminId}", user).with("{tokenId}", &made)
        };
        stage.run(one("GET", "")).await?;
        stage
            .run(one("PUT", "").json(json!({"note": "o", "status": 2})))
            .await?;
        stage
            .run(one("PATCH", "").json(json!({"note": "p"})))
            .await?;
        stage.run(one("POST", "/rotate").shows()).await?;
        stage.run(one("DELETE", "")).await?;
    }
    stage.run(settings("GET", "/admins/apitokens/self")).await?;
    // Who looks for a token by its key must not find out whether there is one.
    let key = stage.world.credentials.access_key.clone();
    for op in [":", "~", ">"] {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("filter", &format!("accessKey{op}\"{key}\""));
        let call = settings("GET", "/admins/apitokens").query(&query.finish());
        let mut wire = stage.wire(&call);
        let token = stage.jwt();
        wire.headers
            .push(("authorization", format!("Bearer {token}")));
        let answer = stage.send("by its key", &wire, false).await?;
        ensure!(answer.status == 400, "{}", answer.text());
    }
    let revoke = settings("POST", "/admins/apitokens/revoke");
    let revoke = revoke.json(json!({"filter": "note:\"n\"", "dryRun": true}));
    stage.run(revoke).await.map(|_| ())
}

/// Takes away again what was made.
pub(super) async fn removals(stage: &mut Stage, rule: &str) -> Result<()> {
    let id = |list: &Value, key: &str, name: &str| {
        let items = list["items"].as_array()?;
        Some(items.iter().find(|i| i[key] == json!(name))?["id"].clone())
    };
    let users = stage.good(&settings("GET", "/admins")).await?;
    let carol = id(&users, "username", "carol").context("no carol")?;
    stage
        .run(settings("DELETE", "/admins/{adminId}").with("{adminId}", carol))
        .await?;
    let roles = stage.good(&settings("GET", "/roles")).await?;
    let role = id(&roles, "name", "canaries").context("no role")?;
    stage
        .run(settings("DELETE", "/roles/{roleId}").with("{roleId}", role))
        .await?;
    let list = Call::new("DELETE", "/api/v1/lists/{name}");
    stage.run(list.with("{name}", "MORE_CANARIES")).await?;
    let instance = Call::new("DELETE", "/api/v1/instances/{name}");
    stage.run(instance.with("{name}", "talkative")).await?;
    let ids = json!({ "ids": [rule] });
    stage
        .run(Call::new("POST", "/AlertRules/delete_api").json(ids))
        .await
        .map(|_| ())
}
