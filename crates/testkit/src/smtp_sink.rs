//! An SMTP server that collects mails.

use crate::background::{self, Background};
use crate::journal::Journal;
use crate::mail::Mail;
use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

const MAX_LINE: u64 = 1 << 20;
const MAX_MAIL: usize = 64 << 20;

/// How the sink behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpMode {
    /// Takes every mail.
    Accept,
    /// Accepts the connection and never says a word.
    Hang,
    /// Takes the mail's text and never confirms it; the mail is not collected.
    HangAfterData,
    /// Answers every recipient with this code, such as 550 or 451.
    RefuseRecipients(u16),
    /// Answers this recipient with this code and takes the others.
    RefuseRecipient(&'static str, u16),
    /// Answers every mail's text with this code, such as 452 or 554.
    RefuseMails(u16),
}

struct Shared {
    mails: Journal<Mail>,
    mode: Mutex<SmtpMode>,
}

impl Shared {
    fn mode(&self) -> SmtpMode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module's documentation. Any user and password may log in, by `PLAIN`
/// or `LOGIN`; nobody has to. There is no STARTTLS.
pub struct SmtpSink {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: Background,
}

impl SmtpSink {
    /// Starts at a free port of 127.0.0.1.
    pub fn start() -> Result<Self> {
        Self::start_on(0)
    }

    /// Starts at this port of 127.0.0.1, for a mail server that comes back.
    pub fn start_on(port: u16) -> Result<Self> {
        let shared = Arc::new(Shared {
            mails: Journal::new(),
            mode: Mutex::new(SmtpMode::Accept),
        });
        let state = shared.clone();
        let (address, server) = background::serve(port, move |stream| {
            let state = state.clone();
            async move {
                let session = Session {
                    stream: BufStream::new(stream),
                    shared: state,
                };
                // The client hung up or broke the protocol: the session is over.
                let _ = session.run().await;
            }
        })?;
        Ok(Self {
            address,
            shared,
            _server: server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes how it behaves from the next command of any session on.
    pub fn set_mode(&self, mode: SmtpMode) {
        *self
            .shared
            .mode
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// The mails so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.all()
    }

    /// Waits until at least `count` mails have arrived; an error that lists what
    /// there is after `timeout`.
    pub async fn wait_for(&self, count: usize, timeout: Duration) -> Result<Vec<Mail>> {
        self.shared.mails.wait_for(count, timeout).await
    }
}

struct Session {
    stream: BufStream<TcpStream>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

impl Session {
    async fn run(mut self) -> io::Result<()> {
        if self.shared.mode() == SmtpMode::Hang {
            std::future::pending::<()>().await;
        }
        self.say("220 localhost ESMTP sink").await?;
        let mut envelope = Envelope::default();
        let mut login = None;
        while let Some(line) = self.read_line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    self.say("250-localhost\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN")
                        .await?;
                }
                "HELO" | "NOOP" => self.say("250 OK").await?,
                "RSET" => {
                    envelope = Envelope::default();
                    self.say("250 OK").await?;
                }
                "AUTH" => login = self.authenticate(rest).await?.or(login),
                "MAIL" => {
                    envelope = Envelope {
                        from: address(rest),
                        to: Vec::new(),
                    };
                    let known = envelope.from.is_some();
                    self.say(if known {
                        "250 OK"
                    } else {
                        "501 MAIL FROM:<address>"
                    })
                    .await?;
                }
                "RCPT" => self.recipient(rest, &mut envelope).await?,
                "DATA" => {
                    self.data(std::mem::take(&mut envelope), login.clone())
                        .await?;
                }
                "QUIT" => return self.say("221 Bye").await,
                _ => self.say("502 not implemented").await?,
            }
        }
        Ok(())
    }

    async fn recipient(&mut self, rest: &str, envelope: &mut Envelope) -> io::Result<()> {
        if let SmtpMode::RefuseRecipients(code) = self.shared.mode() {
            return self.say(&format!("{code} refused by the sink")).await;
        }
        if let SmtpMode::RefuseRecipient(refused, code) = self.shared.mode()
            && address(rest).is_some_and(|to| to == refused)
        {
            return self.say(&format!("{code} refused by the sink")).await;
        }
        match address(rest) {
            Some(_) if envelope.from.is_none() => self.say("503 MAIL first").await,
            Some(to) => {
                envelope.to.push(to);
                self.say("250 OK").await
            }
            None => self.say("501 RCPT TO:<address>").await,
        }
    }

    async fn data(
        &mut self,
        envelope: Envelope,
        login: Option<(String, String)>,
    ) -> io::Result<()> {
        let (Some(from), false) = (envelope.from, envelope.to.is_empty()) else {
            return self.say("503 MAIL and RCPT first").await;
        };
        self.say("354 end with a dot").await?;
        let mut raw = String::new();
        loop {
            let line = self.read_line().await?.ok_or(ErrorKind::UnexpectedEof)?;
            if line == "." {
                break;
            }
            raw.push_str(line.strip_prefix('.').unwrap_or(&line));
            raw.push_str("\r\n");
            if raw.len() > MAX_MAIL {
                return self.say("552 too large for the sink").await;
            }
        }
        match self.shared.mode() {
            SmtpMode::HangAfterData => std::future::pending().await,
            SmtpMode::RefuseMails(code) => self.say(&format!("{code} refused by the sink")).await,
            _ => {
                let mail = Mail {
                    from,
                    to: envelope.to,
                    raw,
                    login,
                    at: Instant::now(),
                };
                self.shared.mails.push(mail);
                self.say("250 OK").await
            }
        }
    }

    async fn authenticate(&mut self, rest: &str) -> io::Result<Option<(String, String)>> {
        let (method, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let login = match method.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let answer = self.answer(initial, "").await?;
                let mut words = answer.split('\0').skip(1).map(str::to_owned);
                words.next().zip(words.next())
            }
            "LOGIN" => {
                let user = self.answer(initial, "Username:").await?;
                Some((user, self.answer("", "Password:").await?))
            }
            _ => None,
        };
        let reply = if login.is_some() {
            "235 welcome"
        } else {
            "504 PLAIN or LOGIN"
        };
        self.say(reply).await?;
        Ok(login)
    }

    /// The client's next word of a login, asked for unless it came at once.
    async fn answer(&mut self, initial: &str, question: &str) -> io::Result<String> {
        let mut word = initial.to_owned();
        if word.is_empty() {
            self.say(&format!("334 {}", STANDARD.encode(question)))
                .await?;
            word = self.read_line().await?.ok_or(ErrorKind::UnexpectedEof)?;
        }
        let bytes = STANDARD
            .decode(word.trim())
            .map_err(|_| ErrorKind::InvalidData)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.write_all(b"\r\n").await?;
        self.stream.flush().await
    }

    async fn read_line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let read = (&mut self.stream)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .await?;
        if read == 0 {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(ErrorKind::InvalidData.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}

/// What stands between `<` and `>`.
fn address(rest: &str) -> Option<String> {
    let (_, after) = rest.split_once('<')?;
    Some(after.split_once('>')?.0.to_owned())
}
