//! Lists of rules, which are read from an index without the rules' documents.

use super::SqliteCatalog;
use super::columns::{int, parse_id};
use crate::Result;
use crate::port::{RuleFilter, RulePage, RuleSummary};
use cresset_model::ObjectId;
use rusqlite::{Transaction, params};

const READ: &str = "
    SELECT id, name, description, active FROM rules
    WHERE owner = ?1 AND (?2 IS NULL OR active = ?2)
    ORDER BY created_at, id LIMIT ?3 OFFSET ?4";

const COUNT: &str = "SELECT count(*) FROM rules WHERE owner = ?1 AND (?2 IS NULL OR active = ?2)";

impl SqliteCatalog {
    pub(super) async fn list_page(
        &self,
        owner: ObjectId,
        filter: &RuleFilter<'_>,
    ) -> Result<RulePage> {
        let (owner, active) = (owner.to_string(), filter.active);
        let (skip, take) = (filter.skip, filter.take);
        if filter.name_part.is_empty() {
            let page = move |view: &Transaction<'_>| {
                let total: i64 = view
                    .prepare_cached(COUNT)?
                    .query_row(params![owner, active], |row| row.get(0))?;
                let rows = read(view, &owner, active, skip, take, |_| true)?;
                let total = total as u64;
                Ok(RulePage { rows, total })
            };
            return self.points.view(page).await;
        }
        // SQLite knows upper and lower case of ASCII letters only.
        let part = filter.name_part.to_lowercase();
        let named = move |view: &Transaction<'_>| {
            let named = |name: &str| name.to_lowercase().contains(&part);
            let rows = read(view, &owner, active, 0, u64::MAX, named)?;
            let total = rows.len() as u64;
            let at_most = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            let rows = rows
                .into_iter()
                .skip(at_most(skip))
                .take(at_most(take))
                .collect();
            Ok(RulePage { rows, total })
        };
        self.points.view(named).await
    }
}

/// Rules of an owner, oldest first, without the first `skip`, and of at most `take` those
/// whose names are `wanted`.
fn read(
    view: &Transaction<'_>,
    owner: &str,
    active: Option<bool>,
    skip: u64,
    take: u64,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<RuleSummary>> {
    let mut prepared = view.prepare_cached(READ)?;
    let mut rows = prepared.query(params![owner, active, int(take), int(skip)])?;
    let mut rules = Vec::new();
    while let Some(row) = rows.next()? {
        // By place, which is several times cheaper than by name.
        let (id, name) = (row.get_ref(0)?, row.get_ref(1)?);
        let name = name.as_str().map_err(rusqlite::Error::from)?;
        if wanted(name) {
            let id = id.as_str().map_err(rusqlite::Error::from)?;
            rules.push(RuleSummary {
                id: parse_id("id", id)?,
                name: name.to_owned(),
                description: row.get(2)?,
                active: row.get(3)?,
            });
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Sealer;
    use cresset_model::SecretString;

    #[tokio::test]
    async fn a_list_is_read_from_the_index_alone_and_is_not_sorted() {
        let dir = tempfile::tempdir().unwrap();
        let key = SecretString::new("AAAA".repeat(10) + "AAA=");
        let sealer = Sealer::from_text(&key).unwrap();
        let path = dir.path().join("catalog.db");
        let catalog = SqliteCatalog::open(&path, sealer).await.unwrap();
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {READ}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain)
            .fetch_all(&catalog.reader)
            .await
            .unwrap();
        let searched = |step: &(i64, i64, i64, String)| {
            step.3.contains("USING COVERING INDEX rules_listed") && step.3.contains("(owner=?)")
        };
        assert!(plan.iter().any(searched), "{plan:?}");
        assert!(
            !plan.iter().any(|step| step.3.contains("TEMP B-TREE")),
            "{plan:?}"
        );
    }
}
