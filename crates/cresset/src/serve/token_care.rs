//! What the server does about API tokens by itself: it tells their owners what happens to
//! them, and disables those that nobody uses.

use super::parts::notify_settings;
use crate::config::{Config, NodeRole};
use cresset_catalog::Catalog;
use cresset_catalog::port::{AuditEntry, TokenCare, TokenPolicy};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::{Clock, Duration, Entropy, Timestamp};
use cresset_notify::TokenMailer;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often idle tokens are looked for, and recorded that the server is up.
const EVERY: std::time::Duration = std::time::Duration::from_hours(1);
/// Most tokens disabled in one transaction.
const AT_ONCE: u32 = 200;

/// Puts the settings into force and starts what they ask for.
pub(super) async fn start(
    config: &Config,
    catalog: &Arc<SqliteCatalog>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    url: &str,
    tasks: &mut JoinSet<()>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mailer = if config.token_mails && config.roles.contains(&NodeRole::Notify) {
        TokenMailer::new(
            Arc::clone(catalog) as Arc<dyn Catalog>,
            notify_settings(config, url)?,
            Arc::clone(clock),
            Arc::clone(entropy),
        )?
    } else {
        None
    };
    let policy = TokenPolicy {
        per_user: config.tokens_per_user,
        mail_owners: mailer.is_some(),
    };
    catalog.set_token_policy(policy).await?;
    if let Some(mailer) = mailer {
        tasks.spawn(mailer.run(stopped.clone()));
    }
    tasks.spawn(disable_idle(
        Arc::clone(catalog),
        Arc::clone(clock),
        config.token_idle_days,
        stopped.clone(),
    ));
    Ok(())
}

/// Disables tokens that were not used for `days`, at once and then every hour. With 0 days it
/// only records that the server is up, so that its standstills are known when that changes.
async fn disable_idle(
    catalog: Arc<SqliteCatalog>,
    clock: Arc<dyn Clock>,
    days: u32,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        let now = clock.now();
        let uptime = match catalog.note_up(now).await {
            Ok(uptime) if days > 0 => uptime,
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(%error, "it could not be recorded that the server is up; idle API tokens stay, and it is tried again in an hour");
                continue;
            }
        };
        let before = uptime.before(now, Duration::days(i64::from(days)));
        loop {
            match disable_some(&catalog, now, before, days).await {
                Ok(0) => break,
                Ok(tokens) => {
                    metrics::counter!("cresset_tokens_idle_disabled_total")
                        .increment(tokens as u64);
                    tracing::info!(tokens, days, "API tokens that nobody used were disabled");
                }
                Err(error) => {
                    tracing::error!(%error, "idle API tokens could not be disabled; it is tried again in an hour");
                    break;
                }
            }
            if *stop.borrow() {
                return;
            }
        }
    }
}

async fn disable_some(
    catalog: &SqliteCatalog,
    now: Timestamp,
    before: Timestamp,
    days: u32,
) -> cresset_catalog::Result<usize> {
    let told = AuditEntry {
        at: now,
        actor: "system".to_owned(),
        address: String::new(),
        action: "api_token_disabled".to_owned(),
        detail: format!(", which nobody used for {days} days"),
    };
    let idle = catalog.disable_idle_tokens(before, AT_ONCE, &told).await?;
    Ok(idle.len())
}
