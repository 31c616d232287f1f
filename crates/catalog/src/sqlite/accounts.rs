//! Accounts: users as those see them who administer them.

mod change;

use super::columns::{Columns, not_found};
use super::filter::Source;
use super::list_page::{Field, List, Part};
use super::users::{self, user_columns};
use super::{SqliteCatalog, audit, bump, roles};
use crate::Result;
use crate::port::{AccountChange, Accounts, AuditEntry, NewAccount};
use async_trait::async_trait;
use cresset_model::Timestamp;
use cresset_model::account::{Account, USER_COLUMNS};
use cresset_model::filter::{ListQuery, Page};
use cresset_model::role::Role;
use rusqlite::{Connection, Transaction};
use std::cell::RefCell;
use std::collections::HashMap;

const ONE: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", u.first_name, u.last_name, u.note, u.api_only, u.password_hash IS NOT NULL AS has_password,
       u.created_by, u.extra,
       (SELECT max(t.last_used_on) FROM api_tokens t WHERE t.user_id = u.id) AS last_action_on,
       (SELECT json_group_array(role) FROM (SELECT r.role FROM user_roles r
         WHERE r.user_id = u.id ORDER BY r.place)) AS role_names
     FROM users u WHERE u.number = ?1"
);

const ROLES: Source = Source::Elements {
    of: "u.id",
    owner: "r.user_id",
    rows: "user_roles r",
    item: "r.role",
};

/// Fields are in the order of [`USER_COLUMNS`].
const LIST: List = List {
    columns: USER_COLUMNS,
    fields: &[
        Field::plain("u.number"),
        Field::plain("u.username"),
        Field::plain("u.email"),
        Field::plain("u.first_name"),
        Field::plain("u.last_name"),
        Field::plain("u.note"),
        Field::plain("iif(u.disabled, 'suspended', 'active')"),
        Field::plain("u.api_only"),
        Field::elements(ROLES),
        Field::elements(ROLES),
        Field::plain("u.created_by"),
        Field::plain("u.timezone"),
        Field::plain("CAST(u.extra ->> '$.phone' AS TEXT)"),
        Field::plain("CAST(u.extra ->> '$.smsEmail' AS TEXT)"),
        Field::plain("CAST(u.extra ->> '$.contactMethod' AS TEXT)"),
        Field::plain("CAST(u.extra ->> '$.userType' AS TEXT)"),
        Field::plain("CAST(coalesce(u.extra ->> '$.twoFAEnabled', 0) AS INTEGER)"),
        Field::plain("(u.created_at / 1000000)"),
        Field::plain(
            "coalesce((SELECT max(a.last_used_on) FROM api_tokens a WHERE a.user_id = u.id), 0)",
        ),
    ],
    from: "users u",
    id: "u.number",
    between: None,
    texts: None,
};
const _: () = assert!(LIST.fields.len() == USER_COLUMNS.len());

#[async_trait]
impl Accounts for SqliteCatalog {
    async fn accounts(&self, query: &ListQuery) -> Result<Page<Account>> {
        let all = Part {
            text: "",
            bound: Vec::new(),
            small: true,
        };
        let asked = LIST.ask(all, query)?;
        let page = move |view: &Transaction<'_>| {
            let known = KnownRoles::default();
            asked.page(view, |view, number| {
                let found = read(view, number, &known)?;
                found.ok_or_else(|| not_found("user", number))
            })
        };
        self.points.view(page).await
    }

    async fn account(&self, number: i64) -> Result<Option<Account>> {
        let found = move |view: &Transaction<'_>| read(view, number, &KnownRoles::default());
        self.points.view(found).await
    }

    async fn create_account(&self, new: NewAccount, told: &AuditEntry) -> Result<Account> {
        let password_hash = match new.password.as_ref().filter(|_| !new.api_only) {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let id = new.id.to_string();
        let (mut tx, sealing) = self.begin_sealing().await?;
        let key = sealing.seal(users::key_place(&id), &new.api_access_key)?;
        let number = change::insert(&mut tx, &new, password_hash, &key).await?;
        audit::tell(&mut tx, told).await?;
        tx.commit().await?;
        let made = self.account(number).await?;
        made.ok_or_else(|| not_found("user", number))
    }

    async fn change_account(
        &self,
        number: i64,
        change: &AccountChange,
        told: &AuditEntry,
    ) -> Result<Option<Account>> {
        let password_hash = match &change.password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let mut tx = self.begin().await?;
        let governed = change::is_governed(&mut tx).await?;
        if !change::update(&mut tx, number, change, password_hash).await? {
            return Ok(None);
        }
        change::keep_governed(&mut tx, governed).await?;
        audit::tell(&mut tx, told).await?;
        bump(&mut tx, "rules").await?;
        tx.commit().await?;
        self.account(number).await
    }

    async fn delete_account(&self, number: i64, told: &AuditEntry) -> Result<bool> {
        let mut tx = self.begin().await?;
        let governed = change::is_governed(&mut tx).await?;
        if !change::delete(&mut tx, number).await? {
            return Ok(false);
        }
        change::keep_governed(&mut tx, governed).await?;
        audit::tell(&mut tx, told).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// The roles that were read before in the same view, by name.
type KnownRoles = RefCell<HashMap<String, Role>>;

fn read(view: &Connection, number: i64, known: &KnownRoles) -> Result<Option<Account>> {
    let mut prepared = view.prepare_cached(ONE)?;
    let mut rows = prepared.query([number])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let names: Vec<String> = row.json("role_names")?;
    let roles = names.iter().map(|name| known_role(view, name, known));
    Ok(Some(Account {
        roles: roles.collect::<Result<_>>()?,
        user: users::user(row, names)?,
        first_name: row.text("first_name")?,
        last_name: row.text("last_name")?,
        note: row.text("note")?,
        api_only: row.flag("api_only")?,
        has_password: row.flag("has_password")?,
        created_by: row.text("created_by")?,
        last_action_at: row
            .int_or_null("last_action_on")?
            .filter(|seconds| *seconds > 0)
            .map(Timestamp::from_secs),
        extra: row.json("extra")?,
    }))
}

fn known_role(view: &Connection, name: &str, known: &KnownRoles) -> Result<Role> {
    if let Some(role) = known.borrow().get(name) {
        return Ok(role.clone());
    }
    let role = roles::named(view, name)?;
    known.borrow_mut().insert(name.to_owned(), role.clone());
    Ok(role)
}
