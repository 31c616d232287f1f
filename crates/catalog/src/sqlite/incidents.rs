//! Incidents.

use super::columns::{Columns, from_json, to_json};
use super::deliveries::insert_delivery;
use super::evaluations::remember;
use super::files::store_cursor;
use super::groups::show_to_groups;
use super::told::{auto_channels, first_delivery};
use super::{Change, SqliteCatalog};
use crate::port::{
    Firing, FiringCommit, FiringOutcome, IncidentFilter, IncidentTime, Incidents, ListedIncident,
};
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::incident::{Incident, IncidentStatus};
use cresset_model::{ObjectId, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

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

    async fn fired_slots(
        &self,
        rules: &[ObjectId],
        since: Timestamp,
    ) -> Result<Vec<(ObjectId, Timestamp)>> {
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        // CROSS JOIN: by rule, of which each has few, and not by time, of which all share one.
        sqlx::query(
            "SELECT i.rule_id, i.slot_end FROM json_each($1) e
             CROSS JOIN incidents i ON i.rule_id = e.value WHERE i.detected_at >= $2",
        )
        .bind(to_json("ids of rules", &rules)?)
        .bind(since.0)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| Ok((row.id("rule_id")?, row.time("slot_end")?)))
        .collect()
    }

    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>> {
        let listed = self.listed_incidents(filter).await?;
        Ok(listed.into_iter().map(|listed| listed.incident).collect())
    }

    async fn listed_incidents(&self, filter: &IncidentFilter) -> Result<Vec<ListedIncident>> {
        select(filter)
            .build()
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                Ok(ListedIncident {
                    incident: incident(row)?,
                    time: row.time("at")?,
                    groups: row.json("seen_by")?,
                })
            })
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

    async fn write(self, tx: &mut Change) -> Result<FiringOutcome> {
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
        show_to_groups(tx, incident.id, incident.rule_id).await?;
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
        let Firing {
            evaluation, state, ..
        } = &self.firing;
        remember(
            &mut **tx,
            &[(incident.rule_id, Some(evaluation), Some(state))],
        )
        .await?;
        Ok(FiringOutcome::Written)
    }
}

fn select(filter: &IncidentFilter) -> QueryBuilder<Sqlite> {
    let time = match filter.by {
        IncidentTime::Detected => "detected_at",
        IncidentTime::Modified => "modified_at",
    };
    let mut query = QueryBuilder::new("SELECT incident, assignee, status, comments, ");
    query.push(time).push(
        " AS at, (SELECT json_group_array(g.id ORDER BY g.id)
           FROM incident_groups n JOIN user_groups g ON g.name = n.name
           WHERE n.incident_id = incidents.id) AS seen_by
         FROM incidents WHERE ",
    );
    push_statuses(&mut query, &filter.statuses);
    if filter.by == IncidentTime::Modified {
        query.push(" AND modified_at IS NOT NULL");
    }
    for (bound, compare) in [(filter.from, " >= "), (filter.to, " <= ")] {
        if let Some(bound) = bound {
            query.push(" AND ").push(time).push(compare);
            query.push_bind(bound.0);
        }
    }
    if let Some((at, id)) = filter.after {
        query.push(" AND (").push(time).push(", id) > (");
        query.push_bind(at.0).push(", ");
        query.push_bind(id.to_string()).push(")");
    }
    if let Some(rule) = filter.rule_id {
        query.push(" AND rule_id = ").push_bind(rule.to_string());
    }
    if let Some(user) = filter.visible_to {
        let user = user.to_string();
        query.push(" AND (owner = ").push_bind(user.clone());
        query.push(" OR assignee = ").push_bind(user.clone());
        query.push(
            " OR EXISTS (SELECT 1 FROM incident_groups n
               JOIN user_groups g ON g.name = n.name
               JOIN user_group_members m ON m.group_id = g.id
               WHERE n.incident_id = incidents.id AND m.user_id = ",
        );
        query.push_bind(user).push("))");
    }
    query.push(" ORDER BY ").push(time).push(", id");
    if filter.limit > 0 {
        query.push(" LIMIT ").push_bind(i64::from(filter.limit));
    }
    query
}

fn push_statuses(query: &mut QueryBuilder<Sqlite>, statuses: &[IncidentStatus]) {
    if statuses.is_empty() {
        query.push("status <> ");
        query.push_bind(IncidentStatus::Closed.as_str());
        return;
    }
    query.push("status IN (");
    let mut list = query.separated(", ");
    for status in statuses {
        list.push_bind(status.as_str());
    }
    query.push(")");
}

/// What can change has a column of its own; the document holds the rest.
fn incident(row: &SqliteRow) -> Result<Incident> {
    let mut incident: Incident = row.json("incident")?;
    incident.assignee = row.id_or_null("assignee")?;
    incident.status = row.word("status")?;
    incident.comments = row.json("comments")?;
    Ok(incident)
}
