//! `cresset instance`: other instances that this one searches, straight in the data directory.

mod connect;

use super::credentials::open_catalog;
use super::told::{audit, plain, plain_lines, say};
use crate::cli::DataDir;
use crate::system::SystemClock;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use cresset_api::native::schemas::InstanceRow;
use cresset_catalog::port::{Instances, Rules};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::Clock;
use cresset_model::instance::{InUse, Instance};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct InstanceArgs {
    #[command(flatten)]
    data: DataDir,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: InstanceAction,
}

#[derive(Debug, Subcommand)]
enum InstanceAction {
    /// Register an instance, after it has answered with these credentials.
    #[command(after_help = "\
Examples:
  cresset instance add berlin --url https://10.0.0.7:7070 --user searcher --secret-file berlin.key
  cresset instance add rome --url https://rome.example --user searcher --ca-file rome-ca.pem \\
      --secret-file rome.key
The key is the API access key of a user there; `cresset user access-key` writes one to a file.")]
    Add(AddArgs),
    /// Show the instances and how they were when they were checked last.
    List,
    /// Connect to all instances or one; the code is 1 if one does not answer.
    Check {
        /// Name of the instance; without it all are checked.
        name: Option<String>,
    },
    /// Use another key there, after the user's was regenerated.
    Key {
        /// Name of the instance.
        name: String,
        /// File with the new API access key; without it CRESSET_INSTANCE_SECRET in the
        /// environment is taken.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Forget an instance; nothing changes there.
    Remove {
        /// Name of the instance.
        name: String,
        /// Also if active rules search it, which fail from then on.
        #[arg(long)]
        force: bool,
    },
}

/// Where an instance is and as whom it is searched.
#[derive(Debug, Args)]
struct AddArgs {
    /// Name that it is to have here.
    name: String,
    /// Its address, such as https://10.0.0.7:7070.
    #[arg(long)]
    url: String,
    /// User there.
    #[arg(long)]
    user: String,
    /// File with the user's API access key; without it CRESSET_INSTANCE_SECRET in the
    /// environment is taken.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Certificates of the authorities to trust there, in PEM, instead of the system's.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca_file: Option<PathBuf>,
    /// Accept any certificate.
    #[arg(long)]
    insecure: bool,
    /// Register it without connecting.
    #[arg(long)]
    no_check: bool,
}

pub(crate) async fn run(args: InstanceArgs) -> anyhow::Result<ExitCode> {
    let catalog = open_catalog(&args.data).await?;
    let json = args.json;
    match args.action {
        InstanceAction::Add(add) => connect::add(&catalog, add, json).await?,
        InstanceAction::List => show(&catalog.instances().await?, json)?,
        InstanceAction::Check { name } => {
            let mut instances = catalog.instances().await?;
            if let Some(name) = name {
                instances = vec![find(instances, &name)?];
            }
            let checked = connect::check(&catalog, instances).await?;
            show(&checked, json)?;
            if checked.iter().any(|instance| !instance.health.is_up()) {
                return Ok(ExitCode::FAILURE);
            }
        }
        InstanceAction::Key { name, secret_file } => {
            let instance = find(catalog.instances().await?, &name)?;
            connect::replace_key(&catalog, instance, secret_file.as_deref(), json).await?;
        }
        InstanceAction::Remove { name, force } => remove(&catalog, &name, force, json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn find(instances: Vec<Instance>, name: &str) -> anyhow::Result<Instance> {
    let found = instances.into_iter().find(|i| i.name == name);
    found.with_context(|| {
        format!("there is no instance {name:?}; `cresset instance list` shows them")
    })
}

async fn remove(
    catalog: &SqliteCatalog,
    name: &str,
    force: bool,
    json: bool,
) -> anyhow::Result<()> {
    let instance = find(catalog.instances().await?, name)?;
    if !force {
        let rules = catalog.active_rules().await?;
        let rules = rules.iter().map(|found| &found.rule.spec);
        let rules = rules.map(|spec| (spec.name.as_str(), spec.search_params.repos.as_slice()));
        if let Some(in_use) = InUse::by(&instance, rules) {
            bail!("{in_use} (--force)");
        }
    }
    catalog.remove_instance(name, SystemClock.now()).await?;
    audit(catalog, "instance_removed", name.to_owned()).await?;
    let text = format!("instance {name} removed");
    say(json, &json!({"name": name, "removed": true}), &text);
    Ok(())
}

fn show(instances: &[Instance], json: bool) -> anyhow::Result<()> {
    if json {
        let rows: Vec<Value> = instances.iter().map(row).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["NAME", "ADDRESS", "USER", "STATE", "REPOS", "ERROR"]);
    for instance in instances {
        let names: Vec<&str> = instance
            .health
            .repos
            .iter()
            .map(|r| r.name.as_str())
            .collect();
        table.add_row([
            instance.name.clone(),
            instance.node.clone(),
            instance.user.clone(),
            state(instance),
            plain(&names.join(",")),
            plain_lines(instance.health.error.as_deref().unwrap_or_default()),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn state(instance: &Instance) -> String {
    let health = &instance.health;
    match (health.checked_at, health.seen_at) {
        (None, _) => "not checked yet".to_owned(),
        (Some(at), _) if health.is_up() => format!("up at {}", at.to_rfc3339()),
        (_, Some(seen)) => format!("down, last seen {}", seen.to_rfc3339()),
        (_, None) => "never seen".to_owned(),
    }
}

/// As the API shows it to who may search all of its repos.
fn row(instance: &Instance) -> Value {
    json!(InstanceRow::of(instance, |_| true))
}
