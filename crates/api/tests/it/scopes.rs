//! The table of endpoints in docs/compatibility.md is the table that is served.
//!
//! That each endpoint refuses who lacks its scope is tested in `routes`.

use cresset_api::endpoints::{Access, ENDPOINTS, Endpoint};
use std::path::Path;
use std::sync::Mutex;

const BEGIN: &str = "<!-- endpoints: generated from crates/api/src/endpoints.rs -->\n";
const END: &str = "<!-- end of the endpoints -->\n";

fn line(endpoint: &Endpoint) -> String {
    let methods: Vec<String> = endpoint.methods.iter().map(|m| format!("`{m}`")).collect();
    let credentials = match endpoint.access {
        Access::Open => "none",
        Access::Token(_) => "token",
        Access::Administrator(_) => "token of an administrator",
        Access::SecretKey => "user name and secret key in the body",
    };
    let right = endpoint
        .role
        .map_or_else(String::new, |role| format!("`{}`", role.as_str()));
    let (methods, path) = (methods.join(", "), endpoint.path);
    format!("| {methods} | `{path}` | {credentials} | {right} |\n")
}

fn table() -> String {
    let lines: String = ENDPOINTS.iter().map(line).collect();
    format!("\n| method | path | credentials | right |\n|---|---|---|---|\n{lines}\n")
}

/// Holds the part of docs/compatibility.md between two marks to what is in force, or, with
/// `UPDATE_DOCS`, writes it; `tests` are those to run for that.
pub(crate) fn documented(begin: &str, end: &str, wanted: &str, tests: &str) {
    // Two tables are in one file.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let turn = ONE_AT_A_TIME.lock();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let parts = text
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(end)?)));
    let Some((before, (written, after))) = parts else {
        panic!("docs/compatibility.md lost the marks around its table: {begin} and {end}");
    };
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{wanted}{end}{after}")).unwrap();
        return;
    }
    drop(turn);
    assert_eq!(
        written, wanted,
        "the table is out of date; run: UPDATE_DOCS=1 cargo test -p cresset-api {tests}"
    );
}

#[test]
fn the_documented_endpoints_are_the_served_ones() {
    documented(BEGIN, END, &table(), "scopes");
}
