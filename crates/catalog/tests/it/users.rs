use crate::support::{OWNER, at, id, new_user, with_rule};
use cresset_auth::signing_key::SigningKey;
use cresset_catalog::port::{AuditEntry, NewUser};
use cresset_catalog::{Catalog, Error};
use cresset_model::SecretString;
use cresset_model::repo::Repo;
use cresset_model::user::{BUILT_IN_ROLES, HourFormat, Preferences, RepoAccess, User};
use std::collections::BTreeSet;
use std::sync::Arc;

async fn created_user_is_found_by_name_and_id(catalog: &dyn Catalog) {
    let made = catalog.create_user(new_user(1, "alice")).await.unwrap();
    assert_eq!(made.roles, ["manager", "readonly"]);
    assert_eq!(made.timezone, "UTC");
    assert!(!made.disabled);
    let by_name = catalog.user_by_name("alice").await.unwrap();
    assert_eq!(by_name.as_ref(), Some(&made));
    assert_eq!(catalog.user_by_id(id(1)).await.unwrap(), Some(made));
    assert_eq!(
        catalog.user_by_name("Alice").await.unwrap(),
        None,
        "names compare exactly"
    );
    assert_eq!(catalog.user_by_id(id(2)).await.unwrap(), None);
}

async fn users_are_listed_by_name_with_their_roles(catalog: &dyn Catalog) {
    for (n, name) in [(1, "mallory"), (2, "alice"), (3, "bob")] {
        let roles = if n == 3 {
            Vec::new()
        } else {
            vec!["ackonly".to_owned()]
        };
        catalog
            .create_user(NewUser {
                roles,
                ..new_user(n, name)
            })
            .await
            .unwrap();
    }
    let users = catalog.users().await.unwrap();
    let seen: Vec<_> = users
        .iter()
        .map(|u| (u.username.as_str(), u.roles.len()))
        .collect();
    assert_eq!(seen, [("alice", 1), ("bob", 0), ("mallory", 1)]);
}

async fn every_built_in_role_exists_and_no_other(catalog: &dyn Catalog) {
    let roles: Vec<String> = BUILT_IN_ROLES.map(str::to_owned).into();
    let made = catalog
        .create_user(NewUser {
            roles: roles.clone(),
            ..new_user(1, "all")
        })
        .await;
    assert_eq!(made.unwrap().roles, roles);

    let roles = vec!["manager".to_owned(), "emperor".to_owned()];
    let error = catalog
        .create_user(NewUser {
            roles,
            ..new_user(2, "bad")
        })
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NotFound { what: "role", name } if name == "emperor"),
        "{error}"
    );
    assert_eq!(
        catalog.user_by_name("bad").await.unwrap(),
        None,
        "nothing is left behind"
    );
}

async fn a_taken_or_unusable_name_is_refused(catalog: &dyn Catalog) {
    catalog.create_user(new_user(1, "alice")).await.unwrap();
    let error = catalog.create_user(new_user(2, "alice")).await.unwrap_err();
    assert_eq!(error.to_string(), r#"user "alice" already exists"#);
    for name in ["", &"x".repeat(300)] {
        let error = catalog.create_user(new_user(3, name)).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
    }
}

async fn disabling_is_seen_and_undone(catalog: &dyn Catalog) {
    catalog.create_user(new_user(1, "alice")).await.unwrap();
    for disabled in [true, false] {
        catalog.set_user_disabled(id(1), disabled).await.unwrap();
        let user = catalog.user_by_name("alice").await.unwrap().unwrap();
        assert_eq!(user.disabled, disabled);
    }
    let error = catalog.set_user_disabled(id(9), true).await.unwrap_err();
    assert!(
        matches!(error, Error::NotFound { what: "user", .. }),
        "{error}"
    );
}

async fn only_the_right_password_is_accepted(catalog: &dyn Catalog) {
    let password = Some(SecretString::new("correct horse"));
    catalog
        .create_user(NewUser {
            password,
            ..new_user(1, "alice")
        })
        .await
        .unwrap();
    catalog.create_user(new_user(2, "robot")).await.unwrap();
    for (user, password, expect) in [
        (1, "correct horse", true),
        (1, "correct horsf", false),
        (1, "", false),
        (1, &*"x".repeat(2_000_000), false),
        (2, "correct horse", false),
        (2, "", false),
        (9, "correct horse", false),
    ] {
        let met = catalog
            .check_password(id(user), &SecretString::new(password))
            .await
            .unwrap();
        assert_eq!(met, expect, "{user} {password:.20}");
    }
}

async fn an_unusable_password_is_refused(catalog: &dyn Catalog) {
    for bad in [String::new(), "x".repeat(1025)] {
        let password = Some(SecretString::new(bad));
        let user = NewUser {
            password,
            ..new_user(1, "alice")
        };
        let error = catalog.create_user(user).await.unwrap_err();
        assert!(error.to_string().contains("1 to 1024 bytes"), "{error}");
    }
    assert!(catalog.users().await.unwrap().is_empty());
}

async fn access_key_is_opened_and_replaced(catalog: &dyn Catalog) {
    catalog.create_user(new_user(1, "alice")).await.unwrap();
    assert_eq!(
        catalog
            .api_access_key(id(1))
            .await
            .unwrap()
            .unwrap()
            .expose(),
        "key-of-alice"
    );
    catalog
        .set_api_access_key(id(1), SecretString::new("fresh"))
        .await
        .unwrap();
    assert_eq!(
        catalog
            .api_access_key(id(1))
            .await
            .unwrap()
            .unwrap()
            .expose(),
        "fresh"
    );
    assert_eq!(catalog.api_access_key(id(9)).await.unwrap(), None);
    let error = catalog
        .set_api_access_key(id(9), SecretString::new("x"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

async fn what_proves_a_user_follows_every_change(catalog: &dyn Catalog) {
    // Twice, since the second answer may come from memory.
    let found = async || {
        let first = catalog.user_and_key("alice").await.unwrap();
        let again = catalog.user_and_key("alice").await.unwrap();
        let text = |(user, key): (Arc<User>, Arc<SigningKey>)| {
            (user.disabled, key.secret().expose().to_owned())
        };
        let (first, again) = (first.map(text), again.map(text));
        assert_eq!(first, again);
        first
    };
    assert_eq!(found().await, None);
    catalog.create_user(new_user(1, "alice")).await.unwrap();
    let (disabled, key) = found().await.unwrap();
    assert!(!disabled);
    assert_ne!(key, "fresh");
    let fresh = SecretString::new("fresh");
    catalog.set_api_access_key(id(1), fresh).await.unwrap();
    assert_eq!(found().await, Some((false, "fresh".to_owned())));
    catalog.set_user_disabled(id(1), true).await.unwrap();
    assert_eq!(found().await, Some((true, "fresh".to_owned())));
}

async fn preferences_are_kept_and_reach_the_rules(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 5).await;
    let owner = id(OWNER);
    let before = catalog.rules_version().await.unwrap();
    let made = catalog.user_by_id(owner).await.unwrap().unwrap();
    assert_eq!(
        (made.date_format.as_str(), made.hour_format.as_str()),
        ("%Y/%m/%d", "24 Hour")
    );
    let wanted = Preferences {
        timezone: "Europe/Berlin".to_owned(),
        date_format: "%d.%m.%Y".parse().unwrap(),
        hour_format: HourFormat::Twelve,
    };
    catalog.set_preferences(owner, &wanted).await.unwrap();
    for user in [
        catalog.user_by_id(owner).await.unwrap().unwrap(),
        catalog.users().await.unwrap().remove(0),
    ] {
        assert_eq!(user.timezone, wanted.timezone);
        assert_eq!(user.date_format, wanted.date_format);
        assert_eq!(user.hour_format, wanted.hour_format);
    }
    let found = catalog.rule(rule).await.unwrap().unwrap();
    assert_eq!(found.timezone, wanted.timezone);
    assert_eq!(found.date_format, wanted.date_format);
    assert_eq!(found.hour_format, wanted.hour_format);
    assert_ne!(catalog.rules_version().await.unwrap(), before);
    let error = catalog.set_preferences(id(9), &wanted).await.unwrap_err();
    assert!(
        matches!(error, Error::NotFound { what: "user", .. }),
        "{error}"
    );
}

async fn granted_repos_are_kept_and_reach_the_rules(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 5).await;
    let owner = id(OWNER);
    let names =
        |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| (*n).into()).collect() };
    let access = async || catalog.rule(rule).await.unwrap().unwrap().repos;
    assert_eq!(access().await, RepoAccess::Only(names(&[])));
    for name in ["default", "web", "_cresset"] {
        let before = catalog.rules_version().await.unwrap();
        let repo = Repo {
            name: name.to_owned(),
            retention_days: 30,
        };
        catalog.create_repo(repo).await.unwrap();
        assert_ne!(catalog.rules_version().await.unwrap(), before, "{name}");
    }
    assert_eq!(access().await, RepoAccess::Only(names(&["default", "web"])));

    let before = catalog.rules_version().await.unwrap();
    for granted in [names(&["web"]), names(&[]), names(&["_cresset", "web"])] {
        catalog.grant_repos(owner, Some(&granted)).await.unwrap();
        let user = catalog.user_by_id(owner).await.unwrap().unwrap();
        assert_eq!(user.repos.as_ref(), Some(&granted));
        assert_eq!(access().await, RepoAccess::Only(granted.clone()));
        let active = catalog.active_rules().await.unwrap().remove(0);
        assert_eq!(active.repos, RepoAccess::Only(granted));
    }
    assert_ne!(catalog.rules_version().await.unwrap(), before);

    let unknown = names(&["gone", "web"]);
    let error = catalog
        .grant_repos(owner, Some(&unknown))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NotFound { what: "repo", name } if name == "gone"),
        "{error}"
    );
    let user = catalog.user_by_id(owner).await.unwrap().unwrap();
    assert_eq!(
        user.repos,
        Some(names(&["_cresset", "web"])),
        "nothing changed"
    );
    catalog.grant_repos(owner, None).await.unwrap();
    assert_eq!(access().await, RepoAccess::Only(names(&["default", "web"])));
    let error = catalog.grant_repos(id(9), None).await.unwrap_err();
    assert!(
        matches!(error, Error::NotFound { what: "user", .. }),
        "{error}"
    );
}

async fn rules_of_administrators_see_every_repo(catalog: &dyn Catalog) {
    let user = NewUser {
        roles: vec!["administrator".to_owned()],
        ..new_user(OWNER, "root")
    };
    catalog.create_user(user).await.unwrap();
    let rule = with_rule(catalog, 5).await;
    let none = BTreeSet::new();
    catalog.grant_repos(id(OWNER), Some(&none)).await.unwrap();
    let found = catalog.rule(rule).await.unwrap().unwrap();
    assert_eq!(found.repos, RepoAccess::All);
}

async fn audit_is_read_newest_first_and_bounded(catalog: &dyn Catalog) {
    let entry = |n: i64, detail: String| AuditEntry {
        at: at(n),
        actor: "alice".to_owned(),
        address: "192.0.2.7".to_owned(),
        action: "login_failed".to_owned(),
        detail,
    };
    for n in 0..3 {
        catalog.audit(entry(n, n.to_string())).await.unwrap();
    }
    let newest = catalog.audit_entries(2).await.unwrap();
    assert_eq!(newest, [entry(2, "2".to_owned()), entry(1, "1".to_owned())]);

    catalog.audit(entry(3, "ü".repeat(100_000))).await.unwrap();
    let detail = &catalog.audit_entries(1).await.unwrap()[0].detail;
    assert!(detail.len() <= 4096 && detail.starts_with("üü"));
}

conformance!(
    created_user_is_found_by_name_and_id,
    users_are_listed_by_name_with_their_roles,
    every_built_in_role_exists_and_no_other,
    a_taken_or_unusable_name_is_refused,
    disabling_is_seen_and_undone,
    preferences_are_kept_and_reach_the_rules,
    granted_repos_are_kept_and_reach_the_rules,
    rules_of_administrators_see_every_repo,
    only_the_right_password_is_accepted,
    an_unusable_password_is_refused,
    access_key_is_opened_and_replaced,
    what_proves_a_user_follows_every_change,
    audit_is_read_newest_first_and_bounded,
);
