//! Lists of rules, which are read from an index without the rules' documents.

use super::columns::{from_json, int};
use super::{SqliteCatalog, Transaction};
use crate::Result;
use crate::port::{RuleFilter, RulePage, RuleSummary};
use cresset_model::ObjectId;

/// Rules read by one statement. They come as one JSON text, which is several times
/// cheaper than as many rows; the bound keeps the text of the longest descriptions
/// below the billion bytes that SQLite allows.
const CHUNK: u64 = 200;

const READ: &str = "
    SELECT json_group_array(json_array(id, name, description, active, created_at))
    FROM (SELECT id, name, description, active, created_at FROM rules
          WHERE owner = $1 AND ($2 IS NULL OR active = $2) AND (created_at, id) > ($3, $4)
          ORDER BY created_at, id LIMIT $5 OFFSET $6)";

/// Id, name, description, whether active, time of creation.
type Listed = (ObjectId, String, String, u8, i64);

impl SqliteCatalog {
    pub(super) async fn list_page(
        &self,
        owner: ObjectId,
        filter: &RuleFilter<'_>,
    ) -> Result<RulePage> {
        let mut tx = self.reader.begin().await?;
        if filter.name_part.is_empty() {
            let total: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM rules WHERE owner = $1 AND ($2 IS NULL OR active = $2)",
            )
            .bind(owner.to_string())
            .bind(filter.active)
            .fetch_one(&mut *tx)
            .await?;
            let rows = read(&mut tx, owner, filter.active, filter.skip, filter.take).await?;
            let total = total as u64;
            return Ok(RulePage { rows, total });
        }
        // SQLite knows upper and lower case of ASCII letters only.
        let part = filter.name_part.to_lowercase();
        let mut rows = read(&mut tx, owner, filter.active, 0, u64::MAX).await?;
        rows.retain(|rule| rule.name.to_lowercase().contains(&part));
        let total = rows.len() as u64;
        let at_most = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let rows = rows
            .into_iter()
            .skip(at_most(filter.skip))
            .take(at_most(filter.take))
            .collect();
        Ok(RulePage { rows, total })
    }
}

/// Rules of an owner, oldest first, without the first `skip`, at most `take`.
async fn read(
    tx: &mut Transaction,
    owner: ObjectId,
    active: Option<bool>,
    mut skip: u64,
    take: u64,
) -> Result<Vec<RuleSummary>> {
    let mut rows: Vec<RuleSummary> = Vec::new();
    let mut after = (i64::MIN, String::new());
    loop {
        let wanted = CHUNK.min(take - rows.len() as u64);
        if wanted == 0 {
            return Ok(rows);
        }
        let chunk: String = sqlx::query_scalar(READ)
            .bind(owner.to_string())
            .bind(active)
            .bind(after.0)
            .bind(&after.1)
            .bind(int(wanted))
            .bind(int(std::mem::take(&mut skip)))
            .fetch_one(&mut **tx)
            .await?;
        let chunk: Vec<Listed> = from_json("list of rules", &chunk)?;
        let Some((id, .., created_at)) = chunk.last() else {
            return Ok(rows);
        };
        after = (*created_at, id.to_string());
        let last = (chunk.len() as u64) < wanted;
        rows.extend(chunk.into_iter().map(|listed| {
            let (id, name, description, active, _) = listed;
            RuleSummary {
                id,
                name,
                description,
                active: active != 0,
            }
        }));
        if last {
            return Ok(rows);
        }
    }
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
            step.3.contains("USING COVERING INDEX rules_listed")
                && step.3.contains("owner=? AND (created_at,id)>(?,?)")
        };
        assert!(plan.iter().any(searched), "{plan:?}");
        assert!(
            !plan.iter().any(|step| step.3.contains("TEMP B-TREE")),
            "{plan:?}"
        );
    }
}
