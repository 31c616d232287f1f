//! SIGTERM and SIGINT: an orderly stop; a second one ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop the server.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Starts listening.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the first signal; from then on another one ends the process.
    pub(super) async fn stop(&mut self) {
        self.next().await;
        let (Ok(term), Ok(int)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            return;
        };
        tokio::spawn(async move {
            Self { term, int }.next().await;
            eprintln!("cresset: stopped before everything was finished");
            std::process::exit(130);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
