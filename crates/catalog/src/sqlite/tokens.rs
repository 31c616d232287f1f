//! API tokens.

mod bulk;
mod care;
mod change;
mod list;
mod mail;

use super::columns::{Columns, from_json, not_found};
use super::memory::Question;
use super::sealed_key::SealedKey;
use super::users::{self, user_columns};
use super::{SqliteCatalog, audit};
use crate::Result;
use crate::port::{ApiTokens, AuditEntry, Moment, NewToken, Revocation, SigningToken, TokenChange};
use crate::seal::Place;
use async_trait::async_trait;
use cresset_model::Timestamp;
use cresset_model::filter::{ListQuery, Page};
use cresset_model::token::{ApiToken, TokenAct, TokenKind};
use cresset_model::user::User;
use list::TokenPage;
use rusqlite::{Connection, Row, params};
use std::sync::Arc;

/// What stands for the kinds in the database.
const LMV1: i64 = 0;
const BEARER: i64 = 1;

/// What [`token`] reads of `api_tokens t`.
macro_rules! token_columns {
    () => {
        "t.id AS token, t.kind, t.access_id, t.shown_key, t.user_id, t.user_number, t.user_name,
         t.note AS token_note, t.status AS token_status, t.created_on,
         t.created_by AS token_created_by, t.last_used_on, t.last_address, t.expires_on,
         t.scopes, t.networks, t.rotated_to,
         (SELECT json_group_array(role) FROM (SELECT r.role FROM user_roles r
           WHERE r.user_id = t.user_id ORDER BY r.place)) AS role_names"
    };
}
use token_columns;

const ONE: &str = concat!(
    "SELECT ",
    token_columns!(),
    " FROM api_tokens t WHERE t.id = ?1 AND (?2 IS NULL OR t.user_number = ?2)"
);
const SIGNING: &str = concat!(
    "SELECT ",
    token_columns!(),
    ", k.sealed, ",
    user_columns!(),
    " FROM api_tokens t JOIN users u ON u.id = t.user_id JOIN token_keys k ON k.token = t.id
      WHERE t.access_id = ?1 AND t.access_id <> ''"
);
const BEARERS: &str = concat!(
    "SELECT ",
    token_columns!(),
    ", ",
    user_columns!(),
    " FROM token_keys k JOIN api_tokens t ON t.id = k.token JOIN users u ON u.id = t.user_id
      WHERE k.digest = ?1"
);

/// The place that keys have been sealed for since before they stood in a table of their own.
const fn key_place(access_id: &str) -> Place<'_> {
    Place {
        table: "api_tokens",
        column: "access_key",
        row: access_id,
    }
}

#[async_trait]
impl ApiTokens for SqliteCatalog {
    async fn create_token(&self, new: NewToken, told: &AuditEntry) -> Result<ApiToken> {
        let (mut tx, sealing) = self.begin_sealing().await?;
        let keys = change::keys(&sealing, &new)?;
        let id = change::insert(&mut tx, &new, &keys).await?;
        mail::tell_owners(&mut tx, &[id], TokenAct::Created, told).await?;
        audit::tell(&mut tx, told).await?;
        tx.commit().await?;
        self.token_made(id)
    }

    async fn tokens(
        &self,
        kind: TokenKind,
        owner: Option<i64>,
        query: &ListQuery,
        seen: Option<Moment>,
    ) -> Result<Arc<Page<ApiToken>>> {
        let question = TokenPage {
            kind,
            owner,
            query: query.clone(),
        };
        self.token_page(question, seen).await
    }

    async fn token(&self, owner: Option<i64>, id: i64) -> Result<Option<ApiToken>> {
        let mut found = None;
        self.points.read(ONE, params![id, owner], |row| {
            found = Some(token(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    async fn change_token(
        &self,
        owner: i64,
        id: i64,
        change: &TokenChange,
        told: &AuditEntry,
    ) -> Result<Option<ApiToken>> {
        let mut tx = self.begin().await?;
        let Some(act) = change::update(&mut tx, owner, id, change, told.at).await? else {
            return Ok(None);
        };
        mail::tell_owners(&mut tx, &[id], act, told).await?;
        audit::tell(&mut tx, told).await?;
        tx.commit().await?;
        self.token(Some(owner), id).await
    }

    async fn rotate_token(
        &self,
        id: i64,
        new: NewToken,
        old_ends: Timestamp,
        told: &AuditEntry,
    ) -> Result<Option<ApiToken>> {
        let (mut tx, sealing) = self.begin_sealing().await?;
        let keys = change::keys(&sealing, &new)?;
        if !change::may_be_replaced(&mut tx, id, &new).await? {
            return Ok(None);
        }
        let made = change::insert(&mut tx, &new, &keys).await?;
        change::replace(&mut tx, id, made, old_ends).await?;
        mail::tell_owners(&mut tx, &[id, made], TokenAct::Rotated, told).await?;
        audit::tell(&mut tx, told).await?;
        tx.commit().await?;
        self.token_made(made).map(Some)
    }

    async fn delete_token(&self, owner: i64, id: i64, told: &AuditEntry) -> Result<bool> {
        let mut tx = self.begin().await?;
        mail::tell_owners(&mut tx, &[id], TokenAct::Deleted, told).await?;
        let met = sqlx::query("DELETE FROM api_tokens WHERE id = $1 AND user_number = $2")
            .bind(id)
            .bind(owner)
            .execute(&mut *tx)
            .await?;
        if met.rows_affected() == 0 {
            return Ok(false);
        }
        audit::tell(&mut tx, told).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn revoke_tokens(
        &self,
        ids: &[i64],
        how: Revocation,
        told: &AuditEntry,
    ) -> Result<Vec<ApiToken>> {
        self.revoke(ids, how, told).await
    }

    async fn tokens_of(&self, owners: &[i64]) -> Result<Vec<ApiToken>> {
        self.tokens_of_users(owners).await
    }

    async fn signing_token(&self, access_id: &str) -> Result<Option<SigningToken>> {
        let question = AccessId(access_id.to_owned());
        let found = |_: &AccessId, signer: &Option<Arc<Signer>>| signer.is_some();
        let (signer, seen) = self.points.remember(&question, None, Signer::read, found)?;
        let Some(signer) = signer else {
            return Ok(None);
        };
        Ok(Some(SigningToken {
            key: signer.key.open(key_place(access_id), &self.sealer)?,
            user: Arc::clone(&signer.user),
            token: Arc::clone(&signer.token),
            seen,
        }))
    }

    async fn bearer_token(&self, sha256: &[u8; 32]) -> Result<Option<(Arc<User>, Arc<ApiToken>)>> {
        let read = |connection: &Connection, Digest(digest): &Digest| {
            let mut prepared = connection.prepare_cached(BEARERS)?;
            let mut rows = prepared.query([digest.as_slice()])?;
            rows.next()?.map(owner).transpose()
        };
        let found = |_: &Digest, found: &<Digest as Question>::Answer| found.is_some();
        let (found, _) = self.points.remember(&Digest(*sha256), None, read, found)?;
        Ok(found)
    }

    async fn token_used(&self, id: i64, at: Timestamp, address: &str) -> Result<()> {
        self.writer.turn().await?.execute(
            "UPDATE api_tokens SET last_used_on = ?2, last_address = ?3
             WHERE id = ?1 AND last_used_on < ?2",
            params![id, seconds(Some(at)), audit::cut(address, change::MAX_WORD)],
        )?;
        Ok(())
    }
}

impl SqliteCatalog {
    /// Whether a token was ever made here, if only one that is gone.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub fn has_made_tokens(&self) -> Result<bool> {
        let mut made = false;
        let statement = "SELECT 1 FROM sqlite_sequence WHERE name = 'api_tokens' AND seq > 0";
        self.points.read(statement, [], |_| {
            made = true;
            Ok(())
        })?;
        Ok(made)
    }

    /// What was made a moment ago, unless somebody deleted it since.
    pub(super) fn token_made(&self, id: i64) -> Result<ApiToken> {
        let mut made = None;
        self.points.read(ONE, params![id, None::<i64>], |row| {
            made = Some(token(row)?);
            Ok(())
        })?;
        made.ok_or_else(|| not_found("API token", id))
    }
}

/// The access id of a token that signs.
#[derive(Clone, PartialEq, Eq, Hash)]
struct AccessId(String);

impl Question for AccessId {
    type Answer = Option<Arc<Signer>>;
}

/// What is remembered of a token that signs.
struct Signer {
    user: Arc<User>,
    token: Arc<ApiToken>,
    key: SealedKey,
}

impl Signer {
    fn read(connection: &Connection, AccessId(id): &AccessId) -> Result<Option<Arc<Self>>> {
        let mut prepared = connection.prepare_cached(SIGNING)?;
        let mut rows = prepared.query([id])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let (user, token) = owner(row)?;
        Ok(Some(Arc::new(Self {
            user,
            token,
            key: SealedKey::new(row.text("sealed")?),
        })))
    }
}

/// The SHA-256 of a bearer token.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Digest([u8; 32]);

impl Question for Digest {
    type Answer = Option<(Arc<User>, Arc<ApiToken>)>;
}

fn owner(row: &Row<'_>) -> Result<(Arc<User>, Arc<ApiToken>)> {
    let token = token(row)?;
    let user = users::user(row, token.roles.clone())?;
    Ok((Arc::new(user), Arc::new(token)))
}

fn token(row: &impl Columns) -> Result<ApiToken> {
    let scopes = row.text_or_null("scopes")?;
    Ok(ApiToken {
        id: row.int("token")?,
        kind: match row.int("kind")? {
            LMV1 => TokenKind::Lmv1,
            _ => TokenKind::Bearer,
        },
        access_id: row.text("access_id")?,
        shown_key: row.text("shown_key")?,
        user_id: row.id("user_id")?,
        user_number: row.int("user_number")?,
        user_name: row.text("user_name")?,
        roles: row.json("role_names")?,
        note: row.text("token_note")?,
        disabled: row.int("token_status")? == status(true),
        created_at: Timestamp::from_secs(row.int("created_on")?),
        created_by: row.text("token_created_by")?,
        last_used_at: time(row.int("last_used_on")?),
        last_address: row.text("last_address")?,
        expires_at: time(row.int("expires_on")?),
        scopes: scopes.map(|text| from_json("scopes", &text)).transpose()?,
        networks: row.json("networks")?,
        rotated_to: row.int_or_null("rotated_to")?,
    })
}

/// A time as the database has it: 0 is never.
fn seconds(at: Option<Timestamp>) -> i64 {
    at.map_or(0, |at| at.0.div_euclid(1_000_000).max(1))
}

fn time(seconds: i64) -> Option<Timestamp> {
    (seconds > 0).then(|| Timestamp::from_secs(seconds))
}

/// As clients count it, too.
const fn status(disabled: bool) -> i64 {
    if disabled { 1 } else { 2 }
}

const fn kind_number(kind: TokenKind) -> i64 {
    match kind {
        TokenKind::Lmv1 => LMV1,
        TokenKind::Bearer => BEARER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Sealer;
    use cresset_model::SecretString;
    use sqlx::Row as _;

    #[tokio::test]
    async fn a_credential_is_found_without_going_through_all() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let catalog = SqliteCatalog::open(&dir.path().join("catalog.db"), sealer)
            .await
            .unwrap();
        for statement in [SIGNING, BEARERS] {
            let plan = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            let steps = sqlx::query(plan).fetch_all(&catalog.reader).await.unwrap();
            let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
            assert!(steps.len() >= 3, "{steps:?}");
            // The roles of one user are gone through, nothing else.
            let mut scans = steps.iter().filter(|step| step.starts_with("SCAN"));
            assert!(
                scans.all(|step| step.starts_with("SCAN (subquery")),
                "{steps:?}"
            );
        }
    }
}
