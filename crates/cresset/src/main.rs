//! Cresset: one binary that takes logs in, evaluates alert rules and tells people.
//!
//! This crate wires adapters to ports and talks to the person at the terminal;
//! it holds no logic that another crate could hold.

mod cli;
mod client;
mod cmd;
mod config;
mod demo;
mod serve;
mod sinks;
mod system;

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let args = cli::Cli::parse();
    // One TLS provider for the whole process; a second call would be a bug here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cmd::run(args).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cresset: {error:#}");
            ExitCode::FAILURE
        }
    }
}
