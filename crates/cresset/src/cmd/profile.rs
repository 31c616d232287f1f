//! The profile: servers by name, with what is needed to speak to each.

use anyhow::Context;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The file `targets.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    #[serde(default, rename = "target")]
    targets: Vec<Entry>,
    #[serde(skip)]
    folder: PathBuf,
}

/// One server of the profile.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    name: String,
    pub(super) url: String,
    /// Whose API access key it is.
    #[serde(default)]
    pub(super) user: Option<String>,
    /// The API access key, which makes tokens for the Logpoint API.
    #[serde(default)]
    pub(super) secret_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) secret_env: Option<String>,
    /// The API token, which signs requests to the LogicMonitor API.
    #[serde(default)]
    pub(super) access_id: Option<String>,
    #[serde(default)]
    pub(super) access_key_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) access_key_env: Option<String>,
    /// The bearer token, instead of an API token.
    #[serde(default)]
    pub(super) bearer_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) bearer_env: Option<String>,
    #[serde(default)]
    pub(super) ca_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) insecure: bool,
}

impl Profile {
    /// The file at `path`, or the one in the user's home if there is one.
    pub(super) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
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

    /// The server of that name.
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.targets.iter().find(|target| target.name == name)
    }

    /// Where a file is that the profile names.
    pub(super) fn file(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}
