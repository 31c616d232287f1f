//! CEF, LEEF, auditd and JSON, with headers of all kinds before them.

use super::*;

/// Checks some of the fields; `log_ts` is `""` where the event has no time of its own.
fn check(line: &str, log_ts: &str, expect: &[(&str, Value)]) {
    let event = SHARED.line(line.as_bytes(), &origin("syslog"));
    assert_eq!(event.msg(), line);
    let expected_ts = if log_ts.is_empty() { NOW } else { log_ts };
    assert_eq!(
        event.log_ts.to_rfc3339(),
        utc(expected_ts).to_rfc3339(),
        "{line}"
    );
    let found = fields(&event);
    for (name, value) in expect {
        assert_eq!(found.get(name), Some(value), "{name} of {line}\n{found:?}");
    }
    assert_eq!(found.get("_parse_error"), None, "{line}");
}

fn s(text: &str) -> Value {
    Value::str(text)
}

#[test]
fn cef() {
    check(
        "<134>May  4 10:11:12 fw1 CEF:0|Check\\|Point|VPN-1|1.0|100|Drop it|7|act=Drop src=203.0.113.9 spt=4711 dst=192.0.2.8 dpt=443 suser=bob cs1Label=Rule Name cs1=Clean up cn1Label=Hits cn1=12 cs2Label=Empty cs2= rt=1714817400000 request=https://x.example/?a=b&c=d msg=two words",
        "2024-05-04T10:10:00Z",
        &[
            ("norm_id", s("CEF")),
            ("device_vendor", s("Check|Point")),
            ("device_product", s("VPN-1")),
            ("device_version", s("1.0")),
            ("event_id", Value::Int(100)),
            ("event_name", s("Drop it")),
            ("severity", Value::Int(7)),
            ("device_name", s("fw1")),
            ("action", s("Drop")),
            ("source_address", s("203.0.113.9")),
            ("source_port", Value::Int(4711)),
            ("destination_port", Value::Int(443)),
            ("user", s("bob")),
            ("rule_name", s("Clean up")),
            ("hits", Value::Int(12)),
            ("url", s("https://x.example/?a=b&c=d")),
            ("message", s("two words")),
        ],
    );
    check(
        "CEF:0|Elastic|Vaporware|1.0.0-alpha|18|Web request|low|eventId=3457 proto=TCP dvchost=gw dvc=192.0.2.77 rt=May 04 2024 10:11:12.500 UTC",
        "2024-05-04T10:11:12.5Z",
        &[
            ("severity", s("low")),
            ("protocol", s("TCP")),
            ("eventId", s("3457")),
            ("device_name", s("gw")),
            ("device_ip", s("192.0.2.77")),
        ],
    );
    // A blank after the colon, no extension, a header that ends after the host.
    check(
        "<14>1 2024-05-04T10:11:12Z fw2 CEF: 1|v|p|1|id|n|Very-High",
        "2024-05-04T10:11:12Z",
        &[
            ("device_name", s("fw2")),
            ("event_id", s("id")),
            ("severity", s("Very-High")),
        ],
    );
    // A label that names what only the server sets, or what is there already, is no name.
    check(
        "CEF:0|v|p|1|2|n|3|cs1=x cs1Label=repo_name cs2=high cs2Label=Severity cs3=a cs3Label=Zone cs4=b cs4Label=zone",
        "",
        &[
            ("cs1", s("x")),
            ("cs1Label", s("repo_name")),
            ("repo_name", s("default")),
            ("severity", Value::Int(3)),
            ("cs2", s("high")),
            ("zone", s("a")),
            ("cs4", s("b")),
            ("cs4Label", s("zone")),
        ],
    );
}

#[test]
fn leef() {
    check(
        "<13>1 2024-05-04T10:11:12Z host1 LEEF:1.0|Microsoft|MSExchange|2016|15345|src=192.0.2.1\tdst=198.51.100.1\tsev=5\tcat=anomaly\tsrcPort=81\tusrName=joe.black",
        "2024-05-04T10:11:12Z",
        &[
            ("norm_id", s("LEEF")),
            ("device_vendor", s("Microsoft")),
            ("device_product", s("MSExchange")),
            ("event_id", Value::Int(15345)),
            ("severity", Value::Int(5)),
            ("source_address", s("192.0.2.1")),
            ("source_port", Value::Int(81)),
            ("event_category", s("anomaly")),
            ("user", s("joe.black")),
            ("device_name", s("host1")),
        ],
    );
    check(
        "LEEF:2.0|Lancope|StealthWatch|1.0|41|^|src=192.0.2.1^url=http://h/?a=1^devTime=May 04 2024 10:11:12",
        "2024-05-04T10:11:12Z",
        &[("event_id", Value::Int(41)), ("url", s("http://h/?a=1"))],
    );
    check(
        "LEEF:2.0|V|P|1|x|cat=no delimiter\tsrc=192.0.2.1",
        "",
        &[
            ("event_category", s("no delimiter")),
            ("source_address", s("192.0.2.1")),
        ],
    );
    check(
        "LEEF:1.0|V|P|1|x|src=192.0.2.1#011dst=192.0.2.2",
        "",
        &[
            ("source_address", s("192.0.2.1")),
            ("destination_address", s("192.0.2.2")),
        ],
    );
}

#[test]
fn auditd() {
    check(
        r#"type=EXECVE msg=audit(1714817472.250:5538): argc=3 a0="sh" a1="-c" a2=6563686F205C22612062"#,
        "2024-05-04T10:11:12.25Z",
        &[
            ("norm_id", s("Auditd")),
            ("event_type", s("EXECVE")),
            ("audit_id", s("1714817472.250:5538")),
            ("command", s("sh -c echo \\\"a b")),
            ("label", list(&["Process", "Create"])),
        ],
    );
    check(
        r#"<13>May  4 10:11:12 web1 audispd: node=web2 type=SYSCALL msg=audit(1714817472.250:9): arch=c000003e syscall=44 success=yes a0=9 a1=7F56 ppid=1240 pid=1281 auid=4294967295 uid=0 tty=(none) ses=4294967295 comm="charon" exe=2F7573722F6C69622F61202864656C6574656429 key=(null)"#,
        "2024-05-04T10:11:12.25Z",
        &[
            ("device_name", s("web2")),
            ("process", s("charon")),
            ("process_id", Value::Int(1281)),
            ("parent_process_id", Value::Int(1240)),
            ("image", s("/usr/lib/a (deleted)")),
            ("status", s("success")),
            ("a1", s("7F56")),
            ("uid", s("0")),
        ],
    );
    // What is not set, or not known, says nothing.
    let line = "type=SYSCALL msg=audit(1.2:3): auid=4294967295 ses=4294967295 uid=4294967295 tty=(none) key=(null) b=?";
    let event = SHARED.line(line.as_bytes(), &origin("syslog"));
    let names = own(&event);
    for name in ["auid", "ses", "tty", "key", "b"] {
        assert!(!names.contains_key(name), "{name}: {names:?}");
    }
    assert_eq!(names["uid"], s("4294967295"));
    let line = "type=USER_LOGIN msg=audit(1714817472.250:7): pid=4151 uid=0 auid=700 ses=11 msg='op=login acct=\"ro ot\" exe=\"/usr/sbin/sshd\" hostname=? addr=203.0.113.9 terminal=ssh res=failed'\u{1d}UID=\"root\" AUID=\"ann\"";
    check(
        line,
        "2024-05-04T10:11:12.25Z",
        &[
            ("user", s("ro ot")),
            ("source_address", s("203.0.113.9")),
            ("status", s("failed")),
            ("AUID", s("ann")),
            ("label", list(&["User", "Login", "Fail"])),
        ],
    );
    let event = SHARED.line(line.as_bytes(), &origin("syslog"));
    assert_eq!(event.get("host"), None);
    check(
        "May  4 10:11:12 h kernel: audit: type=1400 audit(1714817472.250:7): apparmor=\"DENIED\" operation=\"open\" name=\"/etc/x\"",
        "2024-05-04T10:11:12.25Z",
        &[
            ("event_type", s("AVC")),
            ("apparmor", s("DENIED")),
            ("path", s("/etc/x")),
        ],
    );
    check(
        "type=PROCTITLE msg=audit(1714817472.250:7): proctitle=6C73002D6C00",
        "2024-05-04T10:11:12.25Z",
        &[("command", s("ls -l"))],
    );
    check(
        "type=SOCKADDR msg=audit(1714817472.250:7): saddr=020001BBC6336407",
        "2024-05-04T10:11:12.25Z",
        &[
            ("destination_address", s("198.51.100.7")),
            ("destination_port", Value::Int(443)),
        ],
    );
}

#[test]
fn json_in_syslog() {
    check(
        r#"<14>May  4 10:11:12 web1 app[7]: {"level":"warn","msg":"disk full","host":"shop.example","n":5,"o":{"a":[1,2]},"label":["Own"]}"#,
        "2024-05-04T10:11:12Z",
        &[
            ("level", s("warn")),
            ("message", s("disk full")),
            ("host", s("shop.example")),
            ("device_name", s("web1")),
            ("process", s("app")),
            ("n", Value::Int(5)),
            ("o.a", list(&["1", "2"])),
            ("label", list(&["Own"])),
        ],
    );
    // The event's time counts, not the relay's; `@cee:` marks JSON.
    check(
        r#"May  4 10:11:12 web1 app: @cee: {"msg":"x","time":"2024-05-04T09:00:00Z","col_ts":5,"repo_name":"q"}"#,
        "2024-05-04T09:00:00Z",
        &[("message", s("x")), ("repo_name", s("default"))],
    );
    // What Docker writes, with a line that a signature knows inside.
    check(
        r#"{"log":"Failed password for root from 203.0.113.9 port 1 ssh2\n","program":"sshd","time":"2024-05-04T10:11:12Z"}"#,
        "2024-05-04T10:11:12Z",
        &[
            ("user", s("root")),
            ("source_address", s("203.0.113.9")),
            ("label", list(&["User", "Authentication", "Login", "Fail"])),
        ],
    );
    check(
        r#"{"message":"CEF:0|v|p|1|2|n|3|src=203.0.113.9"}"#,
        "",
        &[("source_address", s("203.0.113.9")), ("norm_id", s("CEF"))],
    );
    check(
        r#"<13>Nov 23 04:43:40 vm app[7]: second { "json": "a\"b" }"#,
        "2024-11-23T04:43:40Z",
        &[("device_name", s("vm"))],
    );
    // Prose in brackets is prose.
    check("{main} started a=1", "", &[("a", s("1"))]);
}

#[test]
fn no_name_occurs_twice() {
    for line in [
        r#"{"msg":"a","message":"b"}"#,
        r#"{"msg":"a","message":"b","_msg":"c"}"#,
        r#"<13>1 0000-01-01T00:00:00Z h a - - - {"@timestamp":"rubbish"}"#,
        r#"{"device_ip":"192.0.2.1","device_name":"d","host":"h","label":"x","norm_id":"n"}"#,
        r#"<13>May  4 10:11:12 h sshd[1]: {"process":"p","process_id":2,"severity":"s"}"#,
    ] {
        let event = SHARED.line(line.as_bytes(), &origin("syslog"));
        fields(&event);
        assert_eq!(event.msg(), line);
    }
    let event = SHARED.line(br#"{"msg":"a","message":"b"}"#, &origin("syslog"));
    assert_eq!(event.get("_msg"), Some(&s("a")));
}

#[test]
fn hosts_before_formats() {
    let check = |line: &str, host: Option<&str>| {
        let event = SHARED.line(line.as_bytes(), &origin("syslog"));
        let found = event.get("device_name").map(|v| v.text().into_owned());
        assert_eq!(found.as_deref(), host, "{line}");
    };
    check("2024-05-04T10:11:12Z fw CEF:0|v|p|1|2|n|3|", Some("fw"));
    check("2024-05-04T10:11:12Z fw LEEF:1.0|v|p|1|2|", Some("fw"));
    check("<13>2024-05-04T10:11:12Z web1 {\"a\":1}", Some("web1"));
    // Without a priority, this is rather the line of an application.
    check("2024-05-04T10:11:12Z request {\"a\":1}", None);
    check("<13>2024-05-04T10:11:12Z started {main}", None);
    check("<13>May  4 10:11:12 web1 {\"a\":1}", Some("web1"));
}

#[test]
fn names_and_fields_are_bounded() {
    let long = "n".repeat(3_000);
    for line in [
        format!("LEEF:1.0|v|p|1|2|{long}=1\tb=2"),
        format!("type=X msg=audit(1.2:3): {long}=1 b=2"),
        format!("CEF:0|v|p|1|2|n|3|{long}=1 b=2"),
        format!("CEF:0|v|p|1|2|n|3|cs1=1 cs1Label={long} b=2"),
    ] {
        let event = SHARED.line(line.as_bytes(), &origin("syslog"));
        assert_eq!(event.get("b"), Some(&s("2")), "{line}");
        assert!(
            event.fields.iter().all(|(name, _)| name.len() <= 64),
            "{line}"
        );
    }
    let many: Vec<String> = (0..1_001).map(|n| format!("\"k{n}\":1")).collect();
    let line = format!("{{{}}}", many.join(","));
    let event = SHARED.line(line.as_bytes(), &origin("syslog"));
    let told = event.get("_parse_error").unwrap().text().into_owned();
    assert!(told.contains("more than 1000 fields"), "{told}");
}

#[test]
fn formats_in_the_message_of_a_json_event() {
    let event = json(r#"{"message":"CEF:0|v|p|1|2|n|3|src=203.0.113.9 suser=x","user":"mine"}"#);
    assert_eq!(event.get("source_address"), Some(&s("203.0.113.9")));
    assert_eq!(event.get("user"), Some(&s("mine")));
    let event = json(r#"{"message":"{\"a\":{\"b\":1},\"time\":\"2024-05-04T10:11:12Z\"}"}"#);
    assert_eq!(event.get("a.b"), Some(&Value::Int(1)));
    assert_eq!(event.log_ts, utc("2024-05-04T10:11:12Z"));
    // Two texts deep, and no deeper.
    let inner = r#"{"a":1}"#;
    let texts = [0; 4].iter().fold(inner.to_owned(), |inner, _| {
        serde_json::json!({ "message": inner }).to_string()
    });
    assert_eq!(json(&texts).get("a"), None);
}

#[test]
fn what_does_not_parse_is_said() {
    let check = |line: &str, part: &str| {
        let event = SHARED.line(line.as_bytes(), &origin("syslog"));
        assert_eq!(event.msg(), line);
        let told = event.get("_parse_error").map(|v| v.text().into_owned());
        assert!(
            told.as_ref().is_some_and(|t| t.contains(part)),
            "{line}: {told:?}"
        );
    };
    check(
        r#"<13>May  4 10:11:12 h a: {"cut":"in the mid"#,
        "no JSON: EOF",
    );
    check("CEF:0|only|three", "no CEF: fewer than six |");
    check("CEF:x|v|p|1|2|n|3|", "is no version of CEF");
    check("LEEF:1.0|a|b", "no LEEF: fewer than five |");
    check("LEEF:3|a|b|c|d|e", "is no version of LEEF");
    check("type=X msg=audit(12", "no auditd record");
    // A time that does not read is said as well.
    let event = SHARED.line(b"CEF:0|v|p|1|2|n|3|rt=soon", &origin("syslog"));
    assert!(event.get("_ts_error").is_some());
}

proptest::proptest! {
    #[test]
    fn formats_never_panic_and_keep_the_line(
        head in "(<13>May  4 10:11:12 h a: |)",
        start in "(CEF:0\\|v\\|p\\|1\\|2\\|n\\|3\\||LEEF:2.0\\|v\\|p\\|1\\|2\\||type=[A-Z]{1,6} msg=audit\\(1.2:3\\): |\\{\"|<Event>|@cee:)",
        rest in "[ =|\\\\a-c0-9A-F\"'{}:<>/\\x1d\\tä^]{0,60}"
    ) {
        let line = format!("{head}{start}{rest}");
        let event = SHARED.line(line.as_bytes(), &origin("syslog"));
        fields(&event);
        proptest::prop_assert_eq!(event.msg(), line.as_str());
        if let Ok(event) = SHARED.json(serde_json::json!({"message": &line}).to_string().as_bytes(), &origin("http")) {
            fields(&event);
            proptest::prop_assert_eq!(event.msg(), line.as_str());
        }
    }
}
