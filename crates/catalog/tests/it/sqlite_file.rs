//! What the SQLite adapter promises about its file.

use crate::support::{
    OWNER, at, commit, firing, http, id, new_user, run_sql, sealer, sqlite, told, with_rule,
};
use crate::tokens::{bearer, new_token};
use cresset_catalog::Error;
use cresset_catalog::port::{
    AccountChange, Accounts, ApiTokens, Deliveries, Groups, Incidents, Lists, NewToken, NewUser,
    Repos, RuleFilter, Rules, Users,
};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::SecretString;
use cresset_model::notification::HttpAuth;
use cresset_model::repo::Repo;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[tokio::test]
async fn files_are_private() {
    let (dir, catalog) = crate::support::sqlite().await;
    with_rule(&catalog, 10).await;
    let modes = |dir: &Path| -> Vec<(String, u32)> {
        let mut modes: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|e| {
                let mode = e.metadata().unwrap().permissions().mode() & 0o777;
                (e.file_name().into_string().unwrap(), mode)
            })
            .collect();
        modes.sort();
        modes
    };
    let expect = ["catalog.db", "catalog.db-shm", "catalog.db-wal"].map(|n| (n.to_owned(), 0o600));
    assert_eq!(modes(dir.path()), expect);

    catalog.close().await;
    let path = dir.path().join("catalog.db");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let again = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    again
        .create_repo(Repo {
            name: "web".to_owned(),
            retention_days: 1,
        })
        .await
        .unwrap();
    assert_eq!(modes(dir.path()), expect);
}

#[tokio::test]
async fn no_secret_is_readable_in_the_files() {
    let (dir, catalog) = crate::support::sqlite().await;
    let secrets = [
        "S3CRET-password",
        "S3CRET-access-key",
        "S3CRET-new-key",
        "S3CRET-token",
        "S3CRET-header",
        "S3CRET-basic",
        "S3CRET-bearer",
        "T-urlsecret",
        "S3CRET-signing-key",
        "lmb_visible-part-0123S3CRET-bearers",
        "S3CRET-bearers",
        "S3CRET-new-password",
    ];
    let secret = SecretString::new;
    let user = NewUser {
        password: Some(secret(secrets[0])),
        api_access_key: secret(secrets[1]),
        ..new_user(OWNER, "visible-name")
    };
    catalog.create_user(user).await.unwrap();
    catalog
        .set_api_access_key(id(OWNER), secret(secrets[2]))
        .await
        .unwrap();
    let key = secret(secrets[3]);
    let token = NewToken::signing("visible-access-id".to_owned(), key, 1, at(0));
    catalog.create_token(token, &told("made")).await.unwrap();
    let signing = NewToken {
        secret: secret(secrets[8]),
        ..new_token(1, "another-access-id")
    };
    catalog.create_token(signing, &told("made")).await.unwrap();
    let made = catalog
        .create_token(bearer(1, secrets[9]), &told("made"))
        .await;
    assert_eq!(made.unwrap().shown_key.len(), 17);
    let change = AccountChange {
        password: Some(secret(secrets[11])),
        ..AccountChange::default()
    };
    catalog
        .change_account(1, &change, &told("changed"))
        .await
        .unwrap();
    let auths = [
        HttpAuth::ApiToken {
            name: "X".to_owned(),
            value: secret(secrets[4]),
        },
        HttpAuth::Basic {
            user: "u".to_owned(),
            password: secret(secrets[5]),
        },
        HttpAuth::Bearer {
            token: secret(secrets[6]),
        },
    ];
    for (n, auth) in (10..).zip(auths) {
        let rule = with_rule(&catalog, n).await;
        catalog
            .put_http_notification(&[rule], id(OWNER), &http(auth), at(0))
            .await
            .unwrap();
    }

    let look = |when: &str, expect_wal: bool| {
        let mut files = 0;
        let mut visible = false;
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
            for secret in secrets {
                assert!(!holds(secret), "{secret} in {} {when}", path.display());
            }
            visible |= holds("visible-access-id");
            files += 1;
        }
        assert!(visible, "the search itself works {when}");
        assert_eq!(files > 1, expect_wal, "{when}");
    };
    look("while open", true);
    catalog.close().await;
    look("when closed", false);
}

#[tokio::test]
async fn another_key_is_refused_at_the_start_by_name() {
    let (dir, catalog) = crate::support::sqlite().await;
    catalog.close().await;
    let path = dir.path().join("catalog.db");
    let error = SqliteCatalog::open(&path, sealer(1)).await.unwrap_err();
    assert!(matches!(error, Error::Seal(_)));
    let text = error.to_string();
    assert!(
        text.contains(&sealer(0).key_id()) && text.contains(&sealer(1).key_id()),
        "{text}"
    );
    SqliteCatalog::open(&path, sealer(0)).await.unwrap();
}

#[tokio::test]
async fn a_sealed_secret_does_not_open_in_another_row() {
    let (dir, catalog) = crate::support::sqlite().await;
    catalog.create_user(new_user(1, "alice")).await.unwrap();
    catalog.create_user(new_user(2, "mallory")).await.unwrap();
    let swap = "UPDATE users SET api_access_key =
        (SELECT api_access_key FROM users WHERE username = 'alice') WHERE username = 'mallory'";
    run_sql(&dir.path().join("catalog.db"), swap).await;
    assert!(catalog.api_access_key(id(1)).await.is_ok());
    let error = catalog.api_access_key(id(2)).await.unwrap_err();
    assert!(matches!(error, Error::Seal(_)), "{error}");
    assert!(!error.to_string().contains("key-of-alice"));
}

#[tokio::test]
async fn newer_and_foreign_files_are_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let newer = dir.path().join("newer.db");
    SqliteCatalog::open(&newer, sealer(0))
        .await
        .unwrap()
        .close()
        .await;
    run_sql(&newer, "PRAGMA user_version = 999").await;
    let error = SqliteCatalog::open(&newer, sealer(0)).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::NewerSchema {
                found: 999,
                known: 1..
            }
        ),
        "{error}"
    );

    let foreign = dir.path().join("foreign.db");
    run_sql(&foreign, "CREATE TABLE photos (id INTEGER)").await;
    let error = SqliteCatalog::open(&foreign, sealer(0)).await.unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");

    let foreign = dir.path().join("versioned.db");
    run_sql(
        &foreign,
        "CREATE TABLE photos (id INTEGER); PRAGMA user_version = 1",
    )
    .await;
    let error = SqliteCatalog::open(&foreign, sealer(0)).await.unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");

    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "no database ".repeat(1000)).unwrap();
    let error = SqliteCatalog::open(&text, sealer(0)).await.unwrap_err();
    assert!(matches!(error, Error::Database(_)), "{error}");
    assert_eq!(
        std::fs::read_to_string(&text).unwrap(),
        "no database ".repeat(1000)
    );

    let nowhere = SqliteCatalog::open(&dir.path().join("no/such.db"), sealer(0))
        .await
        .unwrap_err();
    assert!(
        matches!(&nowhere, Error::Io { path, .. } if path.contains("such.db")),
        "{nowhere}"
    );
}

#[tokio::test]
async fn a_file_of_the_first_schema_gains_what_came_later() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old.db");
    run_sql(
        &old,
        concat!(
            include_str!("../../src/sqlite/migrations/0001_catalog.sql"),
            "INSERT INTO users (id, username, email, api_access_key, created_at)
             VALUES ('000000000000000000000002', 'alice', '', 'x', 0);
             INSERT INTO rules (id, owner, name, active, version, created_at, updated_at,
               activated_at, spec)
             VALUES ('000000000000000000000005', '000000000000000000000002', 'old', 1, 1, 0, 0, 0,
                 '{\"description\":\"as \\u00e4 \\\"document\\\"\"}'),
               ('000000000000000000000006', '000000000000000000000002', 'older', 1, 1, 0, 0, 0, '{}');
             PRAGMA application_id = 1129468756; PRAGMA user_version = 1;",
        ),
    )
    .await;
    let catalog = SqliteCatalog::open(&old, sealer(0)).await.unwrap();
    catalog.create_group(id(30), "Night", at(0)).await.unwrap();
    let members = catalog.add_group_members("Night", &[id(2)]).await;
    members.unwrap();
    assert_eq!(catalog.users().await.unwrap()[0].username, "alice");
    assert_eq!(catalog.groups().await.unwrap()[0].members, [id(2)]);
    let all = RuleFilter {
        take: 9,
        ..RuleFilter::default()
    };
    let rules = catalog.list_rules(id(2), &all).await.unwrap().rows;
    let texts: Vec<_> = rules.iter().map(|r| r.description.as_str()).collect();
    assert_eq!(texts, ["as \u{e4} \"document\"", ""]);
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (dir, catalog) = crate::support::sqlite().await;
    let rule = with_rule(&catalog, 10).await;
    let fired = firing(1, rule, 600);
    catalog
        .commit_firings(commit(vec![fired.clone()]))
        .await
        .unwrap();
    catalog.close().await;
    let path = dir.path().join("catalog.db");
    let again = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    assert_eq!(again.incident(id(1)).await.unwrap(), Some(fired.incident));
    assert_eq!(again.deliveries_of(id(1)).await.unwrap(), fired.deliveries);
    assert!(again.check().await.unwrap().is_empty());
}

/// The write-ahead log alone holds the newest commits; a copy of the files taken
/// without closing is what a crash leaves behind.
#[tokio::test]
async fn a_commit_survives_without_a_clean_close() {
    let (dir, catalog) = crate::support::sqlite().await;
    let rule = with_rule(&catalog, 10).await;
    catalog
        .commit_firings(commit(vec![firing(1, rule, 600)]))
        .await
        .unwrap();
    let crashed = tempfile::tempdir().unwrap();
    for name in ["catalog.db", "catalog.db-wal"] {
        std::fs::copy(dir.path().join(name), crashed.path().join(name)).unwrap();
    }
    let path = crashed.path().join("catalog.db");
    let again = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    assert!(again.incident(id(1)).await.unwrap().is_some());
    assert_eq!(again.deliveries_of(id(1)).await.unwrap().len(), 1);

    // A torn last commit is absent as a whole, and what was before it is there.
    catalog
        .commit_firings(commit(vec![firing(2, rule, 1200)]))
        .await
        .unwrap();
    let torn = tempfile::tempdir().unwrap();
    std::fs::copy(
        dir.path().join("catalog.db"),
        torn.path().join("catalog.db"),
    )
    .unwrap();
    let wal = std::fs::read(dir.path().join("catalog.db-wal")).unwrap();
    std::fs::write(torn.path().join("catalog.db-wal"), &wal[..wal.len() - 100]).unwrap();
    let again = SqliteCatalog::open(&torn.path().join("catalog.db"), sealer(0))
        .await
        .unwrap();
    assert!(again.incident(id(1)).await.unwrap().is_some());
    assert!(again.incident(id(2)).await.unwrap().is_none());
    assert!(again.deliveries_of(id(2)).await.unwrap().is_empty());
    assert!(again.check().await.unwrap().is_empty());
}

#[tokio::test]
async fn two_catalogs_on_one_file_see_each_other_at_once() {
    let (dir, server) = crate::support::sqlite().await;
    let path = dir.path().join("catalog.db");
    let command = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    server.create_user(new_user(1, "alice")).await.unwrap();
    for n in 0..20 {
        let key = format!("key {n}");
        command
            .set_api_access_key(id(1), SecretString::new(&*key))
            .await
            .unwrap();
        assert_eq!(
            server
                .api_access_key(id(1))
                .await
                .unwrap()
                .unwrap()
                .expose(),
            key
        );
        command.set_user_disabled(id(1), n % 2 == 0).await.unwrap();
        assert_eq!(
            server.user_by_id(id(1)).await.unwrap().unwrap().disabled,
            n % 2 == 0
        );
        let (before, version) = (
            server.rules_version().await.unwrap(),
            server.lists_version().await.unwrap(),
        );
        command
            .create_rule(id(100 + n), id(1), crate::support::spec(&key), at(0), None)
            .await
            .unwrap();
        command
            .put_list(id(1), "AA", vec![key], at(0))
            .await
            .unwrap();
        assert!(server.rules_version().await.unwrap() > before);
        assert!(server.lists_version().await.unwrap() > version);
        assert_eq!(server.active_rules().await.unwrap().len() as u64, n + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_may_start_and_write_together() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let tasks: Vec<_> = (0..6_u64)
        .map(|n| {
            let path = path.clone();
            tokio::spawn(async move {
                let catalog = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
                for i in 0..20 {
                    let name = format!("r{n}-{i}");
                    catalog
                        .create_repo(Repo {
                            name,
                            retention_days: 1,
                        })
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let catalog = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    assert_eq!(catalog.repos().await.unwrap().len(), 120);
    assert!(catalog.check().await.unwrap().is_empty());
}

/// By this the server tells a first start that was cut short from a token that was deleted.
#[tokio::test]
async fn a_token_that_was_made_is_known_when_it_is_gone() {
    let (_dir, catalog) = sqlite().await;
    let user = catalog.create_user(new_user(1, "alice")).await.unwrap();
    assert!(!catalog.has_made_tokens().unwrap());
    let new = new_token(user.number, "AAA");
    let token = catalog.create_token(new, &told("made")).await.unwrap();
    assert!(catalog.has_made_tokens().unwrap());
    let gone = told("gone");
    let deleted = catalog.delete_token(user.number, token.id, &gone);
    assert!(deleted.await.unwrap());
    assert!(catalog.has_made_tokens().unwrap());
}
