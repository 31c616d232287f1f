//! How another instance is, and which repos it has.

use crate::member::{Error, Member, Repeat};
use cresset_model::Timestamp;
use cresset_model::instance::{InstanceHealth, Product, RemoteRepo, split_address};
use reqwest::Method;
use serde_json::Value;
use std::time::Duration as Span;

/// Longest time that a look may take.
const PATIENCE: Span = Span::from_secs(15);
/// Most repos that are taken from an instance.
const MAX_REPOS: usize = 10_000;
/// Longest message that is kept, in characters.
const MAX_MESSAGE: usize = 300;

/// Asks an instance for its repos. What it said `before` stays known if it does not answer.
pub async fn look(member: &Member, now: Timestamp, before: &InstanceHealth) -> InstanceHealth {
    let asked = async {
        let repos = member.repos().await?;
        Ok::<_, Error>((repos, member.product().await))
    };
    let error = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok((repos, product))) => {
            return InstanceHealth {
                checked_at: Some(now),
                seen_at: Some(now),
                error: None,
                product,
                repos,
            };
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} seconds", PATIENCE.as_secs()),
    };
    InstanceHealth {
        checked_at: Some(now),
        error: Some(error.chars().take(MAX_MESSAGE).collect()),
        ..before.clone()
    }
}

impl Member {
    /// The instance's own repos. It may list those of further instances as well, in rows
    /// after its own; they are its affair.
    async fn repos(&self) -> Result<Vec<RemoteRepo>, Error> {
        let path = "/Repo/get_all_searchable_logpoint";
        let body = serde_json::json!({});
        let reply = self
            .call(
                Method::POST,
                path,
                "logsource:read",
                Repeat::AtOnceOnly,
                |r| r.json(&body),
            )
            .await?;
        let repos = reply.pointer("/rows/0/repos").and_then(Value::as_array);
        let repos = repos.ok_or_else(|| Error::Unexpected {
            path: path.to_owned(),
            what: "no rows with repos".to_owned(),
        })?;
        Ok(repos.iter().take(MAX_REPOS).filter_map(repo).collect())
    }

    async fn product(&self) -> Product {
        if self.says("/health/live", "product", "cresset").await {
            Product::Cresset
        } else {
            Product::Other
        }
    }
}

fn repo(row: &Value) -> Option<RemoteRepo> {
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    let address = text("address")?;
    let name = text("repo").or_else(|| split_address(address).1)?;
    // It becomes part of an address here.
    let plain = !name.is_empty() && !name.contains(['/', ',', ' ']);
    plain.then(|| RemoteRepo {
        name: name.to_owned(),
        address: address.to_owned(),
    })
}
