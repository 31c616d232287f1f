//! Cresset: one binary that takes logs in, evaluates alert rules and tells people.
//!
//! This crate wires adapters to ports and talks to the person at the terminal;
//! it holds no logic that another crate could hold.

mod cli;
mod client;
mod cmd;
mod config;
mod demo;
mod proc_memory;
mod serve;
mod sinks;
mod system;

use clap::Parser;
use std::process::ExitCode;

/// Ingest allocates on many threads and frees on others, which leaves the system's allocator
/// holding twice the memory. `.cargo/config.toml` has this one's settings.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long threads that are still busy may hold up the end of the process.
const LAST_WORK: std::time::Duration = std::time::Duration::from_secs(2);

fn main() -> ExitCode {
    let args = cli::Cli::parse();
    // One TLS provider for the whole process; a second call would be a bug here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cresset: no threads can be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cmd::run(args)).unwrap_or_else(|error| {
        eprintln!("cresset: {error:#}");
        ExitCode::FAILURE
    });
    // A search that does not notice its end must not keep the process alive.
    runtime.shutdown_timeout(LAST_WORK);
    code
}
