//! `cresset bench`: figures that anybody can repeat on their own machine.

mod child;
mod idle;
mod ingest;
mod latency;
mod search;

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: BenchWhat,
}

#[derive(Debug, Subcommand)]
enum BenchWhat {
    /// Events per CPU second of the server, over HTTP with durable acknowledgement.
    Ingest {
        /// NDJSON or log files, .gz or .zst too; without any, bundled samples.
        #[arg(long, num_args = 1..)]
        events: Vec<PathBuf>,
        /// Events to send; the files are repeated.
        #[arg(long, default_value_t = 1_000_000)]
        count: u64,
        /// Connections that send at once.
        #[arg(long, default_value_t = 2)]
        connections: usize,
    },
    /// CPU time of usual searches over many events, over HTTP.
    Search {
        /// NDJSON or log files, .gz or .zst too; without any, bundled samples.
        #[arg(long, num_args = 1..)]
        events: Vec<PathBuf>,
        /// Events to send; the files are repeated.
        #[arg(long, default_value_t = 1_000_000)]
        count: u64,
        /// How often each search is run, if it does not take long.
        #[arg(long, default_value_t = 50)]
        repeats: u32,
    },
    /// From the arrival of the deciding event to the HTTP notification at a sink.
    Latency {
        /// Rules, each of which fires once.
        #[arg(long, default_value_t = 300)]
        rules: usize,
    },
    /// Memory of a server that has nothing to do.
    Idle,
}

pub(super) async fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    match args.what {
        BenchWhat::Ingest {
            events,
            count,
            connections,
        } => ingest::run(&events, count, connections).await,
        BenchWhat::Search {
            events,
            count,
            repeats,
        } => search::run(&events, count, repeats).await,
        BenchWhat::Latency { rules } => latency::run(rules).await,
        BenchWhat::Idle => idle::run().await,
    }
}

/// The middle and the 99th percentile of `samples`, which are sorted in place.
fn p50_p99(samples: &mut [f64]) -> (f64, f64) {
    samples.sort_by(f64::total_cmp);
    let at = |q: f64| {
        let rank = (q * samples.len() as f64).ceil() as usize;
        samples
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or(f64::NAN)
    };
    (at(0.5), at(0.99))
}

#[cfg(test)]
mod tests {
    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut samples: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(super::p50_p99(&mut samples), (100.0, 198.0));
    }
}
