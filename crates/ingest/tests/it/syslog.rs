//! Syslog over real sockets.

use crate::memory::{MemoryLog, ingestor};
use cresset_eventlog::Error;
use cresset_ingest::{IngestSettings, syslog};
use cresset_model::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    async fn tcp(log: &Arc<MemoryLog>, settings: IngestSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = watch::Sender::new(false);
        let ingestor = ingestor(log, settings).await;
        let task = tokio::spawn(syslog::serve_tcp(listener, ingestor, stop.subscribe()));
        Self {
            address,
            stop,
            task,
        }
    }

    async fn udp(log: &Arc<MemoryLog>, settings: IngestSettings) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let stop = watch::Sender::new(false);
        let ingestor = ingestor(log, settings).await;
        let task = tokio::spawn(syslog::serve_udp(socket, ingestor, stop.subscribe()));
        Self {
            address,
            stop,
            task,
        }
    }

    /// Stops the server and waits for its end.
    async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(Duration::from_secs(30), self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

/// Which events are marked as cut.
fn cut(log: &MemoryLog) -> Vec<bool> {
    let events = log.events();
    events
        .iter()
        .map(|(_, e)| e.get("_truncated").is_some())
        .collect()
}

async fn closed_by_server(mut stream: TcpStream) {
    let mut buffer = [0; 8];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut buffer))
        .await
        .unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn tcp_lines_and_counted_messages() {
    let log = MemoryLog::new();
    let server = Server::tcp(&log, IngestSettings::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"<38>May  4 10:11:12 h sshd[1]: Failed password for root from 203.0.113.9 port 1 ssh2\n18 <13>May  4 1").await.unwrap();
    log.wait_for(1).await;
    stream
        .write_all(b"0:11:\n<13>last without end")
        .await
        .unwrap();
    drop(stream);
    log.wait_for(3).await;
    let events = log.events();
    assert_eq!(
        events[0].1.get("source_address"),
        Some(&Value::str("203.0.113.9"))
    );
    assert_eq!(events[0].1.get("col_type"), Some(&Value::str("syslog")));
    assert_eq!(events[0].1.get("device_ip"), Some(&Value::str("127.0.0.1")));
    assert_eq!(
        log.messages()[1..],
        ["<13>May  4 10:11:", "<13>last without end"]
    );
    // The sender itself has closed the connection.
    assert_eq!(cut(&log), [false; 3]);
    server.stop().await;
}

#[tokio::test]
async fn tcp_a_very_long_line_is_cut_and_the_connection_goes_on() {
    let log = MemoryLog::new();
    let server = Server::tcp(&log, IngestSettings::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"<13>May  4 10:11:12 h a: ")
        .await
        .unwrap();
    stream.write_all(&vec![b'x'; 10 << 20]).await.unwrap();
    stream.write_all(b"\n<13>after\n").await.unwrap();
    log.wait_for(2).await;
    let events = log.events();
    assert_eq!(events[0].1.msg().len(), 64 << 10);
    assert_eq!(
        events[0].1.get("_truncated"),
        Some(&Value::List(vec!["msg".into()]))
    );
    assert_eq!(events[0].1.get("process"), Some(&Value::str("a")));
    assert_eq!(
        (events[1].1.msg().as_ref(), events[1].1.get("_truncated")),
        ("<13>after", None)
    );
    server.stop().await;
}

#[tokio::test]
async fn tcp_waits_for_a_full_log() {
    let log = MemoryLog::new();
    let server = Server::tcp(&log, IngestSettings::default()).await;
    log.refuse([
        Error::Full { waiting_bytes: 1 },
        Error::Io("no space".to_owned()),
    ]);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"one\ntwo\n").await.unwrap();
    stream.write_all(b"three\n").await.unwrap();
    log.wait_for(3).await;
    assert_eq!(log.messages(), ["one", "two", "three"]);
    server.stop().await;
}

#[tokio::test]
async fn tcp_splits_what_is_too_large_for_the_log() {
    let log = MemoryLog::with_max_batch(3_000);
    let server = Server::tcp(&log, IngestSettings::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
    lines.extend(["x".repeat(4_000), "end".to_owned()]);
    stream.write_all(lines.join("\n").as_bytes()).await.unwrap();
    drop(stream);
    log.wait_for(41).await;
    lines.remove(40);
    assert_eq!(log.messages(), lines);
    server.stop().await;
}

#[tokio::test]
async fn tcp_many_messages_in_few_batches() {
    let log = MemoryLog::new();
    let server = Server::tcp(&log, IngestSettings::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let text: Vec<String> = (0..20_000).map(|n| format!("<13>message {n}")).collect();
    let text = text.join("\n") + "\n";
    stream.write_all(text.as_bytes()).await.unwrap();
    log.wait_for(20_000).await;
    assert_eq!(log.messages()[19_999], "<13>message 19999");
    assert!(log.appends().len() < 1_000, "{}", log.appends().len());
    server.stop().await;
}

#[tokio::test]
async fn tcp_a_stop_stores_what_was_received() {
    let log = MemoryLog::new();
    let server = Server::tcp(&log, IngestSettings::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"first\n").await.unwrap();
    log.wait_for(1).await;
    stream.write_all(b"second\nthird, half of i").await.unwrap();
    // The bytes are in the server's socket, whether it has looked or not.
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop().await;
    assert_eq!(log.messages(), ["first", "second", "third, half of i"]);
    assert_eq!(cut(&log), [false, false, true]);
    closed_by_server(stream).await;
}

#[tokio::test]
async fn tcp_connections_are_bounded_in_number_and_silence() {
    let log = MemoryLog::new();
    let settings = IngestSettings {
        max_connections: 1,
        tcp_idle: Duration::from_millis(300),
        ..IngestSettings::default()
    };
    let server = Server::tcp(&log, settings).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"a\nunfinished").await.unwrap();
    log.wait_for(1).await;
    closed_by_server(TcpStream::connect(server.address).await.unwrap()).await;
    closed_by_server(first).await;
    log.wait_for(2).await;
    // The slot is free again.
    let mut second = TcpStream::connect(server.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    second.write_all(b"b\n").await.unwrap();
    log.wait_for(3).await;
    assert_eq!(log.messages(), ["a", "unfinished", "b"]);
    assert_eq!(cut(&log), [false, true, false]);
    server.stop().await;
}

#[tokio::test]
async fn udp_datagrams() {
    let log = MemoryLog::new();
    let settings = IngestSettings {
        max_line_bytes: 100,
        ..IngestSettings::default()
    };
    let server = Server::udp(&log, settings).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(b"<13>one\n", server.address).await.unwrap();
    socket.send_to(b"\n", server.address).await.unwrap();
    socket
        .send_to(&[b'x'; 5_000], server.address)
        .await
        .unwrap();
    socket.send_to(b"caf\xe9", server.address).await.unwrap();
    log.wait_for(3).await;
    let long = "x".repeat(100);
    assert_eq!(log.messages(), ["<13>one", &long, "caf\u{fffd}"]);
    assert_eq!(
        log.events()[1].1.get("_truncated"),
        Some(&Value::List(vec!["msg".into()]))
    );
    server.stop().await;
}

#[tokio::test]
async fn udp_drops_what_a_full_log_refuses() {
    let log = MemoryLog::new();
    let server = Server::udp(&log, IngestSettings::default()).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    log.refuse([Error::Full { waiting_bytes: 1 }]);
    socket.send_to(b"lost", server.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    socket.send_to(b"kept", server.address).await.unwrap();
    log.wait_for(1).await;
    assert_eq!(log.messages(), ["kept"]);
    server.stop().await;
}

#[tokio::test]
async fn udp_a_stop_stores_what_was_received() {
    let log = MemoryLog::new();
    let server = Server::udp(&log, IngestSettings::default()).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for n in 0..50 {
        socket
            .send_to(format!("m{n}").as_bytes(), server.address)
            .await
            .unwrap();
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop().await;
    assert_eq!(
        log.messages(),
        (0..50).map(|n| format!("m{n}")).collect::<Vec<_>>()
    );
}
