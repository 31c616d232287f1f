//! Lists that queries feed.

use crate::support::{at, id, sqlite};
use cresset_catalog::{Catalog, Error};
use cresset_model::list::ListKind;
use cresset_model::{Clock, Duration, ManualClock};
use std::collections::HashSet;

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

async fn created(catalog: &dyn Catalog, name: &str, minutes: u32) {
    let list = catalog
        .put_dynamic_list(id(1), name, minutes, at(0))
        .await
        .unwrap();
    assert_eq!(list.kind, ListKind::DynamicList);
    assert_eq!(list.age_limit_minute, Some(minutes));
}

/// The values of `name` after expiry at `secs`.
async fn alive(catalog: &dyn Catalog, name: &str, secs: i64) -> Vec<String> {
    catalog.expire_list_values(at(secs)).await.unwrap();
    let values = catalog.list_values(name).await.unwrap().unwrap();
    let info = catalog.list(name).await.unwrap().unwrap();
    assert_eq!(info.len, values.len() as u64);
    let page = catalog.list_page(name, 0, 1_000).await.unwrap().unwrap();
    assert_eq!(page, values);
    values
}

async fn values_live_for_the_age_limit_after_they_were_seen_last(catalog: &dyn Catalog) {
    let clock = ManualClock::at(at(0));
    created(catalog, "suspects", 10).await;
    let add = async |values: &[&str]| {
        let added = catalog
            .add_to_list("Suspects", texts(values), clock.now())
            .await;
        added.unwrap().len
    };
    assert_eq!(add(&["bob", "amy", "Bob", ""]).await, 2);
    clock.advance(Duration::minutes(5));
    assert_eq!(add(&["BOB", "zoe"]).await, 3);
    assert_eq!(alive(catalog, "SUSPECTS", 599).await, ["amy", "bob", "zoe"]);
    assert_eq!(alive(catalog, "SUSPECTS", 600).await, ["bob", "zoe"]);
    assert_eq!(catalog.expire_list_values(at(600)).await.unwrap(), 0);
    assert_eq!(alive(catalog, "SUSPECTS", 899).await, ["bob", "zoe"]);
    assert_eq!(catalog.expire_list_values(at(900)).await.unwrap(), 2);
    assert_eq!(alive(catalog, "SUSPECTS", 900).await, texts(&[]));
    // A value that is past its age is not kept alive by being seen again: it is new.
    clock.set(at(2_000));
    assert_eq!(add(&["eve"]).await, 1);
    clock.set(at(4_000));
    assert_eq!(add(&["amy"]).await, 1, "eve has gone");
    // A clock that was set back makes nothing younger than it is, nor older.
    clock.set(at(3_900));
    assert_eq!(add(&["amy"]).await, 1);
    assert_eq!(alive(catalog, "SUSPECTS", 4_599).await, ["amy"]);
}

async fn a_new_age_limit_counts_for_what_is_there(catalog: &dyn Catalog) {
    created(catalog, "SUSPECTS", 10).await;
    catalog
        .add_to_list("SUSPECTS", texts(&["bob"]), at(0))
        .await
        .unwrap();
    let put = async |minutes: u32, secs: i64| {
        let list = catalog.put_dynamic_list(id(2), "suspects", minutes, at(secs));
        list.await.unwrap()
    };
    let list = put(20, 300).await;
    assert_eq!((list.id, list.len), (id(1), 1));
    assert_eq!(alive(catalog, "SUSPECTS", 1_199).await, ["bob"]);
    assert_eq!(put(5, 400).await.len, 0);
    assert_eq!(put(50, 400).await.len, 0, "what has gone stays away");
}

async fn the_version_grows_only_when_values_change(catalog: &dyn Catalog) {
    created(catalog, "SUSPECTS", 10).await;
    let mut version = catalog.lists_version().await.unwrap();
    let mut changed = async || {
        let now = catalog.lists_version().await.unwrap();
        std::mem::replace(&mut version, now) != now
    };
    let add = async |values: &[&str], secs: i64| {
        let added = catalog
            .add_to_list("SUSPECTS", texts(values), at(secs))
            .await;
        added.unwrap()
    };
    add(&["bob"], 0).await;
    assert!(changed().await);
    add(&["BOB"], 60).await;
    add(&[], 60).await;
    catalog.expire_list_values(at(659)).await.unwrap();
    assert!(!changed().await, "an age changes nothing that anybody sees");
    catalog.expire_list_values(at(660)).await.unwrap();
    assert!(changed().await);
    catalog.delete_list("suspects").await.unwrap();
    assert!(changed().await);
}

async fn kinds_are_kept_apart(catalog: &dyn Catalog) {
    created(catalog, "FED", 10).await;
    let put = catalog.put_list(id(2), "fed", texts(&["a"]), at(0)).await;
    assert!(matches!(put, Err(Error::Refused(_))));
    catalog
        .put_list(id(3), "KEPT", texts(&["a"]), at(0))
        .await
        .unwrap();
    let put = catalog.put_dynamic_list(id(4), "kept", 10, at(0)).await;
    assert!(matches!(put, Err(Error::Refused(_))));
    let add = catalog.add_to_list("KEPT", texts(&["b"]), at(0)).await;
    assert!(matches!(add, Err(Error::Refused(_))));
    let add = catalog.add_to_list("NONE", texts(&["b"]), at(0)).await;
    assert!(matches!(add, Err(Error::NotFound { .. })));
    let long = vec!["x".repeat(1_025)];
    let add = catalog.add_to_list("FED", long, at(0)).await;
    assert!(matches!(add, Err(Error::Refused(_))));
    for minutes in [0, u32::MAX] {
        let put = catalog
            .put_dynamic_list(id(5), "OTHER", minutes, at(0))
            .await;
        assert!(matches!(put, Err(Error::Refused(_))), "{minutes}");
    }
    assert_eq!(alive(catalog, "KEPT", 1_000_000).await, ["a"]);
    for name in ["fed", "KEPT"] {
        catalog.delete_list(name).await.unwrap();
        assert_eq!(catalog.list(name).await.unwrap(), None);
        assert_eq!(catalog.list_page(name, 0, 1).await.unwrap(), None);
        let again = catalog.delete_list(name).await;
        assert!(matches!(again, Err(Error::NotFound { .. })));
    }
    assert!(catalog.lists().await.unwrap().is_empty());
}

async fn pages_of_both_kinds(catalog: &dyn Catalog) {
    created(catalog, "FED", 10).await;
    let values = texts(&["a", "b", "c", "d", "e"]);
    catalog
        .add_to_list("FED", values.clone(), at(0))
        .await
        .unwrap();
    catalog
        .put_list(id(2), "KEPT", values.clone(), at(0))
        .await
        .unwrap();
    for name in ["fed", "Kept"] {
        let page = async |skip, take| catalog.list_page(name, skip, take).await.unwrap().unwrap();
        assert_eq!(page(0, 2).await, values[..2], "{name}");
        assert_eq!(page(4, 2).await, values[4..], "{name}");
        assert_eq!(page(9, 2).await, values[..0], "{name}");
        assert_eq!(page(u64::MAX, u64::MAX).await, values[..0], "{name}");
    }
}

conformance!(
    values_live_for_the_age_limit_after_they_were_seen_last,
    a_new_age_limit_counts_for_what_is_there,
    the_version_grows_only_when_values_change,
    kinds_are_kept_apart,
    pages_of_both_kinds,
);

#[tokio::test]
async fn the_values_seen_longest_ago_make_room() {
    let (_dir, catalog) = sqlite().await;
    let catalog: &dyn Catalog = &catalog;
    created(catalog, "FULL", 1_000_000).await;
    let most = 1 << 18;
    let mut len = 0;
    for batch in 0..3 {
        let values = (0..100_000).map(|n| format!("v{batch}-{n}")).collect();
        let added = catalog.add_to_list("FULL", values, at(batch)).await;
        len = added.unwrap().len;
    }
    assert_eq!(len, most);
    let values = catalog.list_values("FULL").await.unwrap().unwrap();
    let values: HashSet<String> = values.into_iter().collect();
    let of = |batch: &str| values.iter().filter(|v| v.starts_with(batch)).count();
    assert_eq!(
        (values.len() as u64, of("v1-"), of("v2-")),
        (most, 100_000, 100_000)
    );
}
