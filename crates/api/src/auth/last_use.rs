//! When and from where API tokens were used last, written at most once a minute each.

use crate::state::Context;
use cresset_model::token::ApiToken;
use cresset_model::{Duration, Timestamp};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::net::IpAddr;

const MINUTE: Duration = Duration::minutes(1);
/// How long a request waits for those that write to the catalog before it.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(100);

/// The tokens whose use was written in this minute; never more than there are tokens.
#[derive(Default)]
pub(crate) struct LastUses(Mutex<Written>);

#[derive(Default)]
struct Written {
    minute: i64,
    tokens: HashSet<i64>,
}

impl LastUses {
    /// Whether this use is to be written.
    fn is_due(&self, token: &ApiToken, now: Timestamp) -> bool {
        let known = token.last_used_at;
        if known.is_some_and(|last| now.since(last) < MINUTE && last <= now) {
            return false;
        }
        let minute = now.0.div_euclid(MINUTE.0);
        let mut written = self.0.lock();
        if written.minute != minute {
            written.minute = minute;
            written.tokens.clear();
        }
        written.tokens.insert(token.id)
    }
}

impl Context {
    /// Records that `token` proved a caller, and says whether that was due. That it cannot be
    /// written stops no request.
    pub(super) async fn token_used(&self, token: &ApiToken, peer: IpAddr) -> bool {
        let now = self.now();
        if !self.last_uses.is_due(token, now) {
            return false;
        }
        let address = peer.to_canonical().to_string();
        let written = self.catalog.token_used(token.id, now, &address);
        match tokio::time::timeout(PATIENCE, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, token = token.id, "last use could not be recorded");
            }
            Err(_) => tracing::debug!(token = token.id, "last use was left out"),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::api_token::a_token;

    fn token(id: i64, last_used_at: Option<i64>) -> ApiToken {
        ApiToken {
            id,
            last_used_at: last_used_at.map(Timestamp::from_secs),
            ..a_token()
        }
    }

    #[test]
    fn once_a_minute_and_token() {
        let uses = LastUses::default();
        let check = |id: i64, last: Option<i64>, now: i64, expected: bool| {
            let due = uses.is_due(&token(id, last), Timestamp::from_secs(now));
            assert_eq!(due, expected, "{id} {last:?} {now}");
        };
        check(1, None, 600, true);
        check(1, None, 601, false);
        check(2, None, 601, true);
        check(1, Some(600), 659, false);
        check(1, Some(600), 660, true);
        // A clock that was set back must not stop the record for ever.
        check(1, Some(9_000), 720, true);
    }
}
