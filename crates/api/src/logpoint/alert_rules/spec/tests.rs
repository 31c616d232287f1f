use super::*;
use serde_json::json;

fn good() -> Value {
    json!({
        "name": "Brute force",
        "search_params": {
            "query": "label=Login label=Fail | chart count() as cnt by user | search cnt>5",
            "timerange_minute": 10, "repos": ["127.0.0.1:5504/default"],
            "search_interval_minute": 5,
        },
        "incident_condition": {"condition_option": "greaterthan", "condition_value": 0,
            "risk": "high", "aggregate": "max"},
        "taxonomy": {},
        "incident_ownership": {"assignee": "admin"},
        "incident_display_data": {},
    })
}

fn read_value(value: &Value) -> (RuleSpec, Value) {
    let mut errors = ValidationErrors::default();
    let spec = read(value.as_object().unwrap(), &Macros::default(), &mut errors);
    (spec, errors.to_json())
}

/// The good rule with `value` at `pointer`, or without it if `value` is null.
fn changed(pointer: &str, value: Value) -> Value {
    let mut body = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(key);
    } else {
        parent.insert(key.to_owned(), value);
    }
    body
}

#[test]
fn defaults_and_tolerated_forms() {
    let (spec, errors) = read_value(&good());
    assert_eq!(errors, json!({}));
    assert_eq!(spec.search_params.limit, 100);
    assert_eq!(spec.search_params.range_minutes(), 10);
    for (pointer, value) in [
        ("/taxonomy/logsources", json!([""])),
        ("/updated_date", json!("2026/11/21")),
        ("/search_params/delay_interval_minute", json!(0)),
        ("/search_params/throttling_time_range", json!(1)),
        ("/search_params/limit", json!(10.0)),
        ("/foureyes", json!({"original_data": true})),
        (
            "/taxonomy/attack_tag_hashes",
            json!(["ffffffffffffffffffffffffffffffff"]),
        ),
        ("/search_params/repos", json!([])),
    ] {
        assert_eq!(
            read_value(&changed(pointer, value)).1,
            json!({}),
            "{pointer}"
        );
    }
}

#[test]
fn the_documented_example_is_accepted() {
    let body = json!({
        "search_params": {"query": "| chart count() by device_ip", "timerange_day": 1,
            "repos": ["127.0.0.1:5504/_logpoint"], "limit": 100, "flush_on_trigger": false,
            "search_interval_minute": 10, "throttling_enabled": false, "throttling_field": "",
            "throttling_time_range": 0},
        "incident_condition": {"condition_option": "greaterthan", "condition_value": 0,
            "risk": "low", "aggregate": "max"},
        "taxonomy": {"attack_tag_hashes": [], "logsources": [], "metadata": []},
        "incident_ownership": {"assignee": "admin", "visible_to_usergroups": []},
        "incident_display_data": {"apply_jinja_template": false, "simple_view": false,
            "jinja_template": ""},
        "foureyes": {"original_data": false}, "name": "Alertrule_test", "description": "",
    });
    let (spec, errors) = read_value(&body);
    assert_eq!(errors, json!({}));
    let back = serde_json::to_value(spec).unwrap();
    for (section, fields) in body.as_object().unwrap() {
        let Some(fields) = fields.as_object() else {
            continue;
        };
        for (name, value) in fields {
            assert_eq!(&back[section][name], value, "{section}.{name}");
        }
    }
}

#[test]
fn every_mistake_is_named_by_its_field() {
    let table: &[(&str, Value, &str)] = &[
        ("/name", json!(null), "is required"),
        ("/name", json!("four"), "must have 5 to 500 characters"),
        ("/name", json!("    "), "must not be empty"),
        ("/name", json!(7), "must be a string"),
        (
            "/name",
            json!("alert\r\nBcc: x@example.com"),
            "must be one line without control characters",
        ),
        ("/description", json!([]), "must be a string"),
        ("/search_params", json!(null), "is required"),
        ("/search_params", json!([]), "must be an object"),
        ("/search_params/query", json!(""), "must not be empty"),
        ("/search_params/query", json!({}), "must be a string"),
        (
            "/search_params/repos",
            json!(null),
            "is required; [] means all repos",
        ),
        (
            "/search_params/repos",
            json!("default"),
            "must be a list of strings",
        ),
        (
            "/search_params/repos",
            json!([1]),
            "must be a list of strings",
        ),
        (
            "/search_params/limit",
            json!(0),
            "must be a whole number from 1 to 4294967295",
        ),
        (
            "/search_params/limit",
            json!(1_000_000_000_000_u64),
            "must be a whole number from 1 to 4294967295",
        ),
        (
            "/search_params/limit",
            json!(-1),
            "must be a whole number from 1 to 4294967295",
        ),
        (
            "/search_params/limit",
            json!("100"),
            "must be a whole number from 1 to 4294967295",
        ),
        (
            "/search_params/limit",
            json!(1.5),
            "must be a whole number from 1 to 4294967295",
        ),
        (
            "/search_params/limit",
            json!(1e300),
            "must be a whole number from 1 to 4294967295",
        ),
        (
            "/search_params/timerange_minute",
            json!(0),
            "the time range must be 1 minute to 30 days",
        ),
        (
            "/search_params/timerange_day",
            json!(30),
            "the time range must be 1 minute to 30 days",
        ),
        (
            "/search_params/timerange_hour",
            json!(u32::MAX),
            "the time range must be 1 minute to 30 days",
        ),
        (
            "/search_params/search_interval_minute",
            json!(0),
            "must be a whole number from 1 to 43200",
        ),
        (
            "/search_params/search_interval_minute",
            json!(3),
            "must be a factor of the time range",
        ),
        (
            "/search_params/search_interval_minute",
            json!(20),
            "must be a factor of the time range",
        ),
        (
            "/search_params/delay_interval_minute",
            json!(1441),
            "must be a whole number from 0 to 1440",
        ),
        (
            "/search_params/flush_on_trigger",
            json!("on"),
            "must be true or false",
        ),
        (
            "/search_params/throttling_enabled",
            json!(1),
            "must be true or false",
        ),
        (
            "/incident_condition/condition_option",
            json!("more"),
            "must be one of greaterthan, lessthan, equalsto, lessequal, equals, moreequal, notequal",
        ),
        (
            "/incident_condition/condition_option",
            json!(null),
            "is required",
        ),
        (
            "/incident_condition/condition_value",
            json!(-1),
            "must be a whole number from 0 to 4294967295",
        ),
        (
            "/incident_condition/condition_value",
            json!(1_u64 << 63),
            "must be a whole number from 0 to 4294967295",
        ),
        (
            "/incident_condition/condition_value",
            json!(null),
            "is required",
        ),
        (
            "/incident_condition/risk",
            json!("HIGH"),
            "must be one of low, medium, high, critical",
        ),
        (
            "/incident_condition/aggregate",
            json!({}),
            "must be one of min, max, avg",
        ),
        ("/taxonomy", json!(null), "is required"),
        (
            "/taxonomy/metadata",
            json!([{"field": "a", "value": "1"}, {"field": "a", "value": "2"}]),
            "Field(s) in metadata must be unique",
        ),
        (
            "/taxonomy/metadata",
            json!({}),
            "must be a list of objects with the strings field and value",
        ),
        (
            "/taxonomy/metadata",
            json!([{"value": "x"}]),
            "must be a list of objects with the strings field and value",
        ),
        ("/incident_ownership/assignee", json!(null), "is required"),
        (
            "/incident_ownership/assignee",
            json!(["a"]),
            "must be a string",
        ),
        (
            "/incident_display_data/jinja_template",
            json!(1),
            "must be a string",
        ),
        ("/foureyes", json!(true), "must be an object"),
    ];
    for (pointer, value, message) in table {
        // 30 days plus the 10 minutes of the good rule are too long, which is said
        // of the part that comes first.
        let named = if message.starts_with("the time range") {
            "/search_params/timerange_minute"
        } else {
            pointer
        };
        let errors = read_value(&changed(pointer, value.clone())).1;
        assert_eq!(
            errors.pointer(named).and_then(Value::as_str),
            Some(*message),
            "{pointer} {value}"
        );
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let mut body = changed("/name", json!("abc"));
    body["search_params"]["query"] = json!("a=(");
    body["search_params"]["throttling_enabled"] = json!(true);
    body["incident_condition"]["risk"] = json!("none");
    let errors = read_value(&body).1;
    for pointer in [
        "/name",
        "/search_params/query",
        "/search_params/throttling_field",
        "/search_params/throttling_time_range",
        "/incident_condition/risk",
    ] {
        assert!(errors.pointer(pointer).is_some(), "{pointer} in {errors}");
    }
    let query = errors["search_params"]["query"].as_str().unwrap();
    assert!(query.contains("line 1, column"), "{query}");
}

#[test]
fn a_part_of_the_range_that_does_not_read_is_the_only_mistake() {
    let mut body = changed("/search_params/timerange_day", json!("1"));
    body["search_params"]["timerange_minute"] = json!(0);
    let expected = json!({"search_params":
        {"timerange_day": "must be a whole number from 0 to 4294967295"}});
    assert_eq!(read_value(&body).1, expected);
}
