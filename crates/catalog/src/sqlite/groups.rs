//! Incident user groups.

use super::columns::{Columns, absent_on_foreign_key, not_found};
use super::{Change, SqliteCatalog};
use crate::port::{Groups, MAX_GROUPS};
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::group::UserGroup;
use cresset_model::{ObjectId, Timestamp};

/// Longest name of a group in bytes.
const MAX_NAME: usize = 255;

#[async_trait]
impl Groups for SqliteCatalog {
    async fn create_group(&self, id: ObjectId, name: &str, now: Timestamp) -> Result<UserGroup> {
        let clean = name.trim() == name && !name.chars().any(char::is_control);
        if name.is_empty() || name.len() > MAX_NAME || !clean {
            return Err(Error::Refused(format!(
                "a group name has 1 to {MAX_NAME} bytes, without control characters and \
                 without blanks around it"
            )));
        }
        let mut tx = self.begin().await?;
        let groups: i64 = sqlx::query_scalar("SELECT count(*) FROM user_groups")
            .fetch_one(&mut *tx)
            .await?;
        if groups >= MAX_GROUPS as i64 {
            return Err(Error::Refused(format!(
                "there are {MAX_GROUPS} groups; delete some first"
            )));
        }
        let made = sqlx::query(
            "INSERT INTO user_groups (id, name, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(id.to_string())
        .bind(name)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        if made.rows_affected() == 0 {
            return Err(Error::Exists {
                what: "group",
                name: name.to_owned(),
            });
        }
        tx.commit().await?;
        Ok(UserGroup {
            id,
            name: name.to_owned(),
            members: Vec::new(),
            created_at: now,
        })
    }

    async fn groups(&self) -> Result<Vec<UserGroup>> {
        let rows = sqlx::query(
            "SELECT g.id, g.name, g.created_at, m.user_id
             FROM user_groups g LEFT JOIN user_group_members m ON m.group_id = g.id
             ORDER BY g.name, m.user_id",
        )
        .fetch_all(&self.reader)
        .await?;
        let mut groups: Vec<UserGroup> = Vec::new();
        for row in &rows {
            let id = row.id("id")?;
            if groups.last().is_none_or(|last| last.id != id) {
                groups.push(UserGroup {
                    id,
                    name: row.text("name")?,
                    members: Vec::new(),
                    created_at: row.time("created_at")?,
                });
            }
            if let (Some(group), Some(user)) = (groups.last_mut(), row.id_or_null("user_id")?) {
                group.members.push(user);
            }
        }
        Ok(groups)
    }

    async fn add_group_members(&self, name: &str, users: &[ObjectId]) -> Result<()> {
        let mut tx = self.begin().await?;
        let group = group_id(&mut tx, name).await?;
        for user in users {
            sqlx::query(
                "INSERT INTO user_group_members (group_id, user_id) VALUES ($1, $2)
                 ON CONFLICT DO NOTHING",
            )
            .bind(&group)
            .bind(user.to_string())
            .execute(&mut *tx)
            .await
            .map_err(|e| absent_on_foreign_key(e, "user", user))?;
        }
        Ok(tx.commit().await?)
    }

    async fn remove_group_members(&self, name: &str, users: &[ObjectId]) -> Result<()> {
        let mut tx = self.begin().await?;
        let group = group_id(&mut tx, name).await?;
        for user in users {
            sqlx::query("DELETE FROM user_group_members WHERE group_id = $1 AND user_id = $2")
                .bind(&group)
                .bind(user.to_string())
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    async fn delete_group(&self, name: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let group = group_id(&mut tx, name).await?;
        sqlx::query("DELETE FROM user_groups WHERE id = $1")
            .bind(group)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

async fn group_id(tx: &mut Change, name: &str) -> Result<String> {
    let found: Option<String> = sqlx::query_scalar("SELECT id FROM user_groups WHERE name = $1")
        .bind(name)
        .fetch_optional(&mut **tx)
        .await?;
    found.ok_or_else(|| not_found("group", name))
}

/// Lets the groups that the rule names see an incident, those too that are made later.
pub(super) async fn show_to_groups(
    tx: &mut Change,
    incident: ObjectId,
    rule: ObjectId,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO incident_groups (incident_id, name)
         SELECT DISTINCT $1, named.value
         FROM rules r, json_each(r.spec, '$.incident_ownership.visible_to_usergroups') named
         WHERE r.id = $2 AND octet_length(named.value) <= $3 LIMIT $4",
    )
    .bind(incident.to_string())
    .bind(rule.to_string())
    // Longer names, and more of them, no groups can have.
    .bind(MAX_NAME as i64)
    .bind(MAX_GROUPS as i64)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
