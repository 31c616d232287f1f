//! The shape of a signature file.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// One file: signatures that share programs and constants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignatureFile {
    /// Program names in lower case; `""` is a line without a syslog header, `*`
    /// is tried after the program's own signatures.
    pub(super) programs: Vec<String>,
    /// The value of `norm_id`.
    pub(super) norm_id: String,
    /// Pattern put before every pattern of the file.
    #[serde(default)]
    pub(super) prefix: String,
    /// Constant fields of every signature.
    #[serde(default)]
    pub(super) set: BTreeMap<String, toml::Value>,
    /// Signatures, the first that matches wins.
    pub(super) signature: Vec<SignatureSpec>,
    /// Examples, each with the `sig_id` that it is for.
    #[serde(default)]
    pub(super) test: Vec<Example>,
}

/// One signature.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignatureSpec {
    /// The value of `sig_id`, unique over all files.
    pub(super) id: Spanned<String>,
    /// The pattern; it is anchored at both ends.
    pub(super) pattern: Spanned<String>,
    /// Labels.
    #[serde(default)]
    pub(super) labels: Vec<String>,
    /// Constant fields; they win over the file's.
    #[serde(default)]
    pub(super) set: BTreeMap<String, toml::Value>,
    /// Programs, instead of the file's.
    #[serde(default)]
    pub(super) programs: Option<Vec<String>>,
    /// The value of `norm_id`, instead of the file's.
    #[serde(default)]
    pub(super) norm_id: Option<String>,
    /// Examples of this signature.
    #[serde(default)]
    pub(super) test: Vec<Example>,
}

/// A line and what must come out of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    /// The line as it arrives.
    pub(super) line: Spanned<String>,
    /// The signature that must match, if it is not the one that the example stands in.
    #[serde(default)]
    pub(super) sig_id: Option<String>,
    /// Fields that must have exactly these values.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, toml::Value>,
    /// Exactly the labels.
    #[serde(default)]
    pub(super) labels: Option<Vec<String>>,
    /// Fields that must be absent.
    #[serde(default)]
    pub(super) absent: Vec<String>,
    /// The event's time in RFC 3339.
    #[serde(default)]
    pub(super) log_ts: Option<String>,
}

impl SignatureFile {
    /// All examples, with the signature that must match.
    pub(super) fn examples(&self) -> impl Iterator<Item = (&Example, &str)> {
        let inside = self
            .signature
            .iter()
            .flat_map(|s| s.test.iter().map(|test| (test, s.id.as_ref().as_str())));
        let below = self.test.iter().map(|test| (test, ""));
        inside
            .chain(below)
            .map(|(test, id)| (test, test.sig_id.as_deref().unwrap_or(id)))
    }
}
