//! Every known answer, changed in every way that a mistaken or hostile client may change it.

use super::tests::{ID, KEY, NOW, VECTORS, check, key_of};
use super::*;
use ring::hmac;

const EPOCH: &str = "1700000000000";

/// One known answer in its parts.
#[derive(Clone, Copy)]
struct Known {
    method: &'static str,
    body: &'static str,
    path: &'static str,
    signature: &'static str,
}

fn known() -> impl Iterator<Item = Known> {
    VECTORS.iter().map(|(method, body, path, signature)| Known {
        method,
        body,
        path,
        signature,
    })
}

impl Known {
    fn header(&self) -> String {
        format!("LMv1 {ID}:{}:{EPOCH}", self.signature)
    }

    fn request(&self) -> SignedRequest<'static> {
        SignedRequest {
            method: self.method,
            path: self.path,
            body: self.body.as_bytes(),
        }
    }

    /// The hex digits behind the signature.
    fn hex(&self) -> String {
        String::from_utf8(STANDARD.decode(self.signature).unwrap()).unwrap()
    }

    /// The request fits no other method, path or body under the same header.
    fn refuses(&self, method: &str, path: &str, body: &[u8]) {
        let request = SignedRequest { method, path, body };
        let outcome = check(&self.header(), &request, NOW);
        let body = String::from_utf8_lossy(body);
        assert_eq!(
            outcome,
            Err(Lmv1Error::Signature),
            "{method} {path} {body:?}"
        );
    }
}

/// `text` with each byte changed in two ways, taken out and written twice; and with something
/// more at either end.
fn changes(text: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for at in 0..text.len() {
        for bit in [0x01, 0x20] {
            let mut changed = text.to_vec();
            changed[at] ^= bit;
            all.push(changed);
        }
        all.push([&text[..at], &text[at + 1..]].concat());
        all.push([&text[..=at], &text[at..]].concat());
    }
    for more in [b"\n" as &[u8], b"\r\n", b" ", b"\0", b"{}", b"\xef\xbb\xbf"] {
        all.push([text, more].concat());
        all.push([more, text].concat());
    }
    all
}

#[test]
fn another_verb() {
    for known in known() {
        let others = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", ""];
        for method in others.into_iter().filter(|m| *m != known.method) {
            known.refuses(method, known.path, known.body.as_bytes());
        }
        let mixed = format!("{}{}", &known.method[..1], known.method[1..].to_lowercase());
        for method in [known.method.to_lowercase(), mixed] {
            known.refuses(&method, known.path, known.body.as_bytes());
        }
    }
}

#[test]
fn another_epoch() {
    for known in known() {
        let mut epochs: Vec<String> = (0..EPOCH.len())
            .map(|at| {
                let mut digits = EPOCH.as_bytes().to_vec();
                digits[at] = if digits[at] == b'9' {
                    b'8'
                } else {
                    digits[at] + 1
                };
                String::from_utf8(digits).unwrap()
            })
            .collect();
        epochs.extend(
            [
                "1699999999999",
                "1700000000",
                "01700000000000",
                "17000000000000",
            ]
            .map(Into::into),
        );
        for epoch in epochs {
            let header = format!("LMv1 {ID}:{}:{epoch}", known.signature);
            // Even at the moment that it names.
            let named = Timestamp::from_millis(epoch.parse().unwrap());
            for now in [NOW, named] {
                let outcome = check(&header, &known.request(), now);
                assert_eq!(outcome, Err(Lmv1Error::Signature), "{epoch}");
            }
        }
    }
}

#[test]
fn another_body() {
    for known in known() {
        for body in changes(known.body.as_bytes()) {
            known.refuses(known.method, known.path, &body);
        }
        // What a server that reads JSON and writes it again would make of it.
        let rewritten = ["", "{}", "null", r#"{"status": 1}"#, r#"{"status":2}"#];
        let encoded = [r#"{"note":"caf\u00e9"}"#, "{\"note\":\"cafe\u{301}\"}"];
        let latin = b"{\"note\":\"caf\xe9\"}" as &[u8];
        let texts = rewritten.iter().chain(&encoded).map(|text| text.as_bytes());
        for body in texts.chain([latin]).filter(|b| *b != known.body.as_bytes()) {
            known.refuses(known.method, known.path, body);
        }
    }
}

#[test]
fn another_path() {
    for known in known() {
        let path = known.path;
        let changed = changes(path.as_bytes()).into_iter();
        let changed = changed.filter_map(|bytes| String::from_utf8(bytes).ok());
        let written = [
            format!("{path}?size=1"),
            format!("{path}?"),
            format!("{path}%3Fsize=1"),
            format!("{path}#top"),
            format!("{path}/"),
            format!("/{path}"),
            format!("/.{path}"),
            format!("/santaba/rest{path}"),
            format!("https://acme.logicmonitor.com/santaba/rest{path}"),
            path.replace("apitokens", "apiTokens"),
            path.replace('/', "%252F"),
            path.trim_start_matches('/').to_owned(),
            path.to_uppercase(),
            "/".to_owned(),
            String::new(),
        ];
        for changed in changed.chain(written) {
            known.refuses(known.method, &changed, known.body.as_bytes());
        }
    }
}

#[test]
fn an_encoded_path_is_the_same_path() {
    for known in known() {
        let encoded: String = known.path.bytes().map(|b| format!("%{b:02x}")).collect();
        let request = SignedRequest {
            path: &format!("/{}", &encoded[3..]),
            ..known.request()
        };
        assert_eq!(check(&known.header(), &request, NOW), Ok(()));
    }
}

#[test]
fn parts_that_moved_into_each_other() {
    for known in known().filter(|known| !known.body.is_empty()) {
        let joined = format!("{}{}", known.body, known.path);
        known.refuses(known.method, &joined, b"");
        for cut in 1..known.body.len() {
            if known.body.is_char_boundary(cut) {
                let (body, path) = joined.split_at(cut);
                known.refuses(known.method, path, body.as_bytes());
            }
        }
        known.refuses(known.method, known.body, known.path.as_bytes());
        known.refuses(&format!("{}{}", known.method, known.body), known.path, b"");
    }
}

#[test]
fn strings_put_together_in_another_order() {
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    for known in known() {
        let Known {
            method, body, path, ..
        } = known;
        let right = [method, EPOCH, body, path].concat();
        let orders = [
            [EPOCH, method, body, path],
            [method, body, EPOCH, path],
            [method, EPOCH, path, body],
            [method, path, EPOCH, body],
            [path, body, EPOCH, method],
            [EPOCH, body, path, method],
        ];
        for wrong in orders.map(|parts| parts.concat()) {
            if wrong == right {
                continue;
            }
            let tag = hmac::sign(&key, wrong.as_bytes());
            let hex: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
            let header = format!("LMv1 {ID}:{}:{EPOCH}", STANDARD.encode(hex));
            let outcome = check(&header, &known.request(), NOW);
            assert_eq!(outcome, Err(Lmv1Error::Signature), "{wrong}");
        }
    }
}

#[test]
fn other_forms_of_the_right_signature() {
    for known in known() {
        let hex = known.hex();
        let digest = digest(known.signature).unwrap();
        let forms = [
            STANDARD.encode(digest),
            base64::engine::general_purpose::URL_SAFE.encode(digest),
            hex.clone(),
            hex.to_uppercase(),
            STANDARD.encode(hex.to_uppercase()),
            STANDARD.encode(format!("{hex}\n")),
            STANDARD.encode(format!("{hex}\0\0")),
            STANDARD.encode(format!("0x{}", &hex[2..])),
            STANDARD.encode(STANDARD.encode(digest)),
            STANDARD.encode(&hex[..62]),
            known.signature.to_lowercase(),
            known.signature.trim_end_matches('=').to_owned(),
            format!("{}\n", known.signature),
            format!("{}\r\n", known.signature),
            format!(" {}", known.signature),
            format!("{}=", known.signature),
            format!("{}==", known.signature),
            known.signature.replace("==", "%3D%3D"),
            String::new(),
        ];
        for form in forms {
            let header = format!("LMv1 {ID}:{form}:{EPOCH}");
            let outcome = check(&header, &known.request(), NOW);
            assert_eq!(outcome, Err(Lmv1Error::Malformed), "{form}");
        }
    }
}

#[test]
fn another_signature() {
    for known in known() {
        let others = VECTORS.iter().map(|(_, _, _, s)| (*s).to_owned());
        let digits = known.hex().into_bytes();
        let changed = (0..digits.len()).map(|at| {
            let mut digits = digits.clone();
            digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
            STANDARD.encode(digits)
        });
        for signature in others.chain(changed).filter(|s| s != known.signature) {
            let header = format!("LMv1 {ID}:{signature}:{EPOCH}");
            let outcome = check(&header, &known.request(), NOW);
            assert_eq!(outcome, Err(Lmv1Error::Signature), "{signature}");
        }
    }
}

#[test]
fn fields_in_another_order_or_number() {
    for known in known() {
        let signature = known.signature;
        for value in [
            format!("LMv1 {ID}:{EPOCH}:{signature}"),
            format!("LMv1 {signature}:{ID}:{EPOCH}"),
            format!("LMv1 {signature}:{EPOCH}:{ID}"),
            format!("LMv1 {EPOCH}:{signature}:{ID}"),
            format!("LMv1 {EPOCH}:{ID}:{signature}"),
            format!("LMv1 {signature}:{EPOCH}"),
            format!("LMv1 {ID}:{signature}:{EPOCH}:"),
            format!("LMv1 {ID}:{signature}:{EPOCH}:{EPOCH}"),
            format!("LMv1 {ID}:{signature}:{EPOCH}\n"),
            format!("LMv1 {ID}:{signature}:{EPOCH} "),
            format!("LMv1 {ID}:{signature}:+{EPOCH}"),
            format!("LMv1 {ID} :{signature}:{EPOCH}"),
            format!("LMv1\t{ID}:{signature}:{EPOCH}"),
            format!(" LMv1 {ID}:{signature}:{EPOCH}"),
            format!("LMv1 LMv1 {ID}:{signature}:{EPOCH}"),
            format!("LMv2 {ID}:{signature}:{EPOCH}"),
            format!("LMv1 {ID}:{signature}:{EPOCH}, LMv1 {ID}:{signature}:{EPOCH}"),
        ] {
            let outcome = check(&value, &known.request(), NOW);
            assert_eq!(outcome, Err(Lmv1Error::Malformed), "{value}");
        }
    }
}

#[test]
fn another_key() {
    for known in known() {
        let header = known.header();
        let changed = changes(KEY.as_bytes()).into_iter();
        let keys = changed.filter_map(|bytes| String::from_utf8(bytes).ok());
        for key in keys.chain([KEY.to_lowercase(), KEY.to_uppercase(), ID.to_owned()]) {
            // HMAC itself pads a key with zero bytes; no key that is given out has any.
            if key.trim_end_matches('\0') == KEY {
                continue;
            }
            let outcome = parse(&header)
                .unwrap()
                .verify(&key_of(&key), &known.request(), NOW);
            assert_eq!(outcome, Err(Lmv1Error::Signature), "{key}");
        }
    }
}

#[test]
fn a_wrong_time_is_told_only_to_who_has_the_key() {
    for known in known() {
        let stale = NOW + WINDOW + Duration(1);
        let outcome = check(&known.header(), &known.request(), stale);
        assert_eq!(outcome, Err(Lmv1Error::ClockSkew));
        let other = SignedRequest {
            body: b"[]",
            ..known.request()
        };
        let outcome = check(&known.header(), &other, stale);
        assert_eq!(outcome, Err(Lmv1Error::Signature));
    }
}

#[test]
fn a_header_prints_without_its_signature() {
    for known in known() {
        let header = known.header();
        let printed = format!("{:?}", parse(&header).unwrap());
        assert!(printed.contains(ID) && printed.contains(EPOCH), "{printed}");
        let digest = digest(known.signature).unwrap();
        for secret in [known.signature, &known.hex(), &format!("{digest:?}")] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
