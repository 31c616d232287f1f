//! The flags of `cresset rules`.

use crate::cli::Remote;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    pub(crate) action: RulesAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesAction {
    /// Write a server's rules as YAML files.
    #[command(after_help = "\
Examples:
  cresset rules export rules/ --to east
  cresset rules export > rules.yaml")]
    Export {
        /// Folder to write to; `-` writes one stream.
        #[arg(default_value = "-")]
        folder: PathBuf,
        /// Remove the files of rules that the server does not have, with their tests.
        #[arg(long)]
        prune: bool,
        #[command(flatten)]
        targets: TargetArgs,
    },
    /// Show what apply would do; exit code 2 if there is anything.
    #[command(after_help = "\
Examples:
  cresset rules plan rules/ --to east --to west
  cresset rules plan rules/ --to east --prune")]
    Plan(ChangeArgs),
    /// Make servers have what the folder says: shows the plan of each, asks, does it.
    #[command(after_help = "\
Examples:
  cresset rules apply rules/
  cresset rules apply rules/ --to east --to west --yes
  CRESSET_SECRET_A=… cresset rules apply rules/ --to a=https://10.0.0.1 --user admin
  cresset rules apply rules/ --to east --prune --lists --update-secrets
  cresset rules export --to east | cresset rules apply - --to west --yes

A second apply finds nothing to do; after an interruption it does the rest. One server's
failure does not stop the others; the exit code is then 1.")]
    Apply {
        #[command(flatten)]
        change: ChangeArgs,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show each field that differs, old and new; exit code 2 if there is any.
    #[command(after_help = "\
Examples:
  cresset rules diff rules/ --to east")]
    Diff(ChangeArgs),
    /// Check every file and every query, without a server.
    #[command(after_help = "\
Examples:
  cresset rules validate rules/")]
    Validate {
        /// Folder, file or `-`.
        folder: PathBuf,
    },
    /// Run the rules' unit tests, without a server.
    #[command(after_help = "\
Examples:
  cresset rules test rules/ --junit report.xml
  cresset rules test rules/ --signatures signatures/")]
    Test {
        /// Folder or file.
        folder: PathBuf,
        /// Also write the results as JUnit XML.
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Folder of your own signatures, as in ingest.signatures of the servers.
        #[arg(long, value_name = "DIR")]
        signatures: Option<PathBuf>,
    },
}

/// What to bring where.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// Folder, file, or `-` for the stream that export writes.
    pub(crate) folder: PathBuf,
    /// Delete rules that the folder does not have.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Send secrets again: those on a server cannot be compared.
    #[arg(long)]
    pub(crate) update_secrets: bool,
    /// Import lists again: their values cannot be read back.
    #[arg(long)]
    pub(crate) lists: bool,
    /// Name every rule of a plan, not just some per action. Rules to delete are always
    /// named.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) targets: TargetArgs,
}

/// Which servers.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// A server as NAME=URL, or as NAME in the profile; may be repeated. Its key: profile,
    /// else --secret-file, else the environment variable CRESSET_SECRET_NAME.
    #[arg(long = "to", value_name = "NAME[=URL]")]
    pub(crate) to: Vec<String>,
    /// File with targets; without it ~/.config/cresset/targets.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}
