//! What lists hold, and how soon they stop looking.

use super::*;
use cresset_model::list::ListKind;
use cresset_model::{ObjectId, Timestamp};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use std::cell::Cell;

/// A snapshot with one list, `NAMES`.
fn snapshot(entries: &[String]) -> ListSnapshot {
    let info = ListInfo {
        id: ObjectId::from_bytes([0; 12]),
        name: "NAMES".into(),
        kind: ListKind::StaticList,
        len: entries.len() as u64,
        updated_at: Timestamp(0),
        age_limit_minute: None,
    };
    ListSnapshot {
        version: Some(1),
        lists: HashMap::from([("NAMES".into(), Arc::new(Values::new(info, entries)))]),
        places: None,
    }
}

#[test]
fn a_list_of_objects_is_a_table() {
    let row = r#"{"host":"web1","owner":"amy"}"#.to_owned();
    let lists = snapshot(&[row.clone(), "plain".to_owned()]);
    let table = lists.table("names").unwrap();
    assert_eq!(table.rows().len(), 1);
    assert!(lists.contains("NAMES", &row) && lists.contains("NAMES", "plain"));
    assert!(snapshot(&["plain".to_owned()]).table("NAMES").is_none());
    assert!(lists.table("OTHERS").is_none());
}

#[test]
fn entries_match_in_any_case_and_with_wildcards() {
    let entries = ["Root", "svc_*", "J?rgen", "22", "*\u{212a}n*d?", "x*Ä"];
    let lists = snapshot(&entries.map(str::to_owned));
    let check = |list: &str, value: &str, expect: bool| {
        assert_eq!(lists.contains(list, value), expect, "{list} {value}");
    };
    check("NAMES", "root", true);
    check("names", "ROOT", true);
    check("NAMES", "SVC_backup", true);
    check("NAMES", "SVC_b\u{e4}ckup", true);
    check("NAMES", "JÜRGEN", true);
    check("NAMES", "22", true);
    check("NAMES", "22.0", true);
    check("NAMES", "un\u{212a}nowN DX", true);
    check("NAMES", "XYZä", true);
    check("NAMES", "XYZa", false);
    check("NAMES", "2", false);
    check("NAMES", "roo", false);
    check("NAMES", "", false);
    check("OTHERS", "root", false);
    let hashes = snapshot(&["0e462097431906509019562988736854".into(), "0".into()]);
    assert!(!hashes.contains("NAMES", "0e830400451993494058024219903391"));
    assert!(hashes.contains("NAMES", "0.0"));
}

/// Whether the list holds `value` for a search that is given up at the question of
/// this number, and the number of questions.
fn ask(lists: &ListSnapshot, value: &str, until: usize) -> (bool, usize) {
    let asked = Cell::new(0);
    let given_up = || {
        asked.set(asked.get() + 1);
        asked.get() >= until
    };
    let found = lists.holds("NAMES", value, &Watch::new(&given_up));
    (found, asked.get())
}

#[test]
fn looking_through_a_long_list_ends_when_the_search_does() {
    let check = |entry: &dyn Fn(usize) -> String, entries: usize, value: &str, least: usize| {
        // The last entry is found by whoever looks that far.
        let mut entries: Vec<String> = (0..entries).map(entry).collect();
        entries.push("*a*Z*".into());
        let lists = snapshot(&entries);
        let (found, questions) = ask(&lists, value, usize::MAX);
        assert!(found);
        assert!(questions >= least, "{questions} for {}", entries[0]);
        for until in [1, 2, questions - 1] {
            assert_eq!(ask(&lists, value, until), (false, until), "{}", entries[0]);
        }
    };
    let numbers: String = (0..100).map(|n| format!("b{n}.")).collect();
    let long = format!("{numbers}{}z", "a".repeat(1 << 16));
    let mixed = format!("{numbers}{}z", "Aä".repeat(1 << 15));
    let far = format!("{}z", "a".repeat(1 << 20));
    // A question for each entry whose piece is there and that has to be sought further.
    check(&|n| format!("*b{n}.*?y*"), 30, &long, 30);
    check(&|n| format!("*b{n}.*?äy*"), 30, &mixed, 30);
    // One for some thousand entries that are short work, or pieces that are not there.
    check(&|n| "?".repeat(n % 50 + 3), 20_000, "az", 4);
    check(&|n| format!("*c{n}*"), 100, &far, 16);
}

#[test]
fn a_cancelled_search_sees_nothing_in_lists() {
    let cancelled = Arc::new(AtomicBool::new(false));
    let lists = snapshot(&["root".to_owned(), "adm*".into()]);
    let lists = SearchLists::new(Arc::new(lists), cancelled.clone());
    assert!(lists.contains("NAMES", "ROOT") && lists.contains("names", "admin"));
    assert!(!lists.given_up());
    cancelled.store(true, Ordering::Relaxed);
    assert!(!lists.contains("NAMES", "ROOT") && !lists.contains("names", "admin"));
    assert!(lists.given_up());
}

#[test]
fn only_entries_whose_piece_is_there_are_compared() {
    let value = format!("{}-z", "a".repeat(1 << 20));
    let check = |entry: &dyn Fn(usize) -> String| {
        let mut entries: Vec<String> = (0..500).map(entry).collect();
        let lists = snapshot(&entries);
        // A pass over the value takes 16 questions.
        let (found, questions) = ask(&lists, &value, usize::MAX);
        assert!(!found);
        assert!(questions <= 20, "{questions} for {}", entries[0]);
        entries.push("A*-?".into());
        assert!(snapshot(&entries).contains("NAMES", &value));
    };
    check(&|n| format!("*b{n}*"));
    check(&|n| format!("*a?b{n}*"));
    check(&|n| format!("*aaaaaaaa?{n:03}*"));
    check(&|n| format!("*{}{n}*", "a".repeat(20)));
    check(&|n| format!("b{n}*"));
    check(&|n| format!("*{n}-"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_list_is_its_entries_one_by_one(
        entries in vec("[abAB*?äÄkK]{0,6}[*?][abäK]{0,3}", 0..12),
        values in vec("[abABäÄk\u{212a}]{0,9}", 1..8),
        long in 0_usize..40,
    ) {
        // Also pieces longer than what is sought of them.
        let long = "b".repeat(long);
        let entries: Vec<String> = entries.iter().map(|e| e.replace('B', &long)).collect();
        let lists = snapshot(&entries);
        for value in values.iter().map(|v| v.replace('B', &long)) {
            let expect = entries.iter().any(|e| cresset_query::wildcard_match(e, &value));
            prop_assert_eq!(lists.contains("NAMES", &value), expect, "{}", value);
        }
    }
}
