//! Roles.

use super::columns::{Columns, not_found, to_json};
use super::list_page::{Field, List, Part};
use super::memory::Question;
use super::{SqliteCatalog, audit, bump};
use crate::port::{
    AuditEntry, MAX_ROLE_DOCUMENT, MAX_ROLE_NAME, MAX_ROLES, NewRole, RoleChange, Roles,
};
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::ObjectId;
use cresset_model::filter::{ListQuery, Page};
use cresset_model::role::{ROLE_COLUMNS, Role};
use rusqlite::{Connection, ToSql};
use sqlx::SqliteConnection;

/// What [`role`] reads of `roles r`.
macro_rules! role_columns {
    () => {
        "r.id, r.name, r.description, r.privileges, r.built_in, r.extra, r.users"
    };
}

const ONE: &str = concat!("SELECT ", role_columns!(), " FROM roles r WHERE r.id = ?1");
const NAMED: &str = concat!(
    "SELECT ",
    role_columns!(),
    " FROM roles r WHERE r.name = ?1"
);
const OF_USER: &str = concat!(
    "SELECT ",
    role_columns!(),
    " FROM user_roles u JOIN roles r ON r.name = u.role WHERE u.user_id = ?1 ORDER BY u.place"
);

/// Fields are in the order of [`ROLE_COLUMNS`].
const LIST: List = List {
    columns: ROLE_COLUMNS,
    fields: &[
        Field::plain("r.id"),
        Field::plain("r.name"),
        Field::plain("r.description"),
        Field::plain("r.users"),
        Field::plain("CAST(coalesce(r.extra ->> '$.roleGroupId', 1) AS INTEGER)"),
        Field::plain("CAST(r.extra ->> '$.customHelpLabel' AS TEXT)"),
        Field::plain("CAST(r.extra ->> '$.customHelpURL' AS TEXT)"),
        Field::plain("CAST(coalesce(r.extra ->> '$.requireEULA', 0) AS INTEGER)"),
        Field::plain("CAST(coalesce(r.extra ->> '$.twoFARequired', 0) AS INTEGER)"),
    ],
    from: "roles r",
    id: "r.id",
    between: None,
    texts: None,
};
const _: () = assert!(LIST.fields.len() == ROLE_COLUMNS.len());

/// The roles of a user.
#[derive(Clone, PartialEq, Eq, Hash)]
struct RolesOf(ObjectId);

impl Question for RolesOf {
    type Answer = Vec<Role>;
}

#[async_trait]
impl Roles for SqliteCatalog {
    async fn roles(&self, query: &ListQuery) -> Result<Page<Role>> {
        let all = Part {
            text: "",
            bound: Vec::new(),
            small: true,
        };
        let asked = LIST.ask(all, query)?;
        let one = |view: &Connection, id: i64| read(view, ONE, id);
        self.points.view(move |view| asked.page(view, one)).await
    }

    async fn role(&self, id: i64) -> Result<Option<Role>> {
        let mut found = None;
        self.points.read(ONE, [id], |row| {
            found = Some(role(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    async fn roles_of(&self, user: ObjectId) -> Result<Vec<Role>> {
        let read = |connection: &Connection, RolesOf(user): &RolesOf| {
            let mut prepared = connection.prepare_cached(OF_USER)?;
            let mut rows = prepared.query([user.to_string()])?;
            let mut roles = Vec::new();
            while let Some(row) = rows.next()? {
                roles.push(role(row)?);
            }
            Ok(roles)
        };
        let worth = |_: &RolesOf, roles: &Vec<Role>| !roles.is_empty();
        let (roles, _) = self.points.remember(&RolesOf(user), None, read, worth)?;
        Ok(roles)
    }

    async fn create_role(&self, new: NewRole, told: &AuditEntry) -> Result<Role> {
        let mut tx = self.begin().await?;
        let roles: i64 = sqlx::query_scalar("SELECT count(*) FROM roles")
            .fetch_one(&mut *tx)
            .await?;
        if roles >= i64::from(MAX_ROLES) {
            return Err(Error::Refused(format!(
                "there are at most {MAX_ROLES} roles; delete one that nobody has"
            )));
        }
        let mut role = Role {
            id: 0,
            name: new.name,
            description: new.description,
            privileges: new.privileges,
            built_in: false,
            extra: new.extra,
            users: 0,
        };
        let written = Written::of(&role)?;
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO roles (name, folded, description, privileges, extra)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(&role.name)
        .bind(written.folded)
        .bind(&role.description)
        .bind(written.privileges)
        .bind(written.extra)
        .fetch_optional(&mut *tx)
        .await?;
        role.id = id.ok_or_else(|| taken(&role.name))?;
        audit::tell(&mut tx, told).await?;
        tx.commit().await?;
        Ok(role)
    }

    async fn change_role(
        &self,
        id: i64,
        change: &RoleChange,
        told: &AuditEntry,
    ) -> Result<Option<Role>> {
        let mut tx = self.begin().await?;
        let Some(old) = stored(&mut tx, id).await? else {
            return Ok(None);
        };
        let changed = apply(&old, change);
        if changed == old {
            return Ok(Some(old));
        }
        if old.built_in {
            return Err(built_in(&old, "changed; make one like it"));
        }
        let written = Written::of(&changed)?;
        let made = sqlx::query(
            "UPDATE OR IGNORE roles
             SET name = $2, folded = $3, description = $4, privileges = $5, extra = $6
             WHERE id = $1",
        )
        .bind(id)
        .bind(&changed.name)
        .bind(written.folded)
        .bind(&changed.description)
        .bind(written.privileges)
        .bind(written.extra)
        .execute(&mut *tx)
        .await?;
        if made.rows_affected() == 0 {
            return Err(taken(&changed.name));
        }
        audit::tell(&mut tx, told).await?;
        bump(&mut tx, "rules").await?;
        tx.commit().await?;
        Ok(Some(changed))
    }

    async fn delete_role(&self, id: i64, told: &AuditEntry) -> Result<bool> {
        let mut tx = self.begin().await?;
        let Some(old) = stored(&mut tx, id).await? else {
            return Ok(false);
        };
        if old.built_in {
            return Err(built_in(&old, "deleted"));
        }
        if old.users > 0 {
            return Err(Error::Refused(format!(
                "role {:?} cannot be deleted, something else depends on it: {} users have it",
                old.name, old.users
            )));
        }
        sqlx::query("DELETE FROM roles WHERE id = $1")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        audit::tell(&mut tx, told).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// The role of that exact name, which a user has.
pub(super) fn named(view: &Connection, name: &str) -> Result<Role> {
    read(view, NAMED, name)
}

fn read(view: &Connection, statement: &str, key: impl ToSql + ToString) -> Result<Role> {
    let mut prepared = view.prepare_cached(statement)?;
    let mut rows = prepared.query([&key])?;
    let row = rows.next()?;
    row.map_or_else(|| Err(not_found("role", key.to_string())), role)
}

/// What tells names of roles apart.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase()
}

async fn stored(connection: &mut SqliteConnection, id: i64) -> Result<Option<Role>> {
    let found = sqlx::query(ONE).bind(id).fetch_optional(connection).await?;
    found.as_ref().map(role).transpose()
}

fn role(row: &impl Columns) -> Result<Role> {
    Ok(Role {
        id: row.int("id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        privileges: row.json("privileges")?,
        built_in: row.flag("built_in")?,
        extra: row.json("extra")?,
        users: row.natural("users")?,
    })
}

fn apply(old: &Role, change: &RoleChange) -> Role {
    let mut role = old.clone();
    let RoleChange {
        name,
        description,
        privileges,
        extra,
    } = change;
    role.name.clone_from(name.as_ref().unwrap_or(&old.name));
    role.description
        .clone_from(description.as_ref().unwrap_or(&old.description));
    role.privileges
        .clone_from(privileges.as_ref().unwrap_or(&old.privileges));
    role.extra.clone_from(extra.as_ref().unwrap_or(&old.extra));
    role
}

/// The texts of a role that is fit to be stored.
struct Written {
    folded: String,
    privileges: String,
    extra: String,
}

impl Written {
    fn of(role: &Role) -> Result<Self> {
        if role.name.trim().is_empty() || role.name.len() > MAX_ROLE_NAME {
            return Err(Error::Refused(format!(
                "the name of a role has 1 to {MAX_ROLE_NAME} bytes"
            )));
        }
        let written = Self {
            folded: folded(&role.name),
            privileges: to_json("privileges", &role.privileges)?,
            extra: to_json("extra", &role.extra)?,
        };
        let documents = [&role.description, &written.privileges, &written.extra];
        if documents.iter().any(|text| text.len() > MAX_ROLE_DOCUMENT) {
            return Err(Error::Refused(format!(
                "the description, the privileges and the other keys of a role have at most \
                 {MAX_ROLE_DOCUMENT} bytes each"
            )));
        }
        Ok(written)
    }
}

fn taken(name: &str) -> Error {
    Error::Exists {
        what: "role",
        name: name.to_owned(),
    }
}

fn built_in(role: &Role, what: &str) -> Error {
    Error::Refused(format!(
        "role {:?} is built in and cannot be {what}",
        role.name
    ))
}
