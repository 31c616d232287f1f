//! `cresset instance add` and `check`, which connect to instances.

use super::{AddArgs, row};
use crate::client;
use crate::cmd::credentials::{secret_env, secret_file};
use crate::cmd::told::{audit, say};
use crate::system::{SystemClock, SystemEntropy};
use anyhow::{anyhow, bail};
use cresset_catalog::port::Instances;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_fleet::Member;
use cresset_fleet::health::look;
use cresset_model::instance::{BaseUrl, Instance, InstanceHealth, valid_name};
use cresset_model::{Clock, ObjectId, SecretString};
use futures::StreamExt as _;
use futures::TryStreamExt as _;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Holds the key of `cresset instance add` unless a file does.
const SECRET: &str = crate::config::INSTANCE_SECRET;
/// Longest user name, in bytes.
const MAX_USER: usize = 128;
/// Instances that are checked at the same time.
const AT_ONCE: usize = 16;

pub(super) async fn add(catalog: &SqliteCatalog, args: AddArgs, json: bool) -> anyhow::Result<()> {
    let own = catalog.own_nodes().await?;
    let (mut instance, key) = read(&own, &args)?;
    if !args.no_check {
        instance.health = checked(&instance, &key).await?;
        if let Some(error) = &instance.health.error {
            bail!(
                "{} was not added: {error}; with --no-check it would be added all the same",
                instance.name
            );
        }
    }
    catalog.add_instance(&instance, &key).await?;
    let (name, node) = (&instance.name, &instance.node);
    let detail = format!("{name} at {} as {}", instance.url, instance.user);
    audit(catalog, "instance_added", detail).await?;
    let text = match instance.health.repos.len() {
        _ if args.no_check => format!("instance {name} added, but not checked"),
        1 => format!("instance {name} added; it has one repo, addressed {node}/NAME"),
        count => format!("instance {name} added; it has {count} repos, addressed {node}/NAME"),
    };
    say(json, &row(&instance), &text);
    Ok(())
}

/// Uses another key at an instance, if it is accepted there.
pub(super) async fn replace_key(
    catalog: &SqliteCatalog,
    mut instance: Instance,
    file: Option<&Path>,
    json: bool,
) -> anyhow::Result<()> {
    let key = key_to_use(file)?;
    instance.health = checked(&instance, &key).await?;
    let name = &instance.name;
    if let Some(error) = &instance.health.error {
        bail!("the key of {name} was not replaced: {error}");
    }
    catalog.replace_instance_key(instance.id, &key).await?;
    let kept = catalog.record_health(instance.id, &instance.health);
    kept.await?;
    audit(catalog, "instance_key_replaced", name.clone()).await?;
    say(
        json,
        &row(&instance),
        &format!("instance {name} has a new key"),
    );
    Ok(())
}

fn key_to_use(file: Option<&Path>) -> anyhow::Result<SecretString> {
    let key = match file {
        Some(file) => secret_file(file),
        None => secret_env(SECRET)
            .map_err(|_| format!("name its key with --secret-file FILE or in {SECRET}")),
    };
    key.map_err(|problem| anyhow!("{problem}"))
}

/// The instance that the arguments describe, which is at none of this server's `own` nodes.
fn read(own: &BTreeSet<String>, args: &AddArgs) -> anyhow::Result<(Instance, SecretString)> {
    let name = &args.name;
    if !valid_name(name) {
        bail!(
            "the name {name:?} must be 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or \
             digit"
        );
    }
    let base = args.url.parse::<BaseUrl>();
    let base = base.map_err(|problem| anyhow!("--url {problem}"))?;
    if own.contains(base.node()) {
        bail!("--url is this server itself, whose repos are searched anyway");
    }
    let user = args.user.trim();
    if user.is_empty() || user.len() > MAX_USER || user.contains(char::is_control) {
        bail!("--user must be 1 to {MAX_USER} bytes in one line");
    }
    let key = key_to_use(args.secret_file.as_deref())?;
    let trust = client::trust(args.insecure, args.ca_file.as_deref())?;
    if !base.is_secure() && !is_near(&base) {
        eprintln!("cresset: note: over http:// the key and all results travel readable by anybody");
    }
    let now = SystemClock.now();
    let instance = Instance {
        id: ObjectId::generate(now, &SystemEntropy::new()),
        name: name.clone(),
        url: base.url().to_owned(),
        node: base.node().to_owned(),
        user: user.to_owned(),
        trust,
        by_operator: true,
        created_at: now,
        health: InstanceHealth::default(),
    };
    Ok((instance, key))
}

/// Whether what is sent there stays on this machine.
fn is_near(base: &BaseUrl) -> bool {
    let host = base.node().rsplit_once(':').map_or("", |(host, _)| host);
    let address = host.parse::<std::net::Ipv4Addr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Connects to instances and keeps what is found.
pub(super) async fn check(
    catalog: &SqliteCatalog,
    instances: Vec<Instance>,
) -> anyhow::Result<Vec<Instance>> {
    futures::stream::iter(instances)
        .map(|instance| check_one(catalog, instance))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

async fn check_one(catalog: &SqliteCatalog, mut instance: Instance) -> anyhow::Result<Instance> {
    let key = catalog.instance_key(instance.id).await?;
    instance.health = checked(&instance, &key).await?;
    let kept = catalog.record_health(instance.id, &instance.health);
    kept.await?;
    Ok(instance)
}

async fn checked(instance: &Instance, key: &SecretString) -> anyhow::Result<InstanceHealth> {
    // Who runs this command may connect to wherever the instance is.
    let reachable = Instance {
        by_operator: true,
        ..instance.clone()
    };
    let http = cresset_notify::peer_client(&Arc::default(), &reachable)?;
    let member = Member::new(
        http,
        Arc::new(SystemClock),
        &instance.name,
        &instance.url,
        &instance.user,
        key.clone(),
    );
    Ok(look(&member, SystemClock.now(), &instance.health).await)
}
