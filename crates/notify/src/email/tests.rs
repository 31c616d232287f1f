use super::*;

fn sender() -> EmailSender {
    let settings = SmtpSettings::new(
        "mail.example",
        SmtpMode::Plain,
        "Cresset <siem@example.org>",
    );
    EmailSender::new(settings, Arc::new(EgressGuard::default())).unwrap()
}

fn email() -> Email {
    Email {
        delivery: ObjectId::from_bytes([0x11; 12]),
        attempt: 0,
        to: vec!["soc@example.org".into()],
        subject: "hello\r\nBcc: victim@example.org\n\u{0} über".into(),
        html: "<p>a &amp; b</p>".into(),
        logo: None,
        date: Timestamp::from_secs(1_700_000_000),
    }
}

fn text(email: &Email) -> String {
    let (message, _) = sender().message(email).unwrap();
    String::from_utf8(message.formatted()).unwrap()
}

#[test]
fn headers_are_stable_and_cannot_be_injected() {
    let text = text(&email());
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let has = |line: &str| assert!(head.lines().any(|l| l == line), "{line} in {head}");
    has("Message-ID: <111111111111111111111111@example.org>");
    has("X-Cresset-Delivery: 111111111111111111111111");
    has("Auto-Submitted: auto-generated");
    has("Date: Tue, 14 Nov 2023 22:13:20 +0000");
    has("From: Cresset <siem@example.org>");
    has("To: soc@example.org");
    assert_eq!(head.matches("\nBcc:").count(), 0, "{head}");
    assert_eq!(head.matches("Subject: ").count(), 1);
    assert!(text.contains("text/plain") && text.contains("text/html"));
}

#[test]
fn a_logo_stands_inside_the_html_part() {
    let mut mail = email();
    assert!(!text(&mail).contains("multipart/related"));
    let bytes = include_bytes!("../../assets/logo.png").to_vec();
    mail.logo = Some(Logo {
        bytes,
        format: crate::logo::Format::Png,
        width: 120,
        height: 40,
    });
    let text = text(&mail).replace("=\r\n", "");
    let order = [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "cid:logo.111111111111111111111111@example.org",
        "<p>a &amp; b</p>",
        "image/png",
        "iVBORw0KGgo",
    ];
    let mut rest = text.as_str();
    for part in order {
        let at = rest.find(part);
        assert!(at.is_some(), "{part} is missing or too early in {text}");
        rest = &rest[at.unwrap()..];
    }
    for line in [
        "Content-ID: <logo.111111111111111111111111@example.org>",
        "Content-Disposition: inline; filename=\"logo.png\"",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn recipients_are_checked() {
    let check = |to: &[&str], expect: Result<&str, &str>| {
        let to = to.iter().map(|t| (*t).to_owned()).collect();
        let built = sender()
            .message(&Email { to, ..email() })
            .map(|(_, note)| note);
        assert_eq!(built.as_deref().map_err(String::as_str), expect);
    };
    check(&["a@example.org", "B <b@example.org>"], Ok(""));
    check(
        &["a@example.org", "nobody"],
        Ok("; left out, no mail addresses: nobody"),
    );
    check(&[], Err("the notification has no recipients"));
    check(&["x\r\ny"], Err("no recipient is a mail address: x  y"));
    check(
        &["a@x.org"; 101],
        Err("more than 100 recipients; use a mailing list"),
    );
}

#[test]
fn a_wrong_sender_is_found_at_start() {
    let settings = SmtpSettings::new("mail.example", SmtpMode::Plain, "siem");
    let error = EmailSender::new(settings, Arc::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("[smtp] from \"siem\" is no mail address"),
        "{error}"
    );
}

#[tokio::test]
async fn an_address_that_swallows_everything_does_not_stop_the_mail() {
    let sink = cresset_testkit::SmtpSink::start().unwrap();
    let port = sink.address().port();
    let hole = tokio::net::TcpListener::bind(("127.0.0.2", port))
        .await
        .unwrap();
    let addresses = vec![hole.local_addr().unwrap(), sink.address()];
    let settings = SmtpSettings {
        timeout: LEAST * 2,
        ..SmtpSettings::new("mail.example", SmtpMode::Plain, "siem@example.org")
    };
    let sender = EmailSender::new(settings, Arc::default()).unwrap();
    let attempt = async |attempt| {
        let email = Email { attempt, ..email() };
        let (message, _) = sender.message(&email).unwrap();
        let started = std::time::Instant::now();
        let outcome = sender
            .transmit_to(addresses.clone(), &email, &message)
            .await;
        assert_eq!(
            outcome,
            Outcome::Delivered {
                detail: "250 OK".into()
            }
        );
        started.elapsed()
    };
    let first = attempt(0).await;
    assert!(first >= LEAST && first < LEAST * 2, "{first:?}");
    let second = attempt(1).await;
    assert!(second < LEAST, "begins with the other address: {second:?}");
    assert_eq!(sink.mails().len(), 2);
}

#[test]
fn who_has_a_message_is_remembered_within_bounds() {
    let told = Told::default();
    let id = |n: u32| {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        ObjectId::from_bytes(bytes)
    };
    let address: Address = "a@example.org".parse().unwrap();
    for n in 0..10_001 {
        told.add(id(n), vec![address.clone()]);
    }
    assert!(told.who(id(0)).is_empty(), "the oldest is forgotten");
    told.add(id(7), vec!["b@example.org".parse().unwrap()]);
    assert_eq!(told.who(id(7)).len(), 2);
    told.forget(id(7));
    assert!(told.who(id(7)).is_empty());
    assert_eq!(told.who(id(10_000)), [address]);
}
