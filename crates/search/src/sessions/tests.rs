//! Sessions over a searcher whose searches end when the test says so.

use super::*;
use crate::Error;
use async_trait::async_trait;
use cresset_model::event::LoggedEvent;
use cresset_model::{ManualClock, Value};
use cresset_query::QueryKind;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Searches take the number of rows from their `limit`, and fail for 13.
struct Gated {
    gate: Semaphore,
    running: AtomicUsize,
    most: AtomicUsize,
}

struct Leaves<'a>(&'a AtomicUsize);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Searcher for Gated {
    async fn run(&self, request: SearchRequest) -> crate::Result<ResultSet> {
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let _leaves = Leaves(&self.running);
        self.gate
            .acquire()
            .await
            .map_err(|_| Error::Cancelled)?
            .forget();
        if request.limit == 13 {
            return Err(Error::TooMany(13));
        }
        let row = ResultRow {
            fields: vec![("n".into(), Value::str("x".repeat(943)))],
        };
        Ok(ResultSet {
            kind: QueryKind::Simple,
            columns: Vec::new(),
            grouping: Vec::new(),
            rows: vec![row; request.limit],
            total: request.limit as u64,
            truncated: false,
            aggregated: 0,
            missing: Vec::new(),
            additions: Vec::new(),
            looked_at: Default::default(),
        })
    }

    async fn matching(&self, _: SearchRequest, _: usize) -> crate::Result<Vec<LoggedEvent>> {
        Err(Error::Cancelled)
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(0xff);
        let n = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        buf[..8].copy_from_slice(&n);
    }
}

struct Fixture {
    searcher: Arc<Gated>,
    clock: Arc<ManualClock>,
    sessions: SearchSessions,
}

fn fixture(settings: SessionSettings) -> Fixture {
    let searcher = Arc::new(Gated {
        gate: Semaphore::new(0),
        running: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
    let entropy = Arc::new(Counting::default());
    let sessions = SearchSessions::new(searcher.clone(), clock.clone(), entropy, settings);
    Fixture {
        searcher,
        clock,
        sessions,
    }
}

const ANN: ObjectId = ObjectId::from_bytes([1; 12]);
const BOB: ObjectId = ObjectId::from_bytes([2; 12]);
const LONG: std::time::Duration = std::time::Duration::from_secs(10);

fn request(rows: usize) -> SearchRequest {
    SearchRequest {
        plan: Arc::new(cresset_query::compile("").unwrap()),
        repos: Vec::new(),
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        part_of: None,
        timezone: "UTC".into(),
        limit: rows,
        up_to_seq: None,
        timeout: Duration::seconds(30),
    }
}

impl Fixture {
    async fn ended(&self, user: ObjectId, id: &str) -> SessionState {
        self.sessions.wait(user, id, LONG).await.unwrap().state
    }

    fn running(&self, user: ObjectId, id: &str) -> bool {
        let session = self.sessions.poll(user, id);
        session.is_some_and(|s| matches!(s.state, SessionState::Running))
    }

    async fn until_running(&self, n: usize) {
        while self.searcher.running.load(Ordering::SeqCst) != n {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_search_runs_and_its_result_stays() {
    let f = fixture(SessionSettings::default());
    let id = f.sessions.start(ANN, request(2)).unwrap();
    assert_eq!(id, "00000000-0000-4000-bfff-ffffffffffff");
    assert!(f.running(ANN, &id));
    f.clock.advance(Duration::seconds(3));
    f.searcher.gate.add_permits(1);
    for _ in 0..2 {
        let SessionState::Done { result, elapsed } = f.ended(ANN, &id).await else {
            panic!("not done");
        };
        assert_eq!((result.rows.len(), elapsed), (2, Duration::seconds(3)));
    }
}

#[tokio::test]
async fn a_failure_says_why() {
    let f = fixture(SessionSettings::default());
    let id = f.sessions.start(ANN, request(13)).unwrap();
    f.searcher.gate.add_permits(1);
    let SessionState::Failed { message } = f.ended(ANN, &id).await else {
        panic!("not failed")
    };
    assert!(message.contains("13 events"), "{message}");
}

#[tokio::test]
async fn sessions_belong_to_their_user() {
    let f = fixture(SessionSettings::default());
    let id = f.sessions.start(ANN, request(1)).unwrap();
    assert!(f.sessions.poll(BOB, &id).is_none());
    assert!(!f.sessions.cancel(BOB, &id));
    f.until_running(1).await;
    assert!(f.sessions.cancel(ANN, &id));
    f.until_running(0).await;
    assert!(f.sessions.poll(ANN, &id).is_none());
}

#[tokio::test]
async fn searches_wait_in_line_and_one_user_does_not_block_another() {
    let f = fixture(SessionSettings {
        running_per_user: 2,
        running: 3,
        ..Default::default()
    });
    let anns: Vec<String> = (0..5)
        .map(|_| f.sessions.start(ANN, request(1)).unwrap())
        .collect();
    let bobs = f.sessions.start(BOB, request(1)).unwrap();
    f.until_running(3).await;
    f.searcher.gate.add_permits(6);
    for id in &anns {
        assert!(matches!(f.ended(ANN, id).await, SessionState::Done { .. }));
    }
    assert!(matches!(
        f.ended(BOB, &bobs).await,
        SessionState::Done { .. }
    ));
    assert_eq!(f.searcher.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn unpolled_sessions_are_forgotten_and_their_searches_end() {
    let f = fixture(SessionSettings::default());
    let kept = f.sessions.start(ANN, request(1)).unwrap();
    let lost = f.sessions.start(ANN, request(1)).unwrap();
    f.until_running(2).await;
    f.clock.advance(Duration::minutes(9));
    assert!(f.running(ANN, &kept));
    f.clock.advance(Duration::minutes(2));
    assert!(f.running(ANN, &kept));
    assert!(f.sessions.poll(ANN, &lost).is_none());
    f.until_running(1).await;
}

#[tokio::test]
async fn results_expire_without_further_calls() {
    let f = fixture(SessionSettings {
        sweep_every: Duration::millis(1),
        ..Default::default()
    });
    let id = f.sessions.start(ANN, request(1)).unwrap();
    f.searcher.gate.add_permits(1);
    assert!(matches!(f.ended(ANN, &id).await, SessionState::Done { .. }));
    f.clock.advance(Duration::minutes(11));
    let empty = || {
        let table = f.sessions.0.table.lock();
        table.sessions.is_empty() && table.users.is_empty() && !table.sweeping
    };
    while !empty() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(f.sessions.start(ANN, request(1)).is_ok());
}

#[tokio::test]
async fn the_number_of_sessions_is_bounded() {
    let f = fixture(SessionSettings {
        sessions_per_user: 2,
        sessions: 3,
        ..Default::default()
    });
    let first = f.sessions.start(ANN, request(1)).unwrap();
    f.sessions.start(ANN, request(1)).unwrap();
    assert_eq!(
        f.sessions.start(ANN, request(1)),
        Err(StartError::TooManyOfUser(2))
    );
    f.sessions.start(BOB, request(1)).unwrap();
    assert_eq!(
        f.sessions.start(BOB, request(1)),
        Err(StartError::TooMany(3))
    );
    f.searcher.gate.add_permits(1);
    assert!(matches!(
        f.ended(ANN, &first).await,
        SessionState::Done { .. }
    ));
    f.sessions.start(ANN, request(1)).unwrap();
    assert!(
        f.sessions.poll(ANN, &first).is_none(),
        "an ended session gives way"
    );
}

#[tokio::test]
async fn results_give_way_to_newer_ones() {
    // A row is 1,000 bytes.
    let f = fixture(SessionSettings {
        max_result_bytes: 10_000,
        ..Default::default()
    });
    let mut ids = Vec::new();
    for rows in [4, 4, 4, 20] {
        f.clock.advance(Duration::seconds(1));
        let id = f.sessions.start(ANN, request(rows)).unwrap();
        f.searcher.gate.add_permits(1);
        assert!(matches!(f.ended(ANN, &id).await, SessionState::Done { .. }));
        ids.push(id);
        let left: Vec<bool> = ids
            .iter()
            .map(|id| f.sessions.poll(ANN, id).is_some())
            .collect();
        let expect: &[bool] = match ids.len() {
            1 => &[true],
            2 => &[true, true],
            3 => &[false, true, true],
            _ => &[false, false, false, true],
        };
        assert_eq!(left, expect);
    }
}
