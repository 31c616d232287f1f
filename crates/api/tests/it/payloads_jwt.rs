//! The recorded requests of the endpoints with tokens.

use crate::payloads::{EXACT, Replay, Sent};
use crate::payloads_shape::Leeway;
use crate::site::{FORM, JSON};
use serde_json::{Value, json};

const EMAIL: &str = "/pluggables/Notification/EmailNotification";
const HTTP: &str = "/pluggables/Notification/HTTPNotification";

pub(crate) async fn rules(replay: &Replay) {
    let create = "alertrules-create.response.json";
    let path = "/AlertRules/create_api";
    let docs = replay.post(path, "alertrules-create.request.docs.json");
    replay.check(docs, create, EXACT).await;
    let again = replay.post(path, "alertrules-create.request.docs.json");
    let duplicate = "error-validation.duplicate-name.200.json";
    let refused = replay.check(again, duplicate, EXACT).await;
    let text = refused["validationErrors"]["name"].as_str().unwrap();
    assert!(text.contains("already exists"), "{text}");

    let g6 = replay.post(path, "alertrules-create.request.g6.json");
    let made = replay.check(g6, create, EXACT).await;
    let read = format!("/AlertRules/read_api?id={}", made["id"].as_str().unwrap());
    for method in ["GET", "POST"] {
        let sent = Sent::new(method, &read, JSON, String::new());
        let mut got = replay
            .check(sent, "alertrules-read.response.json", EXACT)
            .await;
        // Here the values count as well.
        let mut expected = replay.json("alertrules-read.response.json");
        for data in [&mut got["data"], &mut expected["data"]] {
            data["id"] = Value::Null;
            data["active"] = Value::Null;
        }
        if got != expected {
            replay.note(format!("{read}: {got}"));
        }
    }
    let ids = json!({ "ids": [made["id"]] }).to_string();
    let gone = Sent::new("POST", "/AlertRules/delete_api", JSON, ids);
    replay
        .check(gone, "alertrules-ids.response.json", EXACT)
        .await;

    let update = replay.post(
        "/AlertRules/update_api",
        "alertrules-update.request.g6.json",
    );
    replay.check(update, create, EXACT).await;
    for action in ["deactivate", "activate"] {
        let path = format!("/AlertRules/{action}_api");
        let sent = replay.post(&path, "alertrules-ids.request.json");
        replay
            .check(sent, "alertrules-ids.response.json", EXACT)
            .await;
    }
    let list = Sent::get("/AlertRules/lists_api?limit=200&page=1&search_value=");
    replay
        .check(list, "alertrules-lists.response.json", EXACT)
        .await;
    let repos = Sent::new(
        "POST",
        "/Repo/get_all_searchable_logpoint",
        JSON,
        "{}".to_owned(),
    );
    let response = "repo-get_all_searchable_logpoint.response.json";
    replay.check(repos, response, EXACT).await;
}

pub(crate) async fn notifications(replay: &Replay) {
    let response = "notification-create.response.json";
    let file = "emailnotification-create.request.g6.multipart.txt";
    let recorded = replay.text(file);
    let (_, body) = recorded.split_once("\n\n").unwrap();
    let body = body.replace('\n', "\r\n");
    let boundary = body
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("--")
        .to_owned();
    let kind: &'static str = format!("multipart/form-data; boundary={boundary}").leak();
    let path = format!("{EMAIL}/create_api");
    replay
        .check(Sent::new("POST", &path, kind, body), response, EXACT)
        .await;
    let fields = replay.json("emailnotification-create.fields.json");
    let fields = fields.as_object().unwrap();
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields.iter().map(|(k, v)| (k, v.as_str().unwrap())))
        .finish();
    replay
        .check(Sent::new("POST", &path, FORM, body), response, EXACT)
        .await;
    for file in [
        "httpnotification-create.request.elixir.json",
        "httpnotification-create.request.object-header.json",
    ] {
        let sent = replay.post(&format!("{HTTP}/create_api"), file);
        replay.check(sent, response, EXACT).await;
    }
    let leeway = Leeway {
        data: &[".data"],
        ..EXACT
    };
    for (kind, field) in [(EMAIL, "email_emails"), (HTTP, "http_url")] {
        let sent = Sent::get(&format!("{kind}/read_api?id={}", replay.rule));
        let got = replay
            .check(sent, "notification-read.response.json", leeway)
            .await;
        assert!(
            got["data"][field].is_string() || got["data"][field].is_array(),
            "{got}"
        );
    }
}

pub(crate) async fn lists(replay: &Replay) {
    let import = "/UserDefinedList/import_api";
    let body = replay.text("userdefinedlist-import.request.multipart.txt");
    let kind = "multipart/form-data; boundary=BOUNDARY";
    let sent = Sent::new("POST", import, kind, body);
    replay
        .check(sent, "userdefinedlist-import.response.json", EXACT)
        .await;
    let sent = Sent::get("/UserDefinedList/lists_api");
    replay
        .check(sent, "userdefinedlist-lists.response.json", EXACT)
        .await;
}
