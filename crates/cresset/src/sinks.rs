//! Two small servers on loopback that keep what they are sent: for the demo and the benches.

use anyhow::Context;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Longest message that a sink keeps.
const MAX_MESSAGE: u64 = 4 << 20;

/// One thing that arrived.
#[derive(Clone)]
pub(crate) struct Received {
    /// When its last byte came.
    pub(crate) at: Instant,
    /// Mail with headers, or an HTTP body.
    pub(crate) text: String,
}

/// A running sink; it ends with the process.
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

#[derive(Clone, Copy)]
enum Protocol {
    Smtp,
    Http,
}

impl Sink {
    /// A mail server that accepts everything.
    pub(crate) async fn smtp() -> anyhow::Result<Self> {
        Self::start(Protocol::Smtp).await
    }

    /// An HTTP server that answers 204 to everything.
    pub(crate) async fn http() -> anyhow::Result<Self> {
        Self::start(Protocol::Http).await
    }

    async fn start(protocol: Protocol) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no free port on loopback")?;
        let addr = listener.local_addr()?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    // A broken client loses its own message, nothing else.
                    let _ = match protocol {
                        Protocol::Smtp => smtp_session(stream, &kept).await,
                        Protocol::Http => http_session(stream, &kept).await,
                    };
                });
            }
        });
        Ok(Self { addr, received })
    }

    /// Everything that has arrived.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }
}

type Kept = Mutex<Vec<Received>>;

fn keep(kept: &Kept, text: String) {
    kept.lock().push(Received {
        at: Instant::now(),
        text,
    });
}

async fn smtp_session(stream: TcpStream, kept: &Kept) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(MAX_MESSAGE)).lines();
    write.write_all(b"220 sink ready\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let reply: &[u8] = match line.to_uppercase() {
            l if l.starts_with("DATA") => {
                write.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?.filter(|l| l != ".") {
                    mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.push('\n');
                }
                keep(kept, mail);
                b"250 kept\r\n"
            }
            l if l.starts_with("EHLO") => b"250-sink\r\n250 8BITMIME\r\n",
            l if l.starts_with("QUIT") => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        write.write_all(reply).await?;
    }
    Ok(())
}

async fn http_session(stream: TcpStream, kept: &Kept) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut length = 0_u64;
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if (&mut read).take(64 << 10).read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length.min(MAX_MESSAGE) as usize];
        read.read_exact(&mut body).await?;
        keep(kept, format!("{head}\n{}", String::from_utf8_lossy(&body)));
        write.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
    }
}
