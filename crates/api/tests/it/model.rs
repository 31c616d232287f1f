//! Random sequences of API calls, played against a server and against a model of it.
//!
//! The model is plain maps of the rules, notifications, lists and incidents (`world`), written
//! after the specification and docs/compatibility.md without the server's code. Each answer is
//! compared with what the model answers, and now and then all that a user sees.
//! `PROPTEST_CASES` sets how many sequences are played.

mod acts;
mod calls;
mod compare;
mod deliveries;
mod drafts;
mod drive;
mod files;
mod firing;
mod incidents;
mod lists;
mod notices;
mod random_calls;
mod random_drafts;
mod rules;
mod world;

use calls::Script;
use drive::Counts;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// Kinds of calls that are requests.
const KINDS: usize = 24;
/// Sequences that are played if the environment does not say.
const USUAL_CASES: u32 = 32;

#[test]
fn random_calls_are_answered_as_by_the_model() {
    let mut config = Config {
        failure_persistence: None,
        // Calls are left out below, which leads to short scripts sooner.
        max_shrink_iters: 0,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = USUAL_CASES;
    }
    let cases = config.cases;
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let all = Mutex::new(Counts::new());
    let played = TestRunner::new(config).run(&random_calls::script(), |script| {
        let counts = runtime.block_on(Box::pin(drive::play(&script)));
        for (kind, more) in counts.map_err(TestCaseError::fail)? {
            let mut all = all.lock().unwrap();
            let [through, refused] = all.entry(kind).or_default();
            *through += more[0];
            *refused += more[1];
        }
        Ok(())
    });
    match played {
        Ok(()) => {}
        Err(TestError::Fail(reason, script)) => {
            let play = |script: &Script| runtime.block_on(Box::pin(drive::play(script))).err();
            let fails = |script: &Script| {
                let played = catch_unwind(AssertUnwindSafe(|| play(script)));
                played.unwrap_or_else(|_| Some("a panic, see above".to_owned()))
            };
            let (script, difference) = shortest(script, reason.message(), fails);
            panic!("{difference}\nThe calls:\n{script:?}");
        }
        Err(other) => panic!("{other}"),
    }
    let all = all.into_inner().unwrap();
    println!("calls that went through, and that did not: {all:?}");
    if cases >= USUAL_CASES {
        // A model that refuses everything would agree with a server that does.
        assert_eq!(all.len(), KINDS, "{all:?}");
        for (kind, [through, refused]) in all {
            // All is read besides, whenever what a user sees is compared.
            let read = ["Read", "List", "All", "Get"];
            let read = read.iter().any(|word| kind.starts_with(word));
            let both = through > 0 && refused > 0;
            assert!(read || both, "{kind}: {through}, {refused}");
        }
    }
}

/// Leaves out calls, many at a time and then one by one, as long as there is a difference.
fn shortest(
    script: Script,
    difference: &str,
    fails: impl Fn(&Script) -> Option<String>,
) -> (Script, String) {
    let (mut script, mut difference) = (script, difference.to_owned());
    let mut step = script.0.len() / 2;
    while step > 0 {
        let (mut at, before) = (0, script.0.len());
        while at < script.0.len() {
            let mut shorter = script.clone();
            shorter.0.drain(at..script.0.len().min(at + step));
            match fails(&shorter) {
                Some(other) => (script, difference) = (shorter, other),
                None => at += step,
            }
        }
        // What was needed for a call that is gone now may go as well.
        if step > 1 || script.0.len() == before {
            step /= 2;
        }
    }
    (script, difference)
}
