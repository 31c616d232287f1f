//! Other instances that this one searches.

use super::columns::{Columns, expect_row, from_json, not_found, to_json};
use super::{SqliteCatalog, bump};
use crate::port::{Instances, MAX_INSTANCES};
use crate::seal::Place;
use crate::{Error, Result};
use async_trait::async_trait;
use cresset_model::instance::{Instance, InstanceHealth, valid_name};
use cresset_model::{ObjectId, SecretString, Timestamp};
use std::collections::BTreeSet;

#[async_trait]
impl Instances for SqliteCatalog {
    async fn add_instance(&self, instance: &Instance, key: &SecretString) -> Result<()> {
        if !valid_name(&instance.name) {
            return Err(Error::Refused(
                "the name of an instance has 1 to 64 letters, digits, dots, underscores and \
                 hyphens, and begins with a letter or digit"
                    .to_owned(),
            ));
        }
        let id = instance.id.to_string();
        // Health has a column of its own, which changes all the time.
        let settings = Instance {
            health: InstanceHealth::default(),
            ..instance.clone()
        };
        let (mut tx, sealing) = self.begin_sealing().await?;
        let sealed = sealing.seal(key_place(&id), key)?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM instances")
            .fetch_one(&mut *tx)
            .await?;
        if count >= MAX_INSTANCES as i64 {
            return Err(Error::Refused(format!(
                "there are {MAX_INSTANCES} instances; remove some first"
            )));
        }
        let taken: Option<String> =
            sqlx::query_scalar("SELECT name FROM instances WHERE name = $1 OR node = $2 LIMIT 1")
                .bind(&instance.name)
                .bind(&instance.node)
                .fetch_optional(&mut *tx)
                .await?;
        if let Some(name) = taken {
            let what = "instance";
            let name = if name == instance.name {
                name
            } else {
                // The same server twice would be searched twice.
                format!("{name} at {}", instance.node)
            };
            return Err(Error::Exists { what, name });
        }
        sqlx::query(
            "INSERT INTO instances (id, name, node, settings, access_key, health)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&id)
        .bind(&instance.name)
        .bind(&instance.node)
        .bind(to_json("instance", &settings)?)
        .bind(sealed)
        .bind(to_json("health", &instance.health)?)
        .execute(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM removed_nodes WHERE node = $1")
            .bind(&instance.node)
            .execute(&mut *tx)
            .await?;
        // Rules that name it run differently from now on.
        bump(&mut tx, "rules").await?;
        Ok(tx.commit().await?)
    }

    async fn instances(&self) -> Result<Vec<Instance>> {
        let rows = sqlx::query("SELECT settings, health FROM instances ORDER BY name")
            .fetch_all(&self.reader)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Instance {
                    health: row.json("health")?,
                    ..row.json("settings")?
                })
            })
            .collect()
    }

    async fn instance_key(&self, id: ObjectId) -> Result<SecretString> {
        let id = id.to_string();
        let sealed: Option<String> =
            sqlx::query_scalar("SELECT access_key FROM instances WHERE id = $1")
                .bind(&id)
                .fetch_optional(&self.reader)
                .await?;
        let sealed = sealed.ok_or_else(|| not_found("instance", &id))?;
        self.sealer.open(key_place(&id), &sealed)
    }

    async fn replace_instance_key(&self, id: ObjectId, key: &SecretString) -> Result<()> {
        let id = id.to_string();
        let (mut tx, sealing) = self.begin_sealing().await?;
        let met = sqlx::query("UPDATE instances SET access_key = $2 WHERE id = $1")
            .bind(&id)
            .bind(sealing.seal(key_place(&id), key)?)
            .execute(&mut *tx)
            .await?;
        expect_row(&met, "instance", id)?;
        Ok(tx.commit().await?)
    }

    async fn record_health(&self, id: ObjectId, health: &InstanceHealth) -> Result<()> {
        sqlx::query("UPDATE instances SET health = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(to_json("health", health)?)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }

    async fn remove_instance(&self, name: &str, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let node: Option<String> =
            sqlx::query_scalar("DELETE FROM instances WHERE name = $1 RETURNING node")
                .bind(name)
                .fetch_optional(&mut *tx)
                .await?;
        let node = node.ok_or_else(|| not_found("instance", name))?;
        sqlx::query("INSERT OR REPLACE INTO removed_nodes (node, removed_at) VALUES ($1, $2)")
            .bind(node)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        bump(&mut tx, "rules").await?;
        Ok(tx.commit().await?)
    }

    async fn removed_nodes(&self) -> Result<BTreeSet<String>> {
        let nodes: Vec<String> = sqlx::query_scalar("SELECT node FROM removed_nodes")
            .fetch_all(&self.reader)
            .await?;
        Ok(nodes.into_iter().collect())
    }

    async fn keep_own_nodes(&self, nodes: &BTreeSet<String>) -> Result<()> {
        sqlx::query("INSERT OR REPLACE INTO meta (name, value) VALUES ('own_nodes', $1)")
            .bind(to_json("own nodes", nodes)?)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }

    async fn own_nodes(&self) -> Result<BTreeSet<String>> {
        let kept: Option<String> =
            sqlx::query_scalar("SELECT value FROM meta WHERE name = 'own_nodes'")
                .fetch_optional(&self.reader)
                .await?;
        kept.map_or_else(|| Ok(BTreeSet::new()), |kept| from_json("own nodes", &kept))
    }
}

fn key_place(id: &str) -> Place<'_> {
    Place {
        table: "instances",
        column: "access_key",
        row: id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Sealer;
    use cresset_model::instance::Trust;

    #[tokio::test]
    async fn settings_hold_no_health() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let path = dir.path().join("catalog.db");
        let catalog = SqliteCatalog::open(&path, sealer).await.unwrap();
        let added = Instance {
            id: ObjectId::from_bytes([2; 12]),
            name: "b".to_owned(),
            url: "https://b:7077".to_owned(),
            node: "b:7077".to_owned(),
            user: "reader".to_owned(),
            trust: Trust::System,
            by_operator: false,
            created_at: Timestamp(0),
            health: InstanceHealth {
                error: Some("connection refused".to_owned()),
                ..InstanceHealth::default()
            },
        };
        let key = SecretString::new("k");
        catalog.add_instance(&added, &key).await.unwrap();
        let settings: String = sqlx::query_scalar("SELECT settings FROM instances")
            .fetch_one(&catalog.reader)
            .await
            .unwrap();
        assert!(!settings.contains("refused"), "{settings}");
        assert_eq!(catalog.instances().await.unwrap(), [added]);
    }
}
