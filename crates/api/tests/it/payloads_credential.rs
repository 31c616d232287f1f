//! The recorded requests of the endpoints with a secret key, and the recorded errors.

use crate::payloads::{EXACT, Replay, Sent};
use crate::payloads_shape::Leeway;
use crate::site::{ALL, JSON, key_of, request};
use cresset_model::{Duration, SecretString};
use serde_json::{Value, json};

pub(crate) async fn allowed_data(replay: &Replay) {
    // Addresses are keys here.
    let devices = Leeway {
        data: &[".allowed_devices[]"],
        ..EXACT
    };
    for (kind, leeway) in [
        ("user_preference", EXACT),
        ("loginspects", EXACT),
        ("logpoint_repos", EXACT),
        ("devices", devices),
        ("livesearches", EXACT),
    ] {
        let sent = Replay::form("/getalloweddata", &[("type", kind)]);
        let response = format!("getalloweddata.{kind}.response.json");
        replay.check(sent, &response, leeway).await;
    }
}

pub(crate) async fn searches(replay: &Replay) {
    let search = async |data: Value| {
        let sent = Replay::form("/getsearchlogs", &[("requestData", &data.to_string())]);
        let started = replay
            .check(sent, "getsearchlogs.start.response.json", EXACT)
            .await;
        let mut poll = replay.json("getsearchlogs.poll.requestData.json");
        poll["search_id"] = started["search_id"].clone();
        loop {
            let got = replay
                .site
                .form("/getsearchlogs", &[("requestData", &poll.to_string())])
                .await;
            if got.json["final"] == json!(true) {
                return got.json;
            }
        }
    };
    for file in [
        "getsearchlogs.start.requestData.elixir.json",
        "getsearchlogs.start.requestData.pylogpoint.json",
        "getsearchlogs.start.requestData.docs.json",
    ] {
        let mut data = replay.json(file);
        // That it names a repo of another machine is refused elsewhere.
        if data["repos"].as_str().is_some() {
            data["repos"] = json!("127.0.0.1:5504,127.0.0.1:5504/default");
        }
        let got = search(data).await;
        assert_eq!(got["success"], json!(true), "{file}: {got}");
    }
    let chart = json!({"query": "| chart count() by col_type", "time_range": "Last 1 hour"});
    let leeway = Leeway {
        data: &[".status"],
        // Present in recordings of other versions.
        more: &[".next_starts"],
        empty: &[],
    };
    let expected = replay.json("getsearchlogs.poll.chart.response.json");
    let got = search(chart).await;
    replay.compare("a chart", &expected, &got, leeway);
    let rows = search(json!({"query": "user=alice", "time_range": "Last 1 hour"})).await;
    let expected = replay.json("getsearchlogs.poll.simple.row.json");
    let leeway = Leeway {
        data: &[""],
        empty: &["._labels"],
        ..EXACT
    };
    for row in rows["rows"].as_array().unwrap() {
        replay.compare("a row", &expected, row, leeway);
        for name in [
            "msg",
            "log_ts",
            "col_ts",
            "device_ip",
            "repo_name",
            "logpoint_name",
            "_type_str",
            "_type_num",
            "_type_ip",
            "_labels",
            "_offset",
            "_identifier",
        ] {
            if row.get(name).is_none() {
                replay.note(format!("a row without {name}: {row}"));
            }
        }
    }
}

pub(crate) async fn incidents(replay: &Replay) {
    // An action leaves a comment; the recording of comments is in another file.
    let newer = Leeway {
        more: &[
            ".version",
            ".incidents[].alertrule_id",
            ".incidents[].throttle_enabled",
            ".incidents[].attack_id",
            ".incidents[].attack_tag",
            ".incidents[].attack_category",
            ".incidents[].log_source",
            ".incidents[].lastaction",
        ],
        // Nobody but the owner and the assignee sees this one.
        empty: &[".incidents[].visible_to"],
        ..EXACT
    };
    let read = async |path: &str, request: &str, response: &str, leeway: Leeway| {
        for method in ["GET", "POST"] {
            let sent = Sent::new(method, path, JSON, replay.text(request));
            replay.check(sent, response, leeway).await;
        }
    };
    read(
        "/incidents",
        "incidents.request.json",
        "incidents.response.xsoar.json",
        newer,
    )
    .await;
    let rows = Leeway {
        data: &[".rows[]"],
        // The recorded rule has a template, which Logpoint applies elsewhere.
        more: &[".view"],
        ..EXACT
    };
    let (request, response) = (
        "get_data_from_incident.request.json",
        "get_data_from_incident.response.xsoar.json",
    );
    read("/get_data_from_incident", request, response, rows).await;
    read(
        "/get_users",
        "get_users.request.json",
        "get_users.response.json",
        EXACT,
    )
    .await;

    let written = replay.json("incident-write.responses.json");
    for action in [
        "add_incident_comment",
        "assign_incident",
        "resolve_incident",
        "close_incident",
        "reopen_incident",
    ] {
        let path = format!("/{action}");
        let body = replay.text(&format!("{action}.request.json"));
        let answer = replay.send("POST", &path, JSON, body).await;
        // These texts are literal.
        if answer.json != written[action] {
            replay.note(format!("{path}: {answer:?}"));
        }
    }
    let (request, response) = (
        "incident_states.request.json",
        "incident_states.response.xsoar.json",
    );
    let named = Leeway {
        more: &[".version", ".states[].name"],
        ..EXACT
    };
    read("/incident_states", request, response, named).await;
}

pub(crate) async fn errors(replay: &Replay) {
    let literal = async |sent: Sent, response: &str| {
        let got = replay.check(sent, response, EXACT).await;
        if got != replay.json(response) {
            replay.note(format!("not {response}: {got}"));
        }
    };
    let poll = json!({"search_id": "16fba59d-5b3b-4a0f-9e0b-3f6f0f6f2f3e"}).to_string();
    let sent = Replay::form("/getsearchlogs", &[("requestData", &poll)]);
    literal(sent, "error-forgotten-search.200.json").await;
    let guess = json!({"username": "admin", "secret_key": "guess"}).to_string();
    let sent = Sent::new("GET", "/get_users", JSON, guess);
    literal(sent, "error-credentials.200.json").await;

    let site = &replay.site;
    let key = SecretString::new(key_of("admin").expose());
    let stale = site.token_signed("admin", ALL, &key, Duration::hours(3));
    let answer = site
        .send(request(
            "GET",
            "/AlertRules/lists_api",
            Some(&stale),
            JSON,
            "",
        ))
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json, replay.json("error-token.401.json"));

    let mut rule = replay.json("alertrules-create.request.docs.json");
    rule["name"] = json!("Another name");
    rule["search_params"]["search_interval_minute"] = json!(7);
    let answer = site
        .call("admin", "POST", "/AlertRules/create_api", &rule)
        .await;
    assert_eq!(answer.status, 422);
    let recorded = replay.json("error-validation.422.json");
    // Clients take an answer without `message` for a success.
    let leeway = Leeway {
        more: &[".message"],
        ..EXACT
    };
    replay.compare("a refused rule", &recorded, &answer.json, leeway);
}
