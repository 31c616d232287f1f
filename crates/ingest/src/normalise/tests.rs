use super::*;
use compact_str::CompactString;
use std::collections::BTreeMap;

const NOW: &str = "2024-06-01T00:00:00Z";

mod formats;
mod kept;
mod windows;

fn utc(text: &str) -> Timestamp {
    let t: jiff::Timestamp = text.parse().unwrap();
    Timestamp(t.as_microsecond())
}

fn normaliser() -> Normaliser {
    Normaliser::new(&IngestSettings::default()).unwrap()
}

fn origin(col_type: &'static str) -> Origin<'static> {
    let peer = Some("192.0.2.250".parse().unwrap());
    Origin {
        repo: "default",
        peer,
        col_type,
        received: utc(NOW),
    }
}

fn fields(event: &Event) -> BTreeMap<&str, Value> {
    let found: BTreeMap<&str, Value> = event
        .fields
        .iter()
        .map(|(n, v)| (n.as_str(), v.clone()))
        .collect();
    assert_eq!(
        found.len(),
        event.fields.len(),
        "a name occurs twice: {event:?}"
    );
    found
}

/// The fields without those that every event has.
fn own(event: &Event) -> BTreeMap<&str, Value> {
    let mut found = fields(event);
    for name in ["msg", "device_ip", "repo_name", "col_type", "collected_at"] {
        assert!(found.remove(name).is_some(), "{name} is missing: {event:?}");
    }
    found
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|&i| CompactString::from(i)).collect())
}

fn check_line(line: &str, log_ts: &str, expect: &[(&str, Value)]) {
    let event = normaliser().line(line.as_bytes(), &origin("syslog"));
    assert_eq!(
        event.log_ts.to_rfc3339(),
        utc(log_ts).to_rfc3339(),
        "{line}"
    );
    let expect: BTreeMap<&str, Value> = expect.iter().cloned().collect();
    assert_eq!(own(&event), expect, "{line}");
}

#[test]
fn lines_with_headers() {
    let s = |text: &str| Value::str(text);
    check_line("nothing to see", NOW, &[]);
    check_line(
        "<13>May  4 10:11:12 web1 app[7]: hello",
        "2024-05-04T10:11:12Z",
        &[
            ("device_name", s("web1")),
            ("process", s("app")),
            ("process_id", Value::Int(7)),
            ("facility", s("user")),
            ("severity", s("notice")),
        ],
    );
    check_line(
        "<165>1 2024-05-04T10:11:12.5+02:00 web1 app - ID47 [ex@32473 iut=\"3\"] \u{feff}a=1 b=\"x y\"",
        "2024-05-04T08:11:12.5Z",
        &[
            ("device_name", s("web1")),
            ("process", s("app")),
            ("message_id", s("ID47")),
            ("sd.ex.iut", s("3")),
            ("facility", s("local4")),
            ("severity", s("notice")),
            ("a", s("1")),
            ("b", s("x y")),
        ],
    );
    check_line(
        "<34>1 - - - - - -",
        NOW,
        &[("facility", s("auth")), ("severity", s("critical"))],
    );
    // A stamp of rsyslog's high-precision format.
    check_line(
        "2024-05-04T10:11:12.123456+00:00 web1 app: hi",
        "2024-05-04T10:11:12.123456Z",
        &[("device_name", s("web1")), ("process", s("app"))],
    );
    // The level of an application is no host.
    check_line(
        "2024-05-04 10:11:12,250 INFO main: up k=v",
        "2024-05-04T10:11:12.25Z",
        &[("k", s("v"))],
    );
    check_line(
        "2024-05-04 10:11:12 something went wrong",
        "2024-05-04T10:11:12Z",
        &[],
    );
    // Local senders leave out the host.
    check_line(
        "May  4 10:11:12 app: hi",
        "2024-05-04T10:11:12Z",
        &[("process", s("app"))],
    );
    check_line(
        "<13>app[9]: hi",
        NOW,
        &[
            ("process", s("app")),
            ("process_id", Value::Int(9)),
            ("facility", s("user")),
            ("severity", s("notice")),
        ],
    );
    check_line("<192>May  4 10:11:12 web1 app: hi", NOW, &[]);
    check_line("<>x", NOW, &[]);
    check_line(
        "<13>",
        NOW,
        &[("facility", s("user")), ("severity", s("notice"))],
    );
}

#[test]
fn a_line_keeps_its_raw_text() {
    let event = normaliser().line(b"<13>May  4 10:11:12 web1 a: hi\r\n", &origin("syslog"));
    assert_eq!(event.msg(), "<13>May  4 10:11:12 web1 a: hi");
    assert_eq!(event.col_ts, utc(NOW));
    let event = normaliser().line(b"caf\xe9 \xff", &origin("syslog"));
    assert_eq!(event.msg(), "caf\u{fffd} \u{fffd}");
}

#[test]
fn a_stamp_that_is_no_time_is_said() {
    let event = normaliser().line(b"[Xyz Feb 04 04:47:44 2005] [error] x", &origin("syslog"));
    assert_eq!(event.log_ts, utc(NOW));
    assert!(event.get("_ts_error").is_some());
    let line = b"203.0.113.9 - - [31/Feb/2024:10:11:12 +0000] \"GET / HTTP/1.1\" 200 1";
    let event = normaliser().line(line, &origin("syslog"));
    assert_eq!(event.log_ts, utc(NOW));
    let error = event.get("_ts_error").unwrap().text().into_owned();
    assert!(error.contains("31/Feb/2024"), "{error}");
}

fn json(text: &str) -> Event {
    SHARED.json(text.as_bytes(), &origin("http")).unwrap()
}

#[test]
fn json_times() {
    let check = |text: &str, log_ts: &str, stays: &[&str]| {
        let event = json(text);
        assert_eq!(
            event.log_ts.to_rfc3339(),
            utc(log_ts).to_rfc3339(),
            "{text}"
        );
        let names: Vec<_> = own(&event).into_keys().collect();
        assert_eq!(names, stays, "{text}");
    };
    let t = "2024-05-04T10:11:12Z";
    check(r#"{"@timestamp":"2024-05-04T10:11:12Z"}"#, t, &[]);
    check(r#"{"log_ts":1714817472,"a":1}"#, t, &["a"]);
    check(
        r#"{"log_ts":1714817472.0,"@timestamp":"2020-01-01T00:00:00Z"}"#,
        t,
        &["@timestamp"],
    );
    check(r#"{"timestamp":1714817472000}"#, t, &["timestamp"]);
    check(
        r#"{"time":"2024-05-04T10:11:12Z","ts":5}"#,
        t,
        &["time", "ts"],
    );
    check(r#"{"time":0.25}"#, NOW, &["time"]);
    check(
        r#"{"UtcTime":"2024-05-04 10:11:12.000","EventTime":"2024-05-04 12:11:12"}"#,
        t,
        &["EventTime", "UtcTime"],
    );
    check(
        r#"{"@timestamp":"rubbish","UtcTime":"2024-05-04 10:11:12"}"#,
        t,
        &["@timestamp", "UtcTime"],
    );
    check(
        r#"{"col_ts":5,"repo_name":"other","collected_at":"x","col_type":"y","_ts_error":"z"}"#,
        NOW,
        &[],
    );
    check(r#"{"timestamp":null}"#, NOW, &[]);
}

#[test]
fn json_times_that_do_not_read() {
    let check = |text: &str, part: &str| {
        let event = json(text);
        assert_eq!(event.log_ts, utc(NOW), "{text}");
        let error = event.get("_ts_error").unwrap().text().into_owned();
        assert!(error.contains(part), "{error}");
    };
    check(
        r#"{"@timestamp":"yesterday"}"#,
        "@timestamp is not a time of the years 1 to 9999: yesterday",
    );
    check(r#"{"@timestamp":"10000-01-01T00:00:00Z"}"#, "10000");
    check(r#"{"log_ts":"0000-01-01T00:00:00Z"}"#, "log_ts");
    check(r#"{"timestamp":1e300}"#, "timestamp");
    check(r#"{"timestamp":true}"#, "true");
    assert!(json(r#"{"log_ts":"rubbish"}"#).get("log_ts").is_none());
    for (text, micros) in [
        (
            r#"{"timestamp":"0001-01-01T00:00:00Z"}"#,
            -62_135_596_800_000_000,
        ),
        (
            r#"{"timestamp":"9999-12-31T23:59:59Z"}"#,
            253_402_300_799_000_000,
        ),
    ] {
        let event = json(text);
        assert_eq!((event.log_ts.0, event.get("_ts_error")), (micros, None));
    }
}

#[test]
fn json_messages() {
    let check = |text: &str, msg: &str| assert_eq!(json(text).msg(), msg, "{text}");
    check(r#"{"msg":"a","message":"b"}"#, "a");
    check(r#"{"message":"b"}"#, "b");
    check(r#"{"Message":"c","log":{"level":"x"}}"#, "c");
    check(r#"{"log":"d"}"#, "d");
    check(r#"{"a":1}"#, r#"{"a":1}"#);
    check(r#"{"msg":5}"#, r#"{"msg":5}"#);
    check(r#"{"msg":["x"],"message":"b"}"#, "b");
    let event = json(r#"{"message":"b"}"#);
    assert_eq!(event.get("message"), Some(&Value::str("b")));
}

#[test]
fn json_around_a_log_line() {
    let s = |text: &str| Value::str(text);
    let event = json(
        r#"{"msg":"May  4 10:11:12 bastion sshd[811]: Failed password for root from 203.0.113.9 port 40022 ssh2"}"#,
    );
    assert_eq!(event.log_ts, utc("2024-05-04T10:11:12Z"));
    let found = own(&event);
    assert_eq!(found["user"], s("root"));
    assert_eq!(found["device_name"], s("bastion"));
    assert_eq!(
        found["label"],
        list(&["User", "Authentication", "Login", "Fail"])
    );
    // The event's own fields win, its program selects the signatures.
    let event = json(
        r#"{"program":"sshd","user":"mine","label":"Own","host":"h","ts":"2024-05-05T00:00:00Z",
            "message":"Failed password for root from 203.0.113.9 port 40022 ssh2"}"#,
    );
    assert_eq!(event.log_ts, utc("2024-05-05T00:00:00Z"));
    let found = own(&event);
    assert_eq!(found["user"], s("mine"));
    assert_eq!(found["process"], s("sshd"));
    assert_eq!(found["device_name"], s("h"));
    assert_eq!(found["source_address"], s("203.0.113.9"));
    assert_eq!(
        found["label"],
        list(&["Own", "User", "Authentication", "Login", "Fail"])
    );
    // Pairs only where there is nothing but a message.
    assert_eq!(own(&json(r#"{"msg":"a=1"}"#))["a"], s("1"));
    assert!(!own(&json(r#"{"msg":"a=1","b":1,"c":1,"d":1,"e":1}"#)).contains_key("a"));
}

#[test]
fn the_device_is_the_sender_unless_the_event_knows_better() {
    let s = |text: &str| Value::str(text);
    assert_eq!(fields(&json("{}"))["device_ip"], s("192.0.2.250"));
    assert_eq!(
        fields(&json(r#"{"device_ip":"198.51.100.1"}"#))["device_ip"],
        s("198.51.100.1")
    );
    let mapped = Origin {
        peer: Some("::ffff:192.0.2.9".parse().unwrap()),
        ..origin("http")
    };
    let event = normaliser().json(b"{}", &mapped).unwrap();
    assert_eq!(fields(&event)["device_ip"], s("192.0.2.9"));
    let check =
        |text: &str, name: &str| assert_eq!(fields(&json(text))["device_name"], s(name), "{text}");
    check(r#"{"host":{"name":"a"},"hostname":"b"}"#, "a");
    check(r#"{"host":"c","Hostname":"d"}"#, "d");
    check(r#"{"device_name":"e","Computer":"f"}"#, "e");
}

#[test]
fn windows_events() {
    let s = |text: &str| Value::str(text);
    let event = json(
        r#"{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"WS1",
            "UtcTime":"2024-05-04 10:11:12.345","Image":"C:\\Windows\\System32\\cmd.exe"}"#,
    );
    assert_eq!(event.log_ts, utc("2024-05-04T10:11:12.345Z"));
    let found = own(&event);
    assert_eq!(found["norm_id"], s("WindowsSysmon"));
    assert_eq!(found["event_id"], Value::Int(1));
    assert_eq!(found["device_name"], s("WS1"));
    assert_eq!(found["label"], list(&["Process", "Create"]));
    assert_eq!(found["Image"], s("C:\\Windows\\System32\\cmd.exe"));
    assert_eq!(found.len(), 9);
    let event = json(
        r#"{"EventID":"4625","Channel":"Security","TargetUserName":"bob","IpAddress":"203.0.113.9","user":"x"}"#,
    );
    let found = own(&event);
    assert_eq!(found["label"], list(&["User", "Login", "Fail"]));
    assert_eq!(found["source_address"], s("203.0.113.9"));
    assert_eq!(found["user"], s("x"));
    let event = json(r#"{"winlog":{"event_id":4625,"channel":"Security"},"IpAddress":"-"}"#);
    let found = own(&event);
    assert_eq!(found["event_id"], Value::Int(4625));
    assert!(!found.contains_key("source_address"));
    let event = json(r#"{"EventID":1,"Channel":"Elsewhere"}"#);
    let found = own(&event);
    assert_eq!(found["norm_id"], s("WinServer"));
    assert!(!found.contains_key("label"));
}

#[test]
fn cut_values_are_named() {
    let settings = IngestSettings {
        max_value_bytes: 8,
        ..IngestSettings::default()
    };
    let normaliser = Normaliser::new(&settings).unwrap();
    let event = normaliser
        .json(br#"{"a":"123456789","b":1}"#, &origin("http"))
        .unwrap();
    assert_eq!(event.get("a"), Some(&Value::str("12345678")));
    assert_eq!(event.msg(), "{\"a\":\"12");
    assert_eq!(event.get("_truncated"), Some(&list(&["a", "msg"])));
}

#[test]
fn settings_are_checked() {
    let settings = IngestSettings {
        default_timezone: "Mars/Base".into(),
        ..IngestSettings::default()
    };
    let e = Normaliser::new(&settings).err().unwrap().to_string();
    assert!(e.contains("\"Mars/Base\" is not an IANA time zone"), "{e}");
    let settings = IngestSettings {
        default_timezone: "Europe/Berlin".into(),
        ..IngestSettings::default()
    };
    let normaliser = Normaliser::new(&settings).unwrap();
    let event = normaliser.line(b"May  4 10:11:12 h a: x", &origin("syslog"));
    assert_eq!(event.log_ts, utc("2024-05-04T08:11:12Z"));
}

static SHARED: std::sync::LazyLock<Normaliser> = std::sync::LazyLock::new(normaliser);

proptest::proptest! {
    #[test]
    fn lines_never_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let event = SHARED.line(&line, &origin("syslog"));
        fields(&event);
    }

    #[test]
    fn lines_like_syslog_never_panic(
        line in "(<[0-9]{0,4}>)?(1 )?(May  4 10:11:12 |- |2024-05-04T10:11:12Z )?[a-z()\\[\\]:= \"\\\\<ä-]{0,60}"
    ) {
        let event = SHARED.line(line.as_bytes(), &origin("syslog"));
        fields(&event);
        proptest::prop_assert_eq!(event.msg(), line.as_str());
    }

    #[test]
    fn json_never_panics(line in "\\{(\"(ts|msg|EventID|Channel|host|label|a)\":(1|\"x=1\"|\\[1\\]|\\{\"a\":1\\}|null|tru),?){0,5}\\}") {
        if let Ok(event) = SHARED.json(line.as_bytes(), &origin("http")) {
            fields(&event);
        }
    }
}
