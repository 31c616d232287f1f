use crate::support::at;
use cresset_catalog::{Catalog, Error};
use cresset_model::macros::{MAX_DESCRIPTION, MAX_MACROS, MAX_PARAMETERS, MAX_TEXT, Macro};

fn one(name: &str, text: &str, n: i64) -> Macro {
    Macro {
        name: name.to_owned(),
        parameters: vec!["user".to_owned(), "n_1".to_owned()],
        text: text.to_owned(),
        description: format!("the {n}th, \"quoted\""),
        updated_at: at(n),
    }
}

async fn macros_are_replaced_and_removed_by_name(catalog: &dyn Catalog) {
    let put = catalog.put_macro(one("failed", "label=Fail", 1)).await;
    assert_eq!(put.unwrap().name, "FAILED");
    catalog
        .put_macro(one("Another", "| limit 5", 2))
        .await
        .unwrap();
    catalog
        .put_macro(one("FAILED", "label=Failed", 3))
        .await
        .unwrap();
    let expect = [
        one("ANOTHER", "| limit 5", 2),
        one("FAILED", "label=Failed", 3),
    ];
    assert_eq!(catalog.macros().await.unwrap(), expect);
    catalog.delete_macro("fAiLeD").await.unwrap();
    assert_eq!(catalog.macros().await.unwrap(), expect[..1]);
    let gone = catalog.delete_macro("FAILED").await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
}

async fn every_change_of_a_macro_counts_for_rules_too(catalog: &dyn Catalog) {
    let versions = async || {
        let rules = catalog.rules_version().await.unwrap();
        (catalog.macros_version().await.unwrap(), rules)
    };
    let mut before = versions().await;
    for n in 0..3 {
        match n {
            2 => catalog.delete_macro("SOME").await.unwrap(),
            n => _ = catalog.put_macro(one("SOME", "a=1", n)).await.unwrap(),
        }
        let after = versions().await;
        assert!(after.0 > before.0 && after.1 > before.1, "{n}");
        before = after;
    }
    catalog.delete_macro("SOME").await.unwrap_err();
    assert_eq!(versions().await, before);
}

async fn what_is_no_macro_is_refused(catalog: &dyn Catalog) {
    let check = async |change: &dyn Fn(&mut Macro), expect: &str| {
        let mut wrong = one("SOME", "a=1", 1);
        change(&mut wrong);
        match catalog.put_macro(wrong).await {
            Err(Error::Refused(why)) => assert!(why.contains(expect), "{why}"),
            other => panic!("{expect}: {other:?}"),
        }
    };
    check(&|m| m.name = "a b".into(), "cannot name a macro").await;
    check(&|m| m.name = "a".into(), "cannot name a macro").await;
    check(&|m| m.text = " \n".into(), "cannot be empty").await;
    check(
        &|m| m.text = "x".repeat(MAX_TEXT + 1),
        "at most 65536 bytes",
    )
    .await;
    check(
        &|m| m.description = "x".repeat(MAX_DESCRIPTION + 1),
        "the description",
    )
    .await;
    for name in ["", "1a", "a-b", "ä", &"a".repeat(65)] {
        check(
            &|m| m.parameters[0] = name.into(),
            "cannot name a parameter",
        )
        .await;
    }
    check(&|m| m.parameters[0] = "n_1".into(), "two parameters").await;
    let many = |m: &mut Macro| {
        m.parameters = (0..=MAX_PARAMETERS).map(|n| format!("p{n}")).collect();
    };
    check(&many, "at most 20 parameters").await;
    assert!(catalog.macros().await.unwrap().is_empty());
    for n in 0..MAX_MACROS {
        let name = format!("M{n:04}");
        catalog.put_macro(one(&name, "a=1", 1)).await.unwrap();
    }
    check(&|_| {}, "there are 1000 macros already").await;
    catalog.put_macro(one("M0007", "b=1", 2)).await.unwrap();
}

conformance!(
    macros_are_replaced_and_removed_by_name,
    every_change_of_a_macro_counts_for_rules_too,
    what_is_no_macro_is_refused,
);
