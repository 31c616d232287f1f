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
