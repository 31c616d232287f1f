//! E-mail notifications.

use crate::sinks::{SmtpScript, SmtpSink};
use crate::world::{World, mail};
use cresset_catalog::port::{AttemptOutcome, Deliveries as _};
use cresset_model::SecretString;
use cresset_model::notification::{Channel, DeliveryState};
use cresset_notify::{NotifySettings, SmtpMode, SmtpSettings};
use cresset_testkit::SmtpMode as SinkMode;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

fn settings(port: u16, mode: SmtpMode) -> NotifySettings {
    let smtp = SmtpSettings {
        port,
        timeout: Duration::from_secs(5),
        ..SmtpSettings::new("127.0.0.1", mode, "Cresset <siem@example.org>")
    };
    NotifySettings {
        smtp: Some(smtp),
        ..World::settings()
    }
}

#[tokio::test]
async fn an_email_arrives_with_both_parts() {
    let world = World::new().await;
    let sink = SmtpSink::start(SmtpScript {
        extensions: vec!["AUTH PLAIN"],
        ..SmtpScript::default()
    })
    .await;
    let template = "<table>{% for row in rows %}<tr><td>{{row.source_address}}</td><td>{{row.user}}</td></tr>{% endfor %}</table>";
    let rule = world.email_rule("mail arrives", &mail(template)).await;
    let mut settings = settings(sink.port, SmtpMode::Plain);
    if let Some(smtp) = &mut settings.smtp {
        smtp.user = Some("siem".into());
        smtp.password = Some(SecretString::new("secret"));
    }
    let running = world.start(settings);
    let id = world.fire(rule, Channel::Email).await;
    running.waker.wake();
    let delivered = world.until_state(id, DeliveryState::Delivered).await;
    assert_eq!(delivered.last_error, "250 queued as 42");
    let mails = sink.mails.lock().unwrap().clone();
    assert_eq!(mails.len(), 1);
    for part in [
        "Subject: Alert Brute force\r\n",
        "To: soc@example.org\r\n",
        "From: Cresset <siem@example.org>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n",
        "text/plain",
        "text/html",
        "203.0.113.9  <root>",
        "<td>203.0.113.9</td>",
        "&lt;root&gt;",
        "https://siem.example/search",
    ] {
        assert!(
            mails[0].replace("=\r\n", "").contains(part),
            "{part} in {}",
            mails[0]
        );
    }
    assert!(
        mails[0].contains(&format!("Message-ID: <{id}@example.org>\r\n")),
        "{}",
        mails[0]
    );
    assert!(mails[0].contains(&format!("X-Cresset-Delivery: {id}\r\n")));
    assert!(
        sink.commands
            .lock()
            .unwrap()
            .iter()
            .any(|c| c.starts_with("AUTH PLAIN "))
    );
    running.stop().await;
}

#[tokio::test]
async fn a_hanging_mail_server_times_out_and_is_retried() {
    let world = World::new().await;
    let sink = SmtpSink::start(SmtpScript {
        hang: true,
        ..SmtpScript::default()
    })
    .await;
    let rule = world.email_rule("mail hangs", &mail("x")).await;
    let id = world.fire(rule, Channel::Email).await;
    let mut settings = settings(sink.port, SmtpMode::Plain);
    if let Some(smtp) = &mut settings.smtp {
        smtp.timeout = Duration::from_millis(300);
    }
    let running = world.start(settings);
    let attempts = world.until_attempts(id, 1).await;
    assert!(
        matches!(attempts[0].outcome, AttemptOutcome::RetryAt(_)),
        "{attempts:?}"
    );
    assert!(attempts[0].duration_us < 3_000_000, "{attempts:?}");
    running.stop().await;
}

#[tokio::test]
async fn replies_decide_between_retry_and_dead_letter() {
    let check = async |command: &'static str, reply: &'static str, dead: bool| {
        let world = World::new().await;
        let replies = HashMap::from([(command, reply)]);
        let extensions = vec!["AUTH PLAIN"];
        let sink = SmtpSink::start(SmtpScript {
            extensions,
            replies,
            ..SmtpScript::default()
        })
        .await;
        let mut settings = settings(sink.port, SmtpMode::Plain);
        if let Some(smtp) = &mut settings.smtp {
            smtp.user = Some("siem".into());
            smtp.password = Some(SecretString::new("canary-secret"));
        }
        let rule = world.email_rule("mail replies", &mail("x")).await;
        let id = world.fire(rule, Channel::Email).await;
        let running = world.start(settings);
        let attempts = world.until_attempts(id, 1).await;
        assert_eq!(
            attempts[0].outcome == AttemptOutcome::Dead,
            dead,
            "{command}: {attempts:?}"
        );
        assert!(
            attempts[0].detail.contains(&reply[..3]),
            "{command}: {attempts:?}"
        );
        assert!(!attempts[0].detail.contains("canary-secret"));
        running.stop().await;
    };
    check("RCPT", "550 no such user", true).await;
    check("MAIL", "552 too big", true).await;
    check("RCPT", "451 try later", false).await;
    check("DATA", "421 busy", false).await;
    check("AUTH", "535 wrong password", false).await;
}

#[tokio::test]
async fn one_rejected_recipient_does_not_cost_the_others_their_mail() {
    let world = World::new().await;
    let sink = cresset_testkit::SmtpSink::start().unwrap();
    let mut notification = mail("x");
    notification.recipients = vec![
        "gone@example.org".into(),
        "soc@example.org".into(),
        "lead@example.org".into(),
    ];
    let rule = world.email_rule("one rejected", &notification).await;
    let running = world.start(settings(sink.address().port(), SmtpMode::Plain));

    sink.set_mode(SinkMode::RefuseRecipient("gone@example.org", 550));
    let id = world.fire(rule, Channel::Email).await;
    running.waker.wake();
    let delivered = world.until_state(id, DeliveryState::Delivered).await;
    assert!(
        delivered.last_error.contains("rejects gone@example.org")
            && delivered.last_error.contains("550"),
        "{}",
        delivered.last_error
    );
    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ["soc@example.org", "lead@example.org"]);

    // If all are rejected, it says so of each.
    sink.set_mode(SinkMode::RefuseRecipients(550));
    let id = world.fire(rule, Channel::Email).await;
    running.waker.wake();
    let dead = world.until_state(id, DeliveryState::Dead).await;
    for recipient in &notification.recipients {
        assert!(dead.last_error.contains(recipient), "{}", dead.last_error);
    }
    assert_eq!(sink.mails().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_recipient_that_is_put_off_is_tried_again_alone() {
    let world = World::new().await;
    let sink = cresset_testkit::SmtpSink::start().unwrap();
    let mut notification = mail("x");
    notification.recipients = vec!["slow@example.org".into(), "soc@example.org".into()];
    let rule = world.email_rule("one put off", &notification).await;
    sink.set_mode(SinkMode::RefuseRecipient("slow@example.org", 451));
    let running = world.start(settings(sink.address().port(), SmtpMode::Plain));
    let id = world.fire(rule, Channel::Email).await;
    running.waker.wake();
    let attempts = world.until_attempts(id, 1).await;
    let AttemptOutcome::RetryAt(at) = attempts[0].outcome else {
        panic!("{attempts:?}")
    };
    assert!(
        attempts[0].detail.contains("slow@example.org"),
        "{attempts:?}"
    );
    assert_eq!(sink.mails()[0].to, ["soc@example.org"]);

    sink.set_mode(SinkMode::Accept);
    world.clock.set(at);
    running.waker.wake();
    world.until_state(id, DeliveryState::Delivered).await;
    let to: Vec<_> = sink.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, [["soc@example.org"], ["slow@example.org"]]);

    // Sent again by hand, it goes to everybody.
    world.catalog.resend(id, at).await.unwrap();
    running.waker.wake();
    world.until_attempts(id, 3).await;
    assert_eq!(sink.mails()[2].to, ["slow@example.org", "soc@example.org"]);
    running.stop().await;
}

#[tokio::test]
async fn without_a_mail_server_the_dead_letter_says_what_to_set() {
    let world = World::new().await;
    let rule = world.email_rule("no smtp", &mail("x")).await;
    let id = world.fire(rule, Channel::Email).await;
    let running = world.start(World::settings());
    let dead = world.until_state(id, DeliveryState::Dead).await;
    assert!(
        dead.last_error.contains("set host in the section [smtp]"),
        "{}",
        dead.last_error
    );
    running.stop().await;
}

/// A server identity for the name `localhost`, and the file that makes clients trust it.
fn identity(dir: &std::path::Path) -> (tokio_rustls::TlsAcceptor, std::path::PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = dir.join("ca.pem");
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (Arc::new(config).into(), file)
}

#[tokio::test]
async fn tls_proves_the_name_in_both_modes() {
    let dir = tempfile::tempdir().unwrap();
    let (acceptor, ca_file) = identity(dir.path());
    let check = async |mode, host: &str, trusted: bool, arrives: bool| {
        let world = World::new().await;
        let extensions = if mode == SmtpMode::Starttls {
            vec!["STARTTLS"]
        } else {
            Vec::new()
        };
        let script = SmtpScript {
            extensions,
            tls: Some(acceptor.clone()),
            ..SmtpScript::default()
        };
        let sink = SmtpSink::start(script).await;
        let mut settings = settings(sink.port, mode);
        if let Some(smtp) = &mut settings.smtp {
            smtp.host = host.to_owned();
            smtp.ca_file = trusted.then(|| ca_file.clone());
        }
        let rule = world.email_rule("mail with tls", &mail("x")).await;
        let id = world.fire(rule, Channel::Email).await;
        let running = world.start(settings);
        let attempts = world.until_attempts(id, 1).await;
        let outcome = &attempts[0].outcome;
        assert_eq!(
            *outcome == AttemptOutcome::Delivered,
            arrives,
            "{mode:?} {host}: {attempts:?}"
        );
        assert_eq!(
            matches!(outcome, AttemptOutcome::RetryAt(_)),
            !arrives,
            "{attempts:?}"
        );
        assert_eq!(sink.mails.lock().unwrap().len(), usize::from(arrives));
        running.stop().await;
    };
    for mode in [SmtpMode::Starttls, SmtpMode::Tls] {
        check(mode, "localhost", true, true).await;
        check(mode, "localhost", false, false).await;
        check(mode, "127.0.0.1", true, false).await;
    }
}

#[tokio::test]
async fn starttls_is_required_where_it_is_set() {
    let world = World::new().await;
    let sink = SmtpSink::start(SmtpScript::default()).await;
    let rule = world.email_rule("no starttls", &mail("x")).await;
    let id = world.fire(rule, Channel::Email).await;
    let running = world.start(settings(sink.port, SmtpMode::Starttls));
    let attempts = world.until_attempts(id, 1).await;
    assert!(
        matches!(attempts[0].outcome, AttemptOutcome::RetryAt(_)),
        "{attempts:?}"
    );
    assert!(sink.mails.lock().unwrap().is_empty());
    running.stop().await;
}
