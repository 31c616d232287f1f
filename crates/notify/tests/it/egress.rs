//! The guard at the moment of connecting.

use crate::sinks::HttpSink;
use crate::world::{World, hook, mail};
use cresset_model::notification::{Channel, DeliveryState};
use cresset_notify::{NotifySettings, SmtpMode, SmtpSettings};

#[tokio::test]
async fn names_and_numbers_of_loopback_are_refused_without_permission() {
    let world = World::new().await;
    let sink = HttpSink::with_status("200 OK").await;
    let port = sink.port;
    let settings = NotifySettings {
        egress_allow: Vec::new(),
        ..World::settings()
    };
    let running = world.start(settings);
    for host in [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        let rule = world
            .http_rule(
                &format!("refuse {host}"),
                &hook(&format!("http://{host}:{port}/")),
            )
            .await;
        let id = world.fire(rule, Channel::Http).await;
        running.waker.wake();
        let dead = world.until_state(id, DeliveryState::Dead).await;
        assert!(
            dead.last_error.contains("the egress guard refuses"),
            "{host}: {}",
            dead.last_error
        );
        assert!(
            dead.last_error.contains("[egress] allow"),
            "{host}: {}",
            dead.last_error
        );
    }
    for url in [
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
    ] {
        let rule = world.http_rule(&format!("scheme {url}"), &hook(url)).await;
        let id = world.fire(rule, Channel::Http).await;
        running.waker.wake();
        world.until_state(id, DeliveryState::Dead).await;
    }
    assert_eq!(sink.connections(), 0);
    running.stop().await;
}

#[tokio::test]
async fn an_allowed_name_is_reached_and_metadata_never() {
    let world = World::new().await;
    let sink = HttpSink::with_status("200 OK").await;
    let mut settings = World::settings();
    settings.egress_allow.push("0.0.0.0/0".parse().unwrap());
    let running = world.start(settings);
    let rule = world
        .http_rule("by name", &hook(&format!("localhost:{}/x", sink.port)))
        .await;
    let id = world.fire(rule, Channel::Http).await;
    let rule = world
        .http_rule("metadata", &hook("http://169.254.169.254/latest/meta-data"))
        .await;
    let metadata = world.fire(rule, Channel::Http).await;
    running.waker.wake();
    world.until_state(id, DeliveryState::Delivered).await;
    let dead = world.until_state(metadata, DeliveryState::Dead).await;
    assert!(
        dead.last_error.contains("metadata service"),
        "{}",
        dead.last_error
    );
    running.stop().await;
}

#[tokio::test]
async fn the_mail_server_is_judged_too() {
    let world = World::new().await;
    let smtp = SmtpSettings {
        port: 1,
        ..SmtpSettings::new("localhost", SmtpMode::Plain, "a@example.org")
    };
    let settings = NotifySettings {
        smtp: Some(smtp),
        egress_allow: Vec::new(),
        ..World::settings()
    };
    let rule = world.email_rule("mail refused", &mail("x")).await;
    let id = world.fire(rule, Channel::Email).await;
    let running = world.start(settings);
    let dead = world.until_state(id, DeliveryState::Dead).await;
    assert!(
        dead.last_error.contains("[egress] allow"),
        "{}",
        dead.last_error
    );
    running.stop().await;
}
