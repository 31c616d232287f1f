//! `cresset keys`: the keys that seal stored secrets.

use super::credentials::open_catalog;
use super::told::{audit, audit_entry, say};
use crate::cli::DataDir;
use crate::system::SystemEntropy;
use anyhow::bail;
use clap::{Args, Subcommand};
use cresset_catalog::port::{KeyUse, ResealCursor, Sealing};
use cresset_catalog::sqlite::SqliteCatalog;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How often progress is told.
const TELL: Duration = Duration::from_secs(1);
/// Shortest pause between two transactions, in which others write.
const PAUSE: Duration = Duration::from_millis(5);
/// Secrets that could not be opened that are named.
const NAMED: usize = 100;

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(flatten)]
    data: DataDir,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: KeysAction,
}

#[derive(Debug, Subcommand)]
enum KeysAction {
    /// Show which keys there are and how many secrets need them; never a key.
    List,
    /// Make a new key and seal all secrets with it, while the server runs.
    #[command(after_help = "\
The old keys stay in the key file until `cresset keys forget`. Interrupted, run it again:
it goes on where it was, and makes no further key.")]
    Rotate {
        /// Even if the server had its keys from elsewhere when it started last.
        #[arg(long)]
        force: bool,
    },
    /// Seal all secrets with the first key, after keys were changed by hand or by key_command.
    Reseal {
        /// Even if the server had its keys from elsewhere when it started last.
        #[arg(long)]
        force: bool,
    },
    /// Remove keys from the key file that nothing needs any longer.
    #[command(after_help = "\
Backups of the database that are older than the last rotation need the old keys, too.")]
    Forget {
        /// Ids of keys; without any, all but the current one.
        #[arg(value_name = "KEY")]
        ids: Vec<String>,
    },
}

pub(crate) async fn run(args: KeysArgs) -> anyhow::Result<()> {
    let catalog = open_catalog(&args.data).await?;
    let json = args.json;
    match args.action {
        KeysAction::List => list(&catalog.key_uses().await?, json),
        KeysAction::Rotate { force } => rotate(&catalog, force, json).await,
        KeysAction::Reseal { force } => {
            let told = audit_entry("sealing_key_changed", String::new());
            let switch = catalog.switch_key(None, force, &told).await?;
            let rotated = switch.from != switch.to;
            reseal(&catalog).await?.report(rotated, "", json)
        }
        KeysAction::Forget { ids } => {
            let told = audit_entry("sealing_keys_forgotten", String::new());
            let forgotten = catalog.forget_keys(&ids, &told).await?;
            let text = match forgotten.as_slice() {
                [] => "there is no key but the current one".to_owned(),
                ids => format!("forgotten: {}", ids.join(", ")),
            };
            say(json, &json!({"forgotten": forgotten}), &text);
            Ok(())
        }
    }
}

async fn rotate(catalog: &SqliteCatalog, force: bool, json: bool) -> anyhow::Result<()> {
    if old_secrets(&catalog.key_uses().await?) > 0 {
        let pass = reseal(catalog).await?;
        if pass.resealed > 0 || pass.unopened == 0 {
            let text = "An earlier rotation had been interrupted; it is finished, and no further key was made. ";
            return pass.report(false, text, json);
        }
        // What cannot be opened must not keep the other secrets with an old key for ever.
        eprintln!(
            "{} secrets cannot be opened; the others get a new key",
            pass.unopened
        );
    }
    let told = audit_entry("sealing_key_changed", String::new());
    let entropy = SystemEntropy::new();
    catalog.switch_key(Some(&entropy), force, &told).await?;
    let text = "The old key stays in the key file until `cresset keys forget`; back the file up. ";
    reseal(catalog).await?.report(true, text, json)
}

/// What came of sealing everything anew.
#[derive(Default)]
struct Pass {
    key: String,
    resealed: u64,
    unopened: u64,
    /// Why, for the first of them.
    failed: Vec<String>,
}

impl Pass {
    /// Tells what was done; an error if not all was.
    fn report(self, rotated: bool, more: &str, json: bool) -> anyhow::Result<()> {
        let Self {
            key,
            resealed,
            unopened,
            failed,
        } = self;
        let text = if unopened == 0 {
            format!("{more}All secrets are sealed with key {key}, {resealed} of them now.")
        } else {
            format!("{more}{resealed} secrets are now sealed with key {key}.")
        };
        let told = json!({"key": key, "rotated": rotated, "resealed": resealed,
                          "unopened": unopened, "failed": failed});
        say(json, &told, &text);
        if unopened == 0 {
            return Ok(());
        }
        let unnamed = unopened - failed.len() as u64;
        let rest = if unnamed > 0 {
            format!("\nand {unnamed} more")
        } else {
            String::new()
        };
        bail!(
            "{unopened} secrets could not be opened and are as they were, with other keys (`cresset keys list`); put a missing key back, or set them again:\n{}{rest}",
            failed.join("\n")
        );
    }
}

fn old_secrets(uses: &[KeyUse]) -> u64 {
    let old = uses.iter().filter(|used| !used.current);
    old.map(|used| used.secrets).sum()
}

/// Seals with the current key what is sealed with another, and looks whether nothing is left
/// but what cannot be opened.
async fn reseal(catalog: &SqliteCatalog) -> anyhow::Result<Pass> {
    let uses = catalog.key_uses().await?;
    let key = uses.iter().find(|used| used.current);
    let mut pass = Pass {
        key: key.map(|used| used.id.clone()).unwrap_or_default(),
        ..Pass::default()
    };
    let all = old_secrets(&uses);
    eprintln!("key {} seals; secrets to seal anew: {all}", pass.key);
    let mut told = Instant::now();
    let mut next = Some(ResealCursor::default());
    while let Some(cursor) = next {
        let began = Instant::now();
        let step = catalog.reseal(&cursor).await?;
        pass.resealed += step.resealed;
        pass.unopened += step.unopened;
        pass.failed.extend(step.failed);
        pass.failed.truncate(NAMED);
        next = step.next;
        if told.elapsed() >= TELL {
            told = Instant::now();
            eprintln!("sealed anew: {} of {all}", pass.resealed);
        }
        if step.resealed > 0 {
            // As long as others were kept from writing.
            tokio::time::sleep(began.elapsed().max(PAUSE)).await;
        }
    }
    if pass.resealed > 0 {
        let detail = format!("{} secrets with key {}", pass.resealed, pass.key);
        audit(catalog, "secrets_resealed", detail).await?;
    }
    let left = old_secrets(&catalog.key_uses().await?);
    if left > pass.unopened {
        bail!(
            "{left} secrets are still sealed with other keys (`cresset keys list`): the current key was changed meanwhile; run `cresset keys reseal`"
        );
    }
    // Somebody may have set one again meanwhile.
    if left == 0 {
        pass.unopened = 0;
        pass.failed.clear();
    }
    Ok(pass)
}

fn list(uses: &[KeyUse], json: bool) -> anyhow::Result<()> {
    if json {
        let keys: Vec<Value> = uses
            .iter()
            .map(|used| {
                json!({"id": used.id, "current": used.current, "known": used.known,
                       "secrets": used.secrets})
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&keys)?);
        return Ok(());
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["KEY", "STATE", "SECRETS"]);
    for used in uses {
        table.add_row([used.id.as_str(), state(used), &used.secrets.to_string()]);
    }
    println!("{table}");
    Ok(())
}

fn state(used: &KeyUse) -> &'static str {
    match (used.known, used.current) {
        (false, _) => "missing",
        (true, true) => "current",
        (true, false) if used.secrets > 0 => "needed",
        (true, false) => "old",
    }
}
