//! Who owns rules: what the evaluation of the rules needs to know of them.

use super::super::columns::Columns;
use super::super::{View, users};
use crate::Result;
use crate::port::RuleOwner;
use cresset_model::ObjectId;
use cresset_model::instance::{is_remote, split_address};
use cresset_model::user::{RepoAccess, is_permitted};
use sqlx::sqlite::SqliteRow;
use std::collections::BTreeSet;

macro_rules! select_owners {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.username, u.timezone, u.date_format, u.hour_format, u.repos, ",
            "EXISTS (SELECT 1 FROM user_roles a WHERE a.user_id = u.id AND a.role = 'administrator') AS sees_all ",
            "FROM users u ",
            $rest
        )
    };
}

/// Everyone who owns rules, ordered by id.
pub(super) async fn all(tx: &mut View) -> Result<Vec<RuleOwner>> {
    let rows = sqlx::query(select_owners!(
        "WHERE EXISTS (SELECT 1 FROM rules r WHERE r.owner = u.id) ORDER BY u.id"
    ))
    .fetch_all(&mut **tx)
    .await?;
    rule_owners(tx, &rows).await
}

/// The user of that id, if there is one.
pub(super) async fn one(tx: &mut View, id: ObjectId) -> Result<Vec<RuleOwner>> {
    let rows = sqlx::query(select_owners!("WHERE u.id = $1"))
        .bind(id.to_string())
        .fetch_all(&mut **tx)
        .await?;
    rule_owners(tx, &rows).await
}

async fn rule_owners(tx: &mut View, rows: &[SqliteRow]) -> Result<Vec<RuleOwner>> {
    // Read once for all, and not at all for administrators only.
    let mut existing = None;
    let mut owners = Vec::with_capacity(rows.len());
    for row in rows {
        let repos = if row.flag("sees_all")? {
            RepoAccess::All
        } else {
            if existing.is_none() {
                existing = Some(Existing::read(tx).await?);
            }
            let granted = users::granted(row, "repos")?;
            let permitted = existing.iter().flat_map(|e| e.permitted(granted.as_ref()));
            RepoAccess::Only(permitted.collect())
        };
        owners.push(RuleOwner {
            id: row.id("id")?,
            name: row.text("username")?,
            timezone: row.text("timezone")?,
            date_format: row.word("date_format")?,
            hour_format: row.word("hour_format")?,
            repos,
        });
    }
    Ok(owners)
}

/// What there is to search.
struct Existing {
    /// Names of the repos here.
    repos: Vec<String>,
    /// Nodes of the instances.
    nodes: BTreeSet<String>,
}

impl Existing {
    async fn read(tx: &mut View) -> Result<Self> {
        let repos = sqlx::query_scalar("SELECT name FROM repos");
        let nodes = sqlx::query_scalar("SELECT node FROM instances");
        let repos = repos.fetch_all(&mut **tx).await?;
        let nodes: Vec<String> = nodes.fetch_all(&mut **tx).await?;
        Ok(Self {
            repos,
            nodes: nodes.into_iter().collect(),
        })
    }

    /// As [`cresset_model::user::User::repo_access`], of somebody who is no administrator.
    ///
    /// What was granted at an instance stays, whether or not the instance has ever said that
    /// it is there: it refuses what it does not have and is named then, where a rule that
    /// left it out would say nothing.
    fn permitted(&self, granted: Option<&BTreeSet<String>>) -> BTreeSet<String> {
        let here = self.repos.iter().filter(|repo| is_permitted(granted, repo));
        let known = |repo: &&String| self.nodes.contains(split_address(repo).0);
        let elsewhere = granted.into_iter().flatten().filter(|r| is_remote(r));
        here.chain(elsewhere.filter(known)).cloned().collect()
    }
}
