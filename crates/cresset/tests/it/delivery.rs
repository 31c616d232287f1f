//! Destinations that misbehave: a mail server that hangs, a sink that answers 500 for a minute.

use crate::world::{ALL, World};
use anyhow::{Context, Result};
use cresset_testkit::{HttpSink, Reply, SmtpMode, SmtpSink, http};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn deliveries(world: &World, state: &str) -> Result<Vec<Value>> {
    let url = world
        .server
        .url(&format!("/api/v1/deliveries?state={state}"));
    let answer = http::get(&url, Some(&world.token(ALL)))
        .await?
        .ok()?
        .json()?;
    Ok(answer["deliveries"]
        .as_array()
        .with_context(|| format!("{answer}"))?
        .clone())
}

#[tokio::test]
async fn a_sink_that_answers_500_for_a_minute_gets_it_in_the_end_under_one_id() -> Result<()> {
    let sink = HttpSink::start()?;
    sink.otherwise(Reply::status(500));
    let world = World::with(|s| {
        s.env("CRESSET_EGRESS_ALLOW", "127.0.0.0/8").env(
            "CRESSET_ALERTING_RETRY_SCHEDULE",
            "0s,5s,10s,15s,20s,25s,30s",
        )
    })
    .await?;
    let rule = world.rule("Five hundred", "event=here").await?;
    world.notify_http(&rule, &sink.url("/hook"), "{}").await?;
    world.ingest(&[json!({"event": "here"})]).await?;
    sink.wait_for(1, Duration::from_secs(20)).await?;
    let begin = Instant::now();
    tokio::time::sleep(Duration::from_mins(1)).await;
    sink.otherwise(Reply::ok());
    let failed = sink.requests().len();
    let all = sink.wait_for(failed + 1, Duration::from_secs(45)).await?;
    assert!(begin.elapsed() >= Duration::from_mins(1));
    let ids: Vec<_> = all
        .iter()
        .map(|r| r.header("webhook-id").map(str::to_owned))
        .collect();
    assert!(
        failed >= 3 && ids.iter().all(|id| *id == ids[0] && id.is_some()),
        "{ids:?}"
    );
    for _ in 0..50 {
        if deliveries(&world, "delivered").await?.len() == 1 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("not recorded as delivered")
}

#[tokio::test]
async fn a_mail_server_that_hangs_is_given_up_and_tried_again() -> Result<()> {
    let mail = SmtpSink::start()?;
    mail.set_mode(SmtpMode::Hang);
    let world = World::with(|s| {
        s.env("CRESSET_EGRESS_ALLOW", "127.0.0.0/8")
            .env("CRESSET_SMTP_HOST", "127.0.0.1")
            .env("CRESSET_SMTP_PORT", mail.address().port().to_string())
            .env("CRESSET_SMTP_MODE", "plain")
            .env("CRESSET_SMTP_TIMEOUT", "1s")
            .env("CRESSET_ALERTING_RETRY_SCHEDULE", "0s,1s,2s,2s,2s,2s")
    })
    .await?;
    let rule = world.rule("Hanging mail", "event=here").await?;
    world.notify_email(&rule, "subject", "<p>body</p>").await?;
    world.ingest(&[json!({"event": "here"})]).await?;
    let mut tried = Vec::new();
    for _ in 0..100 {
        tried = deliveries(&world, "pending").await?;
        if tried
            .first()
            .is_some_and(|d| d["attempts"].as_u64() > Some(0))
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        tried
            .first()
            .is_some_and(|d| d["last_error"].as_str().is_some_and(|e| !e.is_empty())),
        "{tried:?}"
    );
    mail.set_mode(SmtpMode::Accept);
    assert_eq!(mail.wait_for(1, Duration::from_secs(20)).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_forbidden_destination_is_dead_with_a_reason_and_can_be_sent_again() -> Result<()> {
    let sink = HttpSink::start()?;
    let mut world = World::new().await?;
    let rule = world.rule("Loopback", "event=here").await?;
    world.notify_http(&rule, &sink.url("/hook"), "{}").await?;
    world.ingest(&[json!({"event": "here"})]).await?;
    let mut dead = Vec::new();
    for _ in 0..100 {
        dead = deliveries(&world, "dead").await?;
        if !dead.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let error = dead.first().context("not dead")?["last_error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        error.contains("egress"),
        "the reason does not name the setting: {error}"
    );
    assert!(
        sink.requests().is_empty(),
        "the sink must not have been contacted"
    );
    // The operator allows the network and sends it again.
    world.server.terminate().await?;
    let id = dead[0]["id"].as_str().unwrap_or_default().to_owned();
    world.server = world.server.env("CRESSET_EGRESS_ALLOW", "127.0.0.0/8");
    world.server.run().await?;
    let url = world.server.url(&format!("/api/v1/deliveries/{id}/resend"));
    http::post_json(&url, Some(&world.token(ALL)), &json!({}))
        .await?
        .ok()?;
    // Others may come before: the rule fires in each minute whose window has the event.
    let mut got = sink.wait_for(1, Duration::from_secs(10)).await?;
    for _ in 0..100 {
        if got.iter().any(|r| r.header("webhook-id") == Some(&id)) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        got = sink.requests();
    }
    anyhow::bail!("it was not sent again: {got:?}")
}

#[tokio::test]
async fn a_mail_shows_the_logo_and_its_link_leads_to_the_search() -> Result<()> {
    let mail = SmtpSink::start()?;
    let world = World::with(|s| {
        s.env("CRESSET_EGRESS_ALLOW", "127.0.0.0/8")
            .env("CRESSET_SMTP_HOST", "127.0.0.1")
            .env("CRESSET_SMTP_PORT", mail.address().port().to_string())
            .env("CRESSET_SMTP_MODE", "plain")
    })
    .await?;
    let rule = world.rule("With a logo", "event=here").await?;
    let form = [
        ("ids", json!([rule]).to_string()),
        ("type", "email".to_owned()),
        ("email_emails", json!(["soc@example.com"]).to_string()),
        ("logo_enable", "true".to_owned()),
        ("logo_type", "default".to_owned()),
    ];
    let url = "/pluggables/Notification/EmailNotification/create_api";
    let request = http::client()?.post(world.server.url(url)).form(&form);
    http::send(request, Some(&world.token(ALL))).await?.ok()?;
    world.ingest(&[json!({"event": "here"})]).await?;

    let mails = mail.wait_for(1, Duration::from_secs(15)).await?;
    let raw = &mails[0].raw;
    assert!(raw.contains("multipart/related"), "{raw}");
    let parts = mails[0].parts();
    assert!(parts.iter().any(|p| p.content_type == "image/png"), "{raw}");
    let html = mails[0].text_of("text/html").context("no HTML part")?;
    assert!(html.starts_with("<p><img src=\"cid:logo."), "{html}");

    let link = html
        .split_once("<a href=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(link, _)| link.replace("&amp;", "&"))
        .with_context(|| format!("no link in {html}"))?;
    let page = http::get(&link, None).await?.ok()?.text();
    assert!(page.contains("<pre>event=here</pre>"), "{page}");
    assert!(page.contains("cresset search"), "{page}");
    Ok(())
}
