//! Scans that are cancelled in the middle of an event.

use super::*;
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::{Clock, Entropy, Event, ManualClock};
use cresset_query::ListLookup;
use std::sync::atomic::AtomicU64;

/// Entropy that never repeats.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buf: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        buf.fill(n as u8);
    }
}

/// A list that holds everything; looking up a value for the `raise_at`th time cancels
/// the search.
struct Raising<'a> {
    cancelled: &'a AtomicBool,
    looked_up: AtomicU64,
    raise_at: u64,
}

impl ListLookup for Raising<'_> {
    fn contains(&self, _list: &str, _value: &str) -> bool {
        if self.looked_up.fetch_add(1, Ordering::Relaxed) + 1 == self.raise_at {
            self.cancelled.store(true, Ordering::Relaxed);
        }
        true
    }

    fn given_up(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// Ten events in two repos.
fn events() -> Vec<LoggedEvent> {
    let event = |n: i64| {
        let mut event = Event::new(Timestamp::from_secs(n), Timestamp::from_secs(n));
        event.set("user", format!("user {n}"));
        LoggedEvent {
            seq: n as u64,
            repo: if n % 2 == 0 { "even" } else { "odd" }.into(),
            event: event.into(),
        }
    };
    (1..=10).map(event).collect()
}

async fn store(folder: &std::path::Path) -> EventStore {
    let entropy = Arc::new(Counting(AtomicU64::new(1)));
    let key = folder.join("key");
    Sealer::generate_file(&key, &*entropy).unwrap();
    let sealer = Sealer::load_file(&key).unwrap();
    let path = folder.join("catalog.db");
    let catalog = SqliteCatalog::open(&path, sealer);
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_secs(20)));
    let catalog = Arc::new(catalog.await.unwrap());
    EventStore::open(folder.join("events"), catalog, clock, entropy)
        .await
        .unwrap()
}

/// Scans `view` with a search that is cancelled at the lookup of that number; gives
/// what came out, how many events matched and how many lookups there were.
fn scan(store: &EventStore, view: &View, query: &str, raise_at: u64) -> (Result<()>, u64, u64) {
    let cancelled = AtomicBool::new(false);
    let lists = Raising {
        cancelled: &cancelled,
        looked_up: AtomicU64::new(0),
        raise_at,
    };
    let context = Context {
        lists: &lists,
        ..Context::bare()
    };
    let plan = cresset_query::compile(query).unwrap();
    let mut matched = 0;
    let scan = Scan {
        store,
        view,
        plan: &plan,
        needs: None,
        context: &context,
        range: (Timestamp::MIN, Timestamp::MAX),
        up_to_seq: u64::MAX,
        take: &Take::Events,
        floor: &NO_FLOOR,
        progress: &Progress::default(),
        fields: None,
        threads: 1,
        cancelled: &cancelled,
        pruned: &Pruned::default(),
        handed_over: AtomicU64::new(0),
    };
    let result = scan.run(&mut |_| {
        assert!(!cancelled.load(Ordering::Relaxed), "given on after the end");
        matched += 1;
        Ok(())
    });
    let looked_up = lists.looked_up.load(Ordering::Relaxed);
    (result.map(|_| ()), matched, looked_up)
}

#[tokio::test]
async fn a_scan_that_was_cut_short_is_never_complete() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let files = store.write(&events()).await.unwrap();
    let tail = events();
    let in_files = View {
        files,
        tail: Vec::new(),
        ..View::default()
    };
    let in_tail = View {
        files: Vec::new(),
        tail,
        ..View::default()
    };
    for (view, place) in [(&in_files, "files"), (&in_tail, "tail")] {
        for query in ["user in NAMES", "user not in NAMES", "-(user in NAMES)"] {
            let (result, matched, looked_up) = scan(&store, view, query, u64::MAX);
            let expect = if query == "user in NAMES" { 10 } else { 0 };
            assert!(result.is_ok(), "{query} in {place}");
            assert_eq!((matched, looked_up), (expect, 10), "{query} in {place}");
            for raise_at in 1..=10 {
                let (result, matched, looked_up) = scan(&store, view, query, raise_at);
                let at = format!("{query} in {place} until {raise_at}");
                assert!(matches!(result, Err(Error::Cancelled)), "{at}");
                assert!(matched < raise_at, "{matched} matched, {at}");
                assert_eq!(looked_up, raise_at, "{at}");
            }
        }
    }
}

#[tokio::test]
async fn a_long_filter_is_cut_within_one_event() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let view = View {
        files: Vec::new(),
        tail: events().into_iter().take(1).collect(),
        ..View::default()
    };
    let query = vec!["user not in NAMES"; 5_000].join(" or ");
    let (result, _, looked_up) = scan(&store, &view, &query, u64::MAX);
    assert!(result.is_ok());
    assert_eq!(looked_up, 5_000);
    let (result, _, looked_up) = scan(&store, &view, &query, 100);
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!(looked_up < 2_000, "{looked_up}");
}

/// Scans two thousand files of five events each with two threads. `on_match` is given
/// the flag that cancels. Gives what came out and how many files were opened.
fn scan_many(
    store: &EventStore,
    file: &FileEntry,
    cancelled: &AtomicBool,
    on_match: &mut dyn FnMut(u64) -> Result<()>,
) -> (Result<()>, u64) {
    let view = View {
        files: vec![file.clone(); 2_000],
        tail: Vec::new(),
        ..View::default()
    };
    let context = Context::bare();
    let plan = cresset_query::compile("user=*").unwrap();
    let scan = Scan {
        store,
        view: &view,
        plan: &plan,
        needs: None,
        context: &context,
        range: (Timestamp::MIN, Timestamp::MAX),
        up_to_seq: u64::MAX,
        take: &Take::Events,
        floor: &NO_FLOOR,
        progress: &Progress::default(),
        fields: None,
        threads: 2,
        cancelled,
        pruned: &Pruned::default(),
        handed_over: AtomicU64::new(0),
    };
    let mut matched = 0;
    let result = scan.run(&mut |_| {
        matched += 1;
        on_match(matched)
    });
    (result.map(|_| ()), scan.pruned.files())
}

#[tokio::test]
async fn a_scan_that_has_ended_opens_no_more_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let file = &store.write(&events()).await.unwrap()[0];
    let flag = AtomicBool::new(false);
    let (result, opened) = scan_many(&store, file, &flag, &mut |_| Ok(()));
    assert!(result.is_ok());
    assert_eq!(opened, 2_000);

    // In the tenth file, from whose begin on the threads are some packs of files ahead.
    let most = PACK_FILES as u64 * (2 * (AHEAD as u64 + 1) + 1);
    let (result, opened) = scan_many(&store, file, &flag, &mut |matched| match matched {
        50 => Err(Error::TooMany(50)),
        _ => Ok(()),
    });
    assert!(matches!(result, Err(Error::TooMany(50))));
    assert!((10..=most).contains(&opened), "{opened}");

    let (result, opened) = scan_many(&store, file, &flag, &mut |matched| {
        flag.store(matched >= 50, Ordering::Relaxed);
        Ok(())
    });
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!((10..=most).contains(&opened), "{opened}");

    // Cancelled before the start.
    let (result, opened) = scan_many(&store, file, &flag, &mut |_| Ok(()));
    assert!(matches!(result, Err(Error::Cancelled)));
    assert_eq!(opened, 0);
}

#[tokio::test]
async fn threads_do_not_read_far_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let mut events: Vec<LoggedEvent> = (0..8).flat_map(|_| events()).collect();
    for (seq, logged) in (1..).zip(&mut events) {
        let mut event = (*logged.event).clone();
        event.set("msg", "x".repeat(handover::HANDOVER_BYTES));
        *logged = LoggedEvent {
            seq,
            repo: "large".into(),
            event: event.into(),
        };
    }
    let view = View {
        files: store.write(&events).await.unwrap(),
        tail: Vec::new(),
        ..View::default()
    };
    let cancelled = AtomicBool::new(false);
    let lists = Raising {
        cancelled: &cancelled,
        looked_up: AtomicU64::new(0),
        raise_at: u64::MAX,
    };
    let context = Context {
        lists: &lists,
        ..Context::bare()
    };
    let plan = cresset_query::compile("user in NAMES").unwrap();
    let scan = Scan {
        store: &store,
        view: &view,
        plan: &plan,
        needs: None,
        context: &context,
        range: (Timestamp::MIN, Timestamp::MAX),
        up_to_seq: u64::MAX,
        take: &Take::Events,
        floor: &NO_FLOOR,
        progress: &Progress::default(),
        fields: None,
        threads: 2,
        cancelled: &cancelled,
        pruned: &Pruned::default(),
        handed_over: AtomicU64::new(0),
    };
    let mut matched = 0;
    let result = scan.run(&mut |_| {
        matched += 1;
        let ahead = scan
            .handed_over
            .load(Ordering::Relaxed)
            .saturating_sub(matched);
        // One event at a time is as much as is handed over at once.
        assert!(ahead <= WAITING as u64 + 2, "{ahead} events wait");
        Ok(())
    });
    assert!(result.is_ok());
    assert_eq!(matched, 80);
}
