//! E-mails to the owners of tokens, as rows that wait to be sent.

use crate::Result;
use crate::port::AuditEntry;
use crate::sqlite::columns::{Columns, to_json};
use cresset_model::token::{TokenAct, TokenNews};
use sqlx::SqliteConnection;

/// The row of `meta` that says whether owners are told.
pub(super) const SWITCH: &str = "token_mails";
/// Most tokens that a mail names.
const NAMED: usize = 50;
/// Longest part of a note in a mail, in characters.
const NOTE: usize = 80;

/// Tells the owners of these tokens, which are there in this transaction, one mail each.
pub(super) async fn tell_owners(
    connection: &mut SqliteConnection,
    ids: &[i64],
    act: TokenAct,
    told: &AuditEntry,
) -> Result<()> {
    let switch = "SELECT value FROM meta WHERE name = $1";
    let switch: Option<String> = sqlx::query_scalar(switch)
        .bind(SWITCH)
        .fetch_optional(&mut *connection)
        .await?;
    if switch.as_deref() != Some("on") {
        return Ok(());
    }
    let rows = sqlx::query(
        "SELECT t.id, t.access_id, t.note, u.username, u.email
         FROM json_each($1) few CROSS JOIN api_tokens t ON t.id = few.value
         JOIN users u ON u.id = t.user_id
         WHERE u.email <> '' ORDER BY t.user_number, t.id",
    )
    .bind(to_json("ids", ids)?)
    .fetch_all(&mut *connection)
    .await?;
    let mut mails: Vec<(String, String, TokenNews)> = Vec::new();
    for row in &rows {
        let (username, email) = (row.text("username")?, row.text("email")?);
        if mails.last().is_none_or(|(last, _, _)| *last != username) {
            let news = TokenNews {
                act,
                tokens: Vec::new(),
                others: 0,
                actor: told.actor.clone(),
                address: told.address.clone(),
                at: told.at,
            };
            mails.push((username, email, news));
        }
        if let Some((_, _, news)) = mails.last_mut() {
            if news.tokens.len() < NAMED {
                news.tokens.push(name(row)?);
            } else {
                news.others += 1;
            }
        }
    }
    for (username, email, news) in mails {
        sqlx::query(
            "INSERT INTO token_mails (address, username, news, due_at, created_at)
             VALUES ($1, $2, $3, $4, $4)",
        )
        .bind(email)
        .bind(username)
        .bind(to_json("news", &news)?)
        .bind(told.at.0)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// A token without anything of its secret, be it the beginning that lists show.
fn name(row: &impl Columns) -> Result<String> {
    let (id, access_id, note) = (row.int("id")?, row.text("access_id")?, row.text("note")?);
    let mut name = if access_id.is_empty() {
        format!("bearer token {id}")
    } else {
        format!("API token {access_id}")
    };
    // In one line, whatever it holds.
    let words: Vec<&str> = note.split_whitespace().collect();
    let note = words.join(" ");
    if !note.is_empty() {
        let short: String = note.chars().take(NOTE).collect();
        let dots = if short.len() < note.len() { "…" } else { "" };
        name.push_str(&format!(" ({short}{dots})"));
    }
    Ok(name)
}
