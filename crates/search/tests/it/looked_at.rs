//! What a search says that it looked at.

use crate::{Home, START, Server, event, request};
use cresset_model::{Duration, Event, Timestamp};
use cresset_query::{LookedAt, Share};
use cresset_search::{SearchRequest, Searcher};

/// Events 0..30, one a second: 0..10 and 10..20 in files of five events, the odd ones in the
/// repo `odd`; the rest in no file.
async fn filled(home: &Home) -> Server {
    let server = home.start().await;
    for n in 0..30 {
        let repo = if n % 2 == 0 { "even" } else { "odd" };
        server
            .append(repo, vec![event(n, START + Duration::seconds(n))])
            .await;
        if n == 9 || n == 19 {
            server.flusher.flush_now().await.unwrap();
        }
    }
    server
}

fn share(all: u64, by_time: u64, by_contents: u64, read: u64) -> Share {
    Share {
        all,
        by_time,
        by_contents,
        read,
    }
}

#[tokio::test]
async fn what_is_passed_over_is_counted() {
    let home = Home::new();
    let server = filled(&home).await;
    let check =
        async |query: &str, change: &dyn Fn(&mut SearchRequest), expect: [Share; 3], newest| {
            let mut request = request(query);
            change(&mut request);
            let result = server.searcher.run(request).await.unwrap();
            let [files, blocks, events] = expect;
            let expect = LookedAt {
                files,
                blocks,
                events,
                newest,
                ..LookedAt::default()
            };
            assert_eq!(result.looked_at, expect, "{query}");
        };
    let at = |n: i64| START + Duration::seconds(n);
    let all = [share(4, 0, 0, 4), share(4, 0, 0, 4), share(20, 0, 0, 20)];
    for query in [
        "",
        "| chart count() by parity",
        // What is absent meets the opposite.
        "-nowhere=1",
        "nowhere!=1",
        "nowhere=1 or n=1",
        "-(nowhere=1 n=1)",
        "event",
    ] {
        check(query, &|_| {}, all, 10).await;
    }
    // The word is in files of one repo alone.
    let half = [share(4, 0, 0, 4), share(4, 0, 2, 2), share(20, 0, 10, 10)];
    check("parity=odd", &|_| {}, half, 10).await;
    check("parity=*OD* or nowhere=1", &|_| {}, all, 10).await;
    check("parity=*odd* n=1", &|_| {}, half, 10).await;
    let nothing = [share(4, 0, 0, 4), share(4, 0, 4, 0), share(20, 0, 20, 0)];
    for query in [
        "nowhere=1",
        "n=1 nowhere=*",
        "nowhere=1 or elsewhere=2",
        "n=1 | search nowhere in [1, 2] | chart count() by parity",
        "[nowhere=1] as a followed by [elsewhere=1] as b",
    ] {
        check(query, &|_| {}, nothing, 10).await;
    }
    // The first file of the even ones ends at 8, and so is not asked about.
    let part = [share(4, 1, 0, 3), share(3, 0, 0, 3), share(20, 5, 0, 15)];
    check("", &|r| (r.from, r.to) = (at(8), at(21)), part, 2).await;
    let odd = [share(2, 0, 0, 2), share(2, 0, 0, 2), share(10, 0, 0, 10)];
    check("", &|r| r.repos = vec!["odd".into()], odd, 5).await;
    check(
        "",
        &|r| r.repos = vec!["none".into()],
        [Share::default(); 3],
        0,
    )
    .await;
    server.stop().await;
}

/// A block is passed over only if none of its events has the field in whichever way.
#[tokio::test]
async fn fields_that_share_a_column_or_have_none_are_found() {
    let home = Home::new();
    let server = home.start().await;
    let event = |n: i64, name: &str, value: &str| {
        let mut event = Event::new(START + Duration::seconds(n), Timestamp::from_secs(n));
        event.set("msg", "the same text");
        event.set(name, value);
        event
    };
    let long = "n".repeat(1_100);
    let mut events = vec![
        event(0, "kind", "text"),
        event(1, "label", "One"),
        // Its name is too long for a column.
        event(2, &long, "x"),
    ];
    let mut number = Event::new(START, START);
    number.set("kind", 5_i64);
    number.add_label("Two");
    events.push(number);
    // In a file of its own, which needs no overflow: its text is kept once, as `msg`.
    let mut twin = Event::new(START, START);
    twin.set("message", "another text");
    twin.keep_as_msg(0);
    server.append("twins", vec![twin]).await;
    server.append("default", events).await;
    server.flusher.flush_now().await.unwrap();
    let long = format!("{long}=*");
    for (query, expect) in [
        ("message=*", 1),
        ("message=another*", 1),
        (&long, 1),
        ("kind=5", 1),
        ("kind=text", 1),
        ("label=*", 2),
        ("msg=*", 4),
        ("same", 3),
        ("log_ts>0 col_ts>=0", 5),
        ("nowhere=*", 0),
    ] {
        let result = server.searcher.run(request(query)).await.unwrap();
        assert_eq!(result.rows.len(), expect, "{query}");
    }
    server.stop().await;
}
