//! Incidents.

use super::columns::{Columns, from_json, not_found, to_json};
use super::deliveries::insert_delivery;
use super::evaluations::{record_evaluation, store_state};
use super::files::store_cursor;
use super::told::{auto_channels, first_delivery};
use super::{SqliteCatalog, Transaction};
use crate::port::{
    CommentedStatus, Firing, FiringCommit, FiringOutcome, IncidentFilter, Incidents,
};
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::ObjectId;
use cresset_model::incident::{Comment, Incident, IncidentStatus};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

/// Most comments of an incident.
const MAX_COMMENTS: usize = 1_000;
/// Longest comment in bytes.
const MAX_COMMENT: usize = 64 * 1024;
/// Most kept rows of an incident as JSON, in bytes.
const MAX_ROWS: usize = 256 << 20;

#[async_trait]
impl Incidents for SqliteCatalog {
    async fn commit_firings(&self, commit: FiringCommit) -> Result<Vec<FiringOutcome>> {
        let prepared = commit
            .firings
            .into_iter()
            .map(Prepared::new)
            .collect::<Result<Vec<_>>>()?;
        if prepared.is_empty() && commit.cursor.is_none() {
            return Ok(Vec::new());
        }
        let mut outcomes = Vec::with_capacity(prepared.len());
        let mut tx = self.begin().await?;
        for firing in prepared {
            outcomes.push(firing.write(&mut tx).await?);
        }
        if let Some((consumer, seq)) = commit.cursor {
            store_cursor(&mut tx, consumer, seq).await?;
        }
        tx.commit().await?;
        Ok(outcomes)
    }

    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>> {
        select(filter)
            .build()
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(incident)
            .collect()
    }

    async fn incident(&self, id: ObjectId) -> Result<Option<Incident>> {
        let row = sqlx::query(
            "SELECT i.incident, i.assignee, i.status, i.comments, r.rows
             FROM incidents i LEFT JOIN incident_rows r ON r.incident_id = i.id WHERE i.id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(&self.reader)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mut incident = incident(&row)?;
        if let Some(rows) = row.text_or_null("rows")? {
            incident.rows = from_json("rows of an incident", &rows)?;
        }
        Ok(Some(incident))
    }

    async fn annotate_incident(&self, id: ObjectId, change: CommentedStatus) -> Result<()> {
        let len = change.comment.title.len() + change.comment.comment.len();
        if len > MAX_COMMENT {
            return Err(Error::Refused(format!(
                "a comment has at most {MAX_COMMENT} bytes, this one {len}"
            )));
        }
        let mut tx = self.begin().await?;
        let stored: Option<String> =
            sqlx::query_scalar("SELECT comments FROM incidents WHERE id = $1")
                .bind(id.to_string())
                .fetch_optional(&mut *tx)
                .await?;
        let stored = stored.ok_or_else(|| not_found("incident", id))?;
        let mut comments: Vec<Comment> = from_json("comments", &stored)?;
        if comments.len() >= MAX_COMMENTS {
            return Err(Error::Refused(format!(
                "incident {id} has {MAX_COMMENTS} comments and takes no more"
            )));
        }
        comments.push(change.comment);
        sqlx::query(
            "UPDATE incidents SET comments = $2, status = coalesce($3, status) WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(to_json("comments", &comments)?)
        .bind(change.status.map(IncidentStatus::as_str))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

/// A firing with its documents written, so that the write lock is held only
/// while the database works.
struct Prepared {
    firing: Firing,
    document: String,
    comments: String,
    rows: String,
}

impl Prepared {
    fn new(mut firing: Firing) -> Result<Self> {
        let rows = to_json(
            "rows of an incident",
            &std::mem::take(&mut firing.incident.rows),
        )?;
        if rows.len() > MAX_ROWS {
            return Err(Error::Refused(format!(
                "the rows of an incident of rule {} take {} bytes, at most {MAX_ROWS} can be kept",
                firing.incident.rule_id,
                rows.len()
            )));
        }
        let comments = to_json("comments", &std::mem::take(&mut firing.incident.comments))?;
        let document = to_json("incident", &firing.incident)?;
        Ok(Self {
            firing,
            document,
            comments,
            rows,
        })
    }

    async fn write(self, tx: &mut Transaction) -> Result<FiringOutcome> {
        let incident = &self.firing.incident;
        let id = incident.id.to_string();
        let made = sqlx::query(
            "INSERT INTO incidents
               (id, rule_id, slot_end, owner, assignee, status, detected_at, incident, comments)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (rule_id, slot_end) DO NOTHING",
        )
        .bind(&id)
        .bind(incident.rule_id.to_string())
        .bind(incident.slot_end.0)
        .bind(incident.owner.to_string())
        .bind(incident.assignee.map(|id| id.to_string()))
        .bind(incident.status.as_str())
        .bind(incident.detected_at.0)
        .bind(self.document)
        .bind(self.comments)
        .execute(&mut **tx)
        .await?;
        if made.rows_affected() == 0 {
            return Ok(FiringOutcome::Duplicate);
        }
        sqlx::query("INSERT INTO incident_rows (incident_id, rows) VALUES ($1, $2)")
            .bind(&id)
            .bind(self.rows)
            .execute(&mut **tx)
            .await?;
        for delivery in &self.firing.deliveries {
            insert_delivery(tx, delivery).await?;
        }
        for channel in auto_channels(&mut **tx, incident.rule_id).await? {
            if self.firing.deliveries.iter().all(|d| d.channel != channel) {
                let now = incident.detected_at;
                let delivery = first_delivery(incident.id, incident.rule_id, channel, now);
                insert_delivery(tx, &delivery).await?;
            }
        }
        record_evaluation(tx, &self.firing.evaluation).await?;
        store_state(tx, incident.rule_id, &self.firing.state).await?;
        Ok(FiringOutcome::Written)
    }
}

fn select(filter: &IncidentFilter) -> QueryBuilder<Sqlite> {
    let mut query =
        QueryBuilder::new("SELECT incident, assignee, status, comments FROM incidents WHERE ");
    if filter.statuses.is_empty() {
        query
            .push("status <> ")
            .push_bind(IncidentStatus::Closed.as_str());
    } else {
        query.push("status IN (");
        let mut list = query.separated(", ");
        for status in &filter.statuses {
            list.push_bind(status.as_str());
        }
        query.push(")");
    }
    if let Some(from) = filter.from {
        query.push(" AND detected_at >= ").push_bind(from.0);
    }
    if let Some(to) = filter.to {
        query.push(" AND detected_at <= ").push_bind(to.0);
    }
    if let Some(rule) = filter.rule_id {
        query.push(" AND rule_id = ").push_bind(rule.to_string());
    }
    if let Some(user) = filter.visible_to {
        query.push(" AND (owner = ").push_bind(user.to_string());
        query
            .push(" OR assignee = ")
            .push_bind(user.to_string())
            .push(")");
    }
    query.push(" ORDER BY detected_at, id");
    if filter.limit > 0 {
        query.push(" LIMIT ").push_bind(i64::from(filter.limit));
    }
    query
}

/// What can change has a column of its own; the document holds the rest.
fn incident(row: &SqliteRow) -> Result<Incident> {
    let mut incident: Incident = row.json("incident")?;
    incident.assignee = row.id_or_null("assignee")?;
    incident.status = row.word("status")?;
    incident.comments = row.json("comments")?;
    Ok(incident)
}
