//! `cresset check`: the server's own verdict on a configuration.

use crate::cli::CheckArgs;
use crate::config::{SETTINGS, Sources, render_problems};
use crate::serve::load_checked;
use std::process::ExitCode;

pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    if args.list {
        list();
        return ExitCode::SUCCESS;
    }
    match load_checked(&Sources::from_process(args.config.clone(), Vec::new())) {
        Ok(config) => {
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

/// Prints all settings as a configuration file in which everything is commented out.
fn list() {
    let mut section = "";
    for setting in SETTINGS {
        let (head, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if head != section {
            println!("{}[{head}]", if section.is_empty() { "" } else { "\n" });
            section = head;
        }
        println!("# {} ({})", setting.help, setting.env());
        println!("# {name} = {}", setting.default);
    }
}
