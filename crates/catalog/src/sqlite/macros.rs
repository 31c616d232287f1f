//! Macros of queries.

use super::columns::{Columns, from_json, int, not_found, to_json};
use super::{SqliteCatalog, bump, counter};
use crate::port::Macros;
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::list::valid_name;
use cresset_model::macros::{
    MAX_DESCRIPTION, MAX_MACROS, MAX_PARAMETERS, MAX_TEXT, Macro, valid_parameter,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use std::collections::HashSet;

#[async_trait]
impl Macros for SqliteCatalog {
    async fn put_macro(&self, mut one: Macro) -> Result<Macro> {
        check(&one).map_err(Error::Refused)?;
        one.name.make_ascii_uppercase();
        let mut tx = self.begin().await?;
        let others: i64 = sqlx::query_scalar("SELECT count(*) FROM macros WHERE name <> $1")
            .bind(&one.name)
            .fetch_one(&mut *tx)
            .await?;
        if others >= int(MAX_MACROS) {
            let message = format!("there are {MAX_MACROS} macros already; delete some");
            return Err(Error::Refused(message));
        }
        sqlx::query(
            "INSERT INTO macros (name, parameters, text, description, updated_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name) DO UPDATE SET parameters = excluded.parameters,
               text = excluded.text, description = excluded.description,
               updated_at = excluded.updated_at",
        )
        .bind(&one.name)
        .bind(to_json("parameters of a macro", &one.parameters)?)
        .bind(&one.text)
        .bind(&one.description)
        .bind(one.updated_at.0)
        .execute(&mut *tx)
        .await?;
        note_change(&mut tx).await?;
        tx.commit().await?;
        Ok(one)
    }

    async fn delete_macro(&self, name: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let gone = sqlx::query("DELETE FROM macros WHERE name = $1")
            .bind(name.to_ascii_uppercase())
            .execute(&mut *tx)
            .await?;
        if gone.rows_affected() == 0 {
            return Err(not_found("macro", name));
        }
        note_change(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn macros(&self) -> Result<Vec<Macro>> {
        let rows = sqlx::query(
            "SELECT name, parameters, text, description, updated_at FROM macros ORDER BY name",
        )
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(read).collect()
    }

    async fn macros_version(&self) -> Result<u64> {
        counter(&self.reader, "macros").await
    }
}

/// Queries of rules may call it.
async fn note_change(connection: &mut SqliteConnection) -> Result<()> {
    bump(connection, "macros").await?;
    bump(connection, "rules").await
}

fn read(row: &SqliteRow) -> Result<Macro> {
    Ok(Macro {
        name: row.text("name")?,
        parameters: from_json("parameters of a macro", &row.text("parameters")?)?,
        text: row.text("text")?,
        description: row.text("description")?,
        updated_at: row.time("updated_at")?,
    })
}

fn check(one: &Macro) -> std::result::Result<(), String> {
    if !valid_name(&one.name) {
        return Err(format!(
            "{:?} cannot name a macro: use 2 to 100 letters, digits, '_' and '-', with a letter \
             or digit at both ends",
            one.name
        ));
    }
    if one.parameters.len() > MAX_PARAMETERS {
        return Err(format!("a macro has at most {MAX_PARAMETERS} parameters"));
    }
    let mut seen = HashSet::new();
    for parameter in &one.parameters {
        if !valid_parameter(parameter) {
            return Err(format!(
                "{parameter:?} cannot name a parameter: use 1 to 64 letters, digits and '_', with \
                 a letter first"
            ));
        }
        if !seen.insert(parameter) {
            return Err(format!("two parameters are called {parameter:?}"));
        }
    }
    if one.text.trim().is_empty() {
        return Err("the text of a macro cannot be empty".to_owned());
    }
    for (what, text, most) in [
        ("text", &one.text, MAX_TEXT),
        ("description", &one.description, MAX_DESCRIPTION),
    ] {
        if text.len() > most {
            return Err(format!("the {what} of a macro has at most {most} bytes"));
        }
    }
    Ok(())
}
