//! Object storage for event files.

use super::load::Problem;
use super::typed::Reader;
use super::units::parse_size;
use super::variables::S3_SECRET;
use cresset_model::Duration;
use std::path::PathBuf;

/// Where event files are, if not on the local disk.
#[derive(Debug, Clone)]
pub(crate) struct S3 {
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    /// `None`: the secret is in [`S3_SECRET`].
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) path_style: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) timeout: Duration,
    /// Most bytes of local copies.
    pub(crate) cache: u64,
}

/// The setting that says whether there is a bucket at all.
const BUCKET: &str = "s3.bucket";

pub(super) fn read(r: &Reader<'_>, problems: &mut Vec<Problem>) -> Option<S3> {
    let mut note = |key: &str, message: String, help: &str| {
        problems.push(Problem {
            place: r.place(key),
            message: format!("{key}: {message}"),
            help: Some(help.to_owned()),
        });
    };
    let bucket = r.text(BUCKET);
    if bucket.is_empty() {
        for key in ["s3.endpoint", "s3.access_key_id"] {
            if !r.text(key).is_empty() {
                let help = "event files stay in server.data_dir without a bucket";
                note(key, format!("it is set but {BUCKET} is not"), help);
            }
        }
        return None;
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(fits) {
        let help = "3 to 63 characters of a-z 0-9 . -";
        note(BUCKET, format!("{bucket:?} is no name of a bucket"), help);
    }
    let endpoint = r.text("s3.endpoint");
    let is_url = ["http://", "https://"]
        .iter()
        .any(|s| endpoint.starts_with(s));
    if !endpoint.is_empty() && !is_url {
        let help = "for example \"https://minio.example.com:9000\"; empty for Amazon's own";
        note("s3.endpoint", format!("{endpoint:?} is no URL"), help);
    }
    let prefix = r.text("s3.prefix");
    let part = |part: &str| !part.is_empty() && !part.starts_with('.');
    if !prefix.is_empty() && !prefix.trim_matches('/').split('/').all(part) {
        let help = "folders such as \"cresset\" or \"logs/cresset\", which do not begin with a dot";
        note("s3.prefix", format!("{prefix:?} is no prefix"), help);
    }
    let access_key_id = r.text("s3.access_key_id");
    if access_key_id.is_empty() {
        let help = "the public half of the credential";
        note(
            "s3.access_key_id",
            "it is needed for a bucket".to_owned(),
            help,
        );
    }
    let secret_file = r.path("s3.secret_access_key_file");
    if secret_file.is_none() && std::env::var_os(S3_SECRET).is_none() {
        let help = format!("or put the secret into the variable {S3_SECRET}");
        let message = "it is needed for a bucket".to_owned();
        note("s3.secret_access_key_file", message, &help);
    }
    let (timeout, cache) = (r.duration("s3.timeout"), r.size("s3.cache"));
    if !(Duration::seconds(1)..=Duration::minutes(5)).contains(&timeout) {
        let given = r.text("s3.timeout");
        note(
            "s3.timeout",
            format!("{given:?} is out of range"),
            "from 1s to 5m",
        );
    }
    if parse_size("16MiB").is_some_and(|least| cache < least) {
        let given = r.text("s3.cache");
        note(
            "s3.cache",
            format!("{given:?} is out of range"),
            "at least 16MiB",
        );
    }
    Some(S3 {
        endpoint,
        bucket,
        prefix,
        region: r.text("s3.region"),
        access_key_id,
        secret_file,
        path_style: r.flag("s3.path_style"),
        ca_file: r.path("s3.ca_file"),
        timeout,
        cache,
    })
}
