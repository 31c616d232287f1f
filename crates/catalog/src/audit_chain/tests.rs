//! The vectors were made with Python's hashlib and struct.

use super::*;

type Entry = (i64, i64, [&'static str; 6]);

const ENTRIES: [Entry; 3] = [
    (
        1,
        1_700_000_000_000_000,
        [
            "ann",
            "192.0.2.7",
            "user_created",
            "Add a new account ci (ops)",
            "",
            "",
        ],
    ),
    (2, 1_700_000_000_000_001, [""; 6]),
    (
        3,
        -1,
        [
            "48v2wRzfK94y53sq5EuF",
            "2001:db8::1",
            "authentication_failed",
            "lmv1: signature",
            "GET",
            "/santaba/rest/setting/admins/ü",
        ],
    ),
];

fn told(entry: &Entry) -> Told<'_> {
    Told {
        id: entry.0,
        at: entry.1,
        texts: entry.2.map(str::as_bytes),
    }
}

fn block(before: &BlockHash, entries: &[Entry]) -> Block {
    let mut link = Link::after(before);
    entries.iter().for_each(|entry| link.push(&told(entry)));
    link.close().unwrap()
}

/// What is found where these entries and blocks are left; `given` is the greatest id ever.
fn look(entries: &[Entry], blocks: &[Block], given: i64, known: Option<BlockHash>) -> Verdict {
    let mut verifier = Verifier::new(known);
    let mut entries = entries.iter().peekable();
    for block in blocks {
        while let Some(entry) = entries.next_if(|entry| entry.0 <= block.last_id) {
            verifier.entry(&told(entry));
        }
        verifier.block(block);
    }
    entries.for_each(|entry| verifier.entry(&told(entry)));
    verifier.finish(given)
}

#[test]
fn hashes_are_these() {
    let first = block(&BlockHash::BEGIN, &ENTRIES[..2]);
    let second = block(&first.hash, &ENTRIES[2..]);
    let alone = block(&BlockHash::BEGIN, &ENTRIES[..1]);
    let hashes = [first.hash, second.hash, alone.hash].map(|hash| hash.to_string());
    let expected = [
        "872810d7e4afe7087f20030a7e0385114bb88fbd62c288ca03579c19ae90ba4d",
        "6b3de94353764d17e09367f805db1f6488bc6c11d00dce49bebe3682df87790d",
        "bbf9eaac76b8e19b8b21ba931c79018b4971050c046ec266fb4980d0f17a8b21",
    ];
    assert_eq!(hashes, expected);
    assert_eq!((first.first_id, first.last_id), (1, 2));
    assert_eq!((second.first_id, second.last_id), (3, 3));
    let mark = [
        0, 0, 0, 0, 0, 0, 0, 3, 0xa7, 0x41, 0xef, 0x76, 0xf3, 0x1f, 0xe5, 0xc0,
    ];
    assert_eq!(second.marks, mark);
    assert!(Link::after(&first.hash).close().is_none());
}

#[test]
fn hashes_are_read_as_they_are_written() {
    let hash = block(&BlockHash::BEGIN, &ENTRIES).hash;
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
    for wrong in [
        "",
        "00",
        "+0",
        &"g".repeat(64),
        &"0".repeat(63),
        &"ü".repeat(32),
    ] {
        assert_eq!(wrong.parse::<BlockHash>(), Err(NoHash), "{wrong:?}");
    }
}

#[test]
fn texts_do_not_run_into_each_other() {
    let with = |texts: [&'static str; 6]| block(&BlockHash::BEGIN, &[(1, 1, texts)]).hash;
    assert_ne!(
        with(["ab", "c", "", "", "", ""]),
        with(["a", "bc", "", "", "", ""])
    );
    assert_ne!(
        with(["a", "", "", "", "", ""]),
        with(["", "a", "", "", "", ""])
    );
}

#[test]
fn what_does_not_fit_is_named() {
    let first = block(&BlockHash::BEGIN, &ENTRIES[..2]);
    let second = block(&first.hash, &ENTRIES[2..]);
    let (head, both) = (second.hash, [first.clone(), second.clone()]);
    let check = |entries: &[Entry], blocks: &[Block], expected: Option<Misfit>| {
        let verdict = look(entries, blocks, 3, Some(head));
        assert_eq!(verdict.misfit, expected, "{entries:?} {blocks:?}");
    };
    let changed = |id: usize| {
        let mut entries = ENTRIES;
        entries[id - 1].2[3] = "nothing";
        entries
    };
    let [one, two, three] = ENTRIES;
    check(&ENTRIES, &both, None);
    check(&changed(1), &both, Some(Misfit::Changed(1)));
    check(&changed(2), &both, Some(Misfit::Changed(2)));
    check(&changed(3), &both, Some(Misfit::Changed(3)));
    check(&[two, three], &both, Some(Misfit::Removed(1)));
    check(&[one, three], &both, Some(Misfit::Removed(2)));
    check(&[one, two], &both, Some(Misfit::Removed(3)));
    check(&[three], &both, Some(Misfit::Removed(1)));
    let early = (-7, 0, [""; 6]);
    check(&[early, one, two, three], &both, Some(Misfit::Inserted(-7)));
    let swapped = [(1, two.1, two.2), (2, one.1, one.2), three];
    check(&swapped, &both, Some(Misfit::Changed(1)));
    // Blocks.
    let alone = std::slice::from_ref(&second);
    check(&ENTRIES, alone, Some(Misfit::BlockRemoved(3)));
    check(&ENTRIES, &both[..1], Some(Misfit::Head(head)));
    check(&ENTRIES, &[], Some(Misfit::Head(head)));
    let mut other = both.clone();
    other[0].hash.0[7] ^= 1;
    check(&ENTRIES, &other, Some(Misfit::Block(1, 2)));
    let mut other = both.clone();
    other[0].marks[9] ^= 1;
    check(&ENTRIES, &other, Some(Misfit::Block(1, 2)));
    let mut other = both.clone();
    other[0].first_id = 2;
    check(&ENTRIES, &other, Some(Misfit::Block(2, 2)));
    let mut other = both;
    other[1].last_id = 9;
    check(&ENTRIES, &other, Some(Misfit::Block(3, 9)));
}

#[test]
fn entries_that_no_block_protects_are_counted_and_missed() {
    let [one, two, three] = ENTRIES;
    let first = [block(&BlockHash::BEGIN, &[one])];
    let verdict = look(&ENTRIES, &first, 3, None);
    assert_eq!(
        (verdict.entries, verdict.waiting, verdict.fits()),
        (1, 2, true)
    );
    assert_eq!(verdict.head, Some(first[0].hash));
    let verdict = look(&[one, two], &first, 3, None);
    assert_eq!(verdict.misfit, Some(Misfit::Removed(3)));
    let verdict = look(&[one, three], &first, 3, None);
    assert_eq!(verdict.misfit, Some(Misfit::Removed(2)));
    let verdict = look(&[], &[], 0, None);
    assert!(verdict.fits() && verdict.head.is_none());
}

#[test]
fn an_older_head_is_found_in_a_longer_log() {
    let [one, two, three] = ENTRIES;
    let first = block(&BlockHash::BEGIN, &[one, two]);
    let second = block(&first.hash, &[three]);
    let verdict = look(
        &ENTRIES,
        &[first.clone(), second.clone()],
        3,
        Some(first.hash),
    );
    assert_eq!(
        (verdict.known_to, verdict.head),
        (Some(2), Some(second.hash))
    );
    assert!(verdict.fits());
}

/// A block's hash covers its borders.
#[test]
fn the_same_entries_in_other_blocks_have_another_head() {
    let chain = |cut: usize| {
        let first = block(&BlockHash::BEGIN, &ENTRIES[..cut]);
        block(&first.hash, &ENTRIES[cut..]).hash
    };
    assert_ne!(chain(1), chain(2));
}
