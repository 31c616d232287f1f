//! Which servers, and the secrets to use there.

use super::args::TargetArgs;
use crate::client::{Client, http_to_instance, trust};
use crate::cmd::credentials::{secret_env, secret_file};
use crate::cmd::profile::{Entry, Profile};
use crate::system::SystemClock;
use anyhow::bail;
use cresset_fleet::Member;
use cresset_fleet::document::SecretRef;
use cresset_fleet::rollout::Secrets;
use cresset_model::SecretString;
use std::path::PathBuf;
use std::sync::Arc;

/// The servers that the flags name.
pub(crate) async fn members(args: &TargetArgs) -> anyhow::Result<Vec<Member>> {
    if args.to.is_empty() {
        let client = Client::new(&args.remote).await?;
        let http = http_to_instance(&trust(args.remote.insecure, None)?)?;
        let (url, user, key) = (
            client.url.clone(),
            client.user.clone(),
            client.key().clone(),
        );
        let clock = Arc::new(SystemClock);
        return Ok(vec![Member::new(http, clock, "server", &url, user, key)]);
    }
    let profile = Profile::read(args.profile.as_deref())?;
    let mut members: Vec<Member> = Vec::new();
    for to in &args.to {
        let (name, url) = match to.split_once('=') {
            Some((name, url)) => (name.trim(), Some(url.trim())),
            None => (to.trim(), None),
        };
        if members.iter().any(|m| m.name() == name) {
            bail!("--to {name} stands twice");
        }
        members.push(member(&profile, args, name, url)?);
    }
    Ok(members)
}

fn member(
    profile: &Profile,
    args: &TargetArgs,
    name: &str,
    url: Option<&str>,
) -> anyhow::Result<Member> {
    let entry = profile.entry(name);
    let Some(url) = url.or(entry.map(|e| e.url.as_str())) else {
        bail!("there is no target {name:?} in the profile; write --to {name}=https://…");
    };
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        bail!("--to {name}: the URL must begin with https:// or http://");
    }
    let user = entry
        .and_then(|e| e.user.clone())
        .unwrap_or_else(|| args.remote.user.clone());
    let key = key(profile, args, name, entry)?;
    let ca = entry.and_then(|e| e.ca_file.as_ref());
    let ca = ca.map(|file| profile.file(file));
    let insecure = args.remote.insecure || entry.is_some_and(|e| e.insecure);
    let http = http_to_instance(&trust(insecure, ca.as_deref())?)?;
    Ok(Member::new(
        http,
        Arc::new(SystemClock),
        name,
        url,
        user,
        key,
    ))
}

fn key(
    profile: &Profile,
    args: &TargetArgs,
    name: &str,
    entry: Option<&Entry>,
) -> anyhow::Result<SecretString> {
    let variable = variable_of(name);
    let named = entry.and_then(|e| e.secret_env.as_deref());
    let found = if let Some(file) = entry.and_then(|e| e.secret_file.as_ref()) {
        secret_file(&profile.file(file))
    } else if let Some(named) = named {
        secret_env(named)
    } else if let Some(file) = &args.remote.secret_file {
        secret_file(file)
    } else if std::env::var_os(&variable).is_some() {
        secret_env(&variable)
    } else {
        Err(format!(
            "its API access key is not known: set secret_file or secret_env in the profile, \
             --secret-file, or the environment variable {variable}"
        ))
    };
    found.map_err(|reason| anyhow::anyhow!("target {name}: {reason}"))
}

/// The environment variable that holds the key of a target without a profile.
fn variable_of(name: &str) -> String {
    let safe = |c: char| match c.to_ascii_uppercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    };
    format!(
        "{}{}",
        crate::config::TARGET_SECRET,
        name.chars().map(safe).collect::<String>()
    )
}

/// Secrets of rules, from files beside them and from the environment.
pub(crate) struct RuleSecrets {
    pub(crate) folder: PathBuf,
}

impl Secrets for RuleSecrets {
    fn resolve(&self, reference: &SecretRef<'_>) -> Result<SecretString, String> {
        match reference {
            SecretRef::Env(name) => secret_env(name),
            SecretRef::File(path) => secret_file(&self.folder.join(path)),
            SecretRef::Kept => Err("the secret is known to the server only".to_owned()),
        }
    }
}
