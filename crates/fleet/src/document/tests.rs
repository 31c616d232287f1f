use super::*;
use proptest::prelude::*;
use serde_json::json;

const SMALL: &str = "name: Brute force\nquery: label=Fail\nover: 10m\nrisk: high\n";

fn read(text: &str) -> RuleDoc {
    RuleDoc::from_yaml(text).unwrap()
}

#[test]
fn what_is_left_out_is_the_default() {
    let rule = read(SMALL);
    let spec = rule.to_wire("ann");
    assert_eq!(spec.search_params.search_interval_minute, 10);
    assert_eq!(spec.search_params.timerange_minute, 10);
    assert_eq!(spec.search_params.limit, 100);
    assert_eq!(spec.incident_ownership.assignee, "ann");
    assert_eq!(rule.condition.to_string(), "> 0");
    assert!(rule.active && rule.notifications.http.is_none());
}

#[test]
fn spans_as_text() {
    let check = |text: &str, expected: Option<u64>| {
        assert_eq!(Minutes::parse(text).map(|m| m.0), expected, "{text:?}");
    };
    check("10m", Some(10));
    check("1h", Some(60));
    check("30d", Some(43_200));
    check("1d12h", Some(2_160));
    check("0m", Some(0));
    for bad in [
        "",
        "m",
        "10",
        "10s",
        "1h5",
        "-1m",
        "1 h",
        "99999999999999999999m",
        "18446744073709551616m",
        "18446744073709551619m",
        "9999999d",
    ] {
        check(bad, None);
    }
    assert_eq!(Minutes(90).to_string(), "90m");
    assert_eq!(Minutes(90).parts(), (0, 1, 30));
    assert_eq!(Minutes(2_880).to_string(), "2d");
}

#[test]
fn conditions_as_text() {
    for text in ["> 0", ">= 3", "< 1", "<= 2", "= 5", "== 5", "!= 7"] {
        assert_eq!(Condition::parse(text).unwrap().to_string(), text);
    }
    for bad in ["", "0", "> -1", "> x", "=> 1", ">"] {
        assert_eq!(Condition::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    let check = |text: &str, line: usize, part: &str| {
        let problem = RuleDoc::from_yaml(text).unwrap_err();
        assert_eq!(problem.line, line, "{problem:?}");
        assert!(problem.message.contains(part), "{problem:?}");
    };
    check(&format!("{SMALL}colour: red\n"), 5, "colour");
    check(&SMALL.replace("10m", "ten"), 3, "no span");
    check(&SMALL.replace("high", "awful"), 4, "awful");
    check(&format!("{SMALL}condition: many\n"), 5, "no condition");
    let entries = "mitre:\n  - T1078\n  - T9999\n";
    check(&format!("{SMALL}{entries}"), 7, "T9999 is no technique");
    check("name: a\n  query: [", 2, "");
    check("name: only\n", 1, "query");
}

#[test]
fn what_a_test_cannot_expect() {
    let check = |text: &str, part: Option<&str>| {
        let yaml = format!("- {{name: x, expect: {{{text}}}}}\n");
        let told = TestCase::list_from_yaml(&yaml).unwrap()[0]
            .expect
            .contradiction();
        assert_eq!(told.is_some(), part.is_some(), "{text}: {told:?}");
        assert!(told.unwrap_or("").contains(part.unwrap_or("")), "{told:?}");
    };
    check("fires: false", None);
    check("fires: false, incidents: 0", None);
    check("fires: true, incidents: 2, rows: 7, first: {a: b}", None);
    check("fires: false, rows: 7", Some("rows, risk or first"));
    check("fires: false, risk: low", Some("rows, risk or first"));
    check("fires: false, first: {a: b}", Some("rows, risk or first"));
    check("fires: false, incidents: 1", Some("expects incidents"));
    check("fires: true, incidents: 0", Some("expects no incident"));
}

#[test]
fn techniques_are_hashes_on_the_wire() {
    let rule = read(&format!("{SMALL}mitre: [T1078, 0123abcd, t1595]\n"));
    let spec = rule.to_wire("ann");
    let hashes = &spec.taxonomy.attack_tag_hashes;
    // Four tactics, one, and what nobody knows.
    assert_eq!(hashes.len(), 6, "{hashes:?}");
    assert_eq!(
        hashes[4..],
        ["94711e5d399c28939c688f086b7faf85", "0123abcd"]
    );
    let back = RuleDoc::from_wire(&spec, true);
    assert_eq!(back.mitre, ["T1078", "T1595", "0123abcd"]);
    assert_eq!(back.mitre, rule.normalised().mitre);
}

#[test]
fn notifications_there_and_back() {
    let http = json!({"type": "http", "http_url": "https://h.example/x", "http_request_type": "POST",
        "http_querystring": "a=1", "http_format_query": "", "http_body": "{{ x }}", "notify_http": false,
        "protocol": "HTTPS", "dispatch_option": "manual",
        "http_header": "{\"auth_type\":\"basic_auth\",\"auth_key\":\"u\",\"auth_pass\":\"********\"}",
        "http_threshold_option": "hour", "http_threshold_value": "2"});
    let read = Http::from_wire(&http).unwrap();
    let back = Http::from_wire(&read.to_wire("id", "p")).unwrap();
    assert_eq!(back, read);
    assert_eq!(read.auth.as_ref().unwrap().secret(), SecretRef::Kept);
    assert_eq!(read.to_wire("id", "p")["http_header"]["auth_pass"], "p");
    assert_eq!(Http::from_wire(&json!({})), None);

    let mail = json!({"notify_email": "true", "email_emails": "[\"a@b.example\"]", "subject": "S",
        "email_template": "", "simple_view": "on", "disable_search_link": "true",
        "threshold_option": "day", "threshold_value": 1});
    let read = Email::from_wire(&mail).unwrap();
    assert_eq!(read.to, ["a@b.example"]);
    assert!(read.enabled && read.simple_view && !read.search_link);
    let form: serde_json::Map<_, _> = read
        .to_form("id")
        .into_iter()
        .map(|(name, text)| (name.to_owned(), json!(text)))
        .collect();
    assert_eq!(Email::from_wire(&json!(form)).unwrap(), read);
    assert_eq!(Email::from_wire(&json!(null)), None);
}

#[test]
fn what_servers_keep_otherwise_is_no_difference() {
    let rule = |metadata: &str, email: &str, http: &str| {
        read(&format!(
            "{SMALL}metadata: {metadata}\nnotifications:\n  email: {email}\n  http: {http}\n"
        ))
    };
    let odd = rule(
        "{' owner ': ann }",
        "{to: [' a@b.example ']}",
        "{url: ' h.example/x ', method: POST, protocol: ' https', auth: {type: bearer, name: x, secret_env: S}}",
    );
    let plain = rule(
        "{owner: ann}",
        "{to: [a@b.example]}",
        "{url: h.example/x, method: POST, protocol: HTTPS, auth: {type: bearer, secret_env: S}}",
    );
    assert_ne!(odd, plain);
    assert_eq!(odd.normalised(), plain);
    assert_eq!(plain.clone().normalised(), plain);
    let twice = rule("{'a ': x, a: y}", "{to: []}", "{url: u, method: GET}");
    assert_eq!(twice.clone().normalised(), twice);
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "[a-z:#'\"\\-\\[\\]{}>|*&!%@`, \\n\\t]{0,40}",
        "\\PC{0,20}",
        Just("yes".to_owned()),
        Just("null".to_owned()),
        Just("1e3".to_owned()),
        Just("  indented\n\nmore\n".to_owned()),
        Just("a\r\nb\r".to_owned()),
        Just("trailing \n space ".to_owned()),
    ]
}

proptest! {
    #[test]
    fn yaml_and_wire_lose_nothing(
        words in prop::collection::vec(texts(), 10),
        numbers in prop::collection::vec(1_u64..40_000, 4),
        flags in prop::collection::vec(any::<bool>(), 6),
        tags in prop::collection::vec(0_usize..887, 0..8),
    ) {
        let mut rule = read(SMALL);
        rule.name = format!("n{}", words[0]);
        rule.query = format!("q{}", words[1]);
        rule.description.clone_from(&words[2]);
        rule.over = Minutes(numbers[0]);
        rule.every = Minutes(numbers[1]);
        rule.delay = Minutes(numbers[2]);
        rule.condition.value = numbers[3];
        rule.flush = flags[0];
        rule.active = flags[1];
        rule.original_data = flags[2];
        rule.assignee = Some(format!("u{}", words[3]));
        rule.groups = vec![format!("g{}", words[4])];
        rule.mitre = tags.iter().map(|n| cresset_model::attack::tags()[*n].hash.clone()).collect();
        rule.mitre.push(words[9].clone());
        rule.metadata = [(words[5].clone(), words[6].clone())].into();
        rule.display.template.clone_from(&words[7]);
        if flags[3] {
            rule.throttle = Some(Throttle { field: words[8].clone(), span: Minutes(5) });
        }
        let rule = rule.normalised();
        let back = RuleDoc::from_wire(&rule.to_wire("x"), rule.active);
        prop_assert_eq!(&back, &rule);
        let mut told = rule;
        if flags[4] {
            told.notifications.email = Some(Email {
                enabled: flags[5], to: vec![words[9].clone()], subject: words[8].clone(),
                body: words[7].clone(), dispatch: Dispatch::Manual, search_link: flags[0],
                simple_view: flags[1], logo_enable: flags[2], logo_type: String::new(),
                logo: words[6].clone(), threshold: None,
            });
        }
        let yaml = told.to_yaml().unwrap();
        let again = RuleDoc::from_yaml(&yaml);
        prop_assert!(again.as_ref() == Ok(&told), "{:?}\n{}", again, yaml);
    }
}
