//! Streams of requests, whole and in pieces, beside what must come out of them.

use super::*;
use cresset_api::target::{CUT, LONGEST};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::task::Waker;

/// A socket that gives out these pieces, one by one.
struct Pieces(VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.0.pop_front() {
            let rest = piece.split_off(piece.len().min(buf.remaining()));
            buf.put_slice(&piece);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What a reader with so much room gets of these pieces.
fn through<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, room: usize) -> Vec<u8> {
    let pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
    let mut stream = LenientTarget::new(Pieces(pieces.map(<[u8]>::to_vec).collect()));
    let (mut out, mut space) = (Vec::new(), vec![0; room]);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let mut buf = ReadBuf::new(&mut space);
        let read = Pin::new(&mut stream).poll_read(&mut context, &mut buf);
        assert!(matches!(read, Poll::Ready(Ok(()))));
        assert!(stream.rewritten.len() <= 3 * room + CUT.len());
        if buf.filled().is_empty() {
            return out;
        }
        out.extend_from_slice(buf.filled());
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[track_caller]
fn check(input: impl AsRef<[u8]>, expected: impl AsRef<[u8]>) {
    let out = through([input.as_ref()], 8192);
    assert_eq!(shown(&out), shown(expected.as_ref()));
}

#[track_caller]
fn same(input: impl AsRef<[u8]>) {
    check(input.as_ref(), input.as_ref());
}

const NEXT: &str = "GET /next?\"<> HTTP/1.1\r\n\r\n";
const NEXT_ENCODED: &str = "GET /next?%22%3C%3E HTTP/1.1\r\n\r\n";

#[test]
fn a_target_that_is_too_long_is_cut_and_marked() {
    let long = |length: usize, after: &str| {
        let target: String = "/x?filter=\""
            .chars()
            .chain("a".repeat(length).chars())
            .collect();
        format!("GET {target}{after}")
    };
    let head = "/x?filter=%22".len();
    let whole = LONGEST - head;
    let kept = |length: usize| long(length, "").replace('"', "%22");
    let after = format!(" HTTP/1.1\r\nX-Version: 3\r\n\r\n{NEXT}");
    let after_encoded = after.replace(NEXT, NEXT_ENCODED);
    check(long(whole, &after), kept(whole) + &after_encoded);
    for length in [whole + 1, whole + 2, 2 * whole, 1 << 20] {
        let expected = kept(whole) + CUT + &after_encoded;
        let input = long(length, &after);
        for room in [1 << 10, 8192, 1 << 17] {
            let pieces = input.as_bytes().chunks(7777);
            assert!(
                through(pieces, room) == expected.as_bytes(),
                "{length} {room}"
            );
        }
    }
    // What must be encoded counts three times, and nothing is encoded in halves.
    let quotes = format!("GET /{}{after}", "\"".repeat(LONGEST));
    let expected = format!(
        "GET /{}{CUT}{after_encoded}",
        "%22".repeat((LONGEST - 1) / 3)
    );
    check(quotes, expected);
    // A line that ends in the target is no request.
    let input = long(LONGEST, "\r\nGET /\"");
    let expected = kept(whole) + CUT + "\r\nGET /\"";
    check(input, expected);
}

#[test]
fn what_the_library_refuses_in_a_target_is_encoded() {
    check(NEXT, NEXT_ENCODED);
    check(
        "GET /santaba/rest/setting/admins/apitokens?filter=accessId:\"a b HTTP/1.1\r\n\r\n",
        "GET /santaba/rest/setting/admins/apitokens?filter=accessId:%22a b HTTP/1.1\r\n\r\n",
    );
    check(
        "DELETE /\"?id>:5,note~\"a<b\" HTTP/1.0\r\n\r\n",
        "DELETE /%22?id%3E:5,note~%22a%3Cb%22 HTTP/1.0\r\n\r\n",
    );
    check(
        b"PUT /caf\xc3\xa9?\x00\x01\t\x0b\x1f\x7f\xff HTTP/1.1\r\n\r\n",
        "PUT /caf%C3%A9?%00%01%09%0B%1F%7F%FF HTTP/1.1\r\n\r\n",
    );
    check(
        "\r\n\nM-SEARCH /\" HTTP/1.1\n\n",
        "\r\n\nM-SEARCH /%22 HTTP/1.1\n\n",
    );
    // What is encoded stays so, and the rest is the library's business.
    same("GET /%22%3c?a|b{}[]^`\\'%zz#f HTTP/1.1\r\nX: \"<>\r\n\r\n");
    // A head without an end, and a target without one.
    check("GET /\"", "GET /%22");
    check("GET /\" HTTP/1.1\r\nX: \"", "GET /%22 HTTP/1.1\r\nX: \"");
    same("GET ");
}

#[test]
fn bodies_that_look_like_requests_are_not_touched() {
    let looks = "GET /in?\"body\"<> HTTP/1.1\r\n\r\n";
    for (head, body) in [
        (
            format!("Content-Length: {}\r\n", looks.len()),
            looks.to_owned(),
        ),
        (
            format!("content-LENGTH:\t{}  \r\nX: y\r\n", looks.len()),
            looks.to_owned(),
        ),
        // The library refuses lines without a colon; in pieces it must be the same all the same.
        (
            format!("c\nt\nContent-Length: {}\r\n", looks.len()),
            looks.to_owned(),
        ),
        (
            "Content-Length: 0\r\nContent-Type: text/plain\r\nUser-Agent: \"\r\nTE: x\r\n".into(),
            String::new(),
        ),
        (
            "Transfer-Encoding: chunked\r\n".into(),
            format!("{:x}\r\n{looks}\r\n0\r\n\r\n", looks.len()),
        ),
        (
            "X: y\r\ntransfer-encoding:  CHUNKED \r\nCookie: a\r\n".into(),
            format!(
                "{0:X} ; a=\"b<>\"\r\n{looks}\r\n1\r\n\"\r\n00{0:x}\r\n{looks}\r\n0;\"\r\n\
                 T: \"<>\r\nGET /\": t\r\n\r\n",
                looks.len()
            ),
        ),
    ] {
        let begin = |target: &str| format!("POST {target} HTTP/1.1\r\n{head}\r\n{body}");
        let input = begin("/a?\"") + &begin("/plain") + NEXT + &begin("/b?>") + NEXT;
        let expected =
            begin("/a?%22") + &begin("/plain") + NEXT_ENCODED + &begin("/b?%3E") + NEXT_ENCODED;
        check(&input, &expected);
        let input = input.as_bytes();
        for split in 0..=input.len() {
            let (one, two) = input.split_at(split);
            assert_eq!(
                shown(&through([one, two], 8192)),
                shown(expected.as_bytes()),
                "{split}"
            );
        }
        for room in 1..20 {
            let pieces = input.chunks(room);
            assert_eq!(shown(&through(pieces, room)), shown(expected.as_bytes()));
            assert_eq!(shown(&through([input], room)), shown(expected.as_bytes()));
        }
    }
}

/// What can be read in two ways, or is no HTTP/1, ends the work on the connection.
#[test]
fn whatever_is_not_certain_goes_through_untouched() {
    let untouched = |first: &str| same(format!("{first}{NEXT}"));
    // Behind each such head, all that somebody could take for its body.
    let bodies = [
        "",
        "12345",
        "0\r\n\r\n",
        "5\r\n12345\r\n0\r\n\r\n",
        &"x".repeat(55),
    ];
    for head in [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chun ked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\r\n",
        "Content-Length : 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length:\r\n",
        "Content-Length: 5\r6\r\n",
        "X: y\r\n Content-Length: 5\r\n",
        "\tX: y\r\n",
        "Upgrade: websocket\r\n",
        "upgrade: h2c\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\nUpgrade: h2c\r\n",
    ] {
        for body in bodies {
            untouched(&format!("POST / HTTP/1.1\r\n{head}\r\n{body}"));
        }
    }
    for body in [
        "x\r\n",
        ";\r\n",
        "\r\n",
        "0\n\r\n",
        "0\rx\r\n\r\n",
        "0;a\nb\r\n\r\n",
        "0;a\n\r\n",
        "1\r\nabc\r\n",
        "1\r\na\n",
        "fffffffffffffffff\r\n",
        "0\r\n\rx",
        "0\r\nT: u\r\r\n",
    ] {
        untouched(&format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        ));
    }
    untouched("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    untouched("CONNECT a:1 HTTP/1.1\r\n\r\n");
    untouched("\u{16}\u{3}\u{1}");
    untouched("GET /\r\n");
    untouched("\r\rGET / HTTP/1.1\r\n\r\n");
    untouched(" / HTTP/1.1\r\n\r\n");
    untouched("AMETHODWITHOUTEND / HTTP/1.1\r\n\r\n");
    // The target that comes before the doubt is rewritten all the same.
    let upgrade = |target: &str| format!("GET {target} HTTP/1.1\r\nUpgrade: h2c\r\n\r\n{NEXT}");
    check(upgrade("/\""), upgrade("/%22"));
}

/// A request, and what must come out of it.
fn request(target: &'static str) -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let method = prop_oneof![
        Just("GET"),
        Just("POST"),
        Just("PUT"),
        Just("DELETE"),
        Just("PATCH")
    ];
    let headers =
        "(([A-BD-SV-Za-bd-sv-z][A-Za-z-]{0,8}|User-Agent|Content-Type): [ -~]{0,20}\r\n){0,3}";
    let pieces = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..4);
    (method, target, headers, pieces, 0..3).prop_map(|(method, target, headers, pieces, kind)| {
        let mut rest = format!(" HTTP/1.1\r\n{headers}").into_bytes();
        match kind {
            0 => rest.extend_from_slice(b"\r\n"),
            1 => {
                let body = pieces.concat();
                rest.extend_from_slice(
                    format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
                );
                rest.extend_from_slice(&body);
            }
            _ => {
                rest.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for piece in &pieces {
                    rest.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                    rest.extend_from_slice(piece);
                    rest.extend_from_slice(b"\r\n");
                }
                rest.extend_from_slice(b"0\r\n\r\n");
            }
        }
        let encoded = target.bytes().map(|b| match b {
            b'!'..=b'~' if !b"\"<>".contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        });
        let whole = |target: &str| [format!("{method} {target}").as_bytes(), &rest].concat();
        (whole(&target), whole(&encoded.collect::<String>()))
    })
}

fn requests(target: &'static str) -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    prop::collection::vec(request(target), 1..5).prop_map(|all| {
        let (input, expected): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        (input.concat(), expected.concat())
    })
}

/// `bytes` cut into pieces of these sizes, again and again.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// Whether `out` is `input` with some bytes percent-encoded.
fn only_encoded(input: &[u8], out: &[u8]) -> bool {
    let mut out = out.iter();
    for byte in input {
        let same = match out.next() {
            Some(b'%') if *byte != b'%' => {
                let hex = [out.next(), out.next()].map(|b| b.copied().unwrap_or(0));
                hex == format!("{byte:02X}").as_bytes()
            }
            other => other == Some(byte),
        };
        if !same {
            return false;
        }
    }
    out.next().is_none()
}

proptest! {
    #[test]
    fn ordinary_requests_go_through_byte_for_byte(
        (input, _) in requests("/[!#-;=?-~]{0,30}"),
        sizes in prop::collection::vec(1_usize..40, 1..6),
        room in 1_usize..64,
    ) {
        prop_assert_eq!(through(cut(&input, &sizes), room), input);
    }

    #[test]
    fn only_targets_are_rewritten(
        (input, expected) in requests("/[!-~\"<>\u{1}-\u{9}\u{7f}éü]{0,30}"),
        sizes in prop::collection::vec(1_usize..40, 1..6),
        room in 1_usize..64,
    ) {
        prop_assert_eq!(shown(&through(cut(&input, &sizes), room)), shown(&expected));
    }

    #[test]
    fn any_bytes_in_any_pieces_give_the_same(
        input in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "(GET|POST|PRI) /[\"<a ]{0,5} HTTP/1.1\r\n((Content-Length|Transfer-Encoding|Upgrade|C|t)[: ]{0,2}(chunked|[0-9]{0,2})\r?\n){0,3}\r?\n[\"<0-9a-f;\r\n GET/]{0,60}"
                .prop_map(String::into_bytes),
        ],
        sizes in prop::collection::vec(1_usize..9, 1..6),
        room in 1_usize..64,
    ) {
        let whole = through([&input[..]], 8192);
        prop_assert!(only_encoded(&input, &whole), "{}", shown(&whole));
        prop_assert_eq!(shown(&through(cut(&input, &sizes), room)), shown(&whole));
    }
}
