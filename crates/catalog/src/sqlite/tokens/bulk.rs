//! Many tokens in one transaction or one statement.

use super::{token, token_columns};
use crate::Result;
use crate::port::{AuditEntry, Revocation, TOKENS_WITH_USER};
use crate::sqlite::columns::to_json;
use crate::sqlite::{SqliteCatalog, audit};
use cresset_model::token::{ApiToken, TokenAct};
use sqlx::SqliteConnection;

const FEW: &str = concat!(
    "SELECT ",
    token_columns!(),
    " FROM json_each($1) few CROSS JOIN api_tokens t ON t.id = few.value ORDER BY t.id"
);
const OF_USERS: &str = concat!(
    "SELECT ",
    token_columns!(),
    " FROM json_each(?1) few CROSS JOIN api_tokens t ON t.id IN (
        SELECT s.id FROM api_tokens s WHERE s.user_number = few.value
        ORDER BY s.status = 2 DESC, s.id DESC LIMIT ?2)
      ORDER BY t.user_number, t.kind, t.id"
);

/// Disables those of these tokens that are not, and returns them as they are then. The detail
/// of `told` follows the name of each in the audit log.
pub(super) async fn disable(
    connection: &mut SqliteConnection,
    ids: &[i64],
    act: TokenAct,
    told: &AuditEntry,
) -> Result<Vec<ApiToken>> {
    let mut tokens = read(connection, ids).await?;
    tokens.retain(|token| !token.disabled);
    let ids: Vec<i64> = tokens.iter().map(|token| token.id).collect();
    let statement =
        "UPDATE api_tokens SET status = 1 WHERE id IN (SELECT value FROM json_each($1))";
    sqlx::query(statement)
        .bind(to_json("ids", &ids)?)
        .execute(&mut *connection)
        .await?;
    super::mail::tell_owners(connection, &ids, act, told).await?;
    for token in &mut tokens {
        token.disabled = true;
        tell(connection, "Disable", token, told).await?;
    }
    Ok(tokens)
}

/// Deletes these tokens for good, and returns them as they were.
async fn delete(
    connection: &mut SqliteConnection,
    ids: &[i64],
    told: &AuditEntry,
) -> Result<Vec<ApiToken>> {
    let tokens = read(connection, ids).await?;
    super::mail::tell_owners(connection, ids, TokenAct::Deleted, told).await?;
    sqlx::query("DELETE FROM api_tokens WHERE id IN (SELECT value FROM json_each($1))")
        .bind(to_json("ids", ids)?)
        .execute(&mut *connection)
        .await?;
    for token in &tokens {
        tell(connection, "Delete", token, told).await?;
    }
    Ok(tokens)
}

async fn read(connection: &mut SqliteConnection, ids: &[i64]) -> Result<Vec<ApiToken>> {
    let rows = sqlx::query(FEW).bind(to_json("ids", ids)?);
    let rows = rows.fetch_all(connection).await?;
    rows.iter().map(token).collect()
}

async fn tell(
    connection: &mut SqliteConnection,
    verb: &str,
    token: &ApiToken,
    told: &AuditEntry,
) -> Result<()> {
    let (name, owner, rest) = (token.label(), &token.user_name, &told.detail);
    let line = AuditEntry {
        detail: format!("{verb} api tokens - {name} of {owner}{rest}"),
        ..told.clone()
    };
    audit::tell(connection, &line).await
}

impl SqliteCatalog {
    /// What [`crate::port::ApiTokens::revoke_tokens`] promises.
    pub(super) async fn revoke(
        &self,
        ids: &[i64],
        how: Revocation,
        told: &AuditEntry,
    ) -> Result<Vec<ApiToken>> {
        let mut tx = self.begin().await?;
        let met = match how {
            Revocation::Disable => disable(&mut tx, ids, TokenAct::Disabled, told).await?,
            Revocation::Delete => delete(&mut tx, ids, told).await?,
        };
        tx.commit().await?;
        Ok(met)
    }

    /// What [`crate::port::ApiTokens::tokens_of`] promises.
    pub(super) async fn tokens_of_users(&self, owners: &[i64]) -> Result<Vec<ApiToken>> {
        let owners = to_json("owners", owners)?;
        let read = move |view: &rusqlite::Transaction<'_>| {
            let mut prepared = view.prepare_cached(OF_USERS)?;
            let mut rows = prepared.query((owners, TOKENS_WITH_USER))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(token(row)?);
            }
            Ok(found)
        };
        self.points.view(read).await
    }
}
