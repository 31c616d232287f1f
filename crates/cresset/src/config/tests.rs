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
    assert_eq!(config.retry_schedule.len(), 8);
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
