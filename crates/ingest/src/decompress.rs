//! Expanding bodies under a limit.

use flate2::{Decompress, FlushDecompress, Status};
use std::borrow::Cow;
use std::io::{self, ErrorKind, Read};

/// Largest zstd window, as a power of two: 8 MiB, what RFC 9659 asks senders to keep to.
const MAX_WINDOW_LOG: u32 = 23;
/// How every gzip member begins.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// First allocation for an expanded body.
const FIRST_BYTES: usize = 64 << 10;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip, also several members in a row.
    Gzip,
    /// Zstandard, also several frames in a row.
    Zstd,
    /// zlib, or the same without its frame: senders mean either by the word.
    Deflate,
}

/// Why a body could not be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// The content encoding is not one of ours.
    #[error("content encoding {0:?} is not supported; use gzip, deflate, zstd or none")]
    Unsupported(String),
    /// More comes out than the limit allows.
    #[error("the expanded body exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The body ends early.
    #[error("the {0} body is truncated")]
    Truncated(&'static str),
    /// The body is something else.
    #[error("the body is not valid {0}: {1}")]
    Invalid(&'static str, String),
}

impl Encoding {
    /// Reads a `Content-Encoding` value; absent means identity.
    pub fn parse(value: Option<&str>) -> Result<Self, ExpandError> {
        let value = value.map_or("", str::trim);
        match value.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            "deflate" | "zlib" => Ok(Self::Deflate),
            _ => Err(ExpandError::Unsupported(value.chars().take(64).collect())),
        }
    }
}

/// Expands `body`; memory stays within a small multiple of `limit`.
pub fn expand(encoding: Encoding, body: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, ExpandError> {
    match encoding {
        Encoding::Identity if body.len() > limit => Err(ExpandError::TooLarge { limit }),
        Encoding::Identity => Ok(Cow::Borrowed(body)),
        // The decoder calls a short text that is no gzip at all truncated.
        Encoding::Gzip if !GZIP_MAGIC.starts_with(&body[..body.len().min(2)]) => Err(
            ExpandError::Invalid("gzip", "it does not begin like gzip".to_owned()),
        ),
        Encoding::Gzip => {
            read_up_to(flate2::read::MultiGzDecoder::new(body), "gzip", limit).map(Cow::Owned)
        }
        Encoding::Zstd => {
            let invalid = |e: io::Error| describe(&e, "zstd");
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(invalid)?;
            decoder.window_log_max(MAX_WINDOW_LOG).map_err(invalid)?;
            read_up_to(decoder, "zstd", limit).map(Cow::Owned)
        }
        Encoding::Deflate => inflate(body, limit).map(Cow::Owned),
    }
}

/// The readers of flate2 take the end of what is sent for the end of what was compressed, so
/// this asks the stream itself.
fn inflate(body: &[u8], limit: usize) -> Result<Vec<u8>, ExpandError> {
    let mut stream = Decompress::new(has_zlib_header(body));
    let mut out = Vec::with_capacity(FIRST_BYTES.min(limit.saturating_add(1)));
    loop {
        let read = stream.total_in() as usize;
        let status = stream
            .decompress_vec(&body[read..], &mut out, FlushDecompress::None)
            .map_err(|e| ExpandError::Invalid("deflate", e.to_string()))?;
        if out.len() > limit {
            return Err(ExpandError::TooLarge { limit });
        }
        if status == Status::StreamEnd {
            return Ok(out);
        }
        if out.len() < out.capacity() {
            return Err(ExpandError::Truncated("deflate"));
        }
        // One byte more than the limit tells "exactly full" from "too large".
        out.reserve_exact(out.len().min(limit + 1 - out.len()));
    }
}

/// RFC 1950: the method is 8, and the first two bytes are a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..]
        if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

fn read_up_to(
    mut reader: impl Read,
    name: &'static str,
    limit: usize,
) -> Result<Vec<u8>, ExpandError> {
    let mut out = vec![0; FIRST_BYTES.min(limit.saturating_add(1))];
    let mut filled = 0;
    loop {
        match reader.read(&mut out[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(describe(&e, name)),
        }
        if filled > limit {
            return Err(ExpandError::TooLarge { limit });
        }
        if filled == out.len() {
            // One byte more than the limit tells "exactly full" from "too large".
            out.resize((filled * 2).min(limit + 1), 0);
        }
    }
    out.truncate(filled);
    Ok(out)
}

fn describe(e: &io::Error, name: &'static str) -> ExpandError {
    match e.kind() {
        ErrorKind::UnexpectedEof => ExpandError::Truncated(name),
        _ => ExpandError::Invalid(name, e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        w.write_all(data).unwrap();
        w.finish().unwrap()
    }

    /// With the frame of zlib, and without.
    fn deflate(data: &[u8]) -> [Vec<u8>; 2] {
        let best = flate2::Compression::best();
        let mut framed = flate2::write::ZlibEncoder::new(Vec::new(), best);
        framed.write_all(data).unwrap();
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), best);
        bare.write_all(data).unwrap();
        [framed.finish().unwrap(), bare.finish().unwrap()]
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(data, 1).unwrap()
    }

    #[test]
    fn content_encodings() {
        let check = |value: Option<&str>, expect| assert_eq!(Encoding::parse(value).ok(), expect);
        check(None, Some(Encoding::Identity));
        check(Some("identity"), Some(Encoding::Identity));
        check(Some(" GZIP "), Some(Encoding::Gzip));
        check(Some("x-gzip"), Some(Encoding::Gzip));
        check(Some("zstd"), Some(Encoding::Zstd));
        check(Some("Deflate"), Some(Encoding::Deflate));
        check(Some("br"), None);
        check(Some("gzip, gzip"), None);
    }

    #[test]
    fn expands_to_what_was_compressed() {
        let data: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        for limit in [data.len(), data.len() + 1, 1 << 20] {
            assert_eq!(expand(Encoding::Identity, &data, limit).unwrap(), data);
            assert_eq!(expand(Encoding::Gzip, &gzip(&data), limit).unwrap(), data);
            assert_eq!(expand(Encoding::Zstd, &zstd(&data), limit).unwrap(), data);
            for deflated in deflate(&data) {
                let expanded = expand(Encoding::Deflate, &deflated, limit);
                assert_eq!(expanded.unwrap(), data);
            }
        }
        let twice = [gzip(b"a\n"), gzip(b"b\n")].concat();
        assert_eq!(
            expand(Encoding::Gzip, &twice, 100).unwrap(),
            b"a\nb\n".to_vec()
        );
        let twice = [zstd(b"a\n"), zstd(b"b\n")].concat();
        assert_eq!(
            expand(Encoding::Zstd, &twice, 100).unwrap(),
            b"a\nb\n".to_vec()
        );
    }

    #[test]
    fn one_byte_over_the_limit_is_too_large() {
        let data = vec![7; 70_000];
        let too_large = Err(ExpandError::TooLarge { limit: 69_999 });
        assert_eq!(expand(Encoding::Identity, &data, 69_999), too_large);
        assert_eq!(expand(Encoding::Gzip, &gzip(&data), 69_999), too_large);
        assert_eq!(expand(Encoding::Zstd, &zstd(&data), 69_999), too_large);
        for deflated in deflate(&data) {
            let expanded = expand(Encoding::Deflate, &deflated, 69_999);
            assert_eq!(expanded, too_large);
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let data = b"{\"a\":1}\n{\"a\":2}\n";
        let whole = gzip(data);
        for end in 1..whole.len() {
            let e = expand(Encoding::Gzip, &whole[..end], 1 << 20).unwrap_err();
            assert_eq!(e, ExpandError::Truncated("gzip"), "cut at {end}");
        }
        let whole = zstd(data);
        for end in 1..whole.len() {
            let e = expand(Encoding::Zstd, &whole[..end], 1 << 20);
            assert!(e.is_err(), "cut at {end}: {e:?}");
        }
        for whole in deflate(data) {
            for end in 0..whole.len() {
                let e = expand(Encoding::Deflate, &whole[..end], 1 << 20);
                assert!(e.is_err(), "cut at {end}: {e:?}");
            }
        }
    }

    #[test]
    fn garbage_is_named() {
        let e = expand(Encoding::Gzip, b"{\"a\":1}\n", 100).unwrap_err();
        assert!(
            e.to_string().starts_with("the body is not valid gzip"),
            "{e}"
        );
        let e = expand(Encoding::Zstd, b"{\"a\":1}\n", 100).unwrap_err();
        assert!(
            e.to_string().starts_with("the body is not valid zstd"),
            "{e}"
        );
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        // 1,000 members of 10 MB of zeros each: about 10 MB that would become 10 GB.
        let bomb = gzip(&vec![0; 10_000_000]).repeat(1_000);
        assert!(bomb.len() > 9_000_000);
        let started = std::time::Instant::now();
        let e = expand(Encoding::Gzip, &bomb, 4 << 20).unwrap_err();
        assert_eq!(e, ExpandError::TooLarge { limit: 4 << 20 });
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }

    #[test]
    fn a_large_zstd_window_is_refused() {
        let mut w = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        w.window_log(27).unwrap();
        w.write_all(&vec![1; 1 << 16]).unwrap();
        let body = w.finish().unwrap();
        assert!(matches!(
            expand(Encoding::Zstd, &body, 1 << 20),
            Err(ExpandError::Invalid("zstd", _))
        ));
    }
}
