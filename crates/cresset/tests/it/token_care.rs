//! What a running server does about API tokens by itself.

use crate::world::{World, now};
use anyhow::{Context, Result, ensure};
use cresset_catalog::port::{
    AccountChange, Accounts as _, ApiTokens as _, AuditEntry, NewToken, TokenCare as _,
    TokenChange, Users as _,
};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::{Duration as Span, SecretString, Timestamp};
use cresset_testkit::{ServerProcess, SmtpSink, http};
use serde_json::{Value, json};
use std::time::Duration;

const OLD: &str = "idleidleidleidleidle";

fn told(action: &str) -> AuditEntry {
    AuditEntry {
        at: Timestamp::from_secs(now()),
        actor: "test".to_owned(),
        address: String::new(),
        action: action.to_owned(),
        detail: action.to_owned(),
    }
}

fn mailing(server: ServerProcess, mail: &SmtpSink) -> ServerProcess {
    server
        .env("CRESSET_EGRESS_ALLOW", "127.0.0.0/8")
        .env("CRESSET_SMTP_HOST", "127.0.0.1")
        .env("CRESSET_SMTP_PORT", mail.address().port().to_string())
        .env("CRESSET_SMTP_MODE", "plain")
}

async fn catalog(world: &World) -> Result<SqliteCatalog> {
    let dir = world.server.data_dir();
    let sealer = Sealer::load_file(&dir.join("sealing.key"))?;
    Ok(SqliteCatalog::open(&dir.join("catalog.db"), sealer).await?)
}

/// Gives the first user a mail address, and a token that was made 40 days ago.
async fn with_an_old_token(world: &World) -> Result<()> {
    let catalog = catalog(world).await?;
    let change = AccountChange {
        email: Some("admin@example.org".to_owned()),
        ..AccountChange::default()
    };
    catalog
        .change_account(1, &change, &told("user_changed"))
        .await?
        .context("no first user")?;
    let made = Timestamp::from_secs(now()) - Span::days(40);
    let new = NewToken::signing(OLD.to_owned(), SecretString::new("k".repeat(40)), 1, made);
    catalog
        .create_token(new, &told("api_token_created"))
        .await?;
    catalog.close().await;
    Ok(())
}

/// What nobody could use is not idle: the token that was in use until the server stopped stays.
#[tokio::test]
async fn time_in_which_the_server_stood_still_does_not_count() -> Result<()> {
    let mut world = World::new().await?;
    world.server.terminate().await?;
    let today = Timestamp::from_secs(now());
    let catalog = catalog(&world).await?;
    for (access_id, days) in [(OLD, 80), ("inuse", 41)] {
        let made = today - Span::days(days);
        let secret = SecretString::new("k".repeat(40));
        let new = NewToken::signing(access_id.to_owned(), secret, 1, made);
        let told = told("api_token_created");
        catalog.create_token(new, &told).await?;
    }
    catalog.note_up(today - Span::days(40)).await?;
    catalog.close().await;
    world.server = world.server.env("CRESSET_TOKENS_IDLE_DAYS", "30");
    world.server.run().await?;
    for _ in 0..100 {
        if status_of(&world, OLD).await? == json!(1) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(status_of(&world, OLD).await? == json!(1));
    ensure!(status_of(&world, "inuse").await? == json!(2));
    Ok(())
}

/// Waits until the server has recorded what came of its mails.
async fn mails_recorded(world: &World) -> Result<()> {
    let catalog = catalog(world).await?;
    let far = Timestamp::from_secs(now()) + Span::days(1);
    for _ in 0..100 {
        if catalog.due_token_mails(far, 1).await?.is_empty() {
            catalog.close().await;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("mails stay due")
}

async fn status(world: &World) -> Result<Value> {
    status_of(world, OLD).await
}

async fn status_of(world: &World, access_id: &str) -> Result<Value> {
    let target = format!("/santaba/rest/setting/admins/apitokens?v=3&filter=accessId:{access_id}");
    let token = world.token("setting:read");
    let answer = http::get(&world.server.url(&target), Some(&token)).await?;
    Ok(answer.ok()?.json()?["items"][0]["status"].clone())
}

#[tokio::test]
async fn idle_tokens_are_disabled_and_their_owner_is_told_once() -> Result<()> {
    let mail = SmtpSink::start()?;
    let mut world = World::with(|server| mailing(server, &mail)).await?;
    world.server.terminate().await?;
    with_an_old_token(&world).await?;
    world.server.run().await?;
    ensure!(status(&world).await? == json!(2), "off unless it is set");
    let made = mail.wait_for(1, Duration::from_secs(20)).await?;
    ensure!(made[0].to == ["admin@example.org"], "{:?}", made[0].to);
    let text = made[0].text_of("text/plain").context("no text")?;
    ensure!(text.contains(OLD) && text.contains("created"), "{text}");

    mails_recorded(&world).await?;
    world.server.kill9()?;
    world.server = world.server.env("CRESSET_TOKENS_IDLE_DAYS", "30");
    world.server.run().await?;
    let mails = mail.wait_for(2, Duration::from_secs(20)).await?;
    let text = mails[1].text_of("text/plain").context("no text")?;
    ensure!(text.contains(OLD), "{text}");
    ensure!(text.contains("because nobody used them"), "{text}");
    ensure!(status(&world).await? == json!(1), "it is disabled");

    // Again after a crash: nothing is left to do, and nobody is told twice.
    mails_recorded(&world).await?;
    world.server.kill9()?;
    world.server.run().await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    ensure!(mail.mails().len() == 2, "{} mails", mail.mails().len());
    let logs = world
        .server
        .url("/santaba/rest/setting/accesslogs?v=3&filter=description~idleidle&sort=-id");
    let lines = http::get(&logs, Some(&world.token("setting:read"))).await?;
    let lines = lines.ok()?.json()?;
    let expected = format!("Disable api tokens - {OLD} of admin, which nobody used for 30 days");
    ensure!(lines["items"][0]["description"] == expected, "{lines}");
    ensure!(lines["items"][0]["username"] == "system", "{lines}");
    Ok(())
}

#[tokio::test]
async fn commands_beside_the_server_keep_to_its_settings() -> Result<()> {
    let mail = SmtpSink::start()?;
    let mut world = World::with(|server| {
        mailing(server, &mail)
            .env("CRESSET_TOKENS_PER_USER", "2")
            .env("CRESSET_LOGICMONITOR_V1_AUTH_FAILURE", "401/1401")
    })
    .await?;
    with_an_old_token(&world).await?;
    mail.wait_for(1, Duration::from_secs(20)).await?;
    let catalog = catalog(&world).await?;
    let at = Timestamp::from_secs(now());
    let new = NewToken::signing("third".to_owned(), SecretString::new("k"), 1, at);
    let refused = catalog.create_token(new, &told("x")).await;
    let text = refused.err().context("made a third token")?.to_string();
    ensure!(text.contains("at most 2 API tokens"), "{text}");

    let url = world.server.url("/santaba/rest/setting/admins/apitokens");
    let answer = http::get(&url, Some("lmb_x")).await?;
    ensure!(answer.status == 401, "{answer:?}");
    ensure!(answer.json()?["status"] == 1401, "{answer:?}");

    // Without a mail server nobody waits for a mail.
    world.server.terminate().await?;
    world.server = world.server.env("CRESSET_SMTP_HOST", "");
    world.server.run().await?;
    let user = catalog.user_by_name("admin").await?.context("no admin")?;
    let tokens = catalog.tokens_of(&[user.number]).await?;
    let token = tokens.iter().find(|t| t.access_id == OLD);
    let change = TokenChange {
        note: Some("changed".to_owned()),
        ..TokenChange::default()
    };
    let id = token.context("no token")?.id;
    let told = told("api_token_changed");
    let changed = catalog.change_token(1, id, &change, &told).await?;
    ensure!(changed.is_some());
    catalog.close().await;
    world.server.terminate().await?;
    let host = "127.0.0.1";
    world.server = world.server.env("CRESSET_SMTP_HOST", host);
    world.server.run().await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    ensure!(mail.mails().len() == 1, "{} mails", mail.mails().len());
    Ok(())
}
