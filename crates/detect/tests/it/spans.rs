//! Rules that group by spans of time.

use crate::rules::{Happening, spec};
use crate::server::Server;
use cresset_model::Timestamp;

/// On a boundary of 30 minutes.
const T0: i64 = 1_700_001_000;

/// What of a window does not count any more makes its spans no smaller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_are_those_of_the_whole_window_after_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    // An hour is divided into spans of five minutes, half an hour into minutes.
    let query = "user=* | timechart count() as c | search c>=3";
    let mut flushed = spec(query, 30, 60);
    flushed.search_params.flush_on_trigger = true;
    let rule = server.rule("three in a span", flushed).await;
    let running = server.detect();
    for slot in [1_800, 3_600] {
        let begin = T0 + slot - 1_500;
        let at = [10, 70, 130].map(|second| Happening::of(begin + second, "ann"));
        server.append(&at).await;
        server.clock.set(Timestamp::from_secs(T0 + slot + 30));
        server.evaluated(rule, T0 + slot).await;
    }
    running.stop().await;
    let fired = server.incidents().await.into_iter();
    let slots: Vec<i64> = fired.map(|i| i.slot_end.secs() - T0).collect();
    assert_eq!(slots, [1_800, 3_600]);
}
