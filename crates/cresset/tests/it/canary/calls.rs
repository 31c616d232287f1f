//! Every route, once at least, with secrets wherever one can be put.

use super::stage::{Call, Stage};
use super::{settings, shippers};
use crate::cli::{cresset, stdout};
use crate::world::rule_body;
use anyhow::{Context as _, Result, ensure};
use cresset_testkit::{HttpSink, Reply, SmtpSink};
use serde_json::{Value, json};
use std::time::Duration;

/// With what a server that is told of incidents knows us. It talks about it.
pub(super) const OUTGOING_BEARER: &str = "Cnry-0utgoing+bearer/=&%Zt5";
const OUTGOING_PASSWORD: &str = "Cnry-0utgoing+password/=&%Lm8";
const OUTGOING_VALUE: &str = "Cnry-0utgoing+value/=&%Hs3";
/// The part of an address that only who may send there knows.
const OUTGOING_PATH: &str = "CnryHookQx7mPz4Lk9WdVb2";
/// With what we search another instance. It talks about it, too.
const INSTANCE_KEY: &str = "Cnry-1nstance+key/=&%Gw6";
pub(super) const FIRST_PASSWORD: &str = "Cnry-f1rst+Word/=&%\"Qk9";
pub(super) const SECOND_PASSWORD: &str = "Cnry-s3cond+Word/=&%\\Vx4";
pub(super) const THIRD_PASSWORD: &str = "Cnry-th1rd+Word/=&%;Bn7";

/// Servers on the outside.
pub(super) struct Outside {
    pub(super) hook: HttpSink,
    pub(super) instance: HttpSink,
    pub(super) mail: SmtpSink,
}

impl Outside {
    pub(super) fn new() -> Result<Self> {
        let (hook, instance) = (HttpSink::start()?, HttpSink::start()?);
        let talks = format!("no: Bearer {OUTGOING_BEARER} is wrong at {OUTGOING_PATH}");
        hook.script([Reply::status(503).body(talks)]);
        let said = json!({"success": false, "message": format!("{INSTANCE_KEY} is wrong")});
        instance.otherwise(Reply::status(401).body(said.to_string()));
        let mail = SmtpSink::start()?;
        Ok(Self {
            hook,
            instance,
            mail,
        })
    }
}

/// Calls every route.
pub(super) async fn all(stage: &mut Stage, outside: &Outside) -> Result<()> {
    for (name, secret) in [
        ("bearer token of a notification", OUTGOING_BEARER),
        ("password of a notification", OUTGOING_PASSWORD),
        ("API key of a notification", OUTGOING_VALUE),
        (ADDRESS, OUTGOING_PATH),
        ("key of an instance", INSTANCE_KEY),
        ("password of a user", FIRST_PASSWORD),
        ("second password of a user", SECOND_PASSWORD),
        ("third password of a user", THIRD_PASSWORD),
    ] {
        stage.vault.plant(name, secret);
    }
    settings::bearers(stage).await?;
    open(stage).await?;
    let rule = rules(stage, outside).await?;
    lists_and_repos(stage, outside).await?;
    shippers::all(stage).await?;
    let incident = fire(stage, outside).await?;
    incidents(stage, &incident).await?;
    notifications(stage, &rule, &incident).await?;
    settings::roles_and_users(stage).await?;
    settings::removals(stage, &rule).await
}

/// The address of a notification is shown to its owner, and to nobody else.
pub(super) const ADDRESS: &str = "address of a notification";

async fn open(stage: &mut Stage) -> Result<()> {
    for path in [
        "/api/v1/openapi.json",
        "/api/v1/docs",
        "/search",
        "/health/live",
        "/health/ready",
        "/metrics",
    ] {
        stage.run(Call::new("GET", path)).await?;
    }
    Ok(())
}

async fn rules(stage: &mut Stage, outside: &Outside) -> Result<String> {
    let create = Call::new("POST", "/AlertRules/create_api");
    let made = stage
        .run(create.json(rule_body("Canary", "canary=yes")))
        .await?;
    let id = made["id"].as_str().context("no id")?.to_owned();
    stage.run(Call::new("GET", "/AlertRules/lists_api")).await?;
    let read = format!("id={id}");
    for method in ["GET", "POST"] {
        stage
            .run(Call::new(method, "/AlertRules/read_api").query(&read))
            .await?;
    }
    let mut changed = rule_body("Canary, changed", "canary=yes");
    changed["id"] = json!(id);
    stage
        .run(Call::new("POST", "/AlertRules/update_api").json(changed))
        .await?;
    for path in ["/AlertRules/deactivate_api", "/AlertRules/activate_api"] {
        stage
            .run(Call::new("POST", path).json(json!({ "ids": [id] })))
            .await?;
    }
    let email = "/pluggables/Notification/EmailNotification";
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("ids", &json!([id]).to_string())
        .append_pair("type", "email")
        .append_pair("email_emails", "[\"soc@example.com\"]")
        .append_pair("subject", "{{alert_name}}")
        .append_pair("email_template", "{{rows}}");
    let form = form.finish();
    let create = Call::new("POST", &format!("{email}/create_api"));
    stage
        .run(create.raw("application/x-www-form-urlencoded", form))
        .await?;
    stage
        .run(Call::new("GET", &format!("{email}/read_api")).query(&read))
        .await?;
    let http = "/pluggables/Notification/HTTPNotification";
    for auth in [
        json!({"auth_type": "basic_auth", "auth_key": "user", "auth_pass": OUTGOING_PASSWORD}),
        json!({"auth_type": "api_token", "auth_key": "X-Key", "auth_value": OUTGOING_VALUE}),
        json!({"auth_type": "bearer_token", "auth_key": OUTGOING_BEARER}),
    ] {
        let body = json!({"ids": [id], "type": "http", "http_request_type": "POST",
            "http_url": outside.hook.url(&format!("/{OUTGOING_PATH}")), "http_querystring": "",
            "notify_http": true, "http_body": "{{alert_name}}", "protocol": "HTTP",
            "dispatch_option": "auto", "http_header": auth});
        stage
            .run(Call::new("POST", &format!("{http}/create_api")).json(body))
            .await?;
        let before = stage.seen.len();
        stage
            .run(Call::new("GET", &format!("{http}/read_api")).query(&read))
            .await?;
        for seen in &mut stage.seen[before..] {
            seen.shown.push(ADDRESS.to_owned());
        }
    }
    Ok(id)
}

async fn lists_and_repos(stage: &mut Stage, outside: &Outside) -> Result<()> {
    let part = |head: &str, text: &str| {
        format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n")
    };
    let name = part("name=\"package_import_name\"", "CANARIES");
    let file = part("name=\"package_import\"; filename=\"a.txt\"", "one\ntwo");
    let import = Call::new("POST", "/UserDefinedList/import_api");
    let import = import.raw(
        "multipart/form-data; boundary=B",
        format!("{name}{file}--B--\r\n"),
    );
    stage.run(import).await?;
    stage
        .run(Call::new("GET", "/UserDefinedList/lists_api"))
        .await?;
    stage.run(Call::new("GET", "/api/v1/lists")).await?;
    let list = "/api/v1/lists/{name}";
    stage
        .run(
            Call::new("PUT", list)
                .with("{name}", "MORE_CANARIES")
                .json(json!(["three"])),
        )
        .await?;
    stage
        .run(Call::new("GET", list).with("{name}", "CANARIES"))
        .await?;
    let one = "/api/v1/macros/{name}";
    stage
        .run(
            Call::new("PUT", one)
                .with("{name}", "CANARY")
                .json(json!({"text": "user in CANARIES"})),
        )
        .await?;
    stage.run(Call::new("GET", "/api/v1/macros")).await?;
    for method in ["GET", "DELETE"] {
        stage
            .run(Call::new(method, one).with("{name}", "CANARY"))
            .await?;
    }
    let asked = json!({"query": "user in CANARIES", "time_range": "Last 10 minutes"});
    stage
        .run(Call::new("POST", "/api/v1/explain").json(asked))
        .await?;
    stage
        .run(Call::new("POST", "/Repo/get_all_searchable_logpoint").json(json!({})))
        .await?;
    stage
        .run(Call::new("POST", "/api/v1/repos").json(json!({"name": "canaries"})))
        .await?;
    stage.run(Call::new("GET", "/api/v1/repos")).await?;
    let deletion = json!({"query": "canary=yes", "repos": ["canaries"], "reason": "a canary",
        "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z", "dry_run": true});
    let begun = stage
        .run(Call::new("POST", "/api/v1/deletions").json(deletion))
        .await?;
    let id = begun["id"].as_str().context("no id")?;
    stage
        .run(Call::new("GET", "/api/v1/deletions/{id}").with("{id}", id))
        .await?;
    let body = json!({"name": "talkative", "url": outside.instance.url("").trim_end_matches('/'),
        "user": "searcher", "secret_key": INSTANCE_KEY});
    stage
        .run(Call::new("POST", "/api/v1/instances").json(body))
        .await?;
    // It has been asked, and has answered.
    outside
        .instance
        .wait_for(1, Duration::from_secs(45))
        .await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stage
        .run(Call::new("GET", "/api/v1/instances"))
        .await
        .map(|_| ())
}

/// Makes an incident, of which the outside is told; gives back its id.
async fn fire(stage: &mut Stage, outside: &Outside) -> Result<String> {
    let ingest = Call::new("POST", "/api/v1/ingest");
    stage
        .run(ingest.json(json!({"canary": "yes", "msg": "look"})))
        .await?;
    let incidents = stage.world.wait_for_incidents(1).await?;
    let told = outside.hook.wait_for(2, Duration::from_secs(30)).await?;
    for request in &told {
        let sent = request.header("authorization");
        ensure!(
            sent == Some(&format!("Bearer {OUTGOING_BEARER}")),
            "{sent:?}"
        );
    }
    outside.mail.wait_for(1, Duration::from_secs(30)).await?;
    Ok(incidents[0]["id"].as_str().context("no id")?.to_owned())
}

async fn incidents(stage: &mut Stage, id: &str) -> Result<()> {
    let now = crate::world::now();
    let span = json!({"version": "0.1", "ts_from": now - 3600, "ts_to": now + 3600});
    for method in ["GET", "POST"] {
        for (path, data) in [
            ("/incidents", span.clone()),
            ("/incident_states", span.clone()),
            ("/get_data_from_incident", json!({ "incident_obj_id": id })),
            ("/get_users", json!({})),
        ] {
            let body = json!({ "requestData": data });
            stage.run(Call::new(method, path).login(body)).await?;
        }
    }
    let users = stage
        .good(&Call::new("POST", "/get_users").login(json!({})))
        .await?;
    let me = users["users"][0]["id"].clone();
    let ids = json!({ "incident_ids": [id] });
    for (path, data) in [
        (
            "/add_incident_comment",
            json!({"states": [{"_id": id, "comments": ["c"]}]}),
        ),
        (
            "/assign_incident",
            json!({"incident_ids": [id], "new_assignee": me}),
        ),
        ("/resolve_incident", ids.clone()),
        ("/close_incident", ids.clone()),
        ("/reopen_incident", ids),
    ] {
        stage
            .run(Call::new("POST", path).login(json!({ "requestData": data })))
            .await?;
    }
    for kind in [
        "user_preference",
        "loginspects",
        "logpoint_repos",
        "devices",
        "livesearches",
    ] {
        stage
            .run(Call::new("POST", "/getalloweddata").login(json!({ "type": kind })))
            .await?;
    }
    let data = json!({"query": "canary=yes", "time_range": "Last hour"});
    let search = Call::new("POST", "/getsearchlogs").login(json!({ "requestData": data }));
    let started = stage.run(search).await?;
    let data = json!({ "search_id": started["search_id"] });
    let poll = Call::new("POST", "/getsearchlogs").login(json!({ "requestData": data }));
    stage.run(poll).await?;
    let data = json!({"query": "canary=yes", "time_range": "Last hour"});
    let search = Call::new("POST", "/api/v1/searches").json(data);
    let started = stage.run(search).await?;
    let id = started["search_id"].as_str().context("no search")?;
    for method in ["GET", "DELETE"] {
        let call = Call::new(method, "/api/v1/searches/{id}").with("{id}", id);
        stage.run(call).await?;
    }
    Ok(())
}

async fn notifications(stage: &mut Stage, rule: &str, incident: &str) -> Result<()> {
    // Among the files that are looked through later.
    let data = stage.world.server.data_dir().to_owned();
    let folder = data.join("exported").display().to_string();
    stdout(&cresset(&data, &["rules", "export", &folder])?)?;
    let evaluations = Call::new("GET", "/api/v1/rules/{id}/evaluations").with("{id}", rule);
    stage.run(evaluations).await?;
    stage
        .run(Call::new("GET", "/api/v1/attack/techniques").query("limit=3"))
        .await?;
    let list = stage.run(Call::new("GET", "/api/v1/deliveries")).await?;
    let delivered = |d: &&Value| d["channel"] == json!("http") && d["state"] == json!("delivered");
    let rows = list["deliveries"].as_array().context("no deliveries")?;
    let one = rows
        .iter()
        .find(delivered)
        .context("nothing was delivered")?;
    let id = one["id"].as_str().context("no id")?.to_owned();
    stage
        .run(Call::new("POST", "/api/v1/deliveries/{id}/resend").with("{id}", id))
        .await?;
    let notify = Call::new("POST", "/api/v1/incidents/{id}/notify").with("{id}", incident);
    stage.run(notify).await.map(|_| ())
}
