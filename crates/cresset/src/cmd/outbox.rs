//! `cresset outbox`: notifications on their way, and dead ones sent again.

use super::credentials::open_catalog;
use super::told::{audit, plain_lines};
use crate::cli::DataDir;
use crate::system::SystemClock;
use anyhow::bail;
use clap::{Args, Subcommand};
use cresset_catalog::port::Deliveries;
use cresset_model::Clock;
use cresset_model::notification::DeliveryState;

#[derive(Debug, Args)]
pub(crate) struct OutboxArgs {
    #[command(flatten)]
    data: DataDir,
    #[command(subcommand)]
    action: OutboxAction,
}

#[derive(Debug, Subcommand)]
enum OutboxAction {
    /// Show notifications, newest first.
    List {
        /// pending, delivered, dead or suppressed; without it all.
        #[arg(long)]
        state: Option<String>,
        /// Most rows.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send notifications again.
    Resend {
        /// Ids, as `outbox list` shows them.
        #[arg(required = true)]
        ids: Vec<cresset_model::ObjectId>,
    },
}

pub(crate) async fn run(args: OutboxArgs) -> anyhow::Result<()> {
    let catalog = open_catalog(&args.data).await?;
    match args.action {
        OutboxAction::List { state, limit, json } => {
            let state = state.as_deref().map(parse_state).transpose()?;
            let deliveries = catalog.deliveries(state, limit).await?;
            if json {
                println!("{}", serde_json::to_string_pretty(&deliveries)?);
                return Ok(());
            }
            let mut table = comfy_table::Table::new();
            table.load_style(comfy_table::presets::NOTHING);
            table.set_header([
                "ID",
                "CHANNEL",
                "STATE",
                "ATTEMPTS",
                "CREATED",
                "LAST ERROR",
            ]);
            for d in deliveries {
                table.add_row([
                    d.id.to_string(),
                    d.channel.as_str().to_owned(),
                    d.state.as_str().to_owned(),
                    d.attempts.to_string(),
                    d.created_at.to_rfc3339(),
                    plain_lines(&d.last_error),
                ]);
            }
            println!("{table}");
        }
        OutboxAction::Resend { ids } => {
            for id in ids {
                catalog.resend(id, SystemClock.now()).await?;
                audit(&catalog, "delivery_resent", id.to_string()).await?;
                println!("{id} will be sent again; a running server does so within seconds");
            }
        }
    }
    Ok(())
}

fn parse_state(word: &str) -> anyhow::Result<DeliveryState> {
    use DeliveryState::{Dead, Delivered, Pending, Suppressed};
    match [Pending, Delivered, Dead, Suppressed]
        .into_iter()
        .find(|s| s.as_str() == word)
    {
        Some(state) => Ok(state),
        None => bail!("{word:?} is no state; states are pending, delivered, dead, suppressed"),
    }
}
