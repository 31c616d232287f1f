//! The threads that speak HTTP.
//!
//! They are apart from those of the detector and the senders: neither waits for the other's
//! work. And they are few, half as many as processors: a request is short, or hands its work
//! to another thread, and idle threads that wake each other up for every request would cost
//! more than the request itself.

use anyhow::Context;
use std::future::Future;
use std::thread::available_parallelism;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Dropped, they stop without waiting for what still runs on them.
pub(super) struct HttpThreads(Option<Runtime>);

impl HttpThreads {
    pub(super) fn start() -> anyhow::Result<Self> {
        let processors = available_parallelism().map_or(1, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads((processors / 2).max(1))
            .thread_name("http")
            .enable_all()
            .build()
            .context("no threads can be started")?;
        Ok(Self(Some(runtime)))
    }

    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<T>>> {
        let runtime = self.0.as_ref().context("the threads have ended")?;
        Ok(runtime.spawn(work))
    }
}

impl Drop for HttpThreads {
    fn drop(&mut self) {
        // A runtime must not be waited for inside another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
