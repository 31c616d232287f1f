//! Statements that make and change tokens, inside a transaction.

use super::care::PER_USER;
use super::{key_place, kind_number, seconds, status};
use crate::port::{
    MAX_TOKEN_LIMITS, MAX_TOKEN_NOTE, MAX_TOKENS_OF_USER, NewToken, SHOWN_OF_BEARER, TokenChange,
};
use crate::seal::Key;
use crate::sqlite::columns::{Columns, not_found, to_json};
use crate::{Error, Result};
use cresset_model::Timestamp;
use cresset_model::token::{TokenAct, TokenKind};
use ring::digest::{SHA256, digest};
use sqlx::SqliteConnection;

/// What stands for a disabled token.
const DISABLED: i64 = status(true);
/// Longest short text of a token, in bytes.
pub(super) const MAX_WORD: usize = 255;

/// What is stored of a token's secret.
pub(super) struct Keys {
    sealed: Option<String>,
    digest: Option<Vec<u8>>,
    shown: String,
}

/// What is stored of the secret of a new token, whose texts are checked.
pub(super) fn keys(sealing: &Key, new: &NewToken) -> Result<Keys> {
    check_note(&new.note)?;
    check_limits("scopes", new.scopes.as_deref().unwrap_or_default())?;
    check_limits("networks", &new.networks)?;
    let secret = new.secret.expose();
    if new.access_id.len() > MAX_WORD || secret.is_empty() || new.created_by.len() > MAX_WORD {
        return Err(Error::Refused(format!(
            "an API token has a secret, and names of at most {MAX_WORD} bytes"
        )));
    }
    match new.kind {
        TokenKind::Lmv1 if new.access_id.is_empty() => Err(Error::Refused(
            "an API token that signs has an access id".to_owned(),
        )),
        TokenKind::Lmv1 => Ok(Keys {
            sealed: Some(sealing.seal(key_place(&new.access_id), &new.secret)?),
            digest: None,
            shown: String::new(),
        }),
        TokenKind::Bearer => Ok(Keys {
            sealed: None,
            digest: Some(digest(&SHA256, secret.as_bytes()).as_ref().to_vec()),
            shown: shown(secret),
        }),
    }
}

/// The visible beginning, which is never the greater half.
fn shown(secret: &str) -> String {
    let visible = SHOWN_OF_BEARER.min(secret.chars().count() / 2);
    secret.chars().take(visible).collect()
}

/// Makes a token and returns its id.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewToken,
    keys: &Keys,
) -> Result<i64> {
    let counted = sqlx::query(
        "SELECT (SELECT count(*) FROM api_tokens WHERE user_number = $1) AS tokens,
           (SELECT CAST(value AS INTEGER) FROM meta WHERE name = $2) AS most",
    )
    .bind(new.user_number)
    .bind(PER_USER)
    .fetch_one(&mut *connection)
    .await?;
    let most = counted.int_or_null("most")?;
    let most = most.unwrap_or(i64::from(MAX_TOKENS_OF_USER));
    if counted.int("tokens")? >= most {
        return Err(Error::Refused(format!(
            "a user has at most {most} API tokens; delete one that is not needed"
        )));
    }
    let access_id = match new.kind {
        TokenKind::Lmv1 => new.access_id.as_str(),
        TokenKind::Bearer => "",
    };
    let scopes = new.scopes.as_ref().map(|scopes| to_json("scopes", scopes));
    let owner = sqlx::query("SELECT id, username FROM users WHERE number = $1")
        .bind(new.user_number)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| not_found("user", new.user_number))?;
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO api_tokens (kind, access_id, shown_key, user_id, user_number, user_name, note,
           status, created_on, created_by, expires_on, scopes, networks)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(kind_number(new.kind))
    .bind(access_id)
    .bind(&keys.shown)
    .bind(owner.text("id")?)
    .bind(new.user_number)
    .bind(owner.text("username")?)
    .bind(&new.note)
    .bind(status(new.disabled))
    .bind(seconds(Some(new.created_at)))
    .bind(&new.created_by)
    .bind(seconds(new.expires_at))
    .bind(scopes.transpose()?)
    .bind(to_json("networks", &new.networks)?)
    .fetch_optional(&mut *connection)
    .await?;
    let taken = || Error::Exists {
        what: "API token",
        name: match new.kind {
            TokenKind::Lmv1 => new.access_id.clone(),
            TokenKind::Bearer => keys.shown.clone(),
        },
    };
    let id = id.ok_or_else(taken)?;
    let made = sqlx::query(
        "INSERT INTO token_keys (token, sealed, digest) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(&keys.sealed)
    .bind(&keys.digest)
    .execute(connection)
    .await?;
    if made.rows_affected() == 0 {
        return Err(taken());
    }
    Ok(id)
}

/// Changes a token, and says in a word how; `None` if the owner has none of that id.
pub(super) async fn update(
    connection: &mut SqliteConnection,
    owner: i64,
    id: i64,
    change: &TokenChange,
    now: Timestamp,
) -> Result<Option<TokenAct>> {
    check_note(change.note.as_deref().unwrap_or_default())?;
    let scopes = change.scopes.as_ref().and_then(Option::as_deref);
    check_limits("scopes", scopes.unwrap_or_default())?;
    check_limits("networks", change.networks.as_deref().unwrap_or_default())?;
    let networks = change.networks.as_ref().map(|n| to_json("networks", n));
    let before: Option<i64> =
        sqlx::query_scalar("SELECT status FROM api_tokens WHERE id = $1 AND user_number = $2")
            .bind(id)
            .bind(owner)
            .fetch_optional(&mut *connection)
            .await?;
    let Some(before) = before else {
        return Ok(None);
    };
    let act = match change.disabled.map(status) {
        Some(after) if after == before => TokenAct::Changed,
        Some(DISABLED) => TokenAct::Disabled,
        Some(_) => TokenAct::Enabled,
        None => TokenAct::Changed,
    };
    sqlx::query(
        "UPDATE api_tokens SET note = coalesce($3, note), status = coalesce($4, status),
           enabled_on = CASE WHEN $9 THEN $10 ELSE enabled_on END,
           networks = coalesce($5, networks),
           expires_on = coalesce($6, expires_on),
           scopes = CASE WHEN $7 THEN $8 ELSE scopes END
         WHERE id = $1 AND user_number = $2",
    )
    .bind(id)
    .bind(owner)
    .bind(&change.note)
    .bind(change.disabled.map(status))
    .bind(networks.transpose()?)
    .bind(change.expires_at.map(seconds))
    .bind(change.scopes.is_some())
    .bind(scopes.map(|s| to_json("scopes", s)).transpose()?)
    .bind(act == TokenAct::Enabled)
    .bind(seconds(Some(now)))
    .execute(connection)
    .await?;
    Ok(Some(act))
}

/// Whether `new`, which has its limits, may take the place of a token: false if its owner has
/// none of that id.
pub(super) async fn may_be_replaced(
    connection: &mut SqliteConnection,
    id: i64,
    new: &NewToken,
) -> Result<bool> {
    let read = "SELECT kind, rotated_to, status, scopes, networks, expires_on
                FROM api_tokens WHERE id = $1 AND user_number = $2";
    let old = sqlx::query(read)
        .bind(id)
        .bind(new.user_number)
        .fetch_optional(connection)
        .await?;
    let Some(old) = old else { return Ok(false) };
    if let Some(next) = old.int_or_null("rotated_to")? {
        return Err(Error::Refused(format!(
            "API token {id} was replaced by token {next} before; rotate that one"
        )));
    }
    if old.int("kind")? != kind_number(new.kind) {
        return Err(Error::Refused(format!(
            "API token {id} can only be replaced by one of its kind"
        )));
    }
    let scopes = new.scopes.as_ref().map(|scopes| to_json("scopes", scopes));
    // Somebody may have disabled or narrowed it since the caller looked at it.
    let as_judged = old.int("status")? == status(false)
        && old.text_or_null("scopes")? == scopes.transpose()?
        && old.text("networks")? == to_json("networks", &new.networks)?
        && old.int("expires_on")? == seconds(new.expires_at);
    if !as_judged {
        return Err(Error::Refused(format!(
            "API token {id} is disabled, or was changed just now; look at it and try again"
        )));
    }
    Ok(true)
}

/// Lets a token end when the one in its place takes over.
pub(super) async fn replace(
    connection: &mut SqliteConnection,
    id: i64,
    next: i64,
    ends: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE api_tokens SET rotated_to = $2, expires_on = iif(expires_on = 0, $3, min(expires_on, $3))
         WHERE id = $1",
    )
    .bind(id)
    .bind(next)
    .bind(seconds(Some(ends)))
    .execute(connection)
    .await?;
    Ok(())
}

fn check_note(note: &str) -> Result<()> {
    // A character has at most four bytes, so that long texts are not counted through.
    if note.len() > MAX_TOKEN_NOTE * 4 || note.chars().count() > MAX_TOKEN_NOTE {
        return Err(Error::Refused(format!(
            "a note has at most {MAX_TOKEN_NOTE} characters"
        )));
    }
    Ok(())
}

fn check_limits(what: &str, words: &[String]) -> Result<()> {
    if words.len() > MAX_TOKEN_LIMITS || words.iter().any(|word| word.len() > MAX_WORD) {
        return Err(Error::Refused(format!(
            "an API token has at most {MAX_TOKEN_LIMITS} {what} of at most {MAX_WORD} bytes"
        )));
    }
    Ok(())
}
