//! Lists that queries feed, with an age limit.
//!
//! The counter of lists grows only when the values themselves change: a value that is
//! seen again gets a new age, which nobody who holds the list in memory has to know.

use super::columns::{Columns, from_json, int, not_found, to_json, to_word};
use super::lists::{INFO, folded, list_info, refuse_other_kind, stored_name};
use super::{SqliteCatalog, bump};
use crate::{Error, Result};
use cresset_model::list::{ListInfo, ListKind, MAX_AGE_LIMIT_MINUTE};
use cresset_model::{ObjectId, Timestamp};
use sqlx::{AssertSqlSafe, SqliteConnection};

/// Most values of a dynamic list; with [`MAX_VALUE`] that makes 256 MiB.
const MAX_VALUES: i64 = 1 << 18;
/// Longest value in bytes.
const MAX_VALUE: usize = 1_024;
/// Values that cross the border to SQLite at a time.
const CHUNK: usize = 16_384;
/// Microseconds of a minute.
const MINUTE: i64 = 60_000_000;

pub(super) async fn put(
    catalog: &SqliteCatalog,
    id: ObjectId,
    name: &str,
    age_limit_minute: u32,
    now: Timestamp,
) -> Result<ListInfo> {
    let name = stored_name(name)?;
    if !(1..=MAX_AGE_LIMIT_MINUTE).contains(&age_limit_minute) {
        return Err(Error::Refused(format!(
            "the age limit of a dynamic list is 1 to {MAX_AGE_LIMIT_MINUTE} minutes"
        )));
    }
    let mut tx = catalog.begin().await?;
    refuse_other_kind(&mut tx, &name, ListKind::DynamicList).await?;
    let row = sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO lists (id, name, kind, value_count, updated_at, age_limit_minute)
         VALUES ($1, $2, $3, 0, $4, $5)
         ON CONFLICT (name) DO UPDATE SET
           updated_at = excluded.updated_at, age_limit_minute = excluded.age_limit_minute
         RETURNING {INFO}"
    )))
    .bind(id.to_string())
    .bind(&name)
    .bind(to_word("kind of list", &ListKind::DynamicList)?)
    .bind(now.0)
    .bind(i64::from(age_limit_minute))
    .fetch_one(&mut *tx)
    .await?;
    let number = row.int("number")?;
    // Under a shorter limit some values are past it, and must not come back with a longer one.
    expire_one(&mut tx, number, now).await?;
    let info = count(&mut tx, number, now).await?;
    bump(&mut tx, "lists").await?;
    tx.commit().await?;
    Ok(info)
}

pub(super) async fn add(
    catalog: &SqliteCatalog,
    name: &str,
    values: Vec<String>,
    now: Timestamp,
) -> Result<ListInfo> {
    if let Some(long) = values.iter().find(|value| value.len() > MAX_VALUE) {
        return Err(Error::Refused(format!(
            "a value of a dynamic list has at most {MAX_VALUE} bytes, one has {}",
            long.len()
        )));
    }
    let chunks = tokio::task::spawn_blocking(move || chunks(&values))
        .await
        .map_err(|e| Error::Refused(format!("the values could not be prepared: {e}")))??;
    let name = name.to_ascii_uppercase();

    let mut tx = catalog.begin().await?;
    refuse_other_kind(&mut tx, &name, ListKind::DynamicList).await?;
    let found = sqlx::query(AssertSqlSafe(format!(
        "SELECT {INFO} FROM lists WHERE name = $1"
    )))
    .bind(&name)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(found) = found else {
        return Err(not_found("list", name));
    };
    let (number, mut info) = (found.int("number")?, list_info(&found)?);
    let mut changed = expire_one(&mut tx, number, now).await? > 0;
    for chunk in chunks {
        changed |= add_chunk(&mut tx, number, &chunk, now).await? > 0;
    }
    if changed {
        drop_oldest(&mut tx, number).await?;
        info = count(&mut tx, number, now).await?;
        bump(&mut tx, "lists").await?;
    }
    tx.commit().await?;
    Ok(info)
}

/// How many of the values are new to the list.
async fn add_chunk(
    connection: &mut SqliteConnection,
    list: i64,
    chunk: &str,
    now: Timestamp,
) -> Result<u64> {
    let made = sqlx::query(
        "INSERT OR IGNORE INTO fed_values (list, folded, value, seen_at)
         SELECT $1, value ->> 0, value ->> 1, $3 FROM json_each($2)",
    )
    .bind(list)
    .bind(chunk)
    .bind(now.0)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    sqlx::query(
        "UPDATE fed_values SET seen_at = $3 WHERE list = $1 AND seen_at < $3
         AND folded IN (SELECT value ->> 0 FROM json_each($2))",
    )
    .bind(list)
    .bind(chunk)
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    Ok(made)
}

async fn drop_oldest(connection: &mut SqliteConnection, list: i64) -> Result<()> {
    sqlx::query(
        "DELETE FROM fed_values WHERE list = $1 AND folded IN (
           SELECT folded FROM fed_values WHERE list = $1
           ORDER BY seen_at DESC, folded LIMIT -1 OFFSET $2)",
    )
    .bind(list)
    .bind(MAX_VALUES)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn expire(catalog: &SqliteCatalog, now: Timestamp) -> Result<u64> {
    let lists: Vec<i64> = sqlx::query_scalar(
        "SELECT number FROM lists WHERE age_limit_minute IS NOT NULL AND EXISTS (
           SELECT 1 FROM fed_values
           WHERE list = number AND seen_at <= $1 - age_limit_minute * $2)",
    )
    .bind(now.0)
    .bind(MINUTE)
    .fetch_all(&catalog.reader)
    .await?;
    if lists.is_empty() {
        return Ok(0);
    }
    let mut gone = 0;
    let mut tx = catalog.begin().await?;
    for list in lists {
        let of_list = expire_one(&mut tx, list, now).await?;
        if of_list > 0 {
            count(&mut tx, list, now).await?;
        }
        gone += of_list;
    }
    if gone > 0 {
        bump(&mut tx, "lists").await?;
    }
    tx.commit().await?;
    Ok(gone)
}

async fn expire_one(connection: &mut SqliteConnection, list: i64, now: Timestamp) -> Result<u64> {
    let gone = sqlx::query(
        "DELETE FROM fed_values WHERE list = $1 AND seen_at <= $2 - $3 *
           (SELECT age_limit_minute FROM lists WHERE number = $1)",
    )
    .bind(list)
    .bind(now.0)
    .bind(MINUTE)
    .execute(connection)
    .await?;
    Ok(gone.rows_affected())
}

/// Writes down how many values the list has now.
async fn count(connection: &mut SqliteConnection, list: i64, now: Timestamp) -> Result<ListInfo> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "UPDATE lists SET updated_at = $2,
           value_count = (SELECT count(*) FROM fed_values WHERE list = $1)
         WHERE number = $1 RETURNING {INFO}"
    )))
    .bind(list)
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    list_info(&row)
}

/// All values, in the order of their folded form.
pub(super) async fn values(connection: &mut SqliteConnection, list: i64) -> Result<Vec<String>> {
    let mut values = Vec::new();
    let mut after = String::new();
    loop {
        let chunk: String = sqlx::query_scalar(
            "SELECT json_group_array(json_array(folded, value)) FROM (
               SELECT folded, value FROM fed_values
               WHERE list = $1 AND folded > $2 ORDER BY folded LIMIT $3)",
        )
        .bind(list)
        .bind(&after)
        .bind(int(CHUNK as u64))
        .fetch_one(&mut *connection)
        .await?;
        let chunk: Vec<(String, String)> = from_json("list", &chunk)?;
        let Some((last, _)) = chunk.last() else {
            return Ok(values);
        };
        after.clone_from(last);
        values.extend(chunk.into_iter().map(|(_, value)| value));
    }
}

/// The values with their folded forms, as JSON arrays; empty values are left out.
fn chunks(values: &[String]) -> Result<Vec<String>> {
    let pair = |value: &String| [folded(value).into_owned(), value.clone()];
    let pairs: Vec<[String; 2]> = values.iter().filter(|v| !v.is_empty()).map(pair).collect();
    pairs
        .chunks(CHUNK)
        .map(|chunk| to_json("list", chunk))
        .collect()
}
