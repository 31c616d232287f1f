//! A value of every wrong type in every field: always a 422 that names the field, and
//! nothing has changed.

use crate::rules::{created, rule};
use crate::site::{ALL, FORM, Site, request};
use serde_json::{Value, json};

/// One value of each type.
fn values() -> [Value; 7] {
    [
        json!(null),
        json!(true),
        json!(7),
        json!(1.5),
        json!("four"),
        json!([{"a": []}]),
        json!({"b": 1}),
    ]
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// Fields of a rule; which types are fine there; where the mistake is named.
const RULE_FIELDS: [(&str, &str, &str); 37] = [
    ("/name", "", "/name"),
    ("/description", "null text", "/description"),
    ("/search_params", "", "/search_params"),
    ("/search_params/query", "text", "/search_params/query"),
    (
        "/search_params/timerange_day",
        "null number",
        "/search_params/timerange_day",
    ),
    (
        "/search_params/timerange_hour",
        "null number",
        "/search_params/timerange_hour",
    ),
    ("/search_params/timerange_minute", "", "/search_params"),
    ("/search_params/repos", "", "/search_params/repos"),
    (
        "/search_params/limit",
        "null number",
        "/search_params/limit",
    ),
    (
        "/search_params/flush_on_trigger",
        "null bool",
        "/search_params/flush_on_trigger",
    ),
    (
        "/search_params/search_interval_minute",
        "null",
        "/search_params/search_interval_minute",
    ),
    (
        "/search_params/delay_interval_minute",
        "null number",
        "/search_params/delay_interval_minute",
    ),
    (
        "/search_params/throttling_enabled",
        "null bool",
        "/search_params/throttling_enabled",
    ),
    (
        "/search_params/throttling_field",
        "text",
        "/search_params/throttling_field",
    ),
    (
        "/search_params/throttling_time_range",
        "number",
        "/search_params/throttling_time_range",
    ),
    ("/incident_condition", "", "/incident_condition"),
    (
        "/incident_condition/condition_option",
        "",
        "/incident_condition/condition_option",
    ),
    (
        "/incident_condition/condition_value",
        "number",
        "/incident_condition/condition_value",
    ),
    ("/incident_condition/risk", "", "/incident_condition/risk"),
    (
        "/incident_condition/aggregate",
        "",
        "/incident_condition/aggregate",
    ),
    ("/taxonomy", "object", "/taxonomy"),
    (
        "/taxonomy/attack_tag_hashes",
        "null",
        "/taxonomy/attack_tag_hashes",
    ),
    (
        "/taxonomy/attack_tag_hashes/0",
        "text",
        "/taxonomy/attack_tag_hashes",
    ),
    ("/taxonomy/logsources", "null", "/taxonomy/logsources"),
    ("/taxonomy/logsources/0", "text", "/taxonomy/logsources"),
    ("/taxonomy/metadata", "null", "/taxonomy/metadata"),
    ("/taxonomy/metadata/0", "", "/taxonomy/metadata"),
    ("/taxonomy/metadata/0/field", "text", "/taxonomy/metadata"),
    (
        "/taxonomy/metadata/0/value",
        "null text",
        "/taxonomy/metadata",
    ),
    ("/incident_ownership", "", "/incident_ownership"),
    (
        "/incident_ownership/assignee",
        "",
        "/incident_ownership/assignee",
    ),
    (
        "/incident_ownership/visible_to_usergroups",
        "null",
        "/incident_ownership/visible_to_usergroups",
    ),
    (
        "/incident_display_data/apply_jinja_template",
        "null bool",
        "/incident_display_data/apply_jinja_template",
    ),
    (
        "/incident_display_data/simple_view",
        "null bool",
        "/incident_display_data/simple_view",
    ),
    (
        "/incident_display_data/jinja_template",
        "null text",
        "/incident_display_data/jinja_template",
    ),
    ("/foureyes", "null object", "/foureyes"),
    (
        "/foureyes/original_data",
        "null bool",
        "/foureyes/original_data",
    ),
];

/// Sends `body` to `path`; `fine` says whether the value belongs there.
async fn check(site: &Site, path: &str, body: &Value, fine: bool, pointer: &str, what: &str) {
    let answer = site.call("admin", "POST", path, body).await;
    if fine {
        assert_eq!(answer.status, 200, "{path} {what}: {answer:?}");
        return;
    }
    assert_eq!(answer.status, 422, "{path} {what}: {answer:?}");
    assert_eq!(answer.json["success"], json!(false), "{what}");
    assert!(answer.json["message"].is_string(), "{what}");
    let errors = &answer.json["validationErrors"];
    assert!(errors.pointer(pointer).is_some(), "{path} {what}: {errors}");
}

#[tokio::test]
async fn in_every_field_of_a_rule() {
    let site = Site::new().await;
    let id = created(&site, "admin", "Kept as it is").await;
    let read = format!("/AlertRules/read_api?id={id}");
    let original = site.call("admin", "GET", &read, &Value::Null).await.json["data"].clone();
    let mut made = 1;
    for (field, accepted, pointer) in RULE_FIELDS {
        for value in values() {
            let fine = accepted.split(' ').any(|a| a == kind(&value)) && value != json!(1.5);
            let what = format!("{field} = {value}");
            made += usize::from(fine);
            let mut body = rule(&format!("Rule number {made}"));
            *body.pointer_mut(field).unwrap() = value;
            check(&site, "/AlertRules/create_api", &body, fine, pointer, &what).await;
            if body["name"] == json!(format!("Rule number {made}")) {
                body["name"] = json!("Kept as it is");
            }
            body["id"] = json!(id);
            check(&site, "/AlertRules/update_api", &body, fine, pointer, &what).await;
            let data = site.call("admin", "GET", &read, &Value::Null).await.json["data"].clone();
            if fine {
                let mut back = original.clone();
                back["id"] = json!(id);
                let answer = site
                    .call("admin", "POST", "/AlertRules/update_api", &back)
                    .await;
                assert_eq!(answer.status, 200, "{what}");
            } else {
                assert_eq!(data, original, "{what}");
            }
        }
    }
    let path = "/AlertRules/lists_api?limit=1";
    let list = site.call("admin", "GET", path, &Value::Null).await.json;
    assert_eq!(list["total"], json!(made), "what was refused was not made");
}

#[tokio::test]
async fn in_the_ids() {
    let site = Site::new().await;
    let id = created(&site, "admin", "Kept as it is").await;
    let read = format!("/AlertRules/read_api?id={id}");
    let before = site.call("admin", "GET", &read, &Value::Null).await.json;
    for value in values() {
        let mut body = rule("Other name");
        body["id"] = value.clone();
        let what = format!("id = {value}");
        check(&site, "/AlertRules/update_api", &body, false, "/id", &what).await;
        for path in ["activate_api", "deactivate_api", "delete_api"] {
            let path = format!("/AlertRules/{path}");
            let what = format!("ids = {value}");
            check(&site, &path, &json!({ "ids": value }), false, "/ids", &what).await;
            let mixed = json!({"ids": [id, value]});
            check(&site, &path, &mixed, false, "/ids", &what).await;
        }
    }
    let after = site.call("admin", "GET", &read, &Value::Null).await.json;
    assert_eq!(after, before);
}

#[tokio::test]
async fn in_every_field_of_an_http_notification() {
    let site = Site::new().await;
    let id = created(&site, "admin", "With a notification").await;
    let path = "/pluggables/Notification/HTTPNotification/create_api";
    let read = format!("/pluggables/Notification/HTTPNotification/read_api?id={id}");
    let good = json!({"ids": [id], "type": "http", "http_url": "https://hooks.example.com/abc",
        "http_request_type": "POST", "http_querystring": "a=b", "http_format_query": "c=d",
        "http_body": "text", "notify_http": true, "protocol": "HTTPS", "dispatch_option": "auto",
        "http_header": {"auth_type": "basic_auth", "auth_key": "user", "auth_pass": "secret"},
        "http_threshold_option": "minute", "http_threshold_value": 5});
    assert_eq!(site.call("admin", "POST", path, &good).await.status, 200);
    let before = site.call("admin", "GET", &read, &Value::Null).await.json;
    for (field, accepted, pointer) in [
        ("/ids", "", "/ids"),
        ("/ids/0", "", "/ids"),
        ("/type", "", "/type"),
        ("/http_url", "text", "/http_url"),
        ("/http_request_type", "", "/http_request_type"),
        ("/http_querystring", "null text", "/http_querystring"),
        ("/http_format_query", "null text", "/http_format_query"),
        ("/http_body", "null text", "/http_body"),
        ("/notify_http", "null bool", "/notify_http"),
        ("/protocol", "null", "/protocol"),
        ("/dispatch_option", "null", "/dispatch_option"),
        ("/http_header", "null object", "/http_header"),
        ("/http_header/auth_type", "null", "/http_header/auth_type"),
        ("/http_header/auth_key", "text", "/http_header/auth_key"),
        ("/http_header/auth_pass", "text", "/http_header/auth_pass"),
        ("/http_threshold_option", "", "/http_threshold_option"),
        ("/http_threshold_value", "number", "/http_threshold_value"),
    ] {
        for value in values() {
            let fine = accepted.split(' ').any(|a| a == kind(&value)) && value != json!(1.5);
            let what = format!("{field} = {value}");
            let mut body = good.clone();
            *body.pointer_mut(field).unwrap() = value;
            check(&site, path, &body, fine, pointer, &what).await;
            if fine {
                assert_eq!(site.call("admin", "POST", path, &good).await.status, 200);
            } else {
                let after = site.call("admin", "GET", &read, &Value::Null).await.json;
                assert_eq!(after, before, "{what}");
            }
        }
    }
}

/// A form has texts only, so this sends the JSON text of every type.
#[tokio::test]
async fn in_every_field_of_an_email_notification() {
    let site = Site::new().await;
    let id = created(&site, "admin", "With a notification").await;
    let read = format!("/pluggables/Notification/EmailNotification/read_api?id={id}");
    let token = site.token("admin", ALL);
    let ids = format!("[\"{id}\"]");
    let good = [
        ("ids", ids.as_str()),
        ("type", "email"),
        ("notify_email", "true"),
        ("email_emails", "[\"soc@example.com\"]"),
        ("subject", "Alert"),
        ("email_template", "text"),
        ("simple_view", "false"),
        ("dispatch_option", "auto"),
        ("disable_search_link", "false"),
        ("logo_enable", "false"),
        ("threshold_option", "minute"),
        ("threshold_value", "5"),
    ];
    let send = async |fields: &[(&str, &str)]| {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let path = "/pluggables/Notification/EmailNotification/create_api";
        site.send(request("POST", path, Some(&token), FORM, form.finish()))
            .await
    };
    assert_eq!(send(&good).await.status, 200);
    let before = site.call("admin", "GET", &read, &Value::Null).await.json;
    for (at, (field, _)) in good.iter().enumerate() {
        for value in values() {
            let fine = match *field {
                "subject" | "email_template" => true,
                "threshold_value" => value == json!(7),
                "notify_email" | "simple_view" | "disable_search_link" | "logo_enable" => {
                    value == json!(true)
                }
                _ => false,
            };
            let text = value.to_string();
            let mut fields = good;
            fields[at].1 = &text;
            let answer = send(&fields).await;
            let what = format!("{field} = {value}");
            if fine {
                assert_eq!(answer.status, 200, "{what}: {answer:?}");
                assert_eq!(send(&good).await.status, 200);
            } else {
                assert_eq!(answer.status, 422, "{what}: {answer:?}");
                assert!(answer.json["validationErrors"][field].is_string(), "{what}");
                let after = site.call("admin", "GET", &read, &Value::Null).await.json;
                assert_eq!(after, before, "{what}");
            }
        }
    }
}
