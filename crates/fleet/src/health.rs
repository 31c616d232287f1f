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
/// Longest name or address of a repo that is taken, in bytes.
const MAX_REPO: usize = 255;
/// Longest message that is kept, in characters.
const MAX_MESSAGE: usize = 300;

/// Asks an instance for its repos. What it said `before` stays known if it does not answer.
pub async fn look(member: &Member, now: Timestamp, before: &InstanceHealth) -> InstanceHealth {
    let asked = async {
        let repos = member.repos().await?;
        let product = match member.product().await {
            Err(_) if before.seen_at.is_some() => before.product,
            told => told?,
        };
        Ok::<_, Error>((repos, product))
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

    /// What it is. Anything but an answer of its own does not tell.
    pub(crate) async fn product(&self) -> Result<Product, Error> {
        match self.open("/health/live").await {
            Ok(said) if said.get("product") == Some(&"cresset".into()) => Ok(Product::Cresset),
            Err(error @ Error::Unreachable { .. }) => Err(error),
            Err(
                error @ Error::Refused {
                    status: 429 | 502..=504,
                    ..
                },
            ) => Err(error),
            _ => Ok(Product::Other),
        }
    }
}

fn repo(row: &Value) -> Option<RemoteRepo> {
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    let address = text("address")?;
    let name = text("repo").or_else(|| split_address(address).1)?;
    // It becomes part of an address here.
    let plain = !name.is_empty() && !name.contains(['/', ',', ' ']);
    let sound = |text: &str| text.len() <= MAX_REPO && !text.contains(char::is_control);
    (plain && sound(name) && sound(address)).then(|| RemoteRepo {
        name: name.to_owned(),
        address: address.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn repos_have_plain_names() {
        let check = |name: &str, address: &str, taken: bool| {
            let found = repo(&json!({"repo": name, "address": address}));
            assert_eq!(found.is_some(), taken, "{name:?} {address:?}");
        };
        let long = "x".repeat(MAX_REPO);
        check("web", "127.0.0.1:5504/web", true);
        check(&long, &long, true);
        check(&format!("{long}x"), "a/b", false);
        check("web", &format!("{long}x"), false);
        for name in ["", "a/b", "a,b", "a b", "a\u{1b}[31m", "a\nb"] {
            check(name, "a/b", false);
        }
        check("web", "a/\u{7}", false);
    }
}
