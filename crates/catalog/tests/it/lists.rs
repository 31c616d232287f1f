use crate::support::{at, id};
use cresset_catalog::{Catalog, Error};
use proptest::prelude::*;
use std::collections::HashSet;
use std::time::{Duration, Instant};

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

async fn put(catalog: &dyn Catalog, n: u64, name: &str, values: Vec<String>) -> u64 {
    let put = catalog.put_list(id(n), name, values, at(n as i64)).await;
    put.unwrap().len
}

async fn values_fold_case_and_keep_the_first_spelling(catalog: &dyn Catalog) {
    let values = [
        "Evil.example",
        "b",
        "EVIL.EXAMPLE",
        "ÄÖ",
        "äö",
        "B",
        "",
        "a\u{0}b",
        "\"\\",
    ];
    assert_eq!(put(catalog, 1, "bad_hosts", texts(&values)).await, 6);
    let expect = texts(&["Evil.example", "b", "ÄÖ", "", "a\u{0}b", "\"\\"]);
    for name in ["BAD_HOSTS", "bad_hosts", "Bad_Hosts"] {
        assert_eq!(
            catalog.list_values(name).await.unwrap(),
            Some(expect.clone())
        );
    }
    assert_eq!(catalog.list_values("OTHER").await.unwrap(), None);
}

async fn a_second_put_replaces_values_and_keeps_the_id(catalog: &dyn Catalog) {
    put(catalog, 1, "ADMINS", texts(&["a", "b", "c"])).await;
    put(catalog, 2, "OTHER", texts(&["x"])).await;
    put(catalog, 3, "admins", texts(&["d"])).await;
    assert_eq!(
        catalog.list_values("ADMINS").await.unwrap(),
        Some(texts(&["d"]))
    );
    assert_eq!(
        catalog.list_values("OTHER").await.unwrap(),
        Some(texts(&["x"]))
    );
    let lists = catalog.lists().await.unwrap();
    let seen: Vec<_> = lists
        .iter()
        .map(|l| (l.id, l.name.as_str(), l.len, l.updated_at))
        .collect();
    assert_eq!(
        seen,
        [(id(1), "ADMINS", 1, at(3)), (id(2), "OTHER", 1, at(2))]
    );

    put(catalog, 4, "ADMINS", Vec::new()).await;
    assert_eq!(
        catalog.list_values("ADMINS").await.unwrap(),
        Some(Vec::new())
    );
}

async fn the_version_grows_with_every_change(catalog: &dyn Catalog) {
    let mut version = catalog.lists_version().await.unwrap();
    for n in 1..4 {
        put(catalog, n, "ADMINS", texts(&["a"])).await;
        let next = catalog.lists_version().await.unwrap();
        assert!(next > version);
        version = next;
    }
    catalog.list_values("ADMINS").await.unwrap();
    assert_eq!(catalog.lists_version().await.unwrap(), version);
}

async fn unusable_lists_are_refused(catalog: &dyn Catalog) {
    for name in ["", "a", "-ab", "ab_", "a b", &"x".repeat(101)] {
        let put = catalog.put_list(id(1), name, Vec::new(), at(0)).await;
        assert!(matches!(put, Err(Error::Refused(_))), "{name:?}");
    }
    let long = vec!["x".repeat(70_000)];
    let put = catalog.put_list(id(1), "LONG", long, at(0)).await;
    assert!(matches!(put, Err(Error::Refused(_))));
    assert!(catalog.lists().await.unwrap().is_empty());
}

async fn a_million_values_are_stored_in_order(catalog: &dyn Catalog) {
    let values: Vec<String> = (0..1_000_000)
        .map(|n| format!("host-{n:07}.example.org"))
        .collect();
    let doubled = values
        .iter()
        .cloned()
        .chain([values[5].to_uppercase()])
        .collect();
    let started = Instant::now();
    assert_eq!(put(catalog, 1, "MILLION", doubled).await, 1_000_000);
    let stored = catalog.list_values("MILLION").await.unwrap().unwrap();
    let took = started.elapsed();
    println!("a million values, there and back: {took:?}");
    assert!(stored == values, "order and values are kept");
    // A statement per value would take minutes in a debug build.
    assert!(took < Duration::from_mins(2), "{took:?}");
}

conformance!(
    values_fold_case_and_keep_the_first_spelling,
    a_second_put_replaces_values_and_keeps_the_id,
    the_version_grows_with_every_change,
    unusable_lists_are_refused,
    a_million_values_are_stored_in_order,
);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What comes back is what a plain fold says, across the borders of chunks.
    #[test]
    fn any_values_come_back(
        values in proptest::collection::vec("\\PC{0,6}|[aAbB]{0,2}", 0..300),
        repeat in prop_oneof![Just(1_usize), Just(200)],
    ) {
        let values: Vec<String> = (0..repeat)
            .flat_map(|n| values.iter().map(move |v| if n == 0 { v.clone() } else { format!("{v}{n}") }))
            .collect();
        let mut seen = HashSet::new();
        let mut expect = values.clone();
        expect.retain(|value| seen.insert(value.to_lowercase()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stored = runtime.block_on(async {
            let (_dir, catalog) = crate::support::sqlite().await;
            put(&catalog, 1, "ANY", values).await;
            catalog_values(&catalog).await
        });
        prop_assert_eq!(stored, expect);
    }
}

async fn catalog_values(catalog: &dyn Catalog) -> Vec<String> {
    catalog.list_values("ANY").await.unwrap().unwrap()
}
