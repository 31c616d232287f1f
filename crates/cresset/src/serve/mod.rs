//! `cresset serve`: builds the parts of the server, starts them and stops them in order.

mod audit_feed;
mod banner;
pub(crate) mod bucket;
mod first_start;
mod health;
mod http_threads;
mod listen;
mod metrics;
mod own_log;
mod own_nodes;
mod parts;
mod patience;
mod places;
mod preflight;
mod request_target;
mod roles;
mod signals;
mod syslog;
mod token_care;
mod upkeep;

use crate::cli::ServeArgs;
use crate::config::{Config, NodeRole, Sources, render_problems};
use crate::demo::Demo;
use crate::system::{SystemClock, SystemEntropy};
use anyhow::Context;
use audit_feed::AuditFeed;
use cresset_eventlog::EventLog as _;
use cresset_model::{Clock, Entropy};
use cresset_store::Depth;
use http_threads::HttpThreads;
use parts::Parts;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use parts::ingest_settings;
pub(crate) use preflight::load_checked;

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let demo = if args.demo {
        Some(Demo::start().await?)
    } else {
        None
    };
    let mut flags = args.settings();
    flags.extend(demo.iter().flat_map(Demo::settings));
    let config = match load_checked(&Sources::from_process(args.config.clone(), flags)) {
        Ok(config) => config,
        Err(problems) => {
            eprint!("{}", render_problems(&problems));
            return Ok(ExitCode::from(2));
        }
    };
    serve(config, demo).await
}

async fn serve(config: Config, demo: Option<Demo>) -> anyhow::Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let own_lines = own_log::start(&config, Arc::clone(&clock));
    let recorder = metrics::install()?;

    let catalog = first_start::open(&config, entropy.as_ref()).await?;
    let listener = bind_tcp(config.listen, "server.listen").await?;
    let bound = listener.local_addr()?;
    let url = config.url(bound);
    let catalog = Arc::new(catalog);

    let (stop, stopped) = watch::channel(false);
    // The flusher must outlive everything that appends.
    let (stop_storage, storage_stopped) = watch::channel(false);
    let parts = Parts::build(
        &config,
        Arc::clone(&catalog),
        Arc::clone(&clock),
        Arc::clone(&entropy),
        &url,
    )
    .await?;
    // After the event log's lock is taken: a second server must change nothing here.
    first_start::populate(&catalog, &config, &url, clock.now(), entropy.as_ref()).await?;
    let own_nodes = own_nodes::keep(catalog.as_ref(), &config, bound).await?;
    let has = |role| config.roles.contains(&role);

    let mut tasks = JoinSet::new();
    let mut storage = JoinSet::new();
    token_care::start(
        &config, &catalog, &clock, &entropy, &url, &mut tasks, &stopped,
    )
    .await?;
    let (to, now) = (parts.log.clone(), clock.clone());
    let audit = AuditFeed::resume(catalog.clone(), to, now, &config.name).await?;
    let audit = tokio::spawn(audit.run(stopped.clone()));
    storage.spawn(parts.flusher().run(storage_stopped));
    tasks.spawn(own_log::forward(
        own_lines,
        Arc::clone(&parts.ingestor),
        stopped.clone(),
    ));
    tasks.spawn(upkeep::keep_retention(
        Arc::clone(&parts.store),
        stopped.clone(),
    ));
    tasks.spawn(upkeep::keep_compact(
        Arc::clone(&parts.store),
        parts.log.head(),
        stopped.clone(),
    ));
    // Object storage has checksums of its own, and may have its price for every byte read.
    let depth = match config.s3 {
        Some(_) => Depth::Sizes,
        None => Depth::Bytes,
    };
    tasks.spawn(upkeep::keep_checked(
        Arc::clone(&parts.store),
        depth,
        stopped.clone(),
    ));
    tasks.spawn(parts.members.clone().watch(stopped.clone()));
    if let Some(detector) = parts.take_detector() {
        tasks.spawn(detector.run(stopped.clone()));
    }
    if let Some(worker) = parts.take_worker() {
        tasks.spawn(worker.run(stopped.clone()));
    }
    if has(NodeRole::Ingest) {
        syslog::start(&config, &parts, &mut tasks, &stopped).await?;
    }
    let router = roles::limit(
        cresset_api::router(parts.app_state(&config, &url, own_nodes, recorder)),
        &config.roles,
    );
    let http = HttpThreads::start()?;
    let listener = listener.into_std()?;
    let server = http.spawn({
        let (config, stopped) = (config.clone(), stopped.clone());
        async move {
            let listener = TcpListener::from_std(listener)?;
            listen::serve(listener, router, &config, stopped).await
        }
    })?;
    tracing::info!(%url, "ready");
    banner::print(&config, &url);

    let mut signals = signals::Signals::new()?;
    if let Some(demo) = demo {
        tokio::select! {
            played = demo.play(&config.data_dir) => played?,
            () = signals.stop() => {}
        }
        println!("\nThe server goes on running; Ctrl-C stops it.");
    }
    signals.stop().await;
    tracing::info!("stopping");
    stop.send_replace(true);
    server.await??;
    while tasks.join_next().await.is_some() {}
    // What was written while the rest stopped is chained and told as well.
    audit.await?.turn().await;
    stop_storage.send_replace(true);
    while storage.join_next().await.is_some() {}
    parts.close().await;
    // Not before: requests to other instances may run on their threads.
    drop(http);
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn bind_tcp(addr: std::net::SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| {
        format!("{setting}: cannot listen on {addr}; is another server running there? Choose another port, or 0 for a free one")
    })
}
