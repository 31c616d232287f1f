//! `cresset rules`: alert rules as files, on one server or many.

mod apply;
mod args;
mod cases;
mod entries;
mod events;
mod export;
mod folder;
mod junit;
mod lists;
mod macros;
mod notified;
mod place;
mod report;
mod targets;
mod validate;

use args::RulesAction;
pub(crate) use args::RulesArgs;
use std::process::ExitCode;

/// The code of a plan or diff that holds changes.
const CHANGES: u8 = 2;

pub(crate) async fn run(args: RulesArgs) -> anyhow::Result<ExitCode> {
    match args.action {
        RulesAction::Export {
            folder,
            prune,
            targets,
        } => export::run(&folder, prune, &targets).await,
        RulesAction::Plan(change) => apply::plan(&change, false).await,
        RulesAction::Diff(change) => apply::plan(&change, true).await,
        RulesAction::Apply { change, yes } => apply::apply(&change, yes).await,
        RulesAction::Validate { folder } => validate::run(&folder),
        RulesAction::Test {
            folder,
            junit,
            signatures,
        } => cases::run(&folder, junit.as_deref(), signatures.as_deref()),
    }
}
