use super::*;
use crate::rule::MetadataField;
use std::collections::BTreeSet;

#[test]
fn the_whole_table_is_read() {
    let lines: Vec<&str> = SOURCE.lines().filter(|l| !l.starts_with('#')).collect();
    let mut expected = 0;
    for line in &lines {
        let columns: Vec<&str> = line.split('\t').collect();
        let [id, name, tactics] = columns.as_slice() else {
            panic!("not three columns: {line:?}");
        };
        assert!(looks_like_id(id), "{line:?}");
        assert_eq!(name.trim(), *name, "{line:?}");
        let tactics: Vec<&str> = tactics.split(',').collect();
        let read: Vec<&str> = tags_of(id).iter().map(|t| t.tactic.short).collect();
        assert_eq!(read, tactics, "{line:?}");
        expected += tactics.len();
    }
    assert_eq!((lines.len(), tags().len()), (691, expected));
    let hashes: BTreeSet<&str> = tags().iter().map(|t| t.hash.as_str()).collect();
    assert_eq!(hashes.len(), 887);
    assert!(tags().is_sorted_by_key(|t| t.technique.id));
}

#[test]
fn every_sub_technique_has_its_technique() {
    for tag in tags() {
        if let Some((above, _)) = tag.technique.id.split_once('.') {
            assert!(!tags_of(above).is_empty(), "{above}");
        }
    }
}

#[test]
fn hashes_and_ids() {
    let check = |hash: &str, expected: Option<(&str, &str, &str)>| {
        let found = tag(hash).map(|t| (t.technique.id, t.technique.name, t.tactic.name));
        assert_eq!(found, expected, "{hash}");
    };
    let scanning = Some(("T1595", "Active Scanning", "Reconnaissance"));
    check("94711e5d399c28939c688f086b7faf85", scanning);
    check(" 94711E5D399C28939C688F086B7FAF85 ", scanning);
    check("94711e5d399c28939c688f086b7faf8", None);
    check("00000000000000000000000000000000", None);
    check("T1595", None);
    check("", None);

    let count = |id: &str, expected: usize| assert_eq!(tags_of(id).len(), expected, "{id:?}");
    count("T1078", 4);
    count(" t1059.001 ", 1);
    count("T9999", 0);
    count("T1059.", 0);
    count("", 0);
}

#[test]
fn forms_of_ids() {
    for (text, expected) in [
        ("T1059", true),
        ("t1059.001", true),
        (" T9999 ", true),
        ("T105", false),
        ("T10590", false),
        ("T1059.01", false),
        ("T1059.", false),
        ("TA0001", false),
        ("1059", false),
        ("T１０５９", false),
        ("", false),
    ] {
        assert_eq!(looks_like_id(text), expected, "{text:?}");
    }
}

#[test]
fn a_rule_in_words() {
    let check = |hashes: &[&str], metadata: &[(&str, &str)], expected: [&[&str]; 3]| {
        let pair = |(field, value): &(&str, &str)| MetadataField {
            field: (*field).to_owned(),
            value: (*value).to_owned(),
        };
        let said = Attack::of(&Taxonomy {
            attack_tag_hashes: hashes.iter().map(|&hash| hash.to_owned()).collect(),
            logsources: Vec::new(),
            metadata: metadata.iter().map(pair).collect(),
        });
        assert_eq!(
            [said.ids, said.tags, said.categories],
            expected,
            "{hashes:?} {metadata:?}"
        );
    };
    check(&[], &[], [&[], &[], &[]]);
    let valid: Vec<&str> = tags_of("T1078").iter().map(|t| t.hash.as_str()).collect();
    let names: [&[&str]; 3] = [
        &["T1078"],
        &["Valid Accounts"],
        &[
            "Initial Access",
            "Persistence",
            "Privilege Escalation",
            "Defense Evasion",
        ],
    ];
    check(&valid, &[], names);
    check(
        &["0123", "94711E5D399C28939C688F086B7FAF85", " ", "0123"],
        &[
            ("attack_id", "T1, t1595"),
            ("attack_tag", "Own"),
            ("attack_category", "reconnaissance,, Impact"),
            ("author", "me"),
        ],
        [
            &["T1595", "T1"],
            &["0123", "Active Scanning", "Own"],
            &["Reconnaissance", "Impact"],
        ],
    );
}

#[test]
fn very_many_hashes_take_no_long_time() {
    let taxonomy = Taxonomy {
        attack_tag_hashes: (0..100_000).map(|n| format!("{n:032x}")).collect(),
        ..Taxonomy::default()
    };
    let started = std::time::Instant::now();
    assert_eq!(Attack::of(&taxonomy).tags.len(), 100_000);
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
