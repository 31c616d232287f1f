//! Named lists.
//!
//! A list may hold a million values. They cross the border to SQLite as JSON
//! arrays of some thousands, because a statement per value would take a minute.
//! What is special about lists that queries feed is in [`super::fed_lists`].

use super::columns::{Columns, from_json, int, not_found, to_json, to_word};
use super::{SqliteCatalog, bump, counter, fed_lists};
use crate::port::Lists;
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::list::{ListInfo, ListKind, valid_name};
use cresset_model::{ObjectId, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, SqliteConnection};
use std::borrow::Cow;
use std::collections::HashSet;

/// Most values of a static list.
const MAX_VALUES: usize = 10_000_000;
/// Longest value in bytes.
const MAX_VALUE: usize = 64 * 1024;
/// Most bytes of a list's values together.
const MAX_BYTES: usize = 256 << 20;
/// A chunk ends at so many values or bytes, whichever comes first.
const CHUNK_VALUES: usize = 16_384;
const CHUNK_BYTES: usize = 4 << 20;

/// What [`list_info`] reads.
pub(super) const INFO: &str = "number, id, name, kind, value_count, updated_at, age_limit_minute";

#[async_trait]
impl Lists for SqliteCatalog {
    async fn put_list(
        &self,
        id: ObjectId,
        name: &str,
        values: Vec<String>,
        now: Timestamp,
    ) -> Result<ListInfo> {
        let name = stored_name(name)?;
        let (chunks, len) = tokio::task::spawn_blocking(move || chunks(values))
            .await
            .map_err(|e| Error::Refused(format!("the list could not be prepared: {e}")))??;

        let mut tx = self.begin().await?;
        refuse_other_kind(&mut tx, &name, ListKind::StaticList).await?;
        let row = sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO lists (id, name, kind, value_count, updated_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name) DO UPDATE SET
               value_count = excluded.value_count, updated_at = excluded.updated_at
             RETURNING {INFO}"
        )))
        .bind(id.to_string())
        .bind(&name)
        .bind(to_word("kind of list", &ListKind::StaticList)?)
        .bind(int(len))
        .bind(now.0)
        .fetch_one(&mut *tx)
        .await?;
        let info = list_info(&row)?;
        let number = row.int("number")?;
        sqlx::query("DELETE FROM list_values WHERE list = $1")
            .bind(number)
            .execute(&mut *tx)
            .await?;
        for (first, chunk) in chunks {
            sqlx::query(
                "INSERT INTO list_values (list, place, value)
                 SELECT $1, $2 + key, value FROM json_each($3)",
            )
            .bind(number)
            .bind(int(first))
            .bind(chunk)
            .execute(&mut *tx)
            .await?;
        }
        bump(&mut tx, "lists").await?;
        tx.commit().await?;
        Ok(info)
    }

    async fn put_dynamic_list(
        &self,
        id: ObjectId,
        name: &str,
        age_limit_minute: u32,
        now: Timestamp,
    ) -> Result<ListInfo> {
        fed_lists::put(self, id, name, age_limit_minute, now).await
    }

    async fn add_to_list(
        &self,
        name: &str,
        values: Vec<String>,
        now: Timestamp,
    ) -> Result<ListInfo> {
        fed_lists::add(self, name, values, now).await
    }

    async fn expire_list_values(&self, now: Timestamp) -> Result<u64> {
        fed_lists::expire(self, now).await
    }

    async fn delete_list(&self, name: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let gone = sqlx::query("DELETE FROM lists WHERE name = $1")
            .bind(name.to_ascii_uppercase())
            .execute(&mut *tx)
            .await?;
        if gone.rows_affected() == 0 {
            return Err(not_found("list", name));
        }
        bump(&mut tx, "lists").await?;
        tx.commit().await?;
        Ok(())
    }

    async fn list(&self, name: &str) -> Result<Option<ListInfo>> {
        sqlx::query(AssertSqlSafe(format!(
            "SELECT {INFO} FROM lists WHERE name = $1"
        )))
        .bind(name.to_ascii_uppercase())
        .fetch_optional(&self.reader)
        .await?
        .as_ref()
        .map(list_info)
        .transpose()
    }

    async fn lists(&self) -> Result<Vec<ListInfo>> {
        sqlx::query(AssertSqlSafe(format!(
            "SELECT {INFO} FROM lists ORDER BY name"
        )))
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(list_info)
        .collect()
    }

    async fn list_values(&self, name: &str) -> Result<Option<Vec<String>>> {
        let mut snapshot = self.reader.begin().await?;
        let list = sqlx::query("SELECT number, value_count, kind FROM lists WHERE name = $1")
            .bind(name.to_ascii_uppercase())
            .fetch_optional(&mut *snapshot)
            .await?;
        let Some(list) = list else { return Ok(None) };
        if list.word::<ListKind>("kind")? == ListKind::DynamicList {
            let values = fed_lists::values(&mut snapshot, list.int("number")?).await?;
            return Ok(Some(values));
        }
        let (number, len) = (list.int("number")?, list.natural("value_count")? as usize);

        let mut values = Vec::with_capacity(len.min(MAX_VALUES));
        while values.len() < len {
            let chunk: String = sqlx::query_scalar(
                "SELECT json_group_array(value) FROM (
                   SELECT value FROM list_values
                   WHERE list = $1 AND place >= $2 AND place < $3 ORDER BY place)",
            )
            .bind(number)
            .bind(values.len() as i64)
            .bind((values.len() + CHUNK_VALUES) as i64)
            .fetch_one(&mut *snapshot)
            .await?;
            let chunk: Vec<String> = from_json("list", &chunk)?;
            if chunk.is_empty() {
                break; // value_count and the values change together; never spin if they differ
            }
            values.extend(chunk);
        }
        Ok(Some(values))
    }

    async fn list_page(&self, name: &str, skip: u64, take: u64) -> Result<Option<Vec<String>>> {
        let mut snapshot = self.reader.begin().await?;
        let list: Option<i64> = sqlx::query_scalar("SELECT number FROM lists WHERE name = $1")
            .bind(name.to_ascii_uppercase())
            .fetch_optional(&mut *snapshot)
            .await?;
        let Some(list) = list else { return Ok(None) };
        // Of the two, the one of the other kind of list is empty.
        let page = sqlx::query_scalar(
            "SELECT * FROM (SELECT value FROM list_values
               WHERE list = $1 AND place >= $2 ORDER BY place LIMIT $3)
             UNION ALL
             SELECT * FROM (SELECT value FROM fed_values
               WHERE list = $1 ORDER BY folded LIMIT $3 OFFSET $2)",
        )
        .bind(list)
        .bind(int(skip))
        .bind(int(take))
        .fetch_all(&mut *snapshot)
        .await?;
        Ok(Some(page))
    }

    async fn lists_version(&self) -> Result<u64> {
        counter(&self.reader, "lists").await
    }
}

/// The name as it is stored.
pub(super) fn stored_name(name: &str) -> Result<String> {
    if valid_name(name) {
        return Ok(name.to_ascii_uppercase());
    }
    Err(Error::Refused(format!(
        "{name:?} cannot name a list: use 2 to 100 letters, digits, '_' and '-', \
         with a letter or digit at both ends"
    )))
}

/// A list never changes its kind: the values that people keep would be lost to an age
/// limit, or those of queries to an import.
pub(super) async fn refuse_other_kind(
    connection: &mut SqliteConnection,
    name: &str,
    kind: ListKind,
) -> Result<()> {
    let row = sqlx::query("SELECT kind FROM lists WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    let found: Option<ListKind> = row.map(|row| row.word("kind")).transpose()?;
    let word = match found {
        Some(found) if found != kind => match found {
            ListKind::StaticList => "static",
            ListKind::DynamicList => "dynamic",
        },
        _ => return Ok(()),
    };
    Err(Error::Refused(format!(
        "{name} is a {word} list; delete it first or use another name"
    )))
}

pub(super) fn list_info(row: &SqliteRow) -> Result<ListInfo> {
    Ok(ListInfo {
        id: row.id("id")?,
        name: row.text("name")?,
        kind: row.word("kind")?,
        len: row.natural("value_count")?,
        updated_at: row.time("updated_at")?,
        age_limit_minute: row
            .int_or_null("age_limit_minute")?
            .map(|minutes| minutes as u32),
    })
}

/// The values without those that differ from an earlier one in case only, as JSON
/// arrays with the place of their first value, and how many there are.
fn chunks(mut values: Vec<String>) -> Result<(Vec<(u64, String)>, u64)> {
    if values.len() > MAX_VALUES {
        return Err(Error::Refused(format!(
            "a list holds at most {MAX_VALUES} values"
        )));
    }
    if let Some(long) = values.iter().find(|value| value.len() > MAX_VALUE) {
        return Err(Error::Refused(format!(
            "a value of a list has at most {MAX_VALUE} bytes, one has {}",
            long.len()
        )));
    }
    if values.iter().map(String::len).sum::<usize>() > MAX_BYTES {
        return Err(Error::Refused(format!(
            "a list holds at most {MAX_BYTES} bytes of values"
        )));
    }
    let keep: Vec<bool> = {
        let mut seen = HashSet::with_capacity(values.len());
        values
            .iter()
            .map(|value| seen.insert(folded(value)))
            .collect()
    };
    let mut keep = keep.into_iter();
    values.retain(|_| keep.next().unwrap_or(false));

    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for end in 1..=values.len() {
        bytes += values[end - 1].len();
        if end - start == CHUNK_VALUES || bytes >= CHUNK_BYTES || end == values.len() {
            chunks.push((start as u64, to_json("list", &values[start..end])?));
            (start, bytes) = (end, 0);
        }
    }
    Ok((chunks, values.len() as u64))
}

pub(super) fn folded(value: &str) -> Cow<'_, str> {
    if value.is_ascii() && !value.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(value.to_lowercase())
    }
}
