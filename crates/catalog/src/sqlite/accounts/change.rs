//! Statements that make, change and delete users, inside a transaction.

use crate::port::{AccountChange, MAX_ACCOUNT_DOCUMENT, MAX_ROLES_OF_USER, NewAccount, RoleRef};
use crate::sqlite::bump;
use crate::sqlite::columns::{Columns, not_found, to_json};
use crate::sqlite::roles::folded;
use crate::sqlite::users::{MAX_NAME, next_number};
use crate::{Error, Result};
use sqlx::SqliteConnection;

/// Makes a user and returns its number.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewAccount,
    password_hash: Option<String>,
    sealed_key: &str,
) -> Result<i64> {
    check_name(&new.username)?;
    let extra = to_json("extra", &new.extra)?;
    check_texts([
        &new.email,
        &new.first_name,
        &new.last_name,
        &new.note,
        &extra,
    ])?;
    check_texts([&new.created_by, new.timezone.as_ref().unwrap_or(&new.note)])?;
    let number = next_number(connection).await?;
    let made = sqlx::query(
        "INSERT INTO users (id, number, username, email, first_name, last_name, note, disabled,
           api_only, timezone, password_hash, api_access_key, extra, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (username) DO NOTHING",
    )
    .bind(new.id.to_string())
    .bind(number)
    .bind(&new.username)
    .bind(&new.email)
    .bind(&new.first_name)
    .bind(&new.last_name)
    .bind(&new.note)
    .bind(i64::from(new.disabled))
    .bind(i64::from(new.api_only))
    .bind(new.timezone.as_deref().unwrap_or("UTC"))
    .bind(password_hash)
    .bind(sealed_key)
    .bind(extra)
    .bind(new.created_at.0)
    .bind(&new.created_by)
    .execute(&mut *connection)
    .await?;
    if made.rows_affected() == 0 {
        return Err(taken(&new.username));
    }
    give_roles(connection, &new.id.to_string(), &new.roles).await?;
    Ok(number)
}

/// Changes a user; false without such a user.
pub(super) async fn update(
    connection: &mut SqliteConnection,
    number: i64,
    change: &AccountChange,
    password_hash: Option<String>,
) -> Result<bool> {
    if let Some(name) = &change.username {
        check_name(name)?;
    }
    let extra = change
        .extra
        .as_ref()
        .map(|e| to_json("extra", e))
        .transpose()?;
    let texts = [
        &change.email,
        &change.first_name,
        &change.last_name,
        &change.note,
    ];
    check_texts(
        texts
            .into_iter()
            .chain([&change.timezone, &extra])
            .flatten(),
    )?;
    let found: Option<(String, String)> =
        sqlx::query_as("SELECT id, username FROM users WHERE number = $1")
            .bind(number)
            .fetch_optional(&mut *connection)
            .await?;
    let Some((id, old_name)) = found else {
        return Ok(false);
    };
    // Every rule is read for that, and whoever replaces a user names it.
    if let Some(name) = change.username.as_ref().filter(|name| **name != old_name) {
        hand_over_rules(connection, number, Some(name)).await?;
    }
    let met = sqlx::query(
        "UPDATE OR IGNORE users SET username = coalesce($2, username), email = coalesce($3, email),
           first_name = coalesce($4, first_name), last_name = coalesce($5, last_name),
           note = coalesce($6, note), disabled = coalesce($7, disabled),
           api_only = coalesce($8, api_only), timezone = coalesce($9, timezone),
           password_hash = CASE WHEN coalesce($8, api_only) THEN NULL
             ELSE coalesce($10, password_hash) END,
           extra = coalesce($11, extra)
         WHERE number = $1",
    )
    .bind(number)
    .bind(&change.username)
    .bind(&change.email)
    .bind(&change.first_name)
    .bind(&change.last_name)
    .bind(&change.note)
    .bind(change.disabled.map(i64::from))
    .bind(change.api_only.map(i64::from))
    .bind(&change.timezone)
    .bind(password_hash)
    .bind(extra)
    .execute(&mut *connection)
    .await?;
    if met.rows_affected() == 0 {
        return Err(taken(change.username.as_deref().unwrap_or_default()));
    }
    if let Some(roles) = &change.roles {
        sqlx::query("DELETE FROM user_roles WHERE user_id = $1")
            .bind(&id)
            .execute(&mut *connection)
            .await?;
        give_roles(connection, &id, roles).await?;
    }
    Ok(true)
}

/// Deletes a user and what refers to it; false without such a user.
pub(super) async fn delete(connection: &mut SqliteConnection, number: i64) -> Result<bool> {
    let Some(id) = id_of(connection, number).await? else {
        return Ok(false);
    };
    let rules: i64 = sqlx::query_scalar("SELECT count(*) FROM rules WHERE owner = $1")
        .bind(&id)
        .fetch_one(&mut *connection)
        .await?;
    if rules > 0 {
        return Err(Error::Refused(format!(
            "user {number} cannot be deleted, something else depends on it: it owns {rules} alert \
             rules; delete them or suspend the user instead"
        )));
    }
    hand_over_rules(connection, number, None).await?;
    sqlx::query("DELETE FROM users WHERE id = $1")
        .bind(&id)
        .execute(connection)
        .await?;
    Ok(true)
}

/// Whether there is an administrator who is not disabled.
pub(super) async fn is_governed(connection: &mut SqliteConnection) -> Result<bool> {
    let found: i64 = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM user_roles r JOIN users u ON u.id = r.user_id
           WHERE r.role = 'administrator' AND u.disabled = 0)",
    )
    .fetch_one(connection)
    .await?;
    Ok(found != 0)
}

/// Refuses a change after which nobody could administer the server any more.
pub(super) async fn keep_governed(connection: &mut SqliteConnection, before: bool) -> Result<()> {
    if before && !is_governed(connection).await? {
        return Err(Error::Refused(
            "this is the last administrator; make another user an administrator first".to_owned(),
        ));
    }
    Ok(())
}

/// Rules name their assignee. They follow a user who takes another name, and name their owner
/// in place of one who goes, so that nobody who takes the name later gets their incidents.
async fn hand_over_rules(
    connection: &mut SqliteConnection,
    number: i64,
    new_name: Option<&str>,
) -> Result<()> {
    bump(connection, "rules").await?;
    sqlx::query(
        "UPDATE rules SET
           changed = (SELECT value FROM counters WHERE name = 'rules'),
           spec = json_set(spec, '$.incident_ownership.assignee',
             coalesce($2, (SELECT username FROM users WHERE id = rules.owner)))
         WHERE trim(spec ->> '$.incident_ownership.assignee')
             = (SELECT username FROM users WHERE number = $1)
           AND trim(spec ->> '$.incident_ownership.assignee') <> coalesce($2, '')",
    )
    .bind(number)
    .bind(new_name)
    .execute(connection)
    .await?;
    Ok(())
}

async fn id_of(connection: &mut SqliteConnection, number: i64) -> Result<Option<String>> {
    let found = sqlx::query("SELECT id FROM users WHERE number = $1")
        .bind(number)
        .fetch_optional(connection)
        .await?;
    found.map(|row| row.text("id")).transpose()
}

async fn give_roles(
    connection: &mut SqliteConnection,
    user: &str,
    roles: &[RoleRef],
) -> Result<()> {
    if roles.len() > MAX_ROLES_OF_USER {
        return Err(Error::Refused(format!(
            "a user has at most {MAX_ROLES_OF_USER} roles"
        )));
    }
    for (place, role) in roles.iter().enumerate() {
        let (id, name) = match role {
            RoleRef::Id(id) => (Some(*id), None),
            RoleRef::Name(name) => (None, Some(folded(name))),
        };
        let found: Option<String> =
            sqlx::query_scalar("SELECT name FROM roles WHERE id = $1 OR folded = $2")
                .bind(id)
                .bind(name)
                .fetch_optional(&mut *connection)
                .await?;
        let found = found.ok_or_else(|| match role {
            RoleRef::Id(id) => not_found("role", id),
            RoleRef::Name(name) => not_found("role", name),
        })?;
        sqlx::query(
            "INSERT INTO user_roles (user_id, place, role) VALUES ($1, $2, $3)
             ON CONFLICT (role, user_id) DO NOTHING",
        )
        .bind(user)
        .bind(place as i64)
        .bind(found)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Error::Refused(format!(
            "a user name has 1 to {MAX_NAME} bytes"
        )));
    }
    Ok(())
}

fn check_texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<()> {
    if texts
        .into_iter()
        .any(|text| text.len() > MAX_ACCOUNT_DOCUMENT)
    {
        return Err(Error::Refused(format!(
            "the texts of a user have at most {MAX_ACCOUNT_DOCUMENT} bytes each"
        )));
    }
    Ok(())
}

fn taken(username: &str) -> Error {
    Error::Exists {
        what: "user",
        name: username.to_owned(),
    }
}
