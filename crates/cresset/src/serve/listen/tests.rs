//! Raw sockets of clients that stop halfway.

use super::*;
use crate::config::{Sources, load};
use axum::routing::get;
use std::collections::BTreeMap;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const PLACES: usize = 4;

struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

/// A server with few places and little patience.
async fn server() -> Server {
    let env = [
        ("CRESSET_SERVER_MAX_CONNECTIONS", PLACES.to_string()),
        ("CRESSET_SERVER_HEADER_TIMEOUT", "300ms".to_owned()),
        ("CRESSET_SERVER_REQUEST_TIMEOUT", "500ms".to_owned()),
        ("CRESSET_SERVER_IDLE_TIMEOUT", "1s".to_owned()),
        ("CRESSET_SERVER_SHUTDOWN_TIMEOUT", "5s".to_owned()),
    ];
    let env: BTreeMap<_, _> = env.map(|(name, value)| (name.to_owned(), value)).into();
    let sources = Sources {
        env,
        ..Sources::default()
    };
    let config = load(&sources).unwrap();
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/large", get(async || vec![b'x'; 64 << 20]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(async move { serve(listener, router, &config, stopped).await });
    Server {
        address,
        stop,
        task,
    }
}

impl Server {
    async fn open(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Whether an honest client is served.
    async fn serves(&self) -> bool {
        let ask = async {
            let mut stream = self.open(b"GET / HTTP/1.0\r\n\r\n").await;
            let mut answer = [0; 1024];
            let n = stream.read(&mut answer).await.unwrap_or(0);
            answer[..n].starts_with(b"HTTP/1.0 200")
        };
        let patience = Duration::from_secs(10);
        tokio::time::timeout(patience, ask).await.unwrap_or(false)
    }
}

#[tokio::test]
async fn clients_that_stop_halfway_give_their_places_back() {
    let server = server().await;
    let settled = [PREFACE, SETTINGS].concat();
    for begun in [
        &b""[..],
        b"P",
        &PREFACE[..23],
        PREFACE,
        &settled,
        b"GET / HTTP/1.1\r\nHo",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut held = Vec::new();
        for _ in 0..PLACES {
            held.push(server.open(begun).await);
        }
        assert!(
            server.serves().await,
            "{:?}",
            String::from_utf8_lossy(begun)
        );
        drop(held);
    }
}

/// An HTTP/2 client that is alive and answers pings but asks for nothing.
#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let server = server().await;
    let begin = Instant::now();
    let mut stream = server.open(&[PREFACE, SETTINGS].concat()).await;
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = usize::from(head[1]) * 256 + usize::from(head[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        let (kind, flags) = (head[3], head[4]);
        if kind == 6 && flags == 0 {
            head[4] = 1;
            let pong = [&head[..], &payload].concat();
            if stream.write_all(&pong).await.is_err() {
                break;
            }
        }
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
    assert!(
        begin.elapsed() >= Duration::from_secs(1),
        "not before the limit"
    );
}

#[tokio::test]
async fn a_stop_ends_silent_connections_and_returns() {
    let server = server().await;
    let held = [server.open(b"").await, server.open(PREFACE).await];
    assert!(server.serves().await);
    server.stop.send_replace(true);
    let patience = Duration::from_secs(4);
    let ended = tokio::time::timeout(patience, server.task).await;
    assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
    drop(held);
}
