//! Alert rules.

mod owners;

use super::audit::audit_texts;
use super::columns::{Columns, expect_row, int, not_found, to_json};
use super::in_place::{is_absent, is_taken};
use super::told::auto_channels;
use super::{Change, SqliteCatalog, counter};
use crate::port::{AuditEntry, RuleChanges, RuleFilter, RuleOwner, RulePage, RuleWithOwner, Rules};
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::incident::{Evaluation, RuleState};
use cresset_model::notification::{Channel, EmailNotification, HttpNotification};
use cresset_model::rule::{AlertRule, RuleSpec};
use cresset_model::{ObjectId, Timestamp};
use rusqlite::params;
use sqlx::sqlite::SqliteRow;
use std::collections::{BTreeMap, HashMap};

/// Longest rule as JSON, in bytes.
const MAX_SPEC: usize = 4 << 20;

macro_rules! select_rules {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.owner, r.active, r.version, r.created_at, r.updated_at, ",
            "r.activated_at, r.spec FROM rules r ",
            $rest
        )
    };
}

/// Without an order: SQLite would go through all rules in that order instead.
const CHANGED_RULES: &str = select_rules!("WHERE r.changed > $1");

#[async_trait]
impl Rules for SqliteCatalog {
    async fn create_rule(
        &self,
        id: ObjectId,
        owner: ObjectId,
        spec: RuleSpec,
        now: Timestamp,
        told: Option<&AuditEntry>,
    ) -> Result<AlertRule> {
        let document = document(&spec)?;
        let told_at = told.map(|entry| entry.at.0);
        let [actor, address, action, detail] = match told {
            Some(entry) => audit_texts(entry).map(Some),
            None => [None; 4],
        };
        let made = self.writer.turn().await?.execute(
            "INSERT INTO made_rules (id, owner, name, description, created_at, spec,
               told_at, actor, address, action, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                id.to_string(),
                owner.to_string(),
                spec.name,
                spec.description,
                now.0,
                document,
                told_at,
                actor,
                address,
                action,
                detail
            ],
        );
        made.map_err(|e| match e {
            e if is_taken(&e) => taken(spec.name.clone()),
            e if is_absent(&e) => not_found("user", owner),
            e => e.into(),
        })?;
        Ok(AlertRule {
            id,
            owner,
            active: true,
            version: 1,
            created_at: now,
            updated_at: now,
            activated_at: now,
            spec,
        })
    }

    async fn update_rule(
        &self,
        id: ObjectId,
        owner: ObjectId,
        spec: RuleSpec,
        now: Timestamp,
    ) -> Result<AlertRule> {
        let document = document(&spec)?;
        let mut tx = self.begin().await?;
        let stamp = next_stamp(&mut tx).await?;
        let row = sqlx::query(
            "UPDATE rules SET name = $3, description = $6, spec = $4, updated_at = $5,
               version = version + 1, changed = $7
             WHERE id = $1 AND owner = $2
             RETURNING id, owner, active, version, created_at, updated_at, activated_at, spec",
        )
        .bind(id.to_string())
        .bind(owner.to_string())
        .bind(&spec.name)
        .bind(document)
        .bind(now.0)
        .bind(&spec.description)
        .bind(stamp)
        .fetch_optional(&mut *tx)
        .await
        .map_err(|e| match e.as_database_error() {
            Some(d) if d.is_unique_violation() => taken(spec.name),
            _ => Error::Database(e),
        })?;
        let rule = alert_rule(&row.ok_or_else(|| not_found("alert rule", id))?)?;
        tx.commit().await?;
        Ok(rule)
    }

    async fn rule(&self, id: ObjectId) -> Result<Option<RuleWithOwner>> {
        // One view of the database for the rule and what its owner may search.
        let mut tx = self.reader.begin().await?;
        let row = sqlx::query(select_rules!("WHERE r.id = $1"))
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let owner = owners::one(&mut tx, row.id("owner")?).await?;
        Ok(with_owners(&[row], &owner)?.pop())
    }

    async fn rules_of(&self, owner: ObjectId) -> Result<Vec<AlertRule>> {
        sqlx::query(select_rules!(
            "WHERE r.owner = $1 ORDER BY r.created_at, r.id"
        ))
        .bind(owner.to_string())
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(alert_rule)
        .collect()
    }

    async fn list_rules(&self, owner: ObjectId, filter: &RuleFilter<'_>) -> Result<RulePage> {
        self.list_page(owner, filter).await
    }

    async fn active_rules(&self) -> Result<Vec<RuleWithOwner>> {
        let mut tx = self.reader.begin().await?;
        let rows = sqlx::query(select_rules!("WHERE r.active = 1 ORDER BY r.id"))
            .fetch_all(&mut *tx)
            .await?;
        with_owners(&rows, &owners::all(&mut tx).await?)
    }

    async fn rule_changes(&self, since: u64) -> Result<RuleChanges> {
        // One view of the database for all three.
        let mut tx = self.reader.begin().await?;
        let changed = sqlx::query(CHANGED_RULES)
            .bind(int(since))
            .fetch_all(&mut *tx)
            .await?;
        let active: i64 = sqlx::query_scalar("SELECT count(*) FROM rules WHERE active = 1")
            .fetch_one(&mut *tx)
            .await?;
        let owners = owners::all(&mut tx).await?;
        Ok(RuleChanges {
            changed: with_owners(&changed, &owners)?,
            active: active as u64,
            owners,
        })
    }

    async fn set_rules_active(
        &self,
        ids: &[ObjectId],
        owner: ObjectId,
        active: bool,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let stamp = next_stamp(&mut tx).await?;
        for id in ids {
            // The right-hand sides see the row as it was: times and version
            // change only if `active` does.
            let met = sqlx::query(
                "UPDATE rules SET
                   version = version + (active <> $3),
                   updated_at = CASE WHEN active <> $3 THEN $4 ELSE updated_at END,
                   activated_at = CASE WHEN active < $3 THEN $4 ELSE activated_at END,
                   active = $3,
                   changed = $5
                 WHERE id = $1 AND owner = $2",
            )
            .bind(id.to_string())
            .bind(owner.to_string())
            .bind(i64::from(active))
            .bind(now.0)
            .bind(stamp)
            .execute(&mut *tx)
            .await?;
            expect_row(&met, "alert rule", id)?;
        }
        Ok(tx.commit().await?)
    }

    async fn delete_rules(&self, ids: &[ObjectId], owner: ObjectId) -> Result<()> {
        let mut tx = self.begin().await?;
        for (at, id) in ids.iter().enumerate() {
            if ids[..at].contains(id) {
                continue;
            }
            let met = sqlx::query("DELETE FROM rules WHERE id = $1 AND owner = $2")
                .bind(id.to_string())
                .bind(owner.to_string())
                .execute(&mut *tx)
                .await?;
            expect_row(&met, "alert rule", id)?;
        }
        next_stamp(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn rules_version(&self) -> Result<u64> {
        counter(&self.reader, "rules").await
    }

    async fn put_email_notification(
        &self,
        ids: &[ObjectId],
        owner: ObjectId,
        notification: &EmailNotification,
        now: Timestamp,
    ) -> Result<()> {
        self.put_email(ids, owner, notification, now).await
    }

    async fn put_http_notification(
        &self,
        ids: &[ObjectId],
        owner: ObjectId,
        notification: &HttpNotification,
        now: Timestamp,
    ) -> Result<()> {
        self.put_http(ids, owner, notification, now).await
    }

    async fn email_notification(&self, rule: ObjectId) -> Result<Option<EmailNotification>> {
        self.email_of(rule).await
    }

    async fn http_notification(&self, rule: ObjectId) -> Result<Option<HttpNotification>> {
        self.http_of(rule).await
    }

    async fn auto_channels(&self, rule: ObjectId) -> Result<Vec<Channel>> {
        auto_channels(&self.reader, rule).await
    }

    async fn rule_state(&self, rule: ObjectId) -> Result<RuleState> {
        self.state_of(rule).await
    }

    async fn rule_states(&self, rules: &[ObjectId]) -> Result<HashMap<ObjectId, RuleState>> {
        self.states_of(rules).await
    }

    async fn record_evaluations(
        &self,
        evaluations: &[Evaluation],
        states: &[(ObjectId, RuleState)],
    ) -> Result<()> {
        self.record(evaluations, states).await
    }

    async fn evaluations(&self, rule: ObjectId, limit: u32) -> Result<Vec<Evaluation>> {
        self.newest_evaluations(rule, limit).await
    }
}

/// Makes the counter of the rules grow; what it is now stands in every rule that the
/// transaction changes.
async fn next_stamp(tx: &mut Change) -> Result<i64> {
    let next = "UPDATE counters SET value = value + 1 WHERE name = 'rules' RETURNING value";
    Ok(sqlx::query_scalar(next).fetch_one(&mut **tx).await?)
}

fn taken(name: String) -> Error {
    Error::Exists {
        what: "alert rule",
        name,
    }
}

fn document(spec: &RuleSpec) -> Result<String> {
    let document = to_json("alert rule", spec)?;
    if document.len() > MAX_SPEC {
        return Err(Error::Refused(format!(
            "an alert rule has at most {MAX_SPEC} bytes, this one {}",
            document.len()
        )));
    }
    Ok(document)
}

fn alert_rule(row: &SqliteRow) -> Result<AlertRule> {
    Ok(AlertRule {
        id: row.id("id")?,
        owner: row.id("owner")?,
        active: row.flag("active")?,
        version: row.natural("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        activated_at: row.time("activated_at")?,
        spec: row.json("spec")?,
    })
}

/// Rules with their owners, all of whom are among `owners`.
fn with_owners(rules: &[SqliteRow], owners: &[RuleOwner]) -> Result<Vec<RuleWithOwner>> {
    let owners: BTreeMap<ObjectId, &RuleOwner> = owners.iter().map(|o| (o.id, o)).collect();
    let with_owner = |row| {
        let rule = alert_rule(row)?;
        let owner = owners.get(&rule.owner);
        let owner = owner.ok_or_else(|| not_found("user", rule.owner))?;
        Ok(RuleWithOwner {
            rule,
            owner_name: owner.name.clone(),
            timezone: owner.timezone.clone(),
            date_format: owner.date_format,
            hour_format: owner.hour_format,
            repos: owner.repos.clone(),
        })
    };
    rules.iter().map(with_owner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Sealer;
    use cresset_model::SecretString;
    use sqlx::Row as _;

    #[tokio::test]
    async fn few_changes_are_found_without_going_through_all_rules() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let catalog = SqliteCatalog::open(&dir.path().join("catalog.db"), sealer)
            .await
            .unwrap();
        let plan = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {CHANGED_RULES}"));
        let steps = sqlx::query(plan).fetch_all(&catalog.reader).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
        assert_eq!(steps, ["SEARCH r USING INDEX rules_changed (changed>?)"]);
    }
}
