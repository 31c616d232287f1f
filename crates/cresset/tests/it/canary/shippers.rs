//! The routes of log shippers.

use super::stage::{Call, Stage};
use anyhow::Result;

/// An action and its document.
const BULK: &str = "{\"index\":{}}\n{\"msg\":\"by bulk\"}\n";

pub(super) async fn all(stage: &mut Stage) -> Result<()> {
    elastic(stage).await?;
    let event = "{\"event\":\"by hec\"}";
    for route in ["", "/event", "/event/1.0", "/raw", "/raw/1.0"] {
        let call = Call::new("POST", &format!("/services/collector{route}"));
        stage.run(call.raw("application/json", event)).await?;
    }
    for route in ["", "/event", "/event/1.0"] {
        let call = Call::new("OPTIONS", &format!("/services/collector{route}"));
        stage.run(call).await?;
    }
    let acks = Call::new("POST", "/services/collector/ack");
    stage
        .run(acks.raw("application/json", "{\"acks\":[1]}"))
        .await?;
    for route in [
        "/services/collector/health",
        "/services/collector/health/1.0",
        "/ready",
    ] {
        stage.run(Call::new("GET", route)).await?;
    }
    let push = Call::new("POST", "/loki/api/v1/push");
    let lines = "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\"by loki\"]]}]}";
    stage.run(push.raw("application/json", lines)).await?;
    let records = "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{}]}]}]}";
    let logs = Call::new("POST", "/v1/logs");
    stage.run(logs.raw("application/json", records)).await?;
    let export = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let export = Call::new("POST", export);
    stage
        .run(export.raw("application/grpc", [0; 5]))
        .await
        .map(|_| ())
}

async fn elastic(stage: &mut Stage) -> Result<()> {
    for route in [
        "",
        "/",
        "/_license",
        "/_xpack",
        "/_cluster/health",
        "/_nodes/{name}",
        "/_ilm/policy",
        "/{name}",
    ] {
        let call = Call::new("GET", &format!("/elastic{route}"));
        stage.run(call.with("{name}", "canaries")).await?;
    }
    for kind in [
        "_ilm/policy",
        "_index_template",
        "_component_template",
        "_template",
        "_data_stream",
        "_ingest/pipeline",
    ] {
        for method in ["GET", "PUT"] {
            let call = Call::new(method, &format!("/elastic/{kind}/{{name}}"));
            stage.run(call.with("{name}", "canaries")).await?;
        }
    }
    for (method, route) in [
        ("POST", "/elastic/{name}/_bulk"),
        ("PUT", "/elastic/{name}/_bulk"),
        ("POST", "/elastic/_bulk"),
        ("PUT", "/elastic/_bulk"),
        ("POST", "/elastic/_bulk/"),
        ("POST", "/_bulk"),
    ] {
        let call = Call::new(method, route).with("{name}", "canaries");
        stage.run(call.raw("application/x-ndjson", BULK)).await?;
    }
    Ok(())
}
