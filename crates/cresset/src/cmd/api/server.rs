//! Which server is asked, and with what.

use super::args::ApiArgs;
use super::credential::{self, Credential};
use crate::cmd::InitialCredentials;
use crate::cmd::profile::{Entry, Profile};
use crate::config::{ACCESS_ID, ACCESS_KEY, BEARER_TOKEN};
use anyhow::bail;
use std::path::PathBuf;

/// A server and what is needed to speak to it.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) credential: Credential,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) insecure: bool,
}

impl Server {
    /// The server of `--to`, or the one whose data directory is here.
    pub(super) async fn find(args: &ApiArgs) -> anyhow::Result<Self> {
        let Some(to) = &args.to else {
            return Self::of_data_dir(args).await;
        };
        if is_url(to) {
            let profile = Profile::default();
            return Self::remote(args, to, &profile, None);
        }
        let profile = Profile::read(args.profile.as_deref())?;
        let (name, url) = match to.split_once('=') {
            Some((name, url)) => (name.trim(), Some(url.trim())),
            None => (to.trim(), None),
        };
        let entry = profile.entry(name);
        match url.or(entry.map(|entry| entry.url.as_str())) {
            Some(url) if is_url(url) => Self::remote(args, url, &profile, entry),
            Some(_) => bail!("--to {name}: the URL must begin with https:// or http://"),
            None => bail!(
                "there is no target {name:?} in the profile; write --to https://… for an address"
            ),
        }
    }

    fn remote(
        args: &ApiArgs,
        url: &str,
        profile: &Profile,
        entry: Option<&Entry>,
    ) -> anyhow::Result<Self> {
        let Some(credential) = credential::of_args(args, profile, entry)? else {
            bail!(
                "there are no credentials for {url}: name them with --credentials, --access-id and \
                 --access-key-file, or --bearer-file, put them into the profile, or set {ACCESS_ID} \
                 and {ACCESS_KEY}, or {BEARER_TOKEN}"
            );
        };
        let ca = entry.and_then(|entry| entry.ca_file.as_deref());
        Ok(Self {
            url: url.to_owned(),
            credential,
            ca_file: args.ca_file.clone().or(ca.map(|file| profile.file(file))),
            insecure: args.insecure || entry.is_some_and(|entry| entry.insecure),
        })
    }

    async fn of_data_dir(args: &ApiArgs) -> anyhow::Result<Self> {
        let dir = &args.data.data_dir;
        let Some(initial) = InitialCredentials::read(dir)? else {
            bail!(
                "{} does not tell where a server is; name it with --to URL, or its data directory \
                 with --data-dir",
                dir.display()
            );
        };
        let found = credential::of_args(args, &Profile::default(), None)?;
        let credential = match found {
            Some(found) => found,
            None => credential::of_data_dir(&args.token.user, &args.data).await?,
        };
        Ok(Self {
            url: initial.url.clone(),
            credential,
            ca_file: args.ca_file.clone(),
            insecure: args.insecure,
        })
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}
