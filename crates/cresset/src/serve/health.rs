//! Whether the server can do its work.

use cresset_api::Readiness;
use cresset_detect::DetectorHandle;
use cresset_model::Duration;

/// Scheduled rules or live events further behind than this are worth a page.
const MAX_LAG: Duration = Duration::seconds(60);
/// Events that live rules may be behind.
const MAX_BACKLOG: u64 = 200_000;

/// The reasons why the server is not ready.
pub(super) fn readiness(
    detector: Option<&DetectorHandle>,
    tail_bytes: usize,
    max_tail: usize,
) -> Readiness {
    let mut reasons = Vec::new();
    if let Some(detector) = detector {
        let health = detector.health();
        if !health.running {
            reasons.push("live rules are being loaded".to_owned());
        }
        if health.scheduler_lag > MAX_LAG {
            reasons.push(format!(
                "scheduled rules are {:.0} seconds late",
                health.scheduler_lag.as_secs_f64()
            ));
        }
        if health.lag_events > MAX_BACKLOG {
            reasons.push(format!(
                "live rules are {} events behind",
                health.lag_events
            ));
        }
        reasons.extend(
            health
                .trouble
                .map(|t| format!("live rules are stopped: {t}")),
        );
    }
    if tail_bytes >= max_tail {
        reasons.push("the event log is full; are event files being written?".to_owned());
    }
    Readiness { reasons }
}
