use super::*;
use proptest::prelude::*;

/// Entropy that is spread well over all bytes and starts from a number.
struct Seeded(std::sync::atomic::AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, buf: &mut [u8]) {
        for byte in buf {
            let n = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            *byte = (n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
        }
    }
}

fn token(seed: u64) -> BearerToken {
    BearerToken::generate(&Seeded(seed.into()))
}

/// The checksum was computed with Python's `zlib.crc32`, so that tokens outlive this code.
#[test]
fn the_format_is_what_other_programs_expect() {
    let text = format!("lmb_{}BpjehO", "a1B2c3D4e5".repeat(6).split_at(58).0);
    let token = BearerToken::parse(&text).unwrap();
    assert_eq!(token.secret().expose(), text);
    assert_eq!(token.shown(), "lmb_a1B2c3D4e5a1B2c3");
    let hex: String = token.sha256().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        hex,
        "9456db867bf02843187d3c5682ac3456114be692afc25120de6faa878caaf9eb"
    );
}

#[test]
fn a_generated_token_reads_and_shows_little() {
    let token = token(7);
    let text = token.secret().expose();
    assert_eq!((text.len(), TOKEN_CHARS), (68, 68));
    assert!(text[4..].bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_eq!(token.shown(), &text[..20]);
    // At least 32 characters besides the checksum stay hidden.
    assert_eq!(text.len() - token.shown().len() - CHECKSUM_CHARS, 42);
    let again = BearerToken::parse(text).unwrap();
    assert_eq!(again.sha256(), token.sha256());
    assert_eq!(format!("{token:?}"), "BearerToken(***)");
}

#[test]
fn other_texts_are_refused_with_their_reason() {
    let good = token(1).secret().expose().to_owned();
    let (begin, end) = good.split_at(30);
    let table = [
        (String::new(), BearerError::Prefix),
        ("lmb".into(), BearerError::Prefix),
        (good.replacen("lmb_", "LMB_", 1), BearerError::Prefix),
        (format!(" {good}"), BearerError::Prefix),
        ("eyJhbGciOiJIUzI1NiJ9.e30.c2ln".into(), BearerError::Prefix),
        ("lmb_".into(), BearerError::Length),
        (good[..67].into(), BearerError::Length),
        (format!("{good}\n"), BearerError::Length),
        (format!("{good}A"), BearerError::Length),
        (format!("lmb_{}", "A".repeat(1 << 20)), BearerError::Length),
        (format!("{begin}_{}", &end[1..]), BearerError::Character),
        (format!("{begin} {}", &end[1..]), BearerError::Character),
        (format!("{begin}\0{}", &end[1..]), BearerError::Character),
        (format!("{begin}é{}", &end[2..]), BearerError::Character),
        (format!("lmb_{}", "A".repeat(64)), BearerError::Checksum),
    ];
    for (text, expected) in table {
        assert_eq!(
            BearerToken::parse(&text).unwrap_err(),
            expected,
            "{text:.80}"
        );
    }
}

#[test]
fn every_mistyped_character_and_every_swap_of_neighbours_is_noticed() {
    let good = token(3).secret().expose().to_owned();
    for at in PREFIX.len()..good.len() {
        for with in LETTERS_AND_DIGITS {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = *with;
            let changed = String::from_utf8(bytes).unwrap();
            let refused = BearerToken::parse(&changed).err();
            let expected = (changed != good).then_some(BearerError::Checksum);
            assert_eq!(refused, expected, "{at} {}", char::from(*with));
        }
        let mut bytes = good.clone().into_bytes();
        bytes.swap(at - 1, at);
        let swapped = String::from_utf8(bytes).unwrap();
        if swapped != good {
            assert!(BearerToken::parse(&swapped).is_err(), "{at}");
        }
    }
}

proptest! {
    #[test]
    fn tokens_differ_and_all_read(a in any::<u64>(), b in any::<u64>()) {
        let (one, other) = (token(a), token(b));
        prop_assert!(BearerToken::parse(one.secret().expose()).is_ok());
        let same = one.secret() == other.secret();
        prop_assert_eq!(same, one.sha256() == other.sha256());
    }

    #[test]
    fn any_text_is_judged(text in "(lmb_)?\\PC{0,80}") {
        if let Ok(token) = BearerToken::parse(&text) {
            prop_assert_eq!(token.secret().expose(), text);
        }
    }
}
