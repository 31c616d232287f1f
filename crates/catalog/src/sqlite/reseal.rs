//! From one sealing key to the next.

mod columns;

use super::sealing::{check_source, current_key, make_current, note_source};
use super::{SqliteCatalog, audit};
use crate::port::{AuditEntry, KeySwitch, KeyUse, ResealCursor, ResealStep, Sealing};
use crate::seal::{Key, KeyFile};
use crate::{Error, Result};
use async_trait::async_trait;
use columns::{SEALED, SealedColumn};
use cresset_model::Entropy;
use sqlx::{Row as _, SqliteConnection};
use std::collections::BTreeMap;

/// Failures that a step describes.
const DESCRIBED: usize = 100;

#[async_trait]
impl Sealing for SqliteCatalog {
    async fn note_key_source(&self) -> Result<()> {
        let Some(kind) = self.sealer.source_kind() else {
            return Ok(());
        };
        let mut tx = self.begin().await?;
        note_source(&mut tx, kind).await?;
        Ok(tx.commit().await?)
    }

    async fn key_uses(&self) -> Result<Vec<KeyUse>> {
        let mut view = self.reader.begin().await?;
        let current = current_key(&mut view).await?;
        let mut counts = counts(&mut view).await?;
        drop(view);
        let known = self.sealer.key_ids();
        let mut uses = vec![KeyUse {
            current: true,
            known: known.contains(&current),
            secrets: counts.remove(&current).unwrap_or_default(),
            id: current,
        }];
        for id in known {
            if uses.iter().all(|used| used.id != id) {
                uses.push(KeyUse {
                    current: false,
                    known: true,
                    secrets: counts.remove(&id).unwrap_or_default(),
                    id,
                });
            }
        }
        uses.extend(counts.into_iter().map(|(id, secrets)| KeyUse {
            id,
            current: false,
            known: false,
            secrets,
        }));
        Ok(uses)
    }

    async fn switch_key(
        &self,
        entropy: Option<&dyn Entropy>,
        force: bool,
        told: &AuditEntry,
    ) -> Result<KeySwitch> {
        // A command is not waited for under the lock.
        self.sealer.ask_again()?;
        let mut tx = self.begin().await?;
        if !force {
            check_source(&mut tx, &self.sealer).await?;
        }
        let from = current_key(&mut tx).await?;
        if self.sealer.file().is_some() {
            self.sealer.ask_again()?; // another process may have added a key just now
        }
        if self.sealer.key(&from).is_none() {
            return Err(Error::Seal(self.sealer.lacks(&from)));
        }
        let mut to = self.sealer.first();
        if to.id() == from {
            let Some(entropy) = entropy else {
                return Ok(KeySwitch {
                    to: from.clone(),
                    from,
                });
            };
            // In the file before anything is sealed with it.
            self.key_file()?.add_key(entropy)?;
            self.sealer.ask_again()?;
            to = self.sealer.first();
        }
        make_current(&mut tx, &to).await?;
        let to = to.id().to_owned();
        let detail = format!("key {to} instead of {from}");
        audit::tell(&mut tx, &with_detail(told, detail)).await?;
        tx.commit().await?;
        Ok(KeySwitch { from, to })
    }

    async fn reseal(&self, from: &ResealCursor) -> Result<ResealStep> {
        let Some(column) = SEALED.get(from.column) else {
            return Ok(ResealStep::default());
        };
        let mut view = self.reader.acquire().await?;
        let id = current_key(&mut view).await?;
        let Some(key) = self.sealer.key_or_ask(&id)? else {
            return Err(Error::Seal(self.sealer.lacks(&id)));
        };
        let rows = sqlx::query(column.others)
            .bind(&from.after)
            .bind(&id)
            .bind(column.at_once)
            .fetch_all(&mut *view)
            .await?;
        drop(view);
        let mut step = ResealStep {
            next: Some(ResealCursor {
                column: from.column + 1,
                after: String::new(),
            }),
            ..ResealStep::default()
        };
        let mut sealed_anew = Vec::with_capacity(rows.len());
        for row in &rows {
            let found = Found {
                row: row.try_get("number")?,
                place: row.try_get("place")?,
                sealed: row.try_get("sealed")?,
            };
            match self.sealed_anew(column, &key, &found) {
                Ok(anew) => sealed_anew.push((found, anew)),
                Err(error) => {
                    step.unopened += 1;
                    if step.failed.len() < DESCRIBED {
                        step.failed.push(error.to_string());
                    }
                }
            }
        }
        if rows.len() as i64 == column.at_once
            && let Some(last) = rows.last()
        {
            step.next = Some(ResealCursor {
                column: from.column,
                after: last.try_get("number")?,
            });
        }
        if sealed_anew.is_empty() {
            return Ok(step);
        }
        let mut tx = self.begin().await?;
        if current_key(&mut tx).await? != id {
            // Yet another key; the pass that belongs to it does these.
            return Ok(step);
        }
        for (found, anew) in sealed_anew {
            let met = sqlx::query(column.replace)
                .bind(found.row)
                .bind(found.sealed)
                .bind(anew)
                .execute(&mut *tx)
                .await?;
            step.resealed += met.rows_affected();
        }
        tx.commit().await?;
        Ok(step)
    }

    async fn forget_keys(&self, ids: &[String], told: &AuditEntry) -> Result<Vec<String>> {
        let file = self.key_file()?;
        // Under the write lock nothing can be sealed with one of them.
        let mut tx = self.begin().await?;
        self.sealer.ask_again()?;
        let current = current_key(&mut tx).await?;
        let mut known = self.sealer.key_ids();
        known.retain(|id| *id != current);
        let needed = counts(&mut tx).await?;
        for id in ids {
            if *id == current {
                return Err(Error::Refused(format!(
                    "key {id} is the one that seals; `cresset keys rotate` puts another in its place"
                )));
            }
            if !known.contains(id) {
                return Err(Error::Refused(format!(
                    "there is no key {id}; `cresset keys list` shows them"
                )));
            }
        }
        let forgotten: Vec<String> = known
            .into_iter()
            .filter(|id| ids.is_empty() || ids.contains(id))
            .collect();
        for id in &forgotten {
            if let Some(secrets) = needed.get(id) {
                return Err(Error::Refused(format!(
                    "key {id} is needed to open {secrets} secrets; `cresset keys reseal` seals them with the current one"
                )));
            }
        }
        if forgotten.is_empty() {
            return Ok(forgotten);
        }
        let detail = format!("keys {}", forgotten.join(", "));
        audit::tell(&mut tx, &with_detail(told, detail)).await?;
        file.remove_keys(&forgotten)?;
        self.sealer.ask_again()?;
        tx.commit().await?;
        Ok(forgotten)
    }
}

/// A row as it was read.
struct Found {
    row: String,
    place: String,
    sealed: String,
}

impl SqliteCatalog {
    fn key_file(&self) -> Result<&KeyFile> {
        self.sealer.file().ok_or_else(|| {
            Error::Refused(format!(
                "the keys are in no file but come from {}: let that give a new key first and the \
                 others after it, then run `cresset keys reseal`; a key that nothing needs any \
                 longer is removed there",
                self.sealer.source_name()
            ))
        })
    }

    fn sealed_anew(&self, column: &SealedColumn, key: &Key, found: &Found) -> Result<String> {
        let place = column.place(&found.place);
        key.seal(place, &self.sealer.open(place, &found.sealed)?)
    }
}

/// How many secrets each key seals, by its id.
async fn counts(connection: &mut SqliteConnection) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for column in &SEALED {
        let rows = sqlx::query(column.count)
            .fetch_all(&mut *connection)
            .await?;
        for row in rows {
            let secrets: i64 = row.try_get("secrets")?;
            *counts.entry(row.try_get("key")?).or_default() += secrets as u64;
        }
    }
    Ok(counts)
}

fn with_detail(told: &AuditEntry, detail: String) -> AuditEntry {
    AuditEntry {
        detail,
        ..told.clone()
    }
}
