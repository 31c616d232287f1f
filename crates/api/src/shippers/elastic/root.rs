//! `GET /elastic`

use super::super::received::Received;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::header::USER_AGENT;
use serde_json::{Value, json};

/// What is told to those who do not say which version they are.
const VERSION: &str = "8.17.0";

/// Which Elasticsearch this is. Beats may refuse one that is older than they are, so they are
/// told their own version.
pub(in super::super) async fn root(State(api): State<Api>, received: Received) -> Json<Value> {
    let version = version_of_beat(received.header(USER_AGENT.as_str())).unwrap_or(VERSION);
    let name = &api.settings.server_name;
    let hash = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    let uuid: String = hash.as_ref()[..11]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    Json(json!({
        "name": name,
        "cluster_name": name,
        "cluster_uuid": uuid,
        "version": {
            "number": version,
            "build_flavor": "default",
            "build_type": "tar",
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }))
}

/// `8.15.0` of `Elastic-Filebeat/8.15.0 (linux; amd64; …)`.
fn version_of_beat(agent: &str) -> Option<&str> {
    let (_, rest) = agent.strip_prefix("Elastic-")?.split_once('/')?;
    let version = rest.split([' ', '-']).next()?;
    let mut parts = version.split('.');
    let number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let good = (0..3).all(|_| parts.next().is_some_and(number)) && parts.next().is_none();
    good.then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_say_their_version() {
        let check = |agent: &str, expected| assert_eq!(version_of_beat(agent), expected, "{agent}");
        check(
            "Elastic-Filebeat/8.15.0 (linux; amd64; 76f4)",
            Some("8.15.0"),
        );
        check("Elastic-Winlogbeat/9.0.1", Some("9.0.1"));
        check("Elastic-Filebeat/8.15.0-SNAPSHOT (linux)", Some("8.15.0"));
        check("Elastic-Filebeat/8.15", None);
        check("Elastic-Filebeat/8.15.0.1", None);
        check("Elastic-Filebeat/8.\"x.0", None);
        check("elasticsearch-py/9.5.1", None);
        check("", None);
    }
}
