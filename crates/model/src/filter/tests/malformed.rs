use super::*;
use std::collections::BTreeSet;

/// Ways to spoil a filter, around one that is sound.
fn spoiled(sound: &str) -> Vec<String> {
    let mut all = Vec::new();
    for before in [
        "(", ")", "((((", "\"", "'", ",", "|", "||", ":", "~", "!", "é", "*", "\\", "$where=",
        "NOT ", "{\"", "<",
    ] {
        all.push(format!("{before}{sound}"));
    }
    for after in [
        ",",
        "||",
        "||||",
        ",,",
        "|",
        "\"",
        " \"",
        ",note",
        ",note:",
        ",note:\"",
        ",note=1",
        ",note:x\"y",
        ",:1",
        ",(note:1)",
        "||nope:1",
        ",accessKey~\"a\"",
        ",id:::",
        ",id:x",
        ",apionly>1",
        ",_all>1",
        ",note:\0",
        ",note::x",
        ",note>*",
        ",id:\"1\"x",
    ] {
        all.push(format!("{sound}{after}"));
    }
    all
}

/// What attackers write into filters, all in places where it is not a value.
const ATTACKS: &[&str] = &[
    "id:1 OR 1=1",
    "id:1; DROP TABLE users",
    "id:1) OR (1:1",
    "id:1--",
    "id:1/**/OR/**/1",
    "id:1 UNION SELECT access_key FROM api_tokens",
    "id:0x1",
    "id:1e9",
    "id:NaN",
    "id:Infinity",
    "id:１",
    "id:1\u{200b}",
    "id OR 1:1",
    "id) OR (1:1",
    "id\"; DROP TABLE users; --:1",
    "id'--:1",
    "(SELECT 1):1",
    "t.id:1",
    "users.id:1",
    "rowid:1",
    "oid:1",
    "_rowid_:1",
    "sqlite_master:1",
    "api_tokens.access_key~a",
    "accessKey:*",
    "accessKey:::empty",
    "accessKey!::null",
    "ACCESSKEY>a",
    "access_key~a",
    "password~a",
    "secret:*",
    "token_hash~a",
    "note.x:1",
    "roles.name.x:1",
    "$ne:1",
    "note[$ne]:1",
    "{\"id\":1}",
    "[]",
    "null",
    "true",
    "1",
    "*",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "%s%s%n",
    "note:\"a\" OR \"1\":\"1",
    "note:\"a\"; DELETE FROM users",
    "note:\"a\" --",
    "note:\u{0}",
    "\u{feff}note:a",
    "note\u{202e}:a",
    "note：a",
    "note:a‖",
    "\n",
    "\t,\t",
    "note\u{0}:a",
];

fn all() -> BTreeSet<String> {
    let mut all: BTreeSet<String> = ATTACKS.iter().map(ToString::to_string).collect();
    for sound in [
        "id:1",
        "note:\"a\"|\"b\"",
        "roles~\"x\",id>5",
        "note:::empty",
    ] {
        all.extend(spoiled(sound));
    }
    // Deep, long and unbalanced.
    for n in [10, 1000, 10_000] {
        all.extend(["(", "[", "\"", "\\", ":", "|", ",", "!", "a.", "_all"].map(|s| s.repeat(n)));
        all.insert(format!("note:{}", "\"".repeat(n)));
        all.insert(format!("{}note:a{}", "(".repeat(n), ")".repeat(n)));
    }
    all
}

#[test]
fn malformed_filters_are_refused_and_nothing_panics() {
    let all = all();
    assert!(all.len() >= 200, "{}", all.len());
    // Values may hold what these hold.
    let sound = ["note:a‖"];
    for input in &all {
        let said = parse(input).and_then(|filter| filter.check(COLUMNS));
        if sound.contains(&input.as_str()) {
            assert_eq!(said, Ok(()), "{input:?}");
            continue;
        }
        let error = said.expect_err(input).to_string();
        assert!(error.starts_with("invalid filter: "), "{input:?}: {error}");
        assert!(error.len() < 500, "{error}");
    }
}

#[test]
fn every_beginning_of_a_filter_is_read_or_refused() {
    let whole = r#"note:"a\"b*"|é,id>=:5||_all!~ x y |"\\",roles:::null , lastAuthIp:::1"#;
    for (end, _) in whole.char_indices() {
        for start in [0, 5, 9] {
            if let Some(part) = whole.get(start..end) {
                let _ = parse(part).map(|filter| filter.check(COLUMNS));
            }
        }
    }
}
