//! The chain of the audit log: what is closed into blocks, and what is found when somebody was
//! at the file.

use crate::support::{at, id, run_sql, sealer, spec, told, with_owner};
use cresset_catalog::Catalog;
use cresset_catalog::audit_chain::{BlockHash, Misfit, Verdict};
use cresset_catalog::port::{AuditChain, AuditEntry, AuditFilter, RefusedRequest};
use cresset_catalog::sqlite::SqliteCatalog;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Closes all that waits, into blocks of at most `most`.
async fn close_all(catalog: &dyn Catalog, most: u32) -> Vec<(i64, i64)> {
    let mut closed = Vec::new();
    while let Some(block) = catalog.close_audit_block(most).await.unwrap() {
        closed.push((block.first_id, block.last_id));
    }
    closed
}

async fn write(catalog: &dyn Catalog, count: i64) {
    for n in 0..count {
        let entry = AuditEntry {
            at: at(n),
            ..told(&format!("act_{n}"))
        };
        catalog.audit(entry).await.unwrap();
    }
}

async fn entries_of_every_kind_are_closed_into_blocks(catalog: &dyn Catalog) {
    assert_eq!(close_all(catalog, 9).await, []);
    assert_eq!(catalog.audit_head().await.unwrap(), None);
    with_owner(catalog).await;
    write(catalog, 4).await;
    // By a trigger, and of a refused request.
    let entry = told("rule_created");
    let rule = catalog.create_rule(id(7), id(1), spec("r"), at(9), Some(&entry));
    rule.await.unwrap();
    let request = RefusedRequest {
        method: "GET".to_owned(),
        path: "/x".repeat(2000),
    };
    catalog
        .audit_refused(told("refused"), &request)
        .await
        .unwrap();
    assert_eq!(close_all(catalog, 4).await, [(1, 4), (5, 6)]);
    assert_eq!(close_all(catalog, 4).await, []);
    write(catalog, 1).await;

    let verdict = catalog.verify_audit(None).await.unwrap();
    let head = catalog.audit_head().await.unwrap().unwrap();
    let expected = Verdict {
        entries: 6,
        blocks: 2,
        waiting: 1,
        head: Some(head.hash),
        misfit: None,
        misfits: 0,
        known_to: None,
    };
    assert_eq!(verdict, expected);

    let (first, records) = catalog.audit_block_after(0).await.unwrap().unwrap();
    assert_eq!((first.first_id, first.last_id, first.len()), (1, 4, 4));
    let ids: Vec<i64> = records.iter().map(|record| record.id).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(records[2].entry.action, "act_2");
    let (second, records) = catalog.audit_block_after(4).await.unwrap().unwrap();
    assert_eq!((second.first_id, second.hash), (5, head.hash));
    assert_eq!(records[0].entry, told("rule_created"));
    assert_eq!(records[1].request.path.len(), 1024);
    assert_eq!(records[1].request.method, "GET");
    assert_eq!(catalog.audit_block_after(6).await.unwrap(), None);

    // An older head is still there; another never was.
    let known = catalog.verify_audit(Some(first.hash)).await.unwrap();
    assert_eq!((known.known_to, known.fits()), (Some(4), true));
    let other = BlockHash([7; 32]);
    let unknown = catalog.verify_audit(Some(other)).await.unwrap();
    assert_eq!(unknown.misfit, Some(Misfit::Head(other)));
}

async fn entries_are_found_by_time_actor_and_action(catalog: &dyn Catalog) {
    for (n, actor, action) in [
        (1, "ann", "user_created"),
        (2, "Bob", "rule_created"),
        (3, "ann", "rule_deleted"),
        (4, "ann", "rule_created"),
    ] {
        let entry = AuditEntry {
            at: at(n),
            actor: actor.to_owned(),
            ..told(action)
        };
        catalog.audit(entry).await.unwrap();
    }
    let check = async |since: Option<i64>, actor: &str, action: &str, most: u32, ids: &[i64]| {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let filter = AuditFilter {
            since: since.map(at),
            actor: text(actor),
            action: text(action),
            most,
        };
        let found = catalog.audit_records(&filter).await.unwrap();
        let found: Vec<i64> = found.iter().map(|record| record.id).collect();
        assert_eq!(found, ids, "{filter:?}");
    };
    check(None, "", "", 9, &[4, 3, 2, 1]).await;
    check(None, "", "", 2, &[4, 3]).await;
    check(Some(3), "", "", 9, &[4, 3]).await;
    check(None, "bob", "", 9, &[2]).await;
    check(None, "ann", "rule_*", 9, &[4, 3]).await;
    check(None, "", "rule_created", 9, &[4, 2]).await;
    check(None, "carol", "", 9, &[]).await;
}

conformance!(
    entries_of_every_kind_are_closed_into_blocks,
    entries_are_found_by_time_actor_and_action,
);

/// Two processes that close blocks at the same time make one chain.
#[tokio::test]
async fn one_chain_whoever_closes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let open = async || SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    let (one, two) = (open().await, open().await);
    for round in 0..20 {
        write(&one, 1 + round % 3).await;
        let (a, b) = tokio::join!(one.close_audit_block(2), two.close_audit_block(2));
        assert!(a.unwrap().is_some() || b.unwrap().is_some());
    }
    close_all(&two, 2).await;
    let verdict = one.verify_audit(None).await.unwrap();
    assert!(verdict.fits(), "{verdict:?}");
    assert_eq!((verdict.entries, verdict.waiting), (39, 0));
}

/// What somebody with the file does to it.
#[derive(Debug, Clone)]
enum Edit {
    /// Another value in a column of an entry.
    Set(usize, i64),
    Delete(i64),
    /// A new entry at an id that no entry has, before the end.
    Insert(i64),
    /// Two entries change places.
    Swap(i64, i64),
    /// Another value in a column of a block, by its place.
    SetBlock(usize, usize),
    DeleteBlock(usize),
    /// The last entries and every block that covers one of them.
    CutOff(i64),
}

const COLUMNS: [&str; 7] = [
    "at", "actor", "address", "action", "detail", "method", "path",
];
const ENTRIES: i64 = 23;

fn edit() -> impl Strategy<Value = Edit> {
    let any_id = 1..=ENTRIES;
    let other = (any_id.clone(), 1..ENTRIES);
    let swap = other.prop_map(|(a, step)| Edit::Swap(a, 1 + (a - 1 + step) % ENTRIES));
    prop_oneof![
        3 => (0..COLUMNS.len(), any_id.clone()).prop_map(|(column, id)| Edit::Set(column, id)),
        3 => any_id.clone().prop_map(Edit::Delete),
        1 => (-50_i64..=0).prop_map(Edit::Insert),
        2 => swap,
        2 => (0_usize..4, 0_usize..4).prop_map(|(column, block)| Edit::SetBlock(column, block)),
        1 => (0_usize..4).prop_map(Edit::DeleteBlock),
        1 => any_id.prop_map(Edit::CutOff),
    ]
}

fn statements(edit: &Edit) -> String {
    let block = |place: usize| {
        format!(
            "last_id = (SELECT last_id FROM audit_blocks ORDER BY last_id LIMIT 1 OFFSET {place})"
        )
    };
    match edit {
        Edit::Set(0, id) => format!("UPDATE audit SET at = at + 1 WHERE id = {id}"),
        Edit::Set(column, id) => {
            let column = COLUMNS[*column];
            format!("UPDATE audit SET {column} = {column} || 'x' WHERE id = {id}")
        }
        Edit::Delete(id) => format!("DELETE FROM audit WHERE id = {id}"),
        Edit::Insert(id) => format!(
            "INSERT INTO audit (id, at, actor, address, action, detail)
             VALUES ({id}, 0, 'ann', '', 'innocent', '')"
        ),
        Edit::Swap(a, b) => format!(
            "UPDATE audit SET id = -1000 WHERE id = {a}; UPDATE audit SET id = {a} WHERE id = {b};
             UPDATE audit SET id = {b} WHERE id = -1000"
        ),
        Edit::SetBlock(column, place) => {
            let set = [
                "hash = zeroblob(32)",
                "first_id = first_id + 1",
                "last_id = last_id + 1000",
                "marks = zeroblob(length(marks))",
            ];
            format!(
                "UPDATE audit_blocks SET {} WHERE {}",
                set[*column],
                block(*place)
            )
        }
        Edit::DeleteBlock(place) => format!("DELETE FROM audit_blocks WHERE {}", block(*place)),
        Edit::CutOff(id) => format!(
            "DELETE FROM audit WHERE id >= {id}; DELETE FROM audit_blocks WHERE last_id >= {id};
             UPDATE sqlite_sequence SET seq = {id} - 1 WHERE name = 'audit'"
        ),
    }
}

/// The entry that must be named, where the edit is about one.
fn named(edit: &Edit) -> Option<i64> {
    match edit {
        Edit::Set(_, id) | Edit::Delete(id) | Edit::Insert(id) => Some(*id),
        Edit::Swap(a, b) => Some(*a.min(b)),
        _ => None,
    }
}

/// A closed catalog with entries in four blocks, and its head.
async fn made() -> (TempDir, PathBuf, BlockHash) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let catalog = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    write(&catalog, ENTRIES).await;
    assert_eq!(close_all(&catalog, 6).await.len(), 4);
    let head = catalog.audit_head().await.unwrap().unwrap().hash;
    let verdict = catalog.verify_audit(Some(head)).await.unwrap();
    assert!(verdict.fits(), "{verdict:?}");
    catalog.close().await;
    (dir, path, head)
}

/// What is found in a copy of the file after these statements.
async fn look_after(whole: &Path, statements: String, head: BlockHash) -> Verdict {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("edited.db");
    std::fs::copy(whole, &path).unwrap();
    run_sql(&path, statements).await;
    let catalog = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    let verdict = catalog.verify_audit(Some(head)).await.unwrap();
    catalog.close().await;
    verdict
}

#[test]
fn any_single_edit_is_found() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (_dir, whole, head) = runtime.block_on(made());
    let untouched = runtime.block_on(look_after(&whole, "SELECT 1".to_owned(), head));
    assert!(untouched.fits(), "{untouched:?}");
    let mut runner = TestRunner::new(ProptestConfig::with_cases(96));
    let tried = runner.run(&edit(), |edit| {
        let verdict = runtime.block_on(look_after(&whole, statements(&edit), head));
        let Some(misfit) = verdict.misfit else {
            return Err(TestCaseError::fail("it is not found"));
        };
        if let Some(id) = named(&edit) {
            prop_assert_eq!(misfit.entry(), Some(id), "{}", misfit);
        }
        Ok(())
    });
    tried.unwrap();
}

/// Whoever computes all blocks anew leaves a chain that fits; only a head kept elsewhere tells.
#[tokio::test]
async fn a_chain_written_anew_has_another_head() {
    let (_dir, path, head) = made().await;
    let forge = "UPDATE audit SET actor = 'nobody' WHERE id = 3; DELETE FROM audit_blocks";
    run_sql(&path, forge).await;
    let catalog = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    close_all(&catalog, 6).await;
    assert!(catalog.verify_audit(None).await.unwrap().fits());
    let verdict = catalog.verify_audit(Some(head)).await.unwrap();
    assert_eq!(verdict.misfit, Some(Misfit::Head(head)));
}

/// What an earlier Cresset wrote is in the first blocks.
#[tokio::test]
async fn an_older_log_is_closed_as_it_is() {
    let (_dir, path, _) = made().await;
    run_sql(
        &path,
        "DELETE FROM audit_blocks; DELETE FROM audit WHERE id < 5",
    )
    .await;
    let catalog = SqliteCatalog::open(&path, sealer(0)).await.unwrap();
    assert_eq!(close_all(&catalog, 100).await, [(5, ENTRIES)]);
    assert!(catalog.verify_audit(None).await.unwrap().fits());
}
