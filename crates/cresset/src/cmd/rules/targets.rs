//! Which servers, and the secrets to use there.

use super::args::TargetArgs;
use crate::client::{Client, http_to_instance, trust};
use crate::cmd::credentials::{secret_env, secret_file};
use crate::system::SystemClock;
use anyhow::{Context, bail};
use cresset_fleet::Member;
use cresset_fleet::document::SecretRef;
use cresset_fleet::rollout::Secrets;
use cresset_model::SecretString;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    #[serde(default, rename = "target")]
    targets: Vec<Entry>,
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    url: String,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    secret_file: Option<PathBuf>,
    #[serde(default)]
    secret_env: Option<String>,
    #[serde(default)]
    ca_file: Option<PathBuf>,
    #[serde(default)]
    insecure: bool,
}

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
        members.push(profile.member(args, name, url)?);
    }
    Ok(members)
}

impl Profile {
    fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let default = home.map(|home| home.join(".config/cresset/targets.toml"));
        let Some(file) = path.map(Path::to_owned).or(default) else {
            return Ok(Self::default());
        };
        if path.is_none() && !file.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read the profile {}", file.display()))?;
        let mut profile: Self = toml::from_str(&text)
            .with_context(|| format!("the profile {} does not read", file.display()))?;
        let parent = file.parent().unwrap_or(Path::new("."));
        parent.clone_into(&mut profile.folder);
        Ok(profile)
    }

    fn member(&self, args: &TargetArgs, name: &str, url: Option<&str>) -> anyhow::Result<Member> {
        let entry = self.targets.iter().find(|t| t.name == name);
        let Some(url) = url.or(entry.map(|e| e.url.as_str())) else {
            bail!("there is no target {name:?} in the profile; write --to {name}=https://…");
        };
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            bail!("--to {name}: the URL must begin with https:// or http://");
        }
        let user = entry
            .and_then(|e| e.user.clone())
            .unwrap_or_else(|| args.remote.user.clone());
        let key = self.key(args, name, entry)?;
        let ca = entry.and_then(|e| e.ca_file.as_ref());
        let ca = ca.map(|file| self.folder.join(file));
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
        &self,
        args: &TargetArgs,
        name: &str,
        entry: Option<&Entry>,
    ) -> anyhow::Result<SecretString> {
        let variable = variable_of(name);
        let named = entry.and_then(|e| e.secret_env.as_deref());
        let found = if let Some(file) = entry.and_then(|e| e.secret_file.as_ref()) {
            secret_file(&self.folder.join(file))
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
