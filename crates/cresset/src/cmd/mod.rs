//! One file per command.

mod api;
mod audit;
mod bench;
mod check;
mod credentials;
mod delete;
mod group;
mod ingest;
mod instance;
mod keys;
mod normalize;
mod outbox;
mod profile;
mod rules;
mod search;
mod sign;
mod store;
mod token;
mod told;
mod user;

use crate::cli::{Cli, Command};
use clap::CommandFactory;
use std::process::ExitCode;

pub(crate) use api::{ApiArgs, SignArgs};
pub(crate) use audit::AuditArgs;
pub(crate) use bench::BenchArgs;
pub(crate) use credentials::{CATALOG, INITIAL, InitialCredentials, access_key_of};
pub(crate) use delete::DeleteArgs;
pub(crate) use group::GroupArgs;
pub(crate) use instance::InstanceArgs;
pub(crate) use keys::KeysArgs;
pub(crate) use outbox::OutboxArgs;
pub(crate) use rules::RulesArgs;
pub(crate) use search::SearchArgs;
pub(crate) use store::StoreArgs;
pub(crate) use token::self_signed;
pub(crate) use told::plain_lines;
pub(crate) use user::UserArgs;

/// Runs the command; the code is 0 for success, 1 for failure, 2 for a wrong call.
pub(crate) async fn run(args: Cli) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Serve(args) => return crate::serve::run(args).await,
        Command::Check(args) => return Ok(check::run(&args).await),
        Command::User(args) => user::run(args).await?,
        Command::Group(args) => group::run(args).await?,
        Command::Audit(args) => return audit::run(args).await,
        Command::Keys(args) => keys::run(args).await?,
        Command::Instance(args) => return instance::run(*args).await,
        Command::Token(args) => token::run(args).await?,
        Command::Sign(args) => sign::run(&args).await?,
        Command::Api(args) => return api::run(&args).await,
        Command::Ingest(args) => return ingest::run(args).await,
        Command::Normalize(args) => return normalize::run(&args),
        Command::Search(args) => return search::run(*args).await,
        Command::Delete(args) => return delete::run(&args).await,
        Command::Store(args) => store::run(args).await?,
        Command::Outbox(args) => outbox::run(args).await?,
        Command::Rules(args) => return rules::run(*args).await,
        Command::Bench(args) => return bench::run(args).await,
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "cresset",
                &mut std::io::stdout(),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
