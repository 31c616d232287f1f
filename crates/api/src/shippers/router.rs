//! The table of contents. Everything asks for a token with the scope `logs:write`, but for
//! those that say whether the server is well, and that it is there.

use super::{elastic, loki, otlp, splunk};
use crate::state::Api;
use axum::Router;
use axum::routing::{get, post};

/// Every endpoint, with its path as clients send it.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/elastic", get(elastic::root::root))
        .route("/elastic/", get(elastic::root::root))
        .route("/elastic/_license", get(elastic::license::license))
        .route("/elastic/_xpack", get(elastic::xpack::xpack))
        .route("/elastic/_cluster/health", get(elastic::health::health))
        .route("/elastic/_nodes/{name}", get(elastic::nodes::nodes))
        .route("/elastic/_ilm/policy", get(elastic::assets::exists))
        .route(
            "/elastic/_ilm/policy/{name}",
            get(elastic::assets::exists).put(elastic::assets::put),
        )
        .route(
            "/elastic/_index_template/{name}",
            get(elastic::assets::exists).put(elastic::assets::put),
        )
        .route(
            "/elastic/_component_template/{name}",
            get(elastic::assets::exists).put(elastic::assets::put),
        )
        .route(
            "/elastic/_template/{name}",
            get(elastic::assets::exists).put(elastic::assets::put),
        )
        .route(
            "/elastic/_data_stream/{name}",
            get(elastic::assets::exists).put(elastic::assets::put),
        )
        .route(
            "/elastic/_ingest/pipeline/{name}",
            get(elastic::assets::exists).put(elastic::assets::put),
        )
        .route("/elastic/{name}", get(elastic::assets::exists))
        .route(
            "/elastic/{name}/_bulk",
            post(elastic::bulk::of_index).put(elastic::bulk::of_index),
        )
        .route(
            "/elastic/_bulk",
            post(elastic::bulk::bulk).put(elastic::bulk::bulk),
        )
        // Fluent Bit writes it so where it names a pipeline.
        .route("/elastic/_bulk/", post(elastic::bulk::bulk))
        // rsyslog has no setting for a path.
        .route("/_bulk", post(elastic::bulk::bulk))
        .route(
            "/services/collector",
            post(splunk::event::event).options(splunk::options::options),
        )
        .route(
            "/services/collector/event",
            post(splunk::event::event).options(splunk::options::options),
        )
        .route(
            "/services/collector/event/1.0",
            post(splunk::event::event).options(splunk::options::options),
        )
        .route("/services/collector/raw", post(splunk::raw::raw))
        .route("/services/collector/raw/1.0", post(splunk::raw::raw))
        .route("/services/collector/ack", post(splunk::ack::ack))
        .route("/services/collector/health", get(splunk::health::health))
        .route(
            "/services/collector/health/1.0",
            get(splunk::health::health),
        )
        .route("/loki/api/v1/push", post(loki::push::push))
        .route("/ready", get(loki::ready::ready))
        .route("/v1/logs", post(otlp::logs::logs))
        .route(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            post(otlp::grpc::export),
        )
}
