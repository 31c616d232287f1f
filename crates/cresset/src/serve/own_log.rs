//! Cresset's own log: to standard error, and as events into the repo `_cresset`.

use crate::config::Config;
use cresset_model::repo::OWN_REPO;
use cresset_model::{Clock, Event, Value};
use std::io::IsTerminal;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Lines that wait for the event log; more are dropped rather than held.
const QUEUE: usize = 2_000;

/// Turns log lines into events.
struct OwnLog {
    clock: Arc<dyn Clock>,
    name: String,
    queue: mpsc::Sender<Event>,
}

/// Starts logging; the receiver yields the lines that belong into [`OWN_REPO`].
pub(super) fn start(config: &Config, clock: Arc<dyn Clock>) -> mpsc::Receiver<Event> {
    let (queue, lines) = mpsc::channel(QUEUE);
    let own = OwnLog {
        clock,
        name: config.name.clone(),
        queue,
    };
    let filter = || {
        EnvFilter::new(format!(
            "{0},hyper=warn,h2=warn,sqlx=warn,rustls=warn,reqwest=warn",
            config.log_level
        ))
    };
    let screen = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let screen = if config.log_json {
        screen.json().boxed()
    } else {
        screen.boxed()
    };
    // Debug lines about an append would cause appends without end.
    let own_filter =
        EnvFilter::new("info,cresset_eventlog=warn,cresset_store=warn,hyper=warn,sqlx=warn");
    let _ = tracing_subscriber::registry()
        .with(screen.with_filter(filter()))
        .with(own.with_filter(own_filter))
        .try_init();
    lines
}

/// Appends own log lines to the event log, at most once per second, until `stop`.
pub(super) async fn forward(
    mut lines: mpsc::Receiver<Event>,
    ingestor: Arc<cresset_ingest::Ingestor>,
    mut stop: watch::Receiver<bool>,
) {
    let mut waiting = Vec::new();
    loop {
        let ended = tokio::select! {
            n = lines.recv_many(&mut waiting, QUEUE) => n == 0,
            _ = stop.changed() => true,
        };
        while let Ok(line) = lines.try_recv() {
            waiting.push(line);
        }
        // The log's own trouble is on standard error already; holding lines would only grow.
        let _ = ingestor
            .append_events(OWN_REPO, std::mem::take(&mut waiting))
            .await;
        if ended {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

impl<S: tracing::Subscriber> Layer<S> for OwnLog {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let now = self.clock.now();
        let mut line = Event::new(now, now);
        line.set("norm_id", "Cresset");
        line.set("repo_name", OWN_REPO);
        line.set("col_type", "internal");
        line.set("device_name", self.name.as_str());
        line.set(
            "log_level",
            event.metadata().level().as_str().to_lowercase().as_str(),
        );
        line.set("object", event.metadata().target());
        let mut text = Text {
            line: &mut line,
            msg: String::new(),
        };
        event.record(&mut text);
        let msg = std::mem::take(&mut text.msg);
        line.set("msg", msg.as_str());
        let _ = self.queue.try_send(line);
    }
}

/// Collects the fields of a log line, and its text as `message key=value …`.
struct Text<'a> {
    line: &'a mut Event,
    msg: String,
}

impl Text<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        let text = value.text();
        if field.name() == "message" {
            self.msg.insert_str(0, &text);
        } else {
            self.msg.push_str(&format!(" {}={text}", field.name()));
            self.line.set(field.name(), value.clone());
        }
    }
}

impl Visit for Text<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Int(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(
            field,
            i64::try_from(value).map_or_else(|_| Value::Float(value as f64), Value::Int),
        );
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Bool(value));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::str(value));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, Value::str(format!("{value:?}")));
    }
}
