use crate::support::{at, told};
use crate::tokens::{alice_and_bob, asked, bearer, new_token};
use cresset_catalog::port::NewToken;
use cresset_catalog::{Catalog, Error};
use cresset_model::filter::ListQuery;
use cresset_model::token::TokenKind;

async fn lists_have_one_kind_and_perhaps_one_owner(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    for (n, owner) in [1, 2, 1, 2, 1].into_iter().enumerate() {
        let new = new_token(owner, &format!("A{n}"));
        catalog.create_token(new, &told("made")).await.unwrap();
        let new = bearer(owner, &format!("lmb_{n}"));
        catalog.create_token(new, &told("made")).await.unwrap();
    }
    let ids = async |kind, owner, query: &ListQuery| {
        let page = catalog.tokens(kind, owner, query, None).await.unwrap();
        let ids: Vec<i64> = page.items.iter().map(|token| token.id).collect();
        (page.total, ids)
    };
    let all = asked("", "");
    assert_eq!(
        ids(TokenKind::Lmv1, None, &all).await,
        (5, vec![1, 3, 5, 7, 9])
    );
    assert_eq!(
        ids(TokenKind::Bearer, None, &all).await,
        (5, vec![2, 4, 6, 8, 10])
    );
    assert_eq!(ids(TokenKind::Lmv1, Some(2), &all).await, (2, vec![3, 7]));
    assert_eq!(ids(TokenKind::Lmv1, Some(9), &all).await, (0, vec![]));
    let backwards = asked("", "-id");
    assert_eq!(
        ids(TokenKind::Lmv1, Some(1), &backwards).await,
        (3, vec![9, 5, 1])
    );
    for owner in [None, Some(1)] {
        for (offset, size) in [(0, 2), (2, 2), (4, 2), (5, 2), (u64::MAX, 2), (0, 0)] {
            let (total, all) = ids(TokenKind::Lmv1, owner, &all).await;
            let page = ListQuery {
                offset,
                size,
                ..ListQuery::default()
            };
            let skipped = all.iter().copied().skip(offset.min(9) as usize);
            let expected = skipped.take(size as usize).collect();
            let met = ids(TokenKind::Lmv1, owner, &page).await;
            assert_eq!(met, (total, expected), "{owner:?} {offset} {size}");
        }
    }
}

async fn lists_are_filtered_and_sorted_by_every_column(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let new = [
        NewToken {
            note: "CI runner".to_owned(),
            disabled: true,
            ..new_token(1, "CCC")
        },
        NewToken {
            created_by: "Zoe".to_owned(),
            ..new_token(2, "bbb")
        },
        NewToken {
            created_at: at(3),
            expires_at: Some(at(9)),
            ..new_token(1, "AAA")
        },
    ];
    for new in new {
        catalog.create_token(new, &told("made")).await.unwrap();
    }
    catalog.token_used(2, at(77), "10.0.0.7").await.unwrap();
    let check = async |filter: &str, sort: &str, expected: &[i64]| {
        let page = catalog
            .tokens(TokenKind::Lmv1, None, &asked(filter, sort), None)
            .await
            .unwrap();
        let ids: Vec<i64> = page.items.iter().map(|token| token.id).collect();
        assert_eq!(ids, expected, "{filter} {sort}");
        assert_eq!(page.total, expected.len() as u64, "{filter} {sort}");
    };
    let secs = |n: i64| at(n).0 / 1_000_000;
    check("id:2", "", &[2]).await;
    check("accessId:\"BBB\"", "", &[2]).await;
    check("adminId:1", "", &[1, 3]).await;
    check("adminName:bob", "", &[2]).await;
    check("createdBy:zo*", "", &[2]).await;
    check(&format!("createdOn<{}", secs(5)), "", &[3]).await;
    check(&format!("expiresOn:{}", secs(9)), "", &[3]).await;
    check("lastAuthIp~\".0.7\"", "", &[2]).await;
    check(&format!("lastUsedOn>:{}", secs(77)), "", &[2]).await;
    check("lastUsedOn:0", "", &[1, 3]).await;
    check("note~\"runn\"", "", &[1]).await;
    check("roles:Readonly", "", &[1, 2, 3]).await;
    check("roles!:readonly", "", &[]).await;
    check("status:1", "", &[1]).await;
    check("_all~\"zoe\"||id:3", "", &[2, 3]).await;
    check("note:\"' OR 1=1 --\"", "", &[]).await;
    check("", "+id", &[1, 2, 3]).await;
    check("", "-id", &[3, 2, 1]).await;
    check("", "accessId", &[3, 2, 1]).await;
    check("", "-adminId", &[2, 3, 1]).await;
    check("", "+adminName,-id", &[3, 1, 2]).await;
    check("", "createdBy", &[1, 3, 2]).await;
    check("", "createdOn", &[3, 1, 2]).await;
    check("", "-expiresOn", &[3, 2, 1]).await;
    check("", "-lastAuthIp", &[2, 3, 1]).await;
    check("", "lastUsedOn", &[1, 3, 2]).await;
    check("", "note", &[1, 3, 2]).await;
    check("status:2", "-status", &[3, 2]).await;
    for (filter, sort) in [
        ("accessKey~\"a\"", ""),
        ("", "accessKey"),
        ("", "roles"),
        ("x:1", ""),
    ] {
        let query = asked(filter, sort);
        let error = catalog
            .tokens(TokenKind::Lmv1, None, &query, None)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Refused(text) if text.contains("invalid")),
            "{error}"
        );
    }
}

async fn a_list_is_never_older_than_the_moment_it_may_be_of(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    for name in ["AAA", "BBB"] {
        let new = new_token(1, name);
        catalog.create_token(new, &told("made")).await.unwrap();
    }
    let long = format!("note!:{0},note!:y{0},note!:z{0}", "x".repeat(2000));
    for query in [asked("", ""), asked("id>0", "-note"), asked(&long, "")] {
        let kind = TokenKind::Lmv1;
        let total = async |seen| {
            catalog
                .tokens(kind, None, &query, seen)
                .await
                .unwrap()
                .total
        };
        let seen = async |name| catalog.signing_token(name).await.unwrap().unwrap().seen;
        let before = seen("AAA").await;
        let known = total(Some(before)).await;
        assert_eq!(total(Some(seen("BBB").await)).await, known);
        let new = new_token(1, &format!("C{known}"));
        let made = catalog.create_token(new, &told("made")).await.unwrap();
        // It may be as of the moment …
        let told_then = total(Some(before)).await;
        assert!([known, known + 1].contains(&told_then), "{told_then}");
        // … and is as of now for whoever comes now, or asks for no moment.
        assert_eq!(total(None).await, known + 1);
        assert_eq!(total(Some(seen("AAA").await)).await, known + 1);
        assert_eq!(total(Some(before)).await, known + 1);
        let gone = catalog.delete_token(1, made.id, &told("deleted")).await;
        assert!(gone.unwrap());
        assert_eq!(total(Some(seen("AAA").await)).await, known);
    }
}

conformance!(
    a_list_is_never_older_than_the_moment_it_may_be_of,
    lists_have_one_kind_and_perhaps_one_owner,
    lists_are_filtered_and_sorted_by_every_column,
);
