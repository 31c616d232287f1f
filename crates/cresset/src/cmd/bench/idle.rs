//! Memory of a server that has nothing to do.

use super::child::BenchServer;
use std::process::ExitCode;
use std::time::Duration;

/// How long the server is left alone.
const WAIT: Duration = Duration::from_secs(20);

pub(super) async fn run() -> anyhow::Result<ExitCode> {
    let server = BenchServer::start(&[]).await?;
    let before = server.cpu_seconds()?;
    tokio::time::sleep(WAIT).await;
    let (now, peak) = server.memory()?;
    let cpu = (server.cpu_seconds()? - before) / WAIT.as_secs_f64() * 100.0;
    println!(
        "idle server: {now:.1} MiB resident, {peak:.1} MiB at its peak, {cpu:.2} % of one CPU"
    );
    Ok(ExitCode::SUCCESS)
}
