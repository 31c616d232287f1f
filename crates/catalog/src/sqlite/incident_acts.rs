//! What people do to incidents.

use super::Change;
use super::SqliteCatalog;
use super::columns::{Columns, from_json, not_found, to_json};
use super::deliveries::insert_delivery;
use super::told::{enabled_channels, first_delivery};
use crate::port::{Actor, IncidentActs, IncidentChange, MAX_CHANGES};
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::incident::{ActRefused, Comment, IncidentAct, IncidentStatus, Standing};
use cresset_model::notification::Delivery;
use cresset_model::{Duration, ObjectId, Timestamp};

/// Longest comment in bytes.
const MAX_COMMENT: usize = 64 * 1024;
/// Most bytes that the comments of an incident take as JSON. What is done to it may be
/// recorded up to twice that, so that many comments do not keep it from being resolved.
const MAX_COMMENTS: usize = 256 * 1024;
/// How long a second request for notifications counts as the first.
const ASKED_AGAIN: Duration = Duration::minutes(1);

#[async_trait]
impl IncidentActs for SqliteCatalog {
    async fn change_incidents(
        &self,
        changes: Vec<IncidentChange>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<()> {
        if changes.len() > MAX_CHANGES {
            return Err(Error::Refused(format!(
                "{} incidents are too many for one request; send at most {MAX_CHANGES}",
                changes.len()
            )));
        }
        let mut tx = self.begin().await?;
        for change in changes {
            apply(&mut tx, change, by, now).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn sees_incident(&self, user: ObjectId, incident: ObjectId) -> Result<bool> {
        let seen: Option<i64> = sqlx::query_scalar(
            "SELECT i.owner = $2 OR coalesce(i.assignee, '') = $2 OR EXISTS (
               SELECT 1 FROM incident_groups n JOIN user_groups g ON g.name = n.name
               JOIN user_group_members m ON m.group_id = g.id
               WHERE n.incident_id = i.id AND m.user_id = $2)
             FROM incidents i WHERE i.id = $1",
        )
        .bind(incident.to_string())
        .bind(user.to_string())
        .fetch_optional(&self.reader)
        .await?;
        Ok(seen == Some(1))
    }

    async fn notify_of_incident(
        &self,
        incident: ObjectId,
        ids: [ObjectId; 2],
        now: Timestamp,
    ) -> Result<Vec<ObjectId>> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT rule_id FROM incidents WHERE id = $1")
            .bind(incident.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let rule = row
            .ok_or_else(|| not_found("incident", incident))?
            .id("rule_id")?;
        let mut deliveries = Vec::new();
        for (channel, id) in enabled_channels(&mut *tx, rule).await?.into_iter().zip(ids) {
            let recent = sqlx::query(
                "SELECT id FROM deliveries
                 WHERE incident_id = $1 AND channel = $2 AND created_at <= $4
                   AND (state = 'pending' OR asked = 1 AND created_at > $3 AND state <> 'dead')
                 ORDER BY created_at DESC, id LIMIT 1",
            )
            .bind(incident.to_string())
            .bind(channel.as_str())
            .bind((now - ASKED_AGAIN).0)
            .bind(now.0)
            .fetch_optional(&mut *tx)
            .await?;
            if let Some(row) = recent {
                deliveries.push(row.id("id")?);
                continue;
            }
            let delivery = Delivery {
                id,
                ..first_delivery(incident, rule, channel, now)
            };
            insert_delivery(&mut tx, &delivery).await?;
            sqlx::query("UPDATE deliveries SET asked = 1 WHERE id = $1")
                .bind(id.to_string())
                .execute(&mut *tx)
                .await?;
            deliveries.push(id);
        }
        if deliveries.is_empty() {
            return Err(Error::Refused(format!(
                "the rule of incident {incident} has no enabled notification; set one up first"
            )));
        }
        tx.commit().await?;
        Ok(deliveries)
    }
}

/// Makes one change, inside a transaction that holds the write lock: what was read
/// cannot change before it is written.
async fn apply(tx: &mut Change, change: IncidentChange, by: &Actor, now: Timestamp) -> Result<()> {
    let IncidentChange { incident: id, act } = change;
    let row = sqlx::query(
        "SELECT i.owner, i.assignee, i.status, i.comments, EXISTS (
           SELECT 1 FROM incident_groups n JOIN user_groups g ON g.name = n.name
           JOIN user_group_members m ON m.group_id = g.id
           WHERE n.incident_id = i.id AND m.user_id = $2) AS member
         FROM incidents i WHERE i.id = $1",
    )
    .bind(id.to_string())
    .bind(by.user.to_string())
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(|| not_found("incident", id))?;
    let owner = row.id("owner")?;
    let standing = Standing {
        owner: owner == by.user,
        assignee: row.id_or_null("assignee")?.unwrap_or(owner) == by.user,
        member: row.flag("member")?,
        administrator: by.administrator,
    };
    let status = act
        .on(row.word("status")?, standing)
        .map_err(|refused| match refused {
            ActRefused::Unseen => not_found("incident", id),
            other => Error::Refused(format!("incident {id} {other}")),
        })?;
    let assignee = match act {
        IncidentAct::Assign(user) => Some(working(tx, user).await?),
        _ => None,
    };
    let comments = commented(id, &row.text("comments")?, act, &by.name, now)?;
    write(tx, id, status, assignee, comments, now).await
}

async fn write(
    tx: &mut Change,
    id: ObjectId,
    status: IncidentStatus,
    assignee: Option<ObjectId>,
    comments: String,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE incidents SET status = $2, assignee = coalesce($3, assignee), comments = $4,
           modified_at = max(coalesce(modified_at, $5), $5)
         WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(status.as_str())
    .bind(assignee.map(|user| user.to_string()))
    .bind(comments)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The user, if work can be given to them.
async fn working(tx: &mut Change, user: ObjectId) -> Result<ObjectId> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM users WHERE id = $1 AND disabled = 0")
            .bind(user.to_string())
            .fetch_optional(&mut **tx)
            .await?;
    found.map(|_| user).ok_or_else(|| not_found("user", user))
}

/// The comments as JSON with those that the act leaves.
fn commented(
    id: ObjectId,
    stored: &str,
    act: IncidentAct,
    name: &str,
    now: Timestamp,
) -> Result<String> {
    let room = match act {
        IncidentAct::Comment(_) => MAX_COMMENTS,
        _ => 2 * MAX_COMMENTS,
    };
    let mut comments: Vec<Comment> = from_json("comments", stored)?;
    for text in act.remarks() {
        if text.len() > MAX_COMMENT {
            return Err(Error::Refused(format!(
                "a comment has at most {MAX_COMMENT} bytes, this one {}",
                text.len()
            )));
        }
        comments.push(Comment {
            title: name.to_owned(),
            comment: text,
            time: now,
        });
    }
    let document = to_json("comments", &comments)?;
    if document.len() > room {
        return Err(Error::Refused(format!(
            "incident {id} has {} bytes of comments and takes no more",
            stored.len()
        )));
    }
    Ok(document)
}
