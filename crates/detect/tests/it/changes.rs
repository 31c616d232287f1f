//! How a running detector learns of changed rules.

use crate::rules::{Happening, spec};
use crate::server::{Server, settings, wait_for};
use cresset_catalog::port::Rules;
use cresset_detect::DetectSettings;
use cresset_model::Duration;

/// On a boundary of 10 minutes.
const T0: i64 = 1_700_000_400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_deleted_while_another_was_made_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    let gone = server.rule("goes", spec("user=ann", 10, 10)).await;
    let stays = server.rule("stays", spec("user=ann", 10, 10)).await;
    // Nobody looks but when told to, so that both changes are met at once.
    let settings = DetectSettings {
        poll: Duration::days(1),
        ..settings()
    };
    let running = server.detect_with(server.searcher.clone(), settings);
    let live = async |n: u64| {
        wait_for("the rules to be taken over", async || {
            let health = running.handle.health();
            let version = server.catalog.rules_version().await.unwrap();
            health.live_rules == n && health.rules_version == version
        })
        .await;
    };
    live(2).await;
    let deleted = server.catalog.delete_rules(&[gone], server.owner).await;
    deleted.unwrap();
    let comes = server.rule("comes", spec("user=ann", 10, 10)).await;
    running.handle.rules_changed();
    live(2).await;
    server.append(&[Happening::of(T0 + 1, "ann")]).await;
    wait_for("the incidents", async || {
        server.incidents().await.len() >= 2
    })
    .await;
    let mut fired: Vec<_> = server.incidents().await.iter().map(|i| i.rule_id).collect();
    fired.sort_unstable();
    let mut expected = [stays, comes];
    expected.sort_unstable();
    assert_eq!(fired, expected);
    running.stop().await;
}
