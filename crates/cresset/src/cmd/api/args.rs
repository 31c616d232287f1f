//! The flags of `cresset sign` and `cresset api`.

use crate::cli::DataDir;
use crate::cmd::credentials::read_at_most;
use anyhow::{Context, bail};
use clap::Args;
use std::path::PathBuf;

/// Largest body, in bytes.
const MAX_BODY: u64 = 16 << 20;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    /// Milliseconds since 1970 to sign with, instead of now.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) epoch: Option<i64>,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// The server: an URL, a target of the profile, or NAME=URL. Without it, the address in
    /// DIR/initial-credentials.json.
    #[arg(long, value_name = "URL|NAME")]
    pub(crate) to: Option<String>,
    /// Version of the API: 1 wraps answers and errors, 2 and 3 do not.
    #[arg(long = "v", value_name = "1|2|3", default_value_t = 3,
          value_parser = clap::value_parser!(u8).range(1..=3))]
    pub(crate) version: u8,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    /// File with a bearer token, to be used instead of signing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["access_id", "access_key_file", "credentials"])]
    pub(crate) bearer_file: Option<PathBuf>,
    /// File with targets; without it ~/.config/cresset/targets.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Trust the certificate authorities in this PEM file and no others.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Accept any certificate.
    #[arg(long)]
    pub(crate) insecure: bool,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

/// The request.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// GET, POST, PUT, PATCH or DELETE.
    #[arg(value_parser = method)]
    pub(crate) method: String,
    /// Path behind /santaba/rest, or with it, and the query string. A path that begins with
    /// /api/ is of Cresset's own API, which takes the same credentials.
    pub(crate) path: String,
    /// The body. What is secret in it belongs into a file.
    #[arg(short, long, value_name = "JSON")]
    data: Option<String>,
    /// File with the body; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    data_file: Option<PathBuf>,
}

/// Where the API token is.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Public half of the API token; the secret half is in --access-key-file or in the
    /// environment as CRESSET_ACCESS_KEY.
    #[arg(long, value_name = "ID")]
    pub(crate) access_id: Option<String>,
    /// File with the secret half.
    #[arg(long, value_name = "FILE")]
    pub(crate) access_key_file: Option<PathBuf>,
    /// File with both halves, as `cresset user api-token` and the first start write it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["access_id", "access_key_file"])]
    pub(crate) credentials: Option<PathBuf>,
    /// Whose API token is taken from the data directory.
    #[arg(long, default_value = "admin")]
    pub(crate) user: String,
}

fn method(text: &str) -> Result<String, String> {
    let upper = text.to_ascii_uppercase();
    if METHODS.contains(&upper.as_str()) {
        return Ok(upper);
    }
    Err(format!("methods are {}", METHODS.join(", ")))
}

impl RequestArgs {
    /// The body, empty if there is none.
    pub(crate) fn body(&self) -> anyhow::Result<Vec<u8>> {
        let body = match (&self.data, &self.data_file) {
            (Some(data), _) => data.as_bytes().to_vec(),
            (None, Some(file)) if file.as_os_str() == "-" => {
                read_at_most(std::io::stdin().lock(), MAX_BODY)
                    .context("cannot read standard input")?
            }
            (None, Some(file)) => {
                let told = || format!("cannot read {}", file.display());
                let open = std::fs::File::open(file).with_context(told)?;
                read_at_most(open, MAX_BODY).with_context(told)?
            }
            (None, None) => Vec::new(),
        };
        if !body.is_empty() && self.method == "GET" {
            bail!("a GET has no body; take another method, or leave it out");
        }
        Ok(body)
    }
}
