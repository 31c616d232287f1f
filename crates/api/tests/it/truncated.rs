//! Bodies cut anywhere give an error in the documented shape, and change nothing.

use crate::incidents::fired;
use crate::rules::{created, rule};
use crate::site::{ALL, FORM, JSON, START, Site, key_of, request};
use cresset_api::endpoints::ENDPOINTS;
use serde_json::{Value, json};

const MULTIPART: &str = "multipart/form-data; boundary=XX";

fn part(name: &str, value: &str) -> String {
    format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// A list, whose import would end with the last byte.
fn import() -> String {
    let file = "name=\"package_import\"; filename=\"NEW.csv\"\r\nContent-Type: text/csv";
    format!(
        "{}--XX\r\nContent-Disposition: form-data; {file}\r\n\r\n10.1.1.1\n10.1.1.2\n\r\n--XX--",
        part("package_import_name", "NEW")
    )
}

fn multipart(id: &str) -> String {
    let ids = format!("[\"{id}\"]");
    let parts = [
        ("ids", ids.as_str()),
        ("type", "email"),
        ("email_emails", "[\"a@b.example\"]"),
    ];
    let parts: String = parts
        .iter()
        .map(|(name, value)| part(name, value))
        .collect();
    format!("{parts}--XX--\r\n")
}

/// Method, path, content type and body of a request that would be carried out.
fn requests(id: &str, incident: &str) -> Vec<(&'static str, String, &'static str, String)> {
    let mut update = rule("Changed name");
    update["id"] = json!(id);
    let http = json!({"ids": [id], "type": "http", "http_url": "https://a.example/x",
        "http_request_type": "POST", "http_header": {"auth_type": "bearer_token", "auth_key": "k"}});
    let email = format!("ids=%5B%22{id}%22%5D&type=email&email_emails=%5B%22a%40b.example%22%5D");
    let key = key_of("admin");
    let login = format!("username=admin&secret_key={}", key.expose());
    let search = json!({"query": "user=*", "time_range": "Last hour"}).to_string();
    let search: String = form_urlencoded::byte_serialize(search.as_bytes()).collect();
    let incidents = json!({"username": "admin", "secret_key": key.expose(),
        "requestData": {"version": "0.1", "ts_from": 1, "ts_to": 2}});
    let notification = "/pluggables/Notification";
    let mut all = vec![
        (
            "POST",
            "/AlertRules/create_api".into(),
            JSON,
            rule("Another name").to_string(),
        ),
        (
            "POST",
            "/AlertRules/update_api".into(),
            JSON,
            update.to_string(),
        ),
        (
            "POST",
            "/AlertRules/delete_api".into(),
            JSON,
            json!({ "ids": [id] }).to_string(),
        ),
        (
            "POST",
            format!("{notification}/HTTPNotification/create_api"),
            JSON,
            http.to_string(),
        ),
        (
            "POST",
            format!("{notification}/EmailNotification/create_api"),
            FORM,
            email,
        ),
        (
            "POST",
            format!("{notification}/EmailNotification/create_api"),
            MULTIPART,
            multipart(id),
        ),
        (
            "POST",
            "/Repo/get_all_searchable_logpoint".into(),
            JSON,
            "{\"data\": {}}".into(),
        ),
        (
            "POST",
            "/getalloweddata".into(),
            FORM,
            format!("{login}&type=logpoint_repos"),
        ),
        (
            "POST",
            "/getsearchlogs".into(),
            FORM,
            format!("{login}&requestData={search}"),
        ),
        ("GET", "/incidents".into(), JSON, incidents.to_string()),
        ("GET", "/get_users".into(), JSON, incidents.to_string()),
        (
            "PUT",
            "/api/v1/lists/NAMES".into(),
            JSON,
            json!(["a", "b", "c"]).to_string(),
        ),
        (
            "PUT",
            "/api/v1/macros/NAMED".into(),
            JSON,
            json!({"text": "user=amy"}).to_string(),
        ),
        (
            "POST",
            "/api/v1/explain".into(),
            JSON,
            json!({"query": "user=amy"}).to_string(),
        ),
        (
            "POST",
            "/api/v1/searches".into(),
            JSON,
            json!({"query": "user=amy", "time_range": "Last 1 hour"}).to_string(),
        ),
        (
            "POST",
            "/api/v1/repos".into(),
            JSON,
            json!({"name": "web"}).to_string(),
        ),
        (
            "POST",
            "/api/v1/deletions".into(),
            JSON,
            json!({"query": "a=b", "repos": ["default"], "from": "2020-01-01T00:00:00Z",
                "to": "2020-01-02T00:00:00Z", "reason": "r", "dry_run": true})
            .to_string(),
        ),
        (
            "POST",
            "/api/v1/instances".into(),
            JSON,
            json!({"name": "far", "url": "http://h", "user": "u", "secret_key": "s"}).to_string(),
        ),
        (
            "POST",
            "/api/v1/ingest".into(),
            JSON,
            json!([{"msg": "x"}, {"msg": "y"}]).to_string(),
        ),
        (
            "POST",
            "/UserDefinedList/import_api".into(),
            MULTIPART,
            import(),
        ),
    ];
    for action in ["activate", "deactivate"] {
        let path = format!("/AlertRules/{action}_api");
        all.push(("POST", path, JSON, json!({ "ids": [id] }).to_string()));
    }
    let states = json!([{"_id": incident, "comments": ["a note"]}]);
    for (path, data) in [
        ("/incident_states", json!({"ts_from": 1, "ts_to": 2})),
        (
            "/get_data_from_incident",
            json!({"incident_obj_id": incident}),
        ),
        ("/add_incident_comment", json!({ "states": states })),
        (
            "/assign_incident",
            json!({"incident_ids": [incident], "new_assignee": incident}),
        ),
        ("/resolve_incident", json!({"incident_ids": [incident]})),
        ("/close_incident", json!({"incident_ids": [incident]})),
        ("/reopen_incident", json!({"incident_ids": [incident]})),
    ] {
        let body = json!({"username": "admin", "secret_key": key.expose(), "requestData": data});
        all.push(("POST", path.into(), JSON, body.to_string()));
    }
    all
}

/// Endpoints that look at no body.
const BODYLESS: [&str; 3] = [
    "/AlertRules/read_api",
    "/api/v1/deliveries/{id}/resend",
    "/api/v1/incidents/{id}/notify",
];

#[test]
fn every_endpoint_that_reads_a_body_is_cut() {
    let cut: Vec<String> = requests("id", "id").into_iter().map(|r| r.1).collect();
    for endpoint in ENDPOINTS {
        let reads = endpoint.methods.iter().any(|m| ["POST", "PUT"].contains(m));
        if !reads || BODYLESS.contains(&endpoint.path) {
            continue;
        }
        let stem = endpoint.path.split('{').next().unwrap_or_default();
        assert!(
            cut.iter().any(|path| path.starts_with(stem)),
            "add a request to {} here, or name it in BODYLESS",
            endpoint.path
        );
    }
}

/// Everything that a request could have changed, as the API tells it.
async fn state(site: &Site, id: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [
        "/AlertRules/lists_api".to_owned(),
        format!("/AlertRules/read_api?id={id}"),
        format!("/pluggables/Notification/HTTPNotification/read_api?id={id}"),
        format!("/pluggables/Notification/EmailNotification/read_api?id={id}"),
        "/UserDefinedList/lists_api".to_owned(),
        "/api/v1/macros".to_owned(),
        "/api/v1/repos".to_owned(),
        "/api/v1/instances".to_owned(),
        "/api/v1/deliveries".to_owned(),
    ] {
        let answer = site.call("admin", "GET", &path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        all.push(answer.json);
    }
    let key = key_of("admin");
    for path in ["/incidents", "/incident_states"] {
        let body = json!({"username": "admin", "secret_key": key.expose(),
            "requestData": {"ts_from": 0, "ts_to": START + 3600}});
        let answer = site
            .send(request("GET", path, None, JSON, body.to_string()))
            .await;
        assert_eq!(answer.json["success"], json!(true), "{path}: {answer:?}");
        all.push(answer.json);
    }
    all
}

#[tokio::test]
async fn cut_at_every_seventh_byte() {
    let site = Site::new().await;
    let id = created(&site, "admin", "First name").await;
    let (incident, _) = fired(&site, "admin", &id, START - 60).await;
    let token = site.token("admin", ALL);
    let before = state(&site, &id).await;
    for (method, path, content_type, body) in requests(&id, &incident.to_string()) {
        for cut in (0..body.len()).step_by(7) {
            // Another address each time, so that the throttle stays out of it.
            let peer = format!("10.0.{}.{}:1", cut / 256, cut % 256);
            let body = body[..cut].to_owned();
            let request = request(method, &path, Some(&token), content_type, body.clone());
            let answer = site.send_from(&peer, request).await;
            assert!(
                answer.status.as_u16() < 500,
                "{path} cut at {cut}: {answer:?}"
            );
            assert!(
                answer.json.is_object(),
                "{path} cut at {cut}: {}",
                answer.text
            );
            let refused = answer.json["success"] == json!(false)
                || answer.status.is_client_error()
                || answer.json["rejected"].as_u64().is_some_and(|n| n > 0)
                || body.is_empty()
                || content_type == FORM;
            assert!(refused, "{path} cut at {cut}: {answer:?}");
        }
    }
    assert_eq!(state(&site, &id).await, before);
}

#[tokio::test]
async fn every_field_with_a_wrong_type() {
    let site = Site::new().await;
    let good = rule("Some name");
    let wrong = [
        json!(null),
        json!(-7),
        json!("x"),
        json!([[]]),
        json!({"a": 1}),
        json!(1.5e300),
    ];
    for (section, value) in good.as_object().unwrap() {
        let fields: Vec<Option<String>> = match value.as_object() {
            Some(object) => object
                .keys()
                .map(|k| Some(k.clone()))
                .chain([None])
                .collect(),
            None => vec![None],
        };
        for field in fields {
            for value in &wrong {
                let mut body = good.clone();
                match &field {
                    Some(field) => body[section][field] = value.clone(),
                    None => body[section] = value.clone(),
                }
                let answer = site
                    .call("admin", "POST", "/AlertRules/create_api", &body)
                    .await;
                let fine = answer.status == 200 || answer.status == 422;
                assert!(fine, "{section}.{field:?} = {value}: {answer:?}");
                if answer.status == 200 {
                    let ids = json!({"ids": [answer.json["id"]]});
                    site.call("admin", "POST", "/AlertRules/delete_api", &ids)
                        .await;
                }
            }
        }
    }
}
