//! The table of endpoints in docs/compatibility.md is the table that is served.
//!
//! That each endpoint refuses who lacks its scope is tested in `routes`.

use cresset_api::endpoints::{Access, ENDPOINTS, Endpoint};
use std::path::Path;

const BEGIN: &str = "<!-- endpoints: generated from crates/api/src/endpoints.rs -->\n";
const END: &str = "<!-- end of the endpoints -->\n";

fn line(endpoint: &Endpoint) -> String {
    let methods: Vec<String> = endpoint.methods.iter().map(|m| format!("`{m}`")).collect();
    let (credentials, scope) = match endpoint.access {
        Access::Open => ("none", None),
        Access::Token(scope) => ("JWT", Some(scope)),
        Access::Administrator(scope) => ("JWT of an administrator", Some(scope)),
        Access::TokenOrSignature(scope) => ("JWT or LMv1", Some(scope)),
        Access::SecretKey => ("user name and secret key in the body", None),
    };
    let scope = scope.map_or_else(String::new, |scope| format!("`{}`", scope.as_str()));
    let (methods, path) = (methods.join(", "), endpoint.path);
    format!("| {methods} | `{path}` | {credentials} | {scope} |\n")
}

fn table() -> String {
    let lines: String = ENDPOINTS.iter().map(line).collect();
    format!("\n| method | path | credentials | scope |\n|---|---|---|---|\n{lines}\n")
}

#[test]
fn the_documented_endpoints_are_the_served_ones() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
    let Some((before, (written, after))) = parts else {
        panic!("docs/compatibility.md lost the marks around its table: {BEGIN} and {END}");
    };
    let wanted = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        written, wanted,
        "the table is out of date; run: UPDATE_DOCS=1 cargo test -p cresset-api scopes"
    );
}
