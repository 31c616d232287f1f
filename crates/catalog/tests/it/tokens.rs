use crate::support::{at, id, new_user, told};
use cresset_catalog::port::{MAX_TOKENS_OF_USER, NewToken, TOKENS_WITH_USER, TokenPolicy};
use cresset_catalog::{Catalog, Error};
use cresset_model::SecretString;
use cresset_model::filter::{ListQuery, Sort, parse};
use cresset_model::token::{ApiToken, TokenKind};
use ring::digest::{SHA256, digest};

pub(crate) fn new_token(user: i64, access_id: &str) -> NewToken {
    NewToken {
        kind: TokenKind::Lmv1,
        access_id: access_id.to_owned(),
        secret: SecretString::new(format!("secret-of-{access_id}")),
        user_number: user,
        note: format!("note of {access_id}"),
        disabled: false,
        created_at: at(5),
        created_by: "root".to_owned(),
        expires_at: None,
        scopes: None,
        networks: Vec::new(),
    }
}

pub(crate) fn bearer(user: i64, secret: &str) -> NewToken {
    NewToken {
        kind: TokenKind::Bearer,
        secret: SecretString::new(secret),
        ..new_token(user, "")
    }
}

pub(crate) const BEARER: &str = "lmb_0123456789abcdefghijklmnopqrstuvwxyz";

pub(crate) fn sha256(secret: &str) -> [u8; 32] {
    let hash = digest(&SHA256, secret.as_bytes());
    hash.as_ref().try_into().unwrap()
}

pub(crate) fn asked(filter: &str, sort: &str) -> ListQuery {
    ListQuery {
        filter: (!filter.is_empty()).then(|| parse(filter).unwrap()),
        sort: Sort::parse(sort).unwrap(),
        ..ListQuery::default()
    }
}

pub(crate) async fn alice_and_bob(catalog: &dyn Catalog) {
    catalog.create_user(new_user(1, "alice")).await.unwrap();
    catalog.create_user(new_user(2, "bob")).await.unwrap();
}

pub(crate) async fn audited(catalog: &dyn Catalog) -> Vec<String> {
    let entries = catalog.audit_entries(1000).await.unwrap();
    entries.into_iter().map(|entry| entry.action).collect()
}

async fn a_token_that_signs_is_found_with_its_owner_and_key(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let new = NewToken {
        disabled: true,
        expires_at: Some(at(60)),
        scopes: Some(vec!["logs:write".to_owned()]),
        networks: vec!["10.0.0.0/8".to_owned()],
        ..new_token(2, "AAA")
    };
    let made = catalog.create_token(new, &told("made")).await.unwrap();
    let expected = ApiToken {
        id: 1,
        kind: TokenKind::Lmv1,
        access_id: "AAA".to_owned(),
        shown_key: String::new(),
        user_id: id(2),
        user_number: 2,
        user_name: "bob".to_owned(),
        roles: vec!["manager".to_owned(), "readonly".to_owned()],
        note: "note of AAA".to_owned(),
        disabled: true,
        created_at: at(5),
        created_by: "root".to_owned(),
        last_used_at: None,
        last_address: String::new(),
        expires_at: Some(at(60)),
        scopes: Some(vec!["logs:write".to_owned()]),
        networks: vec!["10.0.0.0/8".to_owned()],
        rotated_to: None,
    };
    assert_eq!(made, expected);
    let found = catalog.signing_token("AAA").await.unwrap().unwrap();
    let (user, token, key) = (found.user, found.token, found.key);
    let known = catalog.user_by_name("bob").await.unwrap();
    assert_eq!(Some(&*user), known.as_ref());
    assert_eq!(
        (&*token, key.secret().expose()),
        (&expected, "secret-of-AAA")
    );
    for unknown in ["AAB", "aaa", "", BEARER] {
        assert!(catalog.signing_token(unknown).await.unwrap().is_none());
    }
    assert_eq!(audited(catalog).await, ["made"]);
}

async fn a_bearer_token_is_found_by_its_hash_alone(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let made = catalog
        .create_token(bearer(1, BEARER), &told("made"))
        .await
        .unwrap();
    assert_eq!(made.kind, TokenKind::Bearer);
    assert_eq!(
        (made.access_id.as_str(), &*made.shown_key),
        ("", &BEARER[..20])
    );
    let (user, token) = catalog
        .bearer_token(&sha256(BEARER))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((user.username.as_str(), user.number), ("alice", 1));
    assert_eq!(*token, made);
    assert!(
        catalog
            .bearer_token(&sha256("lmb_"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(catalog.bearer_token(&[0; 32]).await.unwrap().is_none());

    // Of a short one, less than half is shown.
    let short = catalog
        .create_token(bearer(1, "lmb_12"), &told("made"))
        .await
        .unwrap();
    assert_eq!(short.shown_key, "lmb");
    let again = catalog
        .create_token(bearer(2, BEARER), &told("made"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            again,
            Error::Exists {
                what: "API token",
                ..
            }
        ),
        "{again}"
    );
    assert!(!again.to_string().contains(BEARER));
    assert_eq!(
        catalog
            .tokens(TokenKind::Bearer, None, &asked("", ""), None)
            .await
            .unwrap()
            .total,
        2
    );
    assert_eq!(audited(catalog).await.len(), 2);
}

async fn what_is_not_fit_to_be_a_token_is_refused(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    catalog
        .create_token(new_token(1, "AAA"), &told("made"))
        .await
        .unwrap();
    let taken = catalog
        .create_token(new_token(2, "AAA"), &told("x"))
        .await
        .unwrap_err();
    assert!(
        matches!(&taken, Error::Exists { name, .. } if name == "AAA"),
        "{taken}"
    );
    let orphan = catalog
        .create_token(new_token(3, "BBB"), &told("x"))
        .await
        .unwrap_err();
    assert!(
        matches!(orphan, Error::NotFound { what: "user", .. }),
        "{orphan}"
    );
    let refuse = async |new: NewToken, part: &str| {
        let error = catalog.create_token(new, &told("x")).await.unwrap_err();
        assert!(
            matches!(&error, Error::Refused(text) if text.contains(part)),
            "{error}"
        );
    };
    let good = || new_token(1, "CCC");
    let note = "\u{e4}".repeat(1025);
    refuse(NewToken { note, ..good() }, "1024 characters").await;
    let networks = vec!["10.0.0.0/8".to_owned(); 65];
    refuse(NewToken { networks, ..good() }, "64 networks").await;
    let scopes = Some(vec!["s".repeat(256)]);
    refuse(NewToken { scopes, ..good() }, "255 bytes").await;
    refuse(new_token(1, ""), "access id").await;
    refuse(bearer(1, ""), "secret").await;
    assert_eq!(audited(catalog).await, ["made"], "what failed left no line");
    let note = "\u{e4}".repeat(1024);
    let longest = NewToken { note, ..good() };
    catalog.create_token(longest, &told("made")).await.unwrap();
}

async fn a_user_has_a_hundred_tokens_at_most(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    for n in 0..MAX_TOKENS_OF_USER {
        let new = match n % 2 {
            0 => new_token(1, &format!("A{n}")),
            _ => bearer(1, &format!("lmb_{n}")),
        };
        catalog.create_token(new, &told("made")).await.unwrap();
    }
    let error = catalog
        .create_token(new_token(1, "B"), &told("x"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("at most 100 API tokens"),
        "{error}"
    );
    catalog
        .create_token(new_token(2, "B"), &told("made"))
        .await
        .unwrap();
    assert!(catalog.delete_token(1, 7, &told("gone")).await.unwrap());
    catalog
        .create_token(new_token(1, "C"), &told("made"))
        .await
        .unwrap();
}

async fn of_many_tokens_the_usable_and_newest_come(catalog: &dyn Catalog) {
    alice_and_bob(catalog).await;
    let policy = TokenPolicy {
        per_user: 200,
        mail_owners: false,
    };
    catalog.set_token_policy(policy).await.unwrap();
    let made = async |new| catalog.create_token(new, &told("made")).await.unwrap();
    made(new_token(2, "B")).await;
    // The disabled are newer than the first enabled ones.
    for n in 0..u64::from(TOKENS_WITH_USER) + 8 {
        let mut new = new_token(1, &format!("A{n}"));
        new.disabled = (3..10).contains(&n);
        made(new).await;
    }
    let found = catalog.tokens_of(&[1, 2]).await.unwrap();
    let names: Vec<&str> = found.iter().map(|token| token.access_id.as_str()).collect();
    // Of 108, 101 are enabled: the oldest of those is left out, too.
    let most = u64::from(TOKENS_WITH_USER);
    let mut expected: Vec<String> = (1..3)
        .chain(10..most + 8)
        .map(|n| format!("A{n}"))
        .collect();
    assert_eq!(expected.len() as u64, most);
    expected.push("B".to_owned());
    assert_eq!(names, expected);
}

conformance!(
    a_token_that_signs_is_found_with_its_owner_and_key,
    a_bearer_token_is_found_by_its_hash_alone,
    what_is_not_fit_to_be_a_token_is_refused,
    a_user_has_a_hundred_tokens_at_most,
    of_many_tokens_the_usable_and_newest_come,
);
