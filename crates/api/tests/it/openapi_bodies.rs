//! What the OpenAPI document says about bodies, against recorded messages and real refusals.

use crate::payloads_shape::folder;
use crate::site::Site;
use axum::body::Body;
use axum::http::Request;
use cresset_api::endpoints::{Access, ENDPOINTS};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::to_value(cresset_api::openapi()).unwrap()
}

/// What a `$ref` stands for.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').unwrap();
            let found = document.pointer(pointer);
            resolve(document, found.unwrap_or_else(|| panic!("{reference}")))
        }
        None => value,
    }
}

/// The schemas of which one or all hold: references and alternatives taken apart.
fn plain<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolve(document, schema);
    let groups = ["oneOf", "anyOf", "allOf"];
    let inner = groups.iter().filter_map(|name| schema[*name].as_array());
    let mut all: Vec<&Value> = inner
        .flatten()
        .flat_map(|schema| plain(document, schema))
        .collect();
    all.push(schema);
    all
}

/// All operations.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for endpoint in ENDPOINTS {
        for method in endpoint.methods {
            let method = method.to_ascii_lowercase();
            let operation = &document["paths"][endpoint.path][&method];
            found.push((format!("{method} {}", endpoint.path), operation));
        }
    }
    assert!(found.len() >= 40);
    found
}

/// The media types of a request body or a response.
fn contents<'a>(document: &'a Value, body: &'a Value) -> Vec<&'a Value> {
    let content = resolve(document, body)["content"].as_object();
    content.map_or_else(Vec::new, |content| content.values().collect())
}

/// Notes where a schema says nothing. What a map holds may be anything.
fn say_nothing(document: &Value, schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let at = reference.rsplit('/').next().unwrap();
        if !at.is_empty() && found.insert(format!("seen {at}")) {
            say_nothing(document, resolve(document, schema), at, found);
        }
        return;
    }
    let groups = ["oneOf", "anyOf", "allOf"];
    let says = ["type", "enum", "const"].iter().chain(&groups);
    if !says.into_iter().any(|name| !schema[*name].is_null()) {
        found.insert(format!("{at} says nothing"));
    }
    for group in groups {
        for inner in schema[group].as_array().into_iter().flatten() {
            say_nothing(document, inner, &format!("{at}/{group}"), found);
        }
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        say_nothing(document, inner, &format!("{at}/{name}"), found);
    }
    if schema["items"].is_object() {
        say_nothing(document, &schema["items"], &format!("{at}[]"), found);
    }
}

#[test]
fn no_body_is_left_open() {
    let document = document();
    let mut found = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("405"), "{name}");
        let bodies = responses
            .iter()
            .map(|(status, body)| (status.as_str(), body));
        let request = operation.get("requestBody").map(|body| ("request", body));
        for (part, body) in bodies.chain(request) {
            let contents = contents(&document, body);
            assert!(!contents.is_empty(), "{name}: {part} has no body");
            for content in contents {
                let schema = &content["schema"];
                say_nothing(&document, schema, &format!("{name} {part}"), &mut found);
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let at = format!("{name} {}", parameter["name"]);
            say_nothing(&document, &parameter["schema"], &at, &mut found);
        }
    }
    found.retain(|place| !place.starts_with("seen "));
    assert_eq!(found, BTreeSet::new());
}

#[test]
fn words_and_bounds_are_those_that_the_server_takes() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let check = |name: &str, words: &[&str]| {
        assert_eq!(schemas[name]["enum"], json!(words), "{name}");
    };
    let conditions = [
        "greaterthan",
        "lessthan",
        "equalsto",
        "lessequal",
        "equals",
        "moreequal",
        "notequal",
    ];
    check("ConditionWord", &conditions);
    check("RiskWord", &["low", "medium", "high", "critical"]);
    check("AggregateWord", &["min", "max", "avg"]);
    check("DispatchWord", &["auto", "manual"]);
    check("SpanWord", &["minute", "hour", "day"]);
    check("StatusWord", &["unresolved", "resolved", "closed"]);
    check("QueryWord", &["simple", "chart", "timechart"]);
    let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"];
    check("MethodWord", &methods);
    let ways = ["None", "api_token", "basic_auth", "bearer_token"];
    check("AuthWord", &ways);
    let search = &schemas["SearchParamsBody"]["properties"];
    for (field, least, most) in [
        ("limit", 1, u64::from(u32::MAX)),
        ("search_interval_minute", 1, 43_200),
        ("delay_interval_minute", 0, 1440),
    ] {
        let bounds = (&search[field]["minimum"], &search[field]["maximum"]);
        assert_eq!(bounds, (&json!(least), &json!(most)), "{field}");
    }
    let lists = &document["paths"]["/AlertRules/lists_api"]["get"]["parameters"];
    for parameter in lists.as_array().unwrap() {
        if parameter["name"] == "limit" || parameter["name"] == "page" {
            assert_eq!(parameter["schema"]["minimum"], json!(1), "{parameter}");
        }
        if parameter["name"] == "type" {
            assert!(parameter.to_string().contains(r#""vendor""#), "{parameter}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value) {
        if value["$ref"].is_string() {
            resolve(document, value);
        }
        match value {
            Value::Object(object) => object.values().for_each(|v| walk(document, v)),
            Value::Array(items) => items.iter().for_each(|v| walk(document, v)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

/// Recorded messages: path and part, or a schema's name and `-`, then the files.
const RECORDED: &str = "
/AlertRules/create_api request alertrules-create.request.docs alertrules-create.request.g6
/AlertRules/create_api 200 alertrules-create.response error-validation.duplicate-name.200
/AlertRules/create_api 422 error-validation.422
/AlertRules/create_api 401 error-token.401
/AlertRules/update_api request alertrules-update.request.g6
/AlertRules/activate_api request alertrules-ids.request
/AlertRules/activate_api 200 alertrules-ids.response
/AlertRules/lists_api 200 alertrules-lists.response
/AlertRules/read_api 200 alertrules-read.response
/pluggables/Notification/EmailNotification/create_api request emailnotification-create.fields
/pluggables/Notification/EmailNotification/create_api 200 notification-create.response
/pluggables/Notification/HTTPNotification/create_api 200 notification-create.response
/pluggables/Notification/HTTPNotification/create_api request httpnotification-create.request.elixir
/pluggables/Notification/HTTPNotification/create_api request httpnotification-create.request.object-header
/pluggables/Notification/EmailNotification/read_api 200 notification-read.response
/pluggables/Notification/HTTPNotification/read_api 200 notification-read.response
/Repo/get_all_searchable_logpoint 200 repo-get_all_searchable_logpoint.response
/UserDefinedList/lists_api 200 userdefinedlist-lists.response
/UserDefinedList/import_api 200 userdefinedlist-import.response
/getalloweddata 200 getalloweddata.devices.response getalloweddata.livesearches.response
/getalloweddata 200 getalloweddata.loginspects.response getalloweddata.logpoint_repos.response
/getalloweddata 200 getalloweddata.user_preference.response
/getsearchlogs 200 getsearchlogs.start.response getsearchlogs.poll.chart.response
/getsearchlogs 200 error-forgotten-search.200
SearchStart - getsearchlogs.start.requestData.docs getsearchlogs.start.requestData.elixir
SearchStart - getsearchlogs.start.requestData.pylogpoint
SearchPoll - getsearchlogs.poll.requestData
/incidents request incidents.request
/incidents 200 incidents.response.xsoar error-credentials.200
/incident_states request incident_states.request
/incident_states 200 incident_states.response.xsoar
/get_data_from_incident request get_data_from_incident.request
/get_data_from_incident 200 get_data_from_incident.response.xsoar
/get_users request get_users.request
/get_users 200 get_users.response
/add_incident_comment request add_incident_comment.request
/assign_incident request assign_incident.request
/resolve_incident request resolve_incident.request
/close_incident request close_incident.request
/reopen_incident request reopen_incident.request
/UserDefinedList/lists_api 401 error-token.401
";

/// The schemas of one part of an endpoint.
fn schemas<'a>(document: &'a Value, path: &str, part: &str) -> Vec<&'a Value> {
    let Some(path) = path.starts_with('/').then_some(path) else {
        return vec![&document["components"]["schemas"][path]];
    };
    let item = &document["paths"][path];
    let operation = if item["post"].is_object() {
        &item["post"]
    } else {
        &item["get"]
    };
    let body = match part {
        "request" => &operation["requestBody"],
        status => &operation["responses"][status],
    };
    let contents = contents(document, body);
    assert!(!contents.is_empty(), "{path} {part}");
    contents.iter().map(|content| &content["schema"]).collect()
}

/// Notes each key that no schema names, however deep.
fn unnamed(document: &Value, schemas: &[&Value], value: &Value, at: &str, found: &mut Vec<String>) {
    let all: Vec<&Value> = schemas.iter().flat_map(|s| plain(document, s)).collect();
    if let Value::Array(items) = value {
        let inner: Vec<&Value> = all.iter().map(|schema| &schema["items"]).collect();
        for item in items {
            unnamed(document, &inner, item, at, found);
        }
    }
    let open = all.iter().any(|s| !s["additionalProperties"].is_null());
    let Some(object) = value.as_object().filter(|_| !open) else {
        return;
    };
    for (name, value) in object {
        let inner = all.iter().filter_map(|s| s["properties"].get(name));
        let inner: Vec<&Value> = inner.collect();
        let at = format!("{at}/{name}");
        if inner.is_empty() {
            found.push(at);
        } else {
            unnamed(document, &inner, value, &at, found);
        }
    }
}

#[test]
fn recorded_messages_hold_no_key_that_the_document_does_not_name() {
    let Some(folder) = folder() else {
        return;
    };
    let document = document();
    let mut found = Vec::new();
    for line in RECORDED.trim().lines() {
        let mut words = line.split(' ');
        let (path, part) = words.next().zip(words.next()).unwrap();
        let schemas = schemas(&document, path, part);
        for file in words {
            let text = std::fs::read_to_string(folder.join(format!("{file}.json"))).unwrap();
            let message: Value = serde_json::from_str(&text).unwrap();
            unnamed(&document, &schemas, &message, file, &mut found);
        }
    }
    // The vendor's SDK sends it, and nothing reads it.
    found.retain(|place| !place.ends_with(".g6/updated_date"));
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn refusals_are_those_of_the_document() {
    let site = Site::new().await;
    let document = document();
    for endpoint in ENDPOINTS {
        let path = endpoint.path.replace("{id}", "67f8ae6fbe9edae2fcfbc1ee");
        let path = path.replace("{name}", "x");
        let mut methods = vec!["PATCH"];
        if endpoint.access != Access::Open {
            methods.extend(endpoint.methods);
        }
        for method in methods {
            let request = Request::builder().method(method).uri(&path);
            let answer = site.send(request.body(Body::empty()).unwrap()).await;
            let item = &document["paths"][endpoint.path];
            let first = endpoint.methods[0].to_ascii_lowercase();
            let operation = match &item[method.to_ascii_lowercase()] {
                Value::Null => &item[first],
                operation => operation,
            };
            let name = format!("{method} {path}: {answer:?}");
            let response = &operation["responses"][answer.status.as_str()];
            let contents = contents(&document, response);
            assert!(!contents.is_empty(), "{name}");
            let schemas: Vec<&Value> = contents.iter().map(|c| &c["schema"]).collect();
            let mut found = Vec::new();
            unnamed(&document, &schemas, &answer.json, &name, &mut found);
            assert_eq!(found, Vec::<String>::new());
        }
    }
}
