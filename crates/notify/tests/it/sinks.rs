//! Small servers that take notifications.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

type Answer = dyn Fn(usize) -> Option<String> + Send + Sync;

/// An HTTP server that answers request number n (from 0) with `answer(n)`: the status
/// line and headers, or nothing at all, ever.
pub(crate) struct HttpSink {
    pub(crate) url: String,
    pub(crate) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<Mutex<usize>>,
}

impl HttpSink {
    pub(crate) async fn start(
        answer: impl Fn(usize) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (log, count) = (Arc::clone(&received), Arc::clone(&connections));
        let answer: Arc<Answer> = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&answer)));
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}/hook"),
            port,
            received,
            connections,
        }
    }

    /// A server that answers every request with `status`.
    pub(crate) async fn with_status(status: &'static str) -> Self {
        Self::start(move |_| Some(status.to_owned())).await
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn serve(stream: TcpStream, log: Arc<Mutex<Vec<Received>>>, answer: Arc<Answer>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let mut headers = HashMap::new();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await.unwrap();
            let Some((name, value)) = header.trim_end().split_once(": ") else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers
            .get("content-length")
            .map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let body = String::from_utf8(body).unwrap();
        let received = Received {
            line: line.trim_end().to_owned(),
            headers,
            body,
            at: Instant::now(),
        };
        let number = {
            let mut log = log.lock().unwrap();
            log.push(received);
            log.len() - 1
        };
        match answer(number) {
            None => std::future::pending().await,
            Some(head) => {
                let reply = format!("HTTP/1.1 {head}\r\ncontent-length: 7\r\n\r\nsaid: x");
                if stream.write_all(reply.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// How an SMTP server behaves.
#[derive(Clone, Default)]
pub(crate) struct SmtpScript {
    /// Say nothing after the connection.
    pub(crate) hang: bool,
    /// Extra EHLO lines, such as `AUTH PLAIN`.
    pub(crate) extensions: Vec<&'static str>,
    /// Replies that differ from the usual ones, by command word.
    pub(crate) replies: HashMap<&'static str, &'static str>,
    /// TLS from the start, or after STARTTLS if that is among the extensions.
    pub(crate) tls: Option<tokio_rustls::TlsAcceptor>,
}

/// An SMTP server.
pub(crate) struct SmtpSink {
    pub(crate) port: u16,
    pub(crate) mails: Arc<Mutex<Vec<String>>>,
    pub(crate) commands: Arc<Mutex<Vec<String>>>,
}

impl SmtpSink {
    pub(crate) async fn start(script: SmtpScript) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sink = Self {
            port,
            mails: Arc::default(),
            commands: Arc::default(),
        };
        let (mails, commands) = (Arc::clone(&sink.mails), Arc::clone(&sink.commands));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = Session {
                    script: script.clone(),
                    mails: Arc::clone(&mails),
                    commands: Arc::clone(&commands),
                };
                tokio::spawn(async move { session.run(stream).await });
            }
        });
        sink
    }
}

struct Session {
    script: SmtpScript,
    mails: Arc<Mutex<Vec<String>>>,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Session {
    async fn run(self, stream: TcpStream) -> std::io::Result<()> {
        if self.script.hang {
            std::future::pending::<()>().await;
        }
        let starttls = self.script.extensions.contains(&"STARTTLS");
        match self.script.tls.clone() {
            Some(tls) if !starttls => {
                self.talk(&mut BufReader::new(tls.accept(stream).await?), true, true)
                    .await?;
            }
            tls => {
                let mut plain = BufReader::new(stream);
                let upgrade = self.talk(&mut plain, true, false).await?;
                if let (true, Some(tls)) = (upgrade, tls) {
                    let stream = tls.accept(plain.into_inner()).await?;
                    self.talk(&mut BufReader::new(stream), false, true).await?;
                }
            }
        }
        Ok(())
    }

    /// Talks until the client quits (false) or starts TLS (true).
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        greet: bool,
        encrypted: bool,
    ) -> std::io::Result<bool> {
        if greet {
            stream.write_all(b"220 sink ready\r\n").await?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(false);
            }
            let line = line.trim_end().to_owned();
            let word = line
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            self.commands.lock().unwrap().push(line);
            let own = self.script.replies.get(word.as_str()).copied();
            match (own, word.as_str()) {
                (Some(reply), _) => stream.write_all(format!("{reply}\r\n").as_bytes()).await?,
                (None, "EHLO") => {
                    let mut reply = String::from("250-sink\r\n");
                    for extension in self
                        .script
                        .extensions
                        .iter()
                        .filter(|e| !(encrypted && **e == "STARTTLS"))
                    {
                        reply.push_str("250-");
                        reply.push_str(extension);
                        reply.push_str("\r\n");
                    }
                    reply.push_str("250 8BITMIME\r\n");
                    stream.write_all(reply.as_bytes()).await?;
                }
                (None, "STARTTLS") => {
                    stream.write_all(b"220 go\r\n").await?;
                    return Ok(true);
                }
                (None, "AUTH") => stream.write_all(b"235 welcome\r\n").await?,
                (None, "QUIT") => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(false);
                }
                (None, "DATA") => {
                    stream.write_all(b"354 send\r\n").await?;
                    let mut mail = String::new();
                    while !mail.ends_with("\r\n.\r\n") {
                        if stream.read_line(&mut mail).await? == 0 {
                            return Ok(false);
                        }
                    }
                    self.mails.lock().unwrap().push(mail);
                    stream.write_all(b"250 queued as 42\r\n").await?;
                }
                (None, _) => stream.write_all(b"250 ok\r\n").await?,
            }
        }
    }
}
