use super::*;
use std::collections::BTreeMap;

fn problems(file: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, file).unwrap();
    let sources = Sources {
        file: Some(path.clone()),
        ..Sources::default()
    };
    let text = match load(&sources) {
        Ok(_) => String::new(),
        Err(problems) => render_problems(&problems),
    };
    text.replace(&path.display().to_string(), "c.toml")
}

#[test]
fn every_default_is_valid() {
    let config = load(&Sources::default()).unwrap();
    assert_eq!(config.listen.port(), 7070);
    assert_eq!(config.roles.len(), 5);
    assert_eq!(config.retry_schedule.len(), 7);
}

#[test]
fn all_problems_are_reported_at_once_with_place_and_suggestion() {
    let text = problems(
        "[server]\nlisten = \"nowhere\"\nlog_levl = \"info\"\n\n[sntp]\nhost = \"x\"\n[storage]\nretention_days = 0\n",
    );
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "c.toml:3: unknown setting server.log_levl (did you mean server.log_level?)",
            "c.toml:5: unknown section [sntp] (did you mean smtp?)",
            "c.toml:2: server.listen: an address and port expected, found \"nowhere\" (for example \"127.0.0.1:7070\")",
            "c.toml:8: storage.retention_days: a whole number from 1 to 36500 expected, found 0 (for example 30)",
        ]
    );
}

#[test]
fn things_that_depend_on_each_other_are_checked() {
    let text = problems("[smtp]\nhost = \"mail\"\nuser = \"u\"\nfrom = \"nobody\"\n");
    assert!(
        text.contains("smtp.user and smtp.password_file go together"),
        "{text}"
    );
    assert!(
        text.contains("smtp.from: \"nobody\" is no mail address"),
        "{text}"
    );
    assert!(problems("[tls]\ncert = \"/nonexistent\"\n").contains("tls.key is not"));
    assert!(problems("retention_days = 3").contains("it belongs under [storage]"));
    assert!(problems("[server\n").starts_with("c.toml:1: "));
}

#[test]
fn one_mistake_does_not_hide_another() {
    let text = problems(
        "[server]\nlisten = \"nowhere\"\nnode_ip = \"::1\"\n[smtp]\nhost = \"mail\"\nport = \"x\"\nfrom = \"nobody\"\n[tls]\ncert = 7\nkey = \"/nonexistent\"\n",
    );
    for part in [
        "c.toml:2: server.listen: an address and port expected",
        "c.toml:3: server.node_ip: \"::1\" cannot stand in the repo address",
        "c.toml:6: smtp.port: a whole number",
        "c.toml:7: smtp.from: \"nobody\" is no mail address",
        "c.toml:9: tls.cert: text expected, found 7",
        "c.toml:10: tls.key: /nonexistent cannot be read",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    // That the certificate is missing is no news: the one given does not read.
    assert_eq!(text.lines().count(), 6, "{text}");
}

#[test]
fn what_could_not_work_is_refused() {
    let check = |file: &str, expected: &str| {
        let text = problems(file);
        let found = match expected {
            "" => text.is_empty(),
            expected => text.contains(expected),
        };
        assert!(found, "{file}\n{text}");
    };
    for (node, fits) in [
        ("127.0.0.1", true),
        ("node-1.example.com", true),
        ("::1", false),
        ("[::1]", false),
        ("10.0.0.1:5504", false),
        ("a/b", false),
        ("", false),
    ] {
        let expected = if fits { "" } else { "exactly one colon" };
        check(&format!("[server]\nnode_ip = {node:?}"), expected);
    }
    check(
        "[ingest]\nsyslog_repo = \"_cresset\"",
        "which nobody may send to",
    );
    check("[ingest]\nsyslog_repo = \"No\"", "not a repo name");
    check("[ingest]\nsyslog_repo = \"web\"", "");
    check(
        "[ingest]\nmax_body = \"300MiB\"",
        "ingest.max_body: 300MiB is more than ingest.max_in_flight, 256MiB",
    );
    check(
        "[ingest]\nmax_body = \"600MiB\"\nmax_in_flight = \"2GiB\"",
        "is more than ingest.max_expanded",
    );
    check(
        "[ingest]\nmax_body = \"300MiB\"\nmax_expanded = \"300MiB\"\nmax_in_flight = \"2GiB\"",
        "",
    );
    check(
        "[ingest]\nmax_body = \"2GiB\"",
        "out of range (from 1KiB to 1GiB)",
    );
    check("[storage]\nmax_tail = \"1MiB\"", "from 16MiB");
    check(
        "[storage]\nflush_size = \"300MiB\"",
        "storage.flush_size: 300MiB is more than storage.max_tail",
    );
}

#[test]
fn variables_that_are_not_text_are_named_and_others_ignored() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let odd = || OsString::from_vec(b"x\xff".to_vec());
    let vars = [
        ("LS_COLORS".into(), odd()),
        (odd(), odd()),
        ("CRESSET_SERVER_NAME".into(), "n".into()),
        ("CRESSET_SECRET_EAST".into(), odd()),
        ("CRESSET_SECRET_WEST".into(), "key".into()),
        ("CRESSET_INSTANCE_SECRET".into(), "key".into()),
        ("CRESSET_ACCESS_ID".into(), "id".into()),
        ("CRESSET_ACCESS_KEY".into(), "key".into()),
        ("CRESSET_BEARER_TOKEN".into(), odd()),
    ];
    let config = load(&Sources::default().with_env(vars.into_iter())).unwrap();
    assert_eq!(config.name, "n");
    let vars = [("CRESSET_SERVER_NAME".into(), odd())];
    let problems = load(&Sources::default().with_env(vars.into_iter())).unwrap_err();
    assert_eq!(
        render_problems(&problems),
        "CRESSET_SERVER_NAME: the variable is not UTF-8\n"
    );
}

#[test]
fn a_flag_beats_the_environment_beats_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(
        &path,
        "[server]\nname = \"file\"\nnode_ip = \"10.0.0.1\"\npublic_url = \"http://f\"",
    )
    .unwrap();
    let env = [
        ("CRESSET_SERVER_NAME", "env"),
        ("CRESSET_SERVER_NODE_IP", "10.0.0.2"),
    ];
    let env = env
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect::<BTreeMap<_, _>>();
    let flags = vec![("server.name", "flag".to_owned())];
    let config = load(&Sources {
        file: Some(path),
        env,
        flags,
        ..Sources::default()
    })
    .unwrap();
    assert_eq!(
        (config.name.as_str(), config.node_ip.as_str()),
        ("flag", "10.0.0.2")
    );
    assert_eq!(config.public_url, "http://f");
}

#[test]
fn an_unknown_variable_is_an_error() {
    let env = BTreeMap::from([("CRESSET_SERVER_LISTN".to_owned(), "x".to_owned())]);
    let problems = load(&Sources {
        env,
        ..Sources::default()
    })
    .unwrap_err();
    assert_eq!(
        problems[0].help.as_deref(),
        Some("did you mean CRESSET_SERVER_LISTEN?")
    );
}

#[test]
fn the_command_for_the_sealing_keys_is_not_printed() {
    let name = "CRESSET_SEALING_KEY_COMMAND".to_owned();
    let sources = Sources {
        env: BTreeMap::from([(name, "curl -u user:the-password".to_owned())]),
        ..Sources::default()
    };
    let config = load(&sources).unwrap();
    assert!(config.key_command.expose().contains("the-password"));
    let text = format!("{config:?}");
    assert!(!text.contains("the-password"), "{text}");
}
