use super::*;
use crate::{IngestSettings, Normaliser, Origin};
use cresset_model::{Event, Timestamp};
use std::collections::BTreeSet;

/// The present of the examples.
const NOW: &str = "2024-06-01T00:00:00Z";

fn utc(text: &str) -> Timestamp {
    let t: jiff::Timestamp = text.parse().unwrap();
    Timestamp(t.as_microsecond())
}

fn event(normaliser: &Normaliser, line: &str) -> Event {
    let origin = Origin {
        repo: "default",
        peer: Some("192.0.2.250".parse().unwrap()),
        col_type: "syslog",
        received: utc(NOW),
    };
    normaliser.line(line.as_bytes(), &origin)
}

#[test]
fn examples_in_the_files() {
    let normaliser = Normaliser::new(&IngestSettings::default()).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (name, text) in FILES {
        let file = compile::parse(name, text).unwrap();
        let tested: BTreeSet<&str> = file.examples().map(|(_, id)| id).collect();
        count += file.examples().count();
        let failures = examples::failures(&normaliser, &file, name, text);
        wrong.extend(failures.iter().map(ToString::to_string));
        let ids = file.signature.iter().map(|s| s.id.as_ref().as_str());
        let untested = ids.filter(|id| !tested.contains(id));
        wrong.extend(untested.map(|id| format!("{name}: signature {id} has no test")));
        for (example, _) in file.examples() {
            let line = example.line.as_ref();
            assert_eq!(&event(&normaliser, line).msg(), line);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    println!("{count} examples");
}

/// The cost of starting: every server pays it.
#[test]
fn signatures_are_quick_to_compile() {
    let started = std::time::Instant::now();
    let signatures = Signatures::with(&[]).unwrap();
    println!(
        "{} groups in {:?}",
        signatures.groups.len(),
        started.elapsed()
    );
    assert!(started.elapsed().as_secs() < 10);
}

fn compile_one(signature: &str) -> Result<Signatures, String> {
    let text =
        format!("programs = [\"x\"]\nnorm_id = \"N\"\n[[signature]]\nid = \"s\"\n{signature}");
    compile::compile(&[("t.toml".into(), &text)], PairNames::built_in().unwrap())
        .map_err(|e| e.to_string())
}

#[test]
fn mistakes_in_a_file_are_named() {
    let check = |signature: &str, expect: &str| {
        let e = compile_one(signature).err().unwrap_or_default();
        assert!(e.contains(expect), "{signature}: {e}");
    };
    check(
        "pattern = '('\nlabels = []",
        "t.toml:5:11: signature \"s\": unclosed group",
    );
    check(
        "pattern = '<a:nothing>'\nlabels = []",
        "unknown type \"nothing\" of \"a\"",
    );
    check("pattern = 'a<b'\nlabels = []", "a < without its >");
    check("pattern = 'a(?<!b)'\nlabels = []", "signature \"s\"");
    check(
        "pattern = 'a'\nlabels = []\nlabel = []",
        "t.toml:7:1: unknown field `label`",
    );
    check(
        "pattern = 'a'\nlabels = []\nset = { a = [1] }",
        "cannot be the value of a field",
    );
    check(
        "pattern = 'a'\nlabels = []\n[[signature]]\nid = \"s\"\npattern = 'b'\nlabels = []",
        "t.toml:8:6: signature \"s\" occurs twice",
    );
    check("pattern = 'a", "t.toml:5:");
    assert!(compile_one("pattern = '<a:int=[0-9]{2}>'\nlabels = []").is_ok());
}

/// A line feed in a name must not hide a failed login.
#[test]
fn a_line_feed_in_the_text_hides_nothing() {
    let normaliser = Normaliser::new(&IngestSettings::default()).unwrap();
    let line = |user: &str| {
        format!(
            "<38>May  4 10:11:12 h sshd[1]: Failed password for invalid user {user} from 203.0.113.9 port 1 ssh2"
        )
    };
    let plain = event(&normaliser, &line("x y"));
    let hidden = event(&normaliser, &line("x\ny"));
    assert!(plain.get("sig_id").is_some());
    for field in ["sig_id", "norm_id", "source_address", "label"] {
        assert_eq!(hidden.get(field), plain.get(field), "{field}");
    }
}

/// A set that finds other signatures than the regexes it stands for loses events.
#[test]
fn the_sets_agree_with_their_regexes() {
    let signatures = Signatures::with(&[]).unwrap();
    let mut matches = 0;
    for (_, text) in FILES {
        let file = compile::parse("t.toml", text).unwrap();
        for (example, _) in file.examples() {
            let body = example
                .line
                .as_ref()
                .split_once(": ")
                .map_or("", |(_, body)| body);
            let middle = body.len() / 2;
            let broken = body
                .char_indices()
                .map(|(at, c)| if c == ' ' && at > middle { '\n' } else { c });
            let broken: String = broken.collect();
            for group in &signatures.groups {
                let set = group.set.matches(&broken);
                for (i, signature) in group.signatures.iter().enumerate() {
                    let alone = signature.regex.is_match(&broken);
                    matches += usize::from(alone);
                    assert_eq!(set.matched(i), alone, "{broken:?} {}", signature.regex);
                }
            }
        }
    }
    assert!(matches > 0);
}

fn own(text: &str) -> IngestSettings {
    IngestSettings {
        signatures: vec![SignatureText {
            name: "own.toml".to_owned(),
            text: text.to_owned(),
        }],
        ..IngestSettings::default()
    }
}

const OWN: &str = r#"programs = ["sshd", "Door"]
norm_id = "Mine"

[[signature]]
id = "mine-login-failed"
pattern = 'Failed password for <user:word> from <source_address:address> port <source_port:int> ssh2'
labels = ["Login", "Fail"]

[[signature.test]]
line = "May  4 10:11:12 h sshd[1]: Failed password for bob from 203.0.113.9 port 1 ssh2"
fields = { user = "bob", source_port = 1, norm_id = "Mine" }
labels = ["Fail", "Login"]
log_ts = "2024-05-04T10:11:12Z"
absent = ["status"]

[[signature.test]]
line = "May  4 10:11:12 h Door[1]: Failed password for bob from 203.0.113.9 port 1 ssh2"
"#;

#[test]
fn signatures_of_the_operator_come_first() {
    assert_eq!(signature_problems(&own(OWN)), []);
    let normaliser = Normaliser::new(&own(OWN)).unwrap();
    let line = "May  4 10:11:12 h sshd[1]: Failed password for bob from 203.0.113.9 port 1 ssh2";
    assert_eq!(
        event(&normaliser, line).get("sig_id"),
        Some(&Value::str("mine-login-failed"))
    );
    // The built-in ones still know the rest.
    let line = "May  4 10:11:12 h sshd[1]: Received signal 15; terminating.";
    assert_eq!(
        event(&normaliser, line).get("sig_id"),
        Some(&Value::str("sshd-terminating"))
    );
}

#[test]
fn examples_that_come_out_otherwise_are_named() {
    let check = |from: &str, to: &str, expect: &[&str]| {
        assert!(OWN.contains(from), "{from}");
        let problems = signature_problems(&own(&OWN.replace(from, to)));
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, expect, "{to}");
    };
    check(
        "user = \"bob\"",
        "user = \"al\"",
        &["own.toml:10:8: test: user is \"bob\", expected \"al\""],
    );
    check(
        "[\"Fail\", \"Login\"]",
        "[\"Fail\"]",
        &["own.toml:10:8: test: label is [\"Fail\", \"Login\"], expected [\"Fail\"]"],
    );
    check(
        "absent = [\"status\"]",
        "absent = [\"user\"]",
        &["own.toml:10:8: test: user is \"bob\", expected none"],
    );
    check(
        "10:11:12Z",
        "10:11:13Z",
        &[
            "own.toml:10:8: test: log_ts is \"2024-05-04T10:11:12Z\", expected \"2024-05-04T10:11:13Z\"",
        ],
    );
    check(
        "Door[1]: Failed",
        "Door[1]: failed",
        &["own.toml:17:8: test: sig_id is absent, expected \"mine-login-failed\""],
    );
    check(
        "mine-login",
        "sshd-login",
        &["own.toml:5:6: there is a signature \"sshd-login-failed\" in sshd.toml as well"],
    );
    check(
        "<user:word>",
        "<user:",
        &[
            "own.toml:6:11: signature \"mine-login-failed\": unknown type \" from <source_address:address\" of \"user\"",
        ],
    );
}
