use crate::support::{at, told};
use crate::tokens::{BEARER, alice_and_bob, asked, audited, bearer, new_token, sha256};
use cresset_catalog::port::{NewToken, TokenChange};
use cresset_catalog::{Catalog, Error};
use cresset_model::Timestamp;
use cresset_model::token::{ApiToken, TokenKind};

async fn changes_touch_only_what_they_name(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let made = catalog
        .create_token(new_token(1, "AAA"), &told("made"))
        .await
        .unwrap();
    let mut expected = made.clone();
    let change = async |change: TokenChange, expected: &ApiToken| {
        let changed = catalog
            .change_token(1, made.id, &change, &told("changed"))
            .await;
        assert_eq!(changed.unwrap().as_ref(), Some(expected), "{change:?}");
        let found = catalog.signing_token("AAA").await.unwrap().unwrap();
        let (found, key) = (found.token, found.key);
        assert_eq!(
            (&*found, key.secret().expose()),
            (expected, "secret-of-AAA")
        );
    };
    change(TokenChange::default(), &expected).await;
    expected.note = String::from("new");
    let note = Some("new".to_owned());
    change(
        TokenChange {
            note,
            ..TokenChange::default()
        },
        &expected,
    )
    .await;
    expected.disabled = true;
    change(
        TokenChange {
            disabled: Some(true),
            ..TokenChange::default()
        },
        &expected,
    )
    .await;
    expected.expires_at = Some(at(9));
    let all = TokenChange {
        note: None,
        disabled: Some(false),
        expires_at: Some(Some(at(9))),
        scopes: Some(Some(Vec::new())),
        networks: Some(vec!["::1/128".to_owned()]),
    };
    expected.disabled = false;
    expected.scopes = Some(Vec::new());
    expected.networks = vec!["::1/128".to_owned()];
    change(all, &expected).await;
    let none = TokenChange {
        expires_at: Some(None),
        scopes: Some(None),
        networks: Some(Vec::new()),
        ..TokenChange::default()
    };
    change(
        none,
        &ApiToken {
            note: "new".to_owned(),
            ..made.clone()
        },
    )
    .await;

    // A moment of which no whole second has gone is not "never".
    let past = TokenChange {
        expires_at: Some(Some(Timestamp(0))),
        ..TokenChange::default()
    };
    let changed = catalog
        .change_token(1, made.id, &past, &told("changed"))
        .await;
    let ends = changed.unwrap().unwrap().expires_at;
    assert_eq!(ends, Some(Timestamp::from_secs(1)));

    let long = TokenChange {
        note: Some("x".repeat(1025)),
        ..TokenChange::default()
    };
    let error = catalog
        .change_token(1, made.id, &long, &told("x"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert_eq!(audited(catalog).await.len(), 7);
}

async fn nobody_reaches_the_token_of_another(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let made = catalog
        .create_token(new_token(1, "AAA"), &told("made"))
        .await
        .unwrap();
    assert_eq!(catalog.token(Some(2), made.id).await.unwrap(), None);
    assert_eq!(
        catalog.token(Some(1), made.id).await.unwrap().as_ref(),
        Some(&made)
    );
    assert_eq!(
        catalog.token(None, made.id).await.unwrap().as_ref(),
        Some(&made)
    );
    assert_eq!(catalog.token(None, made.id + 1).await.unwrap(), None);
    let disable = TokenChange {
        disabled: Some(true),
        ..TokenChange::default()
    };
    for (owner, id) in [
        (2, made.id),
        (1, made.id + 1),
        (3, made.id),
        (1, i64::MAX),
        (1, -1),
    ] {
        let changed = catalog
            .change_token(owner, id, &disable, &told("x"))
            .await
            .unwrap();
        assert_eq!(changed, None, "{owner} {id}");
        let new = new_token(owner, "NEW");
        let rotated = catalog
            .rotate_token(id, new, at(0), &told("x"))
            .await
            .unwrap();
        assert_eq!(rotated, None, "{owner} {id}");
        assert!(!catalog.delete_token(owner, id, &told("x")).await.unwrap());
    }
    assert_eq!(catalog.token(None, made.id).await.unwrap(), Some(made));
    assert_eq!(
        audited(catalog).await,
        ["made"],
        "what did not happen left no line"
    );
}

async fn a_deleted_token_is_gone_and_its_id_is_not_used_again(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let made = catalog
        .create_token(new_token(1, "AAA"), &told("made"))
        .await
        .unwrap();
    assert!(
        catalog
            .delete_token(1, made.id, &told("gone"))
            .await
            .unwrap()
    );
    assert!(
        !catalog
            .delete_token(1, made.id, &told("gone"))
            .await
            .unwrap()
    );
    assert!(catalog.signing_token("AAA").await.unwrap().is_none());
    let next = catalog
        .create_token(new_token(1, "AAA"), &told("made"))
        .await
        .unwrap();
    assert_eq!(next.id, made.id + 1);
    assert_eq!(audited(catalog).await, ["made", "gone", "made"]);
}

async fn a_token_gives_way_to_the_one_in_its_place(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let old = catalog
        .create_token(new_token(1, "OLD"), &told("made"))
        .await
        .unwrap();
    let rotate = async |id: i64, new: NewToken, ends: i64| {
        catalog
            .rotate_token(id, new, at(ends), &told("rotated"))
            .await
    };
    let new = rotate(old.id, new_token(1, "NEW"), 60)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (new.access_id.as_str(), new.expires_at, new.rotated_to),
        ("NEW", None, None)
    );
    let old = catalog.signing_token("OLD").await.unwrap().unwrap().token;
    assert_eq!(
        (old.expires_at, old.rotated_to),
        (Some(at(60)), Some(new.id))
    );
    assert!(old.is_usable(at(59)) && !old.is_usable(at(60)));

    let twice = rotate(old.id, new_token(1, "NEXT"), 60).await.unwrap_err();
    assert!(twice.to_string().contains("replaced by token 2"), "{twice}");
    let other = rotate(new.id, bearer(1, BEARER), 60).await.unwrap_err();
    assert!(other.to_string().contains("of its kind"), "{other}");
    let taken = rotate(new.id, new_token(1, "OLD"), 60).await.unwrap_err();
    assert!(matches!(taken, Error::Exists { .. }), "{taken}");
    assert_eq!(
        catalog.token(None, new.id).await.unwrap(),
        Some(new.clone())
    );

    // One that ends earlier anyway is not made to last.
    let ends = TokenChange {
        expires_at: Some(Some(at(30))),
        ..TokenChange::default()
    };
    catalog
        .change_token(1, new.id, &ends, &told("changed"))
        .await
        .unwrap();
    // Who rotates judged it by other limits than it has by now.
    let stale = rotate(new.id, new_token(1, "NEXT"), 60).await.unwrap_err();
    assert!(stale.to_string().contains("just now"), "{stale}");
    let next = NewToken {
        expires_at: Some(at(30)),
        ..new_token(1, "NEXT")
    };
    rotate(new.id, next, 60).await.unwrap().unwrap();
    let new = catalog.token(None, new.id).await.unwrap().unwrap();
    assert_eq!(new.expires_at, Some(at(30)));
    assert_eq!(
        audited(catalog).await,
        ["rotated", "changed", "rotated", "made"]
    );
}

async fn the_last_use_is_kept(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let made = catalog
        .create_token(new_token(1, "AAA"), &told("made"))
        .await
        .unwrap();
    let used = async |secs: i64, address: &str| {
        catalog
            .token_used(made.id, at(secs), address)
            .await
            .unwrap();
        let token = catalog.token(None, made.id).await.unwrap().unwrap();
        (token.last_used_at, token.last_address)
    };
    assert_eq!(
        used(60, "10.0.0.7").await,
        (Some(at(60)), "10.0.0.7".to_owned())
    );
    assert_eq!(used(120, "::1").await, (Some(at(120)), "::1".to_owned()));
    assert_eq!(
        used(90, "10.0.0.8").await,
        (Some(at(120)), "::1".to_owned()),
        "late"
    );
    catalog.token_used(99, at(0), "::1").await.unwrap();
    let account = catalog.account(1).await.unwrap().unwrap();
    assert_eq!(account.last_action_at, Some(at(120)));
}

async fn an_owner_who_goes_or_is_renamed_takes_the_tokens_along(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    catalog
        .create_token(new_token(1, "AAA"), &told("made"))
        .await
        .unwrap();
    catalog
        .create_token(bearer(1, BEARER), &told("made"))
        .await
        .unwrap();
    catalog
        .create_token(new_token(2, "BBB"), &told("made"))
        .await
        .unwrap();
    let renamed = cresset_catalog::port::AccountChange {
        username: Some("alina".to_owned()),
        ..Default::default()
    };
    catalog
        .change_account(1, &renamed, &told("renamed"))
        .await
        .unwrap();
    let found = catalog.signing_token("AAA").await.unwrap().unwrap();
    let (user, token) = (found.user, found.token);
    assert_eq!(
        (user.username.as_str(), token.user_name.as_str()),
        ("alina", "alina")
    );

    assert!(catalog.delete_account(1, &told("gone")).await.unwrap());
    assert!(catalog.signing_token("AAA").await.unwrap().is_none());
    assert!(
        catalog
            .bearer_token(&sha256(BEARER))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(catalog.token(None, 1).await.unwrap(), None);
    let left = catalog
        .tokens(TokenKind::Lmv1, None, &asked("", ""), None)
        .await
        .unwrap();
    assert_eq!((left.total, left.items[0].access_id.as_str()), (1, "BBB"));
}

conformance!(
    changes_touch_only_what_they_name,
    nobody_reaches_the_token_of_another,
    a_deleted_token_is_gone_and_its_id_is_not_used_again,
    a_token_gives_way_to_the_one_in_its_place,
    the_last_use_is_kept,
    an_owner_who_goes_or_is_renamed_takes_the_tokens_along,
);
