//! What a look at an instance tells.

use crate::member;
use anyhow::Result;
use cresset_fleet::health::look;
use cresset_model::Timestamp;
use cresset_model::instance::{InstanceHealth, Product};
use cresset_testkit::{HttpSink, Reply};

const REPOS: &str = r#"{"rows":[{"repos":[
    {"repo":"web","address":"127.0.0.1:5504/web"},{"repo":"a\u0007b","address":"x"}]}]}"#;

/// What is known after a look at which an instance of Cresset or one that was never seen
/// answers with its repos, and with this when it is asked what it is.
async fn after(seen: bool, told: Reply) -> Result<InstanceHealth> {
    let before = InstanceHealth {
        seen_at: seen.then(|| Timestamp::from_secs(1)),
        product: if seen {
            Product::Cresset
        } else {
            Product::Other
        },
        ..InstanceHealth::default()
    };
    let sink = HttpSink::start()?;
    sink.script([Reply::ok().body(REPOS), told]);
    Ok(look(&member(&sink.url(""))?, Timestamp::from_secs(2), &before).await)
}

#[tokio::test]
async fn only_an_answer_tells_what_an_instance_is() -> Result<()> {
    let cresset = || Reply::ok().body(r#"{"status":"up","product":"cresset"}"#);
    let cases = [
        (false, cresset(), Product::Cresset),
        (true, Reply::status(404), Product::Other),
        (true, Reply::ok().body("<html>"), Product::Other),
        (true, Reply::status(503), Product::Cresset),
        (true, Reply::status(429), Product::Cresset),
    ];
    for (seen, told, expected) in cases {
        let health = after(seen, told).await?;
        assert!(health.is_up(), "{health:?}");
        assert_eq!(health.product, expected);
        assert_eq!(health.repos.len(), 1, "{:?}", health.repos);
    }
    let unknown = after(false, Reply::status(503)).await?;
    assert!(!unknown.is_up() && unknown.seen_at.is_none());
    Ok(())
}
