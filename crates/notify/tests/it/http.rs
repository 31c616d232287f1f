//! HTTP notifications and their retries.

use crate::sinks::HttpSink;
use crate::world::{World, hook};
use cresset_catalog::port::{AttemptOutcome, Deliveries as _, Users as _};
use cresset_model::notification::{Channel, DeliveryState, HttpAuth, HttpMethod};
use cresset_model::user::{HourFormat, Preferences};
use cresset_model::{Clock as _, Duration as Span, SecretString};
use cresset_notify::{HttpSettings, RetrySchedule};
use std::time::Duration;

const OK: &str = "200 OK";

#[tokio::test]
async fn a_notification_arrives_with_its_headers_and_rows() {
    let world = World::new().await;
    let sink = HttpSink::with_status(OK).await;
    let mut hook = hook(&format!("{}?k=1", sink.url));
    hook.query_string = "n={{ alert_name }}".into();
    hook.auth = HttpAuth::Bearer {
        token: SecretString::new("tok-123"),
    };
    let rule = world.http_rule("arrives", &hook).await;
    let running = world.start(World::settings());
    let id = world.fire(rule, Channel::Http).await;
    running.waker.wake();
    let delivered = world.until_state(id, DeliveryState::Delivered).await;
    assert_eq!(delivered.attempts, 1);
    let request = &sink.received()[0];
    assert_eq!(request.line, "POST /hook?k=1&n=Brute%20force HTTP/1.1");
    assert_eq!(request.headers["webhook-id"], id.to_string());
    assert_eq!(
        request.headers["webhook-timestamp"],
        world.clock.now().secs().to_string()
    );
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["authorization"], "Bearer tok-123");
    assert!(request.headers["user-agent"].starts_with("cresset/"));
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(
        (&body["alert"], &body["rows"][0]["user"]),
        (&"Brute force".into(), &"<root>".into())
    );
    assert!(running.stop().await < Duration::from_secs(5));
}

#[tokio::test]
async fn dates_are_written_as_the_owner_writes_them() {
    let world = World::new().await;
    let owner = world.catalog.user_by_name("ada").await.unwrap().unwrap();
    let preferences = Preferences {
        timezone: "Asia/Tokyo".into(),
        date_format: "%d.%m.%Y".parse().unwrap(),
        hour_format: HourFormat::Twelve,
    };
    let set = world.catalog.set_preferences(owner.id, &preferences);
    set.await.unwrap();
    let sink = HttpSink::with_status(OK).await;
    let mut hook = hook(&sink.url);
    hook.body = "{{ 1700000000|datetime }}, {{ 1700000000|date }}, \
                 {{ 1700000000|date('%H') }}, {{ 1700000000|date('%H', 'UTC') }}"
        .into();
    let rule = world.http_rule("dates", &hook).await;
    let running = world.start(World::settings());
    let id = world.fire(rule, Channel::Http).await;
    running.waker.wake();
    world.until_state(id, DeliveryState::Delivered).await;
    let expected = "15.11.2023 07:13:20 AM, 15.11.2023 07:13:20 AM, 07, 22";
    assert_eq!(sink.received()[0].body, expected);
    running.stop().await;
}

#[tokio::test]
async fn failures_are_retried_until_the_destination_recovers() {
    let world = World::new().await;
    let sink = HttpSink::start(|n| {
        Some(["500 No", "503 No", "429 Slow", "408 Late", OK][n.min(4)].to_owned())
    })
    .await;
    let rule = world.http_rule("recovers", &hook(&sink.url)).await;
    let running = world.start(World::settings());
    let id = world.fire(rule, Channel::Http).await;
    for failed in 1..=4 {
        running.waker.wake();
        let attempts = world.until_attempts(id, failed).await;
        let AttemptOutcome::RetryAt(at) = attempts[failed - 1].outcome else {
            panic!("{attempts:?}")
        };
        assert!(
            attempts[failed - 1].detail.contains("said: x"),
            "{attempts:?}"
        );
        let wait = at.since(world.clock.now());
        let plain = [5, 300, 1800, 7200][failed - 1];
        assert!(
            (plain * 9 / 10..=plain * 11 / 10).contains(&(wait.0 / 1_000_000)),
            "{wait:?}"
        );
        // Nothing happens before it is due.
        world.clock.set(at - Span::millis(1));
        running.waker.wake();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(sink.received().len(), failed);
        world.clock.set(at);
    }
    running.waker.wake();
    let delivered = world.until_state(id, DeliveryState::Delivered).await;
    assert_eq!(delivered.attempts, 5);
    world.clock.advance(Span::days(3));
    running.waker.wake();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ids: Vec<String> = sink
        .received()
        .iter()
        .map(|r| r.headers["webhook-id"].clone())
        .collect();
    assert_eq!(ids, vec![id.to_string(); 5]);
    running.stop().await;
}

#[tokio::test]
async fn a_delivery_is_given_up_after_eight_attempts_and_can_be_sent_again() {
    let world = World::new().await;
    let sink = HttpSink::start(|n| Some(if n < 8 { "500 No" } else { OK }.to_owned())).await;
    let rule = world.http_rule("given up", &hook(&sink.url)).await;
    let id = world.fire(rule, Channel::Http).await;
    let running = world.start(World::settings());
    for failed in 1..=8 {
        running.waker.wake();
        world.until_attempts(id, failed).await;
        world.clock.advance(Span::hours(12));
    }
    let dead = world.until_state(id, DeliveryState::Dead).await;
    assert_eq!(
        dead.last_error,
        "HTTP 500: said: x; given up after 8 attempts"
    );
    world.catalog.resend(id, world.clock.now()).await.unwrap();
    running.waker.wake();
    world.until_state(id, DeliveryState::Delivered).await;
    assert_eq!(sink.received()[8].headers["webhook-id"], id.to_string());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_is_due_at_once_is_not_taken_for_the_attempt_before() {
    let world = World::new().await;
    let sink = HttpSink::with_status("500 No").await;
    let rule = world.http_rule("at once", &hook(&sink.url)).await;
    let mut settings = World::settings();
    settings.retry_schedule = RetrySchedule::new(vec![Span::ZERO; 50]).unwrap();
    let running = world.start(settings);
    let id = world.fire(rule, Channel::Http).await;
    running.waker.wake();
    let dead = world.until_state(id, DeliveryState::Dead).await;
    assert_eq!(dead.attempts, 51);
    running.stop().await;
}

#[tokio::test]
async fn retry_after_is_a_lower_bound() {
    let world = World::new().await;
    let sink = HttpSink::with_status("503 No\r\nRetry-After: 3600").await;
    let rule = world.http_rule("retry after", &hook(&sink.url)).await;
    let id = world.fire(rule, Channel::Http).await;
    let running = world.start(World::settings());
    let attempts = world.until_attempts(id, 1).await;
    let at = world.clock.now() + Span::hours(1);
    assert_eq!(attempts[0].outcome, AttemptOutcome::RetryAt(at));
    running.stop().await;
}

#[tokio::test]
async fn refusals_are_final() {
    let world = World::new().await;
    let running = world.start(World::settings());
    for status in ["400 No", "401 No", "403 No", "404 No", "410 Gone", "422 No"] {
        let sink = HttpSink::with_status(status).await;
        let rule = world
            .http_rule(&format!("refused {status}"), &hook(&sink.url))
            .await;
        let id = world.fire(rule, Channel::Http).await;
        running.waker.wake();
        let dead = world.until_state(id, DeliveryState::Dead).await;
        assert_eq!(dead.last_error, format!("HTTP {}: said: x", &status[..3]));
        assert_eq!(sink.received().len(), 1);
    }
    running.stop().await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let world = World::new().await;
    let target = HttpSink::with_status(OK).await;
    let running = world.start(World::settings());
    for status in [301, 302, 303, 307, 308] {
        let head = format!("{status} Go\r\nLocation: {}", target.url);
        let sink = HttpSink::start(move |_| Some(head.clone())).await;
        let rule = world
            .http_rule(&format!("redirected {status}"), &hook(&sink.url))
            .await;
        let id = world.fire(rule, Channel::Http).await;
        running.waker.wake();
        let dead = world.until_state(id, DeliveryState::Dead).await;
        assert!(
            dead.last_error.contains("redirects are not followed"),
            "{}",
            dead.last_error
        );
    }
    assert_eq!(target.connections(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_hanging_destination_times_out_and_is_retried() {
    let world = World::new().await;
    let sink = HttpSink::start(|_| None).await;
    let rule = world.http_rule("hangs", &hook(&sink.url)).await;
    let id = world.fire(rule, Channel::Http).await;
    let mut settings = World::settings();
    settings.http = HttpSettings {
        total_timeout: Duration::from_millis(300),
        ..settings.http
    };
    let running = world.start(settings);
    let attempts = world.until_attempts(id, 1).await;
    assert!(
        matches!(attempts[0].outcome, AttemptOutcome::RetryAt(_)),
        "{attempts:?}"
    );
    assert!(
        attempts[0].detail.contains("did not answer in time"),
        "{attempts:?}"
    );
    running.stop().await;
}

#[tokio::test]
async fn records_hold_no_secrets() {
    let world = World::new().await;
    let gone = HttpSink::with_status(OK).await.port;
    let running = world.start(World::settings());
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (name, port) in [("answers", gone), ("refuses", closed)] {
        let mut hook = hook(&format!(
            "http://127.0.0.1:{port}/services/T0CANARY/B0CANARY"
        ));
        hook.method = HttpMethod::Get;
        hook.auth = HttpAuth::Basic {
            user: "u".into(),
            password: SecretString::new("CANARY-pass"),
        };
        let rule = world.http_rule(&format!("canary {name}"), &hook).await;
        let id = world.fire(rule, Channel::Http).await;
        running.waker.wake();
        let attempts = world.until_attempts(id, 1).await;
        assert!(!format!("{attempts:?}").contains("CANARY"), "{attempts:?}");
    }
    running.stop().await;
}
