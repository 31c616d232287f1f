//! E-mail and HTTP notifications.

use crate::rules::created;
use crate::site::{ALL, FORM, Site, request};
use serde_json::{Value, json};

const EMAIL: &str = "/pluggables/Notification/EmailNotification";
const HTTP: &str = "/pluggables/Notification/HTTPNotification";

/// The vendor's SDK sends multipart with these parts, without file names or types.
fn sdk_form(id: &str) -> String {
    let ids = format!("[\"{id}\"]");
    [
        ("ids", ids.as_str()),
        ("type", "email"),
        ("notify_email", "true"),
        ("email_emails", "[\"soc@example.com\"]"),
        ("subject", "Alert {{alert_name}}"),
        (
            "email_template",
            "<p>{{ rows_count }}</p>\n<p>second line</p>",
        ),
        ("dispatch_option", "auto"),
        ("disable_search_link", "false"),
        ("simple_view", "on"),
        ("logo_enable", "false"),
        ("threshold_option", "minute"),
        ("threshold_value", "5"),
    ]
    .iter()
    .map(|(name, value)| {
        format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    })
    .chain(["--b0--\r\n".to_owned()])
    .collect()
}

#[tokio::test]
async fn an_email_notification_as_multipart() {
    let site = Site::new().await;
    let id = created(&site, "admin", "Brute force").await;
    let read = format!("{EMAIL}/read_api?id={id}");
    let answer = site.call("admin", "GET", &read, &Value::Null).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json["data"]),
        (200, &json!({}))
    );

    let token = site.token("admin", ALL);
    let path = format!("{EMAIL}/create_api");
    let content_type = "multipart/form-data; boundary=b0";
    let answer = site
        .send(request(
            "POST",
            &path,
            Some(&token),
            content_type,
            sdk_form(&id),
        ))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["success"], json!(true));
    assert!(answer.json["data"].is_array() && answer.json["message"].is_string());

    let data = site.call("admin", "GET", &read, &Value::Null).await.json["data"].clone();
    for (field, expected) in [
        ("type", json!("email")),
        ("notify_email", json!(true)),
        ("email_emails", json!(["soc@example.com"])),
        ("subject", json!("Alert {{alert_name}}")),
        (
            "email_template",
            json!("<p>{{ rows_count }}</p>\n<p>second line</p>"),
        ),
        ("dispatch_option", json!("auto")),
        ("simple_view", json!(true)),
        ("threshold_option", json!("minute")),
        ("threshold_value", json!(5)),
    ] {
        assert_eq!(data[field], expected, "{field}");
    }
}

#[tokio::test]
async fn an_email_notification_as_urlencoded_form_replaces_the_first() {
    let site = Site::new().await;
    let id = created(&site, "admin", "Brute force").await;
    let token = site.token("admin", ALL);
    let path = format!("{EMAIL}/create_api");
    for subject in ["one", "two"] {
        let body = format!(
            "ids=%5B%22{id}%22%5D&type=email&email_emails=%5B%22a%40b.example%22%5D\
             &subject={subject}&simple_view=true"
        );
        let answer = site
            .send(request("POST", &path, Some(&token), FORM, body))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let read = format!("{EMAIL}/read_api?id={id}");
    let answer = site.call("admin", "GET", &read, &Value::Null).await;
    assert_eq!(answer.json["data"]["subject"], json!("two"));

    let body = "ids=67f8ae6fbe9edae2fcfbc1ee&type=email&email_emails=%5B%5D";
    let answer = site
        .send(request("POST", &path, Some(&token), FORM, body))
        .await;
    assert_eq!(answer.status, 422);
    let message = answer.json["validationErrors"]["ids"].as_str().unwrap();
    assert!(
        message.starts_with("Invalid JSON array of alert_id(s): "),
        "{message}"
    );
}

#[tokio::test]
async fn an_http_notification_shows_no_secret() {
    let site = Site::new().await;
    let id = created(&site, "admin", "Brute force").await;
    let canary = "canary-7f3a";
    for header in [
        json!({"auth_type": "bearer_token", "auth_key": canary}),
        json!({"auth_type": "basic_auth", "auth_key": "user", "auth_pass": canary}),
        json!({"auth_type": "api_token", "auth_key": "X-Key", "auth_value": canary}),
        json!(format!(
            "{{\"auth_type\":\"bearer_token\",\"auth_key\":\"{canary}\"}}"
        )),
    ] {
        let body = json!({
            "ids": [id], "type": "http", "http_url": "https://hooks.example.com/abc",
            "http_request_type": "POST", "http_querystring": "a={{risk}}", "notify_http": true,
            "http_body": "{\"text\": \"{{ alert_name }}\"}", "protocol": "HTTPS",
            "dispatch_option": "manual", "http_header": header,
            "http_threshold_option": "hour", "http_threshold_value": 3,
        });
        let path = format!("{HTTP}/create_api");
        let answer = site.call("admin", "POST", &path, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.text.contains(canary));
        let read = format!("{HTTP}/read_api?id={id}");
        let answer = site.call("admin", "GET", &read, &Value::Null).await;
        assert!(!answer.text.contains(canary), "{}", answer.text);
        for (field, sent) in body.as_object().unwrap() {
            if field != "ids" && field != "http_header" {
                assert_eq!(&answer.json["data"][field], sent, "{field}");
            }
        }
        assert!(answer.json["data"]["http_header"]["auth_type"].is_string());
    }
    use cresset_catalog::port::Rules as _;
    let stored = site
        .catalog
        .http_notification(id.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let cresset_model::notification::HttpAuth::Bearer { token } = stored.auth else {
        panic!("the last header was a bearer token");
    };
    assert_eq!(token.expose(), canary);
}
