//! The tables and how an older file gets them.

use crate::{Error, Result};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqlitePool;
use std::time::Duration;

/// Migration `n` leads from schema version `n` to `n + 1`. Never edit one that
/// was released; add another.
const MIGRATIONS: [&str; 15] = [
    include_str!("migrations/0001_catalog.sql"),
    include_str!("migrations/0002_groups.sql"),
    include_str!("migrations/0003_dynamic_lists.sql"),
    include_str!("migrations/0004_preferences.sql"),
    include_str!("migrations/0005_instances.sql"),
    include_str!("migrations/0006_rule_lists.sql"),
    include_str!("migrations/0007_groups_by_name.sql"),
    include_str!("migrations/0008_asked_deliveries.sql"),
    include_str!("migrations/0009_one_statement.sql"),
    include_str!("migrations/0010_api_tokens.sql"),
    include_str!("migrations/0011_audit_chain.sql"),
    include_str!("migrations/0012_token_care.sql"),
    include_str!("migrations/0013_token_texts.sql"),
    include_str!("migrations/0014_quarantine.sql"),
    include_str!("migrations/0015_macros.sql"),
];
/// Marks the file as a Cresset catalog ("CRST").
const APPLICATION_ID: i64 = 0x4352_5354;

/// Brings the tables up to date, each migration in its own transaction.
pub(super) async fn migrate(writer: &SqlitePool) -> Result<()> {
    let known = MIGRATIONS.len() as i64;
    let found = first_version(writer).await?;
    if found > known {
        return Err(Error::NewerSchema { found, known });
    }
    // Nothing of ours is added to a file of another program, whatever its version.
    if found > 0 {
        refuse_foreign(writer).await?;
    }
    if found == known {
        return Ok(());
    }
    for (from, migration) in MIGRATIONS.iter().enumerate() {
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
        let version: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&mut *tx)
            .await?;
        if version != from as i64 {
            continue; // done before, or by another process just now
        }
        if from == 0 {
            let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master")
                .fetch_one(&mut *tx)
                .await?;
            if tables > 0 {
                return Err(foreign());
            }
        }
        sqlx::raw_sql(*migration).execute(&mut *tx).await?;
        let stamp = format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
            from + 1
        );
        sqlx::raw_sql(AssertSqlSafe(stamp))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        tracing::info!(version = from + 1, "catalog schema migrated");
    }
    refuse_foreign(writer).await
}

/// The first look at the file, which switches it to the write-ahead log. SQLite
/// does not wait while another process does the same, so this tries again.
async fn first_version(writer: &SqlitePool) -> Result<i64> {
    let mut tries = 0;
    loop {
        match sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(writer)
            .await
        {
            Err(sqlx::Error::Database(e)) if e.message().contains("locked") && tries < 100 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            met => return Ok(met?),
        }
    }
}

async fn refuse_foreign(writer: &SqlitePool) -> Result<()> {
    let id: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(writer)
        .await?;
    if id == APPLICATION_ID {
        Ok(())
    } else {
        Err(foreign())
    }
}

fn foreign() -> Error {
    Error::Refused(
        "the file is a SQLite database of another program; name another file for the catalog"
            .to_owned(),
    )
}
