//! An HTTP server that collects requests and answers as it is told.

use crate::background::{self, Background};
use crate::http_wire::read_request;
use crate::journal::Journal;
use anyhow::{Context, Result};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// A request that arrived whole.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The request target: path and query.
    pub path: String,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When its last byte arrived.
    pub at: Instant,
}

impl Received {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }
}

/// How the sink answers one request.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    hang: bool,
}

impl Reply {
    /// A status without body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            hang: false,
        }
    }

    /// 200 without body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// 302 to `location`.
    pub fn redirect(location: &str) -> Self {
        Self::status(302).header("location", location)
    }

    /// The request is read, and then nothing ever comes back.
    pub fn hang() -> Self {
        Self {
            hang: true,
            ..Self::ok()
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds `Retry-After` with a number of seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", &seconds.to_string())
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Waits this long before it answers.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn encode(&self, to_head: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Status\r\n", self.status);
        for (name, value) in &self.headers {
            // Writing to a string cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let bodiless = matches!(self.status, 100..=199 | 204 | 304);
        if !bodiless {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !to_head && !bodiless {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

struct Shared {
    received: Journal<Received>,
    script: Mutex<Script>,
}

struct Script {
    next: VecDeque<Reply>,
    otherwise: Reply,
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_reply(&self) -> Reply {
        let mut script = self.script();
        script
            .next
            .pop_front()
            .unwrap_or_else(|| script.otherwise.clone())
    }
}

/// See the module's documentation. Answers 200 unless told otherwise.
pub struct HttpSink {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: Background,
}

impl HttpSink {
    /// Starts at a free port of 127.0.0.1.
    pub fn start() -> Result<Self> {
        Self::start_on(0)
    }

    /// Starts at this port of 127.0.0.1, for a destination that comes back.
    pub fn start_on(port: u16) -> Result<Self> {
        let script = Script {
            next: VecDeque::new(),
            otherwise: Reply::ok(),
        };
        let shared = Arc::new(Shared {
            received: Journal::new(),
            script: Mutex::new(script),
        });
        let state = shared.clone();
        let (address, server) =
            background::serve(port, move |stream| converse(stream, state.clone()))?;
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

    /// The URL of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next requests are answered with these, one each, before the usual reply.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.script().next.extend(replies);
    }

    /// Sets the reply for requests for which nothing is scripted.
    pub fn otherwise(&self, reply: Reply) {
        self.shared.script().otherwise = reply;
    }

    /// What has arrived so far.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.received.all()
    }

    /// Waits until at least `count` requests have arrived; an error that lists
    /// what there is after `timeout`.
    pub async fn wait_for(&self, count: usize, timeout: Duration) -> Result<Vec<Received>> {
        self.shared.received.wait_for(count, timeout).await
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufStream::new(stream);
    while let Ok(Some(request)) = read_request(&mut stream).await {
        let to_head = request.method == "HEAD";
        let last = request
            .header("connection")
            .is_some_and(|v| v.eq_ignore_ascii_case("close"));
        let reply = shared.next_reply();
        shared.received.push(request);
        if reply.hang {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(reply.delay).await;
        let sent = stream.write_all(&reply.encode(to_head)).await;
        if sent.is_err() || stream.flush().await.is_err() || last {
            return;
        }
    }
}
