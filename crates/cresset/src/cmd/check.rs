//! `cresset check`: the server's own verdict on a configuration.

use crate::cli::CheckArgs;
use crate::config::{Config, Sources, render_problems, settings};
use crate::serve::{bucket, load_checked};
use crate::system::{SystemClock, SystemEntropy};
use cresset_model::{Clock as _, ObjectId};
use std::process::ExitCode;

pub(crate) async fn run(args: &CheckArgs) -> ExitCode {
    if args.list {
        list();
        return ExitCode::SUCCESS;
    }
    match load_checked(&Sources::from_process(args.config.clone(), Vec::new())) {
        Ok(config) => {
            if let Err(error) = try_bucket(&config).await {
                eprintln!("[s3]: {error:#}\n1 problem(s)");
                return ExitCode::FAILURE;
            }
            println!(
                "configuration is valid; the server would listen on {}",
                config.listen
            );
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprint!("{}", render_problems(&problems));
            eprintln!("{} problem(s)", problems.len());
            ExitCode::FAILURE
        }
    }
}

/// Writes, reads and deletes an object where a bucket is configured, as the server does when
/// it starts.
async fn try_bucket(config: &Config) -> anyhow::Result<()> {
    if let Some(s3) = &config.s3 {
        let name = ObjectId::generate(SystemClock.now(), &SystemEntropy::new());
        let bucket = bucket::probe(bucket::connect(s3)?, name).await?;
        println!("{} can be written and read", bucket.root().display());
    }
    Ok(())
}

/// Prints all settings as a configuration file in which everything is commented out.
fn list() {
    let mut section = "";
    for setting in settings() {
        let (head, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if head != section {
            println!("{}[{head}]", if section.is_empty() { "" } else { "\n" });
            section = head;
        }
        println!("# {} ({})", setting.help, setting.env());
        println!("# {name} = {}", setting.default);
    }
}
