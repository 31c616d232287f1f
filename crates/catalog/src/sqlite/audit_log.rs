//! The audit log as a list.

use super::SqliteCatalog;
use super::columns::{Columns, not_found};
use super::list_page::{Field, List, Part};
use crate::Result;
use crate::port::{AUDIT_COLUMNS, AuditLine, AuditLog};
use async_trait::async_trait;
use cresset_model::filter::{ListQuery, Page};
use rusqlite::Connection;

/// What happened. Lines about users, roles and tokens are sentences if the API wrote them;
/// those of the command line and all others need their action to be understood.
macro_rules! description {
    () => {
        "CASE WHEN a.detail GLOB '[A-Z]*' AND (a.action GLOB 'user_*'
           OR a.action GLOB 'role_*' OR a.action GLOB 'api_token_*') THEN a.detail
         ELSE rtrim(replace(a.action, '_', ' ') || ': ' || a.detail, ': ') END"
    };
}

const ONE: &str = concat!(
    "SELECT a.id, a.at, a.actor, a.address, ",
    description!(),
    " AS description FROM audit a WHERE a.id = ?1"
);

/// Fields are in the order of [`AUDIT_COLUMNS`].
const LIST: List = List {
    columns: AUDIT_COLUMNS,
    fields: &[
        Field::plain("a.id"),
        Field::plain("a.actor"),
        Field::plain("a.address"),
        Field::plain("(a.at / 1000000)"),
        Field::plain(concat!("(", description!(), ")")),
    ],
    from: "audit a",
    id: "a.id",
    between: None,
};
const _: () = assert!(LIST.fields.len() == AUDIT_COLUMNS.len());

#[async_trait]
impl AuditLog for SqliteCatalog {
    async fn audit_lines(&self, query: &ListQuery) -> Result<Page<AuditLine>> {
        let all = Part {
            text: "",
            bound: Vec::new(),
            small: false,
        };
        let asked = LIST.ask(all, query)?;
        self.points.view(move |view| asked.page(view, read)).await
    }

    async fn audit_line(&self, id: i64) -> Result<Option<AuditLine>> {
        let mut found = None;
        self.points.read(ONE, [id], |row| {
            found = Some(line(row)?);
            Ok(())
        })?;
        Ok(found)
    }
}

fn read(view: &Connection, id: i64) -> Result<AuditLine> {
    let mut prepared = view.prepare_cached(ONE)?;
    let mut rows = prepared.query([id])?;
    let row = rows.next()?;
    row.map_or_else(|| Err(not_found("audit entry", id)), line)
}

fn line(row: &impl Columns) -> Result<AuditLine> {
    Ok(AuditLine {
        id: row.int("id")?,
        at: row.time("at")?,
        actor: row.text("actor")?,
        address: row.text("address")?,
        description: row.text("description")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{AuditEntry, Users as _};
    use crate::seal::Sealer;
    use cresset_model::filter::{Sort, parse};
    use cresset_model::{SecretString, Timestamp};

    async fn catalog(dir: &tempfile::TempDir) -> SqliteCatalog {
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let path = dir.path().join("catalog.db");
        let catalog = SqliteCatalog::open(&path, sealer).await.unwrap();
        for (second, actor, action, detail) in [
            (10, "root", "repo_created", "web"),
            (20, "ann", "user_created", "Add a new account ci (ops)"),
            (30, "system", "user_created", "user bob"),
            (40, "ann", "tail_trimmed", ""),
        ] {
            let entry = AuditEntry {
                at: Timestamp::from_secs(second),
                actor: actor.to_owned(),
                address: "192.0.2.7".to_owned(),
                action: action.to_owned(),
                detail: detail.to_owned(),
            };
            catalog.audit(entry).await.unwrap();
        }
        catalog
    }

    #[tokio::test]
    async fn lines_are_filtered_sorted_and_described() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog(&dir).await;
        let check = async |filter: &str, sort: &str, expected: &[&str]| {
            let query = ListQuery {
                filter: (!filter.is_empty()).then(|| parse(filter).unwrap()),
                sort: vec![Sort {
                    column: sort.to_owned(),
                    descending: true,
                }],
                ..ListQuery::default()
            };
            let page = catalog.audit_lines(&query).await.unwrap();
            let found: Vec<&str> = page.items.iter().map(|l| l.description.as_str()).collect();
            assert_eq!(found, expected, "{filter}");
            assert_eq!(page.total, expected.len() as u64, "{filter}");
        };
        let (web, ci) = ("repo created: web", "Add a new account ci (ops)");
        let (bob, trimmed) = ("user created: user bob", "tail trimmed");
        check("", "id", &[trimmed, bob, ci, web]).await;
        check("", "username", &[bob, web, trimmed, ci]).await;
        check("happenedOn>:20,happenedOn<40", "id", &[bob, ci]).await;
        check("username:ann", "happenedOn", &[trimmed, ci]).await;
        check("description~\"created:\"", "id", &[bob, web]).await;
        check("_all~ANN", "id", &[trimmed, ci]).await;
        let line = catalog.audit_line(2).await.unwrap().unwrap();
        assert_eq!(
            (line.at, line.description.as_str()),
            (Timestamp::from_secs(20), ci)
        );
        assert_eq!(catalog.audit_line(9).await.unwrap(), None);
    }
}
