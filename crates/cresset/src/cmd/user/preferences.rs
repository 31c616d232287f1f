//! `cresset user set` and `cresset user repos`.

use super::find;
use crate::cmd::told::{audit, plain, say};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use cresset_catalog::port::{Instances, Repos, Users};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::instance::{Instance, is_remote, split_address};
use cresset_model::user::{DateFormat, HourFormat, Preferences, User};
use serde_json::json;
use std::collections::BTreeSet;

/// How a user reads and writes times. What is not given stays.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("preference").required(true).multiple(true))]
pub(crate) struct SetArgs {
    /// User name.
    name: String,
    /// IANA time zone, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE", group = "preference")]
    timezone: Option<String>,
    /// Order of year, month and day, such as %Y/%m/%d or %d.%m.%Y.
    #[arg(long, value_name = "FORMAT", group = "preference")]
    date_format: Option<DateFormat>,
    /// Hours of a day: 24, or 12 with AM and PM.
    #[arg(long, value_enum, group = "preference")]
    hour_format: Option<Hours>,
}

/// Which repos a user may search. Without an option they are shown. Those of instances are
/// named by their addresses, host:port/repo.
#[derive(Debug, Args)]
pub(crate) struct ReposArgs {
    /// User name.
    name: String,
    /// These repos, separated by commas, and no others; an empty text permits none.
    #[arg(
        long,
        value_name = "REPOS",
        value_delimiter = ',',
        conflicts_with = "all"
    )]
    allow: Option<Vec<String>>,
    /// Every repo but the server's own, also those that come later.
    #[arg(long)]
    all: bool,
}

/// How many hours a user's clock counts.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Hours {
    #[value(name = "24")]
    TwentyFour,
    #[value(name = "12")]
    Twelve,
}

pub(super) async fn set(catalog: &SqliteCatalog, args: SetArgs, json: bool) -> anyhow::Result<()> {
    let name = &args.name;
    let user = find(catalog, name).await?;
    let timezone = args.timezone.unwrap_or(user.timezone);
    jiff::tz::TimeZone::get(&timezone).with_context(|| {
        format!("there is no time zone {timezone:?}; write one such as Europe/Berlin or UTC")
    })?;
    let hour_format = match args.hour_format {
        Some(Hours::TwentyFour) => HourFormat::TwentyFour,
        Some(Hours::Twelve) => HourFormat::Twelve,
        None => user.hour_format,
    };
    let preferences = Preferences {
        timezone,
        date_format: args.date_format.unwrap_or(user.date_format),
        hour_format,
    };
    catalog.set_preferences(user.id, &preferences).await?;
    audit(catalog, "preferences_set", format!("user {name}")).await?;
    let (zone, dates) = (&preferences.timezone, preferences.date_format.as_str());
    let hours = preferences.hour_format.as_str();
    say(
        json,
        &json!({"user": name, "timezone": zone, "date_format": dates, "hour_format": hours}),
        &format!("user {name}: time zone {zone}, dates {dates}, hours {hours}"),
    );
    Ok(())
}

pub(super) async fn repos(
    catalog: &SqliteCatalog,
    args: ReposArgs,
    json: bool,
) -> anyhow::Result<()> {
    let name = &args.name;
    let mut user = find(catalog, name).await?;
    let granted: Option<BTreeSet<String>> = match args.allow {
        Some(names) => Some(names.into_iter().filter(|repo| !repo.is_empty()).collect()),
        None if args.all => None,
        None => user.repos.clone(),
    };
    if granted != user.repos {
        check(catalog, granted.as_ref()).await?;
        catalog.grant_repos(user.id, granted.as_ref()).await?;
        let detail = format!("user {}", described(name, granted.as_ref()));
        audit(catalog, "repos_granted", detail).await?;
        user.repos = granted;
    }
    show(catalog, &user, json).await
}

/// Names the repos that do not exist, and those that do.
async fn check(catalog: &SqliteCatalog, granted: Option<&BTreeSet<String>>) -> anyhow::Result<()> {
    let instances = catalog.instances().await?;
    let existing = searchable(catalog, &instances).await?;
    let exists = |repo: &String| existing.contains(repo) || may_exist(&instances, repo);
    let missing = granted.and_then(|granted| granted.iter().find(|repo| !exists(repo)));
    if let Some(missing) = missing {
        let why = if is_remote(missing) {
            format!("; {}", nodes(&instances))
        } else {
            String::new()
        };
        let known: Vec<&str> = existing.iter().map(String::as_str).collect();
        bail!(
            "there is no repo {missing:?}{why}; there are {}",
            known.join(", ")
        );
    }
    Ok(())
}

/// The repos here and those that are known at other instances.
async fn searchable(
    catalog: &SqliteCatalog,
    instances: &[Instance],
) -> anyhow::Result<BTreeSet<String>> {
    let here = catalog.repos().await?.into_iter().map(|repo| repo.name);
    let elsewhere = instances.iter().flat_map(|instance| {
        let repos = instance.health.repos.iter();
        repos.map(|repo| instance.address(&repo.name))
    });
    Ok(here.chain(elsewhere).collect())
}

/// Whether a repo is at an instance that has never said which ones it has.
fn may_exist(instances: &[Instance], repo: &str) -> bool {
    let (node, name) = split_address(repo);
    let unseen = |i: &&Instance| i.health.seen_at.is_none() && i.node == node;
    name.is_some() && instances.iter().any(|i| unseen(&i))
}

fn nodes(instances: &[Instance]) -> String {
    let nodes: Vec<&str> = instances.iter().map(|i| i.node.as_str()).collect();
    if nodes.is_empty() {
        return "no instance is registered".to_owned();
    }
    format!("instances are at {}", nodes.join(", "))
}

fn described(name: &str, granted: Option<&BTreeSet<String>>) -> String {
    match granted {
        None => format!("{name}: all"),
        Some(granted) => {
            let names: Vec<&str> = granted.iter().map(String::as_str).collect();
            format!("{name}: [{}]", names.join(", "))
        }
    }
}

/// What the user may search now.
async fn show(catalog: &SqliteCatalog, user: &User, json: bool) -> anyhow::Result<()> {
    let instances = catalog.instances().await?;
    let existing = searchable(catalog, &instances).await?;
    let granted = user.repos.iter().flatten();
    let unseen = granted.filter(|repo| may_exist(&instances, repo));
    let permitted: BTreeSet<&str> = existing
        .iter()
        .chain(unseen)
        .map(String::as_str)
        .filter(|repo| user.may_search(repo))
        .collect();
    let listed = if permitted.is_empty() {
        "nothing".to_owned()
    } else {
        permitted.iter().copied().collect::<Vec<_>>().join(", ")
    };
    let name = &user.username;
    let why = if user.sees_all_repos() {
        " (an administrator may search every repo)"
    } else {
        ""
    };
    say(
        json,
        &json!({"user": name, "granted": user.repos, "repos": permitted}),
        &format!("user {name} may search {}{why}", plain(&listed)),
    );
    Ok(())
}
