//! Searches that are started, polled and forgotten.
//!
//! The API's `getsearchlogs` starts a search with one request and asks for its result
//! with others. A session belongs to the user who started it.

use crate::{Progress, SearchRequest, Searcher};
use cresset_model::{Clock, Duration, Entropy, ObjectId, Timestamp};
use cresset_query::{ResultRow, ResultSet};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

/// How many sessions there may be and how long they stay.
#[derive(Debug, Clone, Copy)]
pub struct SessionSettings {
    /// A session that nobody polled for this long is forgotten.
    pub expiry: Duration,
    /// Searches of one user that run at the same time; others wait in line.
    pub running_per_user: usize,
    /// Searches of all users that run at the same time.
    pub running: usize,
    /// Sessions of one user, running or done.
    pub sessions_per_user: usize,
    /// Sessions of all users.
    pub sessions: usize,
    /// Bytes of all results together; beyond, those polled least recently are forgotten.
    pub max_result_bytes: usize,
    /// How often expired sessions are looked for while there are any.
    pub sweep_every: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            expiry: Duration::minutes(10),
            running_per_user: 2,
            running: 4,
            sessions_per_user: 100,
            sessions: 1_000,
            max_result_bytes: 256 << 20,
            sweep_every: Duration::seconds(30),
        }
    }
}

/// Why a session could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The user has too many.
    #[error(
        "you have {0} searches under way, as many as search.queue_per_user allows; wait for one \
         to end"
    )]
    TooManyOfUser(usize),
    /// The server has too many.
    #[error(
        "the server has {0} searches under way, as many as search.queue allows; try again later"
    )]
    TooMany(usize),
}

/// How far a session is.
#[derive(Debug, Clone)]
pub enum SessionState {
    /// Waiting in line or running.
    Running,
    /// Done.
    Done {
        /// What it found.
        result: Arc<ResultSet>,
        /// Time from the start, waiting included.
        elapsed: Duration,
    },
    /// Failed.
    Failed {
        /// What went wrong, for the user.
        message: String,
    },
}

/// What a poll shows.
#[derive(Debug, Clone)]
pub struct Session {
    /// What is searched.
    pub request: SearchRequest,
    /// How far it is.
    pub state: SessionState,
    /// How far it is in numbers, and the rows that are final.
    pub progress: Arc<Progress>,
}

/// All sessions. Clones are handles to the same ones.
#[derive(Clone)]
pub struct SearchSessions(Arc<Inner>);

struct Inner {
    searcher: Arc<dyn Searcher>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    settings: SessionSettings,
    running: Arc<Semaphore>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<String, Entry>,
    users: HashMap<ObjectId, Arc<Semaphore>>,
    sweeping: bool,
}

struct Entry {
    user: ObjectId,
    request: SearchRequest,
    progress: Arc<Progress>,
    polled_at: Timestamp,
    bytes: usize,
    state: watch::Receiver<SessionState>,
    task: AbortHandle,
}

impl SearchSessions {
    /// No sessions yet.
    pub fn new(
        searcher: Arc<dyn Searcher>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: SessionSettings,
    ) -> Self {
        let running = Arc::new(Semaphore::new(settings.running.max(1)));
        let table = Mutex::default();
        Self(Arc::new(Inner {
            searcher,
            clock,
            entropy,
            settings,
            running,
            table,
        }))
    }

    /// Starts a search for `user` and returns its id at once.
    /// Must be called on a Tokio runtime.
    pub fn start(&self, user: ObjectId, request: SearchRequest) -> Result<String, StartError> {
        self.start_watched(user, request, Arc::default())
    }

    /// [`SearchSessions::start`], of a search that tells `progress` how far it is.
    pub fn start_watched(
        &self,
        user: ObjectId,
        request: SearchRequest,
        progress: Arc<Progress>,
    ) -> Result<String, StartError> {
        let inner = &self.0;
        let now = inner.clock.now();
        let mut table = inner.table.lock();
        table.forget_expired(now - inner.settings.expiry);
        table.make_room(user, &inner.settings)?;
        let id = uuid(&*inner.entropy);
        let of_user = table
            .users
            .entry(user)
            .or_insert_with(|| Arc::new(Semaphore::new(inner.settings.running_per_user.max(1))))
            .clone();
        let (sender, state) = watch::channel(SessionState::Running);
        let work = run(
            Arc::downgrade(inner),
            id.clone(),
            (request.clone(), Arc::clone(&progress)),
            of_user,
            sender,
            now,
        );
        let task = tokio::spawn(work).abort_handle();
        let entry = Entry {
            user,
            request,
            progress,
            polled_at: now,
            bytes: 0,
            state,
            task,
        };
        table.sessions.insert(id.clone(), entry);
        metrics::gauge!("cresset_search_sessions").set(table.sessions.len() as f64);
        if !table.sweeping {
            table.sweeping = true;
            tokio::spawn(sweep(Arc::downgrade(inner), inner.settings.sweep_every));
        }
        Ok(id)
    }

    /// The session of that id; `None` if it is forgotten, never was, or is another user's.
    pub fn poll(&self, user: ObjectId, id: &str) -> Option<Session> {
        let now = self.0.clock.now();
        let mut table = self.0.table.lock();
        table.forget_expired(now - self.0.settings.expiry);
        let entry = table
            .sessions
            .get_mut(id)
            .filter(|entry| entry.user == user)?;
        entry.polled_at = now;
        let state = entry.state.borrow().clone();
        Some(Session {
            request: entry.request.clone(),
            state,
            progress: Arc::clone(&entry.progress),
        })
    }

    /// [`SearchSessions::poll`], but waits up to `patience` for the end of the search.
    pub async fn wait(
        &self,
        user: ObjectId,
        id: &str,
        patience: std::time::Duration,
    ) -> Option<Session> {
        let session = self.poll(user, id)?;
        if !matches!(session.state, SessionState::Running) {
            return Some(session);
        }
        let mut state = self.0.table.lock().sessions.get(id)?.state.clone();
        let over = state.wait_for(|state| !matches!(state, SessionState::Running));
        let _ = tokio::time::timeout(patience, over).await;
        self.poll(user, id)
    }

    /// [`SearchSessions::wait`], but waits only until more than `rows` rows are final.
    pub async fn wait_for_rows(
        &self,
        user: ObjectId,
        id: &str,
        rows: usize,
        patience: std::time::Duration,
    ) -> Option<Session> {
        let progress = self.poll(user, id)?.progress;
        let more = progress.more_than(rows);
        let over = self.wait(user, id, patience);
        tokio::select! {
            session = over => session,
            () = more => self.poll(user, id),
        }
    }

    /// Ends a session of `user`; false if there is none of that id.
    pub fn cancel(&self, user: ObjectId, id: &str) -> bool {
        let mut table = self.0.table.lock();
        let known = table
            .sessions
            .get(id)
            .is_some_and(|entry| entry.user == user);
        if known {
            table.forget(id);
        }
        known
    }
}

/// Waits in line, runs, and leaves the outcome in the session.
async fn run(
    inner: Weak<Inner>,
    id: String,
    (request, progress): (SearchRequest, Arc<Progress>),
    of_user: Arc<Semaphore>,
    state: watch::Sender<SessionState>,
    started: Timestamp,
) {
    let Some((searcher, running)) = inner
        .upgrade()
        .map(|inner| (inner.searcher.clone(), inner.running.clone()))
    else {
        return;
    };
    // First the user's own line, so that one user's many searches do not fill the common one.
    let Ok(_mine) = of_user.acquire().await else {
        return;
    };
    let Ok(_ours) = running.acquire().await else {
        return;
    };
    let outcome = searcher.run_watched(request, progress).await;
    let Some(inner) = inner.upgrade() else { return };
    let mut bytes = 0;
    let next = match outcome {
        Ok(result) => {
            bytes = result.rows.iter().map(row_bytes).sum();
            let elapsed = inner.clock.now().since(started);
            SessionState::Done {
                result: Arc::new(result),
                elapsed,
            }
        }
        Err(error) => {
            tracing::warn!(%error, "a search failed");
            SessionState::Failed {
                message: error.to_string(),
            }
        }
    };
    let mut table = inner.table.lock();
    if let Some(entry) = table.sessions.get_mut(&id) {
        entry.bytes = bytes;
        state.send_replace(next);
    }
    table.keep_within(inner.settings.max_result_bytes, &id);
}

/// Forgets expired sessions until there are none.
async fn sweep(inner: Weak<Inner>, every: Duration) {
    loop {
        tokio::time::sleep(every.to_std()).await;
        let Some(inner) = inner.upgrade() else { return };
        let mut table = inner.table.lock();
        table.forget_expired(inner.clock.now() - inner.settings.expiry);
        if table.sessions.is_empty() {
            table.sweeping = false;
            return;
        }
    }
}

impl Table {
    fn forget(&mut self, id: &str) {
        let Some(entry) = self.sessions.remove(id) else {
            return;
        };
        entry.task.abort();
        if !self.sessions.values().any(|other| other.user == entry.user) {
            self.users.remove(&entry.user);
        }
        metrics::gauge!("cresset_search_sessions").set(self.sessions.len() as f64);
    }

    fn forget_expired(&mut self, before: Timestamp) {
        let expired = |e: &Entry| e.polled_at < before;
        let ids: Vec<String> = self
            .sessions
            .iter()
            .filter(|(_, e)| expired(e))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            self.forget(&id);
        }
    }

    /// Makes sure that one more session of `user` is allowed; ended sessions give way.
    fn make_room(&mut self, user: ObjectId, settings: &SessionSettings) -> Result<(), StartError> {
        let (mine, all) = (settings.sessions_per_user, settings.sessions);
        while self.sessions.values().filter(|e| e.user == user).count() >= mine {
            let oldest = self.oldest_ended(|e| e.user == user);
            self.forget(&oldest.ok_or(StartError::TooManyOfUser(mine))?);
        }
        while self.sessions.len() >= all {
            let oldest = self.oldest_ended(|_| true);
            self.forget(&oldest.ok_or(StartError::TooMany(all))?);
        }
        Ok(())
    }

    /// The ended session that was polled least recently.
    fn oldest_ended(&self, which: impl Fn(&Entry) -> bool) -> Option<String> {
        self.sessions
            .iter()
            .filter(|(_, e)| which(e) && !matches!(*e.state.borrow(), SessionState::Running))
            .min_by_key(|(_, e)| e.polled_at)
            .map(|(id, _)| id.clone())
    }

    /// Forgets results, least recently polled first, until the rest fits; never `newest`.
    fn keep_within(&mut self, max_bytes: usize, newest: &str) {
        let mut bytes: usize = self.sessions.values().map(|e| e.bytes).sum();
        let mut others: Vec<(Timestamp, String, usize)> = self
            .sessions
            .iter()
            .filter(|(id, e)| *id != newest && e.bytes > 0)
            .map(|(id, e)| (e.polled_at, id.clone(), e.bytes))
            .collect();
        others.sort_unstable();
        for (_, id, size) in others {
            if bytes <= max_bytes {
                return;
            }
            self.forget(&id);
            bytes -= size;
        }
    }
}

fn row_bytes(row: &ResultRow) -> usize {
    row.fields
        .iter()
        .map(|(name, value)| 56 + name.len() + value.text().len())
        .sum()
}

/// A random UUID (version 4) as text.
fn uuid(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let n = u128::from_be_bytes(bytes);
    let n = n & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{n:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests;
