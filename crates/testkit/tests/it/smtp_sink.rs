use cresset_testkit::{SmtpMode, SmtpSink};
use lettre::message::{Message, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;

type Client = AsyncSmtpTransport<Tokio1Executor>;

fn client(sink: &SmtpSink, login: Option<Mechanism>) -> Client {
    let builder = Client::builder_dangerous("127.0.0.1").port(sink.address().port());
    match login {
        Some(mechanism) => builder
            .credentials(Credentials::new("user".to_owned(), "p ss".to_owned()))
            .authentication(vec![mechanism])
            .build(),
        None => builder.build(),
    }
}

fn mail() -> Message {
    Message::builder()
        .from("Cresset <alerts@example.com>".parse().unwrap())
        .to("first@example.com".parse().unwrap())
        .to("second@example.com".parse().unwrap())
        .subject("5 failed logins")
        .multipart(MultiPart::alternative_plain_html(
            ".a line with a dot\n\nGrüße = 5".to_owned(),
            format!("<p>{}</p>", "long ".repeat(100)),
        ))
        .unwrap()
}

#[tokio::test]
async fn mails_arrive_whole_with_and_without_login() {
    let sink = SmtpSink::start().unwrap();
    for login in [None, Some(Mechanism::Plain), Some(Mechanism::Login)] {
        client(&sink, login).send(mail()).await.unwrap();
    }
    let mails = sink.wait_for(3, Duration::from_secs(10)).await.unwrap();
    let login = Some(("user".to_owned(), "p ss".to_owned()));
    let logins: Vec<_> = mails.iter().map(|m| m.login.clone()).collect();
    assert_eq!(logins, [None, login.clone(), login]);
    let mail = &mails[0];
    assert_eq!(mail.from, "alerts@example.com");
    assert_eq!(mail.to, ["first@example.com", "second@example.com"]);
    assert_eq!(mail.header("subject").as_deref(), Some("5 failed logins"));
    let plain = mail.text_of("text/plain").unwrap();
    assert_eq!(plain.trim_end(), ".a line with a dot\n\nGrüße = 5");
    let html = mail.text_of("text/html").unwrap();
    assert_eq!(html.trim_end(), format!("<p>{}</p>", "long ".repeat(100)));
    assert_eq!(mail.parts().len(), 2);
}

#[tokio::test]
async fn every_way_to_fail_is_seen_by_the_client() {
    let sink = SmtpSink::start().unwrap();
    let check = async |mode: SmtpMode, expect: &str| {
        sink.set_mode(mode);
        // The client's own limit covers the connection only, not the answers.
        let send = async { client(&sink, None).send(mail()).await };
        let class = match tokio::time::timeout(Duration::from_millis(300), send).await {
            Ok(sent) => sent
                .unwrap_err()
                .status()
                .map_or_else(String::new, |c| c.to_string()),
            Err(_) => "no answer".to_owned(),
        };
        assert_eq!(class, expect, "{mode:?}");
    };
    check(SmtpMode::RefuseRecipients(550), "550").await;
    check(SmtpMode::RefuseRecipient("second@example.com", 550), "550").await;
    check(SmtpMode::RefuseMails(452), "452").await;
    check(SmtpMode::Hang, "no answer").await;
    check(SmtpMode::HangAfterData, "no answer").await;
    assert!(sink.mails().is_empty());
    sink.set_mode(SmtpMode::Accept);
    client(&sink, None).send(mail()).await.unwrap();
    assert_eq!(sink.mails().len(), 1);
}
