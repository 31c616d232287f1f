//! A network in front of a server that does as it is told.

use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// They reach the server.
    Works,
    /// Connections are closed at once.
    Away,
    /// So many are answered 500, the others reach the server.
    Fails(u32),
    /// They are never answered.
    Hangs,
}

/// Listens on 127.0.0.1.
pub(crate) struct Faults {
    url: String,
    network: Arc<watch::Sender<Network>>,
}

impl Faults {
    /// In front of the server at a URL.
    pub(crate) async fn before(url: &str) -> Self {
        let server = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let network = Arc::new(watch::Sender::new(Network::Works));
        let told = network.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server.clone(), told.clone()));
            }
        });
        Self { url, network }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Changes what happens from now on; connections end.
    pub(crate) fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

/// Ends with an error where the client or the server does, or the network changes.
async fn serve(
    mut client: TcpStream,
    server: String,
    network: Arc<watch::Sender<Network>>,
) -> std::io::Result<()> {
    let mut changes = network.subscribe();
    let now = *changes.borrow_and_update();
    match now {
        Network::Away => return Ok(()),
        Network::Hangs => {
            let _ = changes.changed().await;
            return Ok(());
        }
        Network::Fails(n) if n > 0 => {
            // Without telling the others, whose connections go on.
            network.send_if_modified(|network| {
                *network = Network::Fails(n - 1);
                false
            });
            return fail(&mut client).await;
        }
        Network::Works | Network::Fails(_) => {}
    }
    let mut server = TcpStream::connect(server).await?;
    tokio::select! {
        done = tokio::io::copy_bidirectional(&mut client, &mut server) => done.map(drop),
        _ = changes.changed() => Ok(()),
    }
}

/// Reads one request and answers 500.
async fn fail(client: &mut TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let end = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|n| n.trim().parse().ok()).unwrap_or(0);
    while request.len() < end + length {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let body = "<Error><Code>InternalError</Code><Message>try again</Message></Error>";
    let answer = format!(
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    client.write_all(answer.as_bytes()).await
}
