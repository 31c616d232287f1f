//! From a log line to an incident and its notifications.

use crate::world::{World, now, rule_body};
use anyhow::Result;
use cresset_testkit::{HttpSink, SmtpSink};
use serde_json::json;
use std::time::Duration;

fn failed_login(address: &str) -> serde_json::Value {
    json!({"msg": format!("sshd[7]: Failed password for root from {address} port 4711 ssh2")})
}

const COUNT: &str =
    "label=Login label=Fail | chart count() as cnt by source_address | search cnt>=5";

#[tokio::test]
async fn a_live_rule_tells_by_mail_and_http() -> Result<()> {
    let (mail, web) = (SmtpSink::start()?, HttpSink::start()?);
    let world = World::with(|s| {
        s.env("CRESSET_SMTP_HOST", "127.0.0.1")
            .env("CRESSET_SMTP_PORT", mail.address().port().to_string())
            .env("CRESSET_SMTP_MODE", "plain")
            .env("CRESSET_EGRESS_ALLOW", "127.0.0.0/8")
    })
    .await?;
    let rule = world.rule("Failed logins", COUNT).await?;
    world
        .notify_email(
            &rule,
            "[{{ risk }}] {{ alert_name }}",
            "<b>{{ rows[0].source_address }}</b> {{ rows[0].cnt }}",
        )
        .await?;
    world
        .notify_http(
            &rule,
            &web.url("/hook"),
            r#"{"who": "{{ rows[0].source_address }}"}"#,
        )
        .await?;
    let events: Vec<_> = (0..5).map(|_| failed_login("203.0.113.9")).collect();
    world.ingest(&events[..4]).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(world.incidents().await?.is_empty(), "four are not five");
    world.ingest(&events[4..]).await?;

    let incidents = world.wait_for_incidents(1).await?;
    assert_eq!(
        (
            incidents[0]["name"].as_str(),
            incidents[0]["risk_level"].as_str()
        ),
        (Some("Failed logins"), Some("high"))
    );
    assert_eq!(incidents[0]["status"], "unresolved");
    assert_eq!(incidents[0]["alert_obj_id"], rule.as_str());
    let mails = mail.wait_for(1, Duration::from_secs(10)).await?;
    assert_eq!(
        mails[0].header("Subject").as_deref(),
        Some("[high] Failed logins")
    );
    let html = mails[0].text_of("text/html").unwrap_or_default();
    assert!(html.contains("<b>203.0.113.9</b> 5"), "{html}");
    assert!(mails[0].text_of("text/plain").is_some());
    let posts = web.wait_for(1, Duration::from_secs(10)).await?;
    assert_eq!(posts[0].json()?, json!({"who": "203.0.113.9"}));
    assert!(posts[0].header("webhook-id").is_some());

    // A sixth one in the same slot adds nothing.
    world.ingest(&[failed_login("203.0.113.9")]).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(
        web.requests().len() <= 2,
        "at most one more, if a new slot has begun"
    );
    Ok(())
}

#[tokio::test]
async fn a_scheduled_rule_fires_at_the_end_of_its_slot() -> Result<()> {
    let world = World::with(|s| s.env("CRESSET_ALERTING_GRACE", "1s")).await?;
    // A condition on few rows can turn false again, so it cannot run live.
    let mut body = rule_body("Nearly silent", "never=seen");
    body["incident_condition"]["condition_option"] = json!("lessthan");
    body["incident_condition"]["condition_value"] = json!(1);
    let reply = world.call("/AlertRules/create_api", &body).await?;
    let path = format!(
        "/api/v1/rules/{}/evaluations",
        reply["id"].as_str().unwrap_or_default()
    );
    for _ in 0..700 {
        if let Some(incident) = world.incidents().await?.first() {
            assert_eq!(incident["name"], "Nearly silent");
            let answer = cresset_testkit::http::get(
                &world.server.url(&path),
                Some(&world.token("alertrules:read")),
            )
            .await?;
            let text = answer.ok()?.text();
            assert!(
                text.contains("scheduled") && text.contains("fired"),
                "{text}"
            );
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("no incident within 70 s: {}", world.server.output())
}

#[tokio::test]
async fn a_rule_made_after_the_events_still_sees_them() -> Result<()> {
    let world = World::new().await?;
    let events: Vec<_> = (0..6).map(|_| failed_login("203.0.113.10")).collect();
    world.ingest(&events).await?;
    world.rule("Afterwards", COUNT).await?;
    assert_eq!(world.wait_for_incidents(1).await?[0]["name"], "Afterwards");
    Ok(())
}

#[tokio::test]
async fn a_list_is_seen_by_running_rules_at_once() -> Result<()> {
    let world = World::new().await?;
    world
        .rule("On the list", "source_address IN WATCHED")
        .await?;
    world.ingest(&[failed_login("203.0.113.11")]).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(
        world.incidents().await?.is_empty(),
        "a missing list is empty"
    );
    let url = world.server.url("/api/v1/lists/WATCHED");
    let request = cresset_testkit::http::client()?
        .put(url)
        .json(&json!(["203.0.113.*"]));
    cresset_testkit::http::send(request, Some(&world.token("search:write")))
        .await?
        .ok()?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.ingest(&[failed_login("203.0.113.12")]).await?;
    assert_eq!(world.wait_for_incidents(1).await?[0]["name"], "On the list");
    Ok(())
}

#[tokio::test]
async fn syslog_of_both_kinds_over_both_transports_is_searchable() -> Result<()> {
    let (tcp, udp) = (cresset_testkit::free_port()?, cresset_testkit::free_port()?);
    let world = World::with(|s| {
        s.arg("--syslog-tcp")
            .arg(format!("127.0.0.1:{tcp}"))
            .arg("--syslog-udp")
            .arg(format!("127.0.0.1:{udp}"))
    })
    .await?;
    let rfc5424 = "<34>1 - gate su 77 ID47 [x@1 a=\"b\"] tcp-framed-5424";
    let framed = format!(
        "<34>{} gate app: tcp-line\n{} {rfc5424}",
        stamp(),
        rfc5424.len()
    );
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", tcp))?;
    std::io::Write::write_all(&mut stream, framed.as_bytes())?;
    drop(stream);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    socket.send_to(
        format!("<34>{} gate app: udp-datagram", stamp()).as_bytes(),
        ("127.0.0.1", udp),
    )?;
    for word in ["tcp-line", "tcp-framed-5424", "udp-datagram"] {
        let mut found = 0;
        for _ in 0..100 {
            found = world.rows(&format!("\"{word}\"")).await?.len();
            if found > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(found, 1, "{word}");
    }
    Ok(())
}

/// The present as a yearless syslog stamp in UTC.
fn stamp() -> String {
    jiff::Timestamp::from_second(now())
        .unwrap_or_default()
        .strftime("%b %e %H:%M:%S")
        .to_string()
}
