//! Just enough of HTTP/1.1 to receive a request.

use std::io::{self, ErrorKind};
use std::time::Instant;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::http_sink::Received;

const MAX_HEAD: u64 = 256 << 10;
const MAX_BODY: u64 = 256 << 20;

fn bad(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Reads one request; nothing if the client has hung up between requests.
pub(crate) async fn read_request<S>(stream: &mut S) -> io::Result<Option<Received>>
where
    S: AsyncBufRead + AsyncWrite + Unpin,
{
    let mut left = MAX_HEAD;
    let Some(line) = read_line(stream, &mut left).await? else {
        return Ok(None);
    };
    let mut words = line.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(bad("no request line"));
    };
    let mut request = Received {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        at: Instant::now(),
    };
    loop {
        let line = read_line(stream, &mut left)
            .await?
            .ok_or_else(|| bad("headers end early"))?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| bad("a header without colon"))?;
        request
            .headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    // curl waits a second for this before it sends a large body.
    if request
        .header("expect")
        .is_some_and(|v| v.eq_ignore_ascii_case("100-continue"))
    {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        stream.flush().await?;
    }
    request.body = read_body(stream, &request).await?;
    request.at = Instant::now();
    Ok(Some(request))
}

async fn read_body<S>(stream: &mut S, request: &Received) -> io::Result<Vec<u8>>
where
    S: AsyncBufRead + Unpin,
{
    let mut body = Vec::new();
    if request
        .header("transfer-encoding")
        .is_some_and(|v| v.eq_ignore_ascii_case("chunked"))
    {
        loop {
            let mut left = MAX_HEAD;
            let line = read_line(stream, &mut left)
                .await?
                .ok_or_else(|| bad("chunks end early"))?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| bad("not a chunk size"))?;
            take(stream, size, &mut body).await?;
            // The end of the chunk, or of the empty trailer.
            read_line(stream, &mut left).await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    if let Some(length) = request.header("content-length") {
        let length = length.parse().map_err(|_| bad("not a content length"))?;
        take(stream, length, &mut body).await?;
    }
    Ok(body)
}

async fn take<S>(stream: &mut S, count: u64, body: &mut Vec<u8>) -> io::Result<()>
where
    S: AsyncBufRead + Unpin,
{
    if count > MAX_BODY.saturating_sub(body.len() as u64) {
        return Err(bad("the body is too large for the sink"));
    }
    let before = body.len() as u64;
    stream.take(count).read_to_end(body).await?;
    if body.len() as u64 - before < count {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// A line without its end; nothing at the end of the stream.
async fn read_line<S>(stream: &mut S, left: &mut u64) -> io::Result<Option<String>>
where
    S: AsyncBufRead + Unpin,
{
    let mut line = Vec::new();
    let read = stream.take(*left).read_until(b'\n', &mut line).await?;
    *left -= read as u64;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(bad("a line without end"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}
