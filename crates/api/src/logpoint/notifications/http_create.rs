//! `POST /pluggables/Notification/HTTPNotification/create_api`

use super::{MASK, dispatch, threshold};
use crate::auth::{AlertrulesWrite, Authorized};
use crate::body::JsonObject;
use crate::error::{Result, ValidationErrors};
use crate::logpoint::fields::{Section, object_ids};
use crate::logpoint::schemas::notifications::{HttpBody, NotificationSet};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::notification::{HttpAuth, HttpMethod, HttpNotification, UrlProblem, check_url};
use cresset_model::{ObjectId, SecretString};
use serde_json::{Map, Value};

/// The fields that are templates.
const TEMPLATES: [&[&str]; 3] = [
    &["http_querystring"],
    &["http_format_query"],
    &["http_body"],
];

/// Sets the HTTP notification of rules, replacing an earlier one.
#[utoipa::path(
    post, path = "/pluggables/Notification/HTTPNotification/create_api", tag = "Notifications",
    security(("jwt" = ["alertrules:write"])),
    request_body = HttpBody,
    responses(
        (status = 200, description = "Set", body = NotificationSet),
        (status = 404, description = "One of the ids is unknown; nothing was changed"),
        (status = 422, description = "`validationErrors` by field"),
    )
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Authorized<AlertrulesWrite>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>> {
    let mut errors = ValidationErrors::default();
    let read = read(&body, &mut errors);
    let source = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let templates = TEMPLATES
        .into_iter()
        .filter_map(|path| Some((path, source(path.first()?)?)))
        .collect();
    api.refuse_templates(templates, &mut errors).await?;
    let (ids, notification) = errors.into_result(read)?;
    api.catalog
        .put_http_notification(&ids, caller.user.id, &notification, api.now())
        .await?;
    Ok(Json(
        super::set(&api, &caller, &ids, "http", "HTTP notification set").await,
    ))
}

/// Reads the body and notes every mistake but those in templates.
fn read(
    body: &Map<String, Value>,
    errors: &mut ValidationErrors,
) -> Option<(Vec<ObjectId>, HttpNotification)> {
    let ids = ids(body.get("ids"), errors);
    let auth = auth(body.get("http_header"), errors);
    let mut words = Section::root(body, errors);
    let (unit, option) = (
        words.text("http_threshold_option"),
        words.text("dispatch_option"),
    );
    let threshold = threshold(
        ("http_threshold_option", Some(&unit)),
        ("http_threshold_value", body.get("http_threshold_value")),
        errors,
    );
    let dispatch = dispatch(Some(&option), errors);
    let mut root = Section::root(body, errors);
    if root.required_text("type") != "http" {
        root.refuse("type", "must be http");
    }
    let enabled = root.value("notify_http").is_none() || root.flag("notify_http");
    let method: Option<HttpMethod> =
        root.required_word("http_request_type", "GET, POST, PUT, DELETE, PATCH, HEAD");
    let protocol = protocol(&mut root);
    let url = root.required_text("http_url").trim().to_owned();
    if !url.is_empty()
        && let Err(problem) = check_url(&url, protocol)
    {
        root.refuse("http_url", advice(&problem));
    }
    let notification = |method| HttpNotification {
        enabled,
        url: SecretString::new(url),
        protocol: protocol.to_owned(),
        method,
        query_string: root.text("http_querystring"),
        format_query: root.text("http_format_query"),
        body: root.text("http_body"),
        auth,
        dispatch,
        threshold,
    };
    ids.zip(method.map(notification))
}

fn ids(value: Option<&Value>, errors: &mut ValidationErrors) -> Option<Vec<ObjectId>> {
    let parsed = match value {
        None => Err("is required".to_owned()),
        Some(value) => object_ids(value),
    };
    parsed.map_err(|message| errors.add(&["ids"], message)).ok()
}

/// What is wrong with a URL, and which field has a place for it.
fn advice(problem: &UrlProblem) -> String {
    match problem {
        UrlProblem::Template => {
            format!("{problem}; put what varies into http_querystring or http_body")
        }
        UrlProblem::Credentials => format!("{problem}; use http_header"),
        _ => problem.to_string(),
    }
}

fn protocol(root: &mut Section<'_>) -> &'static str {
    match root.text("protocol").trim().to_ascii_uppercase().as_str() {
        "" | "HTTP" => "HTTP",
        "HTTPS" => "HTTPS",
        _ => {
            root.refuse("protocol", "must be HTTP or HTTPS");
            "HTTP"
        }
    }
}

/// Reads `http_header`: an object, or the JSON text of one.
fn auth(value: Option<&Value>, errors: &mut ValidationErrors) -> HttpAuth {
    let parsed;
    let object = match value {
        None | Some(Value::Null) => return HttpAuth::None,
        Some(Value::Object(object)) => object,
        Some(Value::String(text)) if text.trim().is_empty() => return HttpAuth::None,
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(Value::Object(object)) => {
                parsed = object;
                &parsed
            }
            _ => {
                errors.add(
                    &["http_header"],
                    "must be an object or the JSON text of one",
                );
                return HttpAuth::None;
            }
        },
        Some(_) => {
            errors.add(
                &["http_header"],
                "must be an object or the JSON text of one",
            );
            return HttpAuth::None;
        }
    };
    auth_of(object, errors)
}

fn auth_of(object: &Map<String, Value>, errors: &mut ValidationErrors) -> HttpAuth {
    let mut problems = ValidationErrors::default();
    for name in ["auth_type", "auth_key", "auth_value", "auth_pass"] {
        let value = object.get(name).filter(|value| !value.is_null());
        if value.is_some_and(|value| !value.is_string()) {
            problems.add(&["http_header", name], "must be a string");
        }
    }
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("auth_type");
    let mut secret = |name: &'static str| {
        let text = text(name);
        let message = match text {
            "" => "is required",
            MASK => "is a mask; send the secret itself",
            _ if text.chars().any(char::is_control) => "must not hold control characters",
            _ => return text.to_owned(),
        };
        problems.add(&["http_header", name], message);
        String::new()
    };
    let auth = match kind.to_ascii_lowercase().as_str() {
        "" | "none" => HttpAuth::None,
        "api_token" => HttpAuth::ApiToken {
            name: secret("auth_key"),
            value: SecretString::new(secret("auth_value")),
        },
        "basic_auth" => HttpAuth::Basic {
            user: secret("auth_key"),
            password: SecretString::new(secret("auth_pass")),
        },
        "bearer_token" => HttpAuth::Bearer {
            token: SecretString::new(secret("auth_key")),
        },
        _ => {
            let message = "must be one of None, api_token, basic_auth, bearer_token";
            problems.add(&["http_header", "auth_type"], message);
            HttpAuth::None
        }
    };
    match &auth {
        HttpAuth::ApiToken { name, .. } if !usable_header(name) => {
            let message = "is not a header name, or one that the request sets itself";
            problems.add(&["http_header", "auth_key"], message);
        }
        HttpAuth::Basic { user, .. } if user.contains(':') => {
            problems.add(&["http_header", "auth_key"], "must not hold a colon");
        }
        _ => {}
    }
    if !problems.is_empty() {
        errors.merge(problems);
    }
    auth
}

/// Whether the sender can set this header: it refuses those that frame the request.
fn usable_header(name: &str) -> bool {
    const FRAMING: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];
    axum::http::HeaderName::try_from(name).is_ok_and(|name| !FRAMING.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use serde_json::json;

    fn good() -> Value {
        json!({"ids": ["67f8ae6fbe9edae2fcfbc1ee"], "type": "http",
            "http_url": "https://hooks.example.com/abc", "http_request_type": "POST",
            "http_querystring": "", "notify_http": true, "protocol": "HTTPS",
            "dispatch_option": "auto", "http_threshold_option": "minute",
            "http_threshold_value": 5})
    }

    fn with(field: &str, value: Value) -> Result<(Vec<ObjectId>, HttpNotification)> {
        let mut body = good();
        body[field] = value;
        let mut errors = ValidationErrors::default();
        let read = read(body.as_object().unwrap(), &mut errors);
        errors.into_result(read)
    }

    #[test]
    fn the_header_as_object_or_text() {
        let bearer = HttpAuth::Bearer {
            token: SecretString::new("my-token"),
        };
        let basic = HttpAuth::Basic {
            user: "key1".into(),
            password: SecretString::new("pwd1"),
        };
        let api = HttpAuth::ApiToken {
            name: "X-Key".into(),
            value: SecretString::new("v"),
        };
        let check = |header: Value, expected: &HttpAuth| {
            assert_eq!(
                &with("http_header", header.clone()).unwrap().1.auth,
                expected,
                "{header}"
            );
        };
        check(
            json!("{\"auth_type\":\"bearer_token\",\"auth_key\":\"my-token\"}"),
            &bearer,
        );
        check(
            json!({"auth_type": "basic_auth", "auth_key": "key1", "auth_pass": "pwd1"}),
            &basic,
        );
        check(
            json!({"auth_type": "api_token", "auth_key": "X-Key", "auth_value": "v"}),
            &api,
        );
        for none in [
            json!({"auth_type": "None"}),
            json!(null),
            json!(""),
            json!({}),
        ] {
            check(none, &HttpAuth::None);
        }
    }

    #[test]
    fn every_mistake_is_named_by_its_field() {
        let table: &[(&str, Value, &str)] = &[
            ("ids", json!("67f8ae6fbe9edae2fcfbc1ee"), "/ids"),
            ("ids", json!([]), "/ids"),
            ("ids", json!(["x"]), "/ids"),
            ("type", json!("email"), "/type"),
            ("http_url", json!(""), "/http_url"),
            ("http_url", json!("https://"), "/http_url"),
            ("http_url", json!("file:///etc/passwd"), "/http_url"),
            ("http_url", json!("https://u:p@example.com/"), "/http_url"),
            ("http_url", json!("https://a b/"), "/http_url"),
            ("http_url", json!(7), "/http_url"),
            ("http_url", json!("http://[::1]:99999/"), "/http_url"),
            ("http_url", json!("javascript:alert(1)"), "/http_url"),
            ("http_url", json!("ftp://example.com/"), "/http_url"),
            ("http_url", json!("https://u@example.com/"), "/http_url"),
            (
                "http_url",
                json!("https://example.com/{{alert_name}}"),
                "/http_url",
            ),
            ("http_request_type", json!("post"), "/http_request_type"),
            ("http_request_type", json!("TRACE"), "/http_request_type"),
            ("protocol", json!("FTP"), "/protocol"),
            ("notify_http", json!("true"), "/notify_http"),
            ("http_body", json!({}), "/http_body"),
            ("dispatch_option", json!(1), "/dispatch_option"),
            ("dispatch_option", json!(["auto"]), "/dispatch_option"),
            ("dispatch_option", json!("later"), "/dispatch_option"),
            ("http_threshold_option", json!(5), "/http_threshold_option"),
            (
                "http_threshold_option",
                json!(true),
                "/http_threshold_option",
            ),
            ("http_threshold_value", json!(0), "/http_threshold_value"),
            ("http_threshold_value", json!(null), "/http_threshold_value"),
            (
                "http_threshold_option",
                json!(null),
                "/http_threshold_option",
            ),
            ("http_header", json!([]), "/http_header"),
            ("http_header", json!("{"), "/http_header"),
            (
                "http_header",
                json!({"auth_type": "digest"}),
                "/http_header/auth_type",
            ),
            (
                "http_header",
                json!({"auth_type": "bearer_token"}),
                "/http_header/auth_key",
            ),
            (
                "http_header",
                json!({"auth_type": "bearer_token", "auth_key": MASK}),
                "/http_header/auth_key",
            ),
            (
                "http_header",
                json!({"auth_type": "bearer_token", "auth_key": "a\r\nb"}),
                "/http_header/auth_key",
            ),
            (
                "http_header",
                json!({"auth_type": "api_token", "auth_key": "a b", "auth_value": "v"}),
                "/http_header/auth_key",
            ),
            (
                "http_header",
                json!({"auth_type": "api_token", "auth_key": "Content-Length", "auth_value": "9"}),
                "/http_header/auth_key",
            ),
            (
                "http_header",
                json!({"auth_type": "basic_auth", "auth_key": "a:b", "auth_pass": "c"}),
                "/http_header/auth_key",
            ),
        ];
        for (field, value, pointer) in table {
            let Err(Error::Invalid(errors)) = with(field, value.clone()) else {
                panic!("{field} {value} was accepted");
            };
            assert!(
                errors.to_json().pointer(pointer).is_some(),
                "{field} {value}: {errors:?}"
            );
        }
    }

    #[test]
    fn a_url_without_scheme_takes_the_protocol() {
        assert!(with("http_url", json!("hooks.example.com:8080/a?b=c")).is_ok());
        assert!(with("http_url", json!("127.0.0.1:9000")).is_ok());
        assert!(with("http_url", json!("[::1]:9000/a%20b?c={d}")).is_ok());
    }
}
