//! `cresset store`: event files that cannot be read.

use super::credentials::open_catalog;
use super::told::{audit_entry, plain};
use crate::cli::DataDir;
use crate::config::{Config, Sources, render_problems};
use crate::serve::{bucket, load_checked};
use anyhow::anyhow;
use clap::{Args, Subcommand};
use cresset_catalog::port::{Quarantine, QuarantinedFile};
use cresset_model::{ObjectId, Timestamp};
use cresset_store::quarantine_folder;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The server's data directory.
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// The server's configuration file, which says whether event files are in object storage.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    action: StoreAction,
}

#[derive(Debug, Subcommand)]
enum StoreAction {
    /// Show event files in quarantine, with what was lost.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a file back that was copied from a backup to its old place, or is whole again.
    Restore {
        /// Its id, as `store list` shows it.
        id: ObjectId,
    },
    /// Give a file up, and remove what is left of it: its events are lost for good.
    Discard {
        /// Its id, as `store list` shows it.
        id: ObjectId,
    },
}

pub(crate) async fn run(args: StoreArgs) -> anyhow::Result<()> {
    let config = args.config()?;
    let data_dir = config.data_dir.clone();
    let catalog = open_catalog(&DataDir { data_dir }).await?;
    let storage = bucket::storage_beside_server(&config).await?;
    match args.action {
        StoreAction::List { json } => {
            let all = (Timestamp::MIN, Timestamp::MAX);
            let lost = catalog.quarantined_files(&[], all.0, all.1).await?;
            if json {
                let rows: Vec<Value> = lost.iter().map(row).collect();
                println!("{}", serde_json::to_string_pretty(&rows)?);
                return Ok(());
            }
            if lost.is_empty() {
                println!("no event file is in quarantine");
                return Ok(());
            }
            for lost in &lost {
                println!("{}  {}", lost.file.id, plain(&lost.to_string()));
            }
            println!(
                "\nWhat is left of them is in {}.\nTo restore one, copy it from a backup to {}/<its path> and call\n`cresset store restore ID`; to live without its events, call `cresset store discard ID`.",
                quarantine_folder(storage.root()).display(),
                storage.root().display()
            );
        }
        StoreAction::Restore { id } => {
            let entry = audit_entry("event_file_restored", id.to_string());
            let back = cresset_store::restore(storage, &catalog, id, entry).await?;
            println!(
                "{} events of repo {} are found again",
                back.file.rows, back.file.repo
            );
        }
        StoreAction::Discard { id } => {
            let entry = audit_entry("event_file_discarded", id.to_string());
            let gone = cresset_store::discard(storage, &catalog, id, entry).await?;
            println!(
                "{} events of repo {} are lost for good",
                gone.file.rows, gone.file.repo
            );
        }
    }
    Ok(())
}

impl StoreArgs {
    fn config(&self) -> anyhow::Result<Config> {
        let data_dir = self.data_dir.as_deref().map(Path::to_string_lossy);
        let flags = data_dir.map(|dir| ("server.data_dir", dir.into_owned()));
        let sources = Sources::from_process(self.config.clone(), flags.into_iter().collect());
        load_checked(&sources).map_err(|problems| anyhow!("{}", render_problems(&problems)))
    }
}

fn row(lost: &QuarantinedFile) -> Value {
    let file = &lost.file;
    json!({
        "id": file.id.to_string(),
        "repo": file.repo,
        "path": file.path,
        "events": file.rows,
        "from": file.min_log_ts.to_rfc3339(),
        "to": file.max_log_ts.to_rfc3339(),
        "reason": lost.reason,
        "quarantined_at": lost.at.to_rfc3339(),
    })
}
