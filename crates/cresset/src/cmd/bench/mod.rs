//! `cresset bench`: figures that anybody can repeat on their own machine.

mod child;
mod corpus;
mod duckdb;
mod home;
mod idle;
mod ingest;
mod latency;
mod merged;
mod scale;
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
    #[command(after_help = "\
Examples:
  cresset bench search --events windows.ndjson.zst --count 1000000
  cresset bench search --events windows.ndjson.zst --against duckdb")]
    Search(search::SearchArgs),
    /// What a needle costs in 10 and 100 times the data.
    #[command(after_help = "\
Examples:
  cresset bench scale --events windows.ndjson.zst
  cresset bench scale --events windows.ndjson.zst --base 5000 --times 1,10,1000")]
    Scale(scale::ScaleArgs),
    /// Every query of a corpus on both engines of the search, which must find the same rows.
    #[command(after_help = "\
Examples:
  cresset bench corpus --events windows.ndjson.zst --queries sigma.ndjson.gz
  cresset bench corpus --events windows.ndjson.zst --queries sigma.ndjson.gz --against duckdb")]
    Corpus(corpus::CorpusArgs),
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
        BenchWhat::Search(args) => search::run(args).await,
        BenchWhat::Scale(args) => scale::run(args).await,
        BenchWhat::Corpus(args) => corpus::run(args).await,
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
