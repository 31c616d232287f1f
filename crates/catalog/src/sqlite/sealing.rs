//! The key that seals.
//!
//! The row `key_check` of `meta` is sealed with it: a word that tells at the start, not at the
//! first log-in, that the keys are not those of this database. Whoever seals reads under
//! the write lock which key that is, so that all processes seal with the same one.

use super::SqliteCatalog;
use super::writer::Change;
use crate::seal::{Key, Place, Sealer, SourceKind, key_id_of};
use crate::{Error, Result};
use cresset_model::SecretString;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;
use std::sync::Arc;

const KEY_CHECK: Place<'static> = Place {
    table: "meta",
    column: "value",
    row: "key_check",
};
const READ: &str = "SELECT value FROM meta WHERE name = 'key_check'";

impl SqliteCatalog {
    /// A transaction, and the key for the secrets that it writes.
    pub(super) async fn begin_sealing(&self) -> Result<(Change, Arc<Key>)> {
        let mut asked = String::new();
        loop {
            let mut tx = self.begin().await?;
            let id = current_key(&mut tx).await?;
            if let Some(key) = self.sealer.key(&id) {
                return Ok((tx, key));
            }
            // Nobody is to wait for the source.
            drop(tx);
            if id == asked {
                return Err(Error::Seal(self.sealer.lacks(&id)));
            }
            let sealer = self.sealer.clone();
            let asking = tokio::task::spawn_blocking(move || {
                let found = sealer.key_or_ask(&id);
                (id, found)
            });
            let (id, found) = asking.await.map_err(|_| sqlx::Error::WorkerCrashed)?;
            found?;
            asked = id;
        }
    }
}

/// Seals the word on first use, else opens it.
pub(super) async fn check_key(writer: &SqlitePool, sealer: &Sealer) -> Result<()> {
    let mut stored: Option<String> = sqlx::query_scalar(READ).fetch_optional(writer).await?;
    if stored.is_none() {
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ('key_check', $1) ON CONFLICT (name) DO NOTHING",
        )
        .bind(checked_with(&sealer.first())?)
        .execute(writer)
        .await?;
        stored = sqlx::query_scalar(READ).fetch_optional(writer).await?;
    }
    sealer
        .open(KEY_CHECK, &stored.unwrap_or_default())
        .map(drop)
}

/// The id of the key that seals.
pub(super) async fn current_key(connection: &mut SqliteConnection) -> Result<String> {
    let stored: Option<String> = sqlx::query_scalar(READ).fetch_optional(connection).await?;
    let id = stored.as_deref().and_then(key_id_of).map(str::to_owned);
    id.ok_or_else(|| Error::Seal("the database does not say which key seals".to_owned()))
}

/// Lets another key seal.
pub(super) async fn make_current(connection: &mut SqliteConnection, key: &Key) -> Result<()> {
    sqlx::query("UPDATE meta SET value = $1 WHERE name = 'key_check'")
        .bind(checked_with(key)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes down where a server has its keys from.
pub(super) async fn note_source(connection: &mut SqliteConnection, kind: SourceKind) -> Result<()> {
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES ('key_source', $1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
    )
    .bind(kind.word())
    .execute(connection)
    .await?;
    Ok(())
}

/// Refuses keys that are not from where the server had its own from when it started last.
pub(super) async fn check_source(connection: &mut SqliteConnection, sealer: &Sealer) -> Result<()> {
    let noted: Option<String> =
        sqlx::query_scalar("SELECT value FROM meta WHERE name = 'key_source'")
            .fetch_optional(connection)
            .await?;
    let noted = noted.as_deref().and_then(SourceKind::from_word);
    let (Some(noted), Some(here)) = (noted, sealer.source_kind()) else {
        return Ok(());
    };
    if noted == here {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "the server had its keys from {} when it started last, and here they come from {}: it could \
         not read a key that is only there. To use the server's keys, {}. If the server is to have \
         them from {}, start it so first; --force does without",
        noted.told(),
        sealer.source_name(),
        noted.how(),
        here.told()
    )))
}

fn checked_with(key: &Key) -> Result<String> {
    key.seal(KEY_CHECK, &SecretString::new("cresset"))
}
