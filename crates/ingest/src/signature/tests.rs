use super::file::{Example, SignatureFile};
use super::*;
use crate::{IngestSettings, Normaliser, Origin};
use cresset_model::Event;
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

fn expected(value: &toml::Value) -> Value {
    match value {
        toml::Value::Integer(n) => Value::Int(*n),
        toml::Value::Boolean(b) => Value::Bool(*b),
        toml::Value::String(s) => Value::str(s),
        other => panic!("{other} cannot be expected"),
    }
}

fn check(example: &Example, event: &Event) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, found: Option<&Value>, expect: Value| {
        if found != Some(&expect) {
            wrong.push(format!("{what}: found {found:?}, expected {expect:?}"));
        }
    };
    same("msg", event.get("msg"), Value::str(&example.line));
    same("sig_id", event.get("sig_id"), Value::str(&example.sig_id));
    for (name, value) in &example.fields {
        same(name, event.get(name), expected(value));
    }
    if let Some(labels) = &example.labels {
        let mut labels: Vec<CompactString> = labels.iter().map(Into::into).collect();
        let found = match event.get("label") {
            Some(Value::List(found)) => {
                let mut found = found.clone();
                found.sort();
                Some(Value::List(found))
            }
            other => other.cloned(),
        };
        labels.sort();
        same("label", found.as_ref(), Value::List(labels));
    }
    if let Some(log_ts) = &example.log_ts {
        let found = Value::from(event.log_ts.to_rfc3339());
        same(
            "log_ts",
            Some(&found),
            Value::from(utc(log_ts).to_rfc3339()),
        );
    }
    for name in &example.absent {
        if let Some(found) = event.get(name) {
            wrong.push(format!("{name}: found {found:?}, expected none"));
        }
    }
    wrong
}

#[test]
fn examples_in_the_files() {
    let normaliser = Normaliser::new(&IngestSettings::default()).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (name, text) in FILES {
        let file: SignatureFile = toml::from_str(text).unwrap();
        let mut untested: BTreeSet<&str> = file.signature.iter().map(|s| s.id.as_str()).collect();
        for example in &file.test {
            count += 1;
            untested.remove(example.sig_id.as_str());
            let found = check(example, &event(&normaliser, &example.line));
            wrong.extend(
                found
                    .iter()
                    .map(|w| format!("{name}: {}\n    {w}", example.line)),
            );
        }
        wrong.extend(
            untested
                .iter()
                .map(|id| format!("{name}: signature {id} has no test")),
        );
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
    let signatures = Signatures::built_in().unwrap();
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
    compile::compile(&[("t.toml", &text)], PairNames::built_in().unwrap())
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
        "t.toml: signature \"s\": regex parse error",
    );
    check(
        "pattern = '<a:nothing>'\nlabels = []",
        "unknown type \"nothing\" of \"a\"",
    );
    check("pattern = 'a<b'\nlabels = []", "a < without its >");
    check("pattern = 'a(?<!b)'\nlabels = []", "signature \"s\"");
    check(
        "pattern = 'a'\nlabels = []\nlabel = []",
        "unknown field `label`",
    );
    check(
        "pattern = 'a'\nlabels = []\nset = { a = [1] }",
        "cannot be the value of a field",
    );
    check(
        "pattern = 'a'\nlabels = []\n[[signature]]\nid = \"s\"\npattern = 'b'\nlabels = []",
        "occurs twice",
    );
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
    let signatures = Signatures::built_in().unwrap();
    let mut matches = 0;
    for (_, text) in FILES {
        let file: SignatureFile = toml::from_str(text).unwrap();
        for example in &file.test {
            let body = example.line.split_once(": ").map_or("", |(_, body)| body);
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
