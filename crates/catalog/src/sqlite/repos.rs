//! Repos.

use super::columns::{Columns, expect_row};
use super::{SqliteCatalog, bump};
use crate::port::Repos;
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::repo::{Repo, valid_name};

#[async_trait]
impl Repos for SqliteCatalog {
    async fn create_repo(&self, repo: Repo) -> Result<()> {
        if !valid_name(&repo.name) {
            return Err(Error::Refused(format!(
                "{:?} cannot name a repo: use 1 to 64 of a-z, 0-9, '_' and '-', not '-' first",
                repo.name
            )));
        }
        check_retention(repo.retention_days)?;
        let mut tx = self.begin().await?;
        let made = sqlx::query(
            "INSERT INTO repos (name, retention_days) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        )
        .bind(&repo.name)
        .bind(i64::from(repo.retention_days))
        .execute(&mut *tx)
        .await?;
        if made.rows_affected() == 0 {
            return Err(Error::Exists {
                what: "repo",
                name: repo.name,
            });
        }
        // Rules over all repos search this one too.
        bump(&mut tx, "rules").await?;
        Ok(tx.commit().await?)
    }

    async fn repos(&self) -> Result<Vec<Repo>> {
        sqlx::query("SELECT name, retention_days FROM repos ORDER BY name")
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                let retention_days = row.natural("retention_days")? as u32;
                Ok(Repo {
                    name: row.text("name")?,
                    retention_days,
                })
            })
            .collect()
    }

    async fn set_retention(&self, name: &str, days: u32) -> Result<()> {
        check_retention(days)?;
        let met = sqlx::query("UPDATE repos SET retention_days = $2 WHERE name = $1")
            .bind(name)
            .bind(i64::from(days))
            .execute(&mut *self.writer.turn().await?)
            .await?;
        expect_row(&met, "repo", name)
    }
}

fn check_retention(days: u32) -> Result<()> {
    if days == 0 {
        return Err(Error::Refused(
            "a repo keeps its events for at least 1 day".to_owned(),
        ));
    }
    Ok(())
}
