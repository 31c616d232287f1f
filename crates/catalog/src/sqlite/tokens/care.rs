//! What the server does about tokens by itself.

use super::{SqliteCatalog, bulk, mail, seconds};
use crate::port::{
    AttemptOutcome, AttemptRecord, AuditEntry, MOST_TOKENS_OF_USER, TokenCare, TokenMail,
    TokenPolicy, Uptime,
};
use crate::sqlite::audit::cut;
use crate::sqlite::columns::{Columns, from_json, to_json};
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::Timestamp;
use cresset_model::token::{ApiToken, TokenAct};
use rusqlite::params;
use sqlx::SqliteConnection;

/// The row of `meta` that holds how many tokens a user may have.
pub(super) const PER_USER: &str = "tokens_per_user";
/// The row of `meta` that holds when a server was up.
const UPTIME: &str = "uptime";
/// Longest detail of an attempt in bytes.
const MAX_DETAIL: usize = 4096;

/// Idle since `$1`, at `$2`. A token that cannot be used anyhow is left as it is, and so is the
/// last one with which an administrator can do everything: somebody has to be able to enable
/// the others.
const IDLE: &str = "
    SELECT t.id FROM api_tokens t
    WHERE t.status = 2 AND t.last_used_on < $1 AND t.created_on < $1 AND t.enabled_on < $1
      AND (t.expires_on = 0 OR t.expires_on > $2)
      AND t.id <> coalesce((
        SELECT a.id FROM user_roles r JOIN users u ON u.id = r.user_id
          JOIN api_tokens a ON a.user_id = u.id
        WHERE r.role = 'administrator' AND u.disabled = 0 AND a.status = 2
          AND a.scopes IS NULL AND (a.expires_on = 0 OR a.expires_on > $2)
        ORDER BY max(a.last_used_on, a.created_on, a.enabled_on) DESC, a.id DESC LIMIT 1), 0)
    ORDER BY t.id LIMIT $3";

#[async_trait]
impl TokenCare for SqliteCatalog {
    async fn set_token_policy(&self, policy: TokenPolicy) -> Result<()> {
        let TokenPolicy {
            per_user,
            mail_owners,
        } = policy;
        if !(1..=MOST_TOKENS_OF_USER).contains(&per_user) {
            return Err(Error::Refused(format!(
                "the limit of API tokens per user is a number from 1 to {MOST_TOKENS_OF_USER}"
            )));
        }
        let switch = if mail_owners { "on" } else { "off" };
        let mut tx = self.begin().await?;
        for (name, value) in [
            (PER_USER, per_user.to_string()),
            (mail::SWITCH, switch.to_owned()),
        ] {
            keep(&mut tx, name, value).await?;
        }
        if !mail_owners {
            sqlx::query("DELETE FROM token_mails WHERE state = 'pending'")
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn note_up(&self, now: Timestamp) -> Result<Uptime> {
        let mut tx = self.begin().await?;
        let kept: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(UPTIME)
            .fetch_optional(&mut *tx)
            .await?;
        let kept = kept.map(|kept| from_json(UPTIME, &kept)).transpose()?;
        let mut uptime: Uptime = kept.unwrap_or_default();
        uptime.note(now);
        keep(&mut tx, UPTIME, to_json(UPTIME, &uptime)?).await?;
        tx.commit().await?;
        Ok(uptime)
    }

    async fn disable_idle_tokens(
        &self,
        before: Timestamp,
        limit: u32,
        told: &AuditEntry,
    ) -> Result<Vec<ApiToken>> {
        let idle = |limit: u32| {
            sqlx::query_scalar(IDLE)
                .bind(seconds(Some(before)))
                .bind(seconds(Some(told.at)))
                .bind(i64::from(limit))
        };
        // Every token is looked at, and mostly none is idle: that leaves the write lock alone.
        let any: Option<i64> = idle(1).fetch_optional(&self.reader).await?;
        if any.is_none() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let ids: Vec<i64> = idle(limit).fetch_all(&mut *tx).await?;
        let idle = bulk::disable(&mut tx, &ids, TokenAct::Idle, told).await?;
        tx.commit().await?;
        Ok(idle)
    }

    async fn due_token_mails(&self, now: Timestamp, limit: u32) -> Result<Vec<TokenMail>> {
        let mut due = Vec::new();
        self.points.read(
            "SELECT id, address, username, news, attempts FROM token_mails
             WHERE state = 'pending' AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
            params![now.0, limit],
            |row| {
                due.push(TokenMail {
                    id: Columns::int(row, "id")?,
                    address: row.text("address")?,
                    username: row.text("username")?,
                    news: row.json("news")?,
                    attempts: u32::try_from(row.natural("attempts")?).unwrap_or(u32::MAX),
                });
                Ok(())
            },
        )?;
        Ok(due)
    }

    async fn finish_token_mail(&self, id: i64, record: &AttemptRecord) -> Result<()> {
        let (state, due_at) = match record.outcome {
            AttemptOutcome::Delivered => ("delivered", None),
            AttemptOutcome::RetryAt(at) => ("pending", Some(at.0)),
            AttemptOutcome::Dead | AttemptOutcome::Suppressed => ("dead", None),
        };
        self.writer.turn().await?.execute(
            "UPDATE token_mails SET state = ?2, due_at = coalesce(?3, due_at),
               attempts = attempts + 1, last_error = ?4,
               finished_at = iif(?2 = 'pending', NULL, ?5)
             WHERE id = ?1 AND state = 'pending'",
            params![
                id,
                state,
                due_at,
                cut(&record.detail, MAX_DETAIL),
                record.at.0
            ],
        )?;
        Ok(())
    }

    async fn forget_token_mails(&self, before: Timestamp) -> Result<u64> {
        let gone = self.writer.turn().await?.execute(
            "DELETE FROM token_mails WHERE finished_at < ?1",
            params![before.0],
        )?;
        Ok(gone as u64)
    }
}

async fn keep(connection: &mut SqliteConnection, name: &str, value: String) -> Result<()> {
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(value)
    .execute(connection)
    .await?;
    Ok(())
}
