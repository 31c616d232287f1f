//! `cresset group`: incident user groups, straight in the data directory.

use super::credentials::open_catalog;
use super::told::{audit, say};
use crate::cli::DataDir;
use crate::system::{SystemClock, SystemEntropy};
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use cresset_catalog::Error;
use cresset_catalog::port::{Groups, Users};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::{Clock, ObjectId};
use serde_json::{Value, json};
use std::collections::HashMap;

#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    #[command(flatten)]
    data: DataDir,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: GroupAction,
}

#[derive(Debug, Subcommand)]
enum GroupAction {
    /// Create an empty group.
    Create {
        /// Name of the group, as rules write it.
        group: String,
    },
    /// List groups and their members.
    List,
    /// Make users members.
    Add {
        /// Name of the group.
        group: String,
        /// User names.
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// End memberships.
    Remove {
        /// Name of the group.
        group: String,
        /// User names.
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Delete a group; its members no longer see the incidents that it saw.
    Delete {
        /// Name of the group.
        group: String,
    },
}

pub(crate) async fn run(args: GroupArgs) -> anyhow::Result<()> {
    let catalog = open_catalog(&args.data).await?;
    let json = args.json;
    match args.action {
        GroupAction::Create { group } => {
            let now = SystemClock.now();
            let id = ObjectId::generate(now, &SystemEntropy::new());
            let made = catalog.create_group(id, &group, now).await?;
            audit(&catalog, "group_created", format!("group {group}")).await?;
            let text = format!("group {group} created; `cresset group add` gives it members");
            say(json, &json!({"id": made.id, "group": group}), &text);
        }
        GroupAction::List => list(&catalog, json).await?,
        GroupAction::Add { group, users } => {
            let ids = ids(&catalog, &users).await?;
            let added = catalog.add_group_members(&group, &ids).await;
            added.map_err(explained)?;
            let names = users.join(", ");
            audit(
                &catalog,
                "group_members_added",
                format!("group {group}: {names}"),
            )
            .await?;
            let text = format!("{names} added to group {group}");
            say(json, &json!({"group": group, "added": users}), &text);
        }
        GroupAction::Remove { group, users } => {
            let ids = ids(&catalog, &users).await?;
            let removed = catalog.remove_group_members(&group, &ids).await;
            removed.map_err(explained)?;
            let names = users.join(", ");
            audit(
                &catalog,
                "group_members_removed",
                format!("group {group}: {names}"),
            )
            .await?;
            let text = format!("{names} removed from group {group}");
            say(json, &json!({"group": group, "removed": users}), &text);
        }
        GroupAction::Delete { group } => {
            catalog.delete_group(&group).await.map_err(explained)?;
            audit(&catalog, "group_deleted", format!("group {group}")).await?;
            let text = format!("group {group} deleted");
            say(json, &json!({"group": group, "deleted": true}), &text);
        }
    }
    Ok(())
}

fn explained(error: Error) -> anyhow::Error {
    match error {
        Error::NotFound {
            what: "group",
            name,
        } => {
            anyhow!("there is no group {name:?}; `cresset group list` shows them")
        }
        other => other.into(),
    }
}

async fn ids(catalog: &SqliteCatalog, names: &[String]) -> anyhow::Result<Vec<ObjectId>> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        let user = catalog.user_by_name(name).await?;
        let user = user.with_context(|| {
            format!("there is no user {name:?}; `cresset user list` shows them")
        })?;
        ids.push(user.id);
    }
    Ok(ids)
}

async fn list(catalog: &SqliteCatalog, json: bool) -> anyhow::Result<()> {
    let names: HashMap<ObjectId, String> = catalog
        .users()
        .await?
        .into_iter()
        .map(|user| (user.id, user.username))
        .collect();
    let groups = catalog.groups().await?;
    let members = |ids: &[ObjectId]| -> Vec<&str> {
        let named = ids.iter().filter_map(|id| names.get(id));
        let mut members: Vec<&str> = named.map(String::as_str).collect();
        members.sort_unstable();
        members
    };
    if json {
        let groups: Vec<Value> = groups
            .iter()
            .map(|g| json!({"id": g.id, "name": g.name, "members": members(&g.members)}))
            .collect();
        println!("{}", serde_json::to_string_pretty(&groups)?);
        return Ok(());
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["NAME", "MEMBERS", "ID"]);
    for group in &groups {
        let members = members(&group.members).join(",");
        table.add_row([group.name.clone(), members, group.id.to_string()]);
    }
    println!("{table}");
    Ok(())
}
