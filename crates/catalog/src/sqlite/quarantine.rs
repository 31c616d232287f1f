//! Event files that cannot be read.

use super::SqliteCatalog;
use super::audit::tell;
use super::columns::{Columns, expect_row};
use super::files::{FILE_COLUMNS, file_entry};
use crate::Result;
use crate::port::{AuditEntry, Quarantine, QuarantinedFile};
use async_trait::async_trait;
use cresset_model::{ObjectId, Timestamp};
use sqlx::AssertSqlSafe;

#[async_trait]
impl Quarantine for SqliteCatalog {
    async fn quarantine_file(&self, id: ObjectId, reason: &str, at: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let moved = format!(
            "INSERT INTO quarantined_files ({FILE_COLUMNS}, reason, quarantined_at)
             SELECT {FILE_COLUMNS}, $2, $3 FROM files WHERE id = $1"
        );
        let met = sqlx::query(AssertSqlSafe(moved))
            .bind(id.to_string())
            .bind(reason)
            .bind(at.0)
            .execute(&mut *tx)
            .await?;
        expect_row(&met, "event file", id)?;
        sqlx::query("DELETE FROM files WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn quarantined_files(
        &self,
        repos: &[String],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<QuarantinedFile>> {
        let asked = format!(
            "SELECT {FILE_COLUMNS}, reason, quarantined_at FROM quarantined_files
             WHERE min_log_ts <= $1 AND max_log_ts >= $2 ORDER BY min_log_ts, id"
        );
        let rows = sqlx::query(AssertSqlSafe(asked))
            .bind(to.0)
            .bind(from.0)
            .fetch_all(&self.reader)
            .await?;
        let mut found = Vec::new();
        for row in &rows {
            let file = file_entry(row)?;
            // There are few, so that repos are told apart here.
            if repos.is_empty() || repos.contains(&file.repo) {
                let (reason, at) = (row.text("reason")?, row.time("quarantined_at")?);
                found.push(QuarantinedFile { file, reason, at });
            }
        }
        Ok(found)
    }

    async fn restore_file(&self, id: ObjectId, entry: AuditEntry) -> Result<()> {
        let mut tx = self.begin().await?;
        let moved = format!(
            "INSERT INTO files ({FILE_COLUMNS})
             SELECT {FILE_COLUMNS} FROM quarantined_files WHERE id = $1"
        );
        let met = sqlx::query(AssertSqlSafe(moved))
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        expect_row(&met, "event file in quarantine", id)?;
        sqlx::query("DELETE FROM quarantined_files WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        tell(&mut tx, &entry).await?;
        Ok(tx.commit().await?)
    }

    async fn forget_file(&self, id: ObjectId, entry: Option<AuditEntry>) -> Result<()> {
        let mut tx = self.begin().await?;
        let met = sqlx::query("DELETE FROM quarantined_files WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        expect_row(&met, "event file in quarantine", id)?;
        if let Some(entry) = entry {
            tell(&mut tx, &entry).await?;
        }
        Ok(tx.commit().await?)
    }
}
