//! Elasticsearch's own client, and those of Loki, Splunk and OpenTelemetry, send logs.

use crate::conformance::{installed, run, script};
use crate::world::World;
use anyhow::{Result, ensure};

#[tokio::test]
async fn clients_of_four_protocols_send_logs() -> Result<()> {
    let Some(python) = installed("python") else {
        return Ok(());
    };
    let world = World::new().await?;
    let home = tempfile::tempdir()?;
    let script = script("shippers_client.py").display().to_string();
    let (url, token) = (world.server.url(""), world.token("logs:write"));
    let said = run(&python, home.path(), &[&script, &url, &token]).await?;
    ensure!(said.success, "{said:?}");
    for line in ["version default", "bulk (3, [])", "refused 1 [400]", "sent"] {
        ensure!(
            said.out.lines().any(|l| l == line),
            "{line} is not said: {said:?}"
        );
    }
    for (query, count) in [
        ("\"by elasticsearch\" col_type=elasticsearch", 4),
        ("\"by loki\" app=shop shelf=top", 1),
        ("\"by splunk\" sourcetype=shop index=web", 2),
        (
            "\"by opentelemetry\" service.name=shop device_name=web-1 user=ann",
            1,
        ),
    ] {
        let rows = world.rows(query).await?;
        ensure!(
            rows.len() == count,
            "{query}: {count} were sent: {rows:#?} {said:?}"
        );
    }
    Ok(())
}
