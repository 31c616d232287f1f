//! Raw sockets of clients that stop halfway.

use super::*;
use crate::config::{Sources, load};
use axum::body::Bytes;
use axum::http::{Method, Uri};
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
        .route("/large", get(async || vec![b'x'; 64 << 20]))
        .fallback(echo);
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

/// Tells what reached the application.
async fn echo(method: Method, uri: Uri, body: Bytes) -> String {
    format!("{method} {uri} [{}]\n", body.escape_ascii())
}

impl Server {
    /// All answers to these bytes, after which the client sends nothing more.
    async fn answers(&self, bytes: &[u8]) -> String {
        let mut stream = self.open(bytes).await;
        stream.shutdown().await.unwrap();
        let mut all = Vec::new();
        let read = stream.read_to_end(&mut all);
        let read = tokio::time::timeout(Duration::from_secs(10), read).await;
        assert!(matches!(read, Ok(Ok(_))), "{read:?}");
        String::from_utf8_lossy(&all).into_owned()
    }

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

/// The lines that [`echo`] wrote, of all answers.
fn echoed(answers: &str) -> Vec<&str> {
    let lines = answers.lines();
    lines.filter(|line| line.ends_with(']')).collect()
}

/// Three requests at once, in any two pieces.
#[tokio::test]
async fn targets_that_the_library_refuses_reach_the_application() {
    let server = server().await;
    let body = "GET /in?\"<> HTTP/1.1\r\n\r\n";
    let shown = body.as_bytes().escape_ascii().to_string();
    let input = format!(
        "POST /a?filter=name:\"x\",id>:5,id<9 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}\
         PUT /b?\" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x};\"\r\n{body}\r\n0\r\n\r\n\
         GET /c?\u{e9}|{{}} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        body.len(),
        body.len(),
    );
    let expected = [
        format!("POST /a?filter=name:%22x%22,id%3E:5,id%3C9 [{shown}]"),
        format!("PUT /b?%22 [{shown}]"),
        "GET /c?%C3%A9|{} []".to_owned(),
    ];
    let answers = server.answers(input.as_bytes()).await;
    assert_eq!(echoed(&answers), expected, "{answers}");
    for split in (1..input.len()).step_by(3) {
        let (one, two) = input.as_bytes().split_at(split);
        let mut stream = server.open(one).await;
        stream.set_nodelay(true).unwrap();
        tokio::task::yield_now().await;
        stream.write_all(two).await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(echoed(&all), expected, "{split}: {all}");
    }
}

/// However the library reads a head that can be read in several ways: what it takes for a
/// body came as it was sent.
#[tokio::test]
async fn no_body_is_rewritten_however_its_length_is_told() {
    let server = server().await;
    let body = "5\r\n\"\"\"\"\"\r\n0\r\n\r\nGET /in?\"<> HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut read = 0;
    for head in [
        "Content-Length: 10\r\nContent-Length: 10",
        "Content-Length: 10\r\nContent-Length: 11",
        "Content-Length: 10\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 10",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\tchunked\t",
        "Transfer-Encoding: \u{b}chunked",
        "Content-Length: 10, 10",
        "Content-Length: +10",
        "Content-Length : 10",
        "Content-Length:10 ",
        "Content-Length:\t10",
        "Content-Length: 1 0",
        "X: y\r\n Content-Length: 10",
        "X: y\rContent-Length: 10",
        "X: y\nContent-Length: 10",
        "X\r\nContent-Length: 10",
        "c\r\nontent-Length: 10",
        "Upgrade: h2c\r\nContent-Length: 10",
        "Expect: 100-continue\r\nContent-Length: 10",
    ] {
        for version in ["1.0", "1.1"] {
            let input = format!("POST /odd HTTP/{version}\r\nHost: x\r\n{head}\r\n\r\n{body}");
            let answers = server.answers(input.as_bytes()).await;
            for line in echoed(&answers) {
                let whole = line.starts_with("POST /odd [") && !line.contains("%22");
                // The certain ones leave the rest to be a request again.
                assert!(
                    whole || line.starts_with("GET /in?%22%3C%3E ["),
                    "{head}: {answers}"
                );
                read += usize::from(whole && line.contains("\\\""));
            }
        }
    }
    assert!(read >= 8, "{read}");
}

/// Over HTTP/2 the library sees the targets first, so who speaks both speaks HTTP/1.1.
#[tokio::test]
async fn http_2_is_for_those_who_speak_nothing_else() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let tls = crate::config::Tls {
        cert: dir.path().join("cert.pem"),
        key: dir.path().join("key.pem"),
    };
    std::fs::write(&tls.cert, made.cert.pem()).unwrap();
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    let acceptor = acceptor(&tls).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some("http/1.1")),
        (&["http/1.1"], Some("http/1.1")),
        (&["h2"], Some("h2")),
        (&[], None),
    ] {
        let mut client = rustls::ClientConfig::builder()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        client.alpn_protocols = offered.iter().map(|p| p.as_bytes().to_vec()).collect();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        let (here, there) = tokio::io::duplex(1 << 16);
        let name = "localhost".try_into().unwrap();
        let (served, _client) = tokio::join!(acceptor.accept(there), connector.connect(name, here));
        let served = served.unwrap();
        let protocol = served.get_ref().1.alpn_protocol();
        assert_eq!(protocol, agreed.map(str::as_bytes), "{offered:?}");
    }
}
