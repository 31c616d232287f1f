//! From one sealing key to the next, with secrets of every kind.

mod place;

use crate::instances::instance;
use crate::support::{OWNER, at, http, id, new_user, run_sql, told, with_rule};
use crate::tokens::{bearer, new_token};
use cresset_catalog::Error;
use cresset_catalog::port::{
    ApiTokens as _, Instances as _, KeyUse, ResealCursor, Rules as _, Sealing, Users as _,
};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::notification::HttpAuth;
use cresset_model::{Entropy, SecretString};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use tempfile::TempDir;

/// Other numbers each time.
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

static ENTROPY: Counting = Counting(AtomicU8::new(1));

/// A data directory whose keys are in a file.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        Sealer::generate_file(&site.key_file(), &ENTROPY).unwrap();
        site
    }

    fn key_file(&self) -> PathBuf {
        self.0.path().join("sealing.key")
    }

    fn database(&self) -> PathBuf {
        self.0.path().join("catalog.db")
    }

    fn sealer(&self) -> Sealer {
        Sealer::load_file(&self.key_file()).unwrap()
    }

    /// As another process would open it.
    async fn open(&self) -> SqliteCatalog {
        SqliteCatalog::open(&self.database(), self.sealer())
            .await
            .unwrap()
    }

    /// The key id of every sealed text there is, wherever it stands.
    async fn sealed_with(&self) -> Vec<String> {
        let url = format!("sqlite:{}", self.database().display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c
             WHERE t.type = 'table'",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        assert!(columns.len() > 50, "{columns:?}");
        let mut ids = Vec::new();
        for (table, column) in columns {
            let read = format!(
                "SELECT substr(\"{column}\", 4, 8) FROM \"{table}\" WHERE \"{column}\" GLOB 'v1:????????:*'"
            );
            let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(read))
                .fetch_all(&pool)
                .await
                .unwrap();
            ids.extend(found);
        }
        pool.close().await;
        ids
    }
}

fn secret(text: &str) -> SecretString {
    SecretString::new(text)
}

/// A secret of every kind.
async fn fill(catalog: &SqliteCatalog) {
    let rule = with_rule(catalog, 10).await;
    let token = new_token(1, "signs");
    catalog.create_token(token, &told("made")).await.unwrap();
    let other = new_token(1, "signs-too");
    catalog.create_token(other, &told("made")).await.unwrap();
    let bearer = bearer(1, "lmb_0123456789abcdefghijklmnopqrstuvwxyz");
    catalog.create_token(bearer, &told("made")).await.unwrap();
    let auth = HttpAuth::Bearer {
        token: secret("of a hook"),
    };
    catalog
        .put_http_notification(&[rule], id(OWNER), &http(auth), at(0))
        .await
        .unwrap();
    catalog
        .add_instance(&instance(3, "b"), &secret("of an instance"))
        .await
        .unwrap();
}

/// That all secrets of [`fill`] can be read.
async fn check(catalog: &SqliteCatalog) {
    let key = catalog.api_access_key(id(OWNER)).await.unwrap().unwrap();
    assert_eq!(key.expose(), "key-of-owner");
    let (_, key) = catalog.user_and_key("owner").await.unwrap().unwrap();
    assert_eq!(key.secret().expose(), "key-of-owner");
    for name in ["signs", "signs-too"] {
        let found = catalog.signing_token(name).await.unwrap().unwrap();
        assert_eq!(found.key.secret().expose(), format!("secret-of-{name}"));
    }
    let hook = catalog.http_notification(id(10)).await.unwrap().unwrap();
    assert!(matches!(hook.auth, HttpAuth::Bearer { token } if token.expose() == "of a hook"));
    let key = catalog.instance_key(id(3)).await.unwrap();
    assert_eq!(key.expose(), "of an instance");
}

/// A whole pass; how many were sealed anew, and what could not be.
async fn reseal(catalog: &SqliteCatalog) -> (u64, Vec<String>) {
    let (mut resealed, mut failed) = (0, Vec::new());
    let mut next = Some(ResealCursor::default());
    while let Some(cursor) = next {
        let step = catalog.reseal(&cursor).await.unwrap();
        resealed += step.resealed;
        failed.extend(step.failed);
        next = step.next;
    }
    (resealed, failed)
}

async fn rotate(catalog: &SqliteCatalog) -> String {
    let told = told("switched");
    let switch = catalog
        .switch_key(Some(&ENTROPY), false, &told)
        .await
        .unwrap();
    assert_ne!(switch.from, switch.to);
    switch.to
}

fn used(id: &str, current: bool, secrets: u64) -> KeyUse {
    KeyUse {
        id: id.to_owned(),
        current,
        known: true,
        secrets,
    }
}

/// A user, two tokens, a notification and an instance.
const SECRETS: u64 = 5;

#[tokio::test]
async fn all_secrets_get_a_new_key_while_a_server_uses_them() {
    let site = Site::new();
    let server = site.open().await;
    fill(&server).await;
    let command = site.open().await;
    let first = site.sealer().key_id();
    let uses = command.key_uses().await.unwrap();
    assert_eq!(uses, [used(&first, true, SECRETS)]);
    assert_eq!(site.sealed_with().await.len() as u64, SECRETS + 1);

    let second = rotate(&command).await;
    check(&server).await;
    // From here on every process seals with the new key, though the server was never told.
    server
        .set_api_access_key(id(OWNER), secret("changed"))
        .await
        .unwrap();
    let uses = command.key_uses().await.unwrap();
    assert_eq!(
        uses,
        [used(&second, true, 1), used(&first, false, SECRETS - 1)]
    );
    server
        .set_api_access_key(id(OWNER), secret("key-of-owner"))
        .await
        .unwrap();
    assert_eq!(reseal(&command).await, (SECRETS - 1, Vec::new()));
    assert_eq!(reseal(&command).await, (0, Vec::new()));
    let met = site.sealed_with().await;
    assert!(met.iter().all(|id| *id == second), "{met:?}");
    assert_eq!(met.len() as u64, SECRETS + 1);
    check(&server).await;
    check(&command).await;

    let forgotten = command.forget_keys(&[], &told("forgot")).await.unwrap();
    assert_eq!(forgotten, [first]);
    let uses = command.key_uses().await.unwrap();
    assert_eq!(uses, [used(&second, true, SECRETS)]);
    check(&server).await;
    check(&site.open().await).await;
    let entries = server.audit_entries(2).await.unwrap();
    assert!(entries[0].detail.contains(&forgotten[0]), "{entries:?}");
    assert!(entries[1].detail.contains(&second), "{entries:?}");
}

#[tokio::test]
async fn a_pass_that_was_interrupted_goes_on_elsewhere() {
    let site = Site::new();
    let catalog = site.open().await;
    for n in 1..=300 {
        let user = new_user(n, &format!("user{n}"));
        catalog.create_user(user).await.unwrap();
    }
    rotate(&catalog).await;
    let step = catalog.reseal(&ResealCursor::default()).await.unwrap();
    assert_eq!(step.resealed, 256);
    catalog.close().await;

    let later = site.open().await;
    let uses = later.key_uses().await.unwrap();
    assert_eq!((uses[0].secrets, uses[1].secrets), (256, 44));
    assert_eq!(reseal(&later).await, (44, Vec::new()));
    for n in [1, 256, 257, 300] {
        let key = later.api_access_key(id(n)).await.unwrap().unwrap();
        assert_eq!(key.expose(), format!("key-of-user{n}"));
    }
}

#[tokio::test]
async fn a_key_that_only_reached_the_file_is_used_by_the_next_rotation() {
    let site = Site::new();
    let catalog = site.open().await;
    fill(&catalog).await;
    let first = site.sealer().key_id();
    let text = std::fs::read_to_string(site.key_file()).unwrap();
    let added = format!("# by hand\n{}AAA=\n{text}", "EEEE".repeat(10));
    std::fs::write(site.key_file(), added).unwrap();
    let second = site.sealer().key_id();
    assert_ne!(first, second);

    // Neither a process that is running nor a new one uses it by itself.
    let new = site.open().await;
    for catalog in [&catalog, &new] {
        catalog
            .set_api_access_key(id(OWNER), secret("key-of-owner"))
            .await
            .unwrap();
        let uses = catalog.key_uses().await.unwrap();
        assert_eq!(uses[0], used(&first, true, SECRETS));
    }
    assert_eq!(rotate(&catalog).await, second);
    reseal(&catalog).await;
    let uses = new.key_uses().await.unwrap();
    assert_eq!(uses[0], used(&second, true, SECRETS));
    check(&new).await;

    // Without a source of random numbers, and without a key that waits, nothing changes.
    let told = told("switched");
    let switch = new.switch_key(None, false, &told).await.unwrap();
    assert_eq!((&switch.from, &switch.to), (&second, &second));
}

#[tokio::test]
async fn a_key_that_is_needed_or_unknown_is_not_forgotten() {
    let site = Site::new();
    let catalog = site.open().await;
    fill(&catalog).await;
    let first = site.sealer().key_id();
    let second = rotate(&catalog).await;
    let swap = "UPDATE users SET api_access_key = 'v1:' || substr(api_access_key, 4, 9) || 'AAAA'";
    run_sql(&site.database(), swap).await;
    let (resealed, failed) = reseal(&catalog).await;
    assert_eq!(resealed, SECRETS - 1);
    let [failed] = failed.as_slice() else {
        panic!("{failed:?}")
    };
    assert!(
        failed.contains("users.api_access_key") && failed.contains("damaged"),
        "{failed}"
    );
    let refused = |ids: Vec<String>| {
        let catalog = &catalog;
        async move {
            let error = catalog.forget_keys(&ids, &told("forgot")).await;
            let error = error.unwrap_err();
            assert!(matches!(error, Error::Refused(_)), "{error}");
            error.to_string()
        }
    };
    let before = std::fs::read(site.key_file()).unwrap();
    assert!(refused(vec![]).await.contains("needed to open 1 secrets"));
    assert!(refused(vec![first.clone()]).await.contains("needed"));
    let error = refused(vec![second]).await;
    assert!(error.contains("the one that seals"), "{error}");
    let error = refused(vec!["00000000".to_owned()]).await;
    assert!(error.contains("there is no key 00000000"), "{error}");
    assert_eq!(std::fs::read(site.key_file()).unwrap(), before);

    catalog
        .set_api_access_key(id(OWNER), secret("key-of-owner"))
        .await
        .unwrap();
    let named = [first];
    let forgotten = catalog.forget_keys(&named, &told("forgot")).await;
    assert_eq!(forgotten.unwrap(), named);
    check(&catalog).await;
}

#[tokio::test]
async fn keys_that_are_in_no_file_are_not_changed_here() {
    let (_dir, catalog) = crate::support::sqlite().await;
    let told = told("switched");
    for error in [
        catalog
            .switch_key(Some(&ENTROPY), false, &told)
            .await
            .unwrap_err(),
        catalog.forget_keys(&[], &told).await.unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("cresset keys reseal"), "{text}");
    }
    assert!(catalog.audit_entries(9).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_during_a_rotation_stays_changed() {
    let site = Site::new();
    let catalog = site.open().await;
    fill(&catalog).await;
    let server = Arc::new(site.open().await);
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let text = format!("key {n}");
                let key = secret(&text);
                server.set_api_access_key(id(OWNER), key).await.unwrap();
                let read = server.api_access_key(id(OWNER)).await.unwrap().unwrap();
                assert_eq!(read.expose(), text);
                let token = new_token(1, &format!("t{n}"));
                let made = server.create_token(token, &told("made")).await.unwrap();
                let found = server.signing_token(&made.access_id).await.unwrap();
                assert_eq!(
                    found.unwrap().key.secret().expose(),
                    format!("secret-of-t{n}")
                );
                let gone = server.delete_token(1, made.id, &told("deleted")).await;
                assert!(gone.unwrap());
            }
            n
        }
    });
    for _ in 0..6 {
        let key = rotate(&catalog).await;
        let (_, failed) = reseal(&catalog).await;
        assert!(failed.is_empty(), "{failed:?}");
        let uses = catalog.key_uses().await.unwrap();
        assert_eq!(uses[0].id, key);
        let left: u64 = uses[1..].iter().map(|used| used.secrets).sum();
        assert_eq!(left, 0, "{uses:?}");
        catalog.forget_keys(&[], &told("forgot")).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let rounds = writing.await.unwrap();
    assert!(rounds > 6, "{rounds}");
    let key = catalog.api_access_key(id(OWNER)).await.unwrap().unwrap();
    assert_eq!(key.expose(), format!("key {rounds}"));
}
