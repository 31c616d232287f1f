//! Filters that mean nothing.

use super::{LOGS, ROLES, Scene, TOKENS, USERS, VERSIONS, encoded, short};
use crate::logicmonitor::refused;

/// Quotes that do not match.
const QUOTES: &[&str] = &[
    "note:\"",
    "note:\"x",
    "note:x\"",
    "note:\"x\"\"",
    "note:\"x\"y",
    "note:\"x\\\"",
    "note:\"x\"|\"y",
    "note:\"x\"y\"z\"",
    "note:\"x\",status:\"2",
    "note:\"x\"||status:\"2",
    "\"note:x",
    "\"note\":x",
    "\"note:x\"",
    "note:\"\"x\"\"",
    "note:a\"b\"",
    "note:a\"b",
    "note:\"\\\\\\\"",
    "note:x|\"",
    "note:x||\"",
    "note:x,\"",
    "note~\"x",
    "note!:\"x",
    "note!~\"x",
    "note>\"x",
    "note>:\"x",
    "note<\"x",
    "note<:\"x",
    "_all~\"x",
    "_all:\"",
    "note:::\"empty",
    "note!::\"null",
    "note:\"x\" \"y\"",
];

/// What stands between a field and a value and is no operator.
const OPERATORS: &[&str] = &[
    "",
    " ",
    "=",
    "==",
    "===",
    "!=",
    "!==",
    "<>",
    "=~",
    "!",
    "!!",
    "~~",
    "~:",
    ":~",
    "::",
    "::::",
    ":=",
    ":>",
    ":<",
    ":!",
    "~!",
    ">>",
    "<<",
    "><",
    "=>",
    "=<",
    "!>",
    "!<",
    "<!",
    ">!",
    "!=:",
    "^",
    "&",
    "%",
    "?",
    "@",
    "#",
    ";",
    "/",
    "*",
    "->",
    " like ",
    " IN ",
    " eq ",
    " is not ",
    "\\:",
    "\u{ff1a}",
    "\u{2236}",
    "\u{200b}:",
    "\u{1}:",
    "(:)",
    "{",
    "[0]:",
    "'",
    "`",
];

/// Separators with nothing on a side.
const SEPARATORS: &[&str] = &[
    ",",
    "|",
    "||",
    "|||",
    "||||",
    ",,",
    ":",
    "::",
    ":::",
    "!::",
    "~",
    ">",
    "<:",
    "!",
    "*",
    ".",
    "note:x,",
    "note:x||",
    "note:x|",
    ",note:x",
    "||note:x",
    "|note:x",
    "note:x,,note:y",
    "note:x||||note:y",
    "note:x|||note:y",
    "note:x,||note:y",
    "note:x||,note:y",
    "note:",
    "note~",
    "note>",
    "note:,note:y",
    "note:|x",
    "note:||x",
    "note:x||y",
    "note:x,y",
    "note:x|,y",
    "note",
    "note name",
    "note:::",
    "note!::",
    "note:::nothing",
    "note:::emptyx",
    "note:::empty|null",
    "note!::empty x",
    "note:::empty:",
    ".note:x",
    "note.:x",
    "note..name:x",
    "note :: x",
    "note:x||note",
];

/// Fields that no list has.
const FIELDS: &[&str] = &[
    "nosuch",
    "accessKey",
    "ACCESSKEY",
    "access_key",
    "accessKey.x",
    "password",
    "secret",
    "sealed",
    "digest",
    "user_id",
    "rowid",
    "_rowid_",
    "oid",
    "sqlite_master",
    "token_keys.sealed",
    "adminName.x",
    "users.password",
    "a.b.c.d.e.f",
    "_ALL_",
    "all",
    "_any",
    "api_access_key",
];

/// What is dangerous for those who paste filters into SQL, shells or templates.
const INJECTIONS: &[&str] = &[
    "1=1",
    "' OR '1'='1",
    "note' OR 1=1--:x",
    "note;DROP TABLE api_tokens;--",
    "note)) UNION SELECT sealed FROM token_keys--:x",
    "id/**/:1",
    "[note]:x",
    "`note`:x",
    "note--:x",
    "(SELECT 1):x",
    "load_extension('x'):1",
    "sqlite_version():1",
    "$1:x",
    "?1:x",
    "@x:1",
    ":x:1",
    "note GLOB *:x",
    "note LIKE '%'",
    "note IN ('a')",
    "note IS NULL",
    "NOT note:x",
    "note COLLATE NOCASE:x",
    "note:x'||(SELECT sealed FROM token_keys)||'",
    "note:x||1=1",
    "note:x,1=1",
    "{\"note\":\"x\"}",
    "{$gt:\"\"}",
    "<script>alert(1)</script>",
    "${jndi:ldap://127.0.0.1/x}",
    "{{7*7}}:1",
    "$(id):1",
    "../../etc/passwd",
    "note\r\nX-Version: 1:x",
    "note\0:x",
    "note:x\0",
    "note:\"\0\"",
    "n\u{f6}te:x",
    "\u{202e}note:x",
    "\u{feff}note:x",
];

/// Values that a column of tokens cannot have, and questions that it does not take.
const TYPES: &[&str] = &[
    "id:five",
    "id>five",
    "id~five",
    "id!:x",
    "id<:x",
    "status:enabled",
    "status:\"two\"",
    "adminId:me",
    "lastUsedOn<:yesterday",
    "createdOn>:2026-01-01",
    "expiresOn>soon",
    "id:1.2.3",
    "id:--1",
    "id:+",
    "id:-",
    "id:\u{221e}",
    "id:NaN",
    "id:Infinity",
    "id:\u{661}",
    "id:1_000",
    "id:1,000",
    "id:1e9",
    "id:0x41",
    "id:0b1",
    "id:\"\"",
    "id:1/0",
    "id:1+1",
    "id:NULL",
    "id:true",
    "id:'1'",
    "id:1)--",
    "id:1; DELETE FROM api_tokens",
    "id:1 OR 1=1",
    "id>0 UNION SELECT 1",
    "id:CHAR(49)",
    "id:randomblob(1000000000)",
    "id:\"1' OR '1'='1\"",
    "id~\" OR 1\"",
    "status:2'--",
    "createdOn<:datetime('now')",
    "lastUsedOn>(SELECT max(id) FROM users)",
    "id>*",
    "id>1*",
    "note>*",
    "note<a*",
    "note>:\"a*b\"",
    "_all>x",
    "_all<:x",
    "_all:::null",
    "_all!::empty",
];

/// What is deep or long, but fits a request.
fn large() -> Vec<String> {
    let mut all = Vec::new();
    for depth in [1, 10, 100, 1000, 8000] {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        all.push(format!("{open}note:x{close}"));
        all.push(format!("!{open}note:x{close}"));
        all.push(format!("{}note:x", "[".repeat(depth)));
        all.push(format!("{}note:x", "{\"".repeat(depth)));
        all.push(format!("note:x,{open}note:y||note:z{close}"));
    }
    all.push("((note:x)||(note:y)),status:2".to_owned());
    all.push(format!("{}x:1", "note.".repeat(1000)));
    all.push(format!("{}:x", "a".repeat(129)));
    all.push(format!("{}:x", "!".repeat(5000)));
    all.push(format!("note:{}", "x".repeat(2049)));
    all.push(format!("note:{}", "x".repeat(40_000)));
    all.push(format!("note:\"{}", "\\".repeat(9_000)));
    all.push("note:x,".repeat(65) + "note:x");
    all.push("note:x||".repeat(65) + "note:x");
    all.push("note:x,".repeat(5000));
    all.push(format!("note:{}x", "x|".repeat(256)));
    all.push(format!("note:{}", "*|".repeat(9_000)));
    for piece in ["\"", ",", "|", ":", "~", "\u{1f980}", "note"] {
        all.push(piece.repeat(20_000 / encoded(piece).len() * 3));
    }
    all
}

/// Those that are wrong whatever the list.
fn wrong_everywhere() -> Vec<String> {
    let operators = OPERATORS.iter().map(|op| format!("note{op}x"));
    let fields = FIELDS.iter().flat_map(|field| {
        let with = |op: &str| format!("{field}{op}");
        [":x", "~\"a\"", ":::empty"].map(with)
    });
    let written = [QUOTES, SEPARATORS, INJECTIONS].concat();
    let written = written.into_iter().map(str::to_owned);
    operators.chain(fields).chain(written).collect()
}

async fn refuse(scene: &Scene, version: &str, list: &str, filter: &str) {
    let target = format!("{list}?filter={}", encoded(filter));
    let answer = scene.send(version, "GET", &target, "").await;
    let what = format!("version {version} {list} {:?}", short(filter));
    let text = refused(&answer, version, 400, 1007, &what);
    assert!(text.starts_with("invalid filter: "), "{what}: {text}");
    assert!(text.len() < 1000, "{what}: {text}");
    assert!(
        !text.contains("SQL") && !text.contains("syntax"),
        "{what}: {text}"
    );
}

#[tokio::test]
async fn malformed_filters_are_refused_in_every_version() {
    let scene = Scene::new().await;
    let types = TYPES.iter().map(|filter| (*filter).to_owned());
    let filters: Vec<String> = wrong_everywhere().into_iter().chain(types).collect();
    assert!(filters.len() >= 200, "{}", filters.len());
    let own = format!("{USERS}/{}/apitokens", scene.admin.owner);
    for filter in filters.iter().chain(&large()) {
        for version in VERSIONS {
            refuse(&scene, version, TOKENS, filter).await;
        }
        refuse(&scene, "3", &own, filter).await;
    }
    scene.unchanged().await;
}

#[tokio::test]
async fn malformed_filters_are_refused_by_every_list() {
    let scene = Scene::new().await;
    for list in [USERS, ROLES, LOGS] {
        for filter in wrong_everywhere().iter().chain(&large()) {
            // Users have a note, access logs and roles do not: it is wrong all the same.
            refuse(&scene, "3", list, filter).await;
        }
        for version in VERSIONS {
            refuse(&scene, version, list, "nosuch:1").await;
        }
    }
    scene.unchanged().await;
}

/// Encoded twice, as the manual wants it; what was wrong before stays wrong.
#[tokio::test]
async fn malformed_filters_stay_malformed_when_encoded_twice() {
    let scene = Scene::new().await;
    for filter in [QUOTES, SEPARATORS].concat() {
        for version in VERSIONS {
            refuse(&scene, version, TOKENS, &encoded(filter)).await;
        }
    }
    scene.unchanged().await;
}
