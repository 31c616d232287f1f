//! Mails to the owners of API tokens.

use crate::sinks::{SmtpScript, SmtpSink};
use crate::world::World;
use cresset_catalog::Catalog;
use cresset_catalog::port::{
    ApiTokens as _, AuditEntry, NewToken, NewUser, TokenCare as _, TokenPolicy, Users as _,
};
use cresset_model::{Clock as _, Duration as Span, ObjectId, SecretString};
use cresset_notify::{NotifySettings, SmtpMode, SmtpSettings, TokenMailer};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const SECRET: &str = "swordfish-of-the-token";

/// A world in which the owners of tokens are told, and a user with a mail address.
async fn world(address: &str) -> World {
    let world = World::new().await;
    let policy = TokenPolicy {
        mail_owners: true,
        ..TokenPolicy::default()
    };
    world.catalog.set_token_policy(policy).await.unwrap();
    let user = NewUser {
        id: ObjectId::generate(world.clock.now(), &*world.entropy),
        username: "bob".to_owned(),
        email: address.to_owned(),
        roles: vec!["readonly".to_owned()],
        password: None,
        api_access_key: SecretString::new("k"),
        created_at: world.clock.now(),
    };
    world.catalog.create_user(user).await.unwrap();
    world
}

async fn create(world: &World, access_id: &str) {
    let owner = world.catalog.user_by_name("bob").await.unwrap().unwrap();
    let now = world.clock.now();
    let told = AuditEntry {
        at: now,
        actor: "root".to_owned(),
        address: "192.0.2.7".to_owned(),
        action: "api_token_created".to_owned(),
        detail: String::new(),
    };
    let new = NewToken::signing(
        access_id.to_owned(),
        SecretString::new(SECRET),
        owner.number,
        now,
    );
    world.catalog.create_token(new, &told).await.unwrap();
}

struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(world: &World, port: u16) -> Self {
        let smtp = SmtpSettings {
            port,
            timeout: Duration::from_secs(2),
            ..SmtpSettings::new("127.0.0.1", SmtpMode::Plain, "siem@example.org")
        };
        let settings = NotifySettings {
            smtp: Some(smtp),
            ..World::settings()
        };
        let catalog: Arc<dyn Catalog> = Arc::clone(&world.catalog) as _;
        let (clock, entropy) = (Arc::clone(&world.clock), Arc::clone(&world.entropy));
        let mailer = TokenMailer::new(catalog, settings, clock, entropy);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(mailer.unwrap().unwrap().run(stopped));
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..100 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("in vain");
}

fn message_id(mail: &str) -> String {
    let line = mail.lines().find(|line| line.starts_with("Message-ID:"));
    line.unwrap().to_owned()
}

#[tokio::test]
async fn owners_get_a_mail_without_any_secret() {
    let world = world("bob@example.org").await;
    let sink = SmtpSink::start(SmtpScript::default()).await;
    let running = Running::start(&world, sink.port);
    create(&world, "AAA").await;
    create(&world, "BBB").await;
    until(|| sink.mails.lock().unwrap().len() == 2).await;
    running.stop().await;
    let mails = sink.mails.lock().unwrap().clone();
    let first = mails[0].replace("=\r\n", "");
    for part in [
        "Subject: cresset: an API token of yours was created\r\n",
        "To: bob@example.org\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "<li>API token AAA</li>",
        "By root from 192.0.2.7, 2023-11-14 22:13:20 UTC",
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(mails.iter().all(|mail| !mail.contains(SECRET)));
    assert_ne!(message_id(&mails[0]), message_id(&mails[1]));
    let left = world.catalog.due_token_mails(world.clock.now(), 9).await;
    assert_eq!(left.unwrap(), [], "each is sent once");
}

#[tokio::test]
async fn a_mail_server_that_is_busy_is_asked_again_after_a_restart_too() {
    let world = world("bob@example.org").await;
    let busy = SmtpSink::start(SmtpScript {
        replies: HashMap::from([("MAIL", "451 later")]),
        ..SmtpScript::default()
    })
    .await;
    create(&world, "AAA").await;
    let running = Running::start(&world, busy.port);
    let due = async || {
        let due = world.catalog.due_token_mails(world.clock.now(), 9).await;
        due.unwrap()
    };
    for _ in 0..100 {
        if due().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.stop().await;
    assert_eq!(due().await, [], "not at once");
    world.clock.advance(Span::seconds(10));
    assert_eq!(due().await[0].attempts, 1);

    let sink = SmtpSink::start(SmtpScript::default()).await;
    let running = Running::start(&world, sink.port);
    until(|| sink.mails.lock().unwrap().len() == 1).await;
    running.stop().await;
    assert_eq!(due().await, []);
    assert!(sink.mails.lock().unwrap()[0].contains("API token AAA"));
}

#[tokio::test]
async fn an_address_that_is_none_does_not_hold_up_the_others() {
    let world = world("nobody at all").await;
    create(&world, "AAA").await;
    let bob = world.catalog.user_by_name("bob").await.unwrap().unwrap();
    let change = cresset_catalog::port::AccountChange {
        email: Some("bob@example.org".to_owned()),
        ..Default::default()
    };
    let told = AuditEntry {
        at: world.clock.now(),
        actor: "root".to_owned(),
        address: String::new(),
        action: "user_changed".to_owned(),
        detail: String::new(),
    };
    let catalog: &dyn Catalog = &*world.catalog;
    let changed = catalog.change_account(bob.number, &change, &told).await;
    changed.unwrap().unwrap();
    create(&world, "BBB").await;
    let sink = SmtpSink::start(SmtpScript::default()).await;
    let running = Running::start(&world, sink.port);
    until(|| sink.mails.lock().unwrap().len() == 1).await;
    running.stop().await;
    assert!(sink.mails.lock().unwrap()[0].contains("API token BBB"));
    world.clock.advance(Span::days(30));
    let left = world.catalog.due_token_mails(world.clock.now(), 9).await;
    assert_eq!(left.unwrap(), [], "what cannot be sent is given up");
}

#[tokio::test]
async fn a_mail_server_that_hangs_does_not_hold_up_a_stop_for_long() {
    let world = world("bob@example.org").await;
    create(&world, "AAA").await;
    let sink = SmtpSink::start(SmtpScript {
        hang: true,
        ..SmtpScript::default()
    })
    .await;
    let running = Running::start(&world, sink.port);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopping = tokio::time::timeout(Duration::from_secs(8), running.stop());
    stopping.await.unwrap();
    world.clock.advance(Span::seconds(10));
    let left = world.catalog.due_token_mails(world.clock.now(), 9).await;
    assert_eq!(left.unwrap().len(), 1, "it is sent later");
}
