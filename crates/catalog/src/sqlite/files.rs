//! Event files and places in the event log.

use super::SqliteCatalog;
use super::columns::{Columns, expect_row, int};
use crate::port::{FileEntry, Files, FilesTotal, FlushCommit, MAX_BATCH_KEYS};
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::{ObjectId, Timestamp};
use futures::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, SqliteConnection};
use std::collections::HashSet;

/// The consumer of the event log that writes event files.
const STORE: &str = "store";
/// The columns that make a [`FileEntry`].
pub(super) const FILE_COLUMNS: &str =
    "id, repo, path, row_count, bytes, min_log_ts, max_log_ts, min_seq, max_seq, crc32";
/// With more repos than this, the statement asks for all and the rest is left out here.
const MAX_REPOS_IN_STATEMENT: usize = 1_000;

#[async_trait]
impl Files for SqliteCatalog {
    async fn register_flush(&self, commit: FlushCommit) -> Result<()> {
        let mut tx = self.begin().await?;
        let stored_to = read_cursor(&mut tx, STORE).await?;
        let overlap = commit.files.iter().find(|file| file.min_seq <= stored_to);
        if commit.flushed_to < stored_to || overlap.is_some() {
            return Err(Error::Refused(format!(
                "events up to {stored_to} are in files already; a flush to {} would store some twice",
                commit.flushed_to
            )));
        }
        for file in &commit.files {
            insert_file(&mut tx, file).await?;
        }
        for (repo, key, first_seq, events, at) in &commit.batch_keys {
            sqlx::query(
                "INSERT INTO batch_keys (repo, key, first_seq, events, at)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (repo, key) DO UPDATE SET
                   first_seq = excluded.first_seq, events = excluded.events, at = excluded.at",
            )
            .bind(repo)
            .bind(key)
            .bind(int(*first_seq))
            .bind(int(*events))
            .bind(at.0)
            .execute(&mut *tx)
            .await?;
        }
        store_cursor(&mut tx, STORE, commit.flushed_to).await?;
        Ok(tx.commit().await?)
    }

    async fn files(
        &self,
        repos: &[String],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<FileEntry>> {
        let mut query = QueryBuilder::new(format!(
            "SELECT {FILE_COLUMNS} FROM files WHERE min_log_ts <= "
        ));
        query
            .push_bind(to.0)
            .push(" AND max_log_ts >= ")
            .push_bind(from.0);
        let filtered_here = repos.len() > MAX_REPOS_IN_STATEMENT;
        if !repos.is_empty() && !filtered_here {
            query.push(" AND repo IN (");
            let mut list = query.separated(", ");
            for repo in repos {
                list.push_bind(repo);
            }
            query.push(")");
        }
        query.push(" ORDER BY min_log_ts, id");
        let rows = query.build().fetch_all(&self.reader).await?;
        let mut files = rows.iter().map(file_entry).collect::<Result<Vec<_>>>()?;
        if filtered_here {
            let wanted: HashSet<&String> = repos.iter().collect();
            files.retain(|file| wanted.contains(&file.repo));
        }
        Ok(files)
    }

    async fn files_total(&self, repos: &[String]) -> Result<FilesTotal> {
        let rows = sqlx::query(
            "SELECT repo, COUNT(*) AS files, SUM(row_count) AS events FROM files GROUP BY repo",
        )
        .fetch_all(&self.reader)
        .await?;
        let wanted: HashSet<&str> = repos.iter().map(String::as_str).collect();
        let mut total = FilesTotal::default();
        for row in &rows {
            if wanted.is_empty() || wanted.contains(row.text("repo")?.as_str()) {
                total.files += row.natural("files")?;
                total.events += row.natural("events")?;
            }
        }
        Ok(total)
    }

    async fn unregister_files(&self, ids: &[ObjectId]) -> Result<()> {
        let mut tx = self.begin().await?;
        for id in ids {
            sqlx::query("DELETE FROM files WHERE id = $1")
                .bind(id.to_string())
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    async fn replace_files(&self, ids: &[ObjectId], by: &FileEntry) -> Result<()> {
        let mut tx = self.begin().await?;
        for id in ids {
            let met = sqlx::query("DELETE FROM files WHERE id = $1")
                .bind(id.to_string())
                .execute(&mut *tx)
                .await?;
            expect_row(&met, "event file", id)?;
        }
        insert_file(&mut tx, by).await?;
        Ok(tx.commit().await?)
    }

    async fn cursor(&self, consumer: &str) -> Result<u64> {
        let mut connection = self.reader.acquire().await?;
        read_cursor(&mut connection, consumer).await
    }

    async fn set_cursor(&self, consumer: &str, seq: u64) -> Result<()> {
        let mut connection = self.writer.turn().await?;
        store_cursor(&mut connection, consumer, seq).await
    }

    async fn batch_keys(&self, since: Timestamp) -> Result<Vec<(String, String, u64, u64)>> {
        let mut rows = sqlx::query(
            "SELECT repo, key, first_seq, events FROM batch_keys WHERE at >= $1
             ORDER BY at DESC, first_seq DESC LIMIT $2",
        )
        .bind(since.0)
        .bind(int(MAX_BATCH_KEYS as u64))
        .fetch(&self.reader);
        let mut keys = Vec::new();
        while let Some(row) = rows.try_next().await? {
            let (repo, key) = (row.text("repo")?, row.text("key")?);
            keys.push((repo, key, row.natural("first_seq")?, row.natural("events")?));
        }
        keys.reverse();
        Ok(keys)
    }

    async fn prune_batch_keys(&self, before: Timestamp) -> Result<()> {
        sqlx::query("DELETE FROM batch_keys WHERE at < $1")
            .bind(before.0)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }
}

async fn insert_file(connection: &mut SqliteConnection, file: &FileEntry) -> Result<()> {
    sqlx::query(
        "INSERT INTO files
           (id, repo, path, row_count, bytes, min_log_ts, max_log_ts, min_seq, max_seq, crc32)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(file.id.to_string())
    .bind(&file.repo)
    .bind(&file.path)
    .bind(int(file.rows))
    .bind(int(file.bytes))
    .bind(file.min_log_ts.0)
    .bind(file.max_log_ts.0)
    .bind(int(file.min_seq))
    .bind(int(file.max_seq))
    .bind(file.crc32.map(i64::from))
    .execute(connection)
    .await?;
    Ok(())
}

async fn read_cursor(connection: &mut SqliteConnection, consumer: &str) -> Result<u64> {
    let seq: Option<i64> = sqlx::query_scalar("SELECT seq FROM cursors WHERE consumer = $1")
        .bind(consumer)
        .fetch_optional(connection)
        .await?;
    Ok(seq.unwrap_or(0) as u64)
}

/// Moves a consumer's place, in whatever transaction is open.
pub(super) async fn store_cursor(
    connection: &mut SqliteConnection,
    consumer: &str,
    seq: u64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO cursors (consumer, seq) VALUES ($1, $2)
         ON CONFLICT (consumer) DO UPDATE SET seq = excluded.seq",
    )
    .bind(consumer)
    .bind(int(seq))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) fn file_entry(row: &SqliteRow) -> Result<FileEntry> {
    Ok(FileEntry {
        id: row.id("id")?,
        repo: row.text("repo")?,
        path: row.text("path")?,
        rows: row.natural("row_count")?,
        bytes: row.natural("bytes")?,
        min_log_ts: row.time("min_log_ts")?,
        max_log_ts: row.time("max_log_ts")?,
        min_seq: row.natural("min_seq")?,
        max_seq: row.natural("max_seq")?,
        crc32: row.int_or_null("crc32")?.map(|crc| crc as u32),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Sealer;
    use cresset_model::SecretString;

    #[tokio::test]
    async fn the_newest_batch_keys_are_read_oldest_first() {
        let dir = tempfile::tempdir().unwrap();
        let key = SecretString::new("AAAA".repeat(10) + "AAA=");
        let sealer = Sealer::from_text(&key).unwrap();
        let catalog = SqliteCatalog::open(&dir.path().join("catalog.db"), sealer)
            .await
            .unwrap();
        // Five too many. Two of a flush have the same time; names do not tell the order.
        sqlx::query(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
             INSERT INTO batch_keys (repo, key, first_seq, events, at)
             SELECT 'r', 'k' || (1000000 - i), i, 1, i / 2 FROM n",
        )
        .bind(int(MAX_BATCH_KEYS as u64 + 5))
        .execute(&mut *catalog.writer.turn().await.unwrap())
        .await
        .unwrap();
        let keys = catalog.batch_keys(Timestamp::MIN).await.unwrap();
        assert_eq!(keys.len(), MAX_BATCH_KEYS);
        let places = keys.iter().map(|(_, _, first_seq, _)| *first_seq);
        assert!(places.eq(6..=MAX_BATCH_KEYS as u64 + 5));
        let newest = int(MAX_BATCH_KEYS as u64 / 2);
        assert_eq!(
            catalog.batch_keys(Timestamp(newest)).await.unwrap().len(),
            6
        );
    }
}
