//! Users, credentials, audit.

use super::audit::audit_texts;
use super::columns::{Columns, absent_on_foreign_key, expect_row, from_json, not_found, to_json};
use super::memory::Question;
use super::sealed_key::SealedKey;
use super::{SqliteCatalog, bump};
use crate::port::{AuditEntry, NewUser, Users};
use crate::seal::Place;
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_auth::signing_key::SigningKey;
use cresset_model::instance::split_address;
use cresset_model::user::{DateFormat, HourFormat, Preferences, User};
use cresset_model::{ObjectId, SecretString};
use rusqlite::{Connection, params};
use sqlx::SqliteConnection;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest name of a user in bytes.
pub(super) const MAX_NAME: usize = 255;

/// What [`user`] reads of `users u`.
macro_rules! user_columns {
    () => {
        "u.id, u.number, u.username, u.email, u.disabled, u.timezone, u.date_format,
         u.hour_format, u.repos, u.created_at"
    };
}
pub(super) use user_columns;

/// One row per role, or one with an empty role.
macro_rules! select_users {
    ($rest:literal) => {
        select_users!("", $rest)
    };
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT r.role, ",
            user_columns!(),
            $more,
            " FROM users u LEFT JOIN user_roles r ON r.user_id = u.id ",
            $rest
        )
    };
}

pub(super) const fn key_place(user: &str) -> Place<'_> {
    Place {
        table: "users",
        column: "api_access_key",
        row: user,
    }
}

#[async_trait]
impl Users for SqliteCatalog {
    async fn create_user(&self, mut user: NewUser) -> Result<User> {
        if user.username.is_empty() || user.username.len() > MAX_NAME {
            return Err(Error::Refused(format!(
                "a user name has 1 to {MAX_NAME} bytes"
            )));
        }
        let password_hash = match &user.password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let id = user.id.to_string();

        let (mut tx, sealing) = self.begin_sealing().await?;
        let key = sealing.seal(key_place(&id), &user.api_access_key)?;
        let number = next_number(&mut tx).await?;
        let made = sqlx::query(
            "INSERT INTO users (id, username, email, password_hash, api_access_key, created_at, number)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (username) DO NOTHING",
        )
        .bind(&id)
        .bind(&user.username)
        .bind(&user.email)
        .bind(password_hash)
        .bind(key)
        .bind(user.created_at.0)
        .bind(number)
        .execute(&mut *tx)
        .await?;
        if made.rows_affected() == 0 {
            return Err(Error::Exists {
                what: "user",
                name: user.username,
            });
        }
        let mut named = BTreeSet::new();
        user.roles.retain(|role| named.insert(role.clone()));
        for (place, role) in user.roles.iter().enumerate() {
            sqlx::query("INSERT INTO user_roles (user_id, place, role) VALUES ($1, $2, $3)")
                .bind(&id)
                .bind(place as i64)
                .bind(role)
                .execute(&mut *tx)
                .await
                .map_err(|e| absent_on_foreign_key(e, "role", role))?;
        }
        tx.commit().await?;
        Ok(User {
            id: user.id,
            number,
            username: user.username,
            email: user.email,
            roles: user.roles,
            disabled: false,
            timezone: "UTC".to_owned(),
            date_format: DateFormat::default(),
            hour_format: HourFormat::default(),
            repos: None,
            created_at: user.created_at,
        })
    }

    async fn users(&self) -> Result<Vec<User>> {
        let rows = sqlx::query(select_users!("ORDER BY u.username, r.place"))
            .fetch_all(&self.reader)
            .await?;
        fold_users(&rows)
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>> {
        let rows = sqlx::query(select_users!("WHERE u.username = $1 ORDER BY r.place"))
            .bind(username)
            .fetch_all(&self.reader)
            .await?;
        Ok(fold_users(&rows)?.pop())
    }

    async fn user_by_id(&self, id: ObjectId) -> Result<Option<User>> {
        let rows = sqlx::query(select_users!("WHERE u.id = $1 ORDER BY r.place"))
            .bind(id.to_string())
            .fetch_all(&self.reader)
            .await?;
        Ok(fold_users(&rows)?.pop())
    }

    async fn set_user_disabled(&self, id: ObjectId, disabled: bool) -> Result<()> {
        let met = sqlx::query("UPDATE users SET disabled = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(i64::from(disabled))
            .execute(&mut *self.writer.turn().await?)
            .await?;
        expect_row(&met, "user", id)
    }

    async fn set_preferences(&self, id: ObjectId, preferences: &Preferences) -> Result<()> {
        let mut tx = self.begin().await?;
        let met = sqlx::query(
            "UPDATE users SET timezone = $2, date_format = $3, hour_format = $4 WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(&preferences.timezone)
        .bind(preferences.date_format.as_str())
        .bind(preferences.hour_format.as_str())
        .execute(&mut *tx)
        .await?;
        expect_row(&met, "user", id)?;
        bump(&mut tx, "rules").await?;
        Ok(tx.commit().await?)
    }

    async fn grant_repos(&self, id: ObjectId, repos: Option<&BTreeSet<String>>) -> Result<()> {
        let document = repos.map(|repos| to_json("repos", repos)).transpose()?;
        let mut tx = self.begin().await?;
        for repo in repos.into_iter().flatten() {
            // Which repos an instance has, only it knows.
            let (table, name) = match split_address(repo) {
                (node, Some(_)) => ("SELECT count(*) FROM instances WHERE node = $1", node),
                _ => ("SELECT count(*) FROM repos WHERE name = $1", repo.as_str()),
            };
            let found = sqlx::query_scalar(table).bind(name);
            let exists: i64 = found.fetch_one(&mut *tx).await?;
            if exists == 0 {
                return Err(not_found("repo", repo));
            }
        }
        let met = sqlx::query("UPDATE users SET repos = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(document)
            .execute(&mut *tx)
            .await?;
        expect_row(&met, "user", id)?;
        bump(&mut tx, "rules").await?;
        Ok(tx.commit().await?)
    }

    async fn check_password(&self, id: ObjectId, password: &SecretString) -> Result<bool> {
        let stored: Option<Option<String>> =
            sqlx::query_scalar("SELECT password_hash FROM users WHERE id = $1")
                .bind(id.to_string())
                .fetch_optional(&self.reader)
                .await?;
        match stored.flatten() {
            Some(phc) => self.passwords.verify(password, phc).await,
            None => self.passwords.refuse(password).await,
        }
    }

    async fn user_and_key(&self, username: &str) -> Result<Option<(Arc<User>, Arc<SigningKey>)>> {
        let question = Username(username.to_owned());
        // That there is nobody is remembered too, so that names cannot be told by time.
        let always = |_: &Username, _: &Option<Arc<KeyHolder>>| true;
        let (holder, _) = self
            .points
            .remember(&question, None, KeyHolder::read, always)?;
        let Some(holder) = holder else {
            return Ok(None);
        };
        let id = holder.user.id.to_string();
        let key = holder.key.open(key_place(&id), &self.sealer)?;
        Ok(Some((Arc::clone(&holder.user), key)))
    }

    async fn api_access_key(&self, id: ObjectId) -> Result<Option<SecretString>> {
        let id = id.to_string();
        let sealed: Option<String> =
            sqlx::query_scalar("SELECT api_access_key FROM users WHERE id = $1")
                .bind(&id)
                .fetch_optional(&self.reader)
                .await?;
        sealed
            .map(|sealed| self.sealer.open(key_place(&id), &sealed))
            .transpose()
    }

    async fn set_api_access_key(&self, id: ObjectId, key: SecretString) -> Result<()> {
        let id = id.to_string();
        let (mut tx, sealing) = self.begin_sealing().await?;
        let met = sqlx::query("UPDATE users SET api_access_key = $2 WHERE id = $1")
            .bind(&id)
            .bind(sealing.seal(key_place(&id), &key)?)
            .execute(&mut *tx)
            .await?;
        expect_row(&met, "user", id)?;
        Ok(tx.commit().await?)
    }

    async fn audit(&self, entry: AuditEntry) -> Result<()> {
        let [actor, address, action, detail] = audit_texts(&entry);
        self.writer.turn().await?.execute(
            "INSERT INTO audit (at, actor, address, action, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![entry.at.0, actor, address, action, detail],
        )?;
        Ok(())
    }

    async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        sqlx::query(
            "SELECT at, actor, address, action, detail FROM audit ORDER BY id DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(AuditEntry {
                at: row.time("at")?,
                actor: row.text("actor")?,
                address: row.text("address")?,
                action: row.text("action")?,
                detail: row.text("detail")?,
            })
        })
        .collect()
    }
}

/// The name that a token or a password is said to be of.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Username(String);

impl Question for Username {
    type Answer = Option<Arc<KeyHolder>>;
}

/// What is remembered of a user who proves requests.
struct KeyHolder {
    user: Arc<User>,
    key: SealedKey,
}

impl KeyHolder {
    fn read(connection: &Connection, Username(name): &Username) -> Result<Option<Arc<Self>>> {
        let mut prepared = connection.prepare_cached(select_users!(
            ", u.api_access_key",
            "WHERE u.username = $1 ORDER BY r.place"
        ))?;
        let mut rows = prepared.query([name])?;
        let (mut users, mut sealed) = (Vec::new(), String::new());
        while let Some(row) = rows.next()? {
            sealed = row.text("api_access_key")?;
            fold_user(&mut users, row)?;
        }
        Ok(users.pop().map(|user| {
            Arc::new(Self {
                user: Arc::new(user),
                key: SealedKey::new(sealed),
            })
        }))
    }
}

/// The repos that a user was granted; `None` if there is no such list.
pub(super) fn granted(
    row: &impl Columns,
    column: &'static str,
) -> Result<Option<BTreeSet<String>>> {
    let document = row.text_or_null(column)?;
    document.map(|text| from_json(column, &text)).transpose()
}

fn fold_users<R: Columns>(rows: &[R]) -> Result<Vec<User>> {
    let mut users = Vec::new();
    for row in rows {
        fold_user(&mut users, row)?;
    }
    Ok(users)
}

/// Adds the user of a row, or what the row says of the one before it.
fn fold_user(users: &mut Vec<User>, row: &impl Columns) -> Result<()> {
    let id = row.id("id")?;
    let role = row.text_or_null("role")?;
    match users.last_mut() {
        Some(last) if last.id == id => last.roles.extend(role),
        _ => users.push(user(row, role.into_iter().collect())?),
    }
    Ok(())
}

/// The user of a row of [`user_columns`].
pub(super) fn user(row: &impl Columns, roles: Vec<String>) -> Result<User> {
    Ok(User {
        id: row.id("id")?,
        number: row.int("number")?,
        username: row.text("username")?,
        email: row.text("email")?,
        roles,
        disabled: row.flag("disabled")?,
        timezone: row.text("timezone")?,
        date_format: row.word("date_format")?,
        hour_format: row.word("hour_format")?,
        repos: granted(row, "repos")?,
        created_at: row.time("created_at")?,
    })
}

/// Counts a user who comes into being and returns the number.
pub(super) async fn next_number(connection: &mut SqliteConnection) -> Result<i64> {
    let count = "UPDATE counters SET value = value + 1 WHERE name = 'users' RETURNING value";
    Ok(sqlx::query_scalar(count).fetch_one(connection).await?)
}
