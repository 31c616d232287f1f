//! Waiting for files as they will stay.

use super::child::BenchServer;
use std::time::{Duration, Instant};

/// Longest that the server is waited for until its files are merged.
const MERGING: Duration = Duration::from_mins(4);
/// It is done when its files have not changed for so long: it gives new ones a minute to become
/// more.
const UNCHANGED: Duration = Duration::from_secs(80);
/// How often its files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// CPU seconds per second that a server with nothing to do stays below.
const BUSY: f64 = 0.1;

/// Waits until the server has made large files of small ones: what is measured beside that is
/// charged for it, and finds more and larger files than there will be later.
pub(super) async fn wait(server: &BenchServer) -> anyhow::Result<()> {
    eprintln!(
        "waiting until the server has made large files of small ones, at most {} minutes",
        MERGING.as_secs() / 60
    );
    let begin = Instant::now();
    let (mut bytes, mut cpu, mut since) = (server.stored_bytes(), server.cpu_seconds()?, begin);
    while since.elapsed() < UNCHANGED {
        if begin.elapsed() > MERGING {
            eprintln!(
                "the server is still at it: what is measured now costs more than it will later"
            );
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
        let now = (server.stored_bytes(), server.cpu_seconds()?);
        if now.0 != bytes || now.1 - cpu > BUSY * LOOK.as_secs_f64() {
            since = Instant::now();
        }
        (bytes, cpu) = now;
    }
    Ok(())
}
