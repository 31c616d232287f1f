//! `cresset user`: users and their credentials, straight in the data directory.

mod preferences;

use super::credentials::{open_catalog, write_private};
use super::told::{audit, audit_entry, say};
use crate::cli::DataDir;
use crate::system::{SystemClock, SystemEntropy};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use cresset_auth::keys;
use cresset_catalog::port::{ApiTokens as _, NewToken, NewUser, Users};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::user::{BUILT_IN_ROLES, User};
use cresset_model::{Clock, ObjectId};
use preferences::{ReposArgs, SetArgs};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    #[command(flatten)]
    data: DataDir,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: UserAction,
}

#[derive(Debug, Subcommand)]
enum UserAction {
    /// Create a user; credentials go to a file, never to the terminal.
    Create {
        /// User name.
        name: String,
        /// Role; may be repeated.
        #[arg(long = "role", default_value = "readonly")]
        roles: Vec<String>,
        /// Mail address.
        #[arg(long, default_value = "")]
        email: String,
        /// Where the credentials are written (mode 0600).
        #[arg(long, value_name = "FILE")]
        credentials: Option<PathBuf>,
    },
    /// List users.
    List,
    /// Write a user's API access key to a file, or make a new one.
    AccessKey {
        /// User name.
        name: String,
        /// Make a new key; every token signed with the old one dies.
        #[arg(long)]
        regenerate: bool,
        /// Where the key is written (mode 0600).
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Create an LMv1 API token; it is written to a file.
    ApiToken {
        /// Owner.
        name: String,
        /// Free text.
        #[arg(long, default_value = "")]
        note: String,
        /// Where the token is written (mode 0600).
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Set how a user reads and writes times.
    Set(SetArgs),
    /// Show or change which repos a user may search; administrators may search all.
    Repos(ReposArgs),
    /// Refuse all credentials of a user.
    Disable {
        /// User name.
        name: String,
        /// Undo it.
        #[arg(long)]
        undo: bool,
    },
}

pub(crate) async fn run(args: UserArgs) -> anyhow::Result<()> {
    let catalog = open_catalog(&args.data).await?;
    let json = args.json;
    match args.action {
        UserAction::Create {
            name,
            roles,
            email,
            credentials,
        } => {
            let file = credentials
                .unwrap_or_else(|| args.data.data_dir.join(format!("{name}-credentials.json")));
            create(&catalog, &name, roles, email, &file, json).await
        }
        UserAction::List => list(&catalog, json).await,
        UserAction::AccessKey {
            name,
            regenerate,
            out,
        } => {
            let file = out.unwrap_or_else(|| args.data.data_dir.join(format!("{name}-access-key")));
            access_key(&catalog, &name, regenerate, &file, json).await
        }
        UserAction::ApiToken { name, note, out } => {
            api_token(&catalog, &name, note, out, &args.data.data_dir, json).await
        }
        UserAction::Set(args) => preferences::set(&catalog, args, json).await,
        UserAction::Repos(args) => preferences::repos(&catalog, args, json).await,
        UserAction::Disable { name, undo } => {
            let user = find(&catalog, &name).await?;
            catalog.set_user_disabled(user.id, !undo).await?;
            let word = if undo { "enabled" } else { "disabled" };
            let action = format!("user_{word}");
            audit(&catalog, &action, format!("user {name}")).await?;
            say(
                json,
                &json!({"user": name, "disabled": !undo}),
                &format!("user {name} is {word}"),
            );
            Ok(())
        }
    }
}

async fn find(catalog: &SqliteCatalog, name: &str) -> anyhow::Result<User> {
    catalog
        .user_by_name(name)
        .await?
        .with_context(|| format!("there is no user {name:?}; `cresset user list` shows them"))
}

async fn create(
    catalog: &SqliteCatalog,
    name: &str,
    roles: Vec<String>,
    email: String,
    file: &PathBuf,
    json: bool,
) -> anyhow::Result<()> {
    let sane = |c: char| c.is_alphanumeric() || "._-@+".contains(c);
    if name.is_empty() || name.len() > 128 || !name.chars().all(sane) {
        bail!("a user name is 1 to 128 letters, digits and . _ - @ +");
    }
    if let Some(role) = roles.iter().find(|r| !BUILT_IN_ROLES.contains(&r.as_str())) {
        bail!(
            "there is no role {role:?}; roles are {}",
            BUILT_IN_ROLES.join(", ")
        );
    }
    let entropy = SystemEntropy::new();
    let now = SystemClock.now();
    let (password, key) = (
        keys::generate_password(&entropy),
        keys::generate_api_access_key(&entropy),
    );
    if catalog.user_by_name(name).await?.is_some() {
        bail!("user {name:?} exists already");
    }
    let content =
        json!({"username": name, "password": password.expose(), "api_access_key": key.expose()});
    write_private(file, &(serde_json::to_string_pretty(&content)? + "\n"))?;
    let user = catalog
        .create_user(NewUser {
            id: ObjectId::generate(now, &entropy),
            username: name.to_owned(),
            email,
            roles,
            password: Some(password),
            api_access_key: key,
            created_at: now,
        })
        .await?;
    audit(catalog, "user_created", format!("user {name}")).await?;
    let shown = json!({"id": user.id, "user": name, "roles": user.roles, "credentials": file});
    say(
        json,
        &shown,
        &format!("user {name} created; credentials are in {}", file.display()),
    );
    Ok(())
}

async fn list(catalog: &SqliteCatalog, json: bool) -> anyhow::Result<()> {
    let users = catalog.users().await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&users)?);
        return Ok(());
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["NAME", "ROLES", "EMAIL", "STATE", "ID"]);
    for u in users {
        let state = if u.disabled { "disabled" } else { "enabled" };
        table.add_row([
            u.username,
            u.roles.join(","),
            u.email,
            state.to_owned(),
            u.id.to_string(),
        ]);
    }
    println!("{table}");
    Ok(())
}

async fn access_key(
    catalog: &SqliteCatalog,
    name: &str,
    regenerate: bool,
    file: &PathBuf,
    json: bool,
) -> anyhow::Result<()> {
    let user = find(catalog, name).await?;
    let key = if regenerate {
        let key = keys::generate_api_access_key(&SystemEntropy::new());
        write_private(file, &format!("{}\n", key.expose()))?;
        catalog.set_api_access_key(user.id, key.clone()).await?;
        audit(catalog, "access_key_regenerated", format!("user {name}")).await?;
        key
    } else {
        let key = catalog.api_access_key(user.id).await?;
        key.with_context(|| format!("user {name:?} has no key yet; add --regenerate"))?
    };
    write_private(file, &format!("{}\n", key.expose()))?;
    let shown = json!({"user": name, "file": file, "regenerated": regenerate});
    say(
        json,
        &shown,
        &format!("the API access key of {name} is in {}", file.display()),
    );
    Ok(())
}

async fn api_token(
    catalog: &SqliteCatalog,
    name: &str,
    note: String,
    out: Option<PathBuf>,
    data_dir: &std::path::Path,
    json: bool,
) -> anyhow::Result<()> {
    let user = find(catalog, name).await?;
    let entropy = SystemEntropy::new();
    let (access_id, access_key) = (
        keys::generate_access_id(&entropy),
        keys::generate_access_key(&entropy),
    );
    let file = out.unwrap_or_else(|| data_dir.join(format!("{name}-{access_id}.json")));
    let content =
        json!({"username": name, "access_id": access_id, "access_key": access_key.expose()});
    write_private(&file, &(serde_json::to_string_pretty(&content)? + "\n"))?;
    let told = audit_entry("api_token_created", format!("{access_id} for {name}"));
    let new = NewToken {
        note,
        created_by: told.actor.clone(),
        ..NewToken::signing(access_id.clone(), access_key, user.number, told.at)
    };
    let token = catalog.create_token(new, &told).await?;
    let shown = json!({"id": token.id, "user": name, "access_id": access_id, "file": file});
    say(
        json,
        &shown,
        &format!("API token {access_id} of {name} is in {}", file.display()),
    );
    Ok(())
}
