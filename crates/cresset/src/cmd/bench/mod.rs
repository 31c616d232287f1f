//! `cresset bench`: figures that anybody can repeat on their own machine.

mod child;
mod idle;
mod ingest;
mod latency;

use crate::cli::{BenchArgs, BenchWhat};
use std::process::ExitCode;

pub(super) async fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    match args.what {
        BenchWhat::Ingest {
            events,
            count,
            connections,
        } => ingest::run(&events, count, connections).await,
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
