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
mod sealing_keys;
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

/// What a shell shows of a program that a closed pipe ended.
const CLOSED_PIPE: u8 = 141;

/// Ends the process without a word when the reader of its output went away, as `head`
/// does. The standard library would panic then.
fn end_quietly_on_closed_pipe() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let printing = info.payload_as_str().is_some_and(|text| {
            let printed = text.starts_with("failed printing to std")
                || text.starts_with("failed to write completion file");
            printed && (text.contains("Broken pipe") || text.contains("BrokenPipe"))
        });
        if printing {
            std::process::exit(CLOSED_PIPE.into());
        }
        usual(info);
    }));
}

fn main() -> ExitCode {
    end_quietly_on_closed_pipe();
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
        let kind = error
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        if kind == Some(std::io::ErrorKind::BrokenPipe) {
            return ExitCode::from(CLOSED_PIPE);
        }
        // It may quote what another server said.
        eprintln!("cresset: {}", cmd::plain_lines(&format!("{error:#}")));
        ExitCode::FAILURE
    });
    // A search that does not notice its end must not keep the process alive.
    runtime.shutdown_timeout(LAST_WORK);
    code
}
