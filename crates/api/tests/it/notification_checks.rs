//! What can never work is refused when it is saved: templates, addresses, logos. And what
//! a rule's own template makes of an incident.

use crate::incidents::{ask, fired};
use crate::rules::{created, rule};
use crate::site::{ALL, FORM, START, Site, request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const EMAIL: &str = "/pluggables/Notification/EmailNotification";
const HTTP: &str = "/pluggables/Notification/HTTPNotification/create_api";
const LOGO: &[u8] = include_bytes!("../../../notify/assets/logo.png");

fn mistake(answer: &crate::site::Answer, path: &str) -> String {
    assert_eq!(answer.status, 422, "{path}: {answer:?}");
    let errors = &answer.json["validationErrors"];
    let message = errors.pointer(path).and_then(Value::as_str);
    message
        .unwrap_or_else(|| panic!("nothing about {path} in {errors}"))
        .to_owned()
}

async fn email(site: &Site, id: &str, fields: &[(&str, &str)]) -> crate::site::Answer {
    let ids = format!("[\"{id}\"]");
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("ids", &ids)
        .append_pair("type", "email")
        .append_pair("email_emails", "[\"soc@example.com\"]");
    form.extend_pairs(fields);
    let (token, path) = (site.token("admin", ALL), format!("{EMAIL}/create_api"));
    site.send(request("POST", &path, Some(&token), FORM, form.finish()))
        .await
}

#[tokio::test]
async fn templates_that_cannot_work_are_refused_with_their_place() {
    let site = Site::new().await;
    let id = created(&site, "admin", "Brute force").await;
    for (source, place) in [
        ("{% for %}", "(line 1)"),
        ("{{ x", "(line 1)"),
        ("a {{ a|nosuch }}", "there is no filter \"nosuch\" (line 1)"),
    ] {
        for field in ["subject", "email_template"] {
            let answer = email(&site, &id, &[(field, source)]).await;
            let message = mistake(&answer, &format!("/{field}"));
            assert!(message.contains(place), "{source}: {message}");
        }
        for field in ["http_body", "http_querystring", "http_format_query"] {
            let mut body = json!({"ids": [id], "type": "http", "http_url": "https://h.example/",
                "http_request_type": "POST"});
            body[field] = json!(source);
            let answer = site.call("admin", "POST", HTTP, &body).await;
            let message = mistake(&answer, &format!("/{field}"));
            assert!(message.contains(place), "{source}: {message}");
        }
        let mut body = rule("Another rule");
        body["incident_display_data"]["jinja_template"] = json!(format!("\n{source}"));
        body["incident_display_data"]["apply_jinja_template"] = json!(true);
        let answer = site
            .call("admin", "POST", "/AlertRules/create_api", &body)
            .await;
        let message = mistake(&answer, "/incident_display_data/jinja_template");
        assert!(message.contains("(line 2)"), "{source}: {message}");
        body["name"] = json!(format!("Switched off: {source}"));
        body["incident_display_data"]["apply_jinja_template"] = json!(false);
        let answer = site
            .call("admin", "POST", "/AlertRules/create_api", &body)
            .await;
        assert_eq!(answer.status, 200, "{source}: {answer:?}");
    }
    // All mistakes are told at once.
    let answer = email(
        &site,
        &id,
        &[("subject", "{{"), ("logo", "x"), ("simple_view", "?")],
    )
    .await;
    for field in ["/subject", "/logo", "/simple_view"] {
        mistake(&answer, field);
    }
    let body = json!({"ids": [id], "type": "http", "http_url": "https://h.example/hook/{{alert_name}}",
        "http_request_type": "POST"});
    let answer = site.call("admin", "POST", HTTP, &body).await;
    let message = mistake(&answer, "/http_url");
    assert!(message.contains("http_querystring"), "{message}");
}

#[tokio::test]
async fn a_logo_is_a_small_image() {
    let site = Site::new().await;
    let id = created(&site, "admin", "Brute force").await;
    let image = format!("data:image/png;base64,{}", STANDARD.encode(LOGO));
    for (enabled, kind, logo, fine) in [
        ("true", "default", "", true),
        ("true", "own", image.as_str(), true),
        ("true", "own", "", false),
        ("true", "default", "x", false),
        ("false", "", "data:image/png;base64,AAAA", false),
    ] {
        let fields = [
            ("logo_enable", enabled),
            ("logo_type", kind),
            ("logo", logo),
        ];
        let answer = email(&site, &id, &fields).await;
        if fine {
            assert_eq!(answer.status, 200, "{fields:?}: {answer:?}");
        } else {
            mistake(&answer, "/logo");
        }
    }
}

#[tokio::test]
async fn a_logo_comes_as_uploaded_file() {
    let site = Site::new().await;
    let id = created(&site, "admin", "Brute force").await;
    for media in ["", "Content-Type: image/png\r\n"] {
        let mut body = Vec::new();
        for (name, value) in [
            ("ids", format!("[\"{id}\"]")),
            ("type", "email".to_owned()),
            ("email_emails", "[\"soc@example.com\"]".to_owned()),
            ("logo_enable", "on".to_owned()),
        ] {
            let part = format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend(part.into_bytes());
        }
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"l.png\"\r\n{media}\r\n"
        );
        body.extend(head.into_bytes());
        body.extend(LOGO);
        body.extend(b"\r\n--b--\r\n");
        let (token, path) = (site.token("admin", ALL), format!("{EMAIL}/create_api"));
        let content = "multipart/form-data; boundary=b";
        let answer = site
            .send(request("POST", &path, Some(&token), content, body))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let read = format!("{EMAIL}/read_api?id={id}");
        let data = site.call("admin", "GET", &read, &Value::Null).await.json["data"].clone();
        let logo = data["logo"].as_str().unwrap();
        assert!(logo.ends_with(&STANDARD.encode(LOGO)), "{logo}");
    }
}

#[tokio::test]
async fn an_incident_is_shown_through_its_rules_template() {
    let site = Site::new().await;
    let id = created(&site, "admin", "Brute force").await;
    let (incident, _) = fired(&site, "admin", &id, START - 60).await;
    let data = json!({"incident_obj_id": incident.to_string()});
    let shown = async || {
        let path = "/get_data_from_incident";
        ask(&site, "admin", "POST", path, data.clone()).await
    };
    let update = async |display: Value| {
        let mut body = rule("Brute force");
        body["id"] = json!(id);
        body["incident_display_data"] = display;
        let path = "/AlertRules/update_api";
        let answer = site.call("admin", "POST", path, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let source = "<b>{% for row in rows %}{{row.user}}{% endfor %}</b>{{ '<i>' }}";
    update(json!({"apply_jinja_template": true, "jinja_template": source})).await;
    let reply = shown().await;
    assert_eq!(reply["view"], json!("<b>alice</b>&lt;i&gt;"));
    assert_eq!(reply["rows"].as_array().unwrap().len(), 1);

    let endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    update(json!({"apply_jinja_template": true, "jinja_template": endless})).await;
    let reply = shown().await;
    let view = reply["view"].as_str().unwrap();
    assert!(view.contains("template could not be used"), "{view}");
    assert!(
        view.contains("alice"),
        "the rows are shown all the same: {view}"
    );

    for display in [
        json!({"apply_jinja_template": false, "jinja_template": source}),
        json!({"apply_jinja_template": true, "jinja_template": " "}),
        json!({"apply_jinja_template": true}),
        json!({}),
    ] {
        update(display.clone()).await;
        let reply = shown().await;
        assert!(reply.get("view").is_none(), "{display}: {reply}");
    }
}
