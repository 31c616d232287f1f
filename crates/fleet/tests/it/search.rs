//! Searches that name an instance.

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use cresset_catalog::port::Instances;
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_fleet::{FleetSearcher, Members};
use cresset_model::event::LoggedEvent;
use cresset_model::instance::{Instance, InstanceHealth, Trust};
use cresset_model::{Clock, Duration, Entropy, ManualClock, ObjectId, SecretString, Timestamp};
use cresset_query::{Context, ResultSet};
use cresset_search::{Elsewhere, Joins, SearchRequest, Searcher};
use cresset_testkit::{HttpSink, Reply, http};
use std::sync::Arc;
use std::time::{Duration as Span, Instant};
use tokio::sync::watch;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const ID: ObjectId = ObjectId::from_bytes([7; 12]);

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(7);
    }
}

/// A server that has no events of its own.
struct Here;

#[async_trait]
impl Searcher for Here {
    async fn run(&self, request: SearchRequest) -> cresset_search::Result<ResultSet> {
        self.run_with(request, Elsewhere::default()).await
    }

    async fn matching(
        &self,
        _: SearchRequest,
        _: usize,
    ) -> cresset_search::Result<Vec<LoggedEvent>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Joins for Here {
    async fn run_with(
        &self,
        request: SearchRequest,
        others: Elsewhere,
    ) -> cresset_search::Result<ResultSet> {
        let mut executor = request.plan.executor(Context::bare());
        for event in others.events {
            executor.push(&event.event);
        }
        Ok(executor.finish())
    }

    async fn matching_with(
        &self,
        _: SearchRequest,
        others: Elsewhere,
        _: usize,
    ) -> cresset_search::Result<Vec<LoggedEvent>> {
        Ok(others.events)
    }
}

/// A server that knows one instance, at which nobody has looked yet.
struct Site {
    _dir: tempfile::TempDir,
    catalog: Arc<SqliteCatalog>,
    members: Members,
    node: String,
    sink: HttpSink,
}

impl Site {
    async fn new() -> Result<Self> {
        let (dir, sink) = (tempfile::tempdir()?, HttpSink::start()?);
        let key = dir.path().join("key");
        Sealer::generate_file(&key, &Sevens)?;
        let path = dir.path().join("catalog.db");
        let catalog = Arc::new(SqliteCatalog::open(&path, Sealer::load_file(&key)?).await?);
        let node = sink.address().to_string();
        let instance = Instance {
            id: ID,
            name: "berlin".to_owned(),
            url: format!("http://{node}"),
            node: node.clone(),
            user: "reader".to_owned(),
            trust: Trust::System,
            by_operator: true,
            created_at: NOW,
            health: InstanceHealth::default(),
        };
        let secret = SecretString::new("key");
        catalog.add_instance(&instance, &secret).await?;
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
        let connect = |_: &Instance| http::client().map_err(|e| e.to_string());
        Ok(Self {
            members: Members::new(catalog.clone(), clock, Box::new(connect)),
            _dir: dir,
            catalog,
            node,
            sink,
        })
    }

    async fn search(&self, query: &str, max_bytes: usize) -> cresset_search::Result<ResultSet> {
        let plan = cresset_query::compile(query).unwrap_or_else(|e| panic!("{e:?}"));
        let request = SearchRequest {
            plan: Arc::new(plan),
            repos: vec!["default".to_owned(), format!("{}/web", self.node)],
            from: NOW,
            to: NOW + Duration::minutes(1),
            part_of: None,
            timezone: "UTC".to_owned(),
            limit: 100,
            up_to_seq: None,
            timeout: Duration::seconds(60),
        };
        let fleet = FleetSearcher::new(Arc::new(Here), self.members.clone(), max_bytes);
        fleet.run(request).await
    }
}

#[tokio::test]
async fn an_instance_that_takes_long_to_fail_is_not_tried_by_searches() -> Result<()> {
    let site = Site::new().await?;
    site.sink
        .otherwise(Reply::status(503).after(Span::from_millis(2_100)));
    let (stop, stopped) = watch::channel(false);
    let watching = tokio::spawn(site.members.clone().watch(stopped));
    while site.catalog.instances().await?[0].health.error.is_none() {
        tokio::time::sleep(Span::from_millis(20)).await;
    }
    stop.send(true)?;
    watching.await?;
    let (before, started) = (site.sink.requests().len(), Instant::now());
    let missing = site.search("user=ann", 1 << 20).await?.missing;
    assert_eq!(
        missing,
        [format!("berlin ({}): no reason given (503)", site.node)]
    );
    assert_eq!(site.sink.requests().len(), before);
    assert!(started.elapsed() < Span::from_secs(2));
    Ok(())
}

#[tokio::test]
async fn an_instance_at_which_nobody_has_looked_is_asked_what_it_is() -> Result<()> {
    let site = Site::new().await?;
    site.sink.script([
        Reply::ok().body(r#"{"status":"up","product":"cresset"}"#),
        Reply::ok().body(r#"{"success":true,"search_id":"s"}"#),
        Reply::ok().body(
            r#"{"success":true,"final":true,"complete":true,"estim_count":1,
                "rows":[{"log_ts":1800000001,"col_ts":1800000001,"user":"ann"}]}"#,
        ),
    ]);
    let result = site.search("user=ann", 1 << 20).await?;
    assert_eq!((result.missing.len(), result.rows.len()), (0, 1));
    let requests = site.sink.requests();
    let asked = requests.get(1).context("no search")?.text();
    // The first moment after the start, as only Cresset understands it.
    assert!(asked.contains("1800000000.000001"), "{asked}");
    // Four fifths of what the search was given.
    assert!(asked.contains("%22timeout%22%3A48"), "{asked}");
    Ok(())
}

#[tokio::test]
async fn an_answer_beyond_what_may_be_kept_is_not_read_to_its_end() -> Result<()> {
    let site = Site::new().await?;
    let row = format!(
        "{{\"log_ts\":1800000001,\"msg\":\"{}\"}}",
        "x".repeat(100_000)
    );
    let rows = vec![row; 30].join(",");
    site.sink.script([
        Reply::ok().body(r#"{"product":"cresset"}"#),
        Reply::ok().body(r#"{"success":true,"search_id":"s"}"#),
        Reply::ok().body(format!(
            r#"{{"success":true,"final":true,"complete":true,"estim_count":30,"rows":[{rows}]}}"#
        )),
    ]);
    let error = site.search("user=ann", 100_000).await.unwrap_err();
    assert!(
        matches!(error, cresset_search::Error::TooMany(0)),
        "{error}"
    );
    Ok(())
}
