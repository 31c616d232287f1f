//! A source that takes its time.

use super::*;
use std::time::{Duration, Instant};

/// Answers at once the first time, then holds everybody up until it is told to go on.
#[derive(Debug)]
struct Slow {
    asked: AtomicUsize,
    go_on: Mutex<std::sync::mpsc::Receiver<()>>,
}

#[derive(Debug)]
struct SlowSource(Arc<Slow>);

impl KeySource for SlowSource {
    fn read(&self) -> Result<SecretString> {
        if self.0.asked.fetch_add(1, Ordering::Relaxed) > 0 {
            let _ = self.0.go_on.lock().recv_timeout(Duration::from_secs(20));
        }
        Ok(SecretString::new(BASE64.encode([1; KEY_LEN])))
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Command
    }

    fn name(&self) -> String {
        "the slow program".to_owned()
    }
}

/// Waits until something has come true.
async fn until(mut met: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if met() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_source_that_takes_its_time_holds_up_no_one_else() {
    let (go_on, told) = std::sync::mpsc::channel();
    let slow = Arc::new(Slow {
        asked: AtomicUsize::new(0),
        go_on: Mutex::new(told),
    });
    let running = Sealer::from_source(Box::new(SlowSource(Arc::clone(&slow)))).unwrap();
    let asked = || slow.asked.load(Ordering::Relaxed);
    let known = running.seal(HERE, &SecretString::new("mine")).unwrap();
    let strange = sealer(3).seal(HERE, &SecretString::new("x")).unwrap();
    let open = |sealed: &str| {
        let (running, sealed) = (running.clone(), sealed.to_owned());
        tokio::spawn(async move { running.open(HERE, &sealed).map_err(|e| e.to_string()) })
    };
    let many = 100;
    let waiting: Vec<_> = (0..many).map(|_| open(&strange)).collect();
    until(|| asked() == 2).await;
    // Too many to wait are told so, with the source still at work.
    until(|| waiting.iter().any(tokio::task::JoinHandle::is_finished)).await;

    let before = Instant::now();
    let opened = open(&known).await.unwrap().unwrap();
    assert_eq!(opened.expose(), "mine");
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "a known key waited"
    );
    assert_eq!(asked(), 2, "one at a time asks");
    // Who waits at most wants one more run: that which was under way may have been too early.
    for _ in 0..2 {
        go_on.send(()).unwrap();
    }
    let mut turned_away = 0;
    for open in waiting {
        let error = open.await.unwrap().unwrap_err();
        if error.contains("too many wait for the slow program") {
            turned_away += 1;
        } else {
            assert!(error.contains("the slow program has"), "{error}");
        }
    }
    assert!(turned_away > 0 && turned_away < many, "{turned_away}");
    assert!(asked() <= 3, "{}", asked());
}
