//! The audit log as a list.

use super::SqliteCatalog;
use super::audit::{audit_texts, cut};
use super::columns::{Columns, not_found};
use super::list_page::{Field, List, Part};
use crate::Result;
use crate::port::{AUDIT_COLUMNS, AuditEntry, AuditLine, AuditLog, RefusedRequest};
use async_trait::async_trait;
use cresset_model::filter::{ListQuery, Page};
use rusqlite::{Connection, params};

/// What happened. Lines about users, roles and tokens are sentences if the API wrote them;
/// those of the command line and all others need their action to be understood. Requests with
/// API tokens that were refused read as in LogicMonitor's access logs (spec §3.9).
macro_rules! description {
    () => {
        "CASE WHEN a.path <> '' AND a.action = 'api_request_throttled'
           THEN 'Throttled API request: ' || substr(a.detail, 1, instr(a.detail || ';', ';') - 1)
             || ' attempted to access path ''' || a.path || ''' with Method: ' || a.method
         WHEN a.path <> '' AND a.action = 'authentication_failed' AND a.actor <> ''
           AND (a.detail GLOB 'lmv1: *' OR a.detail GLOB 'bearer: *')
           THEN 'Failed API request: API token ' || a.actor
             || ' attempted to access path ''' || a.path || ''' with Method: ' || a.method
         WHEN a.detail GLOB '[A-Z]*' AND (a.action GLOB 'user_*'
           OR a.action GLOB 'role_*' OR a.action GLOB 'api_token_*') THEN a.detail
         ELSE rtrim(replace(a.action, '_', ' ') || ': ' || a.detail, ': ')
           || CASE a.path WHEN '' THEN '' ELSE ' (' || a.method || ' ' || a.path || ')' END
         END"
    };
}

/// Longest method that is kept, in bytes; the rest is cut off.
const MAX_METHOD: usize = 32;
/// Longest path that is kept, in bytes; the rest is cut off.
const MAX_PATH: usize = 1024;

const ONE: &str = concat!(
    "SELECT a.id, a.at, a.actor, a.address, a.action, a.detail, ",
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
    texts: None,
};
const _: () = assert!(LIST.fields.len() == AUDIT_COLUMNS.len());

#[async_trait]
impl AuditLog for SqliteCatalog {
    async fn audit_refused(&self, entry: AuditEntry, request: &RefusedRequest) -> Result<()> {
        let [actor, address, action, detail] = audit_texts(&entry);
        let method = cut(&request.method, MAX_METHOD);
        let path = cut(&request.path, MAX_PATH);
        self.writer.turn().await?.execute(
            "INSERT INTO audit (at, actor, address, action, detail, method, path)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![entry.at.0, actor, address, action, detail, method, path],
        )?;
        Ok(())
    }

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
        action: row.text("action")?,
        detail: row.text("detail")?,
        description: row.text("description")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::Users as _;
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

    #[tokio::test]
    async fn refused_requests_read_as_logicmonitor_words_them() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog(&dir).await;
        let request = RefusedRequest {
            method: "GET".to_owned(),
            path: "/santaba/rest/setting/admins".to_owned(),
        };
        let access = " attempted to access path '/santaba/rest/setting/admins' with Method: GET";
        let check = async |action: &str, actor: &str, detail: &str, expected: &str| {
            let entry = AuditEntry {
                at: Timestamp::from_secs(50),
                actor: actor.to_owned(),
                address: "192.0.2.7".to_owned(),
                action: action.to_owned(),
                detail: detail.to_owned(),
            };
            catalog.audit_refused(entry, &request).await.unwrap();
            let all = catalog.audit_lines(&ListQuery::default()).await.unwrap();
            let line = all.items.last().unwrap();
            assert_eq!(line.description, expected.replace("{access}", access));
            assert_eq!(
                (line.action.as_str(), line.detail.as_str()),
                (action, detail)
            );
        };
        let failed = "authentication_failed";
        let told = "Failed API request: API token AbC{access}";
        check(failed, "AbC", "lmv1: signature", told).await;
        let more = "bearer: network; 7 earlier failures were not recorded";
        check(failed, "AbC", more, told).await;
        let told = "authentication failed: token: expired (GET /santaba/rest/setting/admins)";
        check(failed, "ann", "token: expired", told).await;
        let told = "authentication failed: header: missing (GET /santaba/rest/setting/admins)";
        check(failed, "", "header: missing", told).await;
        let throttled = "api_request_throttled";
        let told = "Throttled API request: API token AbC{access}";
        check(throttled, "ann", "API token AbC", told).await;
        check(throttled, "ann", "API token AbC; 7 earlier ones", told).await;
        let told = "Throttled API request: user ann{access}";
        check(throttled, "ann", "user ann", told).await;
    }
}
