//! The worker's own promises: fairness, thresholds, stopping, crashing.

use crate::sinks::HttpSink;
use crate::world::{World, hook};
use cresset_catalog::port::Deliveries as _;
use cresset_model::notification::{Channel, DeliveryState, Threshold, ThresholdUnit};
use cresset_model::{Clock as _, Duration as Span};
use std::time::{Duration, Instant};

const OK: &str = "200 OK";

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_hanging_destinations_do_not_delay_a_healthy_one() {
    let world = World::new().await;
    let running = world.start(World::settings());
    let mut sinks = Vec::new();
    for n in 0..100 {
        let sink = HttpSink::start(|_| None).await;
        let rule = world
            .http_rule(&format!("hanging {n}"), &hook(&sink.url))
            .await;
        world.fire(rule, Channel::Http).await;
        sinks.push(sink);
    }
    // One of them with a backlog.
    let rule = world.http_rule("backlog", &hook(&sinks[0].url)).await;
    for _ in 0..50 {
        world.fire(rule, Channel::Http).await;
    }
    running.waker.wake();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let healthy = HttpSink::with_status(OK).await;
    let rule = world.http_rule("healthy", &hook(&healthy.url)).await;
    for _ in 0..5 {
        let started = Instant::now();
        let id = world.fire(rule, Channel::Http).await;
        running.waker.wake();
        world.until_state(id, DeliveryState::Delivered).await;
        let taken = started.elapsed();
        assert!(taken < Duration::from_secs(2), "{taken:?}");
    }
    assert!(
        sinks[0].connections() <= 4,
        "{} connections to one host",
        sinks[0].connections()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn piles_of_many_rules_at_one_hanging_host_do_not_delay_a_healthy_one() {
    let world = World::new().await;
    let hanging = HttpSink::start(|_| None).await;
    for n in 0..250 {
        let rule = world
            .http_rule(&format!("pile {n}"), &hook(&hanging.url))
            .await;
        world.fire_rows(rule, Channel::Http, 12).await;
    }
    let healthy = HttpSink::with_status(OK).await;
    let rule = world.http_rule("healthy", &hook(&healthy.url)).await;
    let running = world.start(World::settings());
    // Until more are leased than may wait.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for _ in 0..3 {
        let started = Instant::now();
        let id = world.fire(rule, Channel::Http).await;
        running.waker.wake();
        world.until_state(id, DeliveryState::Delivered).await;
        let taken = started.elapsed();
        assert!(taken < Duration::from_secs(2), "{taken:?}");
    }
    assert!(
        hanging.connections() <= 4,
        "{} connections to one host",
        hanging.connections()
    );
}

#[tokio::test]
async fn a_message_that_the_server_dies_of_is_given_up() {
    let world = World::new().await;
    let sink = HttpSink::with_status(OK).await;
    let rule = world.http_rule("deadly", &hook(&sink.url)).await;
    let id = world.fire(rule, Channel::Http).await;
    let lease = Span::seconds(40);
    let claim = async || {
        world.clock.advance(lease);
        let claimed = world
            .catalog
            .claim_due(world.clock.now(), lease, 9, 9)
            .await;
        claimed.unwrap().remove(0)
    };
    // A first death, of which nobody knows where it happened, and three while rendering.
    claim().await;
    for _ in 0..3 {
        let due = claim().await;
        assert!(world.catalog.begin_work(&due).await.unwrap());
    }
    world.clock.advance(lease);
    let running = world.start(World::settings());
    let dead = world.until_state(id, DeliveryState::Dead).await;
    assert!(
        dead.last_error.starts_with("the server stopped 3 times"),
        "{}",
        dead.last_error
    );
    assert_eq!(sink.connections(), 0);
    world.catalog.resend(id, world.clock.now()).await.unwrap();
    running.waker.wake();
    world.until_state(id, DeliveryState::Delivered).await;
    running.stop().await;
}

#[tokio::test]
async fn a_death_while_a_destination_hangs_is_not_the_message_s_fault() {
    let world = World::new().await;
    let hanging = HttpSink::start(|_| None).await;
    let rule = world.http_rule("hangs", &hook(&hanging.url)).await;
    world.fire(rule, Channel::Http).await;
    let mut settings = World::settings();
    settings.grace = Duration::ZERO;
    for n in 0..5 {
        let running = world.start(settings.clone());
        while hanging.received().len() <= n {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running.stop().await;
        world.clock.advance(Span::minutes(1));
    }
    let now = world.clock.now();
    let due = world.catalog.claim_due(now, Span::seconds(1), 9, 9).await;
    let due = due.unwrap().remove(0);
    assert_eq!((due.abandoned, due.unfinished), (true, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_not_leased_and_sent_again() {
    let world = World::new().await;
    let sink = HttpSink::start(|_| {
        std::thread::sleep(Duration::from_millis(600));
        Some(OK.to_owned())
    })
    .await;
    let rule = world.http_rule("slow", &hook(&sink.url)).await;
    let id = world.fire(rule, Channel::Http).await;
    let running = world.start(World::settings());
    while sink.received().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The lease runs out, and the worker looks for work again.
    world.clock.advance(Span::minutes(5));
    running.waker.wake();
    let delivered = world.until_state(id, DeliveryState::Delivered).await;
    assert_eq!(delivered.attempts, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sink.received().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn what_waits_at_the_end_is_free_for_the_next_process() {
    let world = World::new().await;
    let hanging = HttpSink::start(|_| None).await;
    let rule = world.http_rule("hangs", &hook(&hanging.url)).await;
    world.fire_rows(rule, Channel::Http, 20).await;
    let mut settings = World::settings();
    settings.grace = Duration::ZERO;
    let running = world.start(settings);
    while hanging.received().len() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
    let now = world.clock.now();
    let free = world.catalog.claim_due(now, Span::seconds(1), 99, 99).await;
    let free = free.unwrap();
    assert_eq!(free.len(), 16, "all but those under way");
    assert!(free.iter().all(|due| !due.abandoned));
}

#[tokio::test]
async fn the_threshold_holds_back_what_is_over_it() {
    let world = World::new().await;
    let sink = HttpSink::with_status(OK).await;
    let mut limited = hook(&sink.url);
    limited.threshold = Some(Threshold {
        value: 3,
        unit: ThresholdUnit::Minute,
    });
    let rule = world.http_rule("threshold", &limited).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        world.clock.advance(Span::seconds(1));
        ids.push(world.fire(rule, Channel::Http).await);
    }
    let running = world.start(World::settings());
    for (n, id) in ids.iter().enumerate() {
        let state = if n < 3 {
            DeliveryState::Delivered
        } else {
            DeliveryState::Suppressed
        };
        let delivery = world.until_state(*id, state).await;
        if n >= 3 {
            assert_eq!(
                delivery.last_error,
                "over the threshold of 3 notifications per minute"
            );
        }
    }
    world.clock.advance(Span::minutes(2));
    let id = world.fire(rule, Channel::Http).await;
    running.waker.wake();
    world.until_state(id, DeliveryState::Delivered).await;
    running.stop().await;
}

#[tokio::test]
async fn what_must_not_go_out_is_suppressed() {
    let world = World::new().await;
    let sink = HttpSink::with_status(OK).await;
    let rule = world.http_rule("disabled", &hook(&sink.url)).await;
    let disabled = world.fire(rule, Channel::Http).await;
    let mut off = hook(&sink.url);
    off.enabled = false;
    world.put_http(rule, &off).await;
    let none = world.rule("no notification").await;
    let missing = world.fire(none, Channel::Http).await;
    let running = world.start(World::settings());
    let delivery = world.until_state(disabled, DeliveryState::Suppressed).await;
    assert_eq!(delivery.last_error, "the rule's notification is disabled");
    let delivery = world.until_state(missing, DeliveryState::Suppressed).await;
    assert_eq!(delivery.last_error, "the rule's notification was removed");
    assert_eq!(sink.connections(), 0);
    running.stop().await;
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way() {
    let world = World::new().await;
    let slow = HttpSink::start(|_| {
        std::thread::sleep(Duration::from_millis(300));
        Some(OK.to_owned())
    })
    .await;
    let hanging = HttpSink::start(|_| None).await;
    let rule = world.http_rule("slow", &hook(&slow.url)).await;
    let finished = world.fire(rule, Channel::Http).await;
    let rule = world.http_rule("hanging", &hook(&hanging.url)).await;
    let unfinished = world.fire(rule, Channel::Http).await;
    let mut settings = World::settings();
    settings.grace = Duration::from_secs(1);
    let running = world.start(settings.clone());
    while slow.received().is_empty() || hanging.received().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let taken = running.stop().await;
    assert!(taken < Duration::from_secs(3), "{taken:?}");
    assert_eq!(
        world.delivery(finished).await.state,
        DeliveryState::Delivered
    );
    assert_eq!(
        world.delivery(unfinished).await.state,
        DeliveryState::Pending
    );

    // The next process waits for the lease to end, then sends it with the same id.
    let recovered = HttpSink::with_status(OK).await;
    world.put_http(rule, &hook(&recovered.url)).await;
    let running = world.start(settings);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(recovered.connections(), 0);
    world.clock.advance(Span::minutes(2));
    running.waker.wake();
    world
        .until_state(unfinished, DeliveryState::Delivered)
        .await;
    assert_eq!(
        recovered.received()[0].headers["webhook-id"],
        unfinished.to_string()
    );
    running.stop().await;
}

#[tokio::test]
async fn rows_of_other_processes_are_found_without_being_woken() {
    let world = World::new().await;
    let sink = HttpSink::with_status(OK).await;
    let rule = world.http_rule("not woken", &hook(&sink.url)).await;
    let running = world.start(World::settings());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let id = world.fire(rule, Channel::Http).await;
    world.until_state(id, DeliveryState::Delivered).await;
    world.catalog.resend(id, world.clock.now()).await.unwrap();
    world.until_attempts(id, 2).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_woken_worker_is_quick() {
    let world = World::new().await;
    let sink = HttpSink::with_status(OK).await;
    let rule = world.http_rule("quick", &hook(&sink.url)).await;
    let mut settings = World::settings();
    settings.poll = Duration::from_mins(1);
    let running = world.start(settings);
    let mut taken = Vec::new();
    for n in 0..20 {
        let started = Instant::now();
        world.fire(rule, Channel::Http).await;
        running.waker.wake();
        while sink.received().len() <= n {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        taken.push(sink.received()[n].at - started);
    }
    taken.sort();
    assert!(taken[15] < Duration::from_millis(250), "{taken:?}");
    running.stop().await;
}
