//! Events of years past and years to come, in every flush.

use crate::{Home, START, event};
use cresset_catalog::port::Files;
use cresset_model::{Duration, Timestamp};

/// Two years in every flush: more weeks than a flush makes files.
pub(crate) async fn files_of_the_same_weeks_become_one(home: Home) {
    let store = home.open().await.unwrap();
    let files = async || {
        let all = (Timestamp::MIN, Timestamp::MAX);
        home.catalog.files(&[], all.0, all.1).await.unwrap()
    };
    let mut seq = 0;
    for flush in 0..5 {
        let days = (-365..365).step_by(5);
        let events: Vec<_> = days
            .map(|day| {
                seq += 1;
                let at = START + Duration::days(day) + Duration::hours(30 * flush);
                event(seq, "web", at)
            })
            .collect();
        home.flush(&store, &events).await;
    }
    let before = files().await.len();
    home.clock.advance(Duration::hours(1));
    while store.compact().await.unwrap() > 0 {}
    let after = files().await;
    assert_eq!(after.iter().map(|f| f.rows).sum::<u64>(), seq);
    assert!(
        after.len() * 2 < before,
        "of {before} files {} are left",
        after.len()
    );
}
